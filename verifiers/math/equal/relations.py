"""Equations up to a factor, inequalities up to a positive factor."""

from __future__ import annotations

from ..reader.nodes import (
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

__all__ = ["affine", "named", "same_relation", "singles"]

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
        return _solved(answer, left, truth, right) or scaled
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
        if same_value(replaced(equation, {name: value}), Num(0)).equal:
            return Finding(True, "structure", f"both give the same {name}")
    return None


def _linear_in(node: Node, name: str) -> bool:
    u = Sym(f"{name}~")
    at = [replaced(node, {name: v}) for v in (Num(0), u, Product((Num(2), u)), Num(1))]
    bent = same_value(Sum((at[2], at[0])), Product((Num(2), at[1])))
    return bent.equal is True and same_value(at[3], at[0]).equal is False


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
        from fractions import Fraction

        return Num(-Fraction(b) / Fraction(a))
    if slope == Num(1):
        if isinstance(offset, Product) and offset.factors[0] == Num(-1):
            rest = offset.factors[1:]
            return rest[0] if len(rest) == 1 else Product(rest)
        return negated(offset)
    return offset if slope == Num(-1) else Product((negated(offset), Power(slope, Num(-1))))
