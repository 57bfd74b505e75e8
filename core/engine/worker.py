"""The worker's side: judge chunks of samples one after another, and say what is being done.

A worker owns one opened source. It never decides about deadlines or memory: the parent and the
zygote do, from outside, because a worker that hangs cannot.
"""

from __future__ import annotations

import asyncio
import io
import os
import pickle
import socket
import sys
import time
from collections.abc import Coroutine, Generator, Sequence
from functools import partial
from typing import Any

from ..judging import OpenSource, fault_of
from ..types import Sample, Status, Verdict
from .board import IDLE, Board
from .processes import clear_children
from .wire import FrameReader, dump_results, frame, unpack_sample, verdict_rows

__all__ = ["OPEN_FAILED", "READY", "serve", "serve_async"]

READY = b'"ready"'
OPEN_FAILED = b"!"
"""Starts the frame that says why the source could not be opened."""
_FLUSH_NS = 2_000_000
"""Finished verdicts wait at most this long before they are sent: what is not sent is lost, and
judged again, when the next sample kills the worker."""
_HEARTBEAT_S = 0.05
_OUTPUT_CHARS = 2000


class OutputTail(io.TextIOBase):
    """Stands in for stdout and stderr: keeps the last characters, however much is written."""

    def __init__(self) -> None:
        self._text = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._text = (self._text + text[-_OUTPUT_CHARS:])[-_OUTPUT_CHARS:]
        return len(text)

    def take(self) -> str:
        """What was written since the last call."""
        text, self._text = self._text, ""
        return text


class Desk:
    """What every kind of worker has: its source, its socket, and its output."""

    def __init__(self, source: OpenSource, sock: socket.socket, board: Board) -> None:
        self.source = source
        self.sock = sock
        self.cells = board.cells
        self.pid = os.getpid()
        self.output = OutputTail()
        self.results: list[tuple[int, list[list[Any]]]] = []
        sys.stdout = sys.stderr = self.output

    def open(self) -> bool:
        """Open the source before any sample waits for it, and tell the parent how that went."""
        try:
            self.source.opened()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent hears of it
            self.sock.sendall(frame(OPEN_FAILED + fault_of(error).reason.encode(errors="replace")))
            return False
        self.sock.sendall(frame(READY))
        return True

    def add(self, unit: int, verdicts: Sequence[Verdict]) -> None:
        """Keep a unit's verdicts for the next flush; a fault also gets what was printed."""
        if os.getpid() != self.pid:
            os._exit(0)  # a child that the source forked came back in our place: end it here
        printed = self.output.take()
        rows = verdict_rows(verdicts)
        if printed:
            for row in rows:
                if row[0] == Status.FAILED.value:
                    row[8]["output"] = printed
        self.results.append((unit, rows))

    def flush(self) -> None:
        """Send what is finished."""
        if self.results:
            self.sock.sendall(dump_results(self.results))
            self.results = []


def serve(source: OpenSource, sock: socket.socket, board: Board) -> None:
    """Judge chunks until the parent hangs up."""
    desk = Desk(source, sock, board)
    if not desk.open():
        return
    reader = FrameReader()
    while data := sock.recv(1 << 20):
        for payload in reader.feed(data):
            _judge_chunk(desk, payload)
    source.close()


def _judge_chunk(desk: Desk, payload: bytes) -> None:
    serial, units = pickle.loads(payload)  # noqa: S301 - written by our own parent
    cells = desk.cells
    cells[Board.CURRENT] = IDLE
    cells[Board.SERIAL] = serial
    flushed = time.monotonic_ns()
    for index, (unit, rows) in enumerate(units):
        if index >= cells[Board.LIMIT]:
            break
        now = time.monotonic_ns()
        if now - flushed > _FLUSH_NS:
            desk.flush()
            flushed = now = time.monotonic_ns()
        cells[Board.STARTED] = now
        cells[Board.CURRENT] = index
        desk.add(unit, _judge(desk.source, [unpack_sample(row) for row in rows]))
        cells[Board.CURRENT] = IDLE
        if not desk.source.source.keeps_children:
            _end_children()
    desk.results.append((-1, []))  # the chunk is done
    desk.flush()


def _judge(source: OpenSource, samples: list[Sample]) -> list[Verdict]:
    try:
        return [source.judge_one(samples[0])] if len(samples) == 1 else source.judge(samples)
    except BaseException as error:  # noqa: BLE001 - KeyboardInterrupt and kin are the source's doing
        return [source.verdict_of(fault_of(error), 0.0) for _ in samples]


def _end_children() -> None:
    """End the processes a call left behind. Without any this is one system call."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return
    clear_children()


def serve_async(
    source: OpenSource, sock: socket.socket, board: Board, deadline_s: float | None
) -> None:
    """Judge many units at once on an event loop until the parent hangs up."""
    desk = Desk(source, sock, board)
    if desk.open():
        asyncio.run(_AsyncDesk(desk, deadline_s).run())


class _AsyncDesk:
    """Units under way on this worker's event loop."""

    def __init__(self, desk: Desk, deadline_s: float | None) -> None:
        self.desk = desk
        self.deadline_s = deadline_s
        self.tasks: set[asyncio.Task[None]] = set()
        self.writing = asyncio.Lock()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        self.desk.sock.setblocking(False)
        heart = asyncio.create_task(self._beat())
        reader = FrameReader()
        while data := await loop.sock_recv(self.desk.sock, 1 << 20):
            for payload in reader.feed(data):
                _, units = pickle.loads(payload)  # noqa: S301 - written by our own parent
                for unit, rows in units:
                    task = asyncio.create_task(self._judge(unit, rows))
                    self.tasks.add(task)
                    task.add_done_callback(self.tasks.discard)
        heart.cancel()
        for task in self.tasks:
            task.cancel()

    async def _beat(self) -> None:
        while True:
            self.desk.cells[Board.STARTED] = time.monotonic_ns()
            await asyncio.sleep(_HEARTBEAT_S)

    async def _judge(self, unit: int, rows: Sequence[Any]) -> None:
        samples = [unpack_sample(row) for row in rows]
        try:
            async with asyncio.timeout(self.deadline_s):
                judging = self.desk.source.ajudge(samples)
                verdicts = await _Marked(judging, unit, self.desk.cells)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # the source raised it by itself: nobody cancelled us
            verdicts = [self.desk.source.verdict_of(fault_of(error), 0.0) for _ in samples]
        except TimeoutError:
            late = Verdict.unscored(
                Status.TIMED_OUT, f"the source outlived its deadline of {self.deadline_s:g} s"
            )
            verdicts = [self.desk.source.verdict_of(late, self.deadline_s or 0.0) for _ in samples]
        self.desk.add(unit, verdicts)
        if not self.desk.source.source.keeps_children and len(self.tasks) == 1:
            _end_children()
        data = dump_results(self.desk.results)
        self.desk.results = []
        await self._send(data)

    async def _send(self, data: bytes) -> None:
        # one writer at a time: two half-written frames would be rubbish to the parent
        async with self.writing:
            await asyncio.get_running_loop().sock_sendall(self.desk.sock, data)


class _Marked:
    """Awaits a coroutine, and writes on the board whose step is running while it runs.

    When a step blocks the event loop, the parent reads there which unit to blame.
    """

    def __init__(
        self, coroutine: Coroutine[Any, Any, list[Verdict]], unit: int, cells: memoryview
    ) -> None:
        self.coroutine = coroutine
        self.unit = unit
        self.cells = cells

    def __await__(self) -> Generator[Any, Any, list[Verdict]]:
        coroutine, cells = self.coroutine, self.cells
        step = partial(coroutine.send, None)
        while True:
            cells[Board.CURRENT] = self.unit
            try:
                wish = step()
            except StopIteration as end:
                verdicts: list[Verdict] = end.value
                return verdicts
            finally:
                cells[Board.CURRENT] = IDLE
            try:
                step = partial(coroutine.send, (yield wish))
            except BaseException as error:  # noqa: BLE001 - cancellation and kin belong to the coroutine
                step = partial(coroutine.throw, error)
