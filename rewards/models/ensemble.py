"""Several models' scores of one answer as one, and how far they can be trusted.

Scores must share a level and a unit first (``normaliser``): raw ones of two models cannot be
averaged. Source: Coste et al. 2023 (arXiv 2310.02743): mean, worst case, and penalty for spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from ...core.errors import ConfigError

__all__ = ["combined"]


def combined(
    scores: Sequence[float], how: Literal["mean", "min", "mean_minus_std"], k: float = 1.0
) -> tuple[float, float]:
    """The score of an ensemble, and its confidence ``1 / (1 + variance)`` in (0, 1].

    ``mean_minus_std`` is ``mean - k std``. Variance and std are the population's. Raises
    ``ConfigError`` for no scores. Differs from the paper: it takes off k times the variance, which
    has another unit than the scores; confidence is ours.
    """
    if not scores:
        raise ConfigError("combined.scores: must hold the score of a model, got none")
    mean = math.fsum(scores) / len(scores)
    variance = math.fsum((s - mean) ** 2 for s in scores) / len(scores)
    values = {
        "mean": mean,
        "min": min(scores),
        "mean_minus_std": mean - k * math.sqrt(variance),
    }
    return values[how], 1.0 / (1.0 + variance)
