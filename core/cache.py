"""Verdicts kept by digest in one SQLite file, shared by processes, safe against kill -9.

The key is a digest of everything a deterministic verdict depends on: source, version, settings
and the sample's content. Only ``scored``, ``abstained`` and ``bad_reference`` verdicts are kept: a
fault says nothing about the sample. JSON only, never pickle: a shared cache file must not be able
to run code. A cache that breaks (disk full, file damaged) is switched off with a warning; it never
fails a run.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from .types import FAULTS, Sample, Verdict, digest

__all__ = ["Cache", "cache_key"]

log = logging.getLogger("assay.cache")
ResultT = TypeVar("ResultT")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    key TEXT PRIMARY KEY, verdict TEXT NOT NULL, used REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS verdicts_used ON verdicts (used);
"""
_ASK = 500  # SQLite takes at most 999 parameters in old builds
_LOOK_EVERY = 50  # writes between looks at the file's size


def cache_key(use: str, version: str, samples: Sequence[Sample]) -> str:
    """The digest of a source with its settings (``version``) and what it would judge."""
    content = [
        [s.prompt, s.completion, s.ground_truth, s.task, s.truncated, dict(s.extra)]
        for s in samples
    ]
    return digest([use, version, content], length=40)


class Cache:
    """The open cache file.

    Args:
        path: the file; made with its folder when missing.
        max_bytes: above it, the verdicts used longest ago are dropped, a tenth at a time.
    """

    def __init__(self, path: Path, max_bytes: int = 2**30) -> None:
        self.path = path
        self.max_bytes = max_bytes
        self.broken = False
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._writes = 0

    def get(self, keys: Iterable[str]) -> Mapping[str, list[Verdict]]:
        """The verdicts of the keys that are known."""
        wanted = list(dict.fromkeys(keys))
        return self._safely(lambda db: self._get(db, wanted), {})

    def put(self, items: Mapping[str, Sequence[Verdict]]) -> None:
        """Keep verdicts; those with a fault among them are left out."""
        now = time.time()
        rows = [
            (key, json.dumps([v.to_dict() for v in verdicts]), now)
            for key, verdicts in items.items()
            if not any(v.status in FAULTS for v in verdicts)
        ]
        if rows:
            self._safely(lambda db: self._put(db, rows), None)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def _get(self, db: sqlite3.Connection, keys: list[str]) -> dict[str, list[Verdict]]:
        found: dict[str, list[Verdict]] = {}
        for start in range(0, len(keys), _ASK):
            part = keys[start : start + _ASK]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, verdict FROM verdicts WHERE key IN ({marks})"  # noqa: S608 - marks only
            for key, text in db.execute(query, part):
                found[key] = [Verdict.from_dict({**v, "cached": True}) for v in json.loads(text)]
        if found:
            now = time.time()
            with db:
                db.executemany(
                    "UPDATE verdicts SET used = ? WHERE key = ?", [(now, key) for key in found]
                )
        return found

    def _put(self, db: sqlite3.Connection, rows: list[tuple[str, str, float]]) -> None:
        with db:
            db.executemany("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?)", rows)
        self._writes += 1
        if self._writes % _LOOK_EVERY == 1:
            self._shrink(db)

    def _shrink(self, db: sqlite3.Connection) -> None:
        """Drop what was used longest ago until the file's content fits."""
        (page,) = db.execute("PRAGMA page_size").fetchone()
        while True:
            (pages,) = db.execute("PRAGMA page_count").fetchone()
            (free,) = db.execute("PRAGMA freelist_count").fetchone()
            (rows,) = db.execute("SELECT count(*) FROM verdicts").fetchone()
            if (pages - free) * page <= self.max_bytes or rows == 0:
                return
            with db:
                db.execute(
                    "DELETE FROM verdicts WHERE key IN"
                    " (SELECT key FROM verdicts ORDER BY used LIMIT ?)",
                    (max(rows // 10, 1),),
                )

    def _safely(self, work: Callable[[sqlite3.Connection], ResultT], otherwise: ResultT) -> ResultT:
        if self.broken:
            return otherwise
        with self._lock:
            try:
                return work(self._open())
            except (sqlite3.Error, ValueError, KeyError, TypeError, OSError) as error:
                self.broken = True
                log.warning(
                    "cache %s is switched off: %s: %s; remove the file to start afresh",
                    self.path,
                    type(error).__name__,
                    error,
                )
                return otherwise

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self._pid == os.getpid():
            return self._connection
        self._pid = os.getpid()  # SQLite connections must not be carried across a fork
        self.path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self.path, timeout=30.0, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
        self._connection = db
        return db
