"""Sets of numbers in one form: intervals, unions, inequalities, set-builder notation.

A set is a list of pieces in no order; a piece is ``(left, low, high, right)`` with a bracket and
an end on each side. Not covered: intersections other than of two inequalities, sets whose ends
are not plain expressions, inequalities that are not linear in one symbol.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from ..reader.nodes import (
    Builder,
    Call,
    Const,
    Joined,
    Node,
    Num,
    Relation,
    Seq,
    Sym,
    negated,
    walk,
)
from .finding import difference, symbols
from .relations import affine, root_of, singles
from .values import number_of

__all__ = ["Piece", "pieces_of"]

_INFINITY = Const("inf")
_LEAST = negated(_INFINITY)


@dataclass(frozen=True, slots=True)
class Piece:
    left: str
    low: Node
    high: Node
    right: str


def pieces_of(node: Node) -> list[Piece] | None:
    """The pieces of a set; None for what is no set of this kind."""
    pieces = _pieces(node)
    return _merged(pieces) if pieces is not None else None


def _pieces(node: Node) -> list[Piece] | None:
    match node:
        case Seq("(" | "[" as left, ")" | "]" as right, (low, high)):
            return [Piece(left, low, high, right)]
        case Seq("\\{", "\\}", items):
            return [Piece("[", item, item, "]") for item in items]
        case Const("reals"):
            return [Piece("(", _LEAST, _INFINITY, ")")]
        case Const("empty"):
            return []
        case Joined("cup", parts):
            sets = [Seq("\\{", "\\}", (p,)) if isinstance(p, Num | Sym) else p for p in parts]
            found = [_pieces(part) for part in sets]
            known = [piece for pieces in found if pieces is not None for piece in pieces]
            return known if None not in found else None
        case Joined("minus", (Const("reals"), Seq("\\{", "\\}", items))):
            return _without(list(items))
        case Builder(element, condition):
            if isinstance(element, Relation) and element.operators == ("in",):
                element = element.parts[0]
            return _pieces(condition) if isinstance(element, Sym) else None
        case Relation():
            return _of_relation(node)
        case Seq("", _, items) if all(isinstance(item, Relation) for item in items):
            return _of_relations([item for item in items if isinstance(item, Relation)])
    return None


def _of_relations(relations: list[Relation]) -> list[Piece] | None:
    if all(r.operators == ("!=",) for r in relations):
        return _without([r.parts[1] for r in relations])
    names: set[str] = set().union(*(symbols(r) for r in relations))
    if len(names) != 1:
        return None
    found = [_of_relation(r) for r in relations]
    known = [piece for pieces in found if pieces is not None for piece in pieces]
    if None in found:
        return None
    if len(known) == 2 and (both := _overlap(known[0], known[1])):
        return both
    return known


def _overlap(one: Piece, other: Piece) -> list[Piece] | None:
    """``x > 1`` with ``x < 3``: together they say everything, so "and" was meant."""
    if one.low != _LEAST:
        one, other = other, one
    if one.low != _LEAST or other.high != _INFINITY or one.high == _INFINITY:
        return None
    low, high = number_of(other.low), number_of(one.high)
    if low is None or high is None or low >= high:
        return None
    return [Piece(other.left, other.low, one.high, one.right)]


def _of_relation(relation: Relation) -> list[Piece] | None:
    if relation.operators == ("in",):
        return _pieces(relation.parts[1])
    parts = [_of_single(single) for single in singles(relation)]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not known:
        return None
    if len(known) == 1:
        return known[0]
    if len(known) == 2 and len(known[0]) == len(known[1]) == 1:
        return _chained(known[0][0], known[1][0])
    return None


def _chained(one: Piece, other: Piece) -> list[Piece] | None:
    if one.high != _INFINITY:
        one, other = other, one
    if one.high != _INFINITY or other.low != _LEAST:
        return None
    return [Piece(one.left, one.low, other.high, other.right)]


def _of_single(relation: Relation) -> list[Piece] | None:
    mark = relation.operators[0]
    left, right = relation.parts
    names = symbols(relation)
    if mark not in ("<", "<=", ">", ">=", "!=", "=") or (
        len(names) != 1 and not (_unknown(left) or _unknown(right))
    ):
        return None
    if _unknown(left) and left not in walk(right):
        return _half(mark, right)
    if isinstance(left, Call) and left.name == "abs":
        return _around_zero(mark, left.args[0], right)
    if _unknown(right) and right not in walk(left):
        return _half({"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(mark, mark), left)
    if len(names) != 1:
        return None
    line = affine(difference(left, right), next(iter(names)))
    if line is None:
        return None
    slope = number_of(line[0])
    if slope is None or slope == 0:
        return None
    if slope < 0:
        mark = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(mark, mark)
    return _half(mark, root_of(*line))


def _unknown(node: Node) -> bool:
    return isinstance(node, Sym) or (isinstance(node, Call) and node.name[0] == "@")


def _around_zero(mark: str, inside: Node, bound: Node) -> list[Piece] | None:
    """``|x| < 2`` and ``|x| > 2``, for a single symbol and a positive bound."""
    size = number_of(bound)
    if not isinstance(inside, Sym) or size is None or size <= 0:
        return None
    low = Num(-size) if isinstance(bound, Num) else negated(bound)
    closed = "=" in mark
    match mark[0]:
        case "<":
            return [Piece("[" if closed else "(", low, bound, "]" if closed else ")")]
        case ">":
            left = Piece("(", _LEAST, low, "]" if closed else ")")
            return [left, Piece("[" if closed else "(", bound, _INFINITY, ")")]
    return None


def _half(mark: str, end: Node) -> list[Piece] | None:
    match mark:
        case "<" | "<=":
            return [Piece("(", _LEAST, end, ")" if mark == "<" else "]")]
        case ">" | ">=":
            return [Piece("(" if mark == ">" else "[", end, _INFINITY, ")")]
        case "!=":
            return _without([end])
    return [Piece("[", end, end, "]")]


def _without(points: list[Node]) -> list[Piece] | None:
    """The real line without points."""
    if len(points) == 1:
        return [Piece("(", _LEAST, points[0], ")"), Piece("(", points[0], _INFINITY, ")")]
    values = [number_of(point) for point in points]
    if any(value is None for value in values):
        return None
    ordered = [p for _, p in sorted(zip(values, points, strict=True), key=lambda vp: vp[0] or 0)]
    ends = [_LEAST, *ordered, _INFINITY]
    return [Piece("(", low, high, ")") for low, high in pairwise(ends)]


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbours that touch in an end that one of them holds are one."""
    placed = [(_place(p.low, p.left), _place(p.high, p.right), p) for p in pieces]
    if len(pieces) < 2 or any(a is None or b is None for a, b, _ in placed):
        return pieces
    out: list[Piece] = []
    for _, _, piece in sorted(placed, key=lambda abp: abp[0] or (0, 0)):
        last = out[-1] if out else None
        if (
            last is not None
            and number_of(last.high) is not None
            and number_of(last.high) == number_of(piece.low)
            and (last.right == "]" or piece.left == "[")
        ):
            out[-1] = Piece(last.left, last.low, piece.high, piece.right)
        else:
            out.append(piece)
    return out


def _place(end: Node, bracket: str) -> tuple[Fraction | int, int] | None:
    if end in (_INFINITY, _LEAST):
        return (10**400 if end == _INFINITY else -(10**400), 0)
    value = number_of(end)
    return None if value is None else (value, bracket == "(")


def ends(piece: Piece) -> Seq:
    """A piece as an interval again, with infinite ends open."""
    left = "(" if piece.low == _LEAST else piece.left
    right = ")" if piece.high in (_INFINITY, Num(0)) and piece.high == _INFINITY else piece.right
    return Seq(left, right, (piece.low, piece.high))
