"""The charts of the page: drawn once as SVG by matplotlib, in the colours of light and dark pages.

The second theme is the first with its colours exchanged, so both show the same. Pictures are
embedded as images: a browser runs nothing in them. Labels are never read as formulas.

Not covered: which numbers are drawn (``measures`` and its like).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle, pairwise
from typing import Any, TypeAlias

from ...core.errors import ConfigError
from ...core.pages.themes import (
    DARK,
    LIGHT,
    Theme,
    chart_settings,
    data_uri,
    percent,
    short_label,
)
from .parts import Figure, Table

__all__ = ["Series", "bars", "figure", "grid", "intervals", "lines", "points"]

_WIDTH = 8.0
_FARTHEST = 1e150
"""Numbers beyond are drawn here; tables have them as they are."""
_STYLES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)))

Series: TypeAlias = "Mapping[str, Sequence[tuple[float, float]]]"
"""Label -> (x, y) pairs."""
Painter: TypeAlias = "Callable[[Any, Theme], None]"
"""Draws on a figure of matplotlib."""


def figure(title: str, paint: Painter, table: Table, note: str = "") -> Figure:
    """A chart for the page; raises ``ConfigError`` where matplotlib is not installed."""
    light = _svg(paint)
    dark = re.sub(r"#[0-9a-f]{6}", lambda found: _DARKER.get(found[0], found[0]), light)
    uris = [data_uri(svg.encode("utf-8"), "image/svg+xml") for svg in (light, dark)]
    return Figure(title=title, light=uris[0], dark=uris[1], note=note, table=table)


_DARKER = {
    light.lower(): dark.lower()
    for light, dark in [
        (LIGHT.page, DARK.page),
        (LIGHT.ink, DARK.ink),
        (LIGHT.grid, DARK.grid),
        *zip(LIGHT.colours, DARK.colours, strict=True),
    ]
}


def _svg(paint: Painter) -> str:
    """Drawn without a display and without touching the caller's matplotlib state."""
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise ConfigError(
            "the report draws its charts with matplotlib; get it with"
            " pip install 'assay-rlvr[report]'"
        ) from error
    with mpl.rc_context({**chart_settings(LIGHT), "svg.hashsalt": "assay"}):
        canvas = Canvas(figsize=(_WIDTH, 3.2), layout="constrained")
        FigureCanvasSVG(canvas)
        paint(canvas, LIGHT)
        out = io.StringIO()
        canvas.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    return out.getvalue()


def _within(value: float) -> float:
    """What can be drawn: matplotlib subtracts the ends of an axis, which overflows beyond."""
    return min(max(value, -_FARTHEST), _FARTHEST)


def _legend(axes: Any, n: int) -> None:
    if n > 1:
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0, fontsize=9)


def lines(
    series: Series,
    x: str,
    y: str,
    *,
    bands: Series | None = None,
    scale: str = "",
    shares: bool = True,
    diagonal: bool = False,
) -> Painter:
    """Lines through marks; ``bands`` holds (low, high) of each point of the series it names."""

    def paint(canvas: Any, theme: Theme) -> None:
        axes = canvas.subplots()
        if diagonal:
            axes.plot([0, 1], [0, 1], color=theme.grid, linewidth=1.5)
        for (label, pairs), colour, style in zip(
            series.items(), cycle(theme.colours), cycle(_STYLES), strict=False
        ):
            xs, ys = [a for a, _ in pairs], [b for _, b in pairs]
            if bands and label in bands:
                low, high = zip(*bands[label], strict=True)
                axes.fill_between(xs, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(xs, ys, color=colour, linestyle=style, marker="o", markersize=4,
                      linewidth=1.8, label=short_label(label))  # fmt: skip
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        if scale:
            axes.set_xscale(scale, **({"base": 2} if scale == "log" else {}))
            axes.xaxis.set_major_formatter(_whole())
        if shares:
            axes.set_ylim(-0.03, 1.03)
            axes.yaxis.set_major_formatter(percent())
        _legend(axes, len(series))

    return paint


def _whole() -> Any:
    from matplotlib.ticker import FuncFormatter

    return FuncFormatter(lambda value, _: f"{value:,.0f}")


def bars(edges: Sequence[float], heights: Mapping[str, Sequence[float]], x: str, y: str) -> Painter:
    """A histogram, one series on the other; ``edges`` is one longer than each series."""

    def paint(canvas: Any, theme: Theme) -> None:
        axes = canvas.subplots()
        floor = [0.0] * (len(edges) - 1)
        drawn = [_within(edge) for edge in edges]
        widths = [b - a for a, b in pairwise(drawn)]
        for (label, values), colour in zip(heights.items(), cycle(theme.colours), strict=False):
            axes.bar(drawn[:-1], values, widths, floor, align="edge", color=colour, linewidth=0.4,
                     edgecolor=theme.page, label=label)  # fmt: skip
            floor = [a + b for a, b in zip(floor, values, strict=True)]
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.yaxis.set_major_formatter(_whole())
        _legend(axes, len(heights))

    return paint


def intervals(rows: Sequence[tuple[str, float, float, float]], x: str) -> Painter:
    """One line for each (label, value, low, high), from top to bottom; shares."""

    def paint(canvas: Any, theme: Theme) -> None:
        canvas.set_size_inches(_WIDTH, 0.9 + 0.3 * len(rows))
        axes = canvas.subplots()
        for place, (_, value, low, high) in enumerate(rows):
            axes.plot([low, high], [place, place], color=theme.colours[0], linewidth=3, alpha=0.45)
            axes.plot([value], [place], "o", color=theme.colours[0], markersize=6)
        axes.set_yticks(range(len(rows)), [short_label(label) for label, *_ in rows])
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel(x)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(percent())

    return paint


def grid(names: Sequence[str], values: Sequence[Sequence[float | None]]) -> Painter:
    """Shares of every two as a square of shades with numbers."""

    def paint(canvas: Any, theme: Theme) -> None:
        canvas.set_size_inches(_WIDTH, 1.3 + 0.45 * len(names))
        axes = canvas.subplots()
        for i, row in enumerate(values):
            for j, value in enumerate(row):
                if value is not None:
                    axes.fill_between([j - 0.5, j + 0.5], i - 0.5, i + 0.5, linewidth=0,
                                      color=theme.colours[0], alpha=0.5 * value)  # fmt: skip
                    axes.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=9)
        labels = [short_label(name, 22) for name in names]
        axes.set_xticks(range(len(names)), labels, rotation=30, ha="right")
        axes.set_yticks(range(len(names)), labels)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.grid(visible=False)

    return paint


def points(series: Series, x: str, y: str) -> Painter:
    """Clouds of points, told apart by colour and mark."""

    def paint(canvas: Any, theme: Theme) -> None:
        axes = canvas.subplots()
        for (label, pairs), colour, mark in zip(
            series.items(), cycle(theme.colours), cycle("ox^sd+"), strict=False
        ):
            xs, ys = [_within(a) for a, _ in pairs], [_within(b) for _, b in pairs]
            axes.scatter(xs, ys, s=12, alpha=0.5, color=colour, marker=mark, linewidths=0.8,
                         label=short_label(label))  # fmt: skip
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.xaxis.set_major_formatter(_whole())
        _legend(axes, len(series))

    return paint
