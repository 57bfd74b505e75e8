"""Programs that must not be paid: attacks by category. Their own modules say how they work."""

from __future__ import annotations

from . import (
    hostile_bombs,
    hostile_escapes,
    hostile_near,
    hostile_spies,
    hostile_values,
    hostile_verdicts,
)
from .case import Case

__all__ = ["HOSTILE", "hostile"]

HOSTILE: tuple[Case, ...] = (
    *hostile_verdicts.CASES,
    *hostile_values.CASES,
    *hostile_spies.CASES,
    *hostile_escapes.CASES,
    *hostile_bombs.CASES,
    *hostile_near.CASES,
)


def hostile(category: str) -> list[Case]:
    """The cases of a category."""
    return [case for case in HOSTILE if case.category == category]
