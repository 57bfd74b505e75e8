"""Shapers: golden values from the formulas, laws, and where a length comes from."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.composition import Draft
from assay.core.errors import ConfigError
from assay.core.registry import Registry
from assay.core.types import Sample
from assay.rewards.groups import zero_variance_groups
from assay.rewards.lengths import completion_tokens

SHAPERS = Registry().shapers


def shape(
    name: str, *, tokens: int = 0, text: str = "", value: float = 1.0, passed: bool | None = True,
    **settings: Any,
) -> float:  # fmt: skip
    extra = {} if text else {"completion_tokens": tokens}
    draft = Draft(value, passed, Sample(completion=text, extra=extra), {})
    return SHAPERS[name].open(settings, f"shape {name}")(draft)


DAPO = {"max_tokens": 20480, "buffer_tokens": 4096}


@pytest.mark.parametrize(
    ("tokens", "added"),
    [
        (0, 0.0),
        (16384, 0.0),  # L_max - L_cache
        (16385, -1 / 4096),
        (18432, -0.5),
        (20480, -1.0),  # L_max
        (30000, -1.0),
    ],
)
def test_soft_overlong_is_dapo_eq_13(tokens: int, added: float) -> None:
    assert shape("length.soft_overlong", tokens=tokens, **DAPO) == pytest.approx(1.0 + added)
    halved = shape("length.soft_overlong", tokens=tokens, penalty=0.5, **DAPO)
    assert halved == pytest.approx(1.0 + added / 2)


@pytest.mark.parametrize(
    ("tokens", "passed", "value"),
    [
        # min + (max - min) * (1 + cos(pi * tokens / 1000)) / 2
        (0, True, 1.0),
        (250, True, 0.5 + 0.5 * (1 + math.sqrt(0.5)) / 2),
        (500, True, 0.75),
        (1000, True, 0.5),
        (1500, True, 0.5),
        (0, False, -1.0),
        (500, False, -0.75),
        (1000, False, -0.5),
        (1500, False, -0.5),
        (500, None, 0.3),
    ],
)
def test_cosine(tokens: int, passed: bool | None, value: float) -> None:
    made = shape("length.cosine", tokens=tokens, passed=passed, value=0.3, max_tokens=1000)
    assert made == pytest.approx(value)


def test_cosine_with_the_papers_values() -> None:
    paper: dict[str, float] = {
        "min_value_wrong": -10.0, "max_value_wrong": 0.0,
        "min_value_correct": 1.0, "max_value_correct": 2.0, "exceed_value": -10.0,
    }  # fmt: skip
    made = [
        shape("length.cosine", tokens=n, passed=passed, max_tokens=100, **paper)
        for n, passed in ((0, True), (50, True), (50, False), (100, True), (100, False))
    ]
    assert made == pytest.approx([2.0, 1.5, -5.0, -10.0, -10.0])


@pytest.mark.parametrize(
    ("tokens", "settings", "passed", "value"),
    [
        (50, {}, True, 0.5),
        (500, {}, True, 0.0),
        (50, {"free_tokens": 50}, True, 1.0),
        (75, {"free_tokens": 50, "penalty": 0.2}, True, 0.9),
        (50, {"applies_to": "passed"}, False, 1.0),
        (50, {"applies_to": "passed"}, None, 1.0),
        (50, {"applies_to": "passed"}, True, 0.5),
    ],
)
def test_linear(tokens: int, settings: dict[str, Any], passed: bool | None, value: float) -> None:
    made = shape("length.linear", tokens=tokens, passed=passed, max_tokens=100, **settings)
    assert made == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "settings", "added"),
    [
        ("a b", {}, 0.0),  # shorter than an n-gram
        ("a b c d e", {}, 0.0),
        ("a a a a a", {}, -(1 - 1 / 3)),  # 3 trigrams, 1 distinct
        ("A a A a A a", {"ngram_size": 2}, -(1 - 1 / 5)),  # case is folded
        ("a b a b a b", {"ngram_size": 2, "max_penalty": -0.5}, -0.5 * (1 - 2 / 5)),
        ("the cat sat on the cat sat", {"ngram_size": 3}, -(1 - 4 / 5)),
        ("!!!!!!", {}, 0.0),  # one word
        ("!!!!!!", {"unit": "piece"}, -(1 - 1 / 4)),
    ],
)
def test_ngram_repetition(text: str, settings: dict[str, Any], added: float) -> None:
    assert shape("repetition.ngram", text=text, **settings) == pytest.approx(1.0 + added)


lengths = st.lists(st.integers(0, 3000), min_size=2, max_size=20)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("length.soft_overlong", {"max_tokens": 1024, "buffer_tokens": 256}),
        ("length.cosine", {"max_tokens": 1024}),
        ("length.linear", {"max_tokens": 1024, "free_tokens": 100}),
    ],
)
@given(tokens=lengths)
def test_longer_is_never_better_for_right_answers(
    name: str, settings: dict[str, Any], tokens: list[int]
) -> None:
    made = [shape(name, tokens=n, **settings) for n in sorted(tokens)]
    assert made == sorted(made, reverse=True)
    assert all(0.0 <= value <= 1.0 for value in made)


@given(tokens=lengths)
def test_a_right_answer_is_worth_more_than_any_wrong_one(tokens: list[int]) -> None:
    right, wrong = (
        [shape("length.cosine", tokens=n, passed=passed, max_tokens=1024) for n in tokens]
        for passed in (True, False)
    )
    assert min(right) > max(wrong)
    by_length = [
        shape("length.cosine", tokens=n, passed=False, max_tokens=1024) for n in sorted(tokens)
    ]
    assert by_length == sorted(by_length)


@given(st.text(max_size=300), st.integers(1, 5), st.floats(-2, 0))
def test_repetition_penalty_stays_in_its_range(text: str, size: int, most: float) -> None:
    made = shape("repetition.ngram", text=text or " ", ngram_size=size, max_penalty=most, value=0.0)
    assert most <= made <= 0.0


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("length.soft_overlong", {"max_tokens": 10, "buffer_tokens": 20}),
        ("length.soft_overlong", {"max_tokens": 10}),
        ("length.soft_overlong", {**DAPO, "penalty": -1.0}),
        ("length.cosine", {"max_tokens": 0}),
        ("length.cosine", {"max_tokens": 9, "min_value_correct": -2.0}),
        ("length.linear", {"max_tokens": 9, "free_tokens": 9}),
        ("repetition.ngram", {"max_penalty": 0.5}),
        ("repetition.ngram", {"ngram_size": 0}),
    ],
)
def test_wrong_settings_are_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        SHAPERS[name].open(settings, f"shape {name}")


@pytest.mark.parametrize(
    ("text", "extra", "tokens"),
    [
        ("one two", {"completion_tokens": 7, "completion_ids": [1]}, 7),
        ("one two", {"completion_ids": [1, 2, 3]}, 3),
        ("one two", {"completion_tokens": True}, 2),
        ("one two", {"completion_tokens": -1}, 2),
        ("one two", {"completion_ids": "ab"}, 2),
        ("", {}, 0),
        ("Well, 1,024 words_here!", {}, 9),  # Well , 1 , 024 words _ here !
        ("9" * 300, {}, 100),
        ("x" * 120, {}, 10),
        (" \n\t", {}, 0),
    ],
)
def test_completion_tokens(text: str, extra: dict[str, Any], tokens: int) -> None:
    assert completion_tokens(Sample(completion=text, extra=extra)) == tokens


@pytest.mark.parametrize(
    ("values", "groups", "flat"),
    [
        ([], 0, 0),
        ([("a", 1.0), ("a", 1.0), ("b", 0.0), ("b", 1.0)], 2, 1),
        ([("a", 1.0), ("b", 1.0), ("a", 0.0)], 2, 1),
        ([("a", 1.0), ("a", None)], 1, 1),
        ([("a", None), ("b", None)], 0, 0),
        ([("a", 0.1 + 0.2), ("a", 0.3)], 1, 0),
    ],
)
def test_zero_variance_groups(
    values: list[tuple[str, float | None]], groups: int, flat: int
) -> None:
    counts = zero_variance_groups(values)
    assert (counts.groups, counts.zero_variance) == (groups, flat)
    assert counts.fraction == (flat / groups if groups else 0.0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.sampled_from([0.0, 0.5, 1.0]))))
def test_counting_groups_ignores_order(values: list[tuple[str, float | None]]) -> None:
    assert zero_variance_groups(values) == zero_variance_groups(values[::-1])
