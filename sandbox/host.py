"""The outer end of a keeper: frames over a stream of bytes, sessions, and their faults.

Used by every backend that has a keeper (``inside/keeper.py``) at the other end. Replies of a
server are parsed here, in the process that trusts nothing: bounded, and JSON alone.
"""

from __future__ import annotations

import json
import os
import select
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from .contract import End, Limits, Outcome, Program, Session, has_loaded

__all__ = ["KeeperLink", "KeeperSession", "LostKeeper", "SocketStream", "Stream"]

Head = dict[str, Any]
_GRACE_S = 5.0
"""Beyond its own clock a keeper has this long to say how a run ended; then it counts as lost."""
_LOOK_S = 0.05
_LEAVE_S = 0.02
"""A keeper that ends a run by itself says so within this."""
_MAX_FRAME = 256 << 20


class LostKeeper(Exception):  # noqa: N818 - becomes an outcome, not an error
    """The keeper went away, or speaks nonsense."""


class Stream(ABC):
    """Bytes both ways."""

    @abstractmethod
    def send(self, data: bytes) -> None:
        """All of it. Raises OSError."""

    @abstractmethod
    def receive(self, within_s: float) -> bytes | None:
        """What is there; empty at the end of the stream; None when nothing came in time."""

    @abstractmethod
    def close(self) -> None: ...


class SocketStream(Stream):
    """Of a connected socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._poll = select.poll()
        self._poll.register(connected, select.POLLIN)

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, within_s: float) -> bytes | None:
        if not self._poll.poll(max(0.0, within_s) * 1000):
            return None
        return self._socket.recv(1 << 20)

    def close(self) -> None:
        self._socket.close()


class KeeperLink:
    """Frames to and from one keeper."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._unsent = b""

    def hold(self, head: Head, body: bytes = b"") -> None:
        """Send it with the next frame, or when somebody waits for one: waking the keeper once
        costs less than twice."""
        text = json.dumps(head).encode()
        sizes = len(text).to_bytes(4, "little") + len(body).to_bytes(4, "little")
        self._unsent += sizes + text + body

    def send(self, head: Head, body: bytes = b"") -> None:
        self.hold(head, body)
        self._flush()

    def _flush(self) -> None:
        data, self._unsent = self._unsent, b""
        try:
            if data:
                self._stream.send(data)
        except OSError as error:
            raise LostKeeper(f"the keeper cannot be reached: {error}") from error

    def frame(self, within_s: float) -> tuple[Head, bytes] | None:
        """The next frame; None when none came in time. Raises ``LostKeeper``."""
        self._flush()
        deadline = time.monotonic() + within_s
        while True:
            if (found := self._cut()) is not None:
                return found
            try:
                data = self._stream.receive(deadline - time.monotonic())
            except OSError as error:
                raise LostKeeper(f"the keeper cannot be heard: {error}") from error
            if data is None:
                return None
            if not data:
                raise LostKeeper("the keeper has gone")
            self._buffer += data

    def _cut(self) -> tuple[Head, bytes] | None:
        if len(self._buffer) < 8:
            return None
        head_size = int.from_bytes(self._buffer[:4], "little")
        size = 8 + head_size + int.from_bytes(self._buffer[4:8], "little")
        if size > _MAX_FRAME:
            raise LostKeeper(f"a frame of {size} bytes")
        if len(self._buffer) < size:
            return None
        head = json.loads(bytes(self._buffer[8 : 8 + head_size]))
        body = bytes(self._buffer[8 + head_size : size])
        del self._buffer[:size]
        return head, body

    def close(self) -> None:
        self._stream.close()


class KeeperSession(Session):
    """One run at a keeper.

    Args:
        watch_memory: whether the keeper looks after memory, since nobody else does.
        done: called once, with the outcome and whether the keeper may go on.
        over_memory: whether the kernel has ended one of the run's processes for memory.
        leaves: whether the keeper ends a run by itself when it has answered a last request.
    """

    def __init__(
        self,
        link: KeeperLink,
        program: Program,
        stdin: bytes,
        limits: Limits,
        *,
        watch_memory: bool,
        done: Callable[[Outcome, bool], Outcome],
        over_memory: Callable[[], bool] | None = None,
        leaves: bool = False,
    ) -> None:
        self._link, self._program, self._limits, self._done = link, program, limits, done
        self._over_memory = over_memory
        self._replies = bytearray()
        self._stopped = self._leaving = False
        self._leaves = leaves
        self._outcome: Outcome | None = None
        self._until: float | None = None
        link.hold(*_job(program, stdin, limits, watch_memory=watch_memory))

    @property
    def _deadline(self) -> float:
        """When the keeper counts as lost. From the first time that somebody waits for it: the run
        begins then, which may be a while after it was made."""
        if self._until is None:
            self._until = time.monotonic() + self._limits.clock_s + _GRACE_S
        return self._until

    def ask(self, request: Any, within_s: float | None = None) -> Any | None:
        deadline = None if within_s is None else time.monotonic() + within_s
        try:
            if request is not None:
                self._send(request)
            while True:
                known, reply = self._reply()
                if known:
                    return reply
                if self._outcome is not None:
                    return None
                if deadline is not None and time.monotonic() > deadline:
                    self._link.send({"do": "kill", "why": "time"})
                    deadline = None
                self._hear(self._deadline if deadline is None else deadline)
        except LostKeeper as lost:
            self._lost(lost)
            return None

    def first(self, request: Any, within_s: float | None = None) -> tuple[Any | None, Any | None]:
        try:
            self._send(request)
        except LostKeeper as lost:
            self._lost(lost)
        loaded = self.ask(None)
        return loaded, self.ask(None, within_s) if has_loaded(loaded) else None

    def _send(self, request: Any) -> None:
        if self._outcome is None:
            text = json.dumps(request).encode()
            self._leaving = self._leaves and bool(request.get("last"))
            self._link.send({"do": "ask", "last": self._leaving}, b"%d\n" % len(text) + text)

    def _reply(self) -> tuple[bool, Any]:
        """The next whole reply; nonsense ends the run."""
        line, mark, _ = bytes(self._replies[:20]).partition(b"\n")
        if not mark and len(self._replies) < 20:
            return False, None
        try:
            size = int(line) if line.isdigit() else -1
            if not mark or not 0 <= size <= self._limits.output_kb << 10:
                raise ValueError("no length")
            start = len(line) + 1
            if len(self._replies) < start + size:
                return False, None
            text = bytes(self._replies[start : start + size])
            del self._replies[: start + size]
            return True, json.loads(text.decode("utf-8", "surrogatepass"))
        except (ValueError, RecursionError):
            self._replies.clear()
            if self._outcome is None:
                self._link.send({"do": "kill", "why": "output"})
            return False, None

    def _hear(self, deadline: float) -> None:
        """One frame; or none until the deadline."""
        patience = deadline - time.monotonic()
        frame = self._link.frame(min(patience, _LOOK_S) if self._over_memory else patience)
        if frame is None and self._over_memory is not None and self._over_memory():
            self._link.send({"do": "kill", "why": "memory"})
            self._over_memory = None
        if frame is None:
            if time.monotonic() >= self._deadline:
                raise LostKeeper("the keeper does not answer")
            return
        head, body = frame
        if head.get("is") == "reply":
            self._replies += body
        elif head.get("is") == "end":
            self._ended(_outcome(head, body), healthy=not head.get("spoiled"))

    def wait(self) -> Outcome:
        try:
            if self._outcome is None and self._program.kind == "server" and not self._stopped:
                self._link.send({"do": "close"})
            while self._outcome is None:
                self._hear(self._deadline)
                self._replies.clear()
        except LostKeeper as lost:
            self._lost(lost)
        assert self._outcome is not None
        return self._outcome

    def stop(self) -> None:
        if self._outcome is None and not self._stopped and not self._leaving:
            self._stopped = True
            try:
                self._link.send({"do": "kill", "why": "signal"})
            except LostKeeper as lost:
                self._lost(lost)

    def close(self) -> Outcome:
        if self._leaving:
            self._await_end()
        self.stop()
        return self.wait()

    def _await_end(self) -> None:
        """The end is on its way behind the last answer; unless that was no answer."""
        until = time.monotonic() + _LEAVE_S
        try:
            while self._outcome is None and time.monotonic() < until:
                self._hear(until)
        except LostKeeper as lost:
            self._lost(lost)
        self._leaving = False

    def _ended(self, outcome: Outcome, *, healthy: bool = True) -> None:
        self._outcome = self._done(outcome, healthy and outcome.end != "fault")

    def _lost(self, lost: LostKeeper) -> None:
        if self._outcome is None:
            self._ended(Outcome("fault", detail=str(lost)), healthy=False)


def _job(
    program: Program, stdin: bytes, limits: Limits, *, watch_memory: bool
) -> tuple[Head, bytes]:
    for name in (*program.files, *program.keep):
        if not name or os.sep in name or name in (".", "..") or "\0" in name:
            raise ValueError(
                f"Program.files: {name!r} is not the name of a file in the work folder"
            )
    texts = [text.encode("utf-8", "surrogatepass") for text in (program.source, program.setup)]
    blobs = [stdin, *program.files.values(), *texts]
    head = {
        "do": "run",
        "kind": program.kind,
        "command": program.kind == "command",
        "cpu_s": int(limits.time_s) + 2,
        "argv": program.argv,
        "keep": program.keep,
        "files": list(program.files),
        "blobs": [len(blob) for blob in blobs],
        "time_s": limits.time_s,
        "clock_s": limits.clock_s,
        "memory_mb": limits.memory_mb,
        "output_kb": limits.output_kb,
        "pids": limits.pids,
        "disk_mb": limits.disk_mb,
        "open_files": limits.open_files,
        "watch_memory": watch_memory,
    }
    return head, b"".join(blobs)


def _outcome(head: Head, body: bytes) -> Outcome:
    out, err = head["sizes"]
    end: End = head["end"]
    code = int(head["code"])
    if head["kind"] == "command" and end == "exited" and code > 128:
        end, code = "signal", code - 128
    stderr = body[out : out + err]
    return Outcome(
        end,
        code,
        body[:out],
        stderr,
        _kept(body[out + err :]),
        float(head["cpu_s"]),
        float(head["wall_s"]),
        float(head["memory_mb"]),
        stderr.decode("utf-8", "replace")[-500:] if end == "fault" else "",
    )


def _kept(body: bytes) -> dict[str, bytes]:
    """Files handed back; none when the frame is not whole."""
    line, _, rest = body.partition(b"\n")
    try:
        size = int(line)
        sizes = json.loads(rest[:size])["kept"]
        files, place = {}, size
        for name, length in sizes.items():
            files[name] = rest[place : place + length]
            place += length
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return files
