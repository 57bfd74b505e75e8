"""Rewards, pass rates and lengths of a scored file, as sections of its page.

Whether longer answers are paid more is asked over all rows, among rows that passed, among those
that did not, and between answers to one prompt, where the prompt's own difficulty plays no part.

Not covered: sources against each other (``agreement``), several answers to a prompt (``several``).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ...core.agreement import Rate, spearman
from ...core.statistics import pearson
from . import charts
from .columns import NO, NONE, YES, Columns
from .parts import Cell, Figure, Link, Section, Table, Tile, count, plain, share

__all__ = ["length", "overview", "rewards", "tasks"]

_BINS = 40
_LEVELS = 12
"""Rewards of at most so many different values are shown value by value."""
_LENGTH_BINS = 10
_TASKS_DRAWN = 24
_TASKS_LISTED = 200
_POINTS = 800
_OUTCOMES = {YES: "passed", NO: "not passed", NONE: "no bar"}


def rate(columns: Columns, rows: Iterable[int] | None = None) -> Rate:
    """How many of the judged rows passed."""
    found = Counter(columns.passed if rows is None else (columns.passed[row] for row in rows))
    return Rate(found[YES], found[YES] + found[NO])


def overview(columns: Columns) -> Section:
    """The numbers one looks for first, and the sources."""
    values = [value for value in columns.value if not math.isnan(value)]
    left_out = len(columns) - len(values)
    faults = sum(map(bool, columns.faults))
    mean = math.fsum(values) / len(values) if values else None
    section = Section(id="overview", title="Overview", empty="The file has no rows.")
    section.tiles = [
        Tile(name="rows", value=count(len(columns)), more=f"{count(columns.groups)} prompts"),
        Tile(name="pass rate", value=share(rate(columns)), more="of judged rows; 95 % interval"),
        Tile(name="mean reward", value=plain(mean), more=f"of {count(len(values))} with one"),
        Tile(name="left out", value=count(left_out), more="rows without a reward"),
        Tile(name="faults", value=count(faults), more="rows in which a source failed"),
        Tile(name="cut off", value=count(sum(columns.truncated)), more="hit the length limit"),
    ]
    section.tables = [_sources(columns)] if columns.sources else []
    return section


def _sources(columns: Columns) -> Table:
    rows: list[list[Cell]] = []
    for source in columns.sources:
        scores = [score for score in source.score if not math.isnan(score)]
        said = Counter(source.yes)
        asked = sum(map(bool, source.status))
        mean = math.fsum(scores) / len(scores) if scores else None
        sure = [c for c, s in zip(source.confidence, source.score, strict=True) if s == s]  # noqa: PLR0124 - not NaN
        rows.append(
            [
                source.name,
                count(asked),
                count(len(scores)),
                plain(mean),
                share(Rate(said[YES], said[YES] + said[NO])),
                plain(math.fsum(sure) / len(sure) if sure else None),
                plain(1e3 * source.seconds / asked if asked and source.seconds else None),
                ", ".join(source.versions.texts[:3]),
            ]
        )
    header = ["source", "asked", "judged", "mean score", "says yes", "mean confidence",
              "ms a row", "version"]  # fmt: skip
    caption = "Sources; yes: its bar is met, or without one its score is at least 0.5"
    return Table(caption=caption, header=header, rows=rows)


# rewards ---------------------------------------------------------------------------------------


def rewards(columns: Columns) -> Section:
    """How rewards are distributed."""
    section = Section(id="rewards", title="Rewards", empty="No row has a reward.")
    pairs = [(v, p) for v, p in zip(columns.value, columns.passed, strict=True) if v == v]  # noqa: PLR0124 - not NaN
    if not pairs:
        return section
    edges = _edges([value for value, _ in pairs])
    counts = {outcome: [0] * (len(edges) - 1) for outcome in _OUTCOMES}
    for value, passed in pairs:
        counts[passed][_bin(edges, value)] += 1
    named = {_OUTCOMES[o]: found for o, found in counts.items() if any(found)}
    rows: list[list[Cell]] = []
    for i, (low, high) in enumerate(pairwise(edges)):
        numbers = [found[i] for found in named.values()]
        if any(numbers):
            last = i == len(edges) - 2
            show = {"value": [low, high], "closed": last}
            text = f"{plain(low, 4)} to {plain(high, 4)}"
            rows.append([Link(text, show), *map(count, numbers), count(sum(numbers))])
    table = Table(caption="Rewards", header=["reward", *named, "rows"], rows=rows)
    paint = charts.bars(edges, named, "reward", "rows")
    section.figures = [charts.figure("Distribution of rewards", paint, table)]
    return section


def _edges(values: Sequence[float]) -> list[float]:
    """Borders of bins: equal ones; or, for a few different values, one around each."""
    seen = sorted(set(values)) if len(set(values[:10_000])) <= _LEVELS else []
    low, high = min(values), max(values)
    if low == high:
        return [low - 0.5, high + 0.5] if abs(low) < 1e15 else [0.9 * low, 1.1 * low][:: _sign(low)]
    if 0 < len(seen) <= _LEVELS:
        half = min(b - a for a, b in pairwise(seen)) / 2
        steps = (high - low) / (2 * half) + 1 if half > 0 else math.inf
        if steps <= 2 * _BINS:
            return [low - half + 2 * half * i for i in range(round(steps) + 1)]
    parts = (i / _BINS for i in range(_BINS + 1))
    return sorted({low * (1 - part) + high * part for part in parts})  # equal ones: no room between


def _sign(value: float) -> int:
    return 1 if value > 0 else -1


def _bin(edges: Sequence[float], value: float) -> int:
    return min(max(bisect_right(edges, value) - 1, 0), len(edges) - 2)


# tasks -----------------------------------------------------------------------------------------


def tasks(columns: Columns) -> Section:
    """The pass rate of each task."""
    section = Section(id="tasks", title="Tasks", empty="No row was judged.")
    found: dict[int, list[int]] = {}
    for row in range(len(columns)):
        numbers = found.setdefault(columns.task[row], [0, 0, 0])
        numbers[columns.passed[row]] += 1
    order = sorted(found, key=lambda task: (-sum(found[task]), task))
    rates = {task: Rate(found[task][YES], found[task][YES] + found[task][NO]) for task in order}
    if not any(one.n for one in rates.values()):
        return section
    names = columns.tasks.texts
    rows: list[list[Cell]] = [
        [Link(names[task] or "(no task)", {"task": task}), count(sum(found[task])),
         count(rates[task].n), share(rates[task])]
        for task in order[:_TASKS_LISTED]
    ]  # fmt: skip
    table = Table(
        caption=_caption("Tasks", order, _TASKS_LISTED),
        header=["task", "rows", "judged", "passed"],
        rows=rows,
    )
    drawn = [task for task in order if rates[task].n][:_TASKS_DRAWN]
    lines = [(names[t] or "(no task)", rates[t].share or 0.0, *rates[t].interval) for t in drawn]
    note = "Dots: of the judged rows. Bars: 95 % intervals (Wilson)."
    paint = charts.intervals(lines, "pass rate")
    section.figures = [charts.figure("Pass rate by task", paint, table, note)]
    return section


def _caption(what: str, found: Sequence[object], limit: int) -> str:
    more = len(found) - limit
    return f"{what}; the {limit} largest, {count(more)} more are not listed" if more > 0 else what


# length ----------------------------------------------------------------------------------------


def length(columns: Columns) -> Section:
    """What length has to do with passing and with pay."""
    section = Section(id="length", title="Length", empty="No row has a reward.")
    rows = [row for row in range(len(columns)) if not math.isnan(columns.value[row])]
    if not rows:
        return section
    section.figures = [_by_length(columns, rows), _cloud(columns, rows)]
    section.tables = [_bias(columns)]
    section.words = (
        "A reward that grows with length between answers to one prompt is a length the policy is"
        " paid for, whatever its prompts are like."
    )
    return section


def _by_length(columns: Columns, rows: Sequence[int]) -> Figure:
    """Bins of equally many rows."""
    order = sorted(rows, key=columns.chars.__getitem__)
    size = len(order) / _LENGTH_BINS
    cuts = sorted({columns.chars[order[int(size * i)]] for i in range(_LENGTH_BINS)})
    parts: dict[int, list[int]] = {}
    place = 0
    for row in order:
        while place + 1 < len(cuts) and columns.chars[row] >= cuts[place + 1]:
            place += 1
        parts.setdefault(place, []).append(row)
    lines: list[list[Cell]] = []
    passed: list[tuple[float, float]] = []
    band: list[tuple[float, float]] = []
    for inside in parts.values():
        chars = [columns.chars[row] for row in inside]
        found = rate(columns, inside)
        mean = math.fsum(columns.value[row] for row in inside) / len(inside)
        show = {"chars": [chars[0], chars[-1]]}
        text = f"{count(chars[0])} to {count(chars[-1])}"
        lines.append([Link(text, show), count(len(inside)), share(found), plain(mean)])
        if found.share is not None:
            passed.append((sum(chars) / len(chars), found.share))
            band.append(found.interval)
    header = ["characters", "rows", "passed", "mean reward"]
    table = Table(caption="Lengths of completions", header=header, rows=lines)
    series = {"passed": passed}
    paint = charts.lines(series, "characters (mean of a tenth of the rows)", "pass rate",
                         bands={"passed": band} if band else None)  # fmt: skip
    return charts.figure(
        "Pass rate by length", paint, table, "Band: 95 % intervals. Each mark: a tenth of the rows."
    )


def _cloud(columns: Columns, rows: Sequence[int]) -> Figure:
    thin = rows[:: max(1, -(-len(rows) // _POINTS))]
    series: dict[str, list[tuple[float, float]]] = {}
    for row in thin:
        outcome = _OUTCOMES[columns.passed[row]]
        series.setdefault(outcome, []).append((float(columns.chars[row]), columns.value[row]))
    lines: list[list[Cell]] = [
        [Link(count(row + 1), {"row": row}), count(columns.chars[row]), plain(columns.value[row])]
        for row in thin[:: max(1, -(-len(thin) // 100))]
    ]
    table = Table(caption="Some of the points", header=["row", "characters", "reward"], rows=lines)
    note = f"{count(len(thin))} rows, evenly spaced over the file."
    paint = charts.points(series, "characters in the completion", "reward")
    return charts.figure("Reward against length", paint, table, note)


def _bias(columns: Columns) -> Table:
    """Correlations with length, of the reward and of each source's score."""
    scores = {"reward": columns.value} | {s.name: s.score for s in columns.sources}
    rows: list[list[Cell]] = []
    for name, values in scores.items():
        held = [row for row in range(len(columns)) if not math.isnan(values[row])]
        of = {o: [row for row in held if columns.passed[row] == o] for o in (YES, NO)}
        numbers = [
            _correlation(columns, values, held),
            spearman([values[row] for row in held], [float(columns.chars[row]) for row in held]),
            _within(columns, values, held),
            _correlation(columns, values, of[YES]),
            _correlation(columns, values, of[NO]),
        ]
        rows.append([name, count(len(held)), *(plain(number, 2) for number in numbers)])
    header = ["score", "rows", "Pearson", "Spearman", "between answers to one prompt",
              "among passed", "among not passed"]  # fmt: skip
    return Table(caption="Correlation of scores with length", header=header, rows=rows)


def _correlation(columns: Columns, values: Sequence[float], rows: Sequence[int]) -> float | None:
    return pearson([values[row] for row in rows], [float(columns.chars[row]) for row in rows])


def _within(columns: Columns, values: Sequence[float], rows: Sequence[int]) -> float | None:
    """The correlation of what is left when each prompt's own means are taken off."""
    sums: dict[int, list[float]] = {}
    for row in rows:
        total = sums.setdefault(columns.group[row], [0.0, 0.0, 0.0])
        total[0] += 1.0
        total[1] += values[row]
        total[2] += columns.chars[row]
    xs, ys = [], []
    for row in rows:
        n, value, chars = sums[columns.group[row]]
        if n > 1:
            xs.append(values[row] - value / n)
            ys.append(columns.chars[row] - chars / n)
    return pearson(xs, ys)
