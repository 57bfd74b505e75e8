"""Rows of columnar files and of Hugging Face datasets, a batch at a time.

Covered: Parquet, Arrow files and streams, Feather version 2, datasets saved with
``save_to_disk``, datasets by name. ``datasets`` is imported only for the last two.

Not covered: Feather version 1, encrypted Parquet, streaming from the hub (a dataset by name is
downloaded by ``datasets`` into its own cache).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError, DataError
from ..core.types import JSON
from .read import Dataset, FileDataset, NumberedRow

__all__ = ["ArrowFile", "HubDataset", "Parquet", "SavedDataset"]

_BATCH_ROWS = 256
"""Rows turned into Python objects at once: completions may be 100 kB each."""

_BUFFER_BYTES = 2**20
"""Read ahead per column, so that a row group of any size is not held in memory."""

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?(:[\w.-]+)?")


def _names(schema: Any) -> list[str]:
    """The columns of an Arrow schema, the fields of a struct also as ``outer.inner``."""
    import pyarrow as pa

    names: list[str] = []
    for field in schema:
        names.append(field.name)
        if pa.types.is_struct(field.type):
            names += [f"{field.name}.{inner.name}" for inner in field.type]
    return names


def _numbered(batch: Any, first: int) -> Iterator[NumberedRow]:
    """The rows of a record batch or table, ``first`` being the number of the first."""
    for at in range(0, batch.num_rows, _BATCH_ROWS):
        yield from enumerate(batch.slice(at, _BATCH_ROWS).to_pylist(), first + at)


class Parquet(FileDataset):
    """A Parquet file; a resumed reading skips whole row groups."""

    unit = "row"

    def _open(self) -> Any:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(self.path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.path}: is not a Parquet file: {error}") from error
        self.total = file.metadata.num_rows
        return file

    def names(self) -> list[str]:
        with self._open() as file:
            return _names(file.schema_arrow)

    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        import pyarrow as pa

        try:
            with self._open() as file:
                yield from self._rows(file, start)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.path}: cannot be read to its end: {error}") from error

    def _rows(self, file: Any, start: int) -> Iterator[NumberedRow]:
        first = 0
        for group in range(file.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if first + rows <= start:
                first += rows
                continue
            for batch in file.iter_batches(batch_size=_BATCH_ROWS, row_groups=[group]):
                skip = min(max(start - first, 0), batch.num_rows)
                yield from _numbered(batch.slice(skip), first + skip + 1)
                first += batch.num_rows


class ArrowFile(FileDataset):
    """An Arrow IPC file or stream (Feather version 2 is the former), mapped into memory."""

    unit = "row"

    def _batches(self) -> Iterator[Any]:
        import pyarrow as pa

        with pa.memory_map(str(self.path)) as file:
            try:
                reader = pa.ipc.open_file(file)
            except pa.ArrowInvalid:
                file.seek(0)
                yield from pa.ipc.open_stream(file)
                return
            for index in range(reader.num_record_batches):
                yield reader.get_batch(index)

    def names(self) -> list[str]:
        import pyarrow as pa

        try:
            with pa.memory_map(str(self.path)) as file:
                return _names(self._schema(file))
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.path}: is not an Arrow file: {error}") from error

    @staticmethod
    def _schema(file: Any) -> Any:
        import pyarrow as pa

        try:
            return pa.ipc.open_file(file).schema
        except pa.ArrowInvalid:
            file.seek(0)
            return pa.ipc.open_stream(file).schema

    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        import pyarrow as pa

        first = 0
        try:
            for batch in self._batches():
                skip = min(max(start - first, 0), batch.num_rows)
                yield from _numbered(batch.slice(skip), first + skip + 1)
                first += batch.num_rows
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{self.path}: cannot be read to its end: {error}") from error


class _HuggingFace(Dataset):
    """What a dataset saved on disk and one by name have in common."""

    unit = "row"

    def __init__(self, name: str, data: Any, split: str | None) -> None:
        super().__init__(name)
        self._data = _one_split(name, data, split).with_format("arrow")
        self.total = len(self._data)

    def names(self) -> list[str]:
        return _names(self._data.features.arrow_schema)

    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        for at in range(start, len(self._data), _BATCH_ROWS):
            yield from _numbered(self._data[at : at + _BATCH_ROWS], at + 1)

    def identity(self) -> JSON:
        # the fingerprint is how ``datasets`` itself tells whether two datasets are the same
        return {"fingerprint": self._data._fingerprint, "rows": self.total}


def _one_split(name: str, data: Any, split: str | None) -> Any:
    """The dataset itself, or one split of several; raises ``ConfigError``."""
    if not isinstance(data, dict):
        return data
    splits = sorted(data)
    if split is None and len(splits) == 1:
        return data[splits[0]]
    if split not in data:
        got = "" if split is None else f", got {split!r}"
        raise ConfigError(f"{name}: --split must be one of {', '.join(splits)}{got}")
    return data[split]


def _datasets(name: str) -> Any:
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            f"{name}: reading a Hugging Face dataset needs the package datasets, which comes with"
            " pip install 'assay-rlvr[train]'; or save it as Parquet first"
        ) from error
    return datasets


class SavedDataset(_HuggingFace):
    """A folder written by ``Dataset.save_to_disk`` or ``DatasetDict.save_to_disk``."""

    def __init__(self, path: Path, split: str | None) -> None:
        data = _datasets(str(path)).load_from_disk(str(path))
        super().__init__(str(path), data, split)


class HubDataset(_HuggingFace):
    """A dataset by its name on the hub: ``owner/name`` or ``owner/name:config``."""

    def __init__(self, name: str, split: str | None) -> None:
        if not _HUB_NAME.fullmatch(name):
            raise ConfigError(f"{name}: no such file or folder")
        repository, _, config = name.partition(":")
        try:
            data = _datasets(name).load_dataset(repository, config or None)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"{name}: no such file or folder, and no dataset of that name could be loaded:"
                f" {type(error).__name__}: {error}"
            ) from error
        super().__init__(name, data, split)
