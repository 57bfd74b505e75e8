"""Sums and differences as a task: chains such as ``7+8-4=``, worked out step by step.

Every sample carries its answer as ground truth, and in ``extra["demonstration"]`` a completion
that works from left to right: ``<think>7+8=15,15-4=11</think><answer>11</answer>``.

Covered: any number of operands, addition and subtraction, bounds on every intermediate result.
Not covered: products and brackets (left to right would not be the right order), fractions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from pydantic import Field, model_validator

from ...core.settings import Settings
from ...core.tasks import task
from ...core.types import Sample

__all__ = ["Arithmetic", "arithmetic"]

_TRIES = 1000


class Arithmetic(Settings):
    """Which chains of sums and differences are asked."""

    operands: int = Field(default=3, ge=2, le=20)
    """Numbers in a chain."""
    smallest: int = Field(default=1, ge=0)
    largest: int = Field(default=9, ge=0)
    """Bounds of every operand, both included."""
    operators: str = Field(default="+-", pattern=r"^(\+-?|-\+?)$")
    """Which of ``+`` and ``-`` are used."""
    lowest: int = 0
    highest: int | None = None
    """Bounds of every intermediate result, both included; None: no upper bound."""
    careless: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of demonstrations by a careless teacher, who drops the sign of every negative result
    (``3-8=5``) and goes on from there. The ground truth stays right: a model that learned from
    both teachers has something left to learn from a reward."""
    any_order: bool = False
    """The careful teacher adds the terms up in any order (``9-8=1,1+3=4`` for ``3-8+9=``), the
    careless one from left to right. A model that learned from both may write the careless working
    more often than any other, and yet the right answer, reached in several ways, more often than
    the careless one: its most likely completion is wrong, the majority of its answers is right."""

    @model_validator(mode="after")
    def _ordered(self) -> Arithmetic:
        if self.smallest > self.largest:
            raise ValueError(f"smallest {self.smallest} must be <= largest {self.largest}")
        return self

    def allows(self, result: int) -> bool:
        """Whether an intermediate result lies within the bounds."""
        return self.lowest <= result and (self.highest is None or result <= self.highest)


@task("math.arithmetic")
def arithmetic(rng: random.Random, settings: Arithmetic) -> Iterator[Sample]:
    """Chains of sums and differences with their answers and worked demonstrations."""
    while True:
        terms = _chain(rng, settings)
        careless = rng.random() < settings.careless
        ordered = careless or not settings.any_order
        shown = terms if ordered else rng.sample(terms, len(terms))
        yield Sample(
            prompt="".join([str(terms[0]), *(f"{term:+d}" for term in terms[1:])]) + "=",
            ground_truth=str(sum(terms)),
            task="arithmetic",
            extra={"demonstration": demonstration(shown, careless=careless)},
        )


def demonstration(terms: Sequence[int], *, careless: bool = False) -> str:
    """A completion that works out the sum of ``terms`` from left to right.

    ``careless``: every negative result loses its sign.
    """
    total, steps = terms[0], []
    for term in terms[1:]:
        result = abs(total + term) if careless else total + term
        steps.append(f"{total}{term:+d}={result}")
        total = result
    return f"<think>{','.join(steps)}</think><answer>{total}</answer>"


def _chain(rng: random.Random, settings: Arithmetic) -> list[int]:
    """Signed terms whose running sums all lie within the bounds."""
    for _ in range(_TRIES):
        terms = [rng.randint(settings.smallest, settings.largest)]
        total = terms[0]
        for _ in range(settings.operands - 1):
            sign = -1 if rng.choice(settings.operators) == "-" else 1
            terms.append(sign * rng.randint(settings.smallest, settings.largest))
            total += terms[-1]
            if not settings.allows(total):
                break
        else:
            return terms
    raise ValueError(
        f"task math.arithmetic: no chain within its bounds in {_TRIES} tries; widen"
        f" lowest and highest, got {settings.lowest} and {settings.highest}"
    )
