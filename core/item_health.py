"""Which items of a rubric can be relied on: from the verdicts of a rubric judge, whatever run they
come from (``assay judge-eval``, a training run's rollouts, a scored file).

Source: Patel 2025 (GRAPE), section 6.1.1: low confidence is "an indicator of a poor quality rubric
item"; items for manual review are found "by looking at corresponding average confidence scores".
Ours: items that never vary, and items that disagree with labels or with verifiable items.

Not covered: atoms of items, and what to do about an item: that is for a person.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .agreement import Rate, auroc, cohen_kappa
from .calibration import expected_calibration_error
from .types import JSON

__all__ = ["HEALTH_COLUMNS", "ItemHealth", "ItemTable", "RubricRow", "rubric_row"]

_LOW_CONFIDENCE = 0.5
"""Ours: below it a judge is more unsure than sure."""
_ENOUGH = 10
"""Rows with a reference before an item is held against it. Ours."""
_YES = 0.5
"""From here a score, or a reference, says yes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricRow:
    """What one verdict says of the items of its category."""

    scores: Mapping[str, float]
    """Item -> score, as ``category/item``."""
    confidences: Mapping[str, float]
    verifiable: frozenset[str]
    """The items that a registered source or a comparison with the ground truth scored."""
    label: float | None = None
    """What a person, or another trusted rater, says of the answer: [0, 1]."""

    def reference(self, item: str) -> float | None:
        """What the item is held against: the label, else the mean of the other verifiable items."""
        if self.label is not None:
            return self.label
        others = [self.scores[name] for name in self.verifiable if name != item]
        return math.fsum(others) / len(others) if others else None


def rubric_row(
    parts: Mapping[str, float], evidence: Mapping[str, JSON], label: float | None = None
) -> RubricRow | None:
    """The items in a verdict's ``parts`` and ``evidence``; None where it is no rubric's verdict."""
    names = [name for name in parts if f"{name}:confidence" in parts]
    if not names:
        return None
    category, items = evidence.get("category"), evidence.get("items")
    known: Mapping[str, Any] = items if isinstance(items, Mapping) else {}
    start = f"{category}/" if isinstance(category, str) else ""
    kinds = {n: known[n].get("kind") for n in names if isinstance(known.get(n), Mapping)}
    return RubricRow(
        scores={start + name: float(parts[name]) for name in names},
        confidences={start + name: float(parts[f"{name}:confidence"]) for name in names},
        verifiable=frozenset(
            start + name for name, kind in kinds.items() if kind in ("source", "verifiable")
        ),
        label=label,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemHealth:
    """How one item did."""

    item: str
    n: int
    mean_score: float
    spread: float
    """Standard deviation of its scores, of the population."""
    mean_confidence: float
    against: str
    """What it is held against: ``labels``, ``verifiable items``, or nothing."""
    agreement: Rate
    """Rows in which item and reference both say yes, or both no (from 0.5)."""
    kappa: float | None
    auroc: float | None
    """Its scores as a ranking of what the reference says."""
    calibration_error: float | None
    """Of its confidence as the chance that it agrees with the reference."""

    @property
    def flags(self) -> list[str]:
        """What a person should look at."""
        found = ["low confidence"] if self.mean_confidence < _LOW_CONFIDENCE else []
        if self.n > 1 and self.spread == 0.0:
            found.append("never varies")
        elif self.agreement.n >= _ENOUGH and self.kappa is not None and self.kappa <= 0.0:
            found.append(f"no better than chance against {self.against}")
        return found

    def to_json(self) -> dict[str, JSON]:
        """Every field, and the flags."""
        return {
            "item": self.item,
            "n": self.n,
            "mean_score": self.mean_score,
            "spread": self.spread,
            "mean_confidence": self.mean_confidence,
            "against": self.against,
            "agreement": self.agreement.to_json(),
            "kappa": self.kappa,
            "auroc": self.auroc,
            "calibration_error": self.calibration_error,
            "flags": self.flags,
        }

    def cells(self) -> list[str]:
        """A row of a table under ``HEALTH_COLUMNS``."""
        numbers = (self.mean_confidence, self.mean_score, self.spread, self.agreement.share)
        more = (self.kappa, self.auroc, self.calibration_error)
        shown = ["–" if number is None else f"{number:.3f}" for number in (*numbers, *more)]
        return [self.item, str(self.n), *shown, ", ".join(self.flags)]


HEALTH_COLUMNS = (
    "item",
    "rows",
    "mean confidence",
    "mean score",
    "spread",
    "agreement",
    "kappa",
    "AUROC",
    "calibration error",
    "look at",
)


@dataclass(slots=True)
class _Column:
    """One item's numbers; NaN where a row has no reference."""

    scores: array[float] = field(default_factory=lambda: array("d"))
    confidences: array[float] = field(default_factory=lambda: array("d"))
    references: array[float] = field(default_factory=lambda: array("d"))


class ItemTable:
    """Collects rows; 24 bytes an item and row."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._labelled = False

    def add(self, row: RubricRow) -> None:
        """Take one verdict."""
        self._labelled = self._labelled or row.label is not None
        for item, score in row.scores.items():
            column = self._columns.setdefault(item, _Column())
            reference = row.reference(item)
            column.scores.append(score)
            column.confidences.append(row.confidences[item])
            column.references.append(math.nan if reference is None else reference)

    def health(self) -> list[ItemHealth]:
        """Every item, those with the lowest mean confidence first."""
        against = "labels" if self._labelled else "verifiable items"
        found = [_health(item, column, against) for item, column in self._columns.items()]
        return sorted(found, key=lambda one: (one.mean_confidence, one.item))


def _health(item: str, column: _Column, against: str) -> ItemHealth:
    n = len(column.scores)
    mean = math.fsum(column.scores) / n
    held = [i for i, reference in enumerate(column.references) if not math.isnan(reference)]
    said = [column.scores[i] for i in held]
    good = [column.references[i] >= _YES for i in held]
    unit = all(0.0 <= score <= 1.0 for score in said)  # a reward model's numbers say no yes
    right = [(s >= _YES) == g for s, g in zip(said, good, strict=True)] if unit else []
    return ItemHealth(
        item=item,
        n=n,
        mean_score=mean,
        spread=0.0 if _constant(column.scores) else _spread(column.scores, mean),
        mean_confidence=math.fsum(column.confidences) / n,
        against=against if held else "",
        agreement=Rate(sum(right), len(right)),
        kappa=cohen_kappa([s >= _YES for s in said], good) if unit else None,
        auroc=auroc(said, good),
        calibration_error=_calibration([column.confidences[i] for i in held], right),
    )


def _constant(values: Sequence[float]) -> bool:
    """Exactly: a mean of equal floats may differ from them in the last place."""
    return min(values) == max(values)


def _spread(values: Sequence[float], mean: float) -> float:
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))


def _calibration(confidences: Sequence[float], right: Sequence[bool]) -> float | None:
    return expected_calibration_error(confidences, right) if right else None
