"""One run seen from the keeper: its prepared process, what goes in and comes out, its end.

Runs inside, so standard library only.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import frames
    from .keeper import Keeper
else:
    import inside_frames as frames

POLL_S = 0.02
ERR_KEPT = 64 << 10
_LINE = 20
"""Digits of the length of a reply, at most; of thousands Python would refuse to make a number."""
FLOOD = 64 << 20
"""Bytes of standard error beyond which a run is ended."""


class Prepared:
    """A process that waits for a job, and our ends of its pipes; -1 once an end is closed."""

    def __init__(self, told: bytes, bounds: dict[str, Any], fds: list[int]) -> None:
        pid, _, uid = told.partition(b" ")
        self.pid, self.uid, self.bounds = int(pid), int(uid), bounds
        self.job, self.stdin, self.stdout, self.stderr, self.ask, self.reply = fds[:6]
        self.trouble = fds[6]
        self.pidfd = os.pidfd_open(self.pid)

    def close(self) -> None:
        for name in ("job", "stdin", "stdout", "stderr", "ask", "reply", "trouble", "pidfd"):
            self.shut(name)

    def shut(self, name: str) -> None:
        fd = getattr(self, name)
        if fd >= 0:
            os.close(fd)
            setattr(self, name, -1)


class Replies:
    """Counts a server's replies as they pass. A server that says it has answered, and has not, is
    ended too early: its own loss."""

    def __init__(self) -> None:
        self.seen = 0
        self.part = False
        """Whether the last of them was but a part of an answer."""
        self._line, self._left = b"", 0

    def pass_by(self, data: bytes) -> None:
        while data and self._left >= 0:
            if self._left:
                taken = min(self._left, len(data))
                self._left, data = self._left - taken, data[taken:]
                self.seen += not self._left
                continue
            start, mark, data = data.partition(b"\n")
            line = self._line + start
            self._line = b"" if mark else line
            if len(line) > _LINE or (mark and not line.isdigit()):
                self._left = -1  # no reply: nobody can tell how many there are
            elif mark:
                self._left, self.part = int(line), line.startswith(b"0")


class Run:
    """A program that runs: relays what it reads and writes, and ends it at its limits."""

    def __init__(
        self, keeper: Keeper, process: Prepared, head: dict[str, Any], body: bytes
    ) -> None:
        self.keeper, self.process, self.head = keeper, process, head
        self.out: list[bytes] = []
        self.err, self.err_size, self.out_size, self.kept = b"", 0, 0, bytearray()
        self.why: str | None = None
        self.memory, self.cpu = 0, 0.0
        self.started = time.monotonic()
        self.kills = keeper.kills()
        self.deadline = self.started + float(head["clock_s"])
        view = memoryview(body)
        parts, place = [], 0
        for size in head["blobs"]:
            parts.append(view[place : place + size])
            place += size
        self.input = [parts[0]] if len(parts[0]) else []
        self.requests: list[memoryview] = []
        self.replies, self.asked, self.last = Replies(), 0, False
        """``last``: nobody wants more of it than the answer to what was asked."""
        self.poll = select.poll()
        job = {name: head[name] for name in ("kind", "argv", "keep", "files")}
        job["blobs"] = head["blobs"][1:]
        text = json.dumps(job).encode()
        self.pending_job = [memoryview(len(text).to_bytes(4, "little") + text), *parts[1:]]
        for name in ("job", "stdin", "ask"):
            os.set_blocking(getattr(process, name), False)
        for name in ("stdout", "stderr", "reply", "pidfd"):
            self.poll.register(getattr(process, name), select.POLLIN)
        self.poll.register(process.job, select.POLLOUT)
        self.poll.register(0, select.POLLIN)

    def begin(self) -> None:
        """Hand the job and its input over at once, as far as the pipes take them."""
        self.feed("job", self.pending_job)
        if self.process.job < 0 <= self.process.stdin:
            self.feed("stdin", self.input)

    def go(self) -> None:
        """Until the program has ended; the end goes out."""
        process = self.process
        while True:
            for fd, _ in self.poll.poll(self.patience()):
                if fd == 0:
                    if self.from_outside():
                        return
                elif fd == process.pidfd:
                    self.ended()
                    return
                elif fd == process.job:
                    self.feed("job", self.pending_job)
                elif fd == process.stdin:
                    self.feed("stdin", self.input)
                elif fd == process.ask:
                    self.feed("ask", self.requests)
                else:
                    self.read(fd)
                    if self.last and self.answered():
                        self.leave()
                        return
            self.check()

    def patience(self) -> float:
        """Milliseconds until the next look at clocks and memory."""
        now = time.monotonic()
        age = now - self.started
        look = POLL_S if age > POLL_S else POLL_S - age
        return max(0.0, min(self.deadline - now, look)) * 1000 + 1

    def feed(self, name: str, queue: list[memoryview]) -> None:
        """Write what the pipe takes."""
        fd = getattr(self.process, name)
        while queue:
            try:
                sent = os.write(fd, queue[0][: 1 << 20]) if len(queue[0]) else 0
            except BlockingIOError:
                return
            except OSError:  # the reader has closed it
                queue.clear()
                break
            queue[0] = queue[0][sent:]
            if not len(queue[0]):
                queue.pop(0)
        self.poll.unregister(fd)
        if name == "job":
            self.process.shut("job")
            if self.input:
                self.poll.register(self.process.stdin, select.POLLOUT)
            else:
                self.process.shut("stdin")
        elif name == "stdin":
            self.process.shut("stdin")

    def read(self, fd: int) -> None:
        data = os.read(fd, 1 << 18)
        if data:
            self.take(fd, data)
        else:
            self.poll.unregister(fd)

    def take(self, fd: int, data: bytes) -> None:
        process = self.process
        if fd == process.stderr:
            self.err = (self.err + data)[-ERR_KEPT:]
            self.err_size += len(data)
            if self.err_size > FLOOD:
                self.kill("output")
            return
        self.out_size += len(data)
        room = self.head["output_kb"] << 10
        if fd == process.stdout:
            if self.out_size > room:
                data = data[: max(0, len(data) - (self.out_size - room))]
                self.kill("output")
            self.out.append(data)
        elif self.head["kind"] == "command":
            self.kept += data
            if len(self.kept) > (64 << 20) + (1 << 16):
                self.kill("output")
        else:
            if self.out_size > room:
                self.kill("output")
                return
            frames.send({"is": "reply"}, data)
            self.replies.pass_by(data)

    def answered(self) -> bool:
        """Whether every question has its reply, as loading has."""
        return self.replies.seen == self.asked + 1 and not self.replies.part

    def from_outside(self) -> bool:
        """Take a word from outside; whether the run is over with it."""
        head, body = frames.receive()
        if head["do"] == "ask":
            self.requests.append(memoryview(body))
            self.asked += 1
            self.last = self.keeper.jailed and head.get("last", False)
            if len(self.requests) == 1:
                self.poll.register(self.process.ask, select.POLLOUT)
        elif head["do"] == "close":
            self.process.shut("ask")
        elif head["do"] == "kill" and head["why"] == "signal" and self.keeper.jailed:
            self.leave()
            return True
        elif head["do"] == "kill":
            self.kill(head["why"])
        return False

    def leave(self) -> None:
        """Nobody wants more of it: end it and say so at once. The keeper sees to it that it is gone
        before anything else runs."""
        process = self.process
        with contextlib.suppress(OSError):  # of a process that has just ended
            self.cpu = max(self.cpu, time.clock_gettime((~process.pid << 3) | 2))
        if time.monotonic() - self.started > POLL_S:
            self.memory = max(self.memory, self.keeper.used_by(process)[1])
        highest = frames.highest_memory(process.pid)
        self.kill("signal")
        self.tell(9, self.cpu, highest)
        self.keeper.leaving = process

    def kill(self, why: str) -> None:
        if self.why is None:
            self.why = why
        self.keeper.end_processes(self.process)

    def check(self) -> None:
        """Clocks and memory of the whole tree."""
        now = time.monotonic()
        if now - self.started < POLL_S or self.why:
            return
        used, resident = self.keeper.used_by(self.process)
        self.cpu, self.memory = max(self.cpu, used), max(self.memory, resident)
        if now > self.deadline or self.cpu > self.head["time_s"]:
            self.kill("time")
        elif self.keeper.kills() > self.kills or (
            self.head["watch_memory"] and resident > self.head["memory_mb"] << 20
        ):
            self.kill("memory")

    def ended(self) -> None:
        process = self.process
        status, seconds, highest = self.keeper.wait(process)
        self.keeper.end_processes(process, cleaning=True)
        code = os.waitstatus_to_exitcode(status)
        self.tell(code, max(self.cpu, seconds), highest << 10)
        process.close()

    def tell(self, code: int, cpu: float, memory: int) -> None:
        """How it ended, and what it wrote, goes out."""
        process, head = self.process, self.head
        wall = time.monotonic() - self.started
        for fd in (process.stdout, process.stderr, process.reply):
            os.set_blocking(fd, False)
            with contextlib.suppress(BlockingIOError):
                while self.why != "output" and (data := os.read(fd, 1 << 18)):
                    self.take(fd, data)
        if self.why is None and -code == signal.SIGXCPU:
            self.why = "time"
        if self.why is None and self.keeper.kills() > self.kills:
            self.why = "memory"
        if self.why is None and self.keeper.jailed and -code == signal.SIGKILL:
            # Not of the program's doing: the filter ends one that kills itself by another signal.
            self.why = "time" if cpu >= head["time_s"] else "fault"
        os.set_blocking(process.trouble, False)
        with contextlib.suppress(BlockingIOError):
            if (trouble := os.read(process.trouble, 1 << 12)) and self.why is None:
                self.why, self.err = "fault", trouble
        why = self.why or ("exited" if code >= 0 else "signal")
        out = b"".join(self.out)
        memory = max(self.memory, memory)
        told = {"is": "end", "end": why, "code": abs(code), "cpu_s": cpu, "wall_s": wall,
                "memory_mb": memory / (1 << 20), "sizes": [len(out), len(self.err)],
                "kind": head["kind"], "spoiled": self.keeper.spoiled}  # fmt: skip
        frames.send(told, out + self.err + bytes(self.kept))
