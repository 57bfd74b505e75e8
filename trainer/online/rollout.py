"""A generated and scored batch, as the advantage rules see it.

Shapes: B completions on this rank, N on all ranks (groups adjacent, ranks in order), T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ...core.types import Reward, Sample

__all__ = ["Rollout", "explained_variance"]


@dataclass(slots=True)
class Rollout:
    """What TRL made of a batch, and what was said of it."""

    out: dict[str, Any]
    """TRL's tensors of this rank."""
    rows: list[dict[str, Any]]
    """Dataset rows of this rank, one for each completion."""
    rewards_N: torch.Tensor
    """All ranks' rewards; NaN where there is none."""
    samples: Sequence[Sample]
    verdicts: Sequence[Reward]
    """This rank's; empty when scoring broke."""
    group_size: int
    first: int
    """Place in ``rewards_N`` of this rank's first completion."""

    @property
    def mask(self) -> torch.Tensor:
        """(B, T): 1 for tokens that the policy wrote and is trained on."""
        mask: torch.Tensor = self.out["completion_mask"]
        return mask * self.out["tool_mask"] if "tool_mask" in self.out else mask

    @property
    def size(self) -> int:
        """B."""
        return len(self.rows)

    @property
    def own(self) -> slice:
        """This rank's places among N."""
        return slice(self.first, self.first + self.size)

    @property
    def rewards_B(self) -> torch.Tensor:
        """This rank's rewards; NaN where there is none."""
        return self.rewards_N[self.own]

    @property
    def scored_mask(self) -> torch.Tensor:
        """(B, T): the mask without completions that have no reward."""
        return self.mask * (~torch.isnan(self.rewards_B)).long().unsqueeze(1)


def explained_variance(sums: torch.Tensor) -> float:
    """1 - Var(returns - values) / Var(returns), from sums over all ranks; NaN for no variance.

    Args:
        sums: count, Σ(R - V), Σ(R - V)², ΣR, ΣR² in float64.
    """
    count, error, error2, total, total2 = (float(x) for x in sums)
    if count < 2:
        return float("nan")
    spread = total2 / count - (total / count) ** 2
    if spread <= 1e-12:
        return float("nan")
    return 1.0 - (error2 / count - (error / count) ** 2) / spread
