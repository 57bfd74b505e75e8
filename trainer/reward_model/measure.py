"""How good a reward model is on comparisons that it has not seen.

Pair accuracy with intervals, by slice and by rater; ties apart; how well σ(difference) and the
calibrated score foretell the winner. Pure functions of scores. Not covered: best-of-N and other
sources (``assay rm-eval``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

from ...core.agreement import Rate, spearman
from ...core.calibration import (
    Calibrator,
    brier,
    expected_calibration_error,
    fit_isotonic,
    fit_platt,
    sigmoid,
)
from .rows import Comparison, Duel, pairs_of

__all__ = ["Scored", "accuracy", "calibration", "fit_calibrator", "measures"]

Scores = Sequence[Sequence[float]]
"""Of each row, of each answer."""

_FEWEST_LABELS = 100
"""Fewer held-out labels fit no calibrator that would be worth anything. Ours."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Held-out comparisons with a model's scores."""

    rows: Sequence[Comparison]
    scores: Scores
    duels: Sequence[Duel]

    @classmethod
    def of(cls, rows: Sequence[Comparison], scores: Scores) -> Scored:
        """With the pairs among the answers."""
        return cls(rows, scores, pairs_of(rows))

    def score(self, place: tuple[int, int]) -> float:
        """Of one answer."""
        return self.scores[place[0]][place[1]]

    def gap(self, duel: Duel) -> float:
        """Score of the better answer less that of the worse one."""
        return self.score(duel.better) - self.score(duel.worse)

    def row(self, duel: Duel) -> Comparison:
        """The row of a pair (of its better answer)."""
        return self.rows[duel.better[0]]


def accuracy(scored: Scored, duels: Sequence[Duel] | None = None) -> Rate:
    """Pairs in the right order; a tie is none."""
    chosen = scored.duels if duels is None else duels
    return Rate(sum(scored.gap(duel) > 0 for duel in chosen), len(chosen))


def measures(scored: Scored) -> dict[str, Any]:
    """Accuracy over all and by slice and rater, ties, margins; rank correlation with ratings."""
    gaps = [scored.gap(duel) for duel in scored.duels]
    found: dict[str, Any] = {
        "pairs": accuracy(scored).to_json(),
        "ties": Rate(sum(gap == 0 for gap in gaps), len(gaps)).to_json(),
        "margin": fmean(gaps) if gaps else None,
    }
    columns: tuple[tuple[str, Callable[[Comparison], str]], ...] = (
        ("slices", lambda row: row.subset),
        ("raters", lambda row: row.rater),
    )
    for name, read in columns:
        parts = _parts(scored, read)
        if parts:
            found[name] = {key: accuracy(scored, duels).to_json() for key, duels in parts.items()}
    if any(len(row.completions) == 1 for row in scored.rows):
        worth = [w for row in scored.rows for w in row.worth]
        found["spearman"] = spearman([s for row in scored.scores for s in row], worth)
    return found


def _parts(scored: Scored, read: Callable[[Comparison], str]) -> dict[str, list[Duel]]:
    parts: dict[str, list[Duel]] = {}
    for duel in scored.duels:
        key = read(scored.row(duel))
        if key:
            parts.setdefault(key, []).append(duel)
    return dict(sorted(parts.items()))


def fit_calibrator(
    kind: Literal["platt", "isotonic"], scored: Scored, duels: Sequence[Duel] | None = None
) -> Calibrator | None:
    """The chance that an answer is the better one of its pair, by its score; None where there are
    too few labels, or scores that do not differ."""
    scores, labels = _labelled(scored, scored.duels if duels is None else duels)
    if len(labels) < _FEWEST_LABELS or len(set(scores)) < 2:
        return None
    return fit_platt(scores, labels) if kind == "platt" else fit_isotonic(scores, labels)


def _labelled(scored: Scored, duels: Sequence[Duel]) -> tuple[list[float], list[bool]]:
    places = [(place, won) for d in duels for place, won in ((d.better, True), (d.worse, False))]
    return [scored.score(place) for place, _ in places], [won for _, won in places]


def calibration(kind: Literal["platt", "isotonic"], scored: Scored) -> dict[str, Any]:
    """Errors of calibrated probabilities, each half of the pairs by the fit of the other half.

    ``error``, ``brier``: of an answer being the better one of its pair, by its own score.
    ``pair_error``: of the first of a pair winning, by the difference, calibrated likewise;
    ``pair_error_raw``: by σ(difference) as the model says it. Empty where there is too little to
    fit on.
    """
    halves = [scored.duels[::2], scored.duels[1::2]]
    said: list[float] = []
    labels: list[bool] = []
    of_pairs: list[float] = []
    for fitted, measured in (halves, halves[::-1]):
        calibrator = fit_calibrator(kind, scored, fitted)
        if calibrator is None:
            return {}
        scores, won = _labelled(scored, measured)
        said += map(calibrator, scores)
        labels += won
        between = _pair_calibrator(kind, [scored.gap(duel) for duel in fitted])
        of_pairs += map(between, _both_orders([scored.gap(duel) for duel in measured])[0])
    gaps, won = _both_orders([scored.gap(duel) for duel in scored.duels])
    return {
        "error": expected_calibration_error(said, labels),
        "brier": brier(said, labels),
        "pair_error": expected_calibration_error(of_pairs, _pair_labels(halves)),
        "pair_error_raw": expected_calibration_error([sigmoid(gap) for gap in gaps], won),
        "n": len(labels),
    }


def _pair_labels(halves: Sequence[Sequence[Duel]]) -> list[bool]:
    """Whether the first won, in the order in which ``calibration`` goes over them."""
    return [won for half in halves[::-1] for won in (True, False) for _ in half]


def _pair_calibrator(kind: Literal["platt", "isotonic"], gaps: Sequence[float]) -> Calibrator:
    """For differences, whose labels are symmetric: both orders of every pair."""
    both, labels = _both_orders(gaps)
    return fit_platt(both, labels) if kind == "platt" else fit_isotonic(both, labels)


def _both_orders(gaps: Sequence[float]) -> tuple[list[float], list[bool]]:
    return [*gaps, *(-gap for gap in gaps)], [True] * len(gaps) + [False] * len(gaps)
