"""What an algorithm's name means: TRL's settings, our rule, and where the KL goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config import TrainingRecipe
from .settings import (
    CostSettings,
    DynamicSamplingSettings,
    PPOSettings,
    PrimeSettings,
    PtxSettings,
    ReinforceSettings,
)

__all__ = ["PRESETS", "Plan", "Preset", "plan_of"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One algorithm."""

    trl: Mapping[str, Any] = field(default_factory=dict)
    """TRL's settings that make it; those of the recipe win."""
    rule: str | None = None
    """Our advantage rule; None: TRL's own advantages."""
    kl_in_reward: bool = False
    """``beta`` weighs a KL inside the reward, and the loss has none."""
    beta: float | None = None
    """Where the recipe gives none."""
    kind: str = "policy"
    """``policy``, ``ppo``, ``prime``, ``grape``, or ``rloo`` (TRL's own trainer)."""
    single: bool = False
    """One completion a prompt is enough."""


PRESETS: dict[str, Preset] = {
    # The formula of DeepSeekMath: a mean over each completion's tokens, then over completions.
    "grpo": Preset({"loss_type": "grpo", "scale_rewards": "group"}),
    # No division by the standard deviation, nor by a completion's own length (GRAPE paper, eq. 14).
    "dr_grpo": Preset({"loss_type": "dr_grpo", "scale_rewards": "none"}),
    # Clip-higher 0.28 and a mean over all tokens (arXiv 2503.14476, 3.1 and 3.3).
    "dapo": Preset({"loss_type": "dapo", "scale_rewards": "group", "epsilon_high": 0.28}),
    "gspo": Preset({"loss_type": "grpo", "importance_sampling_level": "sequence"}),
    "gdpo": Preset({"loss_type": "dapo"}, rule="gdpo"),
    "grpo_process": Preset({"loss_type": "grpo"}, rule="grpo_process"),
    "safe_rlhf": Preset({"loss_type": "grpo"}, rule="cost"),
    "rloo": Preset(kind="rloo"),
    "reinforce": Preset({"loss_type": "dapo"}, rule="reinforce", single=True),
    "reinforce_pp": Preset(
        {"loss_type": "dapo"}, rule="reinforce_pp", kl_in_reward=True, beta=0.01, single=True
    ),
    "remax": Preset({"loss_type": "dapo"}, rule="remax", single=True),
    "mdloo": Preset({"loss_type": "dapo"}, rule="mdloo"),
    "ppo": Preset({"loss_type": "dapo"}, kind="ppo", kl_in_reward=True, beta=0.01, single=True),
    "prime": Preset({"loss_type": "dapo"}, kind="prime"),
    # Dr. GRPO's advantage and loss (GRAPE paper, eq. 13 and 14); its generation is in ``grape``.
    "grape": Preset({"loss_type": "dr_grpo", "scale_rewards": "none"}, kind="grape"),
}
"""Online algorithms by name. ``beta`` of PPO and REINFORCE++ is ours: the texts give none."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What our trainers need of a recipe; the defaults are those of ``trainer.config``."""

    rule: str | None = None
    """A name in ``rules.RULES``; None: TRL's own advantages."""
    kl_in_reward: float = 0.0
    """β of the KL inside the reward; 0: none."""
    sources: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    """Of the sources; those of costs are negative."""
    roles: tuple[str, ...] = ()
    loss: str = "trl"
    """``trl``, or one of ours: ``cpi``, ``kl_penalty``, ``sequence_sum``."""
    old_kl: float = 0.2
    """Weight of the KL to the sampling policy in the loss ``kl_penalty``."""
    old_kl_target: float | None = None
    ppo: PPOSettings = field(default_factory=PPOSettings)
    prime: PrimeSettings = field(default_factory=PrimeSettings)
    reinforce: ReinforceSettings = field(default_factory=ReinforceSettings)
    cost: CostSettings = field(default_factory=CostSettings)
    dynamic: DynamicSamplingSettings | None = None
    ptx: PtxSettings | None = None
    smoothing: float = 0.5
    """Share of the newest batch in a prompt's moving pass rate."""


def plan_of(recipe: TrainingRecipe) -> Plan:
    """The plan of a recipe for an online algorithm."""
    section = recipe.trainer
    preset = PRESETS[section.algorithm]
    beta = section.beta if section.beta is not None else preset.beta
    return Plan(
        rule=preset.rule,
        kl_in_reward=(beta or 0.0) if preset.kl_in_reward else 0.0,
        sources=tuple(entry.name for entry in recipe.sources),
        weights=tuple(-e.weight if e.role == "cost" else e.weight for e in recipe.sources),
        roles=tuple(entry.role for entry in recipe.sources),
        loss=section.loss,
        old_kl=section.old_kl,
        old_kl_target=section.old_kl_target,
        ppo=section.ppo,
        prime=section.prime,
        reinforce=section.reinforce,
        cost=section.cost,
        dynamic=section.dynamic_sampling,
        ptx=section.ptx,
        smoothing=section.curriculum.smoothing,
    )
