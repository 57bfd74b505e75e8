"""What people on an island of knights and knaves say, and when it is true.

A statement's meaning is its truth table over all 2**n assignments of kinds to n people, held in one
integer: bit ``a`` is the statement's truth under assignment ``a``, and person ``i`` is a knight in
assignment ``a`` when bit ``i`` of ``a`` is set. So a puzzle is solved, exhaustively, by n integer
operations. Not covered: wording; see ``wording``.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

__all__ = [
    "CONNECTIVES",
    "OPERATORS",
    "Is",
    "Join",
    "Not",
    "Operator",
    "Same",
    "Statement",
    "random_statement",
    "solutions",
    "table",
]

Operator: TypeAlias = Literal["same", "not", "and", "or", "implies", "iff"]
OPERATORS: tuple[Operator, ...] = ("same", "not", "and", "or", "implies", "iff")
CONNECTIVES = frozenset(("and", "or", "implies", "iff"))


@dataclass(frozen=True, slots=True)
class Is:
    """Person ``who`` is a knight (or a knave)."""

    who: int
    knight: bool


@dataclass(frozen=True, slots=True)
class Same:
    """Two people are of the same kind."""

    one: int
    other: int


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    what: Statement


@dataclass(frozen=True, slots=True)
class Join:
    """Two statements joined by a connective."""

    operator: Operator
    left: Statement
    right: Statement


Statement: TypeAlias = Is | Same | Not | Join


@lru_cache(maxsize=64)
def _knight(who: int, people: int) -> int:
    """The truth table of "who is a knight"."""
    return sum(1 << a for a in range(1 << people) if a >> who & 1)


def table(statement: Statement, people: int) -> int:
    """The truth table of a statement, as an integer of 2**people bits."""
    full = (1 << (1 << people)) - 1
    match statement:
        case Is(who, knight):
            true = _knight(who, people)
            return true if knight else full ^ true
        case Same(one, other):
            return full ^ _knight(one, people) ^ _knight(other, people)
        case Not(what):
            return full ^ table(what, people)
        case Join(operator, left, right):
            return _joined(operator, table(left, people), table(right, people), full)


def _joined(operator: str, left: int, right: int, full: int) -> int:
    if operator == "and":
        return left & right
    if operator == "or":
        return left | right
    if operator == "implies":
        return (full ^ left) | right
    return full ^ left ^ right


def solutions(said: Sequence[Statement]) -> list[int]:
    """All assignments under which every knight's statement is true and every knave's is false.

    Statement ``i`` is person ``i``'s. Exhaustive: every one of the 2**n assignments is tried.
    """
    people = len(said)
    full = (1 << (1 << people)) - 1
    holds = full
    for who, statement in enumerate(said):
        holds &= full ^ _knight(who, people) ^ table(statement, people)
    return [a for a in range(1 << people) if holds >> a & 1]


def random_statement(
    rng: random.Random, people: int, operators: int, allowed: Sequence[Operator]
) -> Statement:
    """A statement with exactly ``operators`` operators from ``allowed``."""
    if operators == 0:
        return Is(rng.randrange(people), rng.random() < 0.5)
    usable: list[Operator] = [o for o in allowed if o != "same" or operators == 1]
    operator: Operator = rng.choice(usable)
    if operator == "same":
        one, other = rng.sample(range(people), 2)
        return Same(one, other)
    if operator == "not":
        return Not(random_statement(rng, people, operators - 1, allowed))
    left = rng.randrange(operators)
    return Join(
        operator,
        random_statement(rng, people, left, allowed),
        random_statement(rng, people, operators - 1 - left, allowed),
    )
