"""Equations up to a factor, inequalities up to a positive factor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from ..reader.nodes import (
    EXPRESSIONS,
    MINUS_ONE,
    Call,
    Node,
    Num,
    Power,
    Product,
    Ratio,
    Relation,
    Sum,
    Sym,
    negated,
    walk,
)
from ..zero import same_value
from ..zero.exact import exact
from .finding import DIFFERENT, Finding, difference, replaced, symbols

__all__ = ["affine", "named", "same_relation", "same_solutions", "singles"]

TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "=", "!=": "!="}


def named(node: Node) -> tuple[Node, Node] | None:
    """Name and value of ``x = value``, ``f(x) = value``, ``value = x``, ``x in S``."""
    if not isinstance(node, Relation) or set(node.operators) - {"=", "in"}:
        return None
    left, right = node.parts[0], node.parts[-1]
    if _is_name(left) and not (isinstance(left, Sym) and left.name in _inside(right)):
        return left, right
    if len(node.parts) == 2 and node.operators == ("=",):
        if isinstance(right, Sym) and right.name not in symbols(left):
            return right, left
        if _is_segment(left) and not symbols(right):
            return left, right
    return None


def _is_segment(node: Node) -> bool:
    """``AB``, ``|AB|``, ``AB/CD``, ``A:B``: what only capital letters name is no equation."""
    if isinstance(node, Product | Power | Ratio) or (isinstance(node, Call) and node.name == "abs"):
        plain = all(isinstance(n, Product | Power | Ratio | Call | Sym | Num) for n in walk(node))
        powers = [n.exponent for n in walk(node) if isinstance(n, Power)]
        names = symbols(node)
        capital = all(name[0].isupper() for name in names)
        return plain and bool(names) and capital and all(p == Num(-1) for p in powers)
    return False


def _inside(node: Node) -> set[str]:
    return symbols(node)


def _is_name(node: Node) -> bool:
    return isinstance(node, Sym) or (isinstance(node, Call) and node.name[0] == "@")


def singles(relation: Relation) -> list[Relation]:
    """A chain as its single relations."""
    parts, marks = relation.parts, relation.operators
    return [Relation((parts[n], parts[n + 1]), (mark,)) for n, mark in enumerate(marks)]


def same_relation(answer: Relation, truth: Relation) -> Finding:
    """Single relations. Chains are compared by their parts elsewhere."""
    (mark, left), (wanted, right) = _upward(answer), _upward(truth)
    if mark != wanted:
        return DIFFERENT(f"the relations differ: {mark} against {wanted}")
    if any(not isinstance(d, Sum) for d in (left, right)):
        return DIFFERENT("relations between different things")
    trivial = [same_value(d, Num(0)).equal for d in (left, right)]
    if True in trivial:
        return DIFFERENT("one holds for all values")
    scaled = _proportional(left, right)
    if scaled.equal is False and mark == "=":
        cleared = _proportional(_cleared(left), _cleared(right))
        return cleared or _solved(answer, left, truth, right) or scaled
    if scaled.equal is False and mark in (">", ">=", "!="):
        refuted = _refuted(answer, truth)
        return refuted if refuted is not None else Finding(None, "undecided", "not linear")
    if not scaled or mark in ("=", "!="):
        return scaled
    return _positive(left, right, scaled)


def _upward(relation: Relation) -> tuple[str, Node]:
    """Operator and difference, so that the operator is one of ``= != > >=``."""
    left, right = relation.parts
    mark = relation.operators[0]
    if mark in ("<", "<="):
        mark, left, right = TURNED[mark], right, left
    return mark, difference(left, right)


def _proportional(one: Node, other: Node) -> Finding:
    """Whether one is a constant times the other: one(x) other(y) = one(y) other(x)."""
    names = symbols(one) | symbols(other)
    if not names or symbols(one) != symbols(other):
        return DIFFERENT("the relations are about different things")
    moved = {name: Sym(f"{name}~") for name in names}
    zero = same_value(
        Product((one, replaced(other, moved))), Product((other, replaced(one, moved)))
    )
    reason = "equal up to a factor" if zero.equal else "no factor makes the sides equal"
    return Finding(zero.equal, zero.stage, reason)


def _cleared(node: Node) -> Node:
    """An expression times its denominators that hold symbols."""
    below = list(_denominators(node))
    return Product((node, *dict.fromkeys(below))) if below else node


def _denominators(node: Node) -> Iterator[Node]:
    match node:
        case Sum(parts) | Product(parts):
            for part in parts:
                yield from _denominators(part)
        case Power(base, exponent) if exponent == MINUS_ONE and symbols(base):
            yield base


_GRID = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5, 7, -7, 10, -10, 13, -13, 20, -20, 50, -50)


def _refuted(answer: Relation, truth: Relation) -> Finding | None:
    """A point where one holds and the other does not; None where none was found."""
    names = sorted(symbols(answer) | symbols(truth))
    if len(names) != 1 or symbols(answer) != symbols(truth):
        return DIFFERENT("no factor makes the sides equal") if len(names) > 1 else None
    for step in _GRID:
        for n in (step, Fraction(step) + Fraction(1, 3)):
            at = {names[0]: Num(n)}
            held = [_holds(relation, at) for relation in (answer, truth)]
            if None not in held and held[0] != held[1]:
                return DIFFERENT(f"at {names[0]} = {n} only one of them holds")
    return None


def _holds(relation: Relation, at: Mapping[str, Node]) -> bool | None:
    left, right = (replaced(part, at) for part in relation.parts)
    same = same_value(left, right)
    if same.equal is None:
        return None
    mark = relation.operators[0]
    if same.equal:
        return mark in ("<=", ">=", "=")
    if mark in ("=", "!="):
        return mark == "!="
    sign = _sign(difference(left, right))
    return None if sign is None else (sign > 0) == (mark[0] == ">")


def _sign(node: Node) -> int | None:
    """Of a closed expression; None where it has no real value."""
    if (value := exact(node)) is not None:
        return (value > 0) - (value < 0)
    from ..zero.balls import Undefined, Unsupported, evaluate, precision

    try:
        with precision(128):
            ball = evaluate(node, {}, real=True)
            return 1 if ball > 0 else -1 if ball < 0 else None
    except (Undefined, Unsupported, ValueError, ArithmeticError, KeyError):
        return None


def same_solutions(cases: Sequence[Node], equation: Relation, *, either: bool) -> Finding | None:
    """``x = 2 or x = 3`` against ``x^2 - 5x + 6 = 0``. None where that is not what they are.

    ``either``: "or" is written between the cases; else they must be about one unknown.
    """
    if equation.operators != ("=",) or not 2 <= len(cases) <= 12:
        return None
    factors = []
    for case in cases:
        if not isinstance(case, Relation) or case.operators != ("=",):
            return None
        factors.append(difference(*case.parts))
    names: set[str] = set().union(*map(symbols, factors))
    if (len(names) > 1 and not either) or names != symbols(equation):
        return None
    if not all(isinstance(part, EXPRESSIONS) for case in cases for part in _sides(case)):
        return None
    return _proportional(Product(tuple(factors)), difference(*equation.parts))


def _sides(node: Node) -> tuple[Node, ...]:
    return node.parts if isinstance(node, Relation) else (node,)


def _positive(one: Node, other: Node, scaled: Finding) -> Finding:
    from ..zero.balls import Undefined, Unsupported, evaluate, precision
    from ..zero.deciding import real_points

    try:
        with precision(128):
            for at in real_points(sorted(symbols(one) | symbols(other))):
                try:
                    ratio = evaluate(one, at, real=True) / evaluate(other, at, real=True)
                except Undefined:
                    continue
                if ratio > 0:
                    return scaled
                if ratio < 0:
                    return DIFFERENT("the inequalities point in opposite directions")
    except (Unsupported, KeyError, ValueError, ArithmeticError):
        pass
    return Finding(None, "undecided", "the sign of the factor is not known")


def _solved(answer: Relation, left: Node, truth: Relation, right: Node) -> Finding | None:
    """``y = f(x)`` against an equation that is linear in y and solved by f."""
    for relation, equation in ((truth, left), (answer, right)):
        found = named(relation)
        if (
            found is None
            or not isinstance(found[0], Sym)
            or any(isinstance(n, Call) and n.name[0] == "@" for n in walk(equation))
        ):
            continue
        name, value = found[0].name, found[1]
        if name not in symbols(equation) or not _linear_in(equation, name):
            continue
        if _has_other_solutions(equation, name, value):
            continue
        if same_value(replaced(equation, {name: value}), Num(0)).equal:
            return Finding(True, "structure", f"both give the same {name}")
    return None


def _linear_in(node: Node, name: str) -> bool:
    u = Sym(f"{name}~")
    at = [replaced(node, {name: v}) for v in (Num(0), u, Product((Num(2), u)), Num(1))]
    bent = same_value(Sum((at[2], at[0])), Product((Num(2), at[1])))
    if bent.equal is not True or same_value(at[3], at[0]).equal is not False:
        return False
    if not any(isinstance(n, Call) for n in walk(node)):
        return True
    opposite = replaced(node, {name: negated(u)})  # |u| is linear on either side of zero
    return same_value(Sum((at[1], opposite)), Product((Num(2), at[0]))).equal is True


def _has_other_solutions(equation: Node, name: str, value: Node) -> bool:
    """Whether the factor of the name may vanish while its value stays finite: ``a x = a y``."""
    at = [replaced(equation, {name: Num(n)}) for n in (0, 1)]
    factor = difference(at[1], at[0])
    for other in symbols(equation) - {name}:
        zero = {other: Num(0)}
        if same_value(replaced(factor, zero), Num(0)).equal and _is_finite(replaced(value, zero)):
            return True
    return False


def _is_finite(node: Node) -> bool:
    """Whether an expression has a value somewhere: ``same_value`` takes equal trees as equal."""
    return same_value(node, Sum((node, Num(1)))).equal is False


def affine(node: Node, name: str) -> tuple[Node, Node] | None:
    """``(a, b)`` of ``a x + b``, exact, for an expression in one symbol."""
    if symbols(node) != {name}:
        return None
    values = [exact(replaced(node, {name: Num(n)})) for n in (0, 1, 2, 5)]
    if any(v is None for v in values):
        return _with_roots(node, name)
    b, one, two, five = (v for v in values if v is not None)
    a = one - b
    if a == 0 or two != 2 * a + b or five != 5 * a + b:
        return None
    return Num(a), Num(b)


def _with_roots(node: Node, name: str) -> tuple[Node, Node] | None:
    """``x - end`` with an end that is no rational number."""
    if not isinstance(node, Sum) or len(node.terms) != 2:
        return None
    one, other = node.terms
    if one == Sym(name) and not symbols(other):
        return Num(1), other
    minus = negated(Sym(name))
    if other == minus and not symbols(one):
        return Num(-1), one
    return None


def root_of(slope: Node, offset: Node) -> Node:
    """Where ``slope x + offset`` is zero."""
    a, b = exact(slope), exact(offset)
    if a is not None and b is not None:
        return Num(-Fraction(b) / Fraction(a))
    if slope == Num(1):
        if isinstance(offset, Product) and offset.factors[0] == Num(-1):
            rest = offset.factors[1:]
            return rest[0] if len(rest) == 1 else Product(rest)
        return negated(offset)
    return offset if slope == Num(-1) else Product((negated(offset), Power(slope, Num(-1))))
