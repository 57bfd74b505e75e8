"""What a section of the page is made of: a few words, charts with their numbers, tables.

Not covered: how they are drawn (``charts``) and written (``page``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ...core.agreement import Rate
from ...core.types import JSON

__all__ = ["Cell", "Figure", "Link", "Section", "Table", "Tile", "count", "plain", "share"]


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that shows rows: those that the browser's filter ``show`` lets through."""

    text: str
    show: Mapping[str, JSON]

    @property
    def wanted(self) -> str:
        """The filter as the page's script reads it."""
        return json.dumps(dict(self.show))


Cell: TypeAlias = "str | Link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under a header; all but the first column are numbers, unless it is ``prose``."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    prose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart in both themes, and the numbers it shows."""

    title: str
    light: str
    """SVG as a data URI."""
    dark: str
    note: str
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A number one looks for first."""

    name: str
    value: str
    more: str = ""


@dataclass(slots=True, kw_only=True)
class Section:
    """A part of the page; with nothing in it, it says why."""

    id: str
    title: str
    empty: str
    """What is shown where there is nothing."""
    words: str = ""
    tiles: list[Tile] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def count(n: float) -> str:
    """A whole number as a person reads it."""
    return f"{n:,.0f}"


def plain(value: float | None, digits: int = 3) -> str:
    """A number to a few digits; a dash for none."""
    if value is None or value != value:  # noqa: PLR0124 - NaN alone differs from itself
        return "–"
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.{digits}g}"


def share(rate: Rate | None) -> str:
    """A share in percent with its 95 % interval."""
    if rate is None or rate.share is None:
        return "–"
    low, high = rate.interval
    return f"{100 * rate.share:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
