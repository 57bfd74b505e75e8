"""How far two policies are apart: estimators with a direction, and coefficients that follow it.

Covered: per-token estimates from log-probabilities, the exact sum over the vocabulary, fixed and
adaptive β. Not covered: where the penalty goes (in the reward for PPO: ``returns.token_rewards``;
in the loss for GRPO), which must be one place only.

The samples are the policy's, and estimators are of KL(π ‖ π_ref), the reverse direction. With
d = log π_ref - log π:

| | value | as a loss, differentiated with the samples fixed |
|---|---|---|
| k1 = -d | unbiased, may be negative | gives 0 on average: it belongs in the reward |
| k2 = d²/2 | biased, low variance | gives the gradient of KL(π ‖ π_ref) |
| k3 = e^d - 1 - d | unbiased, never negative | gives the gradient of KL(π_ref ‖ π) |

All of that holds for samples from π itself. Samples of an older policy need the ratio π/π_old as
weight. Source: Schulman 2020, "Approximating KL divergence". Differs: nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from ...core.errors import ConfigError, did_you_mean

__all__ = ["AdaptiveKL", "Direction", "FixedKL", "full", "k1", "k2", "k3"]

Direction: TypeAlias = Literal["reverse", "forward"]
"""reverse: KL(π ‖ π_ref), seeks modes. forward: KL(π_ref ‖ π), covers mass."""

_DIRECTIONS = ("reverse", "forward")


def k1(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """``log π - log π_ref`` for each token, in nats."""
    return logps - ref_logps


def k2(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """``(log π - log π_ref)² / 2`` for each token, in nats; never negative."""
    return (logps - ref_logps).square() / 2


def k3(logps: Tensor, ref_logps: Tensor) -> Tensor:
    """``π_ref/π - 1 - log(π_ref/π)`` for each token, in nats; never negative."""
    apart = ref_logps - logps
    # an expm1 that is one ulp low would leave less than 0 near d = 0
    return (torch.expm1(apart) - apart).clamp(min=0)


def full(logits: Tensor, ref_logits: Tensor, direction: Direction = "reverse") -> Tensor:
    """The KL over the whole vocabulary (the last dimension), in nats, without sampling noise.

    Tokens at -inf have no mass and add nothing; mass where the other has none is infinite.
    Raises ``ConfigError`` for another direction.
    """
    logp, logq = torch.log_softmax(logits, -1), torch.log_softmax(ref_logits, -1)
    if direction == "forward":
        logp, logq = logq, logp
    elif direction != "reverse":
        raise ConfigError(f"kl.direction: no {direction!r}{did_you_mean(direction, _DIRECTIONS)}")
    p = logp.exp()
    # 0 log 0 is 0, but -inf - -inf is not
    return (p * torch.where(p > 0, logp - logq, 0.0)).sum(dim=-1)


class FixedKL:
    """A coefficient that stays."""

    def __init__(self, beta: float) -> None:
        """``beta`` >= 0, in reward per nat; raises ``ConfigError``."""
        self.beta = _checked("beta", beta)

    def update(self, observed_kl: float) -> None:
        """Refuse what is no number, change nothing."""
        _check_observed(observed_kl)

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint needs."""
        return {"beta": self.beta}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Continue where a checkpoint was."""
        self.beta = _checked("beta", state["beta"])


class AdaptiveKL(FixedKL):
    """A coefficient that halves below ``target / 1.5`` and doubles above ``target * 1.5``.

    Source: Schulman et al. 2017 (PPO, arXiv 1707.06347), section 4. Differs: ``floor`` and
    ``ceiling`` (ours), so that a long quiet stretch does not leave a β that takes as long to grow.
    """

    def __init__(
        self, beta: float, target: float, *, floor: float = 1e-6, ceiling: float = 1e3
    ) -> None:
        """``target`` > 0, in the unit of what ``update`` is given; raises ``ConfigError``."""
        super().__init__(beta)
        if not (target > 0 and math.isfinite(target)):
            raise ConfigError(f"kl.target: must be finite and > 0, got {target}")
        if not 0 < floor <= beta <= ceiling:
            raise ConfigError(
                f"kl.beta: must lie in [floor, ceiling] = [{floor}, {ceiling}], got {beta}"
            )
        self.target, self.floor, self.ceiling = target, floor, ceiling

    def update(self, observed_kl: float) -> None:
        """Move β by what was observed since the last update (in nats, the same on all ranks)."""
        _check_observed(observed_kl)
        if observed_kl < self.target / 1.5:
            self.beta = max(self.beta / 2, self.floor)
        elif observed_kl > self.target * 1.5:
            self.beta = min(self.beta * 2, self.ceiling)


def _checked(name: str, value: float) -> float:
    if not (value >= 0 and math.isfinite(value)):
        raise ConfigError(f"kl.{name}: must be finite and >= 0, got {value}")
    return float(value)


def _check_observed(observed_kl: float) -> None:
    if not math.isfinite(observed_kl):
        raise ConfigError(
            f"kl.observed: must be finite, got {observed_kl}; the policy gives no probabilities any"
            " more: lower the learning rate"
        )
