"""From a scored batch to advantages, by algorithm: the estimators at work, over all ranks.

A rule gives (B,) advantages, one for a whole completion, or (B, T), one for each token. What TRL
computes itself (GRPO, Dr. GRPO, GSPO, DAPO) has no rule here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from accelerate.utils import gather_object

from ...core.types import Reward
from ..estimators import advantages as estimate
from ..estimators import kl as kls
from ..estimators.returns import masked_sums, returns_to_go, standardise, token_rewards
from ..estimators.steps import token_ends
from .greedy import greedy_rewards
from .rollout import Rollout

if TYPE_CHECKING:
    from .policy import PolicyTrainer

__all__ = ["READ_VERDICTS", "RULES", "Rule", "columns", "reference_kl"]

Rule: TypeAlias = "Callable[[PolicyTrainer, Rollout], torch.Tensor]"


def reinforce(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """The reward less a mean that the completion shares."""
    kind = trainer.plan.reinforce.baseline
    found = estimate.reinforce(rollout.rewards_N, rollout.group_size, baseline=kind)
    return found[rollout.own]


def reinforce_pp(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """REINFORCE++: KL inside token rewards, their return, standardised over the whole batch.

    Source: tutorial 6.3.7, in the order KL, return, normalisation (its errata, item 10).
    """
    mask = rollout.scored_mask
    kl_B_T = reference_kl(trainer, rollout)
    beta = trainer.plan.kl_in_reward
    scores = torch.nan_to_num(rollout.rewards_B)
    shaped = token_rewards(scores, kl_B_T, beta, mask)
    returns = returns_to_go(shaped, mask, trainer.plan.reinforce.gamma)
    return standardise(returns, mask, trainer.accelerator.reduce(masked_sums(returns, mask)))


def mdloo(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:  # noqa: ARG001 - a rule's
    """RLOO's advantage; the mirror term to the sampling policy is in the loss."""
    return estimate.rloo(rollout.rewards_N, rollout.group_size)[rollout.own]


def remax(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """The reward less that of the greedy completion of the same prompt."""
    return estimate.remax(rollout.rewards_B, greedy_rewards(trainer, rollout))


def grpo_process(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """GRPO with process supervision, from the steps of the first source that gives any.

    Completions without steps (nothing was read, or a fault) take no part and learn nothing.
    """
    ids = rollout.out["completion_ids"]
    ends, scores = [], []
    for place in range(rollout.size):
        own_ends, own_scores = _steps(trainer, rollout, place)
        ends.append(own_ends)
        scores.append(own_scores)
    all_ends, all_scores = gather_object(ends), gather_object(scores)
    found = estimate.process(all_scores, all_ends, ids.shape[1], rollout.group_size)
    return found[rollout.own].to(ids.device)


def _steps(trainer: PolicyTrainer, rollout: Rollout, place: int) -> tuple[list[int], list[float]]:
    steps = rollout.verdicts[place].steps if rollout.verdicts else ()
    length = int(rollout.out["completion_mask"][place].sum())
    pieces = trainer.token_texts(rollout.out["completion_ids"][place, :length].tolist())
    reach = sum(map(len, pieces))
    known = [(min(step.end, reach), step.score) for step in steps if min(step.end, reach) > 0]
    return token_ends(pieces, [end for end, _ in known]), [score for _, score in known]


def gdpo(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """Every source normalised in its group, then added, then normalised over the batch."""
    names, weights = trainer.plan.sources, trainer.plan.weights
    local = columns(rollout.verdicts, names, rollout.rewards_B)
    everywhere = trainer.accelerator.gather(local)
    weights_K = torch.tensor(weights, device=local.device, dtype=local.dtype)
    return estimate.gdpo(everywhere, weights_K, rollout.group_size)[rollout.own]


def cost(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """Safe RLHF: advantages of reward and of cost, joined by the multiplier, which then moves.

    Source: tutorial 2.9. Each part has the group's mean as its baseline and is divided by the
    group's standard deviation.
    """
    plan = trainer.plan
    local = columns(rollout.verdicts, plan.sources, rollout.rewards_B)
    weights = torch.tensor(plan.weights, device=local.device, dtype=local.dtype)
    is_cost = torch.tensor([role == "cost" for role in plan.roles], device=local.device)
    weighted = local * weights.abs()
    lost = torch.isnan(rollout.rewards_B)
    sums = [
        weighted[:, chosen].nansum(dim=1).masked_fill(lost, torch.nan)
        for chosen in (~is_cost, is_cost)
    ]
    rewards_N, costs_N = (trainer.accelerator.gather(part) for part in sums)
    multiplier = trainer.multiplier
    found = estimate.lagrangian(
        estimate.grpo(rewards_N, rollout.group_size),
        estimate.grpo(costs_N, rollout.group_size),
        multiplier,
    )
    mean_cost = float(torch.nanmean(costs_N)) - plan.cost.limit
    if trainer.model.training and math.isfinite(mean_cost):  # NaN: nothing was scored
        trainer.multiplier = estimate.next_multiplier(multiplier, mean_cost, plan.cost.rate)
    trainer.note("cost/mean", mean_cost + plan.cost.limit)
    trainer.note("cost/multiplier", multiplier)
    return found[rollout.own]


def columns(
    verdicts: Sequence[Reward], names: Sequence[str], rewards_B: torch.Tensor
) -> torch.Tensor:
    """(B, K): each source's value after ``map``; NaN where there is none, or no reward."""
    table = torch.full((len(rewards_B), len(names)), torch.nan, device=rewards_B.device)
    for row, reward in enumerate(verdicts):
        if reward.value is not None:
            for column, name in enumerate(names):
                table[row, column] = reward.values.get(name, torch.nan)
    return table


def reference_kl(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """(B, T): the sampled KL of the rollout's policy to the reference, k1; zeros without one."""
    reference: Any = rollout.out.get("ref_per_token_logps")
    logps: Any = rollout.out.get("rollout_logps")
    if reference is None or logps is None:
        return torch.zeros_like(rollout.mask, dtype=torch.float32)
    found: torch.Tensor = kls.k1(logps, reference) * rollout.mask
    count = trainer.accelerator.reduce(masked_sums(found, rollout.mask))
    trainer.note("kl", float(count[1] / count[0].clamp(min=1)))
    return found


RULES: dict[str, Rule] = {
    "reinforce": reinforce,
    "reinforce_pp": reinforce_pp,
    "mdloo": mdloo,
    "remax": remax,
    "grpo_process": grpo_process,
    "gdpo": gdpo,
    "cost": cost,
}
READ_VERDICTS = frozenset({"grpo_process", "gdpo", "cost"})
"""Rules that need more than one number a completion."""
