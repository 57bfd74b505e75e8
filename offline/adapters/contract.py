"""What an adapter is: which rows it knows, and which of their values are which field.

An adapter moves and decodes values, and loses none: a column that does not go into a field whole
stays in ``Sample.extra``. Nothing is evaluated: JSON inside text is parsed, pickles are refused.

Not covered: which column holds what the model wrote, which the user's own file adds to most of
these shapes; see ``reading``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ...core.errors import DataError

__all__ = ["Adapter", "Fields", "Row", "decoded", "missing", "present", "text_of", "unboxed_list"]

Row: TypeAlias = Mapping[str, Any]

Fields: TypeAlias = dict[str, Any]
"""Field of ``core.records.FIELDS`` -> value; also ``gold``, the reference solution as a completion
(None: the row has none)."""

CODE, MATH, CHOICE, INSTRUCTIONS, PROOF = "code", "math", "multiple_choice", "instructions", "proof"
"""The tasks that adapters hint, for ``when: {task: ...}``."""


def _any(_row: Row) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One shape of rows."""

    name: str
    about: str
    """Which datasets look like this."""
    needs: tuple[str, ...]
    """Columns that rows of this shape have; ``a/b``: at least one of the two."""
    columns: Mapping[str, str]
    """Field -> where it is read from, to be shown to a person."""
    read: Callable[[Row], Fields]
    """The fields of a row; raises ``DataError``."""
    looks: Callable[[Row], bool] = _any
    """Whether a first row, which has the columns, is really of this shape."""
    takes: tuple[str, ...] = ()
    """Columns that go into fields whole, and so not into ``extra``."""
    completions: tuple[str, ...] = ()
    """Columns of this shape that hold what models wrote, besides the usual names."""
    speaks: bool = False
    """Whether ``read`` gives the completion itself, as chat logs do."""


def missing(adapter: Adapter, names: Sequence[str]) -> list[str]:
    """The needs that columns of these names do not meet."""
    return [need for need in adapter.needs if not any(n in names for n in need.split("/"))]


def present(row: Row, *names: str) -> Any:
    """The first value that is there, of some columns; None where none is."""
    return next((row[name] for name in names if row.get(name) is not None), None)


def decoded(value: Any, place: str) -> Any:
    """A value that may be JSON text, and that once more inside text; raises ``DataError``."""
    for _ in range(3):
        if not isinstance(value, str):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise DataError(f"column {place!r}: is not JSON: {error}") from None
    return value


def unboxed_list(value: Any) -> Any:
    """``["4"]``, also as JSON text, is 4; anything else stays as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            held = json.loads(value)
        except (ValueError, RecursionError):
            return value  # an interval or a list in a mathematician's notation
        return held[0] if _is_one(held) else value
    return value[0] if _is_one(value) else value


def _is_one(value: Any) -> bool:
    """Whether this is a list of one text or number."""
    return isinstance(value, list) and len(value) == 1 and isinstance(value[0], str | int | float)


def text_of(value: Any, place: str) -> str:
    """A value that must be text; raises ``DataError``."""
    if isinstance(value, str):
        return value
    raise DataError(f"column {place!r}: must be text, got {value!r:.80}")
