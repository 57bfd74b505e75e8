"""What the rules, dynamic sampling, schedules and PRIME make of a batch that is given."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from assay.core.errors import ConfigError
from assay.core.recipe import Recipe
from assay.core.types import Reward, Status, Step
from assay.trainer.online import rules
from assay.trainer.online.dynamic import informative
from assay.trainer.online.prime import ImplicitReward
from assay.trainer.online.rollout import Rollout
from assay.trainer.online.scored import ScoredBatch, WeightSchedule, schedule_of
from assay.trainer.online.settings import CostSettings, PrimeSettings, ReinforceSettings

NAN = float("nan")


class OneRank:
    """As much of an accelerator as the rules use."""

    process_index = 0

    def gather(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor

    reduce = gather


class FakeTrainer:
    """As much of a trainer as the rules use."""

    def __init__(self, **plan: Any) -> None:
        self.plan = SimpleNamespace(**plan)
        self.accelerator = OneRank()
        self.model = SimpleNamespace(training=True)
        self.multiplier = 1.0
        self.notes: dict[str, float] = {}

    def note(self, name: str, value: float) -> None:
        self.notes[name] = value

    def token_texts(self, ids: list[int]) -> list[str]:
        return [chr(96 + i) for i in ids]


def reward(value: float | None, steps: tuple[Step, ...] = (), **values: float) -> Reward:
    status = Status.SCORED if value is not None else Status.FAILED
    return Reward(
        value=value,
        unshaped=value,
        passed=None,
        status=status,
        verdicts={},
        values=values,
        steps=steps,
    )


def batch(verdicts: list[Reward], lengths: list[int], group_size: int) -> Rollout:
    width = max(lengths)
    mask = torch.tensor([[1] * n + [0] * (width - n) for n in lengths])
    numbers = [NAN if v.value is None else v.value for v in verdicts]
    ids = torch.arange(1, width + 1).repeat(len(lengths), 1) * mask
    return Rollout(
        out={"completion_mask": mask, "completion_ids": ids},
        rows=[{}] * len(lengths),
        rewards_N=torch.tensor(numbers),
        samples=[],
        verdicts=verdicts,
        group_size=group_size,
        first=0,
    )


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        pytest.param("group", [0.5, -0.5, 0.0, 0.0], id="group"),
        pytest.param("batch", [2 / 3, -1 / 3, -1 / 3, 0.0], id="batch"),
        pytest.param("none", [1.0, 0.0, 0.0, 0.0], id="none"),
    ],
)
def test_reinforce(baseline: Any, expected: list[float]) -> None:
    trainer = FakeTrainer(reinforce=ReinforceSettings(baseline=baseline))
    verdicts = [reward(1.0), reward(0.0), reward(0.0), reward(None)]
    found = rules.reinforce(trainer, batch(verdicts, [1, 2, 1, 2], 2))  # type: ignore[arg-type]
    assert torch.nan_to_num(found).tolist() == pytest.approx(expected)


def test_reinforce_pp_charges_kl_then_sums_then_normalises() -> None:
    trainer = FakeTrainer(reinforce=ReinforceSettings(), kl_in_reward=0.5)
    rollout = batch([reward(1.0), reward(0.0), reward(None)], [2, 3, 1], 3)
    kl = torch.tensor([[0.2, 0.4, 9.0], [0.0, 0.6, 0.2], [5.0, 9.0, 9.0]])
    rollout.out["rollout_logps"] = kl
    rollout.out["ref_per_token_logps"] = torch.zeros(3, 3)
    found = rules.reinforce_pp(trainer, rollout)  # type: ignore[arg-type]
    returns = [1 - 0.1 - 0.2, 1 - 0.2, -0.4, -0.4, -0.1]
    mean = sum(returns) / 5
    std = math.sqrt(sum((r - mean) ** 2 for r in returns) / 5)
    expected = [(r - mean) / std for r in returns]
    assert found[0, :2].tolist() == pytest.approx(expected[:2], abs=1e-5)
    assert found[1].tolist() == pytest.approx(expected[2:], abs=1e-5)
    assert not found[2].any()
    assert trainer.notes["kl"] == pytest.approx((0.2 + 0.4 + 0.6 + 0.2 + 5.0) / 6)


def test_process_rewards_reach_the_tokens_of_their_steps() -> None:
    """The golden example of spec 001: steps at tokens 2 and 4 of five, and at 3 of four."""
    first = (Step(start=0, end=2, score=1.0), Step(start=2, end=4, score=0.0))
    second = (Step(start=0, end=3, score=0.5),)
    rollout = batch([reward(0.5, first), reward(0.5, second)], [5, 4], 2)
    trainer: Any = FakeTrainer()
    found = rules.grpo_process(trainer, rollout)
    assert found[0].tolist() == pytest.approx([0, 0, -1.22474487, -1.22474487, 0], abs=1e-6)
    assert found[1].tolist() == pytest.approx([0, 0, 0, 0, 0], abs=1e-6)


def test_a_step_beyond_the_tokens_is_held_by_the_last() -> None:
    steps = (Step(start=0, end=99, score=1.0),)
    rollout = batch([reward(1.0, steps), reward(0.0)], [2, 2], 2)
    trainer: Any = FakeTrainer()
    assert rules._steps(trainer, rollout, 0) == ([1], [1.0])
    assert rules._steps(trainer, rollout, 1) == ([], [])


def test_costs_are_weighed_by_a_multiplier_that_learns() -> None:
    cost = CostSettings(limit=0.25, multiplier=1.0, rate=0.5)
    roles, weights = ("reward", "cost"), (1.0, -2.0)
    trainer: Any = FakeTrainer(cost=cost, sources=("right", "long"), roles=roles, weights=weights)
    verdicts = [reward(0.0, right=1.0, long=0.5), reward(0.0, right=0.0, long=0.5)]
    found = rules.cost(trainer, batch(verdicts, [1, 1], 2))
    spread = math.sqrt(0.5) + 1e-4
    assert found.tolist() == pytest.approx([0.5 / spread / 2, -0.5 / spread / 2])
    assert trainer.notes["cost/mean"] == pytest.approx(1.0)  # weighted by 2
    assert trainer.multiplier == pytest.approx(math.exp(0.5 * 1.0 * 0.75))
    trainer.model.training = False
    rules.cost(trainer, batch(verdicts, [1, 1], 2))
    assert trainer.multiplier == pytest.approx(math.exp(0.5 * 0.75))  # an evaluation moves nothing


def test_columns_leave_out_what_has_no_reward() -> None:
    verdicts = [reward(1.0, a=1.0), reward(None, a=1.0)]
    found = rules.columns(verdicts, ("a", "b"), torch.zeros(2))
    assert torch.isnan(found).tolist() == [[False, True], [True, True]]


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        pytest.param([1, 0, 1, 1], [True, False], id="one-of-two"),
        pytest.param([NAN, 0, 1, NAN], [False, False], id="a-lone-one-teaches-nothing"),
        pytest.param([NAN, NAN, 0.1, 0.2], [False, True], id="nobody-scored"),
    ],
)
def test_informative_groups(rewards: list[float], expected: list[bool]) -> None:
    assert informative(torch.tensor(rewards), 2) == expected


def test_a_weight_moves_in_straight_lines() -> None:
    points = {"a": ((10, 1.0), (20, 0.0)), "c": ((0, 2.0),)}
    schedule = WeightSchedule(points, {"a": (0.5, 1.0), "c": (1.0, -1.0)})
    assert [schedule.weight("a", s) for s in (0, 10, 15, 20, 99)] == [1.0, 1.0, 0.5, 0.0, 0.0]
    paid = schedule.paid(reward(10.0, a=4.0, c=3.0), 0)
    assert paid == pytest.approx(10.0 + 0.5 * 4.0 - 1.0 * 3.0)
    assert schedule.paid(reward(None), 0) is None


def test_a_schedule_needs_a_plain_sum() -> None:
    gated = Recipe.read({"sources": ["math.exact"], "compose": {"use": "gate"}})
    with pytest.raises(ConfigError, match="plain weighted sum"):
        schedule_of(gated, {"math.exact": ((0, 1.0),)})
    assert schedule_of(gated, {}) is None


def test_a_scored_batch_keeps_what_was_said() -> None:
    seen: list[int] = []
    scored = ScoredBatch(
        Recipe.read({"sources": ["math.exact"]}), sink=lambda s, r, _: seen.append(len(s))
    )
    try:
        values = scored(prompts=["a", "b"], completions=["1", "2"], ground_truth=["1", "1"])
        assert values == [1.0, 0.0]
        assert [r.passed for r in scored.rewards] == [True, False]
        assert [r.values for r in scored.rewards] == [{"math.exact": 1.0}, {"math.exact": 0.0}]
        assert seen == [2]
    finally:
        scored.function.close()


class Bigram(torch.nn.Module):
    """A language model of one table."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.nn.Parameter(torch.randn(5, 5, generator=generator))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
        return SimpleNamespace(logits=self.table[input_ids])


class PlainAccelerator(OneRank):
    """Prepares nothing."""

    def prepare_model(self, model: Any, **_: Any) -> Any:
        return model

    def prepare(self, *things: Any) -> tuple[Any, ...]:
        return things

    def unwrap_model(self, model: Any) -> Any:
        return model

    def backward(self, loss: torch.Tensor) -> None:
        loss.backward()


def implicit(settings: PrimeSettings) -> ImplicitReward:
    return ImplicitReward(Bigram(0), Bigram(0), settings, PlainAccelerator())


def test_prime_scores_nothing_before_it_has_learned_and_outcomes_after(tmp_path: Path) -> None:
    source = implicit(PrimeSettings(beta=0.5, learning_rate=0.1))
    ids = torch.tensor([[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 1, 1]])
    attention, mask = torch.ones_like(ids), torch.ones(3, 3)
    assert not source.score(ids, attention, 3).any()
    labels = torch.tensor([1.0, 0.0, NAN])
    losses = [source.update(ids, attention, mask, labels)["loss"] for _ in range(40)]
    assert losses[0] == pytest.approx(math.log(2))
    assert losses[-1] < 0.3
    tokens = source.score(ids, attention, 3)
    assert tokens[0].sum() > 0 > tokens[1].sum()
    assert tokens[0, 2] > 0 > tokens[1, 2]  # where the two completions part
    source.save(tmp_path / "prime.pt")
    other = implicit(PrimeSettings(beta=0.5, learning_rate=0.1))
    other.load(tmp_path / "prime.pt")
    assert torch.equal(other.score(ids, attention, 3), tokens)
    again = [s.update(ids, attention, mask, labels)["loss"] for s in (source, other)]
    assert again[0] == again[1]
    assert torch.equal(other.score(ids, attention, 3), source.score(ids, attention, 3))


def test_prime_learns_nothing_from_what_was_not_judged() -> None:
    source = implicit(PrimeSettings())
    ids = torch.tensor([[0, 1, 2, 3]])
    found = source.update(ids, torch.ones_like(ids), torch.ones(1, 3), torch.tensor([NAN]))
    assert found == {"loss": 0.0, "accuracy": 0.0}
    assert not source.score(ids, torch.ones_like(ids), 3).any()


def test_a_sample_is_not_needed_for_a_rule() -> None:
    """Scoring that broke leaves no verdicts; every rule that reads them gives zeros."""
    rollout = batch([reward(None), reward(None)], [1, 1], 2)
    rollout.verdicts = []
    plan = {"sources": ("a",), "weights": (1.0,), "roles": ("reward",), "cost": CostSettings()}
    trainer: Any = FakeTrainer(**plan)
    assert not torch.nan_to_num(rules.gdpo(trainer, rollout)).any()
    assert not torch.nan_to_num(rules.cost(trainer, rollout)).any()
    assert not rules.grpo_process(trainer, rollout).any()
    assert trainer.multiplier == 1.0
