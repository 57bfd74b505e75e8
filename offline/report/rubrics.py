"""The health of rubric items, where a source judged by a rubric.

Items are held against labels where rows have them, else against the rubric's verifiable items.
Not covered: what makes an item healthy (``core.item_health`` says).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from ...core.item_health import HEALTH_COLUMNS, ItemTable, rubric_row
from . import charts
from .parts import Cell, Figure, Section, Table
from .rows import Line, Said

__all__ = ["Rubrics"]

_DRAWN = 24


class Rubrics:
    """Collects the items of every rubric verdict.

    Args:
        good_from: the label from which an answer is good.
        unit: whether labels lie in [0, 1]; other labels count only with ``good_from``.
    """

    def __init__(self, good_from: float | None, *, unit: bool) -> None:
        self._good_from, self._unit = good_from, unit
        self._tables: dict[str, ItemTable] = {}

    def add(self, line: Line) -> None:
        """Take one row."""
        label = self._label(line.label)
        for name, said in line.verdicts.items():
            if said.status != "scored" or not any(k.endswith(":confidence") for k in said.parts):
                continue
            row = rubric_row(_numbers(said), said.evidence, label)
            if row is not None:
                self._tables.setdefault(name, ItemTable()).add(row)

    def _label(self, label: float | None) -> float | None:
        if label is None or self._good_from is not None:
            return None if label is None else float(label >= (self._good_from or 0.0))
        return label if self._unit else None

    def section(self) -> Section:
        """The section."""
        section = Section(id="rubrics", title="Rubric items", empty="No rubric judged these rows.")
        if not self._tables:
            return section
        section.words = (
            "The items that the judge is least sure of come first. An item of low confidence, one"
            " that never varies, and one that agrees no better than chance are worth a person's"
            " review."
        )
        section.figures = [self._figure(name) for name in sorted(self._tables)]
        return section

    def _figure(self, name: str) -> Figure:
        health = self._tables[name].health()
        rows: list[list[Cell]] = [list(one.cells()) for one in health]
        against = next((one.against for one in health if one.against), "nothing")
        caption = (
            f"Items of {name}; agreement, kappa, AUROC and calibration error against {against}"
        )
        table = Table(caption=caption, header=list(HEALTH_COLUMNS), rows=rows)
        drawn = [(o.item, o.mean_confidence, *_around(o.mean_confidence)) for o in health[:_DRAWN]]
        note = "The least sure items." if len(health) > _DRAWN else ""
        paint = charts.intervals(drawn, "mean confidence")
        return charts.figure(f"How sure {name} is of each item", paint, table, note)


def _around(value: float) -> tuple[float, float]:
    """No interval: a mean of confidences is no share of rows."""
    return value, value


def _numbers(said: Said) -> Mapping[str, float]:
    """The parts that are numbers; a confidence outside [0, 1] is none."""
    numbers = {k: float(v) for k, v in said.parts.items() if isinstance(v, int | float)}
    return {
        k: v
        for k, v in numbers.items()
        if math.isfinite(v) and (not k.endswith(":confidence") or 0.0 <= v <= 1.0)
    }
