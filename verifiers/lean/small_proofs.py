"""Small proofs as a task: from ``h : (p ∧ q) ∧ r`` show ``q``, which is ``h.1.2``.

Every sample carries its theorem as ground truth for ``lean.proof``, and in
``extra["demonstration"]`` a proof by a teacher. Prompts are short and ASCII: a model of characters
can read them.

Covered: conjunctions of distinct propositions and one of them as the goal. Not covered: proofs
that need an idea; it is there to see a small model learn from a kernel.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import TypeAlias

from pydantic import Field

from ...core.settings import Settings
from ...core.tasks import task
from ...core.types import Sample

__all__ = ["SmallProofs", "small_proofs"]

_LETTERS = "pqrstu"
Tree: TypeAlias = "str | tuple[Tree, Tree]"


class SmallProofs(Settings):
    """Which theorems are asked for."""

    fewest: int = Field(default=3, ge=2, le=6)
    """Propositions in a hypothesis, at least."""
    most: int = Field(default=4, ge=2, le=6)
    """And at most."""
    careless: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of demonstrations by a careless teacher, who takes the left side at the last turn. The
    ground truth stays right: who learned from both teachers has something left to learn."""


@task("lean.small_proofs")
def small_proofs(rng: random.Random, settings: SmallProofs) -> Iterator[Sample]:
    """Conjunctions and one of their parts, with the theorem and a demonstration."""
    while True:
        letters = rng.sample(_LETTERS, rng.randint(settings.fewest, settings.most))
        tree = _tree(rng, letters)
        goal = rng.choice(letters)
        path = _path(tree, goal)
        assert path is not None
        careless = rng.random() < settings.careless
        shown = f"{path[:-1]}1" if careless else path
        names = " ".join(sorted(letters))
        theorem = f"theorem t ({names} : Prop) (h : {_written(tree, ' ∧ ')}) : {goal}"
        yield Sample(
            prompt=f"{_written(tree, '&')} |- {goal}\n",
            ground_truth={"statement": theorem},
            task="small_proofs",
            extra={"demonstration": "h" + "".join(f".{turn}" for turn in shown)},
        )


def _tree(rng: random.Random, letters: list[str]) -> Tree:
    if len(letters) == 1:
        return letters[0]
    cut = rng.randint(1, len(letters) - 1)
    return _tree(rng, letters[:cut]), _tree(rng, letters[cut:])


def _path(tree: Tree, goal: str) -> str | None:
    """Turns, 1 for left and 2 for right; None where the goal is not below."""
    if isinstance(tree, str):
        return "" if tree == goal else None
    for turn, part in zip("12", tree, strict=True):
        rest = _path(part, goal)
        if rest is not None:
            return turn + rest
    return None


def _written(tree: Tree, sign: str) -> str:
    if isinstance(tree, str):
        return tree
    return sign.join(f"({_written(p, sign)})" if isinstance(p, tuple) else p for p in tree)
