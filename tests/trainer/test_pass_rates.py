"""The memory of pass rates: counts, moving average, order, and its state as JSON."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import DataError
from assay.trainer.online.pass_rates import PassRates, gathered

BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([True, False, None])), max_size=12),
    max_size=6,
)


def told(batches: list[list[tuple[str, bool | None]]], smoothing: float = 0.5) -> PassRates:
    memory = PassRates(smoothing)
    for batch in batches:
        memory.update([i for i, _ in batch], [p for _, p in batch])
    return memory


@pytest.mark.parametrize(
    ("batches", "judged", "passed", "rate"),
    [
        pytest.param([[("a", True)]], 1, 1, 1.0, id="one-pass"),
        pytest.param([[("a", False)]], 1, 0, 0.0, id="one-failure"),
        pytest.param([[("a", True), ("a", False), ("a", None)]], 2, 1, 0.5, id="none-not-counted"),
        pytest.param([[("a", False)], [("a", True)]], 2, 1, 0.5, id="average-moves-half-way"),
        pytest.param(
            [[("a", True)], [("a", False)], [("a", False)]], 3, 1, 0.25, id="old-batches-fade"
        ),
        pytest.param(
            [[("a", True)], [("a", None)]], 1, 1, 1.0, id="unjudged-batch-changes-nothing"
        ),
    ],
)
def test_counts_and_average(batches: Any, judged: int, passed: int, rate: float) -> None:
    memory = told(batches)
    known = memory.record("a")
    assert known is not None
    assert (known.judged, known.passed, known.recent) == (judged, passed, rate)
    assert memory.difficulty("a") == 1 - rate


@pytest.mark.parametrize(
    "batches",
    [pytest.param([], id="nothing"), pytest.param([[("a", None)]], id="only-faults")],
)
def test_an_unknown_prompt_has_no_difficulty(batches: Any) -> None:
    memory = told(batches)
    assert memory.record("a") is memory.rate("a") is memory.difficulty("a") is None
    assert "a" not in memory
    assert memory.summary()["prompts_seen"] == 0


@given(batches=BATCHES, seed=st.integers(0, 99), smoothing=st.floats(0.01, 1))
@settings(max_examples=60, deadline=None)
def test_order_within_a_batch_means_nothing(batches: Any, seed: int, smoothing: float) -> None:
    rng = random.Random(seed)
    shuffled = [rng.sample(batch, len(batch)) for batch in batches]
    assert told(batches, smoothing).state_dict() == told(shuffled, smoothing).state_dict()


@given(batches=BATCHES, more=BATCHES)
@settings(max_examples=60, deadline=None)
def test_a_checkpoint_goes_on_alike(batches: Any, more: Any) -> None:
    memory, restored = told(batches), PassRates(0.9)
    restored.load_state_dict(json.loads(json.dumps(memory.state_dict())))
    for batch in more:
        for one in (memory, restored):
            one.update([i for i, _ in batch], [p for _, p in batch])
    assert restored.state_dict() == memory.state_dict()


@given(batches=BATCHES, smoothing=st.floats(0.01, 1))
@settings(max_examples=60, deadline=None)
def test_rates_stay_rates(batches: Any, smoothing: float) -> None:
    memory = told(batches, smoothing)
    for prompt_id in "abcd":
        known = memory.record(prompt_id)
        if known is not None:
            assert 0 <= known.recent <= 1
            assert 0 <= known.passed <= known.judged


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="empty"),
        pytest.param(
            {"smoothing": 0.5, "prompts": {"a": [1, 2, 0.5]}}, id="more-passed-than-judged"
        ),
        pytest.param({"smoothing": 0.5, "prompts": {"a": [1, 1]}}, id="short-row"),
        pytest.param({"smoothing": 0.5, "prompts": {"a": [1, 1, 7.0]}}, id="rate-above-one"),
        pytest.param({"smoothing": "x", "prompts": {}}, id="text"),
        pytest.param({"smoothing": 0.5, "prompts": [1]}, id="list-of-prompts"),
    ],
)
def test_a_foreign_state_is_refused_and_changes_nothing(state: Any) -> None:
    memory = told([[("a", True)]])
    with pytest.raises(DataError, match="PassRates"):
        memory.load_state_dict(state)
    assert memory.rate("a") == 1.0


@pytest.mark.parametrize("smoothing", [0.0, -1.0, 1.5])
def test_smoothing_is_a_share(smoothing: float) -> None:
    with pytest.raises(ValueError, match="smoothing"):
        PassRates(smoothing)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        PassRates().update(["a", "b"], [True])


def test_summary_counts_the_extremes() -> None:
    memory = told([[("a", True), ("b", False), ("c", True), ("c", False)]])
    assert memory.summary() == {
        "prompts_seen": 3.0,
        "never_passed": 1 / 3,
        "always_passed": 1 / 3,
        "mean_pass_rate": 0.5,
    }


def test_one_process_gathers_what_it_has() -> None:
    assert gathered(["a", "b"], [True, None]) == (["a", "b"], [True, None])
