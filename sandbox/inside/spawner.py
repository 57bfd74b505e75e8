"""The process that makes every process of a run, and never sees what a run is given.

What it makes are children of the keeper, which waits for them.

A fork copies memory. So what is forked comes from here, where no program, input or output of any
run has ever been; the keeper, which relays them, only asks. Runs inside, so standard library only.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import socket
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from . import child, frames, kernel
else:
    import inside_child as child
    import inside_frames as frames
    import inside_kernel as kernel

FIRST_UID = 20_000
_UIDS = 5_000
_MOST = 4096
"""Bytes of a question or an answer."""


class Spawner:
    """In the process without memories: answers the keeper until it goes away."""

    def __init__(self, line: socket.socket, *, jailed: bool, first_uid: int) -> None:
        self.line, self.jailed, self.first_uid = line, jailed, first_uid
        self.count = 0

    def serve(self) -> None:
        while os.dup(0) <= child.TROUBLE:  # no pipe may get a number that a run's process needs
            pass
        if self.jailed:
            enter_user_namespace()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        child.open_streams()
        gc.collect()
        gc.freeze()
        while question := self.line.recv(_MOST):
            asked = json.loads(question)
            if asked["do"] == "prepare":
                self.prepare(asked["bounds"], asked["others"])
            else:
                clean = self.sweep(asked["uid"], cleaning=asked["cleaning"])
                self.line.send(json.dumps(clean).encode())

    def prepare(self, bounds: dict[str, Any], others: int) -> None:
        """A process that waits for a job; the ends of its pipes go to the keeper."""
        self.count += 1
        uid = None if self.jailed else self.first_uid + self.count % _UIDS
        pipes = [os.pipe() for _ in range(7)]
        read_by_it = (0, 1, 4)  # job, standard input, requests; it writes to the others
        its = [pair[0 if n in read_by_it else 1] for n, pair in enumerate(pipes)]
        ours = [pair[1 if n in read_by_it else 0] for n, pair in enumerate(pipes)]
        pid = kernel.fork_into(*(("pid", "mount") if self.jailed else ()), sibling=True)
        if pid == 0:
            self.become_ready(its, uid, bounds, others)
        told = {"pid": pid, "uid": uid, "bounds": bounds}
        socket.send_fds(self.line, [json.dumps(told).encode()], ours)
        for fd in (*its, *ours):
            os.close(fd)

    def become_ready(
        self, its: list[int], uid: int | None, bounds: dict[str, Any], others: int
    ) -> NoReturn:
        """In the new process."""
        try:
            os.setsid()
            with contextlib.suppress(OSError):  # out of memory, the kernel shall end this, not us
                frames.write_proc("oom_score_adj", "1000")
            job, stdin, stdout, stderr, requests, replies, trouble = its
            for place, fd in enumerate((stdin, stdout, stderr, requests, replies, job, trouble)):
                os.dup2(fd, place)  # ours are all above these; see ``serve``
            kernel.close_all_but(child.TROUBLE)
        except BaseException as error:  # told by name, and the run is a fault
            os.write(its[-1], repr(error).encode())
            os._exit(child.GIVEN_UP)
        child.main(5, uid, bounds, others)

    def sweep(self, uid: int, *, cleaning: bool) -> bool:
        """End all processes of a container's run, and remove its files; whether that worked."""
        helper = os.fork()
        if helper == 0:
            sweep(uid, cleaning=cleaning)
        return os.waitpid(helper, 0)[1] == 0


def enter_user_namespace() -> None:
    """Where we may make the other namespaces of a run, each owned by this one. What runs there has
    no capability in it, and the filter forbids to make another."""
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare("user")
    frames.write_proc("setgroups", "deny")
    frames.write_proc("uid_map", f"1000 {uid} 1")
    frames.write_proc("gid_map", f"1000 {gid} 1")


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
