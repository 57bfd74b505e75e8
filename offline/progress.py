"""What a person sees of a run: a bar on a terminal, a line now and then elsewhere, or nothing.

Everything goes to standard error: standard output belongs to the data.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from .tally import Tally

__all__ = ["Bar", "Lines", "Silent", "progress_for"]

_LINE_SECONDS = 5.0
_BAR_SECONDS = 0.1


class Silent:
    """Shows nothing; also what the others are told."""

    def start(self, name: str, columns: str, total: int | None, done: int) -> None:
        """The run begins with ``done`` rows already scored, of ``total`` where that is known."""

    def show(self, tally: Tally) -> None:
        """A row was scored."""

    def stop(self) -> None:
        """The run ended, well or not."""


class Lines(Silent):
    """One plain line every few seconds, for logs."""

    def __init__(self) -> None:
        self._name, self._total, self._done = "", 0, 0
        self._begun = self._shown = time.monotonic()

    def start(self, name: str, columns: str, total: int | None, done: int) -> None:
        self._name, self._total, self._done = name, total or 0, done
        self._begun = self._shown = time.monotonic()
        _say(f"{name}: columns {columns}")
        if done:
            _say(f"{name}: {done} rows were scored before; going on from there")

    def show(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._shown < _LINE_SECONDS:
            return
        self._shown = now
        seen = tally.rows + tally.bad_rows
        rate = (seen - self._done) / (now - self._begun)
        left = f", {max(self._total - seen, 0) / rate:.0f} s left" if self._total and rate else ""
        _say(f"{self._name}: {seen} rows, {rate:.0f} rows/s{left}, {tally.faults} faults")


class Bar(Silent):
    """A progress bar, for terminals."""

    def __init__(self) -> None:
        self._progress: Any = None
        self._task: Any = None
        self._shown = 0.0

    def start(self, name: str, columns: str, total: int | None, done: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        _say(f"{name}: columns {columns}")
        if done:
            _say(f"{name}: {done} rows were scored before; going on from there")
        columns_shown = (
            BarColumn(),
            TextColumn("{task.completed:.0f} rows"),
            TextColumn("{task.fields[rate]:.0f} rows/s"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[faults]} faults"),
        )
        self._progress = Progress(*columns_shown, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("", total=total, completed=done, rate=0.0, faults=0)
        self._progress.start()
        self._done, self._begun = done, time.monotonic()

    def show(self, tally: Tally) -> None:
        now = time.monotonic()
        if now - self._shown < _BAR_SECONDS:
            return
        self._shown = now
        seen = tally.rows + tally.bad_rows
        rate = (seen - self._done) / max(now - self._begun, 1e-9)
        self._progress.update(self._task, completed=seen, rate=rate, faults=tally.faults)

    def stop(self) -> None:
        if self._progress is not None:
            self._progress.stop()


def progress_for(*, quiet: bool) -> Silent:
    """The right kind for where standard error goes."""
    if quiet:
        return Silent()
    return Bar() if sys.stderr.isatty() else Lines()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
