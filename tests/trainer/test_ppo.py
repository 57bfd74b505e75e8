"""PPO's batch against the formulas, on a trainer whose rewards and values are given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from assay.core.types import Reward, Sample, Status
from assay.trainer.config import TrainingRecipe
from assay.trainer.data import dataset_of, load_problems
from assay.trainer.estimators.returns import gae, standardise
from assay.trainer.online.algorithms import build_arguments, build_trainer
from assay.trainer.online.critic import FOLDER
from assay.trainer.online.rollout import Rollout, explained_variance
from assay.trainer.online.scored import ScoredBatch
from assay.trainer.start import load_tokenizer
from assay.trainer.tiny import TinyModel, save_tiny

pytestmark = pytest.mark.filterwarnings(  # TRL 1.16 sets what transformers 5 calls deprecated
    "ignore:.*gradient_checkpointing:FutureWarning"
)
EOS = 1


def make(folder: Path, **trainer: Any) -> Any:
    """A PPO trainer on a tiny model; ``ppo`` are its settings."""
    start = folder / "start"
    if not start.exists():
        shape = TinyModel(layers=1, hidden=32, heads=2, feed_forward=64, positions=64)
        save_tiny(shape, start, 0)
    recipe = TrainingRecipe.read(
        {
            "name": "ppo",
            "sources": [{"use": "math.exact"}],
            "model": {"path": str(start)},
            "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 8, "n_eval": 2},
            "trainer": {
                "algorithm": "ppo",
                "num_generations": 1,
                "per_device_train_batch_size": 4,
                "max_completion_length": 5,
                "max_steps": 1,
                **trainer,
            },
        }
    )
    tokenizer, problems = load_tokenizer(start), load_problems(recipe).train
    made = build_trainer(
        recipe,
        build_arguments(recipe, folder / "run"),
        start=start,
        tokenizer=tokenizer,
        problems=problems,
        dataset=dataset_of(problems),
        scored=ScoredBatch(recipe.scoring(), max_completion_length=5),
        callback=None,
    )
    made.model.train()
    return made


def rollout(trainer: Any, rewards: list[float], completions: list[list[int]]) -> Rollout:
    """A batch of given completions with given rewards."""
    width = max(map(len, completions))
    pad = trainer._tokenizer.pad_token_id
    ids = torch.tensor([row + [pad] * (width - len(row)) for row in completions])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in completions])
    prompts = torch.tensor([[pad, 7, 8]] + [[6, 7, 8]] * (len(completions) - 1))
    prompt_mask = (prompts != pad).long()
    attention = torch.cat([prompt_mask, mask], 1)
    whole = torch.cat([prompts, ids], 1)
    out = {
        "prompt_ids": prompts,
        "prompt_mask": prompt_mask,
        "completion_ids": ids,
        "completion_mask": mask,
        "advantages": torch.zeros(len(rewards)),
    }
    if trainer.ref_model is not None:
        with torch.no_grad():
            out["ref_per_token_logps"], _, _ = trainer._get_per_token_logps_and_entropies(
                trainer.ref_model, whole, attention, width
            )
    samples = [Sample(prompt="", completion="", group=str(i)) for i in range(len(rewards))]
    scored = [Reward(value=0.0, unshaped=0.0, passed=None, status=Status.SCORED, verdicts={})]
    return Rollout(
        out=out,
        rows=[{} for _ in rewards],
        rewards_N=torch.tensor(rewards),
        samples=samples,
        verdicts=scored * len(rewards),
        group_size=1,
        first=0,
    )


def disturb(trainer: Any) -> None:
    """A policy that is not its reference, and a critic whose values differ."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weights in trainer.model.parameters():
            weights.add_(0.05 * torch.randn(weights.shape, generator=generator))


COMPLETIONS = [[10, 11, 12, EOS], [13, EOS], [14, 15, 16, 17, 18], [19, 20, EOS]]
REWARDS = [1.0, 0.0, 0.5, float("nan")]


def values_by_hand(trainer: Any, batch: Rollout) -> torch.Tensor:
    """One value for each prefix, each from a forward pass of its own, without padding."""
    found = torch.zeros(4, 6)
    for row in range(4):
        prompt = batch.out["prompt_ids"][row][batch.out["prompt_mask"][row].bool()].tolist()
        for length in range(len(COMPLETIONS[row]) + 1):
            ids = torch.tensor([prompt + COMPLETIONS[row][:length]])
            with torch.no_grad():
                value = trainer.critic.module(input_ids=ids).logits[0, -1, 0]
            found[row, length] = value
    return found


def test_the_advantages_are_those_of_the_formulas(tmp_path: Path) -> None:
    trainer = make(tmp_path, beta=0.3, ppo={"whiten": True, "lam": 0.9, "gamma": 0.97})
    disturb(trainer)
    batch = rollout(trainer, REWARDS, COMPLETIONS)
    by_hand = values_by_hand(trainer, batch)
    out = trainer.finish(batch)
    assert by_hand.std() > 0.01
    mask = out["completion_mask"].bool()
    assert out["old_values"][mask] == pytest.approx(by_hand[:, :5][mask], abs=1e-5)
    expected = torch.zeros(4, 5, dtype=torch.float64)
    for row in range(3):  # the fourth was not scored
        length = len(COMPLETIONS[row])
        kl = out["old_per_token_logps"][row] - out["ref_per_token_logps"][row]
        last = by_hand[row, length] if row == 2 else 0.0  # only the third was cut off
        carry, after = 0.0, float(last)
        for t in range(length - 1, -1, -1):
            reward = -0.3 * float(kl[t]) + (REWARDS[row] if t == length - 1 else 0.0)
            delta = reward + 0.97 * after - float(by_hand[row, t])
            carry = delta + 0.97 * 0.9 * carry
            expected[row, t], after = carry, float(by_hand[row, t])
    scored = mask & torch.tensor([[True], [True], [True], [False]])
    returns = expected + by_hand[:, :5]
    assert out["returns"][scored] == pytest.approx(returns[scored].float(), abs=1e-5)
    chosen = expected[scored]
    whitened = (chosen - chosen.mean()) / chosen.std(correction=0)
    assert out["advantages"][scored] == pytest.approx(whitened.float(), abs=1e-4)
    assert not out["advantages"][~scored].any()
    assert not out["value_mask"][3].any()


def test_without_bootstrapping_a_cut_off_completion_ends_there(tmp_path: Path) -> None:
    trainer = make(tmp_path, beta=0.0, ppo={"whiten": False, "bootstrap_truncated": False})
    disturb(trainer)
    out = trainer.finish(rollout(trainer, REWARDS, COMPLETIONS))
    values, mask = out["old_values"], out["value_mask"]
    rewards = torch.zeros(4, 5)
    rewards[0, 3], rewards[1, 1], rewards[2, 4] = 1.0, 0.0, 0.5
    assert out["advantages"] == pytest.approx(gae(rewards, values, mask), abs=1e-6)


def test_immediate_credit_charges_a_token_with_its_own_penalty(tmp_path: Path) -> None:
    options = {"whiten": False, "kl_credit": "immediate"}
    trainer = make(tmp_path, beta=0.3, ppo=options)
    disturb(trainer)
    out = trainer.finish(rollout(trainer, REWARDS, COMPLETIONS))
    kl = (out["old_per_token_logps"] - out["ref_per_token_logps"]) * out["value_mask"]
    free = make(tmp_path, beta=0.0, ppo={"whiten": False})
    disturb(free)
    plain = free.finish(rollout(free, REWARDS, COMPLETIONS))
    assert out["advantages"] == pytest.approx(plain["advantages"] - 0.3 * kl, abs=1e-5)
    assert out["returns"] == pytest.approx(plain["returns"], abs=1e-5)


def test_the_full_kl_is_that_of_both_vocabularies(tmp_path: Path) -> None:
    trainer = make(tmp_path, beta=0.3, ppo={"kl": "full"})
    disturb(trainer)
    batch = rollout(trainer, REWARDS, COMPLETIONS)
    found = trainer._full_kl(batch)
    row = batch.out["prompt_ids"][1].tolist() + COMPLETIONS[1]
    with torch.no_grad():
        own, reference = (
            torch.log_softmax(model(input_ids=torch.tensor([row])).logits[0, 2:4].double(), -1)
            for model in (trainer.model, trainer.ref_model)
        )
    expected = (own.exp() * (own - reference)).sum(-1)
    assert found[1, :2] == pytest.approx(expected.float(), abs=1e-5)
    assert not found[1, 2:].any()


@pytest.mark.parametrize("critic", ["own", "shared"])
def test_the_critic_starts_at_zero_and_is_no_part_of_the_saved_policy(
    critic: str, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM

    trainer = make(tmp_path, ppo={"critic": critic})
    _, values = trainer._logps_and_values(rollout(trainer, REWARDS, COMPLETIONS))
    assert values.shape == (4, 6)
    assert not values.any()
    disturb(trainer)
    trainer.save_model(str(tmp_path / "saved"))
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "saved", output_loading_info=True)
    assert not again[1]["unexpected_keys"]
    other = make(tmp_path, ppo={"critic": critic})
    other.critic.load(tmp_path / "saved" / FOLDER)
    state = trainer.critic.module.state_dict()
    assert all(torch.equal(v, other.critic.module.state_dict()[k]) for k, v in state.items())


def test_a_reward_model_starts_the_critic(tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification

    make(tmp_path)  # writes the start model
    judge = AutoModelForSequenceClassification.from_pretrained(tmp_path / "start", num_labels=1)
    with torch.no_grad():
        judge.score.weight.fill_(0.25)
    judge.save_pretrained(tmp_path / "judge")
    trainer = make(tmp_path, ppo={"critic_path": str(tmp_path / "judge")})
    assert torch.all(trainer.critic.module.score.weight == 0.25)
    assert not trainer.critic.module.score.bias.any()


def test_the_critic_has_a_learning_rate_of_its_own(tmp_path: Path) -> None:
    trainer = make(tmp_path, learning_rate=1e-4, ppo={"critic_learning_rate": 1e-2})
    optimizer = trainer.create_optimizer()
    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    assert {rates[id(p)] for p in trainer.critic.parameters()} == {1e-2}
    assert sorted(set(rates.values())) == [1e-4, 1e-2]
    assert len(rates) == sum(1 for p in trainer.model.parameters() if p.requires_grad)


def test_only_the_critic_learns_while_it_warms_up(tmp_path: Path) -> None:
    trainer = make(tmp_path, learning_rate=1e-2, ppo={"critic_warmup_steps": 1})
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    batch = rollout(trainer, [1.0, 0.0, 0.5, 0.2], COMPLETIONS)
    inputs = trainer.finish(batch) | {"num_items_in_batch": torch.tensor(14)}
    trainer.current_gradient_accumulation_steps = 1
    trainer._compute_loss(trainer.model, inputs).backward()
    for name, weights in trainer.model.named_parameters():
        moved = weights.grad is not None and bool(weights.grad.any())
        assert not (moved and not name.startswith("assay_critic")), name
    assert any(p.grad is not None and p.grad.any() for p in trainer.critic.parameters())
    assert set(before) == set(dict(trainer.model.named_parameters()))


def test_explained_variance() -> None:
    def of(values: list[float], returns: list[float]) -> float:
        r, e = torch.tensor(returns), torch.tensor(returns) - torch.tensor(values)
        return explained_variance(
            torch.stack([torch.tensor(len(r)), e.sum(), (e**2).sum(), r.sum(), (r**2).sum()])
        )

    assert of([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) == 1.0
    assert of([2.0, 2.0, 2.0], [1.0, 2.0, 3.0]) == pytest.approx(0.0)
    assert of([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]) == pytest.approx(-3.0)
    assert of([1.0, 2.0], [2.0, 2.0]) != of([1.0, 2.0], [2.0, 2.0])  # NaN: nothing to explain


def test_standardised_advantages_do_not_see_what_was_not_scored() -> None:
    x, mask = torch.tensor([[1.0, 3.0, 99.0]]), torch.tensor([[1, 1, 0]])
    assert standardise(x, mask)[0].tolist() == pytest.approx([-1.0, 1.0, 0.0])
