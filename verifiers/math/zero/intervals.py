"""Real balls on mpmath, for machines without python-flint: the part of its ``arb`` that we use.

A value is an interval that holds the true value. Arithmetic and the six functions of ``bounds``
are rounded outwards; all other functions are formulas in these. A rising function is evaluated at
the ends of its argument, as an interval at each; sine, cosine and gamma at the middle, with a
bound on the slope.

What is not proved is not claimed: outside a domain, at a pole, and for arguments beyond the
bounds here the result is not finite, and of such a result nothing is known.
Not covered: methods that ``balls`` and ``deciding`` do not call.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from . import bounds
from .bounds import MINUS_ONE, ONE, ZERO, Float, Pair, at_precision, ctx, libmp

__all__ = ["arb", "ctx", "fmpq", "gamma_slope", "guarded", "interval", "unknown"]

Exact: TypeAlias = int | Fraction
Text: TypeAlias = str  # inside the class, str is a method

fmpq = Fraction

_WHOLE: Pair = (libmp.fninf, libmp.finf)
_EIGHTH = Fraction(1, 8)


class arb:  # noqa: N801 - named as in python-flint, which it stands for
    """An interval of reals. Comparisons are true only where they are proved."""

    __slots__ = ("ends",)
    __hash__ = None  # type: ignore[assignment]  # "proved equal" is no equivalence

    ends: Pair

    def __init__(self, value: arb | Exact = 0, radius: arb | Exact = 0) -> None:
        self.ends = _operand(value).ends
        high = abs(_operand(radius)).ends[1]
        if high != ZERO:
            self.ends = bounds.plus(self.ends, (libmp.mpf_neg(high), high))

    @staticmethod
    def pi() -> arb:
        return interval(bounds.primitive("pi"))

    @staticmethod
    def const_e() -> arb:
        return interval(bounds.primitive("e"))

    # --- what is known ------------------------------------------------------------------------

    def is_finite(self) -> bool:
        return bounds.is_finite(self.ends)

    def is_exact(self) -> bool:
        return self.ends[0] == self.ends[1]

    def is_integer(self) -> bool:
        return self.is_exact() and self.ends[0][2] >= 0

    def contains(self, value: int) -> bool:
        """Whether the interval holds this integer; False proves that the true value is another."""
        there = libmp.from_int(value)
        return bool(libmp.mpf_le(self.ends[0], there) and libmp.mpf_le(there, self.ends[1]))

    def mid(self) -> arb:
        return _point(bounds.middle(self.ends)) if self.is_finite() else self

    def rad(self) -> arb:
        if not self.is_finite():
            return unknown()
        return _point(bounds.spread(self.ends, bounds.middle(self.ends)))

    def lower(self) -> arb:
        return _point(self.ends[0])

    def upper(self) -> arb:
        return _point(self.ends[1])

    def str(self, digits: int, *, radius: bool = False) -> Text:
        """Decimal digits of the middle; with ``radius`` of the ends."""
        if radius or not self.is_finite():
            return repr(self)
        middle = bounds.middle(self.ends)
        return "0" if middle == ZERO else str(libmp.to_str(middle, digits, strip_zeros=False))

    def __repr__(self) -> Text:
        return "[{}, {}]".format(*(libmp.to_str(end, 20) for end in self.ends))

    def __lt__(self, other: arb | Exact) -> bool:
        return bool(libmp.mpf_lt(self.ends[1], _operand(other).ends[0]))

    def __gt__(self, other: arb | Exact) -> bool:
        return bool(libmp.mpf_gt(self.ends[0], _operand(other).ends[1]))

    def __le__(self, other: arb | Exact) -> bool:
        return bool(libmp.mpf_le(self.ends[1], _operand(other).ends[0]))

    def __ge__(self, other: arb | Exact) -> bool:
        return bool(libmp.mpf_ge(self.ends[0], _operand(other).ends[1]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _KINDS):
            return NotImplemented
        of = _operand(other)
        return self.is_exact() and of.is_exact() and self.ends == of.ends

    def __ne__(self, other: object) -> bool:
        if not isinstance(other, _KINDS):
            return NotImplemented
        return self < other or self > other

    # --- arithmetic ---------------------------------------------------------------------------

    def __neg__(self) -> arb:
        low, high = self.ends
        return interval((libmp.mpf_neg(high), libmp.mpf_neg(low)))

    def __abs__(self) -> arb:
        if not self.is_finite():
            return unknown()
        if self >= 0:
            return self
        return (
            -self
            if self <= 0
            else interval((ZERO, bounds.greatest([(-self).ends[1], self.ends[1]])))
        )

    def __add__(self, other: arb | Exact) -> arb:
        if not isinstance(other, _KINDS):
            return NotImplemented
        return _both(self, other, bounds.plus)

    __radd__ = __add__

    def __sub__(self, other: arb | Exact) -> arb:
        return self + -other if isinstance(other, _KINDS) else NotImplemented

    def __rsub__(self, other: Exact) -> arb:
        return -self + other

    def __mul__(self, other: arb | Exact) -> arb:
        if not isinstance(other, _KINDS):
            return NotImplemented
        return _both(self, other, lambda x, y: bounds.corners(x, y, libmp.mpf_mul))

    __rmul__ = __mul__

    def __truediv__(self, other: arb | Exact) -> arb:
        if not isinstance(other, _KINDS):
            return NotImplemented
        if _operand(other).contains(0):
            return unknown()
        return _both(self, other, lambda x, y: bounds.corners(x, y, libmp.mpf_div))

    def __rtruediv__(self, other: Exact) -> arb:
        return _operand(other) / self

    def __pow__(self, exponent: arb | Exact) -> arb:
        if isinstance(exponent, int):
            if exponent < 0:
                return guarded(lambda: 1 / self**-exponent, 8)
            return interval(bounds.power(self.ends, exponent)) if self.is_finite() else unknown()
        power = _operand(exponent)
        if self > 0:
            more = min(max(0, bounds.size(power.ends[1])), 128) + 16
            with at_precision(more):
                result = (power * self.log()).exp()
            return _rounded(result)
        if self < 0 and power.is_integer():
            absolute, (_, mantissa, shift, _) = (-self) ** power, power.ends[0]
            return -absolute if mantissa and not shift else absolute
        return unknown()

    def sgn(self) -> arb:
        if self > 0 or self < 0 or self == 0:
            return _operand((self > 0) - (self < 0))
        return interval((MINUS_ONE, ONE))

    def floor(self) -> arb:
        if not self.is_finite():
            return unknown()
        return interval((libmp.mpf_floor(self.ends[0]), libmp.mpf_floor(self.ends[1])))

    def ceil(self) -> arb:
        return -((-self).floor())

    def sqrt(self) -> arb:
        if not (self >= 0 and self.is_finite()):
            return unknown()
        low = libmp.mpf_sqrt(self.ends[0], ctx.prec, "f")
        return interval((low, libmp.mpf_sqrt(self.ends[1], ctx.prec, "c")))

    def root(self, index: int) -> arb:
        """The root of a number that is not negative."""
        if index == 2 or not self >= 0:
            return self.sqrt()
        return _rising(self, lambda x: x if x == 0 else (x.log() / index).exp(), 32)

    # --- functions ----------------------------------------------------------------------------

    def exp(self) -> arb:
        return _rising(self, _exp_at)

    def log(self) -> arb:
        if not self > 0:
            return unknown()
        return _rising(self, lambda x: interval(bounds.primitive("log", x.ends[0])))

    def atan(self) -> arb:
        return _rising(self, lambda x: interval(bounds.primitive("atan", x.ends[0])))

    def sin(self) -> arb:
        return _wave(self, "sin")

    def cos(self) -> arb:
        return _wave(self, "cos")

    def tan(self) -> arb:
        return self.sin() / self.cos()

    def cot(self) -> arb:
        return self.cos() / self.sin()

    def sinh(self) -> arb:
        return _rising(
            self, lambda x: _tiny(x, 1) or (x.exp() - (-x).exp()) / 2, bounds.lost(self.ends)
        )

    def cosh(self) -> arb:
        return _rising(abs(self), lambda x: (x.exp() + (-x).exp()) / 2)

    def tanh(self) -> arb:
        return _rising(self, lambda x: x.sinh() / x.cosh())

    def coth(self) -> arb:
        return 1 / self.tanh()

    def asin(self) -> arb:
        return _rising(self, _asin_at) if self >= -1 and self <= 1 else unknown()

    def acos(self) -> arb:
        if not (self >= -1 and self <= 1):
            return unknown()
        return -_rising(self, lambda x: -_acos_at(x))

    def asinh(self) -> arb:
        return _rising(self, _asinh_at, bounds.lost(self.ends))

    def acosh(self) -> arb:
        if not self >= 1:
            return unknown()
        return _rising(self, lambda x: (x + ((x - 1) * (x + 1)).sqrt()).log(), 32)

    def atanh(self) -> arb:
        if not (self > -1 and self < 1):
            return unknown()
        return _rising(
            self, lambda x: _tiny(x, 1) or ((1 + x) / (1 - x)).log() / 2, bounds.lost(self.ends)
        )

    def gamma(self) -> arb:
        width = self.rad()
        if not (width < _EIGHTH and abs(self) < 2**64) or ctx.prec > bounds.MOST_GAMMA_BITS:
            return unknown()
        if not self > 3 * _EIGHTH:
            return guarded(lambda: arb.pi() / (_sin_pi(self) * (1 - self).gamma()), 32)
        value = interval(bounds.gamma(bounds.middle(self.ends)))
        return value if width == 0 else arb(value, width * gamma_slope(self))

    def rgamma(self) -> arb:
        """The reciprocal of gamma, which has no poles."""
        if self.is_integer() and self <= 0:
            return _operand(0)
        if self > 3 * _EIGHTH or not self.rad() < _EIGHTH:
            return 1 / self.gamma()
        return guarded(lambda: _sin_pi(self) * (1 - self).gamma() / arb.pi(), 32)


_KINDS = (arb, int, Fraction)


def gamma_slope(x: arb) -> arb:
    """A bound on the derivative of gamma where the real part is in ``x``, right of 3/8.

    Cauchy's estimate on circles of radius 1/4: on them gamma is at most gamma of the real part,
    and so at most its value at an end, for gamma is convex on the positive reals.
    """
    edges = (x.lower() - 2 * _EIGHTH).gamma(), (x.upper() + 2 * _EIGHTH).gamma()
    return 4 * _point(bounds.greatest([edge.ends[1] for edge in edges]))


def guarded(function: Callable[[], arb], more: int) -> arb:
    """Evaluated with so many bits more."""
    with at_precision(more):
        result = function()
    return _rounded(result)


# --- making intervals ----------------------------------------------------------------------------


def interval(ends: Pair) -> arb:
    made = arb.__new__(arb)
    made.ends = ends
    return made


def unknown() -> arb:
    """What is not finite: nothing is claimed."""
    return interval(_WHOLE)


def _point(x: Float) -> arb:
    return interval((x, x))


def _operand(value: arb | Exact) -> arb:
    return value if isinstance(value, arb) else interval(bounds.of(value))


def _rounded(x: arb) -> arb:
    return interval(bounds.rounded(x.ends)) if x.is_finite() else x


def _both(x: arb, other: arb | Exact, operation: Callable[[Pair, Pair], Pair]) -> arb:
    y = _operand(other)
    finite = x.is_finite() and y.is_finite()
    return interval(operation(x.ends, y.ends) if finite else _WHOLE)


# --- functions of points -------------------------------------------------------------------------


def _rising(x: arb, function: Callable[[arb], arb], more: int = 8) -> arb:
    """A rising function on an interval, from the function on points."""
    if not x.is_finite():
        return unknown()
    with at_precision(more):
        low = function(x.lower())
        high = low if x.is_exact() else function(x.upper())
    return _rounded(interval((low.ends[0], high.ends[1])))


def _exp_at(x: arb) -> arb:
    if x == 0:
        return _operand(1)
    if bounds.size(x.ends[0]) <= bounds.LARGEST:
        return interval(bounds.primitive("exp", x.ends[0]))
    edge = _point(libmp.mpf_shift(MINUS_ONE, bounds.LARGEST - 1))
    return interval((ZERO, _exp_at(edge).ends[1]) if x < 0 else _WHOLE)


def _wave(x: arb, name: str) -> arb:
    """Sine or cosine: nowhere steeper than 1."""
    middle, width = x.mid(), x.rad()
    if not width < 1 or bounds.size(middle.ends[0]) > bounds.LARGEST:
        return interval((MINUS_ONE, ONE) if x.is_finite() else _WHOLE)
    if middle == 0:
        return arb(0 if name == "sin" else 1, width)
    return _rounded(arb(interval(bounds.primitive(name, middle.ends[0])), width))


def _sin_pi(x: arb) -> arb:
    """Reduced first, so that large arguments keep their digits."""
    whole = (x.mid() + 4 * _EIGHTH).floor().lower()
    wave = (arb.pi() * (x - whole)).sin()
    even = whole == 0 or whole.ends[0][2] > 0
    return wave if even else -wave


def _tiny(x: arb, sign: int) -> arb | None:
    """Near zero sinh and atanh (sign 1) and asinh (sign -1) are x (1 + sign t), 0 <= t <= x^2."""
    if x == 0:
        return x
    if 2 * bounds.size(x.ends[0]) > -ctx.prec:
        return None
    return x * (1 + sign * interval((ZERO, (x * x).ends[1])))


def _asin_at(x: arb) -> arb:
    if abs(x) == 1:
        return arb.pi() / 2 * x
    return (x / ((1 - x) * (1 + x)).sqrt()).atan()


def _acos_at(x: arb) -> arb:
    return arb.pi() if x == -1 else 2 * ((1 - x) / (1 + x)).sqrt().atan()


def _asinh_at(x: arb) -> arb:
    if x < 0:
        return -_asinh_at(-x)
    return _tiny(x, -1) or (x + (x * x + 1).sqrt()).log()
