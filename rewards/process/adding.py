"""From the scores of steps to one number, and to rewards of steps that change no optimum.

Sources: Lightman et al. 2023 (arXiv 2305.20050): the product of the steps' chances, and their
minimum; Wang et al. 2024 (Math-Shepherd, arXiv 2312.08935): the minimum; Snell et al. 2024
(arXiv 2408.03314): the last step. Ng, Harada and Russell 1999: shaping by potentials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import Literal, TypeAlias

from ...core.errors import ConfigError

__all__ = ["Adding", "added_up", "potential_steps"]

Adding: TypeAlias = Literal["last", "min", "product", "mean"]


def added_up(scores: Sequence[float], how: Adding) -> float:
    """The score of an answer from those of its steps; raises ``ConfigError`` for no steps.

    ``product`` wants scores in [0, 1]. It falls with every step, so it favours short answers.
    """
    if not scores:
        raise ConfigError("added_up.scores: must hold the score of a step, got none")
    if how == "product" and not all(0.0 <= score <= 1.0 for score in scores):
        raise ConfigError("added_up: product needs scores in [0, 1]; take last, min or mean")
    match how:
        case "last":
            return scores[-1]
        case "min":
            return min(scores)
        case "product":
            return math.prod(scores)
        case "mean":
            return fmean(scores)


def potential_steps(
    scores: Sequence[float], gamma: float = 1.0, *, outcome: float = 0.0, start: float = 0.0
) -> list[float]:
    """``r_t + γ Φ(s_{t+1}) - Φ(s_t)`` for each step, Φ(s_t) the score up to step t.

    Args:
        scores: Φ after each step; the last is replaced by 0, because the answer ends there.
        gamma: discount, in [0, 1].
        outcome: r of the last step; the others have none.
        start: Φ of the prompt alone.

    With γ = 1 the steps add up to ``outcome - start``: what a process model says moves reward
    between steps and adds none. Raises ``ConfigError`` for a gamma outside [0, 1].
    Source: Ng, Harada and Russell 1999. Differs: Φ(terminal) = 0 is forced. The same on tensors,
    for tokens: ``assay.trainer.estimators.returns.potential_shaping``.
    """
    if not 0.0 <= gamma <= 1.0:
        raise ConfigError(f"potential_steps.gamma: must lie in [0, 1], got {gamma}")
    if not scores:
        return []
    after = [*scores[:-1], 0.0]
    before = [start, *scores[:-1]]
    shaped = [gamma * new - old for new, old in zip(after, before, strict=True)]
    shaped[-1] += outcome
    return shaped
