"""Losses against literal numbers and against the plain sums."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from assay.trainer.estimators.preferences import all_pairs, bradley_terry, plackett_luce

SCORES = st.lists(st.floats(-8, 8), min_size=2, max_size=6)


def test_golden_values() -> None:
    assert plackett_luce(torch.tensor([1.5, 0.0])).item() == pytest.approx(0.201413, abs=1e-6)
    assert plackett_luce(torch.zeros(4)).item() == pytest.approx(math.log(24))
    # log(e²+e+1) - 2 + log(e+1) - 1
    assert plackett_luce(torch.tensor([2.0, 1.0, 0.0])).item() == pytest.approx(0.720868, abs=1e-5)
    better, worse = all_pairs(torch.tensor([2.0, 1.0, 0.0]), torch.tensor([0.0, -1.0, -2.0]))
    assert bradley_terry(better, worse).mean().item() == pytest.approx(0.251151, abs=1e-5)


@given(SCORES)
def test_plackett_luce_is_one_choice_after_another(scores: list[float]) -> None:
    naive = sum(
        math.log(sum(math.exp(x) for x in scores[k:])) - scores[k] for k in range(len(scores))
    )
    found = plackett_luce(torch.tensor(scores, dtype=torch.float64)).item()
    assert found == pytest.approx(naive, abs=1e-9)


@given(SCORES, st.floats(-50, 50))
def test_a_common_shift_changes_no_loss(scores: list[float], shift: float) -> None:
    one = torch.tensor(scores, dtype=torch.float64)
    assert torch.allclose(plackett_luce(one), plackett_luce(one + shift), atol=1e-8)


@given(st.lists(st.tuples(st.floats(-8, 8), st.integers(0, 2)), min_size=2, max_size=6))
def test_all_pairs_are_those_of_different_worth(rows: list[tuple[float, int]]) -> None:
    scores, worth = [score for score, _ in rows], [worth for _, worth in rows]
    better, worse = all_pairs(torch.tensor(scores), torch.tensor(worth))
    naive = [
        (scores[i], scores[j])
        for i, j in itertools.permutations(range(len(scores)), 2)
        if worth[i] > worth[j]
    ]
    assert list(zip(better.tolist(), worse.tolist(), strict=True)) == [
        (pytest.approx(a), pytest.approx(b)) for a, b in naive
    ]
