"""What a person sees while a model trains: a bar on a terminal, plain lines elsewhere.

Everything goes to standard error (or the console that was given); only the main process shows it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

__all__ = ["Display", "summary_of"]


class Display:
    """Says what a run does: notes, and stages that count steps."""

    def __init__(self, console: Console | None = None, *, shown: bool = True) -> None:
        self.console = console or Console(stderr=True)
        self.shown = shown
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._name = ""
        self._total = 0
        self._started = 0.0
        self._first = 0

    def note(self, text: str) -> None:
        """One line of its own."""
        if self.shown:
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def begin(self, name: str, total: int, done: int = 0) -> None:
        """Start a stage of ``total`` steps, ``done`` of which an earlier run has made."""
        self.end()
        self._name, self._total, self._first = name, total, done
        self._started = time.monotonic()
        if self.shown and self.console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[facts]}"),
                console=self.console,
                transient=True,
            )
            self._task = self._bar.add_task(name, total=total, completed=done, facts="")
            self._bar.start()

    def step(self, done: int) -> None:
        """Move the bar."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)

    def facts(self, done: int, facts: str) -> None:
        """Show numbers: beside the bar, or as a line with the time left."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, facts=facts)
            return
        self.note(f"{self._name} {done}/{self._total}  {facts}  {self._left(done)}")

    def end(self) -> None:
        """End the stage."""
        if self._bar is not None:
            self._bar.stop()
        self._bar = self._task = None

    def _left(self, done: int) -> str:
        made = done - self._first
        if made <= 0:
            return ""
        seconds = (time.monotonic() - self._started) / made * (self._total - done)
        return f"ETA {int(seconds) // 60}:{int(seconds) % 60:02d}"


def summary_of(logs: Mapping[str, Any], sources: Iterable[str]) -> str:
    """The numbers of one log line that tell whether a run goes well.

    ``faults`` is the highest share of faults among the sources; ``zero-variance groups`` is
    the share of groups whose rewards are all equal, from which nothing is learned.
    """
    faults = [float(logs.get(f"assay/{name}/fault_rate", 0.0)) for name in sources]
    parts = [
        ("reward", logs.get("reward"), "{:.3f}"),
        ("pass", logs.get("assay/pass_rate"), "{:.1%}"),
        ("faults", max(faults, default=0.0), "{:.1%}"),
        ("left out", logs.get("assay/left_out_rate") or None, "{:.1%}"),
        ("zero-variance groups", logs.get("assay/zero_variance_groups"), "{:.0%}"),
    ]
    return "  ".join(f"{n} {form.format(float(v))}" for n, v, form in parts if v is not None)
