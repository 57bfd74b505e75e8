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
import struct
from typing import TYPE_CHECKING, NoReturn

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
_NUMBERS = struct.Struct("7i").pack
"""Of descriptors, for the kernel to pass on."""


class Spawner:
    """In the process without memories: answers the keeper until it goes away."""

    def __init__(self, line: socket.socket, *, jailed: bool, first_uid: int) -> None:
        self.line, self.jailed, self.first_uid = line, jailed, first_uid
        self.count = 0
        self.flags = kernel.namespaces("pid", "mount") if jailed else 0
        self.asked = b""
        """The last question that was one for a process: mostly the next is the same."""
        self.terms = child.Terms(child.USUAL, 0)

    def serve(self) -> None:
        while os.dup(0) <= child.TROUBLE:  # no pipe may get a number that a run's process needs
            pass
        if self.jailed:
            enter_user_namespace()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        child.open_streams()
        frames.proc()
        gc.collect()
        gc.freeze()
        while question := self.line.recv(_MOST):
            if question != self.asked:
                asked = json.loads(question)
                if asked["do"] == "sweep":
                    clean = self.sweep(asked["uid"], cleaning=asked["cleaning"])
                    self.line.send(json.dumps(clean).encode())
                    continue
                self.asked, self.terms = question, child.Terms(asked["bounds"], asked["others"])
            self.prepare()

    def prepare(self) -> None:
        """A process that waits for a job; the ends of its pipes go to the keeper.

        Between two forks every page that is touched here is copied. So this is plain, and short.
        """
        uid = 0
        if not self.jailed:
            self.count += 1
            uid = self.first_uid + self.count % _UIDS
        pipe, close = os.pipe, os.close
        job, to_job = pipe()
        stdin, to_stdin = pipe()
        of_stdout, stdout = pipe()
        of_stderr, stderr = pipe()
        requests, to_requests = pipe()
        of_replies, replies = pipe()
        of_trouble, trouble = pipe()
        its = stdin, stdout, stderr, requests, replies, job, trouble
        pid = kernel.fork_into(self.flags)
        if pid == 0:
            self.become_ready(its, uid or None)
        ours = to_job, to_stdin, of_stdout, of_stderr, to_requests, of_replies, of_trouble
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, _NUMBERS(*ours))]
        self.line.sendmsg([b"%d %d" % (pid, uid)], rights)
        for fd in its:
            close(fd)
        for fd in ours:
            close(fd)

    def become_ready(self, its: tuple[int, ...], uid: int | None) -> NoReturn:
        """In the new process."""
        try:
            os.setsid()
            try:  # out of memory, the kernel shall end this, not us
                score = os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=frames.PROC_AT)
                os.write(score, b"1000")
            except OSError:
                pass
            for place, fd in enumerate(its):
                os.dup2(fd, place)  # ours are all above these; see ``serve``
            kernel.close_all_but(child.TROUBLE)
        except BaseException as error:  # told by name, and the run is a fault
            os.write(its[-1], repr(error).encode())
            os._exit(child.GIVEN_UP)
        child.main(5, uid, self.terms)

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
