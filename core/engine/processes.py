"""Finding and ending processes: descendants, orphans, memory. Linux, by ``/proc`` and ``prctl``."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from pathlib import Path

__all__ = [
    "become_subreaper",
    "children_of",
    "clear_children",
    "die_with_parent",
    "resident_bytes",
]

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def become_subreaper() -> None:
    """Orphans below this process become its children, however they detached themselves."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(signum: int = signal.SIGKILL) -> None:
    """Be killed when the thread that forked this process ends; 0 takes it back."""
    _prctl(_PR_SET_PDEATHSIG, signum)


def children_of(pid: int) -> list[int]:
    """The direct children of all threads of a process; empty when it is gone."""
    found: list[int] = []
    try:
        tasks = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - hot path, names are enough
    except OSError:
        return found
    for task in tasks:
        try:
            found += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
        except OSError:  # the thread ended meanwhile
            continue
    return found


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and everything below it, in bytes; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123 - hot path
            total = int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0
    return total + sum(resident_bytes(child) for child in children_of(pid))


def clear_children(keep: frozenset[int] | set[int] = frozenset(), *, within_s: float = 5.0) -> bool:
    """Kill and reap every child of this process but ``keep``; True when none is left.

    New ones appear while we kill (a fork bomb, orphans handed up), so it goes on until a look
    finds nobody.
    """
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        strays = [pid for pid in children_of(os.getpid()) if pid not in keep]
        if not strays:
            return True
        for pid in strays:
            _kill(pid)
        for pid in strays:
            _reap(pid)
    return False


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reap(pid: int) -> None:
    """Wait for a killed child, a moment at most: one in uninterruptible sleep must not hold us."""
    for _ in range(50):
        try:
            if os.waitpid(pid, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(0.001)
