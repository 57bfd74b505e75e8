"""``unsafe_subprocess``: programs as ordinary processes of this machine. For trusted code only.

Limits are kept as well as an ordinary process can: they end a program that has gone wrong, not one
that wants to stay. It shouts when it is opened, and is chosen by its name and never in place of
another backend.

Not covered: any isolation. A program reads your files, uses your network, and may kill you.
"""

from __future__ import annotations

import threading
import time
import warnings
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .contract import Limits, Outcome, Program, Sandbox, Session
from .jobs import cut_reply, framed, job_of, outcome_of
from .supervise import Supervised

__all__ = ["UnsafeSandboxWarning", "UnsafeSubprocess"]


class UnsafeSandboxWarning(RuntimeWarning):
    """Programs run without isolation."""


class UnsafeSubprocess(Sandbox):
    """Programs as child processes, with this user's rights.

    Args:
        slots: how many run at the same time.
        packages: a folder of Python packages for programs to import.
    """

    name = "unsafe_subprocess"
    guarantees = ("none: for trusted code only",)

    def __init__(self, *, slots: int = 1, packages: str | Path | None = None) -> None:
        super().__init__(slots=slots)
        self._packages = () if packages is None else (str(Path(packages).resolve()),)
        self._slots = threading.Semaphore(slots)
        self._running: weakref.WeakSet[_Live] = weakref.WeakSet()
        self._lock = threading.Lock()
        self._opened = self._closed = False

    def open(self) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("this sandbox is closed; make a new one")
            if self._opened:
                return
            warnings.warn(
                "UNSAFE: sandbox 'unsafe_subprocess' isolates NOTHING: programs run as this user,"
                " with its files and its network; for code you trust, never for a model's."
                " Use 'jail', 'docker' or 'remote' for everything else",
                UnsafeSandboxWarning,
                stacklevel=3,
            )
            self._opened = True

    def start(self, program: Program, stdin: bytes, limits: Limits) -> Session:
        self.open()
        job = job_of(program, stdin, limits, self._packages)
        self._slots.acquire()
        try:
            session = _Live(job, self._slots.release)
        except BaseException:
            self._slots.release()
            raise
        with self._lock:
            self._running.add(session)
        return session

    def close(self) -> None:
        with self._lock:
            self._closed = True
            running = list(self._running)
        for session in running:
            session.close()


class _Live(Session):
    """A child process, watched while somebody waits for it."""

    def __init__(self, job: dict[str, Any], done: Callable[[], None]) -> None:
        self._done, self._most = done, job["output_kb"] << 10
        self._lock = threading.RLock()  # a sandbox may be closed from another thread
        self._outcome: Outcome | None = None
        self._stop = False
        self._run: Supervised | None = None
        try:
            self._run = Supervised(job)
        except OSError as error:
            self._end(Outcome("fault", detail=f"cannot start a process: {error}"))

    def ask(self, request: Any, within_s: float | None = None) -> Any | None:
        deadline = None if within_s is None else time.monotonic() + within_s
        if request is not None and self._run is not None:
            with self._lock:
                self._run.send(framed(request))
        while True:
            known, reply = self._reply()
            if known or self._outcome is not None or self._run is None:
                return reply
            if deadline is not None and time.monotonic() > deadline:
                self._run.kill("time")
            self._pump()

    def _reply(self) -> tuple[bool, Any]:
        """The next whole reply; nonsense ends the run."""
        if self._run is None:
            return False, None
        try:
            return cut_reply(self._run.replies, self._most)
        except (ValueError, RecursionError):
            self._run.replies.clear()
            if self._run.ended is None:
                self._run.kill("output")
            return False, None

    def _pump(self) -> None:
        with self._lock:
            if self._run is None or self._outcome is not None:
                return
            if self._stop:
                self._run.kill("signal")
            self._run.pump()
            if self._run.ended is not None:
                told = self._run.ended
                self._end(outcome_of(told, bytes(self._run.out), self._run.err))

    def _end(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._done()

    def wait(self) -> Outcome:
        if self._run is not None and self._outcome is None:
            with self._lock:
                self._run.no_more()
        while self._outcome is None:
            self._pump()
        return self._outcome

    def close(self) -> Outcome:
        self._stop = True  # whoever pumps sees it: the lock of one who waits may be hard to get
        return self.wait()
