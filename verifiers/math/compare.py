"""Whether two answers are the same mathematics: shapes first, then values.

Policies: tuples and intervals keep order and bracket kinds; sets and bare lists do not. A bare
value equals ``x = value``; an equation equals another when both sides differ by one non-zero
factor, an inequality likewise with the sign of the factor.

Values are compared as sympy objects, then at 50 digits: numbers directly, expressions at fixed
points of several magnitudes and signs. One clear difference is a proof of "no"; agreement at all
points is "yes". Not covered: identities that hold only for positive arguments, +C, units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .normalise import normalise
from .number import read_number
from .parse import Unreadable, parse
from .structure import Group, Leaf, Relation, Shape, Union

__all__ = ["same"]

DIGITS = 50
_AGREE = 35
"""Significant digits that must agree."""
_POINTS = (
    ("0.7390851332", "-1.3247179572", "2.6651441427"),
    ("-0.5671432904", "0.2614972128", "-3.3598856662"),
    ("5.2469795137", "-0.0912318753", "1.7052111401"),
    ("-7.1819339851", "3.6180339887", "0.1728391827"),
    ("0.0134251783", "11.9281837161", "-0.6434105463"),
)
"""Arbitrary decimals, different for each variable in turn."""
_MAX_VARIABLES = 12


def same(one: Shape, other: Shape) -> bool:
    """Whether two shapes are equal. Raises ``Unreadable`` where that rests on an unread leaf."""
    one, other = _bare(one, other), _bare(other, one)
    if isinstance(one, Leaf) and isinstance(other, Leaf):
        return _same_leaves(one.text, other.text)
    if isinstance(one, Relation) and isinstance(other, Relation):
        return _same_relations(one, other)
    if isinstance(one, Union) and isinstance(other, Union):
        return _matched(one.parts, other.parts)
    if isinstance(one, Group) and isinstance(other, Group):
        return _same_groups(one, other)
    return False


def _bare(shape: Shape, beside: Shape) -> Shape:
    """``x = value`` as its value where the other side is bare."""
    if isinstance(shape, Relation) and shape.operator == "=" and not isinstance(beside, Relation):
        name = shape.left.text.partition("(")[0]
        if len(name.partition("_")[0]) == 1 and name[0].isalpha():
            return shape.right
    return shape


def _same_groups(one: Group, other: Group) -> bool:
    if one.ordered != other.ordered:
        return False
    if one.ordered:
        return (one.left, one.right, len(one.items)) == (
            other.left,
            other.right,
            len(other.items),
        ) and all(same(a, b) for a, b in zip(one.items, other.items, strict=True))
    return _matched(one.items, other.items)


def _matched(ones: Sequence[Shape], others: Sequence[Shape]) -> bool:
    """Whether the items pair up in some order. Equality is transitive: greedy pairing will do."""
    left = _rest(list(others), ones)
    ones = _rest(list(ones), others)
    if len(ones) != len(left) or len(ones) > 32:
        return False
    for item in ones:
        place = next((n for n, candidate in enumerate(left) if same(item, candidate)), None)
        if place is None:
            return False
        del left[place]
    return True


def _rest(items: list[Shape], others: Sequence[Shape]) -> list[Shape]:
    """Items without an identical twin on the other side."""
    twins = list(others)
    keys = {key: twins.count(key) for key in set(twins)} if len(twins) <= 200 else {}
    rest = []
    for item in items:
        if keys.get(item, 0) > 0:
            keys[item] -= 1
        else:
            rest.append(item)
    return rest


def _same_leaves(one: str, other: str) -> bool:
    one, other = (normalise(text).removesuffix("°") for text in (one, other))
    if one == other:
        return True
    a, b = read_number(one), read_number(other)
    if a is not None and b is not None:
        return a == b
    return _same_values(parse(one), parse(other))


def _same_values(a: Any, b: Any) -> bool:
    import sympy

    if a == b:
        return True
    if isinstance(a, sympy.MatrixBase) or isinstance(b, sympy.MatrixBase):
        return (
            isinstance(a, sympy.MatrixBase)
            and isinstance(b, sympy.MatrixBase)
            and a.shape == b.shape
            and all(_same_values(x, y) for x, y in zip(a.flat(), b.flat(), strict=True))
        )
    if isinstance(a, sympy.FiniteSet) and isinstance(b, sympy.FiniteSet):
        return len(a) == len(b) <= 32 and all(any(_same_values(x, y) for y in b) for x in a)
    if not (isinstance(a, sympy.Expr) and isinstance(b, sympy.Expr)):
        return False
    pairs = list(_values(a, b))
    return bool(pairs) and all(_close(x, y) for x, y in pairs)


def _same_relations(one: Relation, other: Relation) -> bool:
    """Equal up to a non-zero factor; a negative one turns an inequality round."""
    import sympy

    a, b = _difference(one), _difference(other)
    if a.free_symbols != b.free_symbols or not a.free_symbols:
        return False
    ratios = [x / y for x, y in _values(a, b) if not _close(y, sympy.Integer(0))]
    if len(ratios) < 3 or not all(_close(ratio, ratios[0]) for ratio in ratios):
        return False
    factor = ratios[0]
    if not factor.is_real or factor == 0:
        return False
    wanted = one.operator if factor > 0 else _TURNED[one.operator]
    return wanted == other.operator


_TURNED = {"=": "=", r"\neq": r"\neq", "<": ">", ">": "<", r"\leq": r"\geq", r"\geq": r"\leq"}


def _difference(relation: Relation) -> Any:
    import sympy

    left, right = parse(normalise(relation.left.text)), parse(normalise(relation.right.text))
    if not (isinstance(left, sympy.Expr) and isinstance(right, sympy.Expr)):
        raise Unreadable("a relation between things that are not expressions")
    return sympy.Add(left, sympy.Mul(-1, right, evaluate=False), evaluate=False)


def _values(a: Any, b: Any) -> Sequence[tuple[Any, Any]]:
    """Both at the same points, to ``DIGITS`` digits, without points outside either's domain."""
    import sympy

    names = sorted(a.free_symbols | b.free_symbols, key=str)
    if len(names) > _MAX_VARIABLES:
        raise Unreadable(f"more than {_MAX_VARIABLES} variables")
    pairs = []
    for point in _POINTS if names else _POINTS[:1]:
        at = {name: sympy.Float(point[n % 3], DIGITS) + n // 3 for n, name in enumerate(names)}
        try:
            x, y = a.evalf(DIGITS, subs=at), b.evalf(DIGITS, subs=at)
        except (ArithmeticError, ValueError, TypeError, AttributeError, NotImplementedError):
            continue
        if all(v.is_number and v.is_finite and not v.has(sympy.nan) for v in (x, y)):
            pairs.append((x, y))
    return pairs


def _close(x: Any, y: Any) -> bool:
    """Whether two 50-digit numbers agree in ``_AGREE`` digits of the larger."""
    if x == y:
        return True
    size = max(abs(x), abs(y))
    return bool(abs(x - y) <= size * 10**-_AGREE)
