"""Expressions: plus-minus, units, degrees, constants of integration, and the tolerance.

The tolerance is licensed by the ground truth alone. A decimal ground truth of three and more
digits is met by an exact expression that rounds to it; one of twelve and more (a float) by what
agrees in nine. An exact ground truth that no decimal can hold is met by a decimal good to 1e-9.
Every other difference is one.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from itertools import product as iterproduct

from ..reader.nodes import (
    Call,
    Const,
    Node,
    Num,
    Power,
    Product,
    Sum,
    Sym,
    Unit,
    negated,
    product,
    walk,
)
from ..zero import same_value
from ..zero.exact import exact
from .finding import DIFFERENT, Finding, difference, replaced, symbols

__all__ = ["expanded", "number_of", "same_expression", "without_unit"]

_RELATIVE = Fraction(1, 10**9)
_FLOAT = Fraction(1, 2**52)
_CONSTANTS = ("C", "c", "K", "k", "C_1", "c_1", "C_0", "c_0")


def same_expression(answer: Node, truth: Node, *, missing_unit: bool = True) -> Finding:
    """Whether two expressions are equal, units and constants of integration included."""
    a, b = without_unit(answer), without_unit(truth)
    if a is None or b is None:
        return DIFFERENT("a sum of different units")
    (value, factor, dims), (wanted, scale, wanted_dims) = a, b
    if dims and wanted_dims:
        if dims != wanted_dims:
            return DIFFERENT("the units differ in kind")
        return _same_numbers(_scaled(value, factor), _scaled(wanted, scale))
    both = all(any(isinstance(n, Unit) for n in walk(node)) for node in (answer, truth))
    if (dims or wanted_dims) and both:
        return DIFFERENT("the units differ in kind")
    if (dims or wanted_dims) and not missing_unit:
        return DIFFERENT("one has a unit, the other none")
    if not (dims or wanted_dims):
        value, wanted = _scaled(value, factor), _scaled(wanted, scale)
    if _has_degree(value) != _has_degree(wanted):
        if any(isinstance(n, Unit) for node in (answer, truth) for n in walk(node)):
            return _same_numbers(value, wanted)
        return _with_and_without_degree(value, wanted)
    return _constants(value, wanted) or _same_numbers(value, wanted)


def _scaled(value: Node, factor: Fraction) -> Node:
    return value if factor == 1 else product(Num(factor), value)


def without_unit(node: Node) -> tuple[Node, Fraction, tuple[tuple[str, int], ...]] | None:
    """Value, factor and dimensions. None for a sum of unlike units."""
    if not any(isinstance(n, Unit) for n in walk(node)):
        return node, Fraction(1), ()
    if isinstance(node, Sum):
        parts = [without_unit(term) for term in node.terms]
        known = [part for part in parts if part is not None]
        if len(known) < len(parts) or len({part[2] for part in known}) > 1:
            return None
        return Sum(tuple(_scaled(v, f) for v, f, _ in known)), Fraction(1), known[0][2]
    values: list[Node] = []
    factor, dims = Fraction(1), dict[str, int]()
    for part in node.factors if isinstance(node, Product) else (node,):
        unit, power = _unit_power(part)
        if unit is None and isinstance(part, Sum | Product):
            inner = without_unit(part)
            if inner is None:
                return None
            values.append(inner[0])
            factor *= inner[1]
            for dim, count in inner[2]:
                dims[dim] = dims.get(dim, 0) + count
            continue
        if unit is None:
            values.append(part)
            continue
        factor *= unit.factor**power
        for dim, count in unit.dims:
            dims[dim] = dims.get(dim, 0) + count * power
    kept = tuple(sorted((dim, count) for dim, count in dims.items() if count))
    return product(*values) if values else Num(1), factor, kept


def _unit_power(part: Node) -> tuple[Unit | None, int]:
    if isinstance(part, Unit):
        return part, 1
    if isinstance(part, Power):
        unit, power = _unit_power(part.base)
        exponent = exact(part.exponent)
        if unit is not None and exponent is not None and exponent.denominator == 1:
            whole = int(exponent)
            return (unit, power * whole) if -20 < whole < 20 else (None, 0)
    return None, 0


def _has_degree(node: Node) -> bool:
    factors = node.factors if isinstance(node, Product) else (node,)
    return Const("deg") in factors


def _with_and_without_degree(one: Node, other: Node) -> Finding:
    """90 for 90 degrees will do; so will pi/2."""
    found = _same_numbers(one, other)
    if found:
        return found
    if any(n == Const("pi") for node in (one, other) for n in walk(node)):
        return found
    bare = [replace_degree(node) for node in (one, other)]
    return _same_numbers(bare[0], bare[1])


def replace_degree(node: Node) -> Node:
    if isinstance(node, Product):
        return product(*(f for f in node.factors if f != Const("deg")), Num(1))
    return node


def _same_numbers(answer: Node, truth: Node) -> Finding:
    zero = same_value(answer, truth)
    if zero.equal is False and (licensed := _licensed(answer, truth)):
        return licensed
    return Finding(zero.equal, zero.stage, zero.reason)


# --- tolerance -------------------------------------------------------------------------------


def _licensed(answer: Node, truth: Node) -> Finding | None:
    given, wanted = _decimal(answer), _decimal(truth)
    if wanted is not None and 12 <= wanted.digits <= 17:
        tolerance = abs(Fraction(wanted.value)) * _RELATIVE
    elif wanted is not None and wanted.digits >= 3 and given is None and not _terminates(answer):
        tolerance = Fraction(1, 2 * 10**wanted.places)
    elif given is not None and wanted is None and _long_enough(given, truth):
        tolerance = Fraction(1, 2 * 10**given.places)
        if given.digits <= 17:  # as a float prints
            tolerance = max(tolerance, abs(Fraction(given.value)) * _FLOAT)
        tolerance = min(tolerance, abs(Fraction(given.value)) * _RELATIVE)
    else:
        return None
    distance = _distance(answer, truth)
    if distance is None or distance > tolerance:
        return None
    return Finding(True, "tolerance", "equal to the digits of the decimal")


def _long_enough(given: Num, truth: Node) -> bool:
    """Ten digits of a number without an end; thirteen of a fraction of large numbers."""
    value = exact(truth)
    digits = 13 if value is not None and value.denominator > 10_000 else 10
    return given.digits >= digits and not _terminates(truth)


def _decimal(node: Node) -> Num | None:
    if isinstance(node, Num) and node.digits >= 0:
        return node
    if isinstance(node, Product) and len(node.factors) == 2 and node.factors[0] == Num(-1):
        return _decimal(node.factors[1])
    return None


def _terminates(node: Node) -> bool:
    value = exact(node)
    if value is None:
        return False
    below = value.denominator
    for prime in (2, 5):
        while below % prime == 0:
            below //= prime
    return below == 1


def _distance(one: Node, other: Node) -> Fraction | None:
    values = [number_of(node) for node in (one, other)]
    if values[0] is None or values[1] is None:
        return None
    return abs(values[0] - values[1])


def number_of(node: Node) -> Fraction | None:
    """The value of a closed expression to 30 digits; None where it has no plain one."""
    value = exact(node)
    if value is not None:
        return Fraction(value)
    if any(isinstance(n, Sym) for n in walk(node)):
        return None
    from ..zero.balls import Undefined, Unsupported, evaluate, precision

    try:
        with precision(160):
            ball = evaluate(node, {}, real=True)
            if not ball.is_finite() or abs(ball) > 10**300:
                return None
            return Fraction(ball.mid().str(40, radius=False))
    except (Undefined, Unsupported, ValueError, ArithmeticError, KeyError):
        return None


# --- constants of integration ----------------------------------------------------------------


def _constants(answer: Node, truth: Node) -> Finding | None:
    """``+C`` stands for any constant; ``c_1, c_2`` may be numbered and spelt otherwise."""
    wanted, given = _constant_of(truth), _constant_of(answer)
    if wanted is not None and given is not None and len(symbols(truth)) > 1:
        rest = difference(_without_term(answer, given), _without_term(truth, wanted))
        rest = _without_bars(rest)
        moved = replaced(rest, {name: Sym(f"{name}~") for name in symbols(rest)})
        zero = same_value(rest, moved)
        reason = "equal up to the constant" if zero.equal else zero.reason
        return Finding(zero.equal, zero.stage, reason)
    return _numbered(answer, truth) or _one_constant(answer, truth)


def _without_bars(node: Node) -> Node:
    """``|u|`` as the root of ``u^2``: here it says nothing about where ``u`` is defined."""
    match node:
        case Call("abs", (inside,)):
            return Power(Power(_without_bars(inside), Num(2)), Num(Fraction(1, 2)))
        case Sum(terms):
            return Sum(tuple(map(_without_bars, terms)))
        case Product(factors):
            return Product(tuple(map(_without_bars, factors)))
        case Call(name, args):
            return Call(name, tuple(map(_without_bars, args)))
        case Power(base, exponent):
            return Power(_without_bars(base), _without_bars(exponent))
    return node


def _one_constant(answer: Node, truth: Node) -> Finding | None:
    """``C e^x`` by another letter."""
    given, wanted = symbols(answer), symbols(truth)
    mine, other = given - wanted, wanted - given
    if len(mine) != 1 or len(other) != 1 or not given & wanted:
        return None
    old, new = mine.pop(), other.pop()
    if old not in (*_CONSTANTS, "A") or new not in (*_CONSTANTS, "A"):
        return None
    zero = same_value(replaced(answer, {old: Sym(new)}), truth)
    return Finding(True, zero.stage, "equal with the constant renamed") if zero.equal else None


def _constant_of(node: Node) -> Sym | None:
    terms = node.terms if isinstance(node, Sum) else ()
    found = [
        inner for t in terms if isinstance(inner := _unsigned(t), Sym) and inner.name in _CONSTANTS
    ]
    if len(found) != 1:
        return None
    alone = sum(n == found[0] for n in walk(node)) == 1
    return found[0] if alone else None


def _unsigned(term: Node) -> Node:
    if isinstance(term, Product) and len(term.factors) == 2 and isinstance(term.factors[0], Num):
        return term.factors[1]
    return term


def _without_term(node: Node, name: Sym) -> Node:
    assert isinstance(node, Sum)
    kept = [t for t in node.terms if _unsigned(t) != name]
    return Sum(tuple(kept)) if len(kept) > 1 else kept[0]


def _numbered(answer: Node, truth: Node) -> Finding | None:
    wanted = sorted(n for n in symbols(truth) if n[:2] in ("c_", "C_"))
    given = sorted(n for n in symbols(answer) if n[:2] in ("c_", "C_"))
    if not 1 <= len(wanted) <= 3:
        return None
    if not given:
        single = "ABCDEFKabck"
        given = sorted(n for n in symbols(answer) - symbols(truth) if n in single)
    if len(given) != len(wanted):
        return None
    for order in permutations(wanted):
        renamed = replaced(answer, {g: Sym(w) for g, w in zip(given, order, strict=True)})
        zero = same_value(renamed, truth)
        if zero.equal:
            return Finding(True, zero.stage, "equal with the constants renamed")
    return None


# --- plus-minus ------------------------------------------------------------------------------


_MAX_SIGNS = 4


def expanded(node: Node) -> tuple[Node, ...]:
    """The expressions that one with plus-minus signs stands for.

    Signs go together where a minus-plus shows it; otherwise each is free: ``1 \\pm 2 \\pm 3`` is
    four numbers.
    """
    signs = [n for n in walk(node) if isinstance(n, Call) and n.name in ("pm", "mp")]
    if not signs:
        return (node,)
    if len(signs) == 1 or len(signs) > _MAX_SIGNS or any(n.name == "mp" for n in signs):
        return _signed(node, +1), _signed(node, -1)
    choices = iterproduct((+1, -1), repeat=len(signs))
    return tuple(_signed_each(node, list(choice)) for choice in choices)


def _signed_each(node: Node, signs: list[int]) -> Node:
    """Each sign in turn, from left to right; ``signs`` is used up."""
    match node:
        case Call("pm", args):
            sign = signs.pop(0)
            inner = _signed_each(args[0], signs)
            return inner if sign > 0 else negated(inner)
        case Call(name, args):
            return Call(name, tuple(_signed_each(a, signs) for a in args))
        case Sum(terms):
            return Sum(tuple(_signed_each(t, signs) for t in terms))
        case Product(factors):
            return product(*(_signed_each(f, signs) for f in factors))
        case Power(base, exponent):
            return Power(_signed_each(base, signs), _signed_each(exponent, signs))
    return node


def _signed(node: Node, sign: int) -> Node:
    match node:
        case Call("pm" | "mp" as name, args):
            inner = _signed(args[0], sign)
            return inner if (sign > 0) == (name == "pm") else negated(inner)
        case Call(name, args):
            return Call(name, tuple(_signed(a, sign) for a in args))
        case Sum(terms):
            return Sum(tuple(_signed(t, sign) for t in terms))
        case Product(factors):
            return product(*(_signed(f, sign) for f in factors))
        case Power(base, exponent):
            return Power(_signed(base, sign), _signed(exponent, sign))
    return node
