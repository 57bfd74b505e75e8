"""A folder of files as one dataset: the shards that a job, ``datasets`` or ``assay score`` wrote.

The files are read one after another by name, so that ``x-00001-of-00004.parquet`` comes before
``x-00002-of-00004.parquet``. They must be of one kind.

Not covered: folders in folders, and files that are written while they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError
from ..core.types import JSON
from .read import Dataset, NumberedRow, open_dataset

__all__ = ["FolderDataset", "open_folder"]

_KINDS = (".jsonl", ".json", ".ndjson", ".csv", ".tsv", ".parquet", ".arrow", ".feather", ".ipc")
_BESIDE = (".run.json", ".failed.jsonl", ".bad.jsonl", "dataset_info.json", "dataset_infos.json")
"""Files that stand beside data and hold none."""


def open_folder(path: Path, split: str | None) -> Dataset:
    """What a folder holds: a dataset saved by ``datasets``, or files; raises ``ConfigError``."""
    from . import tables

    if any((path / mark).is_file() for mark in ("state.json", "dataset_dict.json")):
        return tables.SavedDataset(path, split)
    files = [file for file in sorted(path.iterdir()) if _kind(file)]
    kinds = sorted({_kind(file) for file in files})
    if not files:
        raise ConfigError(
            f"{path}: is a folder, but not a dataset saved with save_to_disk, and holds no file of"
            f" a known kind ({', '.join(_KINDS)}); give one file"
        )
    if len(kinds) > 1:
        raise ConfigError(
            f"{path}: holds files of several kinds ({', '.join(kinds)}); give one file, or a folder"
            " with one kind"
        )
    return FolderDataset(path, [open_dataset(str(file)) for file in files])


def _kind(path: Path) -> str:
    """The suffix that tells how a file is read; empty for what is no data."""
    name = path.name.lower()
    if name.startswith((".", "_")) or name.endswith(_BESIDE) or not path.is_file():
        return ""
    bare = name.removesuffix(".gz").removesuffix(".zst")
    return next((kind for kind in _KINDS if bare.endswith(kind)), "")


class FolderDataset(Dataset):
    """The rows of several files, one file after another."""

    unit = "row"

    def __init__(self, path: Path, files: list[Dataset]) -> None:
        super().__init__(str(path))
        self._files = files

    def names(self) -> list[str]:
        names: dict[str, None] = {}
        for file in self._files:
            names.update(dict.fromkeys(file.names()))
        return list(names)

    def peek(self) -> list[Mapping[str, Any]]:
        return next((rows for file in self._files if (rows := file.peek())), [])

    def rows(self, start: int = 0) -> Iterator[NumberedRow]:
        for file in self._files:
            if file.unit == "row" and file.total is not None and file.total <= start:
                start -= file.total
                continue
            given = 0
            for number, row in file.rows():
                given += 1
                if given > start:
                    yield f"{Path(file.name).name}:{number}", row
            start = max(start - given, 0)

    def identity(self) -> JSON:
        found = [file.identity() for file in self._files]
        totals = [file.total for file in self._files]
        if all(total is not None for total in totals):
            self.total = sum(total or 0 for total in totals)
        names = [Path(file.name).name for file in self._files]
        return None if None in found else [list(pair) for pair in zip(names, found, strict=True)]

    def check_unchanged(self) -> None:
        for file in self._files:
            file.check_unchanged()
