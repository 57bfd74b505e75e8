"""Replies kept by key in one SQLite file, shared by processes, safe against kill -9.

The key is the digest of what was asked and of the judge that was asked. Only whole replies are
kept, never a fault; one that could not be read is forgotten (``ask_for_score`` sees to it). JSON
only, never pickle. A file that breaks is given up with a warning; it never fails a run.

Not covered: verdicts (``core.cache`` keeps those); dropping old replies: the file belongs to a run
or a project, and is removed with it.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .contract import Reply, TokenChoice

__all__ = ["ReplyCache"]

log = logging.getLogger("assay.judges")
ResultT = TypeVar("ResultT")

_SCHEMA = "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL)"


class ReplyCache:
    """The open cache. ``path`` is made with its folder when missing; None: nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._pid = 0

    def get(self, key: str) -> Reply | None:
        """The reply kept under a key, as one that cost nothing; None where there is none."""
        row = self._safely(lambda db: _row(db, key), None)
        return None if row is None else _read(row)

    def put(self, key: str, reply: Reply) -> None:
        """Keep a reply."""
        tokens = None
        if reply.top_logprobs is not None:
            tokens = [[choice.token, dict(choice.top)] for choice in reply.top_logprobs]
        text = json.dumps([reply.text, reply.finish, tokens])
        self._safely(
            lambda db: db.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, text)), None
        )

    def forget(self, key: str) -> None:
        """Do not serve this key again."""
        self._safely(lambda db: db.execute("DELETE FROM replies WHERE key = ?", (key,)), None)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._db is not None and self._pid == os.getpid():
                self._db.close()
            self._db = None

    def _safely(self, work: Callable[[sqlite3.Connection], ResultT], otherwise: ResultT) -> ResultT:
        if self.path is None:
            return otherwise
        with self._lock:
            try:
                return work(self._open(self.path))
            except (sqlite3.Error, OSError) as error:
                log.warning("judge cache %s is given up: %s", self.path, error)
                self.path = None
                return otherwise

    def _open(self, path: Path) -> sqlite3.Connection:
        if self._db is not None and self._pid == os.getpid():
            return self._db
        self._pid = os.getpid()  # SQLite connections must not be carried across a fork
        path.parent.mkdir(parents=True, exist_ok=True)
        # every statement commits by itself
        db = sqlite3.connect(path, timeout=30.0, check_same_thread=False, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(_SCHEMA)
        self._db = db
        return db


def _row(db: sqlite3.Connection, key: str) -> str | None:
    row = db.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def _read(row: str) -> Reply | None:
    try:
        text, finish, tokens = json.loads(row)
    except ValueError:
        return None
    choices = None
    if tokens is not None:
        choices = tuple(TokenChoice(token=token, top=top) for token, top in tokens)
    return Reply(
        text=text,
        tokens_in=0,
        tokens_out=0,
        money=0.0,
        seconds=0.0,
        cached=True,
        finish=finish,
        top_logprobs=choices,
    )
