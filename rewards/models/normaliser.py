"""A level and a unit for raw scores: fitted on an anchor set and frozen, or those of a batch.

A Bradley-Terry score has neither: any constant may be added to it. Normalising by what the model
gives on fixed texts (usually SFT answers to the training prompts) lets scores of one model be read
together, over batches and beside those of others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from ...core.errors import ConfigError
from ...core.settings import Settings

__all__ = ["Normaliser", "fit_normaliser", "normalised_by_batch"]


class Normaliser(Settings):
    """``(score - mean) / std``, with the numbers of an anchor set; saved with the model."""

    mean: float = Field(allow_inf_nan=False)
    std: float = Field(gt=0, allow_inf_nan=False)
    """1 where scores are only centred."""
    n: int = Field(ge=1)
    """How many anchor scores it was fitted on."""

    def __call__(self, score: float) -> float:
        """A score in standard deviations from the anchors' mean."""
        return (score - self.mean) / self.std


def fit_normaliser(scores: Sequence[float], *, unit_variance: bool = True) -> Normaliser:
    """Mean zero on these scores and, by default, unit (population) variance.

    Raises ``ConfigError`` for no scores, for ones that are not finite, and for a unit variance of
    scores that do not differ.
    Source: Ouyang et al. 2022 (arXiv 2203.02155), section 3.5: the mean of demonstrations is 0.
    Differs: the variance is ours, as OpenRLHF's ``normalize_reward``.
    """
    if not scores or not all(map(math.isfinite, scores)):
        raise ConfigError(f"fit_normaliser: needs finite scores, got {len(scores)} of them")
    mean = math.fsum(scores) / len(scores)
    std = math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / len(scores))
    if unit_variance and not std > 1e-12 * max(1.0, abs(mean)):
        raise ConfigError(
            f"fit_normaliser: the {len(scores)} scores do not differ, so they have no unit; give"
            " more anchors, or unit_variance=False"
        )
    return Normaliser(mean=mean, std=std if unit_variance else 1.0, n=len(scores))


def normalised_by_batch(scores: Sequence[float]) -> list[float]:
    """Scores of one batch with mean zero and unit variance; zeros where they do not differ.

    What a sample gets then depends on its company.
    """
    if not scores:
        return []
    mean = math.fsum(scores) / len(scores)
    std = math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / len(scores))
    if not std > 1e-12 * max(1.0, abs(mean)):
        return [0.0] * len(scores)
    return [(score - mean) / std for score in scores]
