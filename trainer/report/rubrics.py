"""The health of rubric items for a run's report: which to look at, and how sure the judge was.

Read from the verdicts in ``rollouts.parquet``, row by row. Training rollouts carry no labels, so
items are held against the verifiable ones. Not covered: evaluations (their rows are left out).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...core.item_health import HEALTH_COLUMNS, ItemHealth, ItemTable, RubricRow, rubric_row
from .plots import Chart, Curve
from .rundata import Rollouts

__all__ = ["RubricHealth", "rubric_health"]

_MOST_CURVES = 6
_BATCH_ROWS = 512


@dataclass(slots=True)
class RubricHealth:
    """Items by source, and the confidence of each over the steps."""

    tables: dict[str, ItemTable] = field(default_factory=dict)
    steps: dict[str, dict[float, list[float]]] = field(default_factory=dict)
    """Item -> step -> (sum of confidences, count)."""

    def parts(self) -> list[dict[str, Any]]:
        """For the template: a table for each source that judges by a rubric."""
        return [
            {
                "name": name,
                "header": list(HEALTH_COLUMNS),
                "rows": [one.cells() for one in found.health()],
            }
            for name, found in sorted(self.tables.items())
        ]

    def charts(self) -> list[Chart]:
        """Mean confidence by step of the items that the judge is least sure of."""
        items = {f"{n}: {one.item}" if len(self.tables) > 1 else one.item: (n, one)
                 for n, found in self.tables.items() for one in found.health()}  # fmt: skip
        least = sorted(items, key=lambda label: (items[label][1].mean_confidence, label))
        curves = [self._curve(label, *items[label]) for label in least[:_MOST_CURVES]]
        more = len(items) - len(curves)
        return [_chart(curves, more)] if curves else []

    def add(self, source: str, step: float, row: RubricRow) -> None:
        """Take one verdict of the run."""
        self.tables.setdefault(source, ItemTable()).add(row)
        for item, confidence in row.confidences.items():
            sums = self.steps.setdefault(f"{source}\n{item}", {}).setdefault(step, [0.0, 0.0])
            sums[0] += confidence
            sums[1] += 1.0

    def _curve(self, label: str, source: str, one: ItemHealth) -> Curve:
        sums = self.steps[f"{source}\n{one.item}"]
        return Curve(label=label, points=[(x, s / n) for x, (s, n) in sorted(sums.items())])


def _chart(curves: list[Curve], more: int) -> Chart:
    note = f" The {more} surer ones are not drawn." if more else ""
    return Chart(
        name="rubric_confidence",
        title="How sure the judge was of each item",
        x="optimizer step",
        y="mean confidence",
        curves=curves,
        source="rollouts.parquet: verdicts",
        note=f"The least sure items.{note} An item of low confidence is worth a person's review.",
        scale="share",
    )


def rubric_health(rollouts: Rollouts | None) -> RubricHealth:
    """What the training rollouts of a run say of its rubrics; empty where there are none."""
    found = RubricHealth()
    for step, verdicts in () if rollouts is None else _verdicts(rollouts):
        for source, verdict in verdicts.items():
            row = _row(verdict)
            if row is not None:
                found.add(source, step, row)
    return found


def _verdicts(rollouts: Rollouts) -> Iterator[tuple[float, Mapping[str, Any]]]:
    """(step, verdicts) of each training rollout that a rubric judged."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(rollouts.path) as file:
        if not {"verdicts", "step", "split"} <= set(file.schema_arrow.names):
            return
        for batch in file.iter_batches(_BATCH_ROWS, columns=["step", "split", "verdicts"]):
            for row in batch.to_pylist():
                text = row["verdicts"] or ""
                if row["split"] == "eval" or ':confidence"' not in text:
                    continue  # most runs have no rubric: their verdicts are not even read
                value = _json_object(text)
                yield float(row["step"] or 0), value


def _json_object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # of a damaged file
        return {}
    return value if isinstance(value, dict) else {}


def _row(verdict: Any) -> RubricRow | None:
    """A verdict as the file holds it; None for one without a score, or one that is damaged."""
    if not isinstance(verdict, dict) or verdict.get("status") != "scored":
        return None
    parts, evidence = verdict.get("parts"), verdict.get("evidence")
    if not isinstance(parts, dict) or not isinstance(evidence, dict):
        return None
    numbers = {k: float(v) for k, v in parts.items() if isinstance(v, int | float)}
    sane = all(
        math.isfinite(v) and (not k.endswith(":confidence") or 0.0 <= v <= 1.0)
        for k, v in numbers.items()
    )
    return rubric_row(numbers, evidence) if sane else None
