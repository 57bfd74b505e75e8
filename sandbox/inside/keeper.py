"""The keeper of a place for programs: a fork server that runs one program at a time.

It reads frames from descriptor 0 and writes frames to 1: four bytes of length of the head, four of
the body, the head as JSON, the body. From outside come ``run``, ``ask``, ``close`` and ``kill``;
``ready``, ``reply`` and ``end`` go back. When the stream ends, so does the keeper, and with it all
that it started. One process for the next run is always ready, made by the spawner for limits like
those of the last.

``jail``: runs in new pid and mount namespaces; the kernel ends a run's processes with
its first one. ``container``: runs as a user of their own, whose processes and files are removed
afterwards. Runs inside, so standard library only.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import child, frames, kernel
    from .run import Prepared, Run
    from .spawner import FIRST_UID, Spawner
else:
    import inside_child as child
    import inside_frames as frames
    import inside_kernel as kernel
    from inside_run import Prepared, Run
    from inside_spawner import FIRST_UID, Spawner

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
LOADED = (
    "array bisect collections copy functools heapq io itertools json math operator re string typing"
)
"""Modules that programs find loaded: importing them again costs nothing."""


class Keeper:
    """In the process that relays: knows what runs are given, and forks nothing."""

    def __init__(self, line: socket.socket, spawner: int, *, jailed: bool) -> None:
        self.line, self.spawner, self.jailed = line, spawner, jailed
        self.spoiled = False
        """Something of a run could not be removed: nobody else may run here."""
        self.processes = 8
        """Processes of this user besides those of a run, for old kernels that count them so."""
        self.coming = 0
        """Prepared processes that were asked for and not yet taken."""
        self.asked_for: tuple[dict[str, Any], bytes] = {}, b""
        """For which bounds, and the question itself, which is mostly the same again."""
        self.spare: Prepared | None = None
        self.bounds = child.USUAL
        """Of the last run, and of the process that is prepared for the next."""
        self.leaving: Prepared | None = None
        """The process of the last run, if it was ended from outside and may not be gone yet."""
        self.ended: dict[int, tuple[int, float, int]] = {}
        """Status and use of processes that ended before they were waited for."""
        self.shared = 0
        """Bytes that every forked process has in common with us."""

    def serve(self) -> None:
        self.shared = int(frames.read_proc("self/stat").rpartition(b")")[2].split()[21]) * PAGE
        self.prepare()
        self.take()
        frames.send(
            {"is": "ready", "python": sys.version.split()[0], "landlock": kernel.landlock_version()}
        )
        while not self.spoiled:
            if self.leaving is not None:
                select.select([0, self.leaving.pidfd], [], [])
                self.bury(0.0)
            head, body = frames.receive()
            if head["do"] != "run":
                continue  # of a run that has just ended
            self.bury(None)
            self.bounds = {name: head[name] for name in child.BOUNDS}
            process = self.living()
            run = Run(self, process, head, body)
            run.begin()
            self.prepare()  # while the program runs, and for one like it
            run.go()

    def bury(self, within_s: float | None) -> None:
        """A process that was told to end; nothing else runs before it is gone."""
        gone = self.leaving
        if gone is not None and select.select([gone.pidfd], [], [], within_s)[0]:
            self.wait(gone)
            gone.close()
            self.leaving = None

    def prepare(self) -> None:
        """Ask for a process; it is there at the next ``take``."""
        if self.asked_for[0] != self.bounds:
            asked = {"do": "prepare", "bounds": self.bounds, "others": self.processes}
            self.asked_for = self.bounds, json.dumps(asked).encode()
        self.line.send(self.asked_for[1])
        self.coming += 1

    def take(self) -> None:
        """Have a process that waits for a job."""
        if self.coming:
            self.coming -= 1
            told, fds, _, _ = socket.recv_fds(self.line, 4096, 7)
            if len(fds) < 7:
                os._exit(1)  # the spawner has gone
            self.spare = Prepared(told, self.asked_for[0], fds)

    def living(self) -> Prepared:
        """The spare; another one where it was prepared for other bounds, or the kernel has ended
        it for want of memory."""
        while True:
            self.take()
            process, self.spare = self.spare, None
            assert process is not None
            alive = not select.select([process.pidfd], [], [], 0)[0]
            if alive and process.bounds == self.bounds:
                return process
            if alive:
                signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
            self.wait(process)
            process.close()
            if not self.jailed:
                with contextlib.suppress(FileNotFoundError):
                    os.rmdir(f"/tmp/{process.uid}")
            self.prepare()

    def asked(self, **question: Any) -> Any:
        """What the spawner answers."""
        self.take()
        self.line.send(json.dumps(question).encode())
        if not (told := self.line.recv(4096)):
            os._exit(1)
        return json.loads(told)

    def wait(self, process: Prepared) -> tuple[int, float, int]:
        """Status, CPU seconds and highest memory in KiB of a process that has ended."""
        if process.pid in self.ended:
            return self.ended.pop(process.pid)
        _, status, use = os.wait4(process.pid, 0)
        return status, use.ru_utime + use.ru_stime, use.ru_maxrss

    def reap(self, process: Prepared) -> None:
        """Orphans of a container's run, who are ours as we are the first process. What the run
        itself and the spare came to is kept for who asks."""
        self.take()
        known = {process.pid, self.spare.pid if self.spare is not None else 0}
        while True:
            pid, status, use = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in known:
                self.ended[pid] = status, use.ru_utime + use.ru_stime, use.ru_maxrss

    def end_processes(self, process: Prepared, *, cleaning: bool = False) -> None:
        """The first process of a pid namespace takes all others along. In a container it may not
        have become the user yet whose processes are swept away."""
        if not cleaning:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(process.pidfd, signal.SIGKILL)
        if self.jailed:
            return
        self.reap(process)
        if cleaning and self.nothing_left_of(process):
            return
        clean = self.asked(do="sweep", uid=process.uid, cleaning=cleaning)
        if not clean or (cleaning and self.files()):
            self.spoiled = True

    def nothing_left_of(self, process: Prepared) -> bool:
        """Whether we, the spawner and the spare are alone, and its folder was empty: it is gone
        then. Where the kernel does not count for us, say no."""
        for path in ("/sys/fs/cgroup/pids.current", "/sys/fs/cgroup/pids/pids.current"):
            with contextlib.suppress(OSError, ValueError), open(path) as file:
                if int(file.read()) != 3:
                    return False
                os.rmdir(f"/tmp/{process.uid}")
                return not self.files()
        return False

    def files(self) -> list[str]:
        """Of a container's runs; the spare has its folder already."""
        spares = str(self.spare.uid) if self.spare is not None else ""
        return [name for name in os.listdir("/tmp") if name != spares]

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
        self.take()
        ours = {1, self.spawner, self.spare.pid if self.spare is not None else 0}
        cpu, resident = 0.0, 0
        for name in os.listdir(frames.proc()):
            if not name.isdigit() or int(name) in ours:
                continue
            try:
                fields = frames.read_proc(f"{name}/stat").rpartition(b")")[2].split()
                if self.belongs(name, process):
                    cpu += sum(map(int, fields[11:15])) / TICKS
                    resident += max(0, int(fields[21]) * PAGE - self.shared)
            except (OSError, IndexError, ValueError):
                continue
        return cpu, resident

    def belongs(self, name: str, process: Prepared) -> bool:
        return self.jailed or os.stat(f"/proc/{name}").st_uid == process.uid


def main() -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    mode = sys.argv[1] if len(sys.argv) > 1 else "container"
    first_uid = int(sys.argv[2]) if len(sys.argv) > 2 else FIRST_UID
    if os.path.isdir("/packages"):
        sys.path.append("/packages")
    for name in LOADED.split():
        importlib.import_module(name)
    compile("", "", "exec")  # what the first one sets up is there for all programs
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if (spawner := os.fork()) == 0:
        theirs.close()
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        Spawner(ours, jailed=mode == "jail", first_uid=first_uid).serve()
        os._exit(0)
    ours.close()
    Keeper(theirs, spawner, jailed=mode == "jail").serve()
    os._exit(0)
