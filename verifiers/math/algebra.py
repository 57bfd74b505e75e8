"""SymPy for what balls cannot decide. Objects are built from our tree, never from text.

Sums, products, limits and integrals are worked out; expressions are simplified; inequalities in
one symbol are solved. May run long: call it only where the caller can be killed.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import cache
from inspect import CO_GENERATOR
from types import FrameType
from typing import Any

from .equal.relations import named
from .reader.nodes import (
    Big,
    Call,
    Const,
    Node,
    Num,
    Power,
    Product,
    Relation,
    Seq,
    Sum,
    Sym,
    walk,
)
from .zero.exact import exact

__all__ = ["compare", "warm_up"]

_MAX_NODES = 80
_MAX_POWER = 200
_MAX_CALLS = 300_000
"""A third of a second of SymPy; warm, what it can do at all takes less than half of that."""
_MAX_COLD_CALLS = 400_000
"""For the first comparison of a process that has not seen ``warm``."""
_MAX_NUMBER = 10_000
"""SymPy works sums and powers out term by term."""


class _Beyond(Exception):  # noqa: N818 - not an error: SymPy is not asked
    """Nothing here for SymPy."""


class _Spent(BaseException):
    """The budget is used up."""


class _Budget:
    """Counts Python calls of this thread and ends the block when there were too many.

    Calls and not seconds: a verdict must not depend on the machine's load. A profile hook belongs
    to its thread alone, and needs no signal.
    """

    def __init__(self, calls: int) -> None:
        self.left = calls

    def __enter__(self) -> None:
        self.before = sys.getprofile()
        sys.setprofile(self._count)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self.before)

    def _count(self, frame: FrameType, event: str, arg: object) -> None:  # noqa: ARG002 - its form
        if event == "call":
            self.left -= 1
            if self.left < 0 and not frame.f_code.co_flags & CO_GENERATOR:
                raise _Spent  # which unsets the hook: in a generator it could go unheard


def _bare(node: Node) -> Node:
    """``y(t) = value`` as its value."""
    pair = named(node) if isinstance(node, Relation) and node.operators == ("=",) else None
    return pair[1] if pair is not None else node


@cache
def _calls_at_first() -> list[int]:
    return [_MAX_COLD_CALLS]


def _calls_allowed() -> int:
    """The budget of the next comparison."""
    at_first = _calls_at_first()
    return at_first.pop() if at_first else _MAX_CALLS


def warm_up() -> None:
    """Do each kind of work once, without a budget."""
    import sympy

    _calls_at_first().clear()

    x, n = sympy.Symbol("x", real=True), sympy.Symbol("n", integer=True)
    sympy.simplify(sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1)
    sympy.simplify(sympy.Sum(n**2, (n, 1, x)).doit() - sympy.sqrt(x))
    sympy.Sum(1 / sympy.Integer(2) ** n, (n, 0, sympy.oo)).doit()
    sympy.Integral(x * sympy.exp(x), (x, 0, 1)).doit()
    sympy.Limit(sympy.sin(x) / x, x, 0).doit()
    for relation in (x**4 - 3 * x < 1, abs(x - 1) >= 2):
        sympy.solve_univariate_inequality(relation, x, relational=False)


def compare(answer: Node, truth: Node) -> bool | None:
    """Whether two trees are equal by SymPy; None where it cannot say."""
    if sum(1 for node in (answer, truth) for _ in walk(node)) > _MAX_NODES:
        return None
    values = [exact(node) for tree in (answer, truth) for node in walk(tree)]
    if any(value is not None and not -_MAX_NUMBER <= value <= _MAX_NUMBER for value in values):
        return None
    answer, truth = _bare(answer), _bare(truth)
    try:
        with _Budget(_calls_allowed()):
            if _is_set(answer) or _is_set(truth):
                return _same_sets(answer, truth)
            return _same_values(_built(answer), _built(truth))
    except (_Beyond, _Spent, RecursionError):
        return None
    except Exception:  # noqa: BLE001 - SymPy raises anything on odd input; it just did not decide
        return None


def _same_values(one: Any, other: Any) -> bool | None:
    import sympy

    one, other = one.doit(), other.doit()
    rest = sympy.simplify(one - other)
    if rest == 0:
        return True
    unfinished = (sympy.Integral, sympy.Sum, sympy.Product, sympy.Limit)
    if rest.has(*unfinished):
        return None
    zero = rest.equals(0)
    return None if zero is None else bool(zero)


_FUNCTIONS = {
    "ln": "log", "log": "log", "abs": "Abs", "arcsin": "asin", "arccos": "acos",
    "arctan": "atan", "arccot": "acot", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh",
    "floor": "floor", "ceil": "ceiling", "factorial": "factorial", "binom": "binomial",
    **{n: n for n in ("sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh")},
}  # fmt: skip


def _built(node: Node) -> Any:
    import sympy

    match node:
        case Num(value):
            exact = Fraction(value)
            return sympy.Rational(exact.numerator, exact.denominator)
        case Sym(name):
            return sympy.Symbol(name, real=True)
        case Const(name):
            return _constant(name)
        case Sum(terms):
            return sympy.Add(*map(_built, terms))
        case Product(factors):
            return sympy.Mul(*map(_built, factors))
        case Power(base, exponent):
            large = isinstance(exponent, Num) and not -_MAX_POWER <= exponent.value <= _MAX_POWER
            if large or isinstance(exponent, Power):
                raise _Beyond
            return sympy.Pow(_built(base), _built(exponent))
        case Call(name, args):
            return _built_call(name, args)
        case Big():
            return _built_big(node)
    raise _Beyond


def _built_call(name: str, args: tuple[Node, ...]) -> Any:
    import sympy

    if name == "root":
        return sympy.real_root(*map(_built, args))
    large = isinstance(args[0], Num) and args[0].value > _MAX_POWER
    if name not in _FUNCTIONS or (name == "factorial" and large):
        raise _Beyond
    return getattr(sympy, _FUNCTIONS[name])(*map(_built, args))


def _constant(name: str) -> Any:
    import sympy

    known = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "inf": sympy.oo, "deg": sympy.pi / 180}
    if name not in known:
        raise _Beyond
    return known[name]


def _built_big(node: Big) -> Any:
    import sympy

    if any(isinstance(n, Power) and not _tame(n) for n in walk(node.body)):
        raise _Beyond
    if node.kind == "int" and any(isinstance(n, Big) for n in walk(node.body)):
        raise _Beyond  # integrals in integrals run for minutes
    body, name = _built(node.body), sympy.Symbol(node.name, real=True)
    if node.kind == "lim":
        if node.low is None:
            raise _Beyond
        return sympy.Limit(body, name, _built(node.low))
    if node.low is None or node.high is None:
        raise _Beyond
    limits = (name, _built(node.low), _built(node.high))
    kinds = {"sum": sympy.Sum, "prod": sympy.Product, "int": sympy.Integral}
    if node.kind in ("sum", "prod"):
        index = sympy.Symbol(node.name, integer=True)
        body, limits = body.subs(name, index), (index, *limits[1:])
    return kinds[node.kind](body, limits)


def _tame(power: Power) -> bool:
    """SymPy searches long for integrals of powers such as ``x^x``."""
    names = any(isinstance(n, Sym) for n in walk(power.base))
    return not names or not any(isinstance(n, Sym) for n in walk(power.exponent))


def _is_set(node: Node) -> bool:
    return isinstance(node, Relation | Seq) or type(node).__name__ in ("Builder", "Joined")


def _same_sets(one: Node, other: Node) -> bool | None:
    ones, others = _solved(one), _solved(other)
    if ones is None or others is None:
        return None
    return bool(ones == others) if ones == others else _disjoint_from(ones, others)


def _disjoint_from(ones: Any, others: Any) -> bool | None:
    import sympy

    rest = sympy.SymmetricDifference(ones, others)
    return None if isinstance(rest, sympy.SymmetricDifference) else bool(rest == sympy.S.EmptySet)


def _solved(node: Node) -> Any:
    """The set of numbers that an inequality in one symbol, or an interval, stands for."""
    import sympy

    from .equal.intervals import pieces_of

    pieces = pieces_of(node)
    if pieces is not None:
        return sympy.Union(
            *(
                sympy.Interval(_built(p.low), _built(p.high), p.left == "(", p.right == ")")
                for p in pieces
            )
        )
    if not isinstance(node, Relation) or len(node.operators) != 1:
        return None
    kinds = {
        "<": sympy.Lt, "<=": sympy.Le, ">": sympy.Gt, ">=": sympy.Ge, "!=": sympy.Ne
    }  # fmt: skip
    if node.operators[0] not in kinds:
        return None
    if any(isinstance(n, Big) or (isinstance(n, Call) and n.name != "abs") for n in walk(node)):
        return None  # waves have no end of solutions
    left, right = (_built(part) for part in node.parts)
    names = left.free_symbols | right.free_symbols
    if len(names) != 1:
        return None
    relation = kinds[node.operators[0]](left, right)
    return sympy.solve_univariate_inequality(relation, names.pop(), relational=False)
