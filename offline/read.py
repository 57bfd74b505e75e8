"""Rows of a dataset, one after another, in bounded memory.

Covered: JSON lines (plain, gzipped, with Zstandard, or on standard input), CSV and TSV here;
Parquet, Arrow, Feather and Hugging Face datasets in ``tables.py``; folders of such files in
``folder.py``. A row that cannot be read is handed over as ``Unreadable``, with its number, for the
caller to refuse or to set aside.

Not covered: one JSON array over many lines, remote storage.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import itertools
import json
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from ..core.errors import ConfigError, DataError
from ..core.types import JSON

__all__ = ["Dataset", "NumberedRow", "Unreadable", "open_dataset"]

PEEK_ROWS = 100
_CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A row that is there but cannot be read."""

    why: str
    text: str
    """The row as it stands in the file, or as much of it as is known."""


NumberedRow: TypeAlias = "tuple[int | str, Mapping[str, Any] | Unreadable]"
"""The number a person finds the row by (``Dataset.unit``; in a folder with the file's name), and
the row."""


class Dataset(ABC):
    """Rows that can be read more than once, from any row on. Subclasses read one kind of file."""

    unit = "line"
    """What the number of a row counts, from 1: ``line`` or ``row``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.total: int | None = None
        """Rows in all, for showing progress: None where unknown, and lines for JSON lines."""

    @abstractmethod
    def names(self) -> list[str]:
        """The columns; those of a nested column also as ``outer.inner``."""

    @abstractmethod
    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        """The rows from number ``start`` (counted from 0) on; raises ``DataError``."""

    def peek(self) -> list[Mapping[str, Any]]:
        """Some of the first rows that can be read, for seeing what kind of rows they are."""
        first = itertools.islice(self.rows(), PEEK_ROWS)
        return [row for _, row in first if not isinstance(row, Unreadable)]

    def identity(self) -> JSON:
        """Equal for equal content; None when a second reading may give other rows."""
        return None

    def check_unchanged(self) -> None:
        """Raise ``DataError`` when the file changed while it was read."""
        return


class FileDataset(Dataset):
    """A file on disk: known by its content, so that it may be moved or touched."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path
        self._seen = self._stat()

    def _stat(self) -> tuple[int, int]:
        try:
            stat = self.path.stat()
        except OSError as error:
            raise ConfigError(f"{self.path}: cannot be read: {error.strerror}") from error
        return stat.st_size, stat.st_mtime_ns

    def identity(self) -> JSON:
        found = hashlib.blake2b(digest_size=16)
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
                self._count(chunk)
        return {"bytes": self._seen[0], "digest": found.hexdigest()}

    def _count(self, chunk: bytes) -> None:
        """See a chunk of the file on the way past."""

    def check_unchanged(self) -> None:
        if self._stat() != self._seen:
            raise DataError(
                f"{self.path}: the file was changed while it was read; score it again with"
                " --restart once it stands still"
            )


class JsonLines(FileDataset):
    """One JSON object in each line; blank lines do not count as rows."""

    @property
    def _zipped(self) -> bool:
        return self.path.suffix in {".gz", ".zst"}

    def _open(self) -> Any:
        if self.path.suffix == ".gz":
            return gzip.open(self.path, "rb")
        if self.path.suffix == ".zst":
            import pyarrow as pa

            return io.BufferedReader(pa.input_stream(str(self.path), compression="zstd"))
        return self.path.open("rb", buffering=_CHUNK_BYTES)

    def identity(self) -> JSON:
        self.total = None if self._zipped else 0
        return super().identity()

    def _count(self, chunk: bytes) -> None:
        if self.total is not None:
            self.total += chunk.count(b"\n")

    def names(self) -> list[str]:
        return _names_of(self.peek())

    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        try:
            with self._open() as file:
                self._refuse_array(file)
                yield from _json_rows(file, start)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{self.path}: cannot be read to its end: {error}") from error

    def _refuse_array(self, file: Any) -> None:
        if file.peek(64)[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"[":
            raise DataError(
                f"{self.path}: holds a JSON array, not one JSON object in each line; convert it"
                f" with: jq -c '.[]' {self.path.name}"
            )


class StandardInput(Dataset):
    """JSON lines from a pipe. They can be read once, so a run over them cannot be resumed."""

    def __init__(self) -> None:
        super().__init__("standard input")
        self._lines: Iterator[bytes] = iter(sys.stdin.buffer)

    def names(self) -> list[str]:
        return _names_of(self.peek())

    def peek(self) -> list[Mapping[str, Any]]:
        """The first row alone: whoever writes the pipe may wait for it to be judged."""
        first = list(itertools.islice(self._lines, 1))
        self._lines = itertools.chain(first, self._lines)
        rows = [row for _, row in _json_rows(iter(first), 0)]
        return [row for row in rows if not isinstance(row, Unreadable)]

    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        return _json_rows(self._lines, start)


class Csv(FileDataset):
    """Comma (``.csv``) or tab (``.tsv``) separated text with a header; an empty cell is None."""

    def _reader(self, file: Any) -> Any:
        csv.field_size_limit(2**31 - 1)  # the default refuses cells above 128 KiB
        delimiter = "\t" if self.path.suffix == ".tsv" else ","
        return csv.reader(file, delimiter=delimiter, strict=True)

    def names(self) -> list[str]:
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            return self._header(self._reader(file))

    def _header(self, reader: Any) -> list[str]:
        header: list[str] = next(reader, [])
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise DataError(f"{self.path}: line 1: the columns {twice} appear twice")
        return header

    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = self._reader(file)
                header = self._header(reader)
                cells = (row for row in reader if row)
                for row in itertools.islice(cells, start, None):
                    yield reader.line_num, _csv_row(header, row)
        except (OSError, csv.Error, UnicodeDecodeError) as error:
            raise DataError(f"{self.path}: cannot be read to its end: {error}") from error


def _csv_row(header: Sequence[str], cells: Sequence[str]) -> Mapping[str, Any] | Unreadable:
    if len(cells) != len(header):
        why = f"has {len(cells)} cells, the header has {len(header)}"
        return Unreadable(why, ",".join(cells))
    return {name: cell if cell != "" else None for name, cell in zip(header, cells, strict=True)}


def _json_rows(lines: Iterator[bytes] | IO[bytes], start: int) -> Iterator[NumberedRow]:
    index = 0
    for number, line in enumerate(lines, 1):
        if line.isspace():
            continue
        index += 1
        if index > start:
            yield number, _json_row(line)


def _constant(name: str) -> None:
    if name != "NaN":  # what pandas leaves where a value is missing
        raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_constant).decode


def _json_row(line: bytes) -> Mapping[str, Any] | Unreadable:
    try:
        row = _decode(line.decode("utf-8-sig"))
    except RecursionError:
        return Unreadable("is nested too deeply", _shown(line))
    except ValueError as error:
        return Unreadable(f"is not JSON: {error}", _shown(line))
    if not isinstance(row, dict):
        return Unreadable(f"must be a JSON object, got {type(row).__name__}", _shown(line))
    return row


def _shown(line: bytes) -> str:
    return line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")


def _names_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys of some rows in order of appearance, one level of nesting included."""
    names: dict[str, None] = {}
    for row in rows:
        for key, value in row.items():
            names[key] = None
            if isinstance(value, Mapping):
                names.update(dict.fromkeys(f"{key}.{inner}" for inner in value))
    return list(names)


def open_dataset(spec: str, *, split: str | None = None) -> Dataset:
    """The dataset a user means: ``-``, a file, a folder of files, a folder saved by
    ``datasets``, or a hub name.

    Args:
        spec: a path, recognised by its suffix; a folder; ``-``; or ``owner/name[:config]``.
        split: of a Hugging Face dataset with more than one.

    Raises ``ConfigError`` when there is no such thing, or its kind is not known.
    """
    from . import folder, tables

    path = Path(spec)
    if spec == "-":
        return StandardInput()
    if path.is_dir():
        return folder.open_folder(path, split)
    name = path.name.lower()
    if name.removesuffix(".gz").removesuffix(".zst").endswith((".jsonl", ".json", ".ndjson")):
        return JsonLines(path)
    if name.endswith((".csv", ".tsv")):
        return Csv(path)
    if name.endswith(".parquet"):
        return tables.Parquet(path)
    if name.endswith((".arrow", ".feather", ".ipc")):
        return tables.ArrowFile(path)
    if path.exists():
        raise ConfigError(
            f"{spec}: the kind of file is not known by its suffix; readable are .jsonl, .json,"
            " .ndjson (also .gz, .zst), .csv, .tsv, .parquet, .arrow, .feather, folders of such"
            " files, and - for JSON lines"
        )
    return tables.HubDataset(spec, split)
