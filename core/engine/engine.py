"""The parent's side: one thread that feeds the pools, watches the clock and collects verdicts.

It works from any thread and inside any event loop, because callers only put units into an inbox
and wait. After a fork the child must not touch the parent's engine: ``alive_here`` tells.

Not covered: what a unit is made of, and what becomes of the verdicts (``scorer.py``).
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import pickle
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any

from ..errors import EngineError
from .contract import PoolSettings
from .pool import Pool
from .remote import RemoteWorker, State
from .unit import Unit
from .zygote import Plan

__all__ = ["Engine"]

log = logging.getLogger("assay.engine")

_TICK_S = 0.01
_START_LIMIT_S = 300.0
_CLOSE_LIMIT_S = 10.0
_MAX_ZYGOTES = 5
_BOOT = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[3]);"
    "from assay.core.engine.zygote import main; main(int(sys.argv[1]), int(sys.argv[2]))"
)
_SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""Workers are many: each computing with every core would only be in the others' way."""

_engines: weakref.WeakSet[Engine] = weakref.WeakSet()


class Engine:
    """Pools of killable workers under one zygote.

    Args:
        plan: what the zygote imports and which sources workers open.
        pools: one for each source of the plan, in the same order.

    Raises ``EngineError`` when the zygote cannot start (a plugin that imports here and not in a
    worker, say).
    """

    def __init__(self, plan: Plan, pools: Sequence[PoolSettings]) -> None:
        self._plan = plan
        self._pid = os.getpid()
        self.pools = [Pool(index, settings, self) for index, settings in enumerate(pools)]
        self._workers: dict[int, tuple[RemoteWorker, Pool]] = {}
        self._inbox: deque[tuple[int, list[Unit]]] = deque()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._control: socket.socket | None = None
        self._zygote: subprocess.Popen[bytes] | None = None
        self._zygotes = 0
        self._closing = False
        self.error: EngineError | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="assay-engine", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self.error is not None:
            raise self.error
        _engines.add(self)

    @property
    def alive_here(self) -> bool:
        """Whether this engine works in this process: started here, not closed, not broken."""
        return self._pid == os.getpid() and not self._closing and self._thread.is_alive()

    def submit(self, pool: int, units: list[Unit]) -> None:
        """Hand units to a pool; returns at once. Their sinks are called on the engine's thread."""
        self._inbox.append((pool, units))
        self._wake()

    def close(self) -> None:
        """End all workers, with everything they started. Waits until they are gone."""
        if self._pid != os.getpid() or self._closing:
            return
        self._closing = True
        self._wake()
        if threading.current_thread() is not self._thread:
            self._thread.join(_CLOSE_LIMIT_S)

    def _wake(self) -> None:
        try:
            self._wake_write.send(b"x")
        except (BlockingIOError, OSError):
            return  # it is awake already, or gone

    # what pools ask for -------------------------------------------------------------------

    def spawn(self, worker: RemoteWorker, pool: Pool) -> None:
        """Have the zygote fork a worker."""
        self._workers[worker.id] = (worker, pool)
        self._selector.register(worker.sock, selectors.EVENT_READ, worker)
        order = {"op": "spawn", "id": worker.id, "source": pool.index}
        self._order(order, [worker.far_sock.fileno(), worker.board_fd])
        worker.close_far()

    def kill(self, worker: RemoteWorker, why: str) -> None:
        """Have the zygote kill a worker and everything below it."""
        if worker.state is State.LEAVING and why != "closing":
            return
        worker.state = State.LEAVING
        self._order({"op": "kill", "id": worker.id, "why": why})

    def hang_up(self, worker: RemoteWorker) -> None:
        """Let an idle worker end by itself."""
        worker.sock.shutdown(socket.SHUT_WR)

    def wants_to_write(self, worker: RemoteWorker) -> None:
        """Wake up when the worker's socket takes more."""
        events = selectors.EVENT_READ | selectors.EVENT_WRITE
        self._selector.modify(worker.sock, events, worker)

    # the thread ---------------------------------------------------------------------------

    def _main(self) -> None:
        try:
            self._start_zygote()
        except EngineError as error:
            self.error = error
            self._ready.set()
            return
        self._ready.set()
        try:
            while not self._closing:
                self._turn()
        except Exception as error:
            log.exception("the engine broke")
            self.error = EngineError(f"the engine broke: {type(error).__name__}: {error}")
        finally:
            self._shut()

    def _turn(self) -> None:
        busy = any(pool.busy for pool in self.pools)
        for key, events in self._selector.select(_TICK_S if busy else None):
            if key.data is None:
                self._take_orders()
            elif key.data is self:
                self._hear_zygote()
            else:
                self._hear_worker(key.data, events)
        for pool in self.pools:
            pool.tick()

    def _take_orders(self) -> None:
        try:
            self._wake_read.recv(4096)
        except BlockingIOError:
            return
        while self._inbox:
            pool, units = self._inbox.popleft()
            self.pools[pool].submit(units)

    def _hear_worker(self, worker: RemoteWorker, events: int) -> None:
        if worker.id not in self._workers:
            return
        if events & selectors.EVENT_WRITE:
            worker.send()
            if not worker.unsent:
                self._selector.modify(worker.sock, selectors.EVENT_READ, worker)
        if events & selectors.EVENT_READ:
            self._read_from(worker)

    def _read_from(self, worker: RemoteWorker) -> None:
        pool = self._workers[worker.id][1]
        got = False
        try:
            for payload in worker.frames():
                got = True
                pool.on_frame(worker, payload)
        except ValueError as error:
            log.warning("source %s: %s; its worker is ended", pool.settings.name, error)
            self.kill(worker, "rubbish")
        if not got and _at_end(worker.sock):
            self._forget(worker)  # its exit is on the way

    def _forget(self, worker: RemoteWorker) -> None:
        """Listen to its socket no longer; it may have been forgotten before."""
        if worker.sock in self._selector.get_map():
            self._selector.unregister(worker.sock)

    def _hear_zygote(self) -> None:
        assert self._control is not None
        for _ in range(1000):
            try:
                data = self._control.recv(1 << 16)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self._zygote_died()
                return
            self._on_news(json.loads(data))

    def _on_news(self, news: dict[str, Any]) -> None:
        worker, pool = self._workers.get(news.get("id", -1), (None, None))
        if worker is None or pool is None:
            return
        if news["op"] == "spawned":
            worker.pid = news["pid"]
        elif news["op"] == "exit":
            self._bury(worker, pool, news["code"], news["why"])

    def _bury(self, worker: RemoteWorker, pool: Pool, code: int, why: str) -> None:
        self._read_from(worker)  # what it finished before it died counts
        del self._workers[worker.id]
        self._forget(worker)
        pool.on_exit(worker, code, why)
        worker.close()

    # the zygote ---------------------------------------------------------------------------

    def _start_zygote(self) -> None:
        self._zygotes += 1
        near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tempfile.TemporaryFile() as file, far:
            pickle.dump(self._plan, file)
            file.flush()
            file.seek(0)
            fds = (far.fileno(), file.fileno())
            command = [sys.executable, "-c", _BOOT, *map(str, fds), json.dumps(sys.path)]
            self._zygote = subprocess.Popen(
                command,
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is for the parent alone
                env={**_SINGLE_THREAD, **os.environ},
            )
        self._await_ready(near)
        near.setblocking(False)
        self._control = near
        self._selector.register(near, selectors.EVENT_READ, self)

    def _await_ready(self, control: socket.socket) -> None:
        control.settimeout(_START_LIMIT_S)
        try:
            data = control.recv(1 << 16)
        except TimeoutError:
            data = b'{"op": "broken", "error": "the plugins took too long to import"}'
        except ConnectionError:
            data = b""
        news = json.loads(data) if data else {"op": "broken", "error": "it ended at once"}
        if news["op"] != "ready":
            control.close()
            self._end_zygote()
            raise EngineError(f"the worker processes cannot start: {news['error']}")

    def _end_zygote(self) -> None:
        if self._zygote is not None:
            self._zygote.kill()
            self._zygote.wait()

    def _order(self, order: dict[str, Any], fds: Sequence[int] = ()) -> None:
        if self._control is None:
            return  # all is being cleared away
        payload = json.dumps(order).encode()
        for _ in range(10_000):
            try:
                socket.send_fds(self._control, [payload], fds)
            except BlockingIOError:
                time.sleep(0.001)
                continue
            except (BrokenPipeError, ConnectionError):
                return  # its end is noticed by the loop
            return

    def _zygote_died(self) -> None:
        """Somebody killed it. Its workers died with it; start another and try their work again."""
        assert self._control is not None
        self._selector.unregister(self._control)
        self._control.close()
        self._end_zygote()
        orphans = list(self._workers.values())
        if self._zygotes >= _MAX_ZYGOTES:
            raise EngineError(f"the worker processes were killed {self._zygotes} times")
        log.warning("the process that starts workers was killed; starting another")
        self._start_zygote()
        for worker, pool in orphans:
            self._bury(worker, pool, -9, "closing")

    # the end ------------------------------------------------------------------------------

    def _shut(self) -> None:
        """Hang up on the workers, so that they close their sources, and on the zygote, which clears
        everything away; and wait for its end."""
        for worker, _ in self._workers.values():
            with contextlib.suppress(OSError):  # it has ended already
                worker.sock.shutdown(socket.SHUT_RDWR)
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._zygote is not None:
            try:
                self._zygote.wait(_CLOSE_LIMIT_S)
            except subprocess.TimeoutExpired:
                self._end_zygote()
        why = str(self.error) if self.error is not None else "the scorer was closed"
        for pool in self.pools:
            pool.broken = why
            while self._inbox:
                index, units = self._inbox.popleft()
                self.pools[index].queue.extend(units)
            pool._refuse_waiting()
        for worker, _ in self._workers.values():
            worker.close()
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()


def _at_end(sock: socket.socket) -> bool:
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def _after_fork_in_child() -> None:
    """A forked child lets go of the sockets: held open, they would keep a dead parent alive."""
    for engine in list(_engines):
        if engine._control is not None:
            engine._control.close()
        for worker, _ in list(engine._workers.values()):
            worker.sock.close()
    _engines.clear()


os.register_at_fork(after_in_child=_after_fork_in_child)
