"""Values of expressions as balls: an interval that is proved to hold the true value.

Real evaluation keeps to the real domain: the root of a negative number is ``Undefined``, an odd
root of one is real. Complex evaluation takes principal branches. Working precision is a
property of the library (see ``arithmetic``), so evaluation holds a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, ClassVar

from ..reader.nodes import Big, Call, Const, Node, Num, Power, Product, Sum, Sym, Unit
from .arithmetic import acb, arb, ctx, fmpq
from .exact import exact

__all__ = ["Undefined", "Unsupported", "evaluate", "precision"]


class Undefined(Exception):  # noqa: N818 - a point outside a domain is no error
    """The expression has no real value at this point."""


class Unsupported(Exception):  # noqa: N818 - not an error: left to another stage
    """No ball arithmetic for something in the expression."""


_LOCK = threading.RLock()
_MAX_TERMS = 2000
_MAX_OPERATIONS = 20_000


class precision:  # noqa: N801 - reads as a statement: ``with precision(128):``
    """Working precision in bits, for one thread at a time."""

    def __init__(self, bits: int) -> None:
        self.bits = bits

    def __enter__(self) -> None:
        _LOCK.acquire()
        self.before = ctx.prec
        ctx.prec = self.bits

    def __exit__(self, *_: object) -> None:
        ctx.prec = self.before
        _LOCK.release()


Point = Mapping[str, Any]
Functions = Mapping[str, Callable[[Any], Any]]


def evaluate(node: Node, at: Point, *, real: bool) -> Any:
    """The ball of an expression at a point. Raises ``Undefined`` or ``Unsupported``."""
    return (_Real if real else _Complex)(at).value(node)


def _ball(value: int | Fraction) -> Any:
    return arb(fmpq(value.numerator, value.denominator))


class _Evaluation:
    def __init__(self, at: Point, spent: list[int] | None = None) -> None:
        self.at = at
        self.spent = [0] if spent is None else spent
        """Operations so far, shared with the evaluations of a sum's terms."""

    def number(self, value: Any) -> Any:
        return value

    def count(self) -> None:
        self.spent[0] += 1
        if self.spent[0] > _MAX_OPERATIONS:
            raise Unsupported("so many operations")

    def value(self, node: Node) -> Any:
        self.count()
        match node:
            case Num(value):
                return self.number(_ball(value))
            case Sym(name):
                return self.at[name]
            case Sum(terms):
                total = self.value(terms[0])
                for term in terms[1:]:
                    total = total + self.value(term)
                return total
            case Product(factors):
                total = self.value(factors[0])
                for factor in factors[1:]:
                    total = total * self.value(factor)
                return total
            case Power(base, exponent):
                return self.power(base, exponent)
            case Const(name):
                return self.constant(name)
            case Call(name, args):
                return self.call(name, args)
            case Big():
                return self.big(node)
            case Unit():
                raise Unsupported("a unit")
        raise Unsupported(f"a {type(node).__name__.lower()} inside an expression")

    def constant(self, name: str) -> Any:
        if name == "pi":
            return self.number(arb.pi())
        if name == "e":
            return self.number(arb.const_e())
        if name == "deg":
            return self.number(arb.pi() / 180)
        raise Unsupported(f"the constant {name}")

    def power(self, base: Node, exponent: Node) -> Any:
        raise NotImplementedError

    def integer_power(self, base: Any, exponent: int) -> Any:
        if exponent < 0 and base.contains(0):
            raise Undefined("a division by zero")
        return base**exponent if abs(exponent) < 2**62 else (base.log() * exponent).exp()

    def call(self, name: str, args: tuple[Node, ...]) -> Any:
        if name.startswith("@"):
            return self.at[name]
        if name == "root":
            index = exact(args[1])
            if index is None or index.denominator != 1 or not 0 < index <= 10_000:
                return self.power(args[0], Power(args[1], Num(-1)))
            return self.root(self.value(args[0]), int(index))
        if (rational := exact(Call(name, args))) is not None:
            return self.number(_ball(rational))
        values = [self.value(arg) for arg in args]
        if name == "binom":
            n, k = values
            return (n + 1).gamma() * (k + 1).rgamma() * (n - k + 1).rgamma()
        function = self.functions.get(name)
        if function is None or len(values) != 1:
            raise Unsupported(f"the function {name}")
        result = function(values[0])
        if not result.is_finite():
            raise Undefined(f"{name} at a pole")
        return result

    functions: ClassVar[Functions] = {}

    def root(self, base: Any, index: int) -> Any:
        raise NotImplementedError

    def big(self, node: Big) -> Any:
        if node.kind not in ("sum", "prod") or node.low is None or node.high is None:
            raise Unsupported(f"a {node.kind}")
        low, high = exact(node.low), exact(node.high)
        if low is None or high is None or low.denominator != 1 or high.denominator != 1:
            raise Unsupported("a sum without plain bounds")
        if not 0 <= high - low < _MAX_TERMS:
            raise Unsupported("a sum of many terms")
        total = self.number(arb(0 if node.kind == "sum" else 1))
        for n in range(int(low), int(high) + 1):
            inner = type(self)({**self.at, node.name: self.number(arb(n))}, self.spent)
            term = inner.value(node.body)
            total = total + term if node.kind == "sum" else total * term
        return total


def _reciprocal(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: 1 / function(x)


def _of_reciprocal(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: function(1 / x)


_BOTH: dict[str, Callable[[Any], Any]] = {
    "sin": lambda x: x.sin(), "cos": lambda x: x.cos(), "tan": lambda x: x.tan(),
    "cot": lambda x: x.cot(), "sec": _reciprocal(lambda x: x.cos()),
    "csc": _reciprocal(lambda x: x.sin()), "sinh": lambda x: x.sinh(),
    "cosh": lambda x: x.cosh(), "tanh": lambda x: x.tanh(), "coth": lambda x: x.coth(),
    "arctan": lambda x: x.atan(), "arsinh": lambda x: x.asinh(),
    "factorial": lambda x: (x + 1).gamma(), "sech": _reciprocal(lambda x: x.cosh()),
    "csch": _reciprocal(lambda x: x.sinh()), "arcsch": _of_reciprocal(lambda x: x.asinh()),
}  # fmt: skip


def _real_log(x: Any) -> Any:
    if x > 0:
        return x.log()
    raise Undefined("a logarithm of no positive number")


def _within(x: Any, function: Callable[[Any], Any]) -> Any:
    result = function(x)
    if not result.is_finite():
        raise Undefined("an inverse function outside its domain")
    return result


def _rounded(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def rounded(x: Any) -> Any:
        result = function(x)
        if result.rad() != 0:
            raise Undefined("a jump")
        return result

    return rounded


class _Real(_Evaluation):
    functions: ClassVar[Functions] = {
        **_BOTH, "ln": _real_log, "log": _real_log, "abs": abs, "norm": abs,
        "floor": _rounded(lambda x: x.floor()), "ceil": _rounded(lambda x: x.ceil()),
        "arcsin": lambda x: _within(x, lambda y: y.asin()),
        "arccos": lambda x: _within(x, lambda y: y.acos()),
        "arccot": lambda x: arb.pi() / 2 - x.atan(),
        "arcoth": lambda x: _within(1 / x, lambda y: y.atanh()),
        "arsech": lambda x: _within(1 / x, lambda y: y.acosh()),
        "arcsec": lambda x: _within(1 / x, lambda y: y.acos()),
        "arccsc": lambda x: _within(1 / x, lambda y: y.asin()),
        "arcosh": lambda x: _within(x, lambda y: y.acosh()),
        "artanh": lambda x: _within(x, lambda y: y.atanh()),
        "sgn": lambda x: x.sgn(), "conj": lambda x: x,
    }  # fmt: skip

    def constant(self, name: str) -> Any:
        if name == "i":
            raise Undefined("the imaginary unit")
        return super().constant(name)

    def power(self, base: Node, exponent: Node) -> Any:
        if base == Const("e"):
            return self.value(exponent).exp()
        known, below = exact(exponent), self.value(base)
        if known is not None and known.denominator == 1:
            return self.integer_power(below, int(known))
        if known is not None and known.denominator <= 10_000:
            return self.integer_power(self.root(below, known.denominator), known.numerator)
        if below > 0:
            return (self.value(exponent) * below.log()).exp()
        if below < 0:
            power = self.value(exponent)
            if power.is_integer():
                return below**power
        raise Undefined("a power of a negative number")

    def root(self, base: Any, index: int) -> Any:
        if base < 0:
            if index % 2 == 0:
                raise Undefined("an even root of a negative number")
            return -((-base).root(index))
        if not base > 0 and base.contains(0):
            upper = abs(base).upper()
            bound = upper.root(index) if upper > 0 else arb(0)
            return arb(0, bound) if bound > 0 else arb(0)
        return base.root(index)


class _Complex(_Evaluation):
    functions: ClassVar[Functions] = {
        **_BOTH, "ln": lambda x: x.log(), "log": lambda x: x.log(), "abs": lambda x: acb(abs(x)),
        "arcsin": lambda x: x.asin(), "arccos": lambda x: x.acos(), "Re": lambda x: acb(x.real),
        "Im": lambda x: acb(x.imag), "conj": lambda x: acb(x.real, -x.imag),
        "arg": lambda x: acb(x.arg()), "norm": lambda x: acb(abs(x)),
        "arccot": lambda x: arb.pi() / 2 - x.atan(), "arcosh": lambda x: x.acosh(),
        "artanh": lambda x: x.atanh(), "arcsec": _of_reciprocal(lambda x: x.acos()),
        "arccsc": _of_reciprocal(lambda x: x.asin()),
        "arcoth": _of_reciprocal(lambda x: x.atanh()),
        "arsech": _of_reciprocal(lambda x: x.acosh()),
    }  # fmt: skip

    def number(self, value: Any) -> Any:
        return acb(value)

    def constant(self, name: str) -> Any:
        return acb(0, 1) if name == "i" else super().constant(name)

    def power(self, base: Node, exponent: Node) -> Any:
        if base == Const("e"):
            return self.value(exponent).exp()
        known, below = exact(exponent), self.value(base)
        if known is not None and known.denominator == 1:
            return self.integer_power(below, int(known))
        if known == Fraction(1, 2):
            return below.sqrt()
        if below.contains(0):
            raise Undefined("a power of zero")
        return (self.value(exponent) * below.log()).exp()

    def root(self, base: Any, index: int) -> Any:
        if index == 2:
            return base.sqrt()
        if base.imag == 0 and base.real < 0 and index % 2:
            return acb(-((-base.real).root(index)))
        return base.root(index)
