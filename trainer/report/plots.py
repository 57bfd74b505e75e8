"""Line charts, interval charts and scatter plots of a run: PNG files, CSV files, data URIs.

Colours are Okabe and Ito's (readable with every kind of colour blindness); line styles repeat what
colours say. A chart is drawn twice, for light and dark pages. Labels are never read as formulas.
Not covered: which numbers go into which chart (``curves``).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from ...core.pages.themes import (
    DARK,
    LIGHT,
    Theme,
    chart_settings,
    data_uri,
    percent,
    short_label,
)
from .rundata import Points

__all__ = ["Chart", "Curve", "Drawing", "draw"]

DPI = 150
_SIZE_INCHES = (8.0, 3.4)
_SMOOTH_FROM = 40
"""Curves with at least so many points also get a running mean."""
_TABLE_ROWS = 200
_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line (or set of points) of a chart."""

    label: str
    points: Points
    spread: Points = field(default_factory=list)
    """Half the width of a band around it, one for each point."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart with the sentence that goes under it."""

    name: str
    """File name without suffix."""
    title: str
    x: str
    y: str
    curves: Sequence[Curve]
    source: str
    """Where the numbers come from: file and names."""
    note: str = ""
    kind: Literal["lines", "points", "intervals", "panels"] = "lines"
    scale: Literal["free", "from zero", "share", "small share"] = "free"
    """The axis of the values: as the numbers ask; from 0; in percent from 0 to 100; in percent
    from 0 to what the numbers ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A chart as the page shows it."""

    chart: Chart
    light: str
    """PNG as a data URI."""
    dark: str
    csv_name: str
    header: list[str]
    rows: list[list[str]]
    """The numbers behind it, thinned out to what a page can hold."""
    left_out_rows: int
    note: str


def draw(chart: Chart, folder: Path) -> Drawing:
    """Write ``<name>.png`` and ``<name>.csv`` into ``folder`` and return what a page needs."""
    folder.mkdir(parents=True, exist_ok=True)
    light, dark = _png(chart, LIGHT), _png(chart, DARK)
    (folder / f"{chart.name}.png").write_bytes(light)
    header, rows = _numbers(chart)
    with (folder / f"{chart.name}.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[_inert(cell) for cell in line] for line in [header, *rows]])
    shown = rows[:: max(1, -(-len(rows) // _TABLE_ROWS))]
    return Drawing(
        chart=chart,
        light=data_uri(light, "image/png"),
        dark=data_uri(dark, "image/png"),
        csv_name=f"{folder.name}/{chart.name}.csv",
        header=header,
        rows=shown,
        left_out_rows=len(rows) - len(shown),
        note=" ".join(filter(None, [chart.note, _smoothing_note(chart)])),
    )


def _inert(cell: str) -> str:
    """A CSV cell that no spreadsheet takes for a formula (names come from recipes)."""
    is_formula = cell[:1] in {"=", "+", "@", "\t", "\r"} or (cell[:1] == "-" and not _number(cell))
    return f"'{cell}" if is_formula else cell


def _number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers(chart: Chart) -> tuple[list[str], list[list[str]]]:
    """A header and a line for each x, a column for each curve; empty where it has no value."""
    if chart.kind == "points":
        pairs = [(x, y) for curve in chart.curves for x, y in curve.points]
        return [chart.x, chart.y], [[f"{x:g}", f"{y:.6g}"] for x, y in pairs]
    if chart.kind == "intervals":
        rows = [[c.label, *(f"{y:.6g}" for _, y in c.points)] for c in chart.curves]
        return ["", "estimate", "low", "high"], rows
    columns: list[tuple[str, dict[float, float]]] = []
    for curve in chart.curves:
        columns.append((curve.label, dict(curve.points)))
        if curve.spread:
            columns.append((f"{curve.label} (±)", dict(curve.spread)))
    steps = sorted({x for _, values in columns for x in values})
    rows = [[f"{x:g}", *(f"{v[x]:.6g}" if x in v else "" for _, v in columns)] for x in steps]
    return [chart.x, *(name for name, _ in columns)], rows


def _reach(points: Points) -> int:
    """How many values on either side count in the running mean."""
    return max(1, len(points) // 40)


def _smoothing_note(chart: Chart) -> str:
    longest = max((c.points for c in chart.curves), key=len, default=[])
    if chart.kind not in {"lines", "panels"} or len(longest) < _SMOOTH_FROM:
        return ""
    size = 2 * _reach(longest) + 1
    return f"Pale: every logged value. Strong: mean over the {size} values around each."


def _smooth(points: Points) -> Points:
    """Centred running mean, over fewer values at the ends: it lags behind nothing."""
    reach = _reach(points)
    values = [y for _, y in points]
    return [
        (x, fmean(values[max(0, i - reach) : i + reach + 1])) for i, (x, _) in enumerate(points)
    ]


def _png(chart: Chart, theme: Theme) -> bytes:
    """The chart drawn without a display and without touching the caller's matplotlib state."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(chart_settings(theme)):
        figure = Figure(figsize=_SIZE_INCHES, dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        paint: dict[str, Callable[[Any, Chart, Theme], None]] = {
            "lines": _paint_lines,
            "points": _paint_points,
            "intervals": _paint_intervals,
            "panels": _paint_panels,
        }
        paint[chart.kind](figure, chart, theme)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _paint_lines(figure: Any, chart: Chart, theme: Theme) -> None:
    axes = figure.subplots()
    for curve, colour, style in zip(
        chart.curves, cycle(theme.colours), cycle(_STYLES), strict=False
    ):
        _paint_curve(axes, curve, colour, style)
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    _scale(axes, chart)
    if len(chart.curves) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0, fontsize=9)


def _paint_curve(axes: Any, curve: Curve, colour: str, style: Any) -> None:
    xs, ys = [x for x, _ in curve.points], [y for _, y in curve.points]
    if curve.spread:
        half = dict(curve.spread)
        low = [y - half.get(x, 0.0) for x, y in curve.points]
        high = [y + half.get(x, 0.0) for x, y in curve.points]
        axes.fill_between(xs, low, high, color=colour, alpha=0.15, linewidth=0)
    if len(xs) < _SMOOTH_FROM:
        marker = "o" if len(xs) <= 12 else None
        axes.plot(xs, ys, color=colour, linestyle=style, marker=marker, markersize=4,
                  linewidth=1.8, label=short_label(curve.label))  # fmt: skip
        return
    axes.plot(xs, ys, color=colour, alpha=0.3, linewidth=0.8)
    smooth = [y for _, y in _smooth(curve.points)]
    axes.plot(
        xs, smooth, color=colour, linestyle=style, linewidth=1.9, label=short_label(curve.label)
    )


def _paint_points(figure: Any, chart: Chart, theme: Theme) -> None:
    axes = figure.subplots()
    for curve, colour, marker in zip(chart.curves, cycle(theme.colours), cycle("ox^sd+")):
        xs, ys = [x for x, _ in curve.points], [y for _, y in curve.points]
        axes.scatter(xs, ys, s=14, alpha=0.55, color=colour, marker=marker, linewidths=0.9,
                     label=short_label(curve.label))  # fmt: skip
    axes.set_xlabel(chart.x)
    axes.set_ylabel(chart.y)
    if len(chart.curves) > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0, fontsize=9)


def _paint_intervals(figure: Any, chart: Chart, theme: Theme) -> None:
    """One row for each curve; the values of its three points are estimate, low and high."""
    figure.set_size_inches(_SIZE_INCHES[0], 0.9 + 0.42 * len(chart.curves))
    axes = figure.subplots()
    for place, curve in enumerate(chart.curves):
        (_, value), (_, low), (_, high) = curve.points
        colour = theme.colours[0] if curve.label.endswith("after") else theme.colours[1]
        axes.plot([low, high], [place, place], color=colour, linewidth=3, alpha=0.45)
        axes.plot([value], [place], "o", color=colour, markersize=8)
    axes.set_yticks(range(len(chart.curves)), [short_label(c.label) for c in chart.curves])
    axes.set_ylim(len(chart.curves) - 0.5, -0.5)
    axes.set_xlabel(chart.y)
    axes.grid(visible=False, axis="y")
    if chart.scale == "share":
        axes.set_xlim(-0.02, 1.02)
        axes.xaxis.set_major_formatter(percent())


def _paint_panels(figure: Any, chart: Chart, theme: Theme) -> None:
    """A small chart for each curve: what has a unit of its own gets a scale of its own."""
    columns = min(3, len(chart.curves))
    rows = -(-len(chart.curves) // columns)
    figure.set_size_inches(_SIZE_INCHES[0], 2.1 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for place, axes in enumerate(axes for line in grid for axes in line):
        if place >= len(chart.curves):
            axes.set_axis_off()
            continue
        curve = chart.curves[place]
        _paint_curve(axes, curve, theme.colours[0], "-")
        axes.set_title(short_label(curve.label), fontsize=9, loc="left")
        axes.tick_params(labelsize=8)
        axes.set_xlabel(chart.x, fontsize=8)


def _scale(axes: Any, chart: Chart) -> None:
    if chart.scale == "free":
        return
    highest = max((y for curve in chart.curves for _, y in curve.points), default=0.0)
    if chart.scale == "share":
        axes.set_ylim(-0.03, 1.03)
    else:
        axes.set_ylim(0.0, 1.1 * max(highest, 0.05 if chart.scale == "small share" else 1e-9))
    if chart.scale != "from zero":
        axes.yaxis.set_major_formatter(percent())
