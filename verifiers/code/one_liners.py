"""One-line functions as a task: ``3 times x minus 2`` asks for ``def f(x):return 3*x-2``.

Every sample carries calls with their results as ground truth for ``code.tests``, and in
``extra["demonstration"]`` a program by a teacher.

Covered: chains of a factor, a sum and a difference of one argument. Not covered: anything a
grammar of three words cannot say; it is there to see a small model learn from a sandbox.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from pydantic import Field

from ...core.settings import Settings
from ...core.tasks import task
from ...core.types import Sample

__all__ = ["OneLiners", "one_liners"]

_WORDS = {"*": "times", "+": "plus", "-": "minus"}
_ARGUMENTS = (0, 1, 5, -4, 12)


class OneLiners(Settings):
    """Which functions are asked for."""

    steps: int = Field(default=2, ge=1, le=6)
    """Terms behind the first product."""
    largest: int = Field(default=9, ge=2, le=99)
    """Of every number."""
    careless: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of demonstrations by a careless teacher, who writes every "minus" as ``+``. The ground
    truth stays right: a model that learned from both teachers has something left to learn."""


@task("code.one_liners")
def one_liners(rng: random.Random, settings: OneLiners) -> Iterator[Sample]:
    """Functions in words, with calls that tell them apart and a demonstration."""
    while True:
        factor = rng.randint(2, settings.largest)
        terms = [
            (rng.choice("+-"), rng.randint(1, settings.largest)) for _ in range(settings.steps)
        ]
        careless = rng.random() < settings.careless
        words = "".join(f" {_WORDS[sign]} {number}" for sign, number in terms)
        yield Sample(
            prompt=f"{factor} times x{words}\n",
            ground_truth=_truth(factor, terms),
            task="one_liners",
            extra={"demonstration": _program(factor, terms, careless=careless)},
        )


def _truth(factor: int, terms: Sequence[tuple[str, int]]) -> dict[str, object]:
    added = sum(number if sign == "+" else -number for sign, number in terms)
    calls = [{"args": [x], "kwargs": {}, "expected": factor * x + added} for x in _ARGUMENTS]
    tests = {"kind": "function", "entry_point": "f", "setup": "", "calls": calls}
    return {"language": "python", "tests": tests}


def _program(factor: int, terms: Sequence[tuple[str, int]], *, careless: bool) -> str:
    body = "".join(f"{'+' if careless else sign}{number}" for sign, number in terms)
    return f"def f(x):return {factor}*x{body}"
