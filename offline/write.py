"""Rows into shards, shards into one file.

A shard is written row by row to a file that nobody else looks at, and is on the disk when
``close`` returns. JSON lines and CSV shards are pieces of the final file; those of Parquet and
Arrow files are compressed Arrow streams, so that memory stays bounded whatever the row size.

Covered: .parquet, .jsonl (.json, .ndjson), .arrow (.feather, .ipc), .csv, and JSON lines on
standard output. Not covered: appending to a file, compression of text.
"""

from __future__ import annotations

import csv
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..core.errors import ConfigError
from ..core.records import arrow_schema, column_names, row_line

__all__ = ["Format", "Shard", "StandardOutput", "format_of", "replace_file", "sync_folder"]

_BATCH_ROWS = 1024
_BATCH_CHARS = 2**22
"""A record batch is closed at either; together they bound what a shard holds in memory."""

_BUFFER_BYTES = 2**20
"""Of a file of lines: the default makes a system call for every few rows."""

_GROUP_ROWS = 16_384
_GROUP_BYTES = 2**25
"""A Parquet row group is closed at either."""


class Shard(Protocol):
    """Takes rows; they are safe on the disk once ``close`` has returned."""

    def add(self, row: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


class Format(Protocol):
    """One kind of output file."""

    suffix: str
    """Of the shards."""

    def shard(self, path: Path) -> Shard: ...

    def merge(self, shards: Iterable[Path], path: Path) -> None:
        """Write one file of all shards, in order, and have it on the disk."""
        ...


def sync_folder(path: Path) -> None:
    """Have the names in a folder on the disk: a rename lives in the folder, not in the file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, text: str) -> None:
    """Write a small file so that it is there as a whole or not at all."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        _sync(file)
    temporary.replace(path)
    sync_folder(path.parent)


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


class _LinesShard:
    """JSON lines, straight to the file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=_BUFFER_BYTES)

    def add(self, row: Mapping[str, Any]) -> None:
        self._file.write(row_line(row))

    def close(self) -> None:
        with self._file:
            _sync(self._file)


class _CsvShard:
    """Lines of CSV without their head, straight to the file."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._csv = csv.DictWriter(self._file, names)

    def add(self, row: Mapping[str, Any]) -> None:
        self._csv.writerow(row)

    def close(self) -> None:
        with self._file:
            _sync(self._file)


class Text:
    """JSON lines and CSV: the final file is the shards, one after another."""

    def __init__(self, names: Sequence[str], kind: str) -> None:
        self.suffix = f".{kind}"
        self._names, self._kind = list(names), kind

    def shard(self, path: Path) -> Shard:
        return _CsvShard(path, self._names) if self._kind == "csv" else _LinesShard(path)

    def merge(self, shards: Iterable[Path], path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as out:
            if self._kind == "csv":
                csv.writer(out).writerow(self._names)
            out.flush()
            for shard in shards:
                with shard.open("rb") as file:
                    shutil.copyfileobj(file, out.buffer, 2**20)
            _sync(out)


class _ArrowShard:
    """A compressed Arrow stream, a batch at a time."""

    def __init__(self, path: Path, schema: Any) -> None:
        import pyarrow as pa

        self._schema = schema
        self._file = path.open("wb")
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        self._writer = pa.ipc.new_stream(self._file, schema, options=options)
        self._rows: list[Mapping[str, Any]] = []
        self._chars = 0

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        self._chars += len(row["prompt"]) + len(row["completion"]) + len(row["verdicts"])
        if len(self._rows) >= _BATCH_ROWS or self._chars >= _BATCH_CHARS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow as pa

        if self._rows:
            self._writer.write_batch(pa.RecordBatch.from_pylist(self._rows, schema=self._schema))
        self._rows, self._chars = [], 0

    def close(self) -> None:
        with self._file:
            self._flush()
            self._writer.close()
            _sync(self._file)


class Columnar:
    """Parquet and Arrow files, merged from Arrow streams."""

    suffix = ".arrows"

    def __init__(self, schema: Any, kind: str) -> None:
        self._schema, self._kind = schema, kind

    def shard(self, path: Path) -> Shard:
        return _ArrowShard(path, self._schema)

    def merge(self, shards: Iterable[Path], path: Path) -> None:
        with path.open("wb") as out:
            with self._writer(out) as writer:
                for table in self._tables(shards):
                    writer.write_table(table)
            _sync(out)

    def _writer(self, out: Any) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self._kind == "parquet":
            return pq.ParquetWriter(out, self._schema, compression="zstd")
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        return pa.ipc.new_file(out, self._schema, options=options)

    def _tables(self, shards: Iterable[Path]) -> Iterator[Any]:
        """The rows of all shards in tables of a bounded size, each one row group."""
        import pyarrow as pa

        held: list[Any] = []
        rows = size = 0
        for batch in _batches(shards):
            held.append(batch)
            rows, size = rows + batch.num_rows, size + batch.nbytes
            if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
                yield pa.Table.from_batches(held, self._schema).combine_chunks()
                held, rows, size = [], 0, 0
        if held:
            yield pa.Table.from_batches(held, self._schema).combine_chunks()


def _batches(shards: Iterable[Path]) -> Iterator[Any]:
    import pyarrow as pa

    for shard in shards:
        with shard.open("rb") as file, pa.ipc.open_stream(file) as reader:
            yield from reader


class StandardOutput:
    """JSON lines to a pipe, row by row."""

    def add(self, row: Mapping[str, Any]) -> None:
        sys.stdout.write(row_line(row).decode())
        sys.stdout.flush()  # whoever reads the pipe may be waiting for this row

    def close(self) -> None:
        sys.stdout.flush()


def format_of(output: Path, source_names: Sequence[str], *, timings: bool) -> Format:
    """The format a file's suffix asks for; raises ``ConfigError``."""
    suffix = output.suffix.lower()
    if suffix in {".jsonl", ".json", ".ndjson"}:
        return Text(column_names(source_names, timings=timings), "jsonl")
    if suffix == ".csv":
        return Text(column_names(source_names, timings=timings), "csv")
    if suffix in {".parquet", ".arrow", ".feather", ".ipc"}:
        kind = "parquet" if suffix == ".parquet" else "arrow"
        return Columnar(arrow_schema(source_names, timings=timings), kind)
    raise ConfigError(
        f"-o {output}: the format is told by the suffix: .parquet, .jsonl, .arrow, .feather or"
        " .csv; or - for JSON lines on standard output"
    )
