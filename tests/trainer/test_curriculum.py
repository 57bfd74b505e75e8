"""Curricula: TRL's stream, the formulas, the rules' laws, and resuming in the middle."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import ConfigError, DataError
from assay.core.settings import read_settings
from assay.core.types import Sample
from assay.trainer.online.curriculum import (
    CurriculumSampler,
    measured,
)
from assay.trainer.online.curriculum_config import CurriculumConfig
from assay.trainer.online.pass_rates import PassRates

RULES = ("uniform", "easy_to_hard", "e2h", "adaptive")


def sampler(n: int = 20, **changes: Any) -> CurriculumSampler:
    known = {"mini_repeat_count", "batch_size", "repeat_count", "seed", "total_batches"}
    shape = {k: v for k, v in changes.items() if k in known | {"memory", "column"}}
    config = {k: v for k, v in changes.items() if k not in shape}
    numbers = {
        "mini_repeat_count": 1,
        "batch_size": 4,
        "repeat_count": 1,
        "seed": 0,
        "total_batches": 10,
    }
    return CurriculumSampler(
        [str(i) for i in range(n)], CurriculumConfig(**config), **(numbers | shape)
    )


def seen(rates: list[float]) -> PassRates:
    """A memory in which prompt i has pass rate ``rates[i]`` (in tenths)."""
    memory = PassRates()
    for i, rate in enumerate(rates):
        good = round(10 * rate)
        memory.update([str(i)] * 10, [True] * good + [False] * (10 - good))
    return memory


def batches(one: CurriculumSampler) -> list[list[int]]:
    rows = list(one)
    return [rows[i : i + one.batch_size] for i in range(0, len(rows), one.batch_size)]


# TRL's stream -----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 7])
@pytest.mark.parametrize(
    ("n", "mini", "batch", "repeat"), [(7, 2, 3, 4), (20, 1, 4, 1), (8, 4, 8, 2), (5, 3, 2, 1)]
)
def test_uniform_is_the_order_of_trl(n: int, mini: int, batch: int, repeat: int, seed: int) -> None:
    from trl.trainer.utils import RepeatSampler

    theirs = RepeatSampler(range(n), mini, batch, repeat, shuffle=True, seed=seed)
    ours = sampler(n, mini_repeat_count=mini, batch_size=batch, repeat_count=repeat, seed=seed)
    assert len(ours) == len(theirs)
    for _ in range(3):  # three epochs
        assert list(ours) == list(theirs)


@pytest.mark.parametrize("rule", RULES)
@given(
    n=st.integers(4, 30), mini=st.integers(1, 3), batch=st.integers(1, 4), repeat=st.integers(1, 3)
)
@settings(max_examples=15, deadline=None)
def test_every_rule_has_the_shape_of_the_stream(
    rule: str, n: int, mini: int, batch: int, repeat: int
) -> None:
    one = sampler(n, rule=rule, mini_repeat_count=mini, batch_size=batch, repeat_count=repeat)
    rows = list(one)
    assert len(rows) == len(one)
    for start in range(0, len(rows), batch * mini * repeat):
        block = np.array(rows[start : start + batch * mini * repeat]).reshape(repeat, batch, mini)
        assert (block == block[:1, :, :1]).all()
        assert len(set(block[0, :, 0])) == batch  # distinct prompts


# TRL 1.16 sets what transformers 5 calls deprecated
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_the_numbers_come_from_trls_arguments(tmp_path: Any) -> None:
    from trl import GRPOConfig

    arguments = GRPOConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=8,
        gradient_accumulation_steps=2,
        num_generations=4,
        num_iterations=3,
        max_steps=9,
        seed=5,
        bf16=False,
        use_cpu=True,
    )
    problems = [Sample(prompt=f"p{i}", completion="") for i in range(11)]
    one = CurriculumSampler.for_trl(problems, CurriculumConfig(), arguments)
    assert (one.mini_repeat_count, one.batch_size, one.repeat_count) == (4, 4, 6)
    assert (one.seed, one.total_batches) == (5, 3)  # 9 steps of 2 passes, 6 passes a batch
    assert one.ids == tuple(problem.id for problem in problems)


# rules ------------------------------------------------------------------------------------


def test_easy_to_hard_by_a_column_goes_through_the_order_once() -> None:
    rates = [i / 19 for i in range(20)]  # prompt 19 is the easiest
    one = sampler(rule="easy_to_hard", column=rates)
    assert [row for batch in batches(one) for row in batch] == list(range(19, -1, -1))


def test_easy_to_hard_by_a_difficulty() -> None:
    one = sampler(8, rule="easy_to_hard", column_is="difficulty", column=[3, 1, 2, 0, 7, 6, 5, 4])
    assert batches(one) == [[3, 1, 2, 0], [7, 6, 5, 4]]


@pytest.mark.parametrize(("unseen", "first"), [("first", {0, 1, 2, 3}), ("last", {4, 5, 6, 7})])
def test_where_the_unseen_stand(unseen: str, first: set[int]) -> None:
    column = [None] * 4 + [0.5] * 4
    one = sampler(8, rule="easy_to_hard", unseen=unseen, column=column)
    assert set(batches(one)[0]) == first


def test_easy_to_hard_follows_the_memory_and_repeats_no_prompt_in_an_epoch() -> None:
    memory = seen([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    one = sampler(8, rule="easy_to_hard", memory=memory)
    stream = iter(one)
    first = list(islice(stream, 4))
    assert first == [7, 6, 5, 4]
    for _ in range(20):  # the hardest is learned meanwhile
        memory.update(["0"], [True])
    assert list(stream) == [0, 3, 2, 1]


@pytest.mark.parametrize("schedule", ["cosine", "gaussian"])
def test_e2h_moves_from_easy_to_hard(schedule: str) -> None:
    difficulty = [i % 4 for i in range(400)]
    one = sampler(
        400,
        rule="e2h",
        schedule=schedule,
        column_is="difficulty",
        column=difficulty,
        batch_size=8,
        total_batches=50,
    )
    levels = [np.mean([difficulty[row] for row in batch]) for batch in batches(one)]
    assert len(levels) == 50
    assert np.mean(levels[:10]) + 0.5 < np.mean(levels[-10:])


def test_adaptive_prefers_the_target_and_starves_nobody() -> None:
    rates = [0.0] * 50 + [0.5] * 50
    one = sampler(100, rule="adaptive", memory=seen(rates), batch_size=5)
    counts = np.zeros(100)
    for _ in range(50):
        np.add.at(counts, list(one), 1)
    # 1000 batches of 5: weights 0.05 and 1; without replacement a little more than 1/21 is hard
    assert 0.04 < counts[:50].sum() / counts.sum() < 0.07
    assert (counts[50:] > 0).all()
    assert (counts[:50] > 0).mean() > 0.9


@pytest.mark.parametrize("rule", RULES)
def test_two_ranks_with_one_memory_choose_alike(rule: str) -> None:
    rates = [i / 20 for i in range(20)]
    one, two = (sampler(rule=rule, memory=seen(rates), seed=3) for _ in range(2))
    assert [list(one) for _ in range(2)] == [list(two) for _ in range(2)]


@pytest.mark.parametrize("rule", ["uniform", "e2h", "adaptive"])
def test_another_seed_gives_another_stream(rule: str) -> None:
    assert list(sampler(seed=0, rule=rule)) != list(sampler(seed=1, rule=rule))


# resuming ---------------------------------------------------------------------------------


def learn(memory: PassRates, batch: list[int], when: int) -> None:
    memory.update([str(row) for row in batch], [(row * 7 + when) % 3 == 0 for row in batch])


def trained(one: CurriculumSampler, memory: PassRates, steps: range, ahead: int) -> list[list[int]]:
    """What a run trains on: its loader draws ``ahead`` batches before they are needed."""
    per_epoch, found = one.batches, []
    stream, queue = iter(one), []
    for step in steps:
        if step == steps.start:
            for _ in range(step % per_epoch):  # accelerate skips by drawing
                list(islice(stream, one.batch_size))
        while len(queue) <= ahead:
            batch = list(islice(stream, one.batch_size))
            if not batch:
                break
            queue.append(batch)
        batch = queue.pop(0)
        found.append(batch)
        learn(memory, batch, step)
        if not queue and (step + 1) % per_epoch == 0:
            one.set_epoch((step + 1) // per_epoch)
            stream = iter(one)
    return found


@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("stop", [3, 5, 7])
def test_a_resumed_run_sees_what_an_undisturbed_one_sees(rule: str, stop: int, ahead: int) -> None:
    def fresh() -> tuple[CurriculumSampler, PassRates]:
        memory = PassRates()
        return sampler(rule=rule, memory=memory, seed=2), memory

    whole, memory = fresh()
    wanted = trained(whole, memory, range(12), ahead)
    broken, memory = fresh()
    before = trained(broken, memory, range(stop), ahead)
    saved = json.loads(json.dumps([broken.state_dict(), memory.state_dict()]))
    resumed, memory = fresh()
    resumed.load_state_dict(saved[0])
    memory.load_state_dict(saved[1])
    resumed.set_epoch(stop // resumed.batches)
    assert before + trained(resumed, memory, range(stop, 12), ahead) == wanted


@pytest.mark.parametrize(
    "state",
    [
        pytest.param({}, id="empty"),
        pytest.param({"epoch": 0, "prompts": 5, "drawn": {}}, id="other-data"),
        pytest.param({"epoch": "x", "prompts": 20, "drawn": {}}, id="text"),
        pytest.param({"epoch": 0, "prompts": 20, "drawn": {"0": [["x"]]}}, id="no-rows"),
    ],
)
def test_a_foreign_state_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="curriculum"):
        sampler().load_state_dict(state)


# settings and data ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param({"rule": "hard"}, "rule", id="unknown-rule"),
        pytest.param({"target": 1.0}, "target", id="target-at-the-end"),
        pytest.param({"floor": 0.0}, "floor", id="starving"),
        pytest.param({"bands": 4, "band_floor": 0.3}, "1 / bands = 0.25", id="floor-too-high"),
        pytest.param({"sigmas": 1}, "did you mean 'sigma'", id="unknown-key"),
        pytest.param(
            {"rule": "adaptive", "column": "level", "column_is": "difficulty"},
            "needs pass rates",
            id="difficulty-is-no-rate",
        ),
    ],
)
def test_settings_are_checked(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_settings(CurriculumConfig, content, "trainer.curriculum")


@pytest.mark.parametrize(
    ("values", "is_", "says"),
    [
        pytest.param(
            [0.5, 1.5], "pass_rate", r"in \[0, 1\], got 1.5 in training row 1", id="above"
        ),
        pytest.param(["easy", 1], "difficulty", "finite number, got 'easy'", id="text"),
        pytest.param([float("nan"), 1], "difficulty", "got nan", id="nan"),
    ],
)
def test_a_column_that_is_no_measure(values: list[Any], is_: Any, says: str) -> None:
    problems = [Sample(prompt=str(i), completion="", extra={"d": v}) for i, v in enumerate(values)]
    with pytest.raises(ConfigError, match=says):
        measured(problems, CurriculumConfig(rule="e2h", column="d", column_is=is_))


def test_an_absent_column_is_named_with_the_nearest() -> None:
    problems = [Sample(prompt="p", completion="", extra={"pass_rate": 0.5})]
    with pytest.raises(ConfigError, match="did you mean 'pass_rate'"):
        measured(problems, CurriculumConfig(rule="e2h", column="passrate"))


def test_measured_values_and_gaps() -> None:
    problems = [Sample(prompt=str(v), completion="", extra={"d": v}) for v in (0, 0.25, None)]
    assert measured(problems, CurriculumConfig(column="d")) == [0.0, 0.25, None]
    assert measured(problems, CurriculumConfig()) is None


def test_too_few_prompts_for_a_batch() -> None:
    with pytest.raises(ConfigError, match="needs 4 distinct prompts, got 3"):
        sampler(3)
