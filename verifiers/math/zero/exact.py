"""Exact values of closed expressions, and values of rational functions modulo a prime.

Both are budgeted: what would grow beyond ``MAX_BITS`` has no exact value here, and is left to
ball arithmetic.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

from ..reader.nodes import Call, Node, Num, Power, Product, Sum, Sym

__all__ = ["MAX_BITS", "exact", "residue"]

MAX_BITS = 14_000
_MAX_FACTORIAL = 500


@lru_cache(maxsize=2048)
def exact(node: Node) -> int | Fraction | None:
    """The rational number that a closed expression is; None where it is not plainly one."""
    match node:
        case Num(value):
            return value
        case Sum(terms):
            return _folded(terms, product=False)
        case Product(factors):
            return _folded(factors, product=True)
        case Power(base, exponent):
            return _power(exact(base), exact(exponent))
        case Call(name, args):
            values = [exact(arg) for arg in args]
            known = [value for value in values if value is not None]
            return _called(name, known) if len(known) == len(values) else None
    return None


def _folded(nodes: tuple[Node, ...], *, product: bool) -> int | Fraction | None:
    total: int | Fraction = 1 if product else 0
    for node in nodes:
        value = exact(node)
        if value is None or _bits(total) + _bits(value) > MAX_BITS:
            return None
        total = total * value if product else total + value
    return total


def _bits(value: int | Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _power(base: int | Fraction | None, exponent: int | Fraction | None) -> int | Fraction | None:
    if base is None or exponent is None:
        return None
    if exponent.denominator != 1:
        root = _root(base, exponent.denominator)
        return None if root is None else _power(root, exponent.numerator)
    power = int(exponent)
    if base == 0:
        return Fraction(0) if power > 0 else None
    if _bits(base) * abs(power) > MAX_BITS and abs(base) != 1:
        return None
    if abs(base) == 1:
        return Fraction(base) ** (power % 2)
    return Fraction(base) ** power


def _root(value: int | Fraction, index: int) -> Fraction | None:
    """A root that is rational; of a negative number, for odd indices only."""
    if index > 64 or (value < 0 and index % 2 == 0):
        return None
    parts = [_integer_root(abs(part), index) for part in (value.numerator, value.denominator)]
    if parts[0] is None or parts[1] is None:
        return None
    return Fraction(parts[0], parts[1]) * (-1 if value < 0 else 1)


def _integer_root(value: int, index: int) -> int | None:
    if index == 2:
        root = math.isqrt(value)
    elif value < 2:
        root = value
    else:
        low, high = 1, 1 << (value.bit_length() // index + 1)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if middle**index <= value else (low, middle - 1)
        root = low
    return root if root**index == value else None


def _called(name: str, args: list[int | Fraction]) -> int | Fraction | None:
    value = args[0]
    whole = all(arg.denominator == 1 for arg in args)
    match name:
        case "abs":
            return -value if value < 0 else value
        case "floor":
            return math.floor(value)
        case "ceil":
            return math.ceil(value)
        case "max":
            return max(args, key=Fraction)
        case "min":
            return min(args, key=Fraction)
        case "root" if args[1].denominator == 1 and args[1] > 0:
            return _root(value, int(args[1]))
        case "factorial" if whole and 0 <= value <= _MAX_FACTORIAL:
            return math.factorial(int(value))
        case "binom" if whole and 0 <= value <= 2 * _MAX_FACTORIAL and args[1] >= 0:
            return math.comb(int(value), int(args[1]))
        case "gcd" if whole:
            return math.gcd(*map(int, args))
        case "lcm" if whole and sum(map(_bits, args)) <= MAX_BITS:
            return math.lcm(*map(int, args))
        case "sgn":
            return (value > 0) - (value < 0)
    return None


def residue(node: Node, at: dict[str, int], prime: int) -> int | None:
    """The value of a rational function modulo a prime; None for any other expression."""
    match node:
        case Num(value):
            below = value.denominator % prime
            return value.numerator * pow(below, -1, prime) % prime if below else None
        case Sym(name):
            return at[name]
        case Sum(terms) | Product(terms):
            adds = isinstance(node, Sum)
            total = 0 if adds else 1
            for term in terms:
                part = residue(term, at, prime)
                if part is None:
                    return None
                total = (total + part if adds else total * part) % prime
            return total
        case Power(base, exponent):
            power, value_of_base = exact(exponent), residue(base, at, prime)
            if power is None or power.denominator != 1 or value_of_base is None:
                return None
            if value_of_base == 0 and power <= 0:
                return None
            return pow(value_of_base, int(power), prime)
    return None
