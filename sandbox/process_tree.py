"""The processes of one run that nothing else holds together: found, measured, ended.

A run began as a session of its own, with a mark in its environment. Its processes are those of the
session, their children, those that were seen before, and at the end whatever has the mark.

Not covered: systems without /proc, where nothing is found; a process that left the session, lost
its parent and cleared its environment between two looks. Sent to services: standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

__all__ = ["ProcessTree", "kill"]

_SWEEPS = 50
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessTree:
    """Of the session that ``leader`` leads.

    Args:
        mark: ``NAME=value`` in the environment of its first process.
    """

    def __init__(self, leader: int, mark: bytes) -> None:
        self._leader, self._mark = leader, mark
        self._known: set[tuple[int, bytes]] = set()
        """Processes seen before, by number and time of start."""

    def look(self) -> dict[int, tuple[float, int]]:
        """CPU seconds and bytes of memory that is its own, of each process."""
        stats = _stats()
        members: dict[int, tuple[float, int]] = {}
        grown = True
        while grown:
            grown = False
            for pid, fields in stats.items():
                ours = int(fields[3]) == self._leader or int(fields[1]) in members
                if pid not in members and (ours or (pid, fields[19]) in self._known):
                    members[pid] = (sum(map(int, fields[11:15])) / _TICKS, _own_memory(pid))
                    self._known.add((pid, fields[19]))
                    grown = True
        return members

    def end(self) -> None:
        """Kill all that is left, once the leader has ended and been waited for."""
        for _ in range(_SWEEPS):
            left = [*self.look(), *self._marked()]
            if not left:
                return
            kill(left)
            time.sleep(0.002)

    def _marked(self) -> list[int]:
        """Processes with the mark. Those that have ended have no environment any more."""
        found = []
        for pid in _processes():
            with contextlib.suppress(OSError):
                if self._mark in Path(f"/proc/{pid}/environ").read_bytes():
                    found.append(pid)
        return found


def kill(pids: Iterable[int]) -> None:
    """With the signal that cannot be refused."""
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names
    except OSError:
        return []  # no /proc here: the session alone is killed, and the kernel keeps the limits


def _stats() -> dict[int, list[bytes]]:
    """What the kernel says of each process, from its state on, without those that have ended."""
    found = {}
    for pid in _processes():
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
            if len(fields) > 21 and fields[0] not in (b"Z", b"X"):
                found[pid] = fields
    return found


def _own_memory(pid: int) -> int:
    """Bytes resident that belong to no file."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(pages[1]) - int(pages[2])) * _PAGE
    except (OSError, IndexError):
        return 0
