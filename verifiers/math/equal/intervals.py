"""Sets of numbers in one form: intervals, unions, inequalities, set-builder notation.

A set is a list of pieces; a piece is ``(left, low, high, right)`` with a bracket and an end on each
side. Unions, intersections and conditions joined by words are worked out where the ends are
numbers. Not covered: inequalities that are not linear in one symbol.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias

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
_MAX_PAIRS = 10_000


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
        case Joined(operator, parts):
            return _of_joined(operator, parts)
        case Builder(element, condition):
            domain: Node = Const("reals")
            if isinstance(element, Relation) and element.operators == ("in",):
                element, domain = element.parts
            inside = _pieces(condition) if isinstance(element, Sym) else None
            return _within(inside, domain) if inside is not None else None
        case Relation():
            return _of_relation(node)
        case Seq("", word, items) if all(map(_is_condition, items)):
            return _of_conditions(items, word)
    return None


def _of_joined(operator: str, parts: tuple[Node, ...]) -> list[Piece] | None:
    if operator == "cup":
        sets = [Seq("\\{", "\\}", (p,)) if isinstance(p, Num | Sym) else p for p in parts]
        found = [_pieces(part) for part in sets]
        known = [piece for pieces in found if pieces is not None for piece in pieces]
        return known if None not in found else None
    if operator == "cap":
        met = [_pieces(part) for part in parts]
        return _all_of([pieces for pieces in met if pieces is not None], len(parts))
    whole, *taken = parts
    if whole == Const("reals") and len(taken) == 1:
        points = taken[0]
        if isinstance(points, Seq) and points.left == "\\{":
            return _without(list(points.items))
    left = [_pieces(whole), *(_complement(part) for part in taken)]
    return _all_of([pieces for pieces in left if pieces is not None], len(left))


def _complement(node: Node) -> list[Piece] | None:
    """The real numbers outside a set."""
    pieces = _pieces(node)
    if pieces is None:
        return None
    outside = [
        [
            Piece("(", _LEAST, piece.low, ")" if piece.left == "[" else "]"),
            Piece("(" if piece.right == "]" else "[", piece.high, _INFINITY, ")"),
        ]
        for piece in pieces
    ]
    return _all_of(outside, len(outside)) if outside else _pieces(Const("reals"))


_MAX_INTEGERS = 2000


def _within(pieces: list[Piece], domain: Node) -> list[Piece] | None:
    """The part of a set in a domain of numbers; the integers of a bounded set one by one."""
    if domain == Const("reals"):
        return pieces
    if domain not in (Const("integers"), Const("naturals")):
        return None
    points: list[Piece] = []
    for piece in pieces:
        low, high = _end(piece.low), _end(piece.high)
        if low is None or high is None or not 0 <= high - low < _MAX_INTEGERS:
            return None
        first, last = math.ceil(low), math.floor(high)
        numbers = range(
            first + (first == low and piece.left == "("),
            last + 1 - (last == high and piece.right == ")"),
        )
        points.extend(
            Piece("[", Num(n), Num(n), "]") for n in numbers if n > 0 or domain == Const("integers")
        )
    return points


def _is_condition(node: Node) -> bool:
    return isinstance(node, Relation) or (isinstance(node, Seq) and node.right in ("and", "or"))


def _of_conditions(conditions: tuple[Node, ...], word: str) -> list[Piece] | None:
    """``word`` joins them; without one, commas mean "and" only where that is plain."""
    excluded = [c.parts[1] for c in conditions if isinstance(c, Relation) and _excludes(c)]
    if len(excluded) == len(conditions):
        return _without(excluded)
    names: set[str] = set().union(*(symbols(c) for c in conditions))
    if len(names) != 1:
        return None
    found = [_pieces(condition) for condition in conditions]
    known = [pieces for pieces in found if pieces is not None]
    if word == "and" or (excluded and word != "or"):
        return _all_of(known, len(conditions))
    if len(known) < len(found):
        return None
    flat = [piece for pieces in known for piece in pieces]
    if word != "or" and len(flat) == 2 and (both := _overlap(flat[0], flat[1])):
        return both
    return flat


def _excludes(relation: Relation) -> bool:
    return relation.operators == ("!=",)


def _all_of(sets: list[list[Piece]], count: int) -> list[Piece] | None:
    """What is in every set; None where fewer than ``count`` of them could be read."""
    if len(sets) < count or not sets:
        return None
    out = sets[0]
    for other in sets[1:]:
        if len(out) * len(other) > _MAX_PAIRS:
            return None
        shared = [_shared(p, q) for p in out for q in other]
        if None in shared:
            return None
        out = [piece for pieces in shared if pieces is not None for piece in pieces]
    return out


def _shared(one: Piece, other: Piece) -> list[Piece] | None:
    """The piece in both, or none; None where their ends cannot be put in order."""
    lows, highs = (_low(one), _low(other)), (_high(one), _high(other))
    if lows[0] is None or lows[1] is None or highs[0] is None or highs[1] is None:
        return None
    from_one, to_one = lows[0] >= lows[1], highs[0] <= highs[1]
    start, stop = (one if from_one else other), (one if to_one else other)
    low, high = max(lows[0], lows[1]), min(highs[0], highs[1])
    if low[0] > high[0] or (low[0] == high[0] and (low[1], high[1]) != (0, 0)):
        return []
    return [Piece(start.left, start.low, stop.high, stop.right)]


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
    """In order, and those that overlap or touch as one."""
    placed = [(low, piece) for piece in pieces if (low := _low(piece)) is not None]
    if len(pieces) < 2 or len(placed) < len(pieces) or None in map(_high, pieces):
        return pieces
    out: list[Piece] = []
    for low, piece in sorted(placed, key=lambda pair: pair[0]):
        stop = _high(out[-1]) if out else None
        if stop is None or low[0] > stop[0] or (low[0] == stop[0] and low[1] > stop[1] + 1):
            out.append(piece)
            continue
        last, high = out[-1], _high(piece)
        if high is not None and high > stop:
            out[-1] = Piece(last.left, last.low, piece.high, piece.right)
    return out


Place: TypeAlias = tuple[Fraction | int, int]
"""Where an end is: its value, and on which side of it the set begins or stops."""


def _low(piece: Piece) -> Place | None:
    value = _end(piece.low)
    return None if value is None else (value, int(piece.left == "("))


def _high(piece: Piece) -> Place | None:
    value = _end(piece.high)
    return None if value is None else (value, -int(piece.right == ")"))


def _end(end: Node) -> Fraction | int | None:
    if end in (_INFINITY, _LEAST):
        return 10**400 if end == _INFINITY else -(10**400)
    return number_of(end)


def ends(piece: Piece) -> Seq:
    """A piece as an interval again, with infinite ends open."""
    left = "(" if piece.low == _LEAST else piece.left
    right = ")" if piece.high in (_INFINITY, Num(0)) and piece.high == _INFINITY else piece.right
    return Seq(left, right, (piece.low, piece.high))
