"""What a case of these sets is, and how it becomes a sample.

Not covered: the programs themselves; see ``hostile``, ``honest`` and ``mutants``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MARKS", "Case", "spread"]

MARKS = ("@FILE@", "@PORT@", "@EFFECT@", "@NAME@")
"""Places in a program that the host fills: the path of a file and the TCP port of a server that a
program must not reach, a path it must not write, and a name unique to the run."""

FENCE = "`" * 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A program, its task and what a grader owes it."""

    name: str
    category: str
    ground_truth: Mapping[str, Any]
    program: str
    language: str = "python"
    passes: bool = False
    host_effect: str = ""
    """What the program tries to do to the host beside being paid; empty: nothing."""
    rounds: int = 1
    """How often to run it in a row: what it plants must not be there the next time."""
    raw: bool = False
    """The completion is the program as it is, without a fence."""
    peers: bool = True
    """Whether it may be shown to other graders (False: it is about Assay's own rules)."""

    @property
    def kind(self) -> str:
        """The kind of the tests."""
        return str(self.ground_truth["tests"]["kind"])

    def filled(self, marks: Mapping[str, str]) -> str:
        """The program with the host's places in it."""
        text = self.program
        for mark, value in marks.items():
            text = text.replace(mark, value)
        return text

    def completion(self, marks: Mapping[str, str]) -> str:
        """What the model is said to have written."""
        text = self.filled(marks)
        if self.raw:
            return text
        return f"{FENCE}{self.language}\n{text}\n{FENCE}\n"


def spread(
    name: str,
    category: str,
    program: str,
    task: Mapping[str, Mapping[str, Any]],
    kinds: Iterable[str] = ("function", "asserts", "check", "unittest"),
    **more: Any,
) -> list[Case]:
    """One case for each kind of tests that the task is written in."""
    return [
        Case(
            name=f"{name}[{kind}]",
            category=category,
            ground_truth=task[kind],
            program=program,
            **more,
        )
        for kind in kinds
    ]
