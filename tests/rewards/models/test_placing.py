"""Normaliser, length and ensemble: golden values by hand, laws, refusals."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.rewards.models.ensemble import combined
from assay.rewards.models.length import fit_length_control, length_bias, log_length
from assay.rewards.models.normaliser import Normaliser, fit_normaliser, normalised_by_batch

SCORES = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30)


def test_a_normaliser_by_hand() -> None:
    found = fit_normaliser([1.0, 3.0])
    assert (found.mean, found.std, found.n) == (2.0, 1.0, 2)
    assert fit_normaliser([1.0, 5.0])(7.0) == 2.0
    assert fit_normaliser([1.0, 5.0], unit_variance=False)(7.0) == 4.0
    assert normalised_by_batch([1.0, 5.0]) == [-1.0, 1.0]
    assert normalised_by_batch([4.0, 4.0]) == [0.0, 0.0]
    assert normalised_by_batch([]) == []


@given(SCORES, st.floats(-100, 100), st.floats(0.01, 100))
def test_level_and_unit_do_not_matter_after_normalising(scores, shift, scale) -> None:
    if max(scores) - min(scores) < 1e-3:
        return
    moved = [scale * s + shift for s in scores]
    one, two = fit_normaliser(scores), fit_normaliser(moved)
    assert [two(m) for m in moved] == pytest.approx([one(s) for s in scores], abs=1e-6)


def test_a_frozen_normaliser_survives_json() -> None:
    found = fit_normaliser([0.1, 0.2, 0.7])
    assert Normaliser.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_normaliser([]), "got 0"),
        (lambda: fit_normaliser([1.0, math.nan]), "finite"),
        (lambda: fit_normaliser([2.0, 2.0]), "do not differ"),
        (lambda: fit_length_control([1.0, 2.0], ["ab", "cd"]), "differ in length"),
        (lambda: fit_length_control([1.0], ["ab"]), "two at least"),
        (lambda: length_bias([1.0, 2.0], ["a", "bb"], groups=[1]), "groups"),
        (lambda: combined([], "mean"), "got none"),
    ],
)
def test_refusals(call, message) -> None:
    with pytest.raises(ConfigError, match=message):
        call()


def answers(count: int = 400) -> tuple[list[float], list[str], list[int], list[bool]]:
    """Scores that are 2 for being right, 0.5 for each unit of length, and the prompt's own level;
    hard prompts get long answers."""
    rng = random.Random(0)
    rows = []
    for i in range(count):
        prompt = i % 20
        text = "x" * int(math.exp(rng.gauss(3.0 + 0.1 * prompt, 0.7)))
        right = rng.random() < 0.5
        rows.append((2.0 * right + 0.5 * log_length(text) - 1.0 * prompt, text, prompt, right))
    columns = zip(*rows, strict=True)
    scores, texts, prompts, rights = map(list, columns)
    return scores, texts, prompts, rights


def test_the_slope_of_length_is_found_within_prompts() -> None:
    scores, texts, prompts, _ = answers()
    found = fit_length_control(scores, texts, prompts)
    assert found.slope == pytest.approx(0.5, abs=0.1)
    assert fit_length_control(scores, texts).slope < -0.5, "across prompts it is hardness"
    assert found.removes("x" * 9) == pytest.approx(found.slope * (math.log(10) - found.centre))


def test_length_bias_on_matched_subsets() -> None:
    scores, texts, prompts, rights = answers()
    found = length_bias(scores, texts, prompts, rights)
    assert found.overall is not None
    assert found.overall < 0, "hard prompts have low scores and long answers"
    assert found.within_groups is not None
    assert 0.2 < found.within_groups < 0.6
    for label in (False, True):
        correlation, count = found.within_labels[label]
        assert correlation == pytest.approx(1.0, abs=1e-9), "among equals length is all"
        assert count == rights.count(label)
    control = fit_length_control(scores, texts, prompts)
    left = [s - control.removes(t) for s, t in zip(scores, texts, strict=True)]
    rest = length_bias(left, texts, prompts).within_groups
    assert rest == pytest.approx(0.0, abs=1e-9)


def test_a_bias_that_cannot_be_known_is_none() -> None:
    found = length_bias([1.0, 2.0], ["ab", "cd"], labels=[True, False])
    assert (found.overall, found.within_groups) == (None, None)
    assert found.within_labels == {False: (None, 1), True: (None, 1)}


@pytest.mark.parametrize(
    ("how", "score"),
    [("mean", 2.0), ("min", 1.0), ("mean_minus_std", 2.0 - 2.0 * math.sqrt(2 / 3))],
)
def test_an_ensemble_by_hand(how, score) -> None:
    found, confidence = combined([1.0, 2.0, 3.0], how, k=2.0)
    assert found == pytest.approx(score)
    assert confidence == pytest.approx(1 / (1 + 2 / 3))


@given(SCORES)
def test_caution_never_pays_more_than_the_mean(scores) -> None:
    mean, confidence = combined(scores, "mean")
    assert combined(scores, "min")[0] <= mean + 1e-9
    assert combined(scores, "mean_minus_std", 1.0)[0] <= mean + 1e-9
    assert 0.0 < confidence <= 1.0
