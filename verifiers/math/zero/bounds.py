"""Pairs of floating-point numbers that hold a true value between them, on mpmath's ``libmp``.

Addition, multiplication, division and square roots are rounded outwards, which libmp does
correctly. Of its transcendental functions ``exp``, ``log``, ``atan``, ``sin``, ``cos`` and
``gamma`` are used, of single points, and are not taken at their word: each is evaluated with
``GUARD`` bits more than the working precision, and widened by ``2**-(precision + 8)`` of its size.
That allows for an error of 2**32 units in the last place. (``mpmath.iv`` rounds an approximation
up and down instead, which is now and then the wrong side.)

Nothing of mpmath's global state is read or changed.
Not covered: infinite ends; ``intervals`` keeps them out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

from mpmath import libmp as _libmp  # type: ignore[import-untyped]  # mpmath publishes no types

__all__ = [
    "GUARD", "LARGEST", "MINUS_ONE", "MOST_GAMMA_BITS", "ONE", "ZERO", "Context", "Float", "Pair",
    "at_precision", "complex_gamma", "corners", "ctx", "gamma", "greatest", "is_finite", "libmp",
    "lost", "middle", "of", "plus", "power", "primitive", "rounded", "size", "spread", "widened",
]  # fmt: skip

libmp: Any = _libmp
Float: TypeAlias = tuple[int, int, int, int]
"""libmp's number: sign, mantissa, exponent, bits of the mantissa."""
Pair: TypeAlias = tuple[Float, Float]

GUARD = 40
LARGEST = 4096
"""Bits before the point of an argument of exp, sin or cos, at most."""
MOST_GAMMA_BITS = 1200
"""Beyond this working precision mpmath takes seconds for gamma: 2 s at 3000 bits."""
_MARGIN = 8
ZERO: Float = libmp.fzero
ONE: Float = libmp.fone
MINUS_ONE: Float = libmp.fnone
_ENDS = (libmp.fninf, libmp.finf)


class Context:
    """Working precision in bits, as in python-flint; the callers in ``balls`` hold a lock."""

    prec: int = 53


ctx = Context()


class at_precision:  # noqa: N801 - reads as a statement: ``with at_precision(20):``
    """So many bits more than the working precision."""

    def __init__(self, more: int) -> None:
        self.more = more

    def __enter__(self) -> None:
        ctx.prec += self.more

    def __exit__(self, *_: object) -> None:
        ctx.prec -= self.more


def size(x: Float) -> int:
    """Bits before the point."""
    return x[2] + x[3]


def is_finite(x: Pair) -> bool:
    return bool(x[0] != _ENDS[0] and x[1] != _ENDS[1])


def of(value: int | Fraction) -> Pair:
    if isinstance(value, int):
        whole = libmp.from_int(value)
        return (whole, whole) if whole[3] <= ctx.prec else rounded((whole, whole))
    over, under = value.numerator, value.denominator
    low = libmp.from_rational(over, under, ctx.prec, "f")
    return low, libmp.from_rational(over, under, ctx.prec, "c")


def rounded(x: Pair) -> Pair:
    """Rounded outwards to the working precision."""
    return libmp.mpf_pos(x[0], ctx.prec, "f"), libmp.mpf_pos(x[1], ctx.prec, "c")


def plus(x: Pair, y: Pair) -> Pair:
    low = libmp.mpf_add(x[0], y[0], ctx.prec, "f")
    return low, libmp.mpf_add(x[1], y[1], ctx.prec, "c")


def corners(x: Pair, y: Pair, operation: Callable[..., Float]) -> Pair:
    """The range of an operation that is monotone in each argument."""
    prec = ctx.prec
    if x[0] == x[1] and y[0] == y[1]:
        return operation(x[0], y[0], prec, "f"), operation(x[1], y[1], prec, "c")
    pairs = [(a, b) for a in x for b in y]
    lows = [operation(a, b, prec, "f") for a, b in pairs]
    highs = [operation(a, b, prec, "c") for a, b in pairs]
    return least(lows), greatest(highs)


def power(x: Pair, exponent: int) -> Pair:
    """For exponents of 0 and more."""
    with at_precision(8 + exponent.bit_length()):
        low, high = (_point_power((end, end), exponent) for end in x)
    if exponent % 2 or libmp.mpf_ge(x[0], ZERO):
        ends = low[0], high[1]
    elif libmp.mpf_le(x[1], ZERO):
        ends = high[0], low[1]
    else:
        ends = (ZERO if exponent else ONE), greatest([low[1], high[1]])
    return rounded(ends)


def _point_power(x: Pair, exponent: int) -> Pair:
    found, square = (ONE, ONE), x
    while exponent:
        if exponent & 1:
            found = corners(found, square, libmp.mpf_mul)
        exponent >>= 1
        square = corners(square, square, libmp.mpf_mul) if exponent else square
    return found


def least(values: list[Float]) -> Float:
    found = values[0]
    for value in values[1:]:
        found = value if libmp.mpf_lt(value, found) else found
    return found


def greatest(values: list[Float]) -> Float:
    found = values[0]
    for value in values[1:]:
        found = value if libmp.mpf_gt(value, found) else found
    return found


def middle(x: Pair) -> Float:
    """A point near the middle; the point itself where the ends meet."""
    if x[0] == x[1]:
        return x[0]
    found: Float = libmp.mpf_shift(libmp.mpf_add(*x, ctx.prec + GUARD, "n"), -1)
    return found


def spread(x: Pair, centre: Float) -> Float:
    """How far the interval reaches from a point, at most."""
    left = libmp.mpf_sub(centre, x[0], ctx.prec, "c")
    return greatest([left, libmp.mpf_sub(x[1], centre, ctx.prec, "c")])


def lost(x: Pair) -> int:
    """Bits that cancel near zero in ``exp(x) - exp(-x)`` and its like, with some to spare."""
    sizes = [size(end) for end in x if end != ZERO]
    return 32 + min(max(0, -min(sizes, default=0)), ctx.prec)


def widened(value: Float, scale: Float | None = None) -> Pair:
    """Bounds from a value that was evaluated with ``GUARD`` more bits; ``scale``: its size."""
    margin = libmp.mpf_shift(libmp.mpf_abs(scale or value), -ctx.prec - _MARGIN)
    bits = ctx.prec + GUARD
    return libmp.mpf_sub(value, margin, bits, "f"), libmp.mpf_add(value, margin, bits, "c")


def primitive(name: str, *at: Float) -> Pair:
    """A function or constant of libmp: exp, log, atan, sin, cos, pi, e."""
    return widened(getattr(libmp, f"mpf_{name}")(*at, ctx.prec + GUARD))


def gamma(x: Float) -> Pair:
    """For ``x`` of 1/8 and more."""
    if x[2] >= 0 and size(x) < 10:
        return of(math.factorial(int(libmp.to_int(x)) - 1))
    return widened(libmp.mpf_gamma(x, ctx.prec + GUARD))


def complex_gamma(x: Float, y: Float) -> tuple[Pair, Pair]:
    """For ``x`` of 1/4 and more; the margin is a share of the larger part."""
    parts = libmp.mpc_gamma((x, y), ctx.prec + GUARD)
    scale = greatest([libmp.mpf_abs(part) for part in parts])
    return widened(parts[0], scale), widened(parts[1], scale)
