"""Platt, isotonic regression, and the two errors: golden values, laws, refusals."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.calibration import (
    Isotonic,
    Platt,
    brier,
    expected_calibration_error,
    fit_isotonic,
    fit_platt,
    sigmoid,
)
from assay.core.errors import ConfigError

ROWS = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: len({label for _, label in rows}) == 2
)


def columns(rows: list[tuple[int, bool]]) -> tuple[list[float], list[bool]]:
    return [float(s) for s, _ in rows], [label for _, label in rows]


def test_platt_finds_the_sigmoid_that_made_the_labels() -> None:
    rng = random.Random(0)
    scores = [rng.gauss(300.0, 50.0) for _ in range(20_000)]
    labels = [rng.random() < sigmoid(0.04 * s - 11.0) for s in scores]
    found = fit_platt(scores, labels)
    assert found.slope == pytest.approx(0.04, rel=0.05)
    assert found.intercept == pytest.approx(-11.0, rel=0.05)
    assert expected_calibration_error([found(s) for s in scores], labels) < 0.01


def test_platt_of_separated_labels_stays_finite() -> None:
    # two of each: targets are 3/4 and 1/4, met exactly by a sigmoid through (±1, ±log 3)
    found = fit_platt([-1.0, -1.0, 1.0, 1.0], [False, False, True, True])
    assert found.slope == pytest.approx(math.log(3.0), abs=1e-6)
    assert found.intercept == pytest.approx(0.0, abs=1e-9)


@given(ROWS)
def test_platts_gradient_is_zero(rows: list[tuple[int, bool]]) -> None:
    scores, labels = columns(rows)
    found = fit_platt(scores, labels)
    n = sum(labels)
    targets = [(n + 1) / (n + 2) if label else 1 / (len(labels) - n + 2) for label in labels]
    slack = [found(s) - t for s, t in zip(scores, targets, strict=True)]
    assert abs(sum(slack)) < 1e-5
    assert abs(sum(e * s for e, s in zip(slack, scores, strict=True))) < 1e-4


def test_isotonic_pools_the_violators() -> None:
    found = fit_isotonic([1, 2, 3, 4, 5, 6], [False, True, False, False, True, True])
    assert found.scores == (1, 2, 4, 5, 6)
    assert found.values == (0, pytest.approx(1 / 3), pytest.approx(1 / 3), 1, 1)
    assert found(-9) == 0
    assert found(4.5) == pytest.approx(2 / 3)
    assert found(99) == 1


@given(ROWS)
def test_isotonic_rises_and_keeps_the_mean(rows: list[tuple[int, bool]]) -> None:
    scores, labels = columns(rows)
    found = fit_isotonic(scores, labels)
    values = [found(s) for s in sorted(scores)]
    assert values == sorted(values)
    assert sum(found(s) for s in scores) == pytest.approx(sum(labels), abs=1e-9)
    best = brier([found(s) for s in scores], labels)
    assert best <= brier([sum(labels) / len(labels)] * len(labels), labels) + 1e-12


@pytest.mark.parametrize("fit", [fit_platt, fit_isotonic])
def test_a_fit_survives_json(fit) -> None:
    rng = random.Random(1)
    scores = [rng.gauss(0, 3) for _ in range(200)]
    found = fit(scores, [rng.random() < sigmoid(s) for s in scores])
    again = type(found).model_validate_json(found.model_dump_json())
    assert [again(s) for s in scores] == [found(s) for s in scores]


@pytest.mark.parametrize(
    ("probabilities", "labels", "ece", "score"),
    [
        pytest.param([0.0, 1.0], [False, True], 0.0, 0.0, id="perfect"),
        pytest.param([1.0, 0.0], [False, True], 1.0, 1.0, id="upside-down"),
        pytest.param([0.7] * 10, [True] * 7 + [False] * 3, 0.0, 0.21, id="calibrated"),
        pytest.param([0.9, 0.9, 0.1, 0.1], [True, False, False, False], 0.25, 0.21, id="by-hand"),
    ],
)
def test_errors(probabilities, labels, ece, score) -> None:
    assert expected_calibration_error(probabilities, labels) == pytest.approx(ece, abs=1e-12)
    assert brier(probabilities, labels) == pytest.approx(score)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_platt([1.0, 2.0], [True, True]), "both labels"),
        (lambda: fit_isotonic([1.0, math.nan], [True, False]), "finite"),
        (lambda: fit_platt([1.0], [True, False]), "equally many"),
        (lambda: brier([1.5], [True]), r"\[0, 1\], got 1.5"),
        (lambda: brier([math.nan], [True]), r"\[0, 1\], got nan"),
        (lambda: expected_calibration_error([], []), "and some"),
        (lambda: expected_calibration_error([0.5], [True], bins=0), "bins"),
    ],
)
def test_refusals(call, message) -> None:
    with pytest.raises(ConfigError, match=message):
        call()


def test_a_saved_calibrator_is_checked() -> None:
    with pytest.raises(ValueError, match="must not fall"):
        Isotonic(scores=(0.0, 1.0), values=(0.9, 0.1))
    with pytest.raises(ValueError, match="equally many"):
        Isotonic(scores=(0.0,), values=(0.1, 0.2))
    with pytest.raises(ValueError, match="finite"):
        Platt(slope=math.inf, intercept=0.0)
