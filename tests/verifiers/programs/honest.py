"""Honest programs, right and wrong, that a grader must judge as they are."""

from __future__ import annotations

from . import honest_functions, honest_scripts
from .case import Case

__all__ = ["HONEST", "honest"]

HONEST: tuple[Case, ...] = (*honest_scripts.CASES, *honest_functions.CASES)


def honest(category: str) -> list[Case]:
    """The cases of a category."""
    return [case for case in HONEST if case.category == category]
