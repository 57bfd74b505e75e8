"""Theorems of core Lean, each with a proof, by level: for tests, and to learn from.

``core.lean`` is a Lean file as it stands. Not covered: Mathlib; whether a level is harder for a
model than the one before.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

__all__ = ["Theorem", "theorems"]

_LEVEL = re.compile(r"-- level (\d)")


@dataclass(frozen=True, slots=True)
class Theorem:
    """One theorem."""

    name: str
    level: int
    """1 to 5."""
    statement: str
    """Up to its ``:=``."""
    proof: str
    """From ``by`` on."""


@lru_cache(maxsize=1)
def theorems() -> tuple[Theorem, ...]:
    """All of them, in the order of the file."""
    found, level = [], 0
    for block in re.split(r"\n(?=theorem |-- )", Path(__file__).with_name("core.lean").read_text()):
        mark = _LEVEL.match(block)
        if mark:
            level = int(mark[1])
        elif block.startswith("theorem "):
            statement, _, proof = block.strip().partition(" := by")
            name = statement.split()[1]
            found.append(Theorem(name, level, statement, f"by{proof}"))
    return tuple(found)
