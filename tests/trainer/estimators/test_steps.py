"""Steps in tokens: which token ends a step, and what its tokens add up to."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.trainer.estimators.steps import offsets, step_sums, token_ends

unhurried = settings(deadline=None)  # a busy machine is not a failure


@pytest.mark.parametrize(
    ("tokens", "char_ends", "wanted"),
    [
        pytest.param(["ab", "c", "def"], [2, 3, 6], [0, 1, 2], id="ends-at-token-ends"),
        pytest.param(["ab", "c", "def"], [1, 4], [0, 2], id="ends-within-tokens"),
        pytest.param(["a", "", "b", ""], [1, 2], [0, 2], id="empty-tokens-hold-nothing"),
        pytest.param(["a", "b\n", "c"], [3], [1], id="a-newline-belongs-to-its-token"),
        pytest.param([(0, 0), (0, 1), (2, 4), (0, 0)], [1, 4], [1, 2], id="special-spans"),
        pytest.param([(0, 1), (2, 4)], [2], [0], id="a-space-no-span-covers"),
        pytest.param([(1, 3)], [1], [0], id="before-the-first-span"),
        pytest.param([(0, 1), (1, 2), (1, 2), (1, 2), (2, 3)], [2, 3], [3, 4], id="bytes-of-emoji"),
        pytest.param(["ab"], [0], [0], id="an-empty-first-step"),
        pytest.param(["ab"], [], [], id="no-steps"),
        pytest.param([], [], [], id="nothing"),
    ],
)
def test_token_ends(tokens: Any, char_ends: list[int], wanted: list[int]) -> None:
    assert token_ends(tokens, char_ends) == wanted


@pytest.mark.parametrize(
    ("tokens", "char_ends"),
    [
        pytest.param(["ab"], [3], id="beyond-the-tokens"),
        pytest.param(["ab"], [-1], id="negative"),
        pytest.param([], [1], id="no-tokens"),
        pytest.param(["", (0, 0)], [1], id="texts-and-spans"),
    ],
)
def test_token_ends_refuses(tokens: Any, char_ends: list[int]) -> None:
    with pytest.raises(ConfigError, match="token_ends"):
        token_ends(tokens, char_ends)


@unhurried
@given(st.lists(st.text(max_size=4), min_size=1, max_size=12), st.data())
def test_the_token_found_holds_the_last_character(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    if not text:
        return
    end = data.draw(st.integers(1, len(text)))
    (found,) = token_ends(pieces, [end])
    before = sum(len(piece) for piece in pieces[:found])
    assert before < end <= before + len(pieces[found])
    assert token_ends(offsets(pieces), [end]) == [found]


@pytest.mark.parametrize(
    ("ends", "wanted"),
    [
        pytest.param([1, 3], [3.0, 7.0], id="two-steps"),
        pytest.param([3], [10.0], id="one-step-is-the-outcome"),
        pytest.param([0, 2], [1.0, 5.0], id="tokens-after-the-last-step-belong-to-none"),
        pytest.param([], [], id="no-steps"),
    ],
)
def test_step_sums(ends: list[int], wanted: list[float]) -> None:
    assert step_sums([1.0, 2.0, 3.0, 4.0], ends) == wanted


@unhurried
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.data())
def test_steps_that_cover_the_answer_add_up_to_its_reward(
    values: list[float], data: st.DataObject
) -> None:
    inner = data.draw(st.sets(st.integers(0, len(values) - 1)))
    ends = sorted(inner | {len(values) - 1})
    assert math.fsum(step_sums(values, ends)) == pytest.approx(math.fsum(values), abs=1e-9)


@pytest.mark.parametrize("ends", [[2, 1], [1, 1], [4], [-1]])
def test_step_sums_refuses(ends: list[int]) -> None:
    with pytest.raises(ConfigError, match="must rise"):
        step_sums([1.0, 2.0, 3.0, 4.0], ends)
