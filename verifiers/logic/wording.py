"""Knights and knaves in words: English prose, or a compact notation for very small models.

The compact notation is ASCII, one character a token for a character-level model. People are
``A`` to ``H``, kinds ``k`` (knight) and ``v`` (knave):

    B=k   B is a knight          B=C   B and C are of the same kind
    B!=k  B is not a knight      B!=C  they are of different kinds
    !(s)  s is not true          s&t  s|t  s>t  s~t   and, or, implies, if and only if

Joined statements inside others stand in brackets. A prompt gives who says what, ``;`` between
people and ``?`` at the end: ``A:B=v;B:A=k&B=k?``. The answer is ``A=k B=v``. A demonstration tries
the kinds in the order of the people, knights first, and writes for each person 1 where the
statement agrees with the kind and 0 where it does not, until all agree:
``<think>kk01 kv11</think><answer>A=k B=v</answer>``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from .statements import Is, Join, Not, Same, Statement, table

__all__ = ["COMPACT", "LETTERS", "NAMES", "PROSE", "Wording"]

LETTERS = tuple("ABCDEFGH")
_NAMES = (
    "Amelia Ava Benjamin Charlotte Chloe Daniel Ella Emily Ethan Evelyn Grace Henry Isabella Jack"
    " James Liam Lily Lucas Mason Mia Noah Oliver Owen Penelope Riley Samuel Scarlett Sofia Theo"
    " Victoria William Zoey"
)
NAMES = tuple(_NAMES.split())


class Wording(Protocol):
    """How puzzles and answers are written."""

    def prompt(self, names: Sequence[str], said: Sequence[Statement]) -> str:
        """The question, with the form of the answer where there is room for it."""
        ...

    def answer(self, names: Sequence[str], solution: int) -> str:
        """The right answer in the form asked for."""
        ...

    def reasoning(self, names: Sequence[str], said: Sequence[Statement], solution: int) -> str:
        """A search that ends at the solution."""
        ...


def _tried(said: Sequence[Statement], solution: int) -> Iterator[tuple[list[bool], list[bool]]]:
    """Kinds in the order tried, and who agrees with theirs, up to the solution."""
    people = len(said)
    tables = [table(statement, people) for statement in said]
    for count in range(1 << people):
        kinds = [not count >> (people - 1 - who) & 1 for who in range(people)]
        assignment = sum(1 << who for who, knight in enumerate(kinds) if knight)
        agrees = [
            bool(t >> assignment & 1) == knight for t, knight in zip(tables, kinds, strict=True)
        ]
        yield kinds, agrees
        if assignment == solution:
            return


_SIGNS = {"and": "&", "or": "|", "implies": ">", "iff": "~"}


class _Compact:
    def prompt(self, names: Sequence[str], said: Sequence[Statement]) -> str:
        parts = (f"{name}:{_short(s, names)}" for name, s in zip(names, said, strict=True))
        return ";".join(parts) + "?"

    def answer(self, names: Sequence[str], solution: int) -> str:
        kinds = ("kv"[not solution >> who & 1] for who in range(len(names)))
        return " ".join(f"{name}={kind}" for name, kind in zip(names, kinds, strict=True))

    def reasoning(
        self,
        names: Sequence[str],  # noqa: ARG002 - the rows stand in the order of the people
        said: Sequence[Statement],
        solution: int,
    ) -> str:
        return " ".join(
            "".join("k" if knight else "v" for knight in kinds)
            + "".join("1" if agree else "0" for agree in agrees)
            for kinds, agrees in _tried(said, solution)
        )


def _short(statement: Statement, names: Sequence[str], *, inside: bool = False) -> str:
    match statement:
        case Is(who, knight):
            return f"{names[who]}={'k' if knight else 'v'}"
        case Same(one, other):
            return f"{names[one]}={names[other]}"
        case Not(Is(who, knight)):
            return f"{names[who]}!={'k' if knight else 'v'}"
        case Not(Same(one, other)):
            return f"{names[one]}!={names[other]}"
        case Not(what):
            return f"!({_short(what, names)})"
        case Join(operator, left, right):
            a, b = _short(left, names, inside=True), _short(right, names, inside=True)
            return f"({a}{_SIGNS[operator]}{b})" if inside else f"{a}{_SIGNS[operator]}{b}"


class _Prose:
    def prompt(self, names: Sequence[str], said: Sequence[Statement]) -> str:
        lines = [f'{n} says: "{_long(s, names)}."' for n, s in zip(names, said, strict=True)]
        form = ", ".join(f"{name} is a ..." for name in names)
        return (
            "On an island every person is either a knight, who always tells the truth, or a knave,"
            f" who always lies. You meet {len(names)} of them: {_listed(names)}.\n"
            + "\n".join(lines)
            + "\nWho is a knight and who is a knave? Name every person exactly once, in the form:"
            f" {form}, with knight or knave in place of the dots."
        )

    def answer(self, names: Sequence[str], solution: int) -> str:
        return ", ".join(
            f"{name} is a {'knight' if solution >> who & 1 else 'knave'}"
            for who, name in enumerate(names)
        )

    def reasoning(self, names: Sequence[str], said: Sequence[Statement], solution: int) -> str:
        lines = []
        for kinds, agrees in _tried(said, solution):
            assignment = sum(1 << who for who, knight in enumerate(kinds) if knight)
            line = f"Suppose {self.answer(names, assignment)}."
            wrong = next((who for who, agree in enumerate(agrees) if not agree), None)
            if wrong is None:
                lines.append(f"{line} Then every statement agrees with its speaker.")
            else:
                truth = "false" if kinds[wrong] else "true"
                kind = "knight" if kinds[wrong] else "knave"
                lines.append(f"{line} Then the {kind} {names[wrong]} says something {truth}.")
        return "\n".join(lines)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}"


def _long(statement: Statement, names: Sequence[str], *, inside: bool = False) -> str:
    match statement:
        case Is(who, knight):
            return f"{names[who]} is a {'knight' if knight else 'knave'}"
        case Same(one, other):
            return f"{names[one]} and {names[other]} are of the same kind"
        case Not(Is(who, knight)):
            return f"{names[who]} is not a {'knight' if knight else 'knave'}"
        case Not(Same(one, other)):
            return f"{names[one]} and {names[other]} are of different kinds"
        case Not(what):
            text = f"it is not true that {_long(what, names, inside=True)}"
        case Join(operator, left, right):
            a, b = _long(left, names, inside=True), _long(right, names, inside=True)
            text = {
                "and": f"{a} and {b}",
                "or": f"{a} or {b}",
                "implies": f"if {a} then {b}",
                "iff": f"{a} if and only if {b}",
            }[operator]
    return f"({text})" if inside else text


COMPACT: Wording = _Compact()
PROSE: Wording = _Prose()
