"""Agreement against values from the literature, by hand, and laws."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.agreement import (
    Confusion,
    Rate,
    auroc,
    cohen_kappa,
    confusion,
    curve,
    spearman,
)
from assay.core.calibration import expected_calibration_error
from assay.core.errors import ConfigError


def spread(table: list[list[int]]) -> tuple[list[int], list[int]]:
    """Two columns from a table of counts: row is what a said, column what b said."""
    pairs = [
        (i, j)
        for i, row in enumerate(table)
        for j, count in enumerate(row)
        for _ in range(count)
    ]  # fmt: skip
    return [i for i, _ in pairs], [j for _, j in pairs]


@pytest.mark.parametrize(
    ("table", "weights", "kappa"),
    [
        # 35 of 50 agree, chance .5: (.7 - .5) / .5
        pytest.param([[20, 5], [10, 15]], None, 0.4, id="two-by-two"),
        # 60 of 100 agree twice, chance .54 and .46
        pytest.param([[45, 15], [25, 15]], None, (0.6 - 0.54) / 0.46, id="skewed-margins"),
        pytest.param([[25, 35], [5, 35]], None, (0.6 - 0.46) / 0.54, id="other-skew"),
        pytest.param([[5, 0, 0], [0, 5, 0], [0, 0, 5]], None, 1.0, id="perfect"),
        pytest.param([[0, 5], [5, 0]], None, -1.0, id="contrary"),
        # seen (5 / 2 + 1) / 20; by chance (188 / 2 + 75) / 400
        pytest.param([[6, 2, 1], [1, 5, 2], [0, 0, 3]], "linear", 1 - 0.175 / 0.4225, id="linear"),
        pytest.param([[6, 2, 1], [1, 5, 2], [0, 0, 3]], "quadratic", 1 - 0.1125 / 0.305, id="sq"),
    ],
)
def test_kappa(table: list[list[int]], weights: str | None, kappa: float) -> None:
    a, b = spread(table)
    levels = range(len(table))
    found = cohen_kappa(a, b, levels=levels, weights=weights)  # type: ignore[arg-type]
    assert found == pytest.approx(kappa, abs=1e-12)


def by_definition(a: list[int], b: list[int], size: int, power: int) -> float | None:
    """Weighted kappa, as Cohen 1968 writes it: 1 - sum of w o over sum of w e."""
    n, w = len(a), size - 1
    cells = list(itertools.product(range(size), range(size)))
    seen = sum((abs(i - j) / w) ** power for i, j in zip(a, b, strict=True)) / n
    chance = sum((abs(i - j) / w) ** power * a.count(i) * b.count(j) for i, j in cells) / n**2
    return None if chance == 0 else 1 - seen / chance


GRADES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@given(GRADES)
def test_weighted_kappa_is_its_definition(pairs: list[tuple[int, int]]) -> None:
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    for weights, power in (("linear", 1), ("quadratic", 2)):
        found = cohen_kappa(a, b, levels=range(5), weights=weights)  # type: ignore[arg-type]
        wanted = by_definition(a, b, 5, power)
        assert (found is None) == (wanted is None)
        if found is not None:
            assert found == pytest.approx(wanted, abs=1e-9)
    assert cohen_kappa(a, b) == cohen_kappa(b, a)


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([1, 1], [1, 1])], ids=["nothing", "one-thing-always"]
)
def test_kappa_says_when_it_has_nothing_to_say(a: list[int], b: list[int]) -> None:
    assert cohen_kappa(a, b, levels=[0, 1]) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(([1], [1, 2]), "equally long", id="lengths"),
        pytest.param(([1], [7]), "7 is none of the levels", id="strange-grade"),
    ],
)
def test_kappa_refuses(arguments: tuple[list[int], list[int]], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        cohen_kappa(*arguments, levels=[1, 2])


def test_errors_of_either_kind() -> None:
    decisions = [True, True, True, False, False, True]
    labels = [True, True, False, False, True, False]
    found = confusion(decisions, labels)
    assert found == Confusion(2, 2, 1, 1)
    assert (found.accuracy, found.false_accepts) == (Rate(3, 6), Rate(2, 3))
    assert found.false_rejects == Rate(1, 3)
    assert confusion([], []).accuracy.to_json() == {
        "rate": None, "low": 0.0, "high": 1.0, "count": 0, "n": 0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "labels", "area"),
    [
        # Fawcett 2006, by hand: 4 good, 3 bad; 9 of 12 pairs in order
        pytest.param([0.9, 0.8, 0.3, 0.2, 0.7, 0.25, 0.1], "GGGGBBB", 9 / 12, id="by-hand"),
        pytest.param([0.9, 0.1], "GB", 1.0, id="in-order"),
        pytest.param([0.1, 0.9], "GB", 0.0, id="reversed"),
        pytest.param([0.5, 0.5, 0.5], "GBB", 0.5, id="all-tied"),
        pytest.param([0.5, 0.5, 0.9], "GBB", 0.25, id="half-tied"),
        pytest.param([0.5, 0.4], "GG", None, id="one-kind"),
    ],
)
def test_auroc(scores: list[float], labels: str, area: float | None) -> None:
    found = auroc(scores, [label == "G" for label in labels])
    assert found == (None if area is None else pytest.approx(area, abs=1e-12))


SCORED = st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=30)


@given(SCORED)
def test_auroc_counts_pairs(rows: list[tuple[int, bool]]) -> None:
    good = [s for s, label in rows if label]
    bad = [s for s, label in rows if not label]
    found = auroc([float(s) for s, _ in rows], [label for _, label in rows])
    if not good or not bad:
        assert found is None
        return
    won = sum((g > b) + (g == b) / 2 for g in good for b in bad)
    assert found == pytest.approx(won / (len(good) * len(bad)), abs=1e-12)


def test_spearman_is_blind_to_the_shape_of_a_rise() -> None:
    xs = [1.0, 2.0, 3.0, 4.0]
    assert spearman(xs, [math.exp(x) for x in xs]) == pytest.approx(1.0)
    # ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4, by hand: 4.5 / sqrt(4.5 * 5)
    assert spearman([1.0, 2.0, 2.0, 3.0], xs) == pytest.approx(4.5 / math.sqrt(4.5 * 5))
    assert spearman(xs, [1.0] * 4) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40))
def test_the_curve_adds_up_to_the_calibration_error(rows: list[tuple[float, bool]]) -> None:
    said, labels = [p for p, _ in rows], [label for _, label in rows]
    bars = curve(said, labels)
    assert sum(bar.n for bar in bars) == len(rows)
    gaps = sum(bar.n * abs((bar.good.share or 0.0) - bar.said) for bar in bars) / len(rows)
    assert gaps == pytest.approx(expected_calibration_error(said, labels), abs=1e-9)
    assert all(bar.low <= bar.said <= bar.high + 1e-12 for bar in bars)
