"""Win rates, strengths and designs: golden values and laws."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay import Sample
from assay.core.errors import ConfigError
from assay.rewards.comparing.comparators import sigmoid
from assay.rewards.comparing.opponents import Queue
from assay.rewards.comparing.pairing import pairs_of
from assay.rewards.comparing.preferences import bradley_terry, preference_table, win_rates

N = None
CALM = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Other processes may have the cores."""


@pytest.mark.parametrize(
    ("table", "wanted"),
    [
        pytest.param([[N, 1.0], [0.0, N]], [1.0, 0.0], id="two"),
        pytest.param([[0.5, 0.7], [0.3, 0.5]], [0.7, 0.3], id="diagonal-means-nothing"),
        pytest.param(
            [[N, 1.0, 0.0], [0.0, N, 1.0], [1.0, 0.0, N]], [0.5, 0.5, 0.5], id="rock-paper-scissors"
        ),
        pytest.param(
            [[N, 0.9, 0.6], [0.1, N, 0.25], [0.4, 0.75, N]], [0.75, 0.175, 0.575], id="three"
        ),
        pytest.param([[N, 0.8, N], [0.2, N, N], [N, N, N]], [0.8, 0.2, N], id="one-uncompared"),
        pytest.param([[N]], [N], id="alone"),
        pytest.param([], [], id="nobody"),
    ],
)
def test_win_rates(table: list, wanted: list) -> None:
    assert win_rates(table) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([[N, 0.6], [0.6, N]], id="not-antisymmetric"),
        pytest.param([[N, 1.2], [-0.2, N]], id="outside"),
        pytest.param([[N, 0.5], [N, N]], id="one-direction"),
        pytest.param([[N, 0.5]], id="not-square"),
        pytest.param([[N, math.nan], [math.nan, N]], id="nan"),
    ],
)
def test_tables_that_are_none_are_refused(table: list) -> None:
    for rule in (win_rates, bradley_terry):
        with pytest.raises(ConfigError, match="preferences"):
            rule(table)


@pytest.mark.parametrize("pairs", [{(0, 1): 0.5, (1, 0): 0.5}, {(0, 0): 0.5}, {(0, 9): 0.5}])
def test_pairs_are_given_once(pairs: dict) -> None:
    with pytest.raises(ConfigError):
        preference_table(2, pairs)


TABLES = st.integers(2, 7).flatmap(
    lambda n: st.lists(st.floats(0, 1), min_size=n * (n - 1) // 2, max_size=n * (n - 1) // 2).map(
        lambda ps: preference_table(
            n, dict(zip(itertools.combinations(range(n), 2), ps, strict=True))
        )
    )
)


@given(TABLES)
@CALM
def test_win_rates_sum_to_half_the_group(table: list) -> None:
    assert math.fsum(win_rates(table)) == pytest.approx(len(table) / 2, abs=1e-9)


@given(TABLES, st.integers(0, 1000))
@CALM
def test_both_rules_are_permutation_equivariant(table: list, seed: int) -> None:
    order = list(range(len(table)))
    random.Random(seed).shuffle(order)
    moved = [[table[i][j] for j in order] for i in order]
    for rule in (win_rates, bradley_terry):
        plain = rule(table)
        assert rule(moved) == pytest.approx([plain[i] for i in order], abs=1e-7)


@given(TABLES)
@CALM
def test_strengths_are_where_expected_wins_are_the_wins(table: list) -> None:
    """The condition of the first order, with the prior's games against strength 0."""
    found = bradley_terry(table, prior=0.5)
    for i, row in enumerate(table):
        wins = math.fsum(p for p in row if p is not None) + 0.5
        expected = math.fsum(sigmoid(found[i] - found[j]) for j in range(len(row)) if j != i)
        assert wins == pytest.approx(expected + sigmoid(found[i]), abs=1e-6)


def test_strengths_of_two_are_opposite_and_of_one_who_always_wins_finite() -> None:
    one, two = bradley_terry([[N, 1.0], [0.0, N]])
    # wins 1 + 1/2 = σ(2θ) + σ(θ)
    assert one == pytest.approx(0.756307612612, abs=1e-9)
    assert one == pytest.approx(-two, abs=1e-9)
    assert sigmoid(2 * one) + sigmoid(one) == pytest.approx(1.5, abs=1e-9)
    with pytest.raises(ConfigError, match="prior"):
        bradley_terry([[N]], prior=0.0)


@pytest.mark.parametrize(("design", "rivals"), [("all", 1), ("ring", 1), ("random", 3)])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 8, 9])
def test_every_design_gives_all_equally_many_opponents(design: str, rivals: int, size: int) -> None:
    keys = [f"answer {n}" for n in range(size)]
    pairs = pairs_of(keys, design, rivals=rivals)
    assert len(set(pairs)) == len(pairs)
    assert all(a < b for a, b in pairs)
    counts = {sum(place in pair for pair in pairs) for place in range(size)}
    assert len(counts) <= 1
    most = size - 1
    wanted = {"all": most, "ring": min(2, most), "random": min(3 + size % 2, most)}[design]
    assert counts <= {wanted}


@given(st.permutations(list(range(9))), st.sampled_from(["ring", "random"]))
def test_a_design_depends_on_who_is_there_and_not_on_the_order(order: list, design: str) -> None:
    def couples(keys: list[str]) -> set[frozenset[str]]:
        return {frozenset((keys[a], keys[b])) for a, b in pairs_of(keys, design, seed=3)}

    assert couples([str(n) for n in range(9)]) == couples([str(n) for n in order])


def test_the_draw_differs_with_the_seed() -> None:
    keys = [str(n) for n in range(12)]
    assert pairs_of(keys, "random", seed=1) != pairs_of(keys, "random", seed=2)


def test_the_queue_is_bounded_both_ways_and_keeps_no_empty_answers() -> None:
    queue = Queue(length=2, prompts=2)
    queue.push("a", [Sample(completion=text) for text in ("1", "", " ")])
    queue.push("a", [Sample(completion="2")])
    queue.push("a", [Sample(completion="3")])
    assert [s.text for s in queue.of("a")] == ["2", "3"]
    queue.push("b", [Sample(completion="x")])
    queue.push("c", [Sample(completion="y")])
    assert [bool(queue.of(key)) for key in "abc"] == [False, True, True]
