"""Control groups, version 1 or 2, where this process may make them: exact memory and processes.

Not covered: asking a service manager for a group of our own. Without one, memory is watched by the
keeper, and processes are bounded per user.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

__all__ = ["Cgroup", "make_cgroup", "name_of_group", "remove_orphans"]

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "assay"
_MADE_WITHIN_S = 5.0
"""A group that is younger may be about to get its first process. It matters where owners do not see
each other's numbers, since they live in different pid namespaces."""


class Cgroup:
    """A group for one keeper and all that it runs."""

    def __init__(self, memory: Path, pids: Path, *, second: bool) -> None:
        self._memory, self._pids, self._second = memory, pids, second
        self._allowed = (-1, -1)
        events = "memory.events" if second else "memory.oom_control"
        self._events = os.open(memory / events, os.O_RDONLY | os.O_CLOEXEC)

    def add(self, pid: int) -> None:
        """This process, and what it starts from now on."""
        for folder in {self._memory, self._pids}:
            (folder / "cgroup.procs").write_text(str(pid))

    def allow(self, memory_bytes: int, processes: int) -> None:
        """Limits from now on."""
        if (memory_bytes, processes) == self._allowed:
            return
        name = "memory.max" if self._second else "memory.limit_in_bytes"
        (self._memory / name).write_text(str(memory_bytes))
        (self._pids / "pids.max").write_text(str(processes))
        self._allowed = memory_bytes, processes

    def used(self) -> int:
        """Bytes in use."""
        name = "memory.current" if self._second else "memory.usage_in_bytes"
        return int((self._memory / name).read_text())

    def kills(self) -> int:
        """How often the kernel has ended a process of the group for memory."""
        _, word, rest = os.pread(self._events, 4096, 0).partition(b"\noom_kill ")
        return int(rest.partition(b"\n")[0]) if word else 0

    def close(self) -> None:
        """End what is left in it and remove it."""
        if self._events >= 0:
            os.close(self._events)
            self._events = -1
        for folder in {self._memory, self._pids}:
            for _ in range(200):
                with contextlib.suppress(OSError):
                    for pid in (folder / "cgroup.procs").read_text().split():
                        os.kill(int(pid), 9)
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.005)


def name_of_group(number: int) -> str:
    """Of this process's n-th group: it says whose it is."""
    return f"{_PREFIX}-{os.getpid()}-{number}"


def remove_orphans() -> int:
    """Remove groups whose owner was killed before it could, and in which nothing runs; how many."""
    removed = 0
    for parent in {parent for parent in map(_parent, ("memory", "pids", "")) if parent is not None}:
        for folder in parent.glob(f"{_PREFIX}-*-*"):
            owner = folder.name.split("-")[1]
            with contextlib.suppress(OSError):  # something runs in it, or somebody else was faster
                old = time.time() - folder.stat().st_mtime > _MADE_WITHIN_S
                if old and not Path("/proc", owner).exists():
                    folder.rmdir()
                    removed += 1
    return removed


def make_cgroup(name: str) -> Cgroup | None:
    """A new group below our own; None where that is not allowed."""
    for make in (_first, _second):
        try:
            group = make(name)
            if group is not None:
                group.allow(1 << 40, 10_000)
                return group
        except OSError:
            continue
    return None


def _own(controller: str) -> str | None:
    """Our own group in a hierarchy; ``""`` names version 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(",") if controller else not controllers:
            return path
    return None


def _parent(controller: str) -> Path | None:
    """The folder of our own group, where new ones go."""
    own = _own(controller)
    return None if own is None else _ROOT / controller / own.lstrip("/")


def _first(name: str) -> Cgroup | None:
    folders = []
    for controller in ("memory", "pids"):
        parent = _parent(controller)
        if parent is None or not (parent / "cgroup.procs").exists():
            return None
        folders.append(parent / name)
    made: list[Path] = []
    try:
        for folder in folders:
            folder.mkdir()
            made.append(folder)
    except OSError:
        for folder in made:
            folder.rmdir()
        raise
    return Cgroup(folders[0], folders[1], second=False)


def _second(name: str) -> Cgroup | None:
    parent = _parent("")
    if parent is None or not (parent / "cgroup.controllers").exists():
        return None
    if not {"memory", "pids"} <= set((parent / "cgroup.controllers").read_text().split()):
        return None
    if not {"memory", "pids"} <= set((parent / "cgroup.subtree_control").read_text().split()):
        (parent / "cgroup.subtree_control").write_text("+memory +pids")
    folder = parent / name
    folder.mkdir()
    return Cgroup(folder, folder, second=True)
