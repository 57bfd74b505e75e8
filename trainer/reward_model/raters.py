"""What each rater does to a reward model: trained once more without them, and held against all.

A rater who compares against the others (by mistake, or to poison) makes the model worse for the
others; without them it gets better. Source: leave-one-out influence, Cook 1977; that single raters
can poison preference data: Casper et al. 2023 (arXiv 2307.15217), 3.1. Differs: raters in place of
single rows. Not covered: raters in league with each other, each of whom does little alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .measure import Scored, accuracy
from .rows import Duel

__all__ = ["RaterEffect", "rater_effect"]

_SURE = 2.0
"""Standard errors from which a gain is more than chance. Ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RaterEffect:
    """One rater left out."""

    rater: str
    rows: int
    """Rows of theirs that were learned from."""
    others_with: float
    """Accuracy on held-out pairs of the others, of the model that learned from all."""
    others_without: float
    """The same of the model that did not learn from this rater."""
    gain: float
    """What leaving them out gains for the others."""
    error: float
    """Its standard error; the pairs are the same for both models."""
    agrees: float | None
    """Accuracy on this rater's own held-out pairs, of the model without them: far below one half
    for one who compares the other way round."""
    n: int
    """Held-out pairs of the others."""

    @property
    def suspect(self) -> bool:
        """Whether leaving them out helps the others by more than chance would."""
        return self.gain > _SURE * self.error

    def to_json(self) -> dict[str, Any]:
        """All fields, and ``suspect``."""
        return {**asdict(self), "suspect": self.suspect}


def rater_effect(rater: str, rows: int, everyone: Scored, without: Scored) -> RaterEffect | None:
    """Compare two models on one held-out set; None where the others have no pair in it.

    ``everyone`` and ``without`` hold the same rows, scored by the model that learned from all and
    by the one that did not learn from ``rater``.
    """
    others = [d for d in everyone.duels if everyone.row(d).rater != rater]
    own = [d for d in everyone.duels if everyone.row(d).rater == rater]
    if not others:
        return None
    before, after = accuracy(everyone, others), accuracy(without, others)
    gain, error = _paired(everyone, without, others)
    return RaterEffect(
        rater=rater,
        rows=rows,
        others_with=before.share or 0.0,
        others_without=after.share or 0.0,
        gain=gain,
        error=error,
        agrees=accuracy(without, own).share,
        n=len(others),
    )


def _paired(everyone: Scored, without: Scored, duels: Sequence[Duel]) -> tuple[float, float]:
    """Mean and standard error of the change, pair by pair: -1, 0 or 1."""
    changes = [(without.gap(d) > 0) - (everyone.gap(d) > 0) for d in duels]
    n = len(changes)
    mean = sum(changes) / n
    square = sum(change * change for change in changes) / n
    return mean, math.sqrt(max(square - mean * mean, 0.0) / n)
