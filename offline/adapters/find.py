"""Which adapter a dataset needs, told by its columns and first rows.

The first adapter that knows the rows is taken, the particular ones before the general. What none
knows is read by the names of its columns (``offline.columns``), and when not even that says what
the model wrote, the error lists the columns and the nearest shape.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.errors import ConfigError, did_you_mean
from ...core.records import FIELDS, value_at
from ...core.types import Sample
from ..columns import Layout, find_layout
from .chats import CHATS
from .contract import Adapter, Fields, Row, missing, present
from .maths import MATHS
from .programs import PROGRAMS
from .reading import MANY, ONE, Gold, Reading
from .trainers import TRAINERS

__all__ = ["ADAPTERS", "open_reading"]

ADAPTERS: Mapping[str, Adapter] = {
    adapter.name: adapter for adapter in (*PROGRAMS, *TRAINERS, *MATHS, *CHATS)
}
"""By name, in the order in which they are tried."""

_PLAIN, _SCORED = "plain", "scored"
_GOLD = ("canonical_solution", "gold_standard_solution", "reference_solution", "solution")


@dataclass(frozen=True, slots=True)
class PlainReading(Reading):
    """Columns found by their names, one completion in each row: the quick way."""

    layout: Layout = field(default_factory=lambda: Layout({}, ()))

    def samples(self, row: Row, donor: Row | None = None) -> list[Sample]:
        """The one sample of a row; raises ``DataError``."""
        del donor
        return [self.layout.sample(row)]


def open_reading(
    names: Sequence[str],
    rows: Sequence[Row],
    where: str,
    *,
    chosen: Mapping[str, str] | None = None,
    adapter: str | None = None,
    gold: Gold | None = None,
) -> Reading:
    """How a dataset with these columns and first rows is read.

    Args:
        names: its columns, nested ones also as ``outer.inner``.
        where: the file, for messages.
        chosen: field -> column, from the user.
        adapter: the shape, from the user; ``plain`` goes by names alone.
        gold: whose reference solution stands in for a completion; None: rows have completions.

    Raises ``ConfigError`` for columns that are not there, and for rows of no known shape.
    """
    chosen = dict(chosen or {})
    _check_chosen(names, chosen, where)
    scored = find_layout(names, {}, where).scored if not chosen and "verdicts" in names else False
    if scored and adapter in (None, _SCORED):
        return _quick(find_layout(names, {}, where))
    found = _named(adapter, names, where) if adapter else _found(names, rows, chosen)
    if found is None:
        return _by_names(names, rows, where, chosen, gold)
    completion = None if gold else _completion_column(found, names, chosen, where)
    if completion is None and gold is None and not found.speaks:
        raise ConfigError(_nothing_said(names, where, found))
    rest = {name: column for name, column in chosen.items() if name != "completion"}
    return Reading(found, rest, completion, gold)


def _check_chosen(names: Sequence[str], chosen: Mapping[str, str], where: str) -> None:
    known = {*names, *(name.partition(".")[0] for name in names)}
    for name, column in chosen.items():
        if name not in FIELDS:
            raise ConfigError(f"{where}: --map: no field {name!r}{did_you_mean(name, FIELDS)}")
        if column not in known and column.partition(".")[0] not in known:
            hint = did_you_mean(column, names)
            raise ConfigError(f"{where}: --map {name}={column}: no such column{hint}")


def _named(name: str, names: Sequence[str], where: str) -> Adapter | None:
    if name == _PLAIN:
        return None
    if name not in ADAPTERS:
        known = [_PLAIN, *ADAPTERS]
        raise ConfigError(
            f"--adapter: no adapter {name!r}{did_you_mean(name, known)} (known: {', '.join(known)})"
        )
    if lacks := missing(ADAPTERS[name], names):
        raise ConfigError(
            f"{where}: --adapter {name}: the columns {', '.join(lacks)} are missing among"
            f" {', '.join(names) or 'none'}"
        )
    return ADAPTERS[name]


def _found(names: Sequence[str], rows: Sequence[Row], chosen: Mapping[str, str]) -> Adapter | None:
    for adapter in ADAPTERS.values():
        if missing(adapter, names) or not rows or not adapter.looks(rows[0]):
            continue
        if adapter.speaks and ("completion" in chosen or _usual(adapter, names)):
            continue  # a column of its own says what the model wrote
        return adapter
    return None


def _usual(adapter: Adapter, names: Sequence[str]) -> list[str]:
    """Columns with a usual name for completions that the adapter does not need itself."""
    own = {name for need in adapter.needs for name in need.split("/")} | set(adapter.takes)
    free = [name for name in (*ONE, *MANY) if name not in own or name in adapter.completions]
    return [name for name in free if name in names]


def _completion_column(
    adapter: Adapter, names: Sequence[str], chosen: Mapping[str, str], where: str
) -> str | None:
    if "completion" in chosen:
        return chosen["completion"]
    usual = [name for name in _usual(adapter, names) if name not in adapter.completions]
    if "completion" in usual:
        return "completion"
    if len(usual) > 1:
        choices = " or ".join(f"--map completion={name}" for name in usual)
        raise ConfigError(
            f"{where}: the columns {', '.join(usual)} may each be the completion; say {choices}"
        )
    own = [name for name in adapter.completions if name in names]
    return next(iter((*usual, *own)), None)


# by the names alone --------------------------------------------------------------------------


def _by_names(
    names: Sequence[str],
    rows: Sequence[Row],
    where: str,
    chosen: Mapping[str, str],
    gold: Gold | None,
) -> Reading:
    layout = find_layout(names, chosen, where, completion=False)
    column = layout.columns.get("completion") or next((n for n in MANY if n in names), None)
    if column is None and gold is None:
        raise ConfigError(_nothing_said(names, where, None))
    if gold is None and "completion" in layout.columns and not _holds_many(rows, column):
        return _quick(layout)
    rest = {name: c for name, c in layout.columns.items() if name != "completion"}
    return Reading(_plain(Layout(rest, layout.extra)), {}, None if gold else column, gold)


def _quick(layout: Layout) -> Reading:
    return PlainReading(_plain(layout), scored=layout.scored, about=str(layout), layout=layout)


def _holds_many(rows: Sequence[Row], column: str | None) -> bool:
    """Whether a column holds lists of completions, which are no messages."""
    held = _first(rows, column or "")
    if not isinstance(held, list):
        return False
    return not all(isinstance(one, Mapping) and "role" in one for one in held)


def _first(rows: Sequence[Row], column: str) -> Any:
    """The first value of a column that is there."""
    return next((v for row in rows if (v := value_at(row, column)) is not None), None)


def _plain(layout: Layout) -> Adapter:
    columns = dict(layout.columns)

    def read(row: Row) -> Fields:
        fields = {name: value_at(row, column) for name, column in columns.items()}
        gold, truth = present(row, *_GOLD), fields.get("ground_truth")
        if gold is None and isinstance(truth, str | int | float):
            gold = str(truth)
        return {**fields, "gold": gold}

    return Adapter(
        name=_SCORED if layout.scored else _PLAIN,
        about="any other rows, by the names of their columns",
        needs=(),
        columns=columns,
        read=read,
        takes=tuple(columns.values()),
    )


# nothing fits --------------------------------------------------------------------------------


def _nothing_said(names: Sequence[str], where: str, found: Adapter | None) -> str:
    """What to say of rows whose completion cannot be found."""
    said = f"{where}: no column for the completion (what the model wrote) among"
    seen = ", ".join(names) or "none"
    if found is not None:
        shape = f"the shape is {found.name} ({found.about})"
    else:
        near = max(ADAPTERS.values(), key=lambda adapter: _nearness(adapter, names))
        lacks = ", ".join(missing(near, names))
        lacking = f", which also has {lacks}" if lacks else ""
        shape = f"no shape is known with these columns; the nearest is {near.name}{lacking}"
    return (
        f"{said} {seen}; {shape}; name it with --map completion=COLUMN (also spelled"
        " --columns completion=COLUMN), or score the reference solutions with --gold own"
    )


def _nearness(adapter: Adapter, names: Sequence[str]) -> float:
    """How much of what an adapter needs is there, misspelled names counting half; in [0, 1]."""
    met = 0.0
    for need in adapter.needs:
        options = need.split("/")
        if any(option in names for option in options):
            met += 1.0
        elif any(difflib.get_close_matches(option, names, 1, 0.8) for option in options):
            met += 0.5
    return met / len(adapter.needs)
