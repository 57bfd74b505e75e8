"""Statistics of pass rates: values by hand, enumerations, and the laws they promise."""

from __future__ import annotations

import itertools
import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.statistics import limem, pass_at_k, pass_at_k_bound, pearson, wilson

unhurried = settings(deadline=None)  # a busy machine is not a failure

UNIT = st.floats(0, 1)


def test_wilson_is_one_function_under_both_names() -> None:
    from assay.trainer import evaluate

    assert evaluate.wilson is wilson


@pytest.mark.parametrize(
    ("passed", "n", "low", "high"),
    [
        pytest.param(0, 0, 0.0, 1.0, id="nothing-counted"),
        pytest.param(5, 10, 0.2366, 0.7634, id="half"),
        pytest.param(0, 10, 0.0, 0.2775, id="none"),
        pytest.param(10, 10, 0.7225, 1.0, id="all"),
    ],
)
def test_wilson(passed: int, n: int, low: float, high: float) -> None:
    assert wilson(passed, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("n", "c", "k", "wanted"),
    [
        pytest.param(4, 0, 2, 0.0, id="none-passes"),
        pytest.param(4, 4, 1, 1.0, id="all-pass"),
        pytest.param(4, 1, 4, 1.0, id="k-is-n"),
        pytest.param(4, 1, 1, 0.25, id="k-1-is-the-rate"),
        pytest.param(4, 2, 2, 5 / 6, id="1-minus-1-of-6-pairs"),
        pytest.param(200, 3, 100, 1 - 100 * 99 * 98 / (200 * 199 * 198), id="large"),
    ],
)
def test_pass_at_k(n: int, c: int, k: int, wanted: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(wanted, abs=1e-12)


@unhurried
@given(st.integers(1, 9), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_pass(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(itertools.combinations([1] * c + [0] * (n - c), k))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize(
    ("n", "c", "k"),
    [
        pytest.param(4, 5, 1, id="more-passes-than-answers"),
        pytest.param(4, -1, 1, id="negative"),
        pytest.param(4, 2, 5, id="k-above-n"),
        pytest.param(4, 2, 0, id="k-0"),
        pytest.param(0, 0, 1, id="nothing-sampled"),
    ],
)
def test_pass_at_k_refuses(n: int, c: int, k: int) -> None:
    with pytest.raises(ConfigError, match="pass_at_k"):
        pass_at_k(n, c, k)


@pytest.mark.parametrize("k", [2, 3, 7])
@unhurried
@given(rates=st.lists(UNIT, min_size=1, max_size=8))
def test_the_bound_holds_for_k_from_two(k: int, rates: list[float]) -> None:
    found = statistics.fmean(1 - (1 - rate) ** k for rate in rates)
    mean, variance = statistics.fmean(rates), statistics.pvariance(rates)
    assert found <= pass_at_k_bound(mean, min(variance, mean * (1 - mean)), k) + 1e-9


def test_the_bound_would_be_false_for_one_answer() -> None:
    """Half of the prompts always pass: pass@1 is 0.5, the formula at k = 1 says 0.29."""
    assert 1 - ((1 - 0.5) ** 2 + 0.25) ** 0.5 < 0.5
    with pytest.raises(ConfigError, match="must be >= 2"):
        pass_at_k_bound(0.5, 0.25, 1)
    assert pass_at_k_bound(0.5, 0.25, 2) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("mean", "variance"),
    [
        pytest.param(1.1, 0.0, id="mean-above-1"),
        pytest.param(0.5, 0.3, id="more-variance-than-a-coin"),
        pytest.param(0.5, -0.1, id="negative-variance"),
        pytest.param(math.nan, 0.1, id="nan"),
    ],
)
def test_the_bound_refuses_impossible_moments(mean: float, variance: float) -> None:
    with pytest.raises(ConfigError, match="pass_at_k_bound"):
        pass_at_k_bound(mean, variance, 2)


@pytest.mark.parametrize(
    ("accuracy", "ratio", "wanted"),
    [
        pytest.param(0.8, 0.25, 0.6, id="most-is-memory"),
        pytest.param(0.8, 1.0, 0.0, id="nothing-is-memory"),
        pytest.param(0.0, 0.0, 0.0, id="nothing-solved"),
    ],
)
def test_limem(accuracy: float, ratio: float, wanted: float) -> None:
    assert limem(accuracy, ratio) == pytest.approx(wanted)


@pytest.mark.parametrize(("accuracy", "ratio"), [(1.2, 0.5), (0.5, -0.1), (math.nan, 0.5)])
def test_limem_refuses(accuracy: float, ratio: float) -> None:
    with pytest.raises(ConfigError, match="limem"):
        limem(accuracy, ratio)


@pytest.mark.parametrize(
    ("xs", "ys", "wanted"),
    [
        pytest.param([1, 2, 3], [2, 4, 6], 1.0, id="a-line"),
        pytest.param([1, 2, 3], [3, 2, 1], -1.0, id="a-falling-line"),
        pytest.param([1, 2, 3, 4], [1, -1, -1, 1], 0.0, id="a-valley"),
        pytest.param([1e8, 1e8 + 1, 1e8 + 2], [0, 1, 0.5], 0.5, id="far-from-zero"),
        pytest.param([1e200, -1e200], [1.0, 2.0], -1.0, id="squares-overflow"),
        pytest.param([0.1, 0.1, 0.1], [1, 2, 3], None, id="a-column-that-does-not-vary"),
        pytest.param([1.0], [2.0], None, id="one-row"),
        pytest.param([], [], None, id="no-row"),
    ],
)
def test_pearson(xs: list[float], ys: list[float], wanted: float | None) -> None:
    found = pearson(xs, ys)
    assert found == (None if wanted is None else pytest.approx(wanted, abs=1e-9))


@unhurried
@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2))
def test_pearson_is_the_standard_librarys(rows: list[tuple[int, int]]) -> None:
    xs, ys = [float(x) for x, _ in rows], [float(y) for _, y in rows]
    if len(set(xs)) > 1 and len(set(ys)) > 1:
        assert pearson(xs, ys) == pytest.approx(statistics.correlation(xs, ys), abs=1e-9)
        assert pearson(xs, ys) == pearson(ys, xs)


def test_pearson_wants_columns_of_one_length() -> None:
    with pytest.raises(ConfigError, match="equally long"):
        pearson([1.0, 2.0], [1.0])
