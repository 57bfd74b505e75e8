"""A few numbers in a file that processes change one at a time.

Covered: processes of one machine, threads, forks, and a process killed at any point (the file is
written by one call, so it holds the numbers before or after, never half). Not covered: machines
that share a network file system, whose locks cannot be trusted; a power cut.
"""

from __future__ import annotations

import fcntl
import os
import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ...core.errors import EngineError

__all__ = ["SharedNumbers"]

ResultT = TypeVar("ResultT")


class SharedNumbers:
    """``count`` floats in a file, zeros at first.

    Args:
        path: the file; made with its folder when missing.
        count: how many numbers; a file of another size is refused, never overwritten.
        kind: eight ASCII characters that begin the file, so that no other file is taken for it.
    """

    def __init__(self, path: Path, count: int, kind: str) -> None:
        self.path = path
        self.count = count
        self._kind = kind.encode("ascii").ljust(8)[:8]
        self._lock = threading.Lock()
        self._file = -1
        self._pid = 0

    def change(self, work: Callable[[array[float]], ResultT]) -> ResultT:
        """Run ``work`` on the numbers while nobody else can; what it changed is kept.

        When ``work`` raises, nothing is kept. It must not wait for anything. Raises
        ``EngineError`` for a file that cannot be used.
        """
        with self._lock:
            try:
                file = self._open()
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError as error:
                raise EngineError(f"{self.path}: cannot be shared: {error}") from error
            try:
                numbers = self._read(file)
                result = work(numbers)
                os.pwrite(file, self._kind + numbers.tobytes(), 0)
                return result
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; the next change opens it again."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _open(self) -> int:
        if self._file >= 0 and self._pid == os.getpid():
            return self._file
        if self._file >= 0:  # a forked copy shares its parent's lock: it needs a file of its own
            os.close(self._file)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._pid = os.getpid()
        return self._file

    def _read(self, file: int) -> array[float]:
        numbers = array("d")
        size = 8 + self.count * numbers.itemsize
        data = os.pread(file, size + 1, 0)
        if not data:
            return array("d", bytes(self.count * numbers.itemsize))
        if len(data) != size or data[:8] != self._kind:
            raise EngineError(
                f"{self.path}: is not the file of {self.count} numbers it must be, it holds"
                f" {len(data)} bytes; remove it to start from zero"
            )
        numbers.frombytes(data[8:])
        return numbers
