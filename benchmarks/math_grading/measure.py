"""Runs one grader over many cases in a child process, killed and started anew at the deadline.

Covered: hangs (no reply within ``DEADLINE_S``), crashes (the process is gone), exceptions.
Not covered: what a case does to files and the network; see ``hostile`` for the payloads' mark.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .corpus import Row

__all__ = ["DEADLINE_S", "NotStartedError", "Outcome", "run"]

DEADLINE_S = 10.0
_START_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a grader did with one row."""

    accepted: bool
    stage: str
    wall_s: float
    cpu_s: float
    fault: str | None = None
    """``hang``, ``crash``, or the name of an exception."""
    peak_bytes: int = 0


class NotStartedError(RuntimeError):
    """A grader that cannot be run here."""


class _Child:
    """A running grader. ``ask`` answers within the deadline, whatever the grader does."""

    def __init__(self, grader: str) -> None:
        here = str(Path(__file__).resolve().parent.parent)
        old = os.environ.get("PYTHONPATH", "")
        # not by PYTHONPATH alone: this folder holds a math.py, so it must come last
        start = (
            f"import sys; sys.path.append({here!r}); from math_grading.child import main; main()"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", start, grader],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": old, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
            preexec_fn=_one_core,  # noqa: PLW1509 - no threads here
            start_new_session=True,
        )
        if self._line(_START_S).strip() != "ready":
            self.kill()
            raise NotStartedError(
                f"the grader {grader!r} does not start: its packages or its checkout are missing"
            )

    def ask(self, row: Row) -> Outcome:
        try:
            pipe: IO[str] = self.process.stdin  # type: ignore[assignment]  # it is a PIPE
            pipe.write(json.dumps([row.gold, row.response]) + "\n")
            pipe.flush()
            line = self._line(DEADLINE_S)
        except BrokenPipeError:
            line = ""
        if not line:
            hung = self.process.poll() is None
            spent = DEADLINE_S if hung else 0.0
            fault = "hang" if hung else "crash"
            return Outcome(accepted=False, stage=fault, wall_s=spent, cpu_s=spent, fault=fault)
        accepted, stage, wall_s, cpu_s, error, peak = json.loads(line)
        return Outcome(
            accepted=accepted,
            stage=stage,
            wall_s=wall_s,
            cpu_s=cpu_s,
            fault=error,
            peak_bytes=peak,
        )

    def _line(self, timeout_s: float) -> str:
        pipe = self.process.stdout
        assert pipe is not None
        ready, _, _ = select.select([pipe], [], [], timeout_s)
        return pipe.readline() if ready else ""

    def kill(self) -> None:
        # the group, so that a grader's own workers end with it
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(BrokenPipeError):
            self.process.communicate()


def _one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def run(grader: str, rows: Sequence[Row], again: Iterable[Row] = ()) -> tuple[list[Outcome], ...]:
    """The outcomes of ``rows`` in a fresh process, and of ``again`` in the same one afterwards."""
    child = _Child(grader)
    parts: list[list[Outcome]] = []
    try:
        for part in (rows, again):
            outcomes = []
            for row in part:
                outcomes.append(child.ask(row))
                if outcomes[-1].fault in ("hang", "crash"):
                    child.kill()
                    child = _Child(grader)
            parts.append(outcomes)
    finally:
        child.kill()
    return tuple(parts)
