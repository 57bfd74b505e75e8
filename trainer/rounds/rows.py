"""What is learned from, as rows: examples, pairs and labels, in memory and in files.

A file that a round wrote is read like one that came from elsewhere, so every ``kept.parquet`` is
a dataset for offline training too.

Not covered: images in messages, and datasets by name (save them as Parquet first).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ...core.errors import DataError
from ...core.records import json_text
from ...core.selection import Label, Pair, ScoredRow

__all__ = [
    "COLUMNS",
    "Method",
    "kept_row",
    "kept_schema",
    "read_rows",
    "text_or_messages",
    "text_row",
]

Method: TypeAlias = Literal["sft", "dpo", "ipo", "kto"]

_PAIR = ("prompt", "chosen", "rejected")

COLUMNS: Mapping[Method, tuple[str, ...]] = {
    "sft": ("prompt", "completion"),
    "dpo": _PAIR,
    "ipo": _PAIR,
    "kto": ("prompt", "completion", "label"),
}
"""What a method learns from; all but ``label`` are texts or chat messages."""

_ORIGIN: Mapping[Method, Mapping[str, str]] = {
    "sft": {"group": "string", "id": "string", "value": "double"},
    "dpo": {"group": "string", "chosen_id": "string", "rejected_id": "string", "margin": "double"},
    "ipo": {"group": "string", "chosen_id": "string", "rejected_id": "string", "margin": "double"},
    "kto": {"group": "string", "id": "string", "value": "double"},
}
"""Columns that say where a row came from, and their Arrow types."""


def kept_row(kept: ScoredRow | Pair | Label) -> dict[str, Any]:
    """What is learned from, with where it came from."""
    match kept:
        case Pair(chosen, rejected):
            return {
                "prompt": chosen.prompt,
                "chosen": chosen.completion,
                "rejected": rejected.completion,
                "group": chosen.group,
                "chosen_id": chosen.id,
                "rejected_id": rejected.id,
                "margin": kept.margin,
            }
        case Label(row, desirable):
            return _single(row) | {"label": desirable}
        case ScoredRow():
            return _single(kept)


def _single(row: ScoredRow) -> dict[str, Any]:
    return {
        "prompt": row.prompt,
        "completion": row.completion,
        "group": row.group,
        "id": row.id,
        "value": row.value,
    }


def text_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as a file holds it: messages as JSON text."""
    chats = {*_PAIR, "completion"}
    return {
        name: json_text(value) if name in chats and not isinstance(value, str) else value
        for name, value in row.items()
    }


def kept_schema(method: Method) -> Any:
    """The ``pyarrow.Schema`` of a file of kept rows."""
    import pyarrow as pa

    kinds = {"string": pa.string(), "double": pa.float64()}
    learned = [(name, pa.bool_() if name == "label" else pa.string()) for name in COLUMNS[method]]
    return pa.schema([*learned, *((n, kinds[kind]) for n, kind in _ORIGIN[method].items())])


# files -------------------------------------------------------------------------------------


def read_rows(
    paths: Iterable[str | Path], method: Method, limit: int | None = None
) -> list[dict[str, Any]]:
    """The rows of JSONL and Parquet files, checked; other columns are left out.

    Raises ``DataError`` that names the file, the row and the column: for a column that is missing,
    a value of the wrong type, a pair of two equal completions, and when there is no row at all.
    """
    rows: list[dict[str, Any]] = []
    files = [Path(path) for path in paths]
    for path in files:
        for number, row in enumerate(_raw(path), start=1):
            if limit is not None and len(rows) >= limit:
                return rows
            rows.append(_checked(row, method, f"{path}: row {number}"))
    if not rows:
        raise DataError(f"{', '.join(map(str, files))}: no rows to learn from")
    kinds = {type(row[name]) for row in rows for name in COLUMNS[method] if name != "label"}
    if len(kinds) > 1:
        raise DataError(
            f"{', '.join(map(str, files))}: some rows are texts and some are chat messages;"
            " write them to two files and choose one"
        )
    return rows


def _raw(path: Path) -> Iterator[Any]:
    """The rows of one file as they stand."""
    if not path.is_file():
        raise DataError(f"{path}: no such file; trainer.preferences.paths names JSONL or Parquet")
    if path.suffix == ".parquet":
        return _parquet(path)
    if path.suffix in {".jsonl", ".json"}:
        return _jsonl(path)
    raise DataError(f"{path}: the suffix must be .jsonl or .parquet, got {path.suffix!r}")


def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except pa.ArrowException as error:
        raise DataError(f"{path}: is no readable Parquet file: {error}") from error


def _jsonl(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise DataError(f"{path}: line {number} is not JSON: {error}") from None


def _checked(row: Any, method: Method, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise DataError(f"{where}: must be an object with columns, got {row!r:.80}")
    columns = COLUMNS[method]
    absent = [name for name in columns if name not in row]
    if absent:
        raise DataError(
            f"{where}: the column {absent[0]!r} is missing; {method} learns from"
            f" {', '.join(columns)}, and there are {', '.join(sorted(row)) or 'none'}"
        )
    found: dict[str, Any] = {
        name: _label(row[name], where)
        if name == "label"
        else text_or_messages(row[name], name, where)
        for name in columns
    }
    if "chosen" in found and found["chosen"] == found["rejected"]:
        raise DataError(f"{where}: chosen and rejected are equal, so nothing can be learned")
    return found


def _label(value: Any, where: str) -> bool:
    if value in (True, False):  # 0 and 1 too
        return bool(value)
    raise DataError(f"{where}: column 'label': must be true or false, got {value!r:.80}")


def text_or_messages(value: Any, column: str, where: str) -> str | list[dict[str, Any]]:
    """A text, or messages; messages may be JSON text, as scored files hold them.

    Raises ``DataError`` that begins with ``where`` and names the column.
    """
    if isinstance(value, str):
        return _messages_of_text(value) or value
    if isinstance(value, Sequence) and value and all(map(_is_message, value)):
        return [{k: v for k, v in message.items() if v is not None} for message in value]
    raise DataError(
        f"{where}: column {column!r}: must be text or a list of messages with role and content,"
        f" got {value!r:.80}"
    )


def _messages_of_text(text: str) -> list[dict[str, Any]] | None:
    if not text.startswith('[{"'):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):  # a text that only begins like messages
        return None
    return value if isinstance(value, list) and all(map(_is_message, value)) else None


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and "role" in value and "content" in value
