"""A small process that imports the plugins once and forks workers from there.

Forking costs milliseconds where a fresh interpreter with SymPy costs a second, so a killed worker
is replaced at once. The zygote is also the janitor: it is the subreaper of everything below it,
reaps and reports the dead, kills workers above their memory limit with all they started, and
clears everything away when the parent is gone, by whatever signal: its control socket then ends.

It runs no plugin code after the imports, so it cannot be made to hang by a sample.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import PluginError
from ..judging import OpenSource
from ..registry import Registry, load_module
from ..source import Source
from .board import IDLE, Board
from .processes import (
    become_subreaper,
    children_of,
    clear_children,
    die_with_parent,
    resident_bytes,
)
from .worker import serve, serve_async

__all__ = ["Plan", "SourcePlan", "main"]

_MEMORY_LOOK_S = 0.02
"""How often the memory of workers is looked at: at 4 GB/s of writing, 80 MB go by unseen."""
_CLOSING_S = 0.5
"""How long workers may take to close their sources. Ours: a jail takes 20 ms."""


@dataclass(frozen=True, slots=True)
class SourcePlan:
    """A source that workers open."""

    name: str
    """What its verdicts are called."""
    use: str
    """Its name in the registry."""
    settings: dict[str, Any]
    retries: int
    deadline_s: float | None
    memory_bytes: int | None
    preload: bool
    """Import what it needs here, once, rather than in each worker."""
    pickled: bytes | None = None
    """The source itself, where it lives in a script or notebook that cannot be imported."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a zygote needs to know; sent to it as a pickle by its own parent."""

    sys_path: list[str]
    plugins: list[tuple[str, str | None]]
    """Plugin modules to load by name: (name, file it came from)."""
    sources: list[SourcePlan]


@dataclass(slots=True)
class _Worker:
    id: int
    pid: int
    memory_bytes: int | None
    board: Board
    is_async: bool
    why: str = ""


def main(control_fd: int, plan_fd: int) -> NoReturn:
    """Entry point of the zygote process; ends when the parent does."""
    die_with_parent()  # until the plugins are imported: an import that hangs must not outlive us
    control = socket.socket(fileno=control_fd)
    with os.fdopen(plan_fd, "rb") as file:
        plan: Plan = pickle.load(file)  # noqa: S301 - written by our own parent
    try:
        become_subreaper()
        sources = _prepare(plan)
    except BaseException as error:  # noqa: BLE001 - whatever an import does, the parent hears of it
        control.send(json.dumps({"op": "broken", "error": f"{error}"[:4000]}).encode())
        sys.exit(1)
    die_with_parent(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.collect()
    gc.freeze()  # pages that no collection writes to stay shared with the workers
    control.send(b'{"op": "ready"}')
    Zygote(control, plan, sources).run()


def _prepare(plan: Plan) -> list[Source]:
    """Import the plugins and find the sources."""
    names = []
    for name, file in plan.plugins:
        try:
            load_module(name)
        except PluginError:  # known to the parent only, as a test module is to pytest
            if file is None:
                raise
            _load_under_name(name, file)
        names.append(name)
    registry = Registry.load(names)
    found = []
    for entry in plan.sources:
        source = pickle.loads(entry.pickled) if entry.pickled else registry.sources[entry.use]  # noqa: S301 - from our parent
        if entry.preload:
            for module in source.preload:
                __import__(module)
        found.append(source)
    return found


def _load_under_name(name: str, file: str) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"plugin module {name!r} cannot be loaded from {file!r} in a worker")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


class Zygote:
    """The loop that forks, watches, reaps and reports."""

    def __init__(self, control: socket.socket, plan: Plan, sources: list[Source]) -> None:
        self.control = control
        self.plan = plan
        self.sources = sources
        self.workers: dict[int, _Worker] = {}
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)

    def run(self) -> NoReturn:
        """Serve the parent until it hangs up, then leave nobody behind."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self.control, select.POLLIN)
        poller.register(self.wake_read, select.POLLIN)
        while True:
            events = poller.poll(self._next_look_ms())
            for fd, _ in events:
                if fd == self.wake_read:
                    _drain(self.wake_read)
                elif not self._obey():
                    self._leave()
            self._reap()
            self._watch_memory()

    def _next_look_ms(self) -> float | None:
        """When to look at memory again: soon while something runs, rarely while all wait."""
        if not self.workers:
            return None
        idle = all(
            w.board.cells[Board.CURRENT] == IDLE and not w.is_async for w in self.workers.values()
        )
        return _MEMORY_LOOK_S * (10_000 if idle else 1000)

    def _obey(self) -> bool:
        """Carry out one order; False when the parent is gone."""
        try:
            data, fds, _, _ = socket.recv_fds(self.control, 1 << 16, 2)
        except ConnectionError:
            return False
        if not data:
            return False
        order = json.loads(data)
        if order["op"] == "spawn":
            self._spawn(order, fds)
        elif order["op"] == "kill" and order["id"] in self.workers:
            self._kill(self.workers[order["id"]], order["why"])
        return True

    def _spawn(self, order: dict[str, Any], fds: list[int]) -> None:
        sock_fd, board_fd = fds
        entry = self.plan.sources[order["source"]]
        pid = os.fork()
        if pid == 0:
            self._become_worker(order["source"], sock_fd, board_fd)
        board = Board(board_fd)
        os.close(sock_fd)
        os.close(board_fd)
        is_async = self.sources[order["source"]].is_async
        self.workers[order["id"]] = _Worker(order["id"], pid, entry.memory_bytes, board, is_async)
        self._tell({"op": "spawned", "id": order["id"], "pid": pid})

    def _become_worker(self, index: int, sock_fd: int, board_fd: int) -> NoReturn:
        code = 1
        try:
            self._shed()
            entry, source = self.plan.sources[index], self.sources[index]
            opened = OpenSource(source, entry.settings, entry.name, retries=entry.retries)
            sock, board = socket.socket(fileno=sock_fd), Board(board_fd)
            if source.is_async:
                serve_async(opened, sock, board, entry.deadline_s)
            else:
                serve(opened, sock, board)
            code = 0
        finally:
            os._exit(code)  # never back into the zygote's loop, whatever was raised

    def _shed(self) -> None:
        """Drop what belongs to the zygote: sockets, signals, session, standard streams."""
        os.setsid()  # a signal to our group stays with us and our children
        die_with_parent()
        become_subreaper()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.control.close()
        os.close(self.wake_read)
        os.close(self.wake_write)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)

    def _reap(self) -> None:
        """Report workers that ended, after clearing away what they left."""
        by_pid = {worker.pid: worker for worker in self.workers.values()}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            if pid in by_pid:
                self._bury(by_pid[pid], os.waitstatus_to_exitcode(status))
        strays = set(children_of(os.getpid())) - {w.pid for w in self.workers.values()}
        if strays:
            clear_children({w.pid for w in self.workers.values()})

    def _bury(self, worker: _Worker, code: int) -> None:
        del self.workers[worker.id]
        worker.board.close()
        clear_children({w.pid for w in self.workers.values()})
        self._tell({"op": "exit", "id": worker.id, "code": code, "why": worker.why})

    def _kill(self, worker: _Worker, why: str) -> None:
        worker.why = worker.why or why
        os.kill(worker.pid, signal.SIGKILL)  # not reaped yet, so the number is still its own

    def _watch_memory(self) -> None:
        for worker in self.workers.values():
            if worker.memory_bytes is None or worker.why:
                continue
            used = resident_bytes(worker.pid)
            if used > worker.memory_bytes:
                self._kill(worker, f"memory:{used}")

    def _tell(self, message: dict[str, Any]) -> None:
        try:
            self.control.send(json.dumps(message).encode())
        except (BrokenPipeError, ConnectionResetError):
            self._leave()

    def _leave(self) -> NoReturn:
        """The parent is gone: workers that wait for work hear of it too, and close their sources,
        which may have more than processes to clear away; then end everything below, and us."""
        until = time.monotonic() + _CLOSING_S
        while self.workers and time.monotonic() < until:
            for worker in list(self.workers.values()):
                if os.waitpid(worker.pid, os.WNOHANG)[0]:
                    del self.workers[worker.id]
            time.sleep(0.002)
        for worker in self.workers.values():
            os.kill(worker.pid, signal.SIGKILL)
        clear_children()
        os._exit(0)


def _drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            time.sleep(0)
    except BlockingIOError:
        return
