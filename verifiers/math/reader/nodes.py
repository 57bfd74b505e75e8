"""The types of an answer's tree. All are frozen and hashable.

Expressions: ``Num``, ``Sym``, ``Const``, ``Sum``, ``Product``, ``Power``, ``Call``, ``Big``,
``Unit``. Around them: ``Relation``, ``Seq`` (tuple, interval, set, list), ``Joined`` (union and
the like), ``Builder`` (set-builder notation), ``Matrix``, ``Ratio`` (also times of day), ``Text``.
Quotients are products with a power of -1; percent is a factor 1/100; plus-minus is ``Call("pm")``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TypeAlias, Union


class Unreadable(Exception):  # noqa: N818 - not an error: the text is no mathematics we read
    """The text is outside the grammar or its budgets; says why."""


@dataclass(frozen=True, slots=True)
class Num:
    value: int | Fraction
    digits: int = -1
    """Significant digits, for a number written as a decimal; -1 for any other."""
    places: int = 0
    """Digits after the point, for a decimal."""


@dataclass(frozen=True, slots=True)
class Sym:
    name: str


@dataclass(frozen=True, slots=True)
class Const:
    """``pi e i inf deg`` (pi/180), the sets ``reals integers naturals rationals empty``."""

    name: str


@dataclass(frozen=True, slots=True)
class Sum:
    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Product:
    factors: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Power:
    base: Node
    exponent: Node


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Big:
    """A sum, product, integral or limit: an operation over a variable."""

    kind: str
    body: Node
    name: str
    low: Node | None
    high: Node | None


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit or a counted noun. ``dims`` pairs dimensions with exponents; a noun is its own."""

    word: str
    factor: Fraction
    dims: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """``parts[0] operators[0] parts[1] ...``: one relation or a chain."""

    parts: tuple[Node, ...]
    operators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seq:
    """Items between brackets; ``left`` and ``right`` are empty for a bare list."""

    left: str
    right: str
    items: tuple[Node, ...]

    @property
    def ordered(self) -> bool:
        return self.left in ("(", "[")


@dataclass(frozen=True, slots=True)
class Joined:
    operator: str
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Builder:
    """``{ element | condition }``."""

    element: Node
    condition: Node


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Node, ...], ...]


@dataclass(frozen=True, slots=True)
class Ratio:
    items: tuple[Node, ...]
    clock: str = ""
    """As written, where it may be a time of day ("12:30")."""


@dataclass(frozen=True, slots=True)
class Text:
    words: str


Node: TypeAlias = Union[  # noqa: UP007 - the names are used before they are defined
    Num, Sym, Const, Sum, Product, Power, Call, Big, Unit, Relation, Seq, Joined, Builder,
    Matrix, Ratio, Text,
]  # fmt: skip

EXPRESSIONS = (Num, Sym, Const, Sum, Product, Power, Call, Big, Unit)
MINUS_ONE = Num(-1)


def words_of(text: str, separator: str = " ") -> frozenset[str]:
    """A set of words, written as one text."""
    return frozenset(text.split(separator))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below."""
    match node:
        case Sum(terms):
            return terms
        case Product(factors):
            return factors
        case Power(base, exponent):
            return base, exponent
        case Call(_, args):
            return args
        case Big(_, body, _, low, high):
            return tuple(part for part in (body, low, high) if part is not None)
        case Relation(parts, _) | Joined(_, parts):
            return parts
        case Seq(_, _, items) | Ratio(items, _):
            return items
        case Builder(element, condition):
            return element, condition
        case Matrix(rows):
            return tuple(cell for row in rows for cell in row)
    return ()


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(children(top))


def negated(node: Node) -> Node:
    if isinstance(node, Num):
        return Num(-node.value, node.digits, node.places)
    return product(MINUS_ONE, node)


def quotient(above: Node, below: Node) -> Node:
    if isinstance(above, Num) and isinstance(below, Num) and below.value:
        return Num(Fraction(above.value) / Fraction(below.value))
    return Product((above, Power(below, MINUS_ONE)))


def product(*factors: Node) -> Node:
    flat: list[Node] = []
    for factor in factors:
        flat.extend(factor.factors if isinstance(factor, Product) else (factor,))
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


@lru_cache(maxsize=2048)
def key(node: Node) -> str:
    """A canonical spelling: equal keys, equal trees. Sums, products and sets are put in order."""
    match node:
        case Num(value):
            return _digits(value)
        case Sym(name):
            return name
        case Sum(terms):
            return "(" + "+".join(sorted(map(key, terms))) + ")"
        case Product(factors):
            return "(" + "*".join(sorted(map(key, factors))) + ")"
        case Seq(left, right, items):
            parts = [key(item) for item in items]
            kept = parts if node.ordered else sorted(parts)
            if right in ("and", "or"):
                return f" {right} ".join(f"({part})" if " or " in part else part for part in kept)
            return f"{left}{','.join(kept)}{right}"
        case Const(name):
            return f"\\{name}"
        case Unit(word):
            return f"<{word}>"
        case Text(words):
            return repr(words)
        case Call(name, args):
            return f"{name}[{','.join(map(key, args))}]"
    return _rare_key(node)


def _digits(value: int | Fraction) -> str:
    """In hexadecimal where ``str`` would refuse."""
    long = max(value.numerator.bit_length(), value.denominator.bit_length()) > 14_000
    return f"{value.numerator:x}/{value.denominator:x}" if long else str(value)


def _rare_key(node: Node) -> str:
    if isinstance(node, Big):
        ends = [key(end) if end is not None else "" for end in (node.low, node.high)]
        return f"{node.kind}[{node.name},{ends[0]},{ends[1]},{key(node.body)}]"
    if isinstance(node, Relation):
        marks = (*node.operators, "")
        return "".join(f"{key(p)} {o} " for p, o in zip(node.parts, marks, strict=True)).rstrip()
    if isinstance(node, Matrix):
        return "[" + ";".join(",".join(map(key, row)) for row in node.rows) + "]"
    mark = {"Power": "^", "Ratio": ":"}.get(type(node).__name__, type(node).__name__)
    if isinstance(node, Joined):
        mark = node.operator
    return f"({mark.join(map(key, children(node)))})"
