"""The audit tables as cases, read once.

Covered: ``tables/*.txt`` in the format of the package's docstring. Not covered: hostile inputs
made by code; see ``hostile``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["TABLES", "Case", "cases"]

TABLES = Path(__file__).resolve().parent / "tables"
_BETWEEN = " ;; "


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A ground truth, an answer, and whether it should pass."""

    category: str
    gold: str
    answer: str
    """As the table has it; ``completion`` is what a source is given."""
    right: bool
    is_response: bool = False
    """``answer`` is a whole response, not the inside of a box."""

    @property
    def completion(self) -> str:
        return self.answer if self.is_response else "\\boxed{" + self.answer + "}"

    @property
    def id(self) -> str:
        """Unique within the tables."""
        return f"{self.category}: {self.gold} {'+' if self.right else '-'} {self.answer}"


@cache
def cases() -> tuple[Case, ...]:
    """Every case of every table, in the order of the files' names."""
    return tuple(case for path in sorted(TABLES.glob("*.txt")) for case in _read(path))


def _read(path: Path) -> Iterator[Case]:
    category, gold, responses = "", "", False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if mark == "#":
            category, _, kind = rest.partition(" ")
            responses = kind == "responses"
        elif mark == "=":
            gold = rest
        elif mark in ("+", "-"):
            for answer in [json.loads(rest)] if responses else rest.split(_BETWEEN):
                yield Case(
                    category=category,
                    gold=gold,
                    answer=answer,
                    right=mark == "+",
                    is_response=responses,
                )
        elif line:
            raise ValueError(f"{path.name}:{number}: must start with '#', '=', '+' or '-'")
