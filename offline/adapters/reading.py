"""Rows into samples: an adapter, what the user said besides, and what the model wrote.

A row holds one completion, a list of N (which become N samples of one group), or none: then its
reference solution can stand in for one, which is how a dataset and its source are tested.

Not covered: finding the adapter; see ``find``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ...core.errors import DataError
from ...core.records import sample_of_fields, value_at
from ...core.types import Sample, digest
from .contract import Adapter, Fields, Row

__all__ = ["MANY", "ONE", "Gold", "Reading"]

ONE = ("completion", "response", "output", "generation", "prediction", "llm_response")
"""What columns with what a model wrote are called."""

MANY = ("completions", "responses", "generations", "outputs", "predictions", "candidates")
"""The same for N completions of one prompt in a list. Either kind may stand under either name."""

Gold: TypeAlias = Literal["own", "next"]
"""Whose reference solution stands in for a completion: the row's, or the next row's."""

_COMMON: Mapping[str, Sequence[str]] = {
    "task": ("task",),
    "group": ("group", "group_id", "prompt_id"),
    "id": ("id",),
    "truncated": ("truncated",),
    "options": ("options", "choices"),
}
"""Fields that rows of any shape may have besides their own."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of one dataset are read."""

    adapter: Adapter
    chosen: Mapping[str, str] = field(default_factory=dict)
    """Field -> column, from the user: they win over the adapter."""
    completion: str | None = None
    """The column with what the model wrote; None: the adapter or the reference gives it."""
    gold: Gold | None = None
    scored: bool = False
    """The file was written by ``assay score``: its samples are taken back out of it."""
    about: str = ""
    """In place of a list of columns, where it says more."""

    @property
    def columns(self) -> dict[str, str]:
        """Field -> where it is read from."""
        found = {**self.adapter.columns, **self.chosen}
        if self.gold is not None:
            whose = "its own" if self.gold == "own" else "the next row's"
            found["completion"] = f"{whose} reference solution"
        elif self.completion is not None:
            found["completion"] = self.completion
        return found

    def __str__(self) -> str:
        found = ", ".join(f"{name}={column}" for name, column in self.columns.items())
        return self.about or f"{found} ({self.adapter.name}: {self.adapter.about})"

    def samples(self, row: Row, donor: Row | None = None) -> list[Sample]:
        """The samples of one row, at least one; ``donor``: the row whose solution stands in.

        Raises ``DataError``.
        """
        fields = self._fields(row)
        extra = {name: value for name, value in row.items() if name not in self._taken}
        _common(row, fields, extra)
        gold = fields.pop("gold", None)
        if self.gold is not None:
            fields["completion"] = gold if self.gold == "own" else self._gold_of(donor)
            if fields["completion"] is None:
                raise DataError("has no reference solution to stand in for a completion")
        elif self.completion is not None:
            fields["completion"] = value_at(row, self.completion)
        return self._exploded(fields, extra)

    def prompt_of(self, row: Row) -> Any:
        """The prompt of a row alone; raises ``DataError``."""
        prompt = self._fields(row).get("prompt")
        return "" if prompt is None else prompt

    @property
    def _taken(self) -> frozenset[str]:
        whole = {*self.adapter.takes, *self.chosen.values()}
        return frozenset(whole if self.completion is None else {*whole, self.completion})

    def _fields(self, row: Row) -> Fields:
        """The adapter's fields, without those that the user reads from elsewhere."""
        try:
            fields = self.adapter.read(row)
        except DataError:
            if "ground_truth" not in self.chosen:  # what cannot be read may be what was replaced
                raise
            fields = {"prompt": next((row[t] for t in self.adapter.takes if t in row), None)}
        except (KeyError, TypeError) as error:
            raise DataError(f"is no row of the shape {self.adapter.name!r}: {error}") from None
        return {**fields, **{name: value_at(row, column) for name, column in self.chosen.items()}}

    def _gold_of(self, donor: Row | None) -> Any:
        return None if donor is None else self._fields(donor).get("gold")

    def _exploded(self, fields: Fields, extra: dict[str, Any]) -> list[Sample]:
        said = _completions(fields.get("completion"))
        names = self.columns
        if said is None:
            return [sample_of_fields(fields, extra, names)]
        if not said:
            raise DataError(f"column {names.get('completion')!r}: is an empty list of completions")
        base = fields.get("id") or digest([fields.get(f) for f in ("prompt", "ground_truth")])
        cut_off = fields.get("truncated")
        samples = []
        for place, completion in enumerate(said):
            one = {**fields, "completion": completion, "id": f"{base}#{place}"}
            if isinstance(cut_off, list):
                one["truncated"] = cut_off[place] if place < len(cut_off) else None
            samples.append(sample_of_fields(one, {**extra, "completion_index": place}, names))
        return samples


def _common(row: Row, fields: Fields, extra: dict[str, Any]) -> None:
    """Take the fields that rows of any shape may have; a column of our own name wins for task."""
    for name, columns in _COMMON.items():
        if fields.get(name) is not None and name != "task":
            continue
        column = next((c for c in columns if row.get(c) is not None), None)
        if column is not None:
            fields[name] = row[column]
            extra.pop(column, None)


def _completions(value: Any) -> list[Any] | None:
    """The N completions of a row; None for a single one (text, or the messages of one)."""
    if not isinstance(value, list):
        return None
    if value and all(isinstance(one, Mapping) and "role" in one for one in value):
        return None
    return [_spoken(one) for one in value]


def _spoken(one: Any) -> Any:
    """A completion in a list: text, messages, or what an API wraps around either."""
    if not isinstance(one, Mapping):
        return one
    message = one.get("message")
    if isinstance(message, Mapping):
        return [message]
    return next((one[k] for k in ("text", "content", "completion") if k in one), one)
