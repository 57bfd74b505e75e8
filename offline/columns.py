"""Which column of a dataset is the prompt, the completion, the ground truth...

Columns are found by the names the field uses; what was found is always shown. A name of our own
(``ground_truth``) wins; two other names for one field are an error that says how to choose, and
``answer`` is never taken for a completion: in most datasets it is the reference.

Not covered: datasets whose values must be rewritten (cut at ``####``, JSON inside text), which
have adapters (``offline.adapters``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.errors import ConfigError, did_you_mean
from ..core.records import FIELDS, RECORD_COLUMNS, sample_of_record, sample_of_row
from ..core.types import Sample

__all__ = ["Layout", "find_layout", "parse_columns"]

SYNONYMS: Mapping[str, Sequence[str]] = {
    "prompt": ("question", "problem", "query", "messages", "instruction", "problem_statement"),
    "completion": ("response", "output", "generation", "prediction", "llm_response"),
    "ground_truth": (
        "answer",
        "solution",
        "target",
        "reference",
        "expected_answer",
        "final_answer",
        "reward_model.ground_truth",
    ),
    "task": ("data_source",),
    "group": ("group_id", "prompt_id"),
    "id": ("uuid", "unique_id", "sample_id"),
    "truncated": (),
    "options": ("choices",),
}
"""Field -> what datasets call it, besides the field's own name."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the rows of one file are read as samples."""

    columns: Mapping[str, str]
    """Field -> column."""
    extra: tuple[str, ...]
    """Columns that go into ``Sample.extra``."""
    scored: bool = False
    """The file was written by ``assay score``: its samples are taken back out of it."""

    def sample(self, row: Mapping[str, Any]) -> Sample:
        """One row as a sample; raises ``DataError``."""
        return sample_of_record(row) if self.scored else sample_of_row(row, self.columns)

    def __str__(self) -> str:
        if self.scored:
            return "a scored file: its samples are scored again, its verdicts are left behind"
        found = ", ".join(f"{field}={column}" for field, column in self.columns.items())
        return f"{found}; extra: {', '.join(self.extra) or 'none'}"


def parse_columns(words: Iterable[str]) -> dict[str, str]:
    """``["ground_truth=answer,prompt=problem"]`` as a mapping; raises ``ConfigError``."""
    chosen: dict[str, str] = {}
    for pair in (pair for word in words for pair in word.split(",") if pair.strip()):
        field, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not column:
            raise ConfigError(f"--columns: must be field=column, got {pair!r}")
        if field not in FIELDS:
            raise ConfigError(f"--columns: no field {field!r}{did_you_mean(field, FIELDS)}")
        chosen[field] = column
    return chosen


def find_layout(
    names: Sequence[str], chosen: Mapping[str, str], where: str, *, completion: bool = True
) -> Layout:
    """The layout of a file with columns ``names`` (nested ones as ``outer.inner``).

    Args:
        chosen: field -> column, from the user; the rest is found by name.
        where: the file, for error messages.
        completion: whether there must be a column for it.

    Raises ``ConfigError`` when a chosen column is missing, when a field could be one of several
    columns, or when no column is the completion.
    """
    if not chosen and {*RECORD_COLUMNS, "verdicts"} <= set(names):
        return Layout({}, (), scored=True)
    known = {*names, *(name.partition(".")[0] for name in names)}
    for field, column in chosen.items():
        if column not in known and column.partition(".")[0] not in known:
            hint = did_you_mean(column, names)
            raise ConfigError(f"{where}: --columns {field}={column}: no such column{hint}")
    columns = dict(chosen)
    for field in FIELDS:
        free = [name for name in names if name not in columns.values()]
        found = None if field in columns else _column_of(field, free, where)
        if found is not None:
            columns[field] = found
    if completion and "completion" not in columns:
        raise ConfigError(
            f"{where}: no column for the completion (what the model wrote) among"
            f" {', '.join(names) or 'none'}; name it with --columns completion=COLUMN"
        )
    extra = [n for n in names if "." not in n and n not in columns.values()]
    ordered = {field: columns[field] for field in FIELDS if field in columns}
    return Layout(ordered, tuple(extra))


def _column_of(field: str, names: Sequence[str], where: str) -> str | None:
    if field in names:
        return field
    found = [name for name in SYNONYMS[field] if name in names]
    if len(found) > 1:
        choices = " or ".join(f"--columns {field}={name}" for name in found)
        raise ConfigError(
            f"{where}: the columns {', '.join(found)} may each be the {field}; say {choices}"
        )
    return found[0] if found else None
