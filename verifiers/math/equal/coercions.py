"""What reads as something else beside the other side: the coercions of ``same``, one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from ..reader.nodes import (
    EXPRESSIONS,
    Big,
    Call,
    Const,
    Matrix,
    Node,
    Product,
    Relation,
    Seq,
    Sym,
    Text,
    key,
    walk,
    words_of,
)
from ..zero import same_value
from .finding import Finding, replaced, symbols
from .intervals import pieces_of
from .relations import named, same_solutions

__all__ = [
    "as_named",
    "cases_and_equation",
    "infinite",
    "is_order",
    "result_of",
    "rows_of",
    "same_words",
    "thin",
    "unpaired",
    "valued",
]

_EMPTY = words_of(
    "no solution|no solutions|no real solution|no real solutions|none|empty set|"
    "the empty set|no such|does not exist|dne|null set",
    "|",
)


def as_named(given: tuple[Node, Node], name: Node) -> tuple[Node, Node]:
    """``f(n) = 2n`` as ``f(x) = 2x``, and ``y = 2x`` as ``y(x) = 2x``, where that is the name."""
    own = given[0]
    heads = [n.name.removeprefix("@") for n in (own, name) if isinstance(n, Call | Sym)]
    if own == name or len(heads) < 2 or heads[0] != heads[1]:
        return given
    if not (isinstance(own, Call) and isinstance(name, Call)):
        return name, given[1]
    mine, theirs = own.args, name.args
    if len(mine) != 1 or len(theirs) != 1:
        return given
    old, new = mine[0], theirs[0]
    free = isinstance(old, Sym) and isinstance(new, Sym) and new.name not in symbols(given[1])
    if free and isinstance(old, Sym):
        return name, replaced(given[1], {old.name: new})
    return given


def cases_and_equation(a: Node, t: Node) -> Finding | None:
    cases, equation = (a, t) if isinstance(a, Seq) else (t, a)
    if not isinstance(cases, Seq) or not isinstance(equation, Relation) or cases.left:
        return None
    return same_solutions(cases.items, equation, either=cases.right == "or")


def result_of(node: Node) -> Node | None:
    """``2 + 3 = 5`` is 5: a calculation without unknowns that is not wrong."""
    if not isinstance(node, Relation) or set(node.operators) != {"="}:
        return None
    bound = {n.name for n in walk(node) if isinstance(n, Big)}
    closed = all(isinstance(p, EXPRESSIONS) and not symbols(p) - bound for p in node.parts)
    pairs = pairwise(node.parts) if closed else ()
    true = closed and not any(same_value(a, b).equal is False for a, b in pairs)
    return node.parts[-1] if true else None


def is_order(node: Node) -> bool:
    return isinstance(node, Relation) and not {"=", "in", "to", "~"} & set(node.operators)


def same_words(a: Node, t: Node) -> Finding:
    if isinstance(a, Text) and isinstance(t, Text):
        if a.words == t.words or (a.words in _EMPTY and t.words in _EMPTY):
            return Finding(True, "text", "the words are equal")
        return Finding(False, "text", "the words differ")
    words, other = (a, t) if isinstance(a, Text) else (t, a)
    assert isinstance(words, Text)
    if words.words in _EMPTY and other == Const("empty"):
        return Finding(True, "text", "both say that there is none")
    if words.words in ("all real numbers", "all reals", "real numbers") and (
        pieces := pieces_of(other)
    ):
        return Finding(pieces == pieces_of(Const("reals")), "text", "all real numbers")
    return Finding(False, "text", "words against a value")


def infinite(node: Node) -> bool:
    bare = node.factors[-1] if isinstance(node, Product) and len(node.factors) == 2 else node
    return bare == Const("inf")


def valued(seq: Seq) -> dict[str, Node] | tuple[Node, ...]:
    """Values by name where every item names another; bare values where all name the same."""
    pairs = [named(item) for item in seq.items]
    known = [pair for pair in pairs if pair is not None]
    if not known or len(known) < len(pairs):
        return seq.items
    names = {key(name) for name, _ in known}
    if len(names) == len(known) > 1:
        return {key(name): value for name, value in known}
    if len(names) == 1:
        return tuple(value for _, value in known)
    return seq.items


def unpaired(
    ones: Sequence[Node], others: Sequence[Node], mark: object
) -> tuple[list[Node], list[Node]]:
    """Both without the items whose marks pair up."""
    assert callable(mark)
    marks = [[mark(item) for item in items] for items in (ones, others)]
    shared = Counter(marks[0]) & Counter(marks[1])
    shared.pop("", None)
    rest: list[list[Node]] = []
    for items, found in zip((ones, others), marks, strict=True):
        left = Counter(shared)
        kept = []
        for item, name in zip(items, found, strict=True):
            if left[name] > 0:
                left[name] -= 1
            else:
                kept.append(item)
        rest.append(kept)
    return rest[0], rest[1]


def rows_of(node: Node) -> list[tuple[Node, ...]] | None:
    if isinstance(node, Matrix):
        return list(node.rows)
    if isinstance(node, Seq) and node.ordered:
        inner = [item for item in node.items if isinstance(item, Seq) and item.ordered]
        if inner and len(inner) == len(node.items):
            return [item.items for item in inner]
        return [node.items]
    return None


def thin(rows: Sequence[tuple[Node, ...]]) -> bool:
    return all(len(row) == 1 for row in rows)
