"""The Bradley-Terry model in plain numbers: what a difference of two scores says.

Source: Bradley and Terry 1952; Ouyang et al. 2022 (arXiv 2203.02155), Eq. 1; Patel 2025 (GRAPE),
Eq. 5 and 6. The same loss on tensors, for training: ``assay.trainer.estimators.preferences``.
"""

from __future__ import annotations

import math

from ...core.calibration import sigmoid
from ...core.errors import ConfigError

__all__ = ["loss", "probability"]


def probability(first: float, second: float) -> float:
    """The chance that the first answer is preferred: ``σ(first - second)``, in (0, 1).

    Only the difference counts: adding one number to both scores changes nothing, so the level of a
    score means nothing by itself.
    """
    return sigmoid(first - second)


def loss(first: float, second: float, preference: float = 1.0) -> float:
    """``-p log σ(d) - (1 - p) log σ(-d)``, d = first - second; log 2 where the scores are equal.

    ``preference`` p is how often people preferred the first, in [0, 1] (GRAPE, Eq. 5); 1 gives the
    loss of a plain pair (Eq. 6). Raises ``ConfigError`` outside. Differs: nothing.
    """
    if not 0.0 <= preference <= 1.0:
        raise ConfigError(f"loss.preference: must lie in [0, 1], got {preference}")
    difference = first - second
    # log σ(-d) = log σ(d) - d, so one softplus is enough
    softplus = max(-difference, 0.0) + math.log1p(math.exp(-abs(difference)))
    return softplus + (1.0 - preference) * difference
