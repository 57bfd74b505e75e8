"""A worker as the parent sees it: its socket, its shared page, and the chunk it has."""

from __future__ import annotations

import itertools
import os
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from enum import Enum

from .board import NO_LIMIT, Board
from .unit import Unit
from .wire import FrameReader, frame, pack_chunk, pack_sample

__all__ = ["RemoteWorker", "State"]

_ids = itertools.count(1)


class State(Enum):
    """What a worker is up to."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    LEAVING = "leaving"
    """Told to end, or killed; its exit has not been reported yet."""


class RemoteWorker:
    """One worker process. Only the engine's thread touches it."""

    def __init__(self) -> None:
        self.id = next(_ids)
        self.pid: int | None = None
        self.state = State.STARTING
        self.since = time.monotonic()
        self.sock, self.far_sock = socket.socketpair()
        self.sock.setblocking(False)
        with tempfile.TemporaryFile() as file:
            os.ftruncate(file.fileno(), Board.size())
            self.board_fd = os.dup(file.fileno())
        self.board = Board(self.board_fd)
        self.board.reset()
        self.reader = FrameReader()
        self.unsent = bytearray()
        self.serial = 0
        self.chunk: list[Unit] = []
        """What it was given, in order; some may be done or taken back."""
        self.first: Unit | None = None
        """The unit this worker was started for, alone."""
        self.stalled = False
        self.lowered = False
        """Its priority was lowered: a process cannot raise it again, so it retires."""
        self.judged = 0

    def give(self, units: Sequence[Unit], *, beside: bool = False) -> None:
        """Send a chunk, ``beside`` what it already has for an async worker.

        Raises what pickle raises for samples that cannot be sent; nothing has happened then.
        """
        rows = [(unit.id, [pack_sample(s) for s in unit.samples]) for unit in units]
        payload = pack_chunk(self.serial + 1, rows)
        self.serial += 1
        self.chunk = [*(u for u in self.chunk if not u.done), *units] if beside else list(units)
        for unit in units:
            unit.holders.add(self)
        self.board.cells[Board.LIMIT] = NO_LIMIT
        self.state = State.BUSY
        self.unsent += frame(payload)
        self.send()

    def send(self) -> None:
        """Send as much as the socket takes; the rest waits until it is writable."""
        try:
            while self.unsent:
                sent = self.sock.send(self.unsent)
                del self.unsent[:sent]
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self.unsent.clear()  # it died; its exit is on the way

    def frames(self) -> Iterator[bytes]:
        """The frames that have arrived. Raises ``ValueError`` for rubbish."""
        while True:
            try:
                data = self.sock.recv(1 << 20)
            except (BlockingIOError, ConnectionResetError):
                return
            if not data:
                return
            yield from self.reader.feed(data)

    def running(self) -> tuple[Unit, float] | None:
        """The unit a worker is judging, and for how many seconds; None between units."""
        now = self.board.running(self.serial)
        if now is None or not 0 <= now[0] < len(self.chunk):
            return None
        return self.chunk[now[0]], (time.monotonic_ns() - now[1]) / 1e9

    def take_back_after(self, unit: Unit) -> list[Unit]:
        """Take back the units behind one that takes long.

        The worker may start the next one at this very moment: then two judge it, and the first
        verdict counts.
        """
        index = self.chunk.index(unit)
        self.board.cells[Board.LIMIT] = index + 1
        rest = [u for u in self.chunk[index + 1 :] if not u.done]
        for other in rest:
            other.holders.discard(self)
        del self.chunk[index + 1 :]
        return rest

    def release(self) -> list[Unit]:
        """Let go of everything; the units that are not done."""
        rest = [unit for unit in self.chunk if not unit.done and self in unit.holders]
        for unit in self.chunk:
            unit.holders.discard(self)
        self.chunk = []
        return rest

    def lower_priority(self) -> None:
        """Let others go first on a machine full of stalled workers."""
        if self.pid is not None and not self.lowered:
            self.lowered = True
            try:
                os.setpriority(os.PRIO_PROCESS, self.pid, 15)
            except OSError:  # it just ended
                return

    def close_far(self) -> None:
        """Close what the worker process now holds itself."""
        self.far_sock.close()
        os.close(self.board_fd)

    def close(self) -> None:
        """Hang up; a worker that waits for work ends by itself."""
        self.sock.close()
        self.board.close()
