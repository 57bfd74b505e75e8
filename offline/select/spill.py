"""Rows put in another order on the disk, for what does not fit into memory.

A temporary SQLite file beside the output: rows go in as text with a key, and come out by key, equal
keys in the order they came in. It is nobody's record: a kill leaves it to be deleted.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...core.closing import Closing

__all__ = ["Spill"]

_BATCH = 500


class Spill(Closing):
    """Texts with keys, to be read once all are in."""

    def __init__(self, folder: Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix=".assay-select-", dir=folder)
        self._db = sqlite3.connect(Path(self._folder.name) / "rows.sqlite")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute("CREATE TABLE rows (key REAL, place INTEGER PRIMARY KEY, row TEXT)")
        self._batch: list[tuple[float, str]] = []

    def add(self, key: float, row: str) -> None:
        """One more row."""
        self._batch.append((key, row))
        if len(self._batch) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO rows (key, row) VALUES (?, ?)", self._batch)
        self._batch.clear()

    def __iter__(self) -> Iterator[tuple[float, str]]:
        """(key, row) by key; SQLite sorts on the disk."""
        self._flush()
        self._db.execute("CREATE INDEX IF NOT EXISTS by_key ON rows (key, place)")
        yield from self._db.execute("SELECT key, row FROM rows ORDER BY key, place")

    def close(self) -> None:
        """Delete it."""
        self._db.close()
        self._folder.cleanup()
