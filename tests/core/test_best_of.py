"""Best of n against counting every subset."""

from __future__ import annotations

import itertools
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.statistics import best_of_n

ANSWERS = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=6
)


@given(ANSWERS, st.integers(0, 5))
def test_it_is_the_mean_over_all_subsets(answers: list[tuple[int, float]], more: int) -> None:
    n = 1 + more % len(answers)
    picks = []
    for subset in itertools.combinations(range(len(answers)), n):
        best = max(answers[i][0] for i in subset)
        # a tie is drawn alike among all answers of that score, as many times as subsets hold it
        picks.append(fmean(t for s, t in answers if s == best))
    found = best_of_n([float(s) for s, _ in answers], [t for _, t in answers], n)
    assert found == pytest.approx(fmean(picks))


def test_ends() -> None:
    truth = [0.0, 1.0, 0.0, 0.0]
    assert best_of_n(truth, truth, 1) == 0.25
    assert best_of_n(truth, truth, 4) == 1.0
    assert best_of_n([1.0] * 4, truth, 3) == 0.25, "a proxy that knows nothing picks at random"


@pytest.mark.parametrize(("truth", "n"), [([1.0], 1), ([1.0, 0.0], 0), ([1.0, 0.0], 3)])
def test_refused(truth: list[float], n: int) -> None:
    with pytest.raises(ConfigError, match="best_of_n"):
        best_of_n([1.0, 2.0], truth, n)
