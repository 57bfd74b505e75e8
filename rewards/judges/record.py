"""Every attempt to ask a judge, as a line of JSON: prompt, reply, tokens, cost, time, fault.

Processes append to one file, a line in one call, so lines never mix. A reply served from the cache
was recorded when it was paid for, and is not recorded again. A file that cannot be written is given
up with a warning; it does not stop a run. Not covered: keys and headers, which are never recorded.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["Record"]

log = logging.getLogger("assay.judges")


class Record:
    """The open record. ``path`` is made with its folder when missing; None: nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = -1

    def add(self, entry: Mapping[str, Any]) -> None:
        """Append one attempt; the time and the process are added."""
        if self.path is None:
            return
        line = json.dumps({"at": round(time.time(), 3), "pid": os.getpid(), **entry}) + "\n"
        with self._lock:
            try:
                self._append(line.encode("ascii"))
            except OSError as error:
                log.warning("judge record %s is given up: %s", self.path, error)
                self.path = None

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _append(self, data: bytes) -> None:
        if self._file < 0:
            assert self.path is not None
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self.path, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)  # a long line may take more than one write
        try:
            while data:
                data = data[os.write(self._file, data) :]
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)
