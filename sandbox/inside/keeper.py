"""The keeper of a place for programs: a fork server that runs one program at a time.

It reads frames from descriptor 0 and writes frames to 1: four bytes of length of the head, four of
the body, the head as JSON, the body. From outside come ``run``, ``ask``, ``close`` and ``kill``;
``ready``, ``reply`` and ``end`` go back. When the stream ends, so does the keeper, and with it all
that it started. One process for the next run is always ready.

``jail``: runs in new user, pid and mount namespaces; the kernel ends a run's processes with
its first one. ``container``: runs as a user of their own, whose processes and files are removed
afterwards. Runs inside, so standard library only.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from . import frames, kernel
    from .run import Prepared, Run
else:
    import inside_frames as frames
    import inside_kernel as kernel
    from inside_run import Prepared, Run

FIRST_UID = 20_000
_UIDS = 5_000
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
LOADED = (
    "array base64 bisect cmath collections copy dataclasses datetime decimal enum fractions "
    "functools heapq io itertools json math operator queue random re statistics string textwrap "
    "threading typing traceback"
)
"""Modules that programs find loaded: importing them again costs nothing."""


class Keeper:
    def __init__(self, mode: str, first_uid: int = FIRST_UID) -> None:
        self.jailed = mode == "jail"
        self.first_uid = first_uid
        self.spoiled = False
        """Something of a run could not be removed: nobody else may run here."""
        self.spaces = ("user", "pid", "mount") if self.jailed else ()
        self.uid, self.gid = os.getuid(), os.getgid()
        self.processes = 8
        """Processes of this user besides those of a run, for old kernels that count them so."""
        self.count = 0
        self.spare = 0
        self.shared = 0
        """Bytes that every forked process has in common with us."""

    def next_uid(self) -> int | None:
        self.count += 1
        return None if self.jailed else self.first_uid + self.count % _UIDS

    def serve(self) -> None:
        gc.collect()
        gc.freeze()
        with open("/proc/self/stat", "rb") as file:
            self.shared = int(file.read().rpartition(b")")[2].split()[21]) * PAGE
        prepared = Prepared(self)
        frames.send(
            {"is": "ready", "python": sys.version.split()[0], "landlock": kernel.landlock_version()}
        )
        while True:
            head, body = frames.receive()
            if head["do"] != "run":
                continue  # of a run that has just ended
            run = Run(self, prepared, head, body)
            run.begin()
            prepared = Prepared(self)  # while the program runs
            self.spare = prepared.pid
            run.go()
            self.reap()
            if self.spoiled:
                return

    def reap(self) -> None:
        """Orphans of a container's runs become ours."""
        with contextlib.suppress(ChildProcessError):
            for pid in self.orphans():
                os.waitpid(pid, os.WNOHANG)

    def orphans(self) -> list[int]:
        return [] if self.jailed else zombies()

    def end_processes(self, process: Prepared, *, cleaning: bool = False) -> None:
        """The first process of a pid namespace takes all others along."""
        if self.jailed:
            if not cleaning:
                with contextlib.suppress(OSError):
                    signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
            return
        assert process.uid is not None
        if cleaning and nothing_left_of(process.uid):
            return
        helper = os.fork()
        if helper == 0:
            sweep(process.uid, cleaning=cleaning)
        _, status = os.waitpid(helper, 0)
        if status or (cleaning and os.listdir("/tmp")):
            self.spoiled = True

    def kills(self) -> int:
        """How often the kernel ended a process here for memory; for a jail that is seen outside."""
        if self.jailed:
            return 0
        for path in ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
            with contextlib.suppress(OSError), open(path) as file:
                for line in file:
                    word, _, count = line.partition(" ")
                    if word == "oom_kill":
                        return int(count)
        return 0

    def used_by(self, process: Prepared) -> tuple[float, int]:
        """CPU seconds and resident bytes of a run, over all its processes that live."""
        cpu, resident = 0.0, 0
        for name in os.listdir("/proc"):
            if not name.isdigit() or name == "1":
                continue
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
                if self.belongs(name, process):
                    cpu += sum(map(int, fields[11:15])) / TICKS
                    resident += max(0, int(fields[21]) * PAGE - self.shared)
            except (OSError, IndexError, ValueError):
                continue
        return cpu, resident

    def belongs(self, name: str, process: Prepared) -> bool:
        if self.jailed:
            return int(name) != self.spare
        return os.stat(f"/proc/{name}").st_uid == process.uid


def nothing_left_of(uid: int) -> bool:
    """Whether we and the process held ready are alone, and the run's folder was empty: it is gone.

    Where the kernel does not count for us, say no.
    """
    for path in ("/sys/fs/cgroup/pids.current", "/sys/fs/cgroup/pids/pids.current"):
        with contextlib.suppress(OSError, ValueError), open(path) as file:
            if int(file.read()) != 2:
                return False
            os.rmdir(f"/tmp/{uid}")
            return not os.listdir("/tmp")
    return False


def sweep(uid: int, *, cleaning: bool) -> NoReturn:
    """As a run's user: end all its processes, remove all its files. Status 1 when that failed."""
    status = 1
    try:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)  # all at once: none can start another meanwhile
        if cleaning:
            for name in os.listdir("/tmp"):
                if os.lstat(f"/tmp/{name}").st_uid == uid:
                    wipe(f"/tmp/{name}")
        status = 0
    finally:
        os._exit(status)


def wipe(path: str) -> None:
    """Remove a file or folder of ours, however deep and without any permission.

    What lies in a folder is moved up before the folder goes, so that no path grows long.
    """
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    os.chmod(path, 0o700)
    os.chdir(path)
    waiting, number, unused = os.listdir("."), 0, os.urandom(8).hex()
    while waiting:
        name = waiting.pop()
        if os.path.islink(name) or not os.path.isdir(name):
            os.unlink(name)
            continue
        os.chmod(name, 0o700)
        for inner in os.listdir(name):
            number += 1
            os.rename(f"{name}/{inner}", f"{unused}{number}")
            waiting.append(f"{unused}{number}")
        os.rmdir(name)
    os.chdir("/")
    os.rmdir(path)


def zombies() -> list[int]:
    """Children that ended and were never ours to start."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
                if fields[0] == b"Z" and int(fields[1]) == os.getpid():
                    found.append(int(name))
    return found


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    mode = sys.argv[1] if len(sys.argv) > 1 else "container"
    if os.path.isdir("/packages"):
        sys.path.append("/packages")
    for name in LOADED.split():
        importlib.import_module(name)
    first_uid = int(sys.argv[2]) if len(sys.argv) > 2 else FIRST_UID
    Keeper(mode, first_uid).serve()
