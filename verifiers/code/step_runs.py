"""Whether the program in a step of an answer runs: the ``check`` of a search over steps with code.

    with StepRuns() as runs:
        found = mcts(sample, generate, scorer, check=runs)

The Python blocks of all steps so far are one program, run in a fresh sandbox. Source: Guan et al.
2025 (rStar-Math, arXiv 2501.04519), 3.2: a step is kept only if its code executes together with
that of the steps before. Not covered: whether what it prints is right, and other languages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from ...core.closing import Closing
from ...core.types import Sample
from ...sandbox.choose import make_sandbox
from ...sandbox.contract import Limits, Outcome, Program
from .extract import MAX_CHARS, fenced_blocks

__all__ = ["StepRuns"]

_PYTHON = ("python", "py", "python3")


class StepRuns(Closing):
    """Beginnings of answers -> whether their program ends with status 0 within its limits.

    Args:
        sandbox: ``jail``, ``docker`` or ``remote``.
        slots: programs that run at the same time.
        limits: for one program.
        without_code: what a beginning without a block of Python is; None: nobody knows.

    None for a sandbox that failed. A text of over 2^20 characters does not run. Raises ``Missing``
    where the machine lacks what the sandbox needs. Close it, or use it in a ``with`` statement.
    """

    def __init__(
        self,
        sandbox: str = "jail",
        *,
        slots: int = 1,
        limits: Limits | None = None,
        without_code: bool | None = True,
    ) -> None:
        self._sandbox = make_sandbox(sandbox, slots)
        self._limits = limits or Limits()
        self._without_code = without_code

    def __call__(self, samples: Sequence[Sample]) -> list[bool | None]:
        """What each is, in order."""
        programs = [_program(sample.text) for sample in samples]
        jobs = [(Program.script(p), b"", self._limits) for p in programs if p]
        outcomes = iter(self._sandbox.run_many(jobs) if jobs else [])
        short = [len(sample.text) <= MAX_CHARS for sample in samples]
        return [
            (_holds(next(outcomes)) if program else self._without_code) if fits else False
            for program, fits in zip(programs, short, strict=True)
        ]

    def close(self) -> None:
        """End everything that runs."""
        self._sandbox.close()

    def __enter__(self) -> Self:
        self._sandbox.open()
        return self


def _program(text: str) -> str:
    """The Python blocks of a text, joined; empty without any, and for a text that is too long."""
    if len(text) > MAX_CHARS:
        return ""
    return "\n".join(b.text for b in fenced_blocks(text) if b.tag.casefold() in _PYTHON)


def _holds(outcome: Outcome) -> bool | None:
    return None if outcome.end == "fault" else outcome.ok
