"""Training rows to a file, whole or not at all, in bounded memory; JSON lines or Parquet."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from ...core.errors import ConfigError, DataError

__all__ = ["check_suffix", "write_rows"]

_BATCH_ROWS = 1024
_LINES = (".jsonl", ".json", ".ndjson")


def check_suffix(path: Path) -> None:
    """Raise ``ConfigError`` for a format that is not written."""
    if path.suffix not in (*_LINES, ".parquet"):
        raise ConfigError(
            f"-o {path}: the format is told by the suffix: .parquet or .jsonl, got {path.suffix!r}"
        )


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]], schema: Callable[[], Any]) -> int:
    """Write all rows and give their number; ``schema`` is asked for after the first row is made.

    Raises ``DataError`` for messages that Parquet's columns cannot hold.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        with draft.open("wb") as file:
            write = _parquet if path.suffix == ".parquet" else _lines
            count = write(file, rows, schema)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _lines(file: Any, rows: Iterable[Mapping[str, Any]], _schema: Callable[[], Any]) -> int:
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n")
        count += 1
    return count


def _parquet(file: Any, rows: Iterable[Mapping[str, Any]], schema: Callable[[], Any]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, batch, writer = 0, list[Mapping[str, Any]](), None
    try:
        for row in rows:
            _check_messages(row)
            writer = writer or pq.ParquetWriter(file, schema(), compression="zstd")
            batch.append(row)
            count += 1
            if len(batch) >= _BATCH_ROWS:
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=writer.schema))
                batch.clear()
        writer = writer or pq.ParquetWriter(file, schema(), compression="zstd")
        writer.write_batch(pa.RecordBatch.from_pylist(batch, schema=writer.schema))
    finally:
        if writer is not None:
            writer.close()
    return count


def _check_messages(row: Mapping[str, Any]) -> None:
    """Parquet's columns hold role and content; what else a message says must not get lost."""
    for name, value in row.items():
        for message in value if isinstance(value, list) else ():
            more = {key for key, held in message.items() if held is not None}
            if more - {"role", "content"} or not isinstance(message.get("content"), str):
                raise DataError(
                    f"column {name!r}: a message has more than a role and a text"
                    f" ({', '.join(sorted(more))}); write JSON lines instead: -o OUT.jsonl"
                )
