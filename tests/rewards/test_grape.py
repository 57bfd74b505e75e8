"""GRAPE's rewards: golden values, the laws of the formula, missing items, and GRPO inside it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.rewards.grape import Mode, aggregate, mean_confidence
from assay.trainer.estimators.advantages import dr_grpo, grpo

unhurried = settings(deadline=None)  # a busy machine is not a failure

TAU = [[1, 0.5, 0.8], [0, 0.9, 0.6], [1, 1, 0.4], [0.5, 0.2, 1]]
PHI = [[0.9, 0.6, 0.5], [1, 0.8, 0.3], [0.8, 0.7, 0.4], [0.9, 0.5, 0.6]]
OMEGA = [0.5, 0.3, 0.2]
CODE = ["code"] * 4
MODES: tuple[Mode, ...] = ("barred", "printed", "normalised")
UNIT = st.floats(0, 1).map(lambda x: round(x, 3))
ROW = st.lists(UNIT, min_size=3, max_size=3)


def slow(tau: Any, phi: Any, omega: Any, category: Any, mode: str) -> list[float]:
    """The formulas, term by term, for complete tables."""
    rewards = []
    for i, name in enumerate(category):
        mates = [k for k in range(len(tau)) if category[k] == name]
        items = range(len(omega))
        bar = [sum(phi[k][j] for k in mates) / len(mates) for j in items]
        top = sum(omega[j] * tau[i][j] * bar[j] for j in items)
        below = {"barred": sum(bar), "printed": sum(phi[i])}
        if mode == "normalised":
            bottom, factor = sum(omega[j] * bar[j] for j in items), 1
        else:
            bottom, factor = below[mode], len(omega)
        plain = sum(omega[j] * tau[i][j] for j in items)
        rewards.append(factor * top / bottom if bottom else plain)
    return rewards


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        pytest.param("barred", [0.92925, 0.34425, 1.0215, 0.531], id="barred"),
        pytest.param("printed", [0.92925, 0.327857142857, 1.075263157895, 0.531], id="printed"),
        pytest.param("normalised", [0.842857, 0.312245, 0.926531, 0.481633], id="normalised"),
    ],
)
def test_golden(mode: Mode, wanted: list[float]) -> None:
    assert aggregate(TAU, PHI, OMEGA, CODE, mode) == pytest.approx(wanted, abs=5e-7)


def test_golden_means_and_equal_weights() -> None:
    assert mean_confidence(TAU, PHI, CODE) == {"code": pytest.approx([0.9, 0.65, 0.45])}
    assert aggregate(TAU, PHI, [1 / 3] * 3, CODE)[0] == pytest.approx(0.7925)


def test_the_barred_form_is_the_default_and_may_exceed_one() -> None:
    assert aggregate([[1, 0]], [[1, 0.1]], [0.9, 0.1], ["a"]) == pytest.approx([1.63636363])


def test_the_printed_form_pays_for_confusing_the_judges() -> None:
    """Which is why it is not the default: a worse answer with unsure judges wins."""
    tau, phi, omega = [[0.9, 0.9], [0.5, 0.5]], [[1, 1], [0.2, 0.2]], [0.5, 0.5]
    assert aggregate(tau, phi, omega, "aa", "printed") == pytest.approx([0.54, 1.5])
    better, worse = aggregate(tau, phi, omega, "aa")
    assert better > worse


@unhurried
@given(st.lists(st.tuples(ROW, ROW, st.sampled_from("ab")), min_size=1, max_size=6))
@pytest.mark.parametrize("mode", MODES)
def test_the_slow_way_agrees(mode: Mode, rows: list[tuple[list[float], list[float], str]]) -> None:
    tau, phi, category = ([row[n] for row in rows] for n in range(3))
    found = aggregate(tau, phi, OMEGA, category, mode)  # type: ignore[arg-type]  # zip loses types
    assert found == pytest.approx(slow(tau, phi, OMEGA, category, mode), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("mode", MODES)
def test_full_confidence_is_the_plain_weighted_sum(mode: Mode) -> None:
    ones = [[1.0] * 3] * 4
    assert aggregate(TAU, ones, OMEGA, CODE, mode) == pytest.approx([0.81, 0.39, 0.88, 0.51])


@pytest.mark.parametrize("mode", MODES)
def test_no_confidence_at_all_is_the_plain_weighted_sum(mode: Mode) -> None:
    zeros = [[0.0] * 3] * 4
    assert aggregate(TAU, zeros, OMEGA, CODE, mode) == pytest.approx([0.81, 0.39, 0.88, 0.51])


@pytest.mark.parametrize("mode", MODES)
@unhurried
@given(scale=st.floats(0.01, 1))
def test_scaling_every_confidence_changes_nothing(mode: Mode, scale: float) -> None:
    scaled = [[scale * confidence for confidence in row] for row in PHI]
    plain = aggregate(TAU, PHI, OMEGA, CODE, mode)
    assert aggregate(TAU, scaled, OMEGA, CODE, mode) == pytest.approx(plain)


@pytest.mark.parametrize("mode", MODES)
@unhurried
@given(order=st.permutations(range(3)))
def test_permuting_items_changes_nothing(mode: Mode, order: list[int]) -> None:
    def turned(table: list[list[float]]) -> list[list[float]]:
        return [[row[j] for j in order] for row in table]

    found = aggregate(turned(TAU), turned(PHI), [OMEGA[j] for j in order], CODE, mode)
    assert found == pytest.approx(aggregate(TAU, PHI, OMEGA, CODE, mode), rel=1e-12)


def test_categories_are_isolated() -> None:
    names = ["code", "math", "code", "math"]
    changed = [PHI[0], [0.1, 0.2, 0.3], PHI[2], [0.4, 0.4, 0.9]]
    before, after = (aggregate(TAU, phi, OMEGA, names) for phi in (PHI, changed))
    assert before[::2] == after[::2]
    assert before[1::2] != after[1::2]


def test_one_samples_confidence_moves_its_category_through_the_mean_only() -> None:
    """In the barred form: the same means give the same rewards."""
    changed = [[0.8, 0.6, 0.5], *PHI[1:]]
    means = mean_confidence(TAU, PHI, CODE)
    assert aggregate(TAU, changed, OMEGA, CODE) != aggregate(TAU, PHI, OMEGA, CODE)
    assert aggregate(TAU, changed, OMEGA, CODE, means=means) == aggregate(TAU, PHI, OMEGA, CODE)


@pytest.mark.parametrize("mode", MODES)
def test_means_of_the_whole_batch_make_shards_agree(mode: Mode) -> None:
    means = mean_confidence(TAU, PHI, CODE)
    shards = [
        reward
        for part in (slice(0, 1), slice(1, 4))
        for reward in aggregate(TAU[part], PHI[part], OMEGA, CODE[part], mode, means=means)
    ]
    assert shards == aggregate(TAU, PHI, OMEGA, CODE, mode)


def test_weights_for_each_category_may_differ_in_length() -> None:
    tau, phi = [[1.0, 0.0], [0.25]], [[1.0, 1.0], [0.5]]
    weights = {"code": [0.75, 0.25], "math": [1.0]}
    assert aggregate(tau, phi, weights, ["code", "math"]) == pytest.approx([0.75, 0.25])


def test_weights_of_a_whole_row_are_kept_to_the_bit() -> None:
    assert aggregate([[1.0, 0.0]], [[1.0, 1.0]], [0.5000005, 0.5], ["a"]) == [0.5000005]


# missing items ------------------------------------------------------------------------------


@pytest.mark.parametrize("hole", ["tau", "phi", "both"])
@pytest.mark.parametrize("mode", MODES)
def test_a_missing_item_is_as_if_the_rubric_had_not_had_it(mode: Mode, hole: str) -> None:
    tau: list[list[float | None]] = [[1.0, 0.5, 0.8]]
    phi: list[list[float | None]] = [[0.9, 0.6, 0.5]]
    if hole in {"tau", "both"}:
        tau[0][1] = None
    if hole in {"phi", "both"}:
        phi[0][1] = None
    without = aggregate([[1.0, 0.8]], [[0.9, 0.5]], [0.5 / 0.7, 0.2 / 0.7], ["a"], mode)
    assert aggregate(tau, phi, OMEGA, ["a"], mode) == pytest.approx(without)


def test_a_missing_score_is_not_a_zero_and_leaves_the_mean_alone() -> None:
    tau: list[list[float | None]] = [[None, 1.0, 1.0], [1.0, 1.0, 1.0]]
    phi: list[list[float | None]] = [[0.0, 0.5, 0.5], [1.0, 0.5, 0.5]]
    assert mean_confidence(tau, phi, "aa") == {"a": [1.0, 0.5, 0.5]}
    assert aggregate(tau, phi, OMEGA, "aa", "normalised") == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("tau", "weights"),
    [
        pytest.param([None, None], [0.5, 0.5], id="nobody-judged"),
        pytest.param([None, 1.0], [1.0, 0.0], id="only-what-weighs-nothing"),
    ],
)
def test_a_sample_that_nobody_judged_has_no_reward(tau: Any, weights: list[float]) -> None:
    left, right = aggregate([tau, [1.0, 1.0]], [[1.0, 1.0]] * 2, weights, "aa")
    assert math.isnan(left)
    assert right == 1.0


# GRPO is a special case ---------------------------------------------------------------------


@unhurried
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=4, max_size=4))
@pytest.mark.parametrize("mode", MODES)
def test_one_item_with_confidence_one_is_the_score_to_the_bit(
    mode: Mode, scores: list[float]
) -> None:
    tau, phi = [[score] for score in scores], [[1.0]] * 4
    assert aggregate(tau, phi, [1.0], CODE, mode) == scores


@unhurried
@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=8, max_size=8))
def test_then_the_advantages_are_grpos_to_the_bit(scores: list[float]) -> None:
    rewards = aggregate([[score] for score in scores], [[1.0]] * 8, [1.0], "abababab")
    for estimator in (grpo, dr_grpo):
        ours, theirs = (estimator(torch.tensor(x), 4) for x in (rewards, scores))
        assert torch.equal(ours, theirs)


# refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"mode": "bared"}, "did you mean 'barred'", id="mode"),
        pytest.param({"weights": [0.5, 0.4]}, "sum to one", id="weights-below-one"),
        pytest.param({"weights": [1.5, -0.5]}, "sum to one", id="negative-weight"),
        pytest.param({"weights": [math.nan, 1.0]}, "sum to one", id="nan-weight"),
        pytest.param({"weights": {"maths": [1.0]}}, "did you mean 'maths'", id="category"),
        pytest.param({"weights": [1.0]}, "one score for each", id="too-few-weights"),
        pytest.param({"phi": [[1.0, 1.1]]}, r"phi\[0\]\[1\]", id="confidence-above-1"),
        pytest.param({"phi": [[1.0, math.nan]]}, r"phi\[0\]\[1\]", id="confidence-nan"),
        pytest.param({"tau": [[math.inf, 1.0]]}, r"tau\[0\]\[0\]", id="score-infinite"),
        pytest.param({"phi": [[1.0]]}, "as long as tau", id="short-row"),
        pytest.param({"category": ["math", "math"]}, "a row for each sample", id="categories"),
        pytest.param({"means": {"math": [0.5]}}, r"means\['math'\]\[1\]", id="short-means"),
        pytest.param({"means": {}}, r"means\['math'\]\[0\]", id="no-means"),
    ],
)
def test_refuses(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {
        "tau": [[1.0, 0.5]],
        "phi": [[1.0, 0.5]],
        "weights": [0.5, 0.5],
        "category": ["math"],
    }
    aggregate(**good)
    with pytest.raises(ConfigError, match=message):
        aggregate(**(good | change))


def test_rows_of_one_category_have_one_length() -> None:
    with pytest.raises(ConfigError, match="must have 2 items"):
        mean_confidence([[1.0, 1.0], [1.0]], [[1.0, 1.0], [1.0]], "aa")
