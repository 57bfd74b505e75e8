"""Rows and prompts that are worth a look: the slowest, the most failing.

Not covered: why a row is slow; the browser shows the verdicts of each.
"""

from __future__ import annotations

import math
from heapq import nlargest

from .columns import NO, YES, Columns
from .parts import Cell, Link, Section, Table, count, plain

__all__ = ["worth_a_look"]

_SHOWN = 15


def worth_a_look(columns: Columns) -> Section:
    """The section."""
    section = Section(
        id="worth",
        title="Worth a look",
        empty="No row was slow or failed, and no prompt is beyond all its answers.",
    )
    if not columns.timed:
        section.words = "The file holds no timings: write it with assay score --timings to see the"
        section.words += " slowest rows."
    made = (_slowest(columns), _failing(columns), _unsolved(columns))
    section.tables = [table for table in made if table.rows]
    return section


def _row(row: int) -> Link:
    return Link(f"row {count(row + 1)}", {"row": row})


def _slowest(columns: Columns) -> Table:
    timed = [row for row, s in enumerate(columns.seconds) if not math.isnan(s) and s > 0]
    found = nlargest(_SHOWN, timed, key=lambda row: (columns.seconds[row], -row))
    rows: list[list[Cell]] = [
        [_row(row), plain(columns.seconds[row]), count(columns.chars[row]), _outcome(columns, row)]
        for row in found
    ]
    header = ["row", "seconds", "characters", "outcome"]
    return Table(caption="Slowest rows, all sources together", header=header, rows=rows)


def _failing(columns: Columns) -> Table:
    """Rows with most sources that broke; of equals, the first."""
    broken = [row for row, n in enumerate(columns.faults) if n]
    found = nlargest(_SHOWN, broken, key=lambda row: (columns.faults[row], -row))
    rows: list[list[Cell]] = [
        [_row(row), count(columns.faults[row]), _who(columns, row), _outcome(columns, row)]
        for row in found
    ]
    caption = f"Rows with most faults, of {count(len(broken))} with one"
    header = ["row", "faults", "sources", "outcome"]
    return Table(caption=caption, header=header, rows=rows)


def _who(columns: Columns, row: int) -> str:
    names = columns.statuses.texts
    bad = [s for s in columns.sources if names[s.status[row]] in ("failed", "timed_out")]
    return ", ".join(f"{s.name}: {names[s.status[row]]}" for s in bad)


def _outcome(columns: Columns, row: int) -> str:
    if math.isnan(columns.value[row]):
        return "left out"
    return {YES: "passed", NO: "not passed"}.get(columns.passed[row], "no bar")


def _unsolved(columns: Columns) -> Table:
    """Prompts whose judged answers all fail, those with most answers first."""
    counts = [[0, 0] for _ in range(columns.groups)]
    first = [-1] * columns.groups
    for row in columns.judged():
        group = columns.group[row]
        counts[group][columns.passed[row]] += 1
        if first[group] < 0:
            first[group] = row
    none = [group for group, (no, yes) in enumerate(counts) if no > 1 and not yes]
    found = nlargest(_SHOWN, none, key=lambda group: (counts[group][NO], -group))
    names = columns.tasks.texts
    rows: list[list[Cell]] = [
        [Link(f"prompt of row {count(first[g] + 1)}", {"group": g}), count(counts[g][NO]),
         names[columns.task[first[g]]] or "(no task)"]
        for g in found
    ]  # fmt: skip
    caption = f"Prompts that no answer solves, of {count(len(none))}"
    return Table(caption=caption, header=["prompt", "answers", "task"], rows=rows)
