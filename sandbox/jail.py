"""``jail``: programs in namespaces of this machine's kernel. Linux, no daemon, no root needed.

Each slot is a keeper: a warm interpreter inside new user, mount, pid, net, ipc and uts namespaces,
whose root holds read-only system folders and nothing of anybody's. Each run gets namespaces of its
own inside those, a work folder in memory, no /proc, no capability, a seccomp filter, and limits; a
control group counts memory and processes where this process may make one. It refuses to start
rather than promise less.

Not covered: a kernel with a hole in it. The kernel is shared; use ``docker`` with runsc, or
``remote``, where that is not enough.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .cgroup import Cgroup, make_cgroup, name_of_group, remove_orphans
from .contract import Limits, Missing, Outcome, Program, Sandbox, Session
from .host import KeeperLink, KeeperSession, LostKeeper, SocketStream
from .inside import FETCH, bundle

__all__ = ["ENTER", "FIRST_UID", "GROUP_NUMBERS", "Jail", "advice", "jail_folders"]

_FOLDERS = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives",
    "/etc/ld.so.cache", "/etc/java-17-openjdk", "/etc/java-21-openjdk",
)  # fmt: skip
_RUNS_OF_A_KEEPER = 2000
_START_S = 20.0
_TRIES = 3
FIRST_UID = 0x6F000000
"""As root, keepers are users of the host that own nothing: from here on. Ours."""
_KEEPER_BYTES = 64 << 20
GROUP_NUMBERS = itertools.count()
"""Of this process's control groups."""


class Jail(Sandbox):
    """Programs in namespaces of their own.

    Args:
        slots: how many run at the same time; a warm keeper each.
        folders: more folders to show read-only, host path to jail path.
        packages: a folder of Python packages for programs to import.
    """

    name = "jail"
    guarantees = (
        "no network",
        "no file of the host but system folders, read-only",
        "nothing shared between runs",
        "the whole process tree ends with the run",
        "the kernel is shared",
    )

    def __init__(
        self,
        *,
        slots: int = 1,
        folders: Mapping[str, str] | None = None,
        packages: str | Path | None = None,
    ) -> None:
        super().__init__(slots=slots)
        shown = dict(folders or {})
        if packages is not None:
            shown[str(packages)] = "/packages"
        self._options = _options(shown)
        self._free: queue.SimpleQueue[_Keeper | None] = queue.SimpleQueue()
        self._all: set[_Keeper] = set()
        self._lock = threading.Lock()
        self._opened = self._closed = False

    def open(self) -> None:
        with self._lock:
            if self._opened:
                return
            if self._closed:
                raise RuntimeError("this jail is closed; make a new one")
            remove_orphans()
            first = _made(self._options)
            self._all.add(first)
            self._free.put(first)
            for _ in range(self.slots - 1):
                self._free.put(None)  # started when it is first needed
            self._opened = True

    def start(self, program: Program, stdin: bytes, limits: Limits) -> Session:
        self.open()
        keeper = self._free.get()
        try:
            if keeper is None or not keeper.usable:
                keeper = self._replace(keeper)
            return keeper.start(program, stdin, limits, self._back)
        except BaseException:
            self._free.put(keeper)
            raise

    def _replace(self, old: _Keeper | None) -> _Keeper:
        if old is not None:
            old.close()
        new = _made(self._options)
        with self._lock:
            self._all -= {old}
            self._all.add(new)
        return new

    def _back(self, keeper: _Keeper) -> None:
        self._free.put(keeper)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            keepers, self._all = self._all, set()
        for keeper in keepers:
            keeper.close()


def _made(options: Mapping[str, Any]) -> _Keeper:
    """A keeper that is ready. That somebody killed one says nothing of the machine, so another is
    made; what ends each of them is missing. Raises ``Missing``."""
    for _ in range(_TRIES):
        with contextlib.suppress(LostKeeper):
            return _Keeper(options)
    raise Missing(advice({"step": "start", "why": f"it was gone at once, {_TRIES} times"}))


class _Keeper:
    """One warm interpreter inside, its stream and its control group."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.usable, self._runs = True, 0
        self._group: Cgroup | None = make_cgroup(name_of_group(next(GROUP_NUMBERS)))
        ours, theirs = socket.socketpair()
        chosen = {**options, "uid": FIRST_UID + random.SystemRandom().randrange(1 << 20)}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(ENTER), json.dumps(chosen)],
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env={},
                cwd="/",
                start_new_session=True,
            )
        finally:
            theirs.close()
        self._link = KeeperLink(SocketStream(ours))
        try:
            if self._group is not None:
                self._group.add(self._process.pid)
            with contextlib.suppress(OSError):  # it may have said what is missing, and gone
                ours.sendall(b"g" + bundle())
            self._await_ready()
        except BaseException:
            self.close()
            raise
        self._base = self._group.used() if self._group is not None else 0

    def _await_ready(self) -> None:
        """Raises ``Missing``; ``LostKeeper`` when it was gone before it could say anything."""
        frame = self._link.frame(_START_S)
        head = frame[0] if frame is not None else {"step": "start", "why": "it did not answer"}
        if head.get("is") != "ready":
            raise Missing(advice(head))

    def start(self, program: Program, stdin: bytes, limits: Limits, back: Any) -> KeeperSession:
        kills = 0
        if self._group is not None:
            self._group.allow(
                _KEEPER_BYTES + self._base + (limits.memory_mb << 20), limits.pids + 5
            )
            kills = self._group.kills()

        def done(outcome: Outcome, healthy: bool) -> Outcome:
            self._runs += 1
            killed = over_memory()
            self.usable = healthy and self._runs < _RUNS_OF_A_KEEPER
            back(self)
            return replace(outcome, end="memory", detail="") if killed else outcome

        def over_memory() -> bool:
            return self._group is not None and self._group.kills() > kills

        return KeeperSession(
            self._link,
            program,
            stdin,
            limits,
            watch_memory=self._group is None,
            done=done,
            over_memory=over_memory if self._group is not None else None,
            leaves=True,
        )

    def close(self) -> None:
        """The keeper ends with its stream, and everything inside with it."""
        self.usable = False
        self._link.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        if self._group is not None:
            self._group.close()
            self._group = None


ENTER = Path(__file__).parent / "inside" / "enter.py"


def jail_folders(shown: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the jail's root is made of: the system's folders, and host path -> path in the jail."""
    folders = [(path, path) for path in _FOLDERS]
    return folders + [(os.path.realpath(host), place) for host, place in shown.items()]


def _options(shown: Mapping[str, str]) -> dict[str, Any]:
    """The jail's root, and its interpreter."""
    python = os.path.realpath(sys.executable)
    prefix = os.path.realpath(sys.base_prefix)
    folders = jail_folders(shown)
    inside = python
    if prefix != "/usr":
        folders.append((prefix, "/python"))
        inside = "/python" + python.removeprefix(prefix)
    return {"folders": folders, "python": python, "python_inside": inside, "keeper": FETCH}


_SWITCHES = (
    ("user/max_user_namespaces", 0, "sysctl user.max_user_namespaces=15000"),
    ("kernel/unprivileged_userns_clone", 0, "sysctl kernel.unprivileged_userns_clone=1"),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        1,
        "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile",
    ),
)
"""Settings of the kernel, below /proc/sys, that forbid namespaces to a user."""


def advice(head: Mapping[str, Any]) -> str:
    """What is missing and how to get it, of a step of ``enter.py`` that was refused."""
    told = (
        f"the jail cannot {head.get('step', 'start')}: {head.get('why', 'no reason given')}. "
        "It needs Linux with user namespaces for this user"
    )
    hints = []
    for name, wrong, fix in _SWITCHES:
        with contextlib.suppress(OSError, ValueError):
            if int(Path("/proc/sys", name).read_text()) == wrong:
                hints.append(fix)
    hints.append("in a container: its seccomp profile must allow unshare and mount")
    return f"{told} ({'; '.join(hints)}). Or choose the backend docker or remote."
