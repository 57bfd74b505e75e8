"""A page of memory shared by one worker and its parent: what the worker is doing since when.

A worker that hangs in C code with the interpreter lock held cannot answer questions. So it writes
down what it starts *before* it starts it, in memory that the parent can read at any time. Each
cell is one aligned 64-bit word, written by one side only.
"""

from __future__ import annotations

import mmap
from typing import Final

__all__ = ["Board"]

_CELLS: Final = 8
IDLE: Final = -1
NO_LIMIT: Final = 2**62


class Board:
    """The shared page. ``now`` values are ``time.monotonic_ns``, one clock for all processes."""

    SERIAL: Final = 0
    """Worker: the chunk it is working on."""
    CURRENT: Final = 1
    """Worker: the index of the unit it is judging, or IDLE."""
    STARTED: Final = 2
    """Worker: when it started that unit; for async workers, the event loop's last heartbeat."""
    LIMIT: Final = 3
    """Parent: the worker must not start units of this index or above (work taken back)."""

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, _CELLS * 8)
        self.cells = memoryview(self._map).cast("q")

    @staticmethod
    def size() -> int:
        """Bytes that the file behind the page needs."""
        return _CELLS * 8

    def reset(self) -> None:
        """What the parent writes before a worker exists."""
        self.cells[self.SERIAL] = 0
        self.cells[self.CURRENT] = IDLE
        self.cells[self.STARTED] = 0
        self.cells[self.LIMIT] = NO_LIMIT

    def running(self, serial: int) -> tuple[int, int] | None:
        """(index, start) of the unit being judged in this chunk, or None between units.

        The worker writes the start before the index, so a pair read with an unchanged index never
        has a start that is too early: nobody is killed for the time of the unit before.
        """
        cells = self.cells
        index = cells[self.CURRENT]
        started = cells[self.STARTED]
        if cells[self.SERIAL] != serial or index == IDLE or cells[self.CURRENT] != index:
            return None
        return index, started

    def close(self) -> None:
        """Unmap the page."""
        self.cells.release()
        self._map.close()
