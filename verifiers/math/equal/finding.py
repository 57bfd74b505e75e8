"""The outcome of a comparison, and small rewritings that all comparisons share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..reader.nodes import (
    Big,
    Call,
    Joined,
    Matrix,
    Node,
    Power,
    Product,
    Ratio,
    Relation,
    Seq,
    Sum,
    Sym,
    negated,
    walk,
)

__all__ = ["DIFFERENT", "Finding", "difference", "replaced", "symbols"]


@dataclass(frozen=True, slots=True)
class Finding:
    """``equal`` is None where no stage could say."""

    equal: bool | None
    stage: str
    reason: str

    def __bool__(self) -> bool:
        return self.equal is True


def DIFFERENT(reason: str) -> Finding:  # noqa: N802 - reads as the outcome it is
    return Finding(False, "structure", reason)


def symbols(node: Node) -> set[str]:
    return {n.name for n in walk(node) if isinstance(n, Sym)}


def difference(one: Node, other: Node) -> Node:
    return Sum((one, negated(other)))


def replaced(node: Node, by: Mapping[str, Node]) -> Node:
    """The tree with symbols exchanged."""
    match node:
        case Sym(name):
            return by.get(name, node)
        case Sum(terms):
            return Sum(tuple(replaced(t, by) for t in terms))
        case Product(factors):
            return Product(tuple(replaced(f, by) for f in factors))
        case Power(base, exponent):
            return Power(replaced(base, by), replaced(exponent, by))
        case Call(name, args):
            return Call(name, tuple(replaced(a, by) for a in args))
        case Big(kind, body, name, low, high):
            ends = [replaced(end, by) if end is not None else None for end in (low, high)]
            inner = {k: v for k, v in by.items() if k != name}
            return Big(kind, replaced(body, inner), name, ends[0], ends[1])
        case Relation(parts, operators):
            return Relation(tuple(replaced(p, by) for p in parts), operators)
        case Seq(left, right, items):
            return Seq(left, right, tuple(replaced(i, by) for i in items))
        case Joined(operator, parts):
            return Joined(operator, tuple(replaced(p, by) for p in parts))
        case Matrix(rows):
            return Matrix(tuple(tuple(replaced(c, by) for c in row) for row in rows))
        case Ratio(items, clock):
            return Ratio(tuple(replaced(i, by) for i in items), clock)
    return node
