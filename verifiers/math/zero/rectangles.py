"""Complex balls on mpmath, for machines without python-flint: the part of its ``acb`` that we use.

A value is a rectangle of two intervals that holds the true value. Functions are formulas in
``intervals``, with the branch cuts of the principal logarithm and square root, as in python-flint.
A rectangle that touches a cut gets both sides of it.
Not covered: methods that ``balls`` and ``deciding`` do not call.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TypeAlias

from . import bounds
from .bounds import at_precision
from .intervals import arb, ctx, gamma_slope, interval, unknown

__all__ = ["acb"]

Part: TypeAlias = arb | int | Fraction
Text: TypeAlias = str  # inside the class, str is a method

_EIGHTH = Fraction(1, 8)


class acb:  # noqa: N801 - named as in python-flint, which it stands for
    """A rectangle of complex numbers."""

    __slots__ = ("imag", "real")

    real: arb
    imag: arb

    def __init__(self, real: acb | Part = 0, imag: Part = 0) -> None:
        if isinstance(real, acb):
            self.real, self.imag = real.real, real.imag
        else:
            self.real, self.imag = arb(real), arb(imag)

    # --- what is known ------------------------------------------------------------------------

    def is_finite(self) -> bool:
        return self.real.is_finite() and self.imag.is_finite()

    def contains(self, value: int) -> bool:
        return self.real.contains(value) and self.imag.contains(0)

    def is_zero(self) -> bool:
        return self.real == 0 and self.imag == 0

    def str(self, digits: int, *, radius: bool = False) -> Text:
        real, imag = (part.str(digits, radius=radius) for part in (self.real, self.imag))
        if self.imag == 0:
            return real
        if self.real == 0:
            return f"{imag}j"
        return f"{real} - {imag[1:]}j" if imag.startswith("-") else f"{real} + {imag}j"

    def __repr__(self) -> Text:
        return f"acb({self.real!r}, {self.imag!r})"

    # --- arithmetic ---------------------------------------------------------------------------

    def __neg__(self) -> acb:
        return acb(-self.real, -self.imag)

    def __abs__(self) -> arb:
        if self.imag == 0:
            return abs(self.real)
        return self.norm().sqrt()

    def norm(self) -> arb:
        """The square of the absolute value."""
        return self.real**2 + self.imag**2

    def __add__(self, other: acb | Part) -> acb:
        of = acb(other)
        return acb(self.real + of.real, self.imag + of.imag)

    __radd__ = __add__

    def __sub__(self, other: acb | Part) -> acb:
        return self + -other

    def __rsub__(self, other: Part) -> acb:
        return -self + other

    def __mul__(self, other: acb | Part) -> acb:
        of = acb(other)
        real = self.real * of.real - self.imag * of.imag
        return acb(real, self.real * of.imag + self.imag * of.real)

    __rmul__ = __mul__

    def __truediv__(self, other: acb | Part) -> acb:
        of = acb(other)
        if of.imag == 0:
            return acb(self.real / of.real, self.imag / of.real)
        size, product = of.norm(), self * acb(of.real, -of.imag)
        return acb(product.real / size, product.imag / size)

    def __rtruediv__(self, other: Part) -> acb:
        return acb(other) / self

    def __pow__(self, exponent: int) -> acb:
        if exponent < 0:
            return 1 / self**-exponent
        power, square = acb(1), self
        with at_precision(8 + 2 * exponent.bit_length()):
            while exponent:
                if exponent & 1:
                    power = power * square
                exponent >>= 1
                square = square * square if exponent else square
        return power

    def times_i(self) -> acb:
        return acb(-self.imag, self.real)

    # --- roots, exponential, logarithm --------------------------------------------------------

    def sqrt(self) -> acb:
        """The principal root, with a real part that is not negative."""
        if self.imag == 0 and (self.real >= 0 or self.real <= 0):
            root = abs(self.real).sqrt()
            return acb(root) if self.real >= 0 else acb(0, root)
        size, below = abs(self), self.imag < 0
        if self.real > 0:
            root = ((size + self.real) / 2).sqrt()
            return acb(root, self.imag / (2 * root))
        if below or self.imag > 0:
            other = _root(size - self.real)
            real = abs(self.imag) / (2 * other)
            return acb(real, -other if below else other)
        return _around_zero(size.upper().sqrt())

    def root(self, index: int) -> acb:
        if self.is_zero():
            return self
        if self.contains(0):
            return _around_zero(abs(self).upper().root(index))
        return (self.log() / index).exp()

    def exp(self) -> acb:
        size = self.real.exp()
        if self.imag == 0:
            return acb(size)
        return acb(size * self.imag.cos(), size * self.imag.sin())

    def log(self) -> acb:
        return acb(abs(self).log(), self.arg())

    def arg(self) -> arb:
        x, y = self.real, self.imag
        if y == 0 and (x > 0 or x == 0):
            return arb(0)
        if y == 0 and x < 0:
            return arb.pi()
        if x > 0:
            return (y / x).atan()
        if y > 0:
            return arb.pi() / 2 - (x / y).atan()
        if y < 0:
            return -(arb.pi() / 2) - (x / y).atan()
        return arb(0, arb.pi())

    # --- circular and hyperbolic functions ----------------------------------------------------

    def sin(self) -> acb:
        x, y = self.real, self.imag
        return acb(x.sin() * y.cosh(), x.cos() * y.sinh())

    def cos(self) -> acb:
        x, y = self.real, self.imag
        return acb(x.cos() * y.cosh(), -(x.sin() * y.sinh()))

    def tan(self) -> acb:
        return self.sin() / self.cos()

    def cot(self) -> acb:
        return self.cos() / self.sin()

    def sinh(self) -> acb:
        x, y = self.real, self.imag
        return acb(x.sinh() * y.cos(), x.cosh() * y.sin())

    def cosh(self) -> acb:
        x, y = self.real, self.imag
        return acb(x.cosh() * y.cos(), x.sinh() * y.sin())

    def tanh(self) -> acb:
        return self.sinh() / self.cosh()

    def coth(self) -> acb:
        return self.cosh() / self.sinh()

    # --- inverse functions --------------------------------------------------------------------

    def asin(self) -> acb:
        if self._within_one():
            return acb(self.real.asin())
        if self.real == 0:
            return acb(0, self.imag.asinh())
        with at_precision(32):
            turned = (self.times_i() + (1 - self * self).sqrt()).log()
        return -turned.times_i()

    def acos(self) -> acb:
        if self._within_one():
            return acb(self.real.acos())
        if self.imag == 0 and self.real > 1:
            return acb(0, self.real.acosh())
        return arb.pi() / 2 - self.asin()

    def asinh(self) -> acb:
        return -self.times_i().asin().times_i()

    def acosh(self) -> acb:
        if self._within_one():
            return acb(0, self.real.acos())
        with at_precision(32):
            return (self + (self + 1).sqrt() * (self - 1).sqrt()).log()

    def atan(self) -> acb:
        return -self.times_i().atanh().times_i()

    def atanh(self) -> acb:
        if abs(self.real) < 1 and self.imag == 0:
            return acb(self.real.atanh())
        if self.real == 0:
            return acb(0, self.imag.atan())
        with at_precision(32):
            return ((1 + self).log() - (1 - self).log()) / 2

    def _within_one(self) -> bool:
        """Exactly real, and where arcus sine and cosine are."""
        return self.imag == 0 and self.real >= -1 and self.real <= 1

    # --- gamma --------------------------------------------------------------------------------

    def gamma(self) -> acb:
        if self.imag == 0:
            return acb(self.real.gamma())
        width = abs(acb(self.real.rad(), self.imag.rad()))
        if not (width < _EIGHTH and abs(self) < 2**64) or ctx.prec > bounds.MOST_GAMMA_BITS:
            return acb(unknown(), unknown())
        if not self.real > 3 * _EIGHTH:
            return arb.pi() / ((arb.pi() * self).sin() * (1 - self).gamma())
        x, y = (bounds.middle(part.ends) for part in (self.real, self.imag))
        real, imag = map(interval, bounds.complex_gamma(x, y))
        off = width * gamma_slope(self.real)
        return acb(real + arb(0, off), imag + arb(0, off))

    def rgamma(self) -> acb:
        return acb(self.real.rgamma()) if self.imag == 0 else 1 / self.gamma()


def _root(twice: arb) -> arb:
    return (twice / 2).sqrt()


def _around_zero(size: arb) -> acb:
    return acb(arb(0, size), arb(0, size))
