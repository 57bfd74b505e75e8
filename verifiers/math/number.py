"""Read an exact number, as a person would write one, into an ``int`` or ``Fraction``.

Covered: signs, decimals, thousands separators (``1,024``, ``1 024``, ``1{,}024``, ``1\\,024``),
exponents (``5e3``, ``5 \\times 10^{3}``), fractions (``a/b``, ``\\frac{a}{b}``), mixed numbers
(``1 1/4``, ``2\\frac{1}{3}``), percent (50 % is 1/2 and never 50), a currency sign in front.
Not covered: decimal commas (``1,23`` is unread: it may be a pair), roots, constants, units.

Never a float: 123456789012345678 is not ...679. Digit runs and exponents are capped, so that
9e999999999 is unread, not computed.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TypeAlias

__all__ = ["MAX_DIGITS", "Exact", "read_number"]

MAX_DIGITS = 4000
"""Longest text read as a number; ours: beyond any answer, and cheap."""
_MAX_EXPONENT = 400

Exact: TypeAlias = int | Fraction

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:,[0-9]{3})+")
_DECIMAL = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?: [0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+"
_POWER = r"[eE]([+-]?[0-9]{1,9})| ?(?:\\times|\\cdot|\*|x) ?10\^(?:\{([+-]?[0-9]{1,9})\}|([0-9]))"
_SIMPLE = re.compile(rf"([+-]?)({_DECIMAL})(?:{_POWER})?")
_SLASH = re.compile(rf"([+-]?)({_DECIMAL})/([+-]?)({_DECIMAL})")
_FRAC = re.compile(rf"([+-]?)\\frac\{{([+-]?)({_DECIMAL})\}}\{{([+-]?)({_DECIMAL})\}}")
_MIXED = re.compile(r"([+-]?)([0-9]+) ?(?:\\frac\{([0-9]+)\}\{([0-9]+)\}|(?<= )([0-9]+)/([0-9]+))")
_PERCENT = ("%", "percent")
_CURRENCY = "£€¥₹"


def read_number(text: str) -> Exact | None:
    """The number that a normalised text is, all of it; None when it is anything else.

    Expects what ``normalise`` gives. A text over ``MAX_DIGITS`` characters is None.
    """
    if _INTEGER.fullmatch(text):
        return int(text)
    if not text or len(text) > MAX_DIGITS:
        return None
    if _GROUPED.fullmatch(text):
        return int(text.replace(",", ""))
    text = text.lstrip(_CURRENCY)
    for sign in _PERCENT:
        if text.endswith(sign):
            number = _unsuffixed(text[: -len(sign)].rstrip())
            return None if number is None else Fraction(number) / 100
    return _unsuffixed(text)


def _unsuffixed(text: str) -> Exact | None:
    if text.startswith("(") and text.endswith(")") and "," not in text:
        text = text[1:-1]
    if match := _SIMPLE.fullmatch(text):
        sign, digits, *exponents = match.groups()
        return _signed(sign, _scaled(_decimal(digits), next(filter(None, exponents), "0")))
    if match := _SLASH.fullmatch(text):
        sign, above, below_sign, below = match.groups()
        return _signed(sign, _signed(below_sign, _ratio(_decimal(above), _decimal(below))))
    if match := _FRAC.fullmatch(text):
        sign, above_sign, above, below_sign, below = match.groups()
        ratio = _ratio(_decimal(above), _decimal(below))
        return _signed(sign, _signed(above_sign, _signed(below_sign, ratio)))
    if match := _MIXED.fullmatch(text):
        sign, whole, *parts = match.groups()
        above, below = (int(part) for part in parts if part is not None)
        ratio = _ratio(above, below)
        return None if ratio is None else _signed(sign, int(whole) + ratio)
    return None


def _decimal(digits: str) -> Exact:
    whole, _, part = digits.replace(",", "").replace(" ", "").partition(".")
    number = int((whole or "0") + part)
    return Fraction(number, 10 ** len(part)) if part else number


def _scaled(number: Exact, exponent: str) -> Exact | None:
    power = int(exponent)
    if abs(power) > _MAX_EXPONENT:
        return None
    return Fraction(number) * Fraction(10) ** power


def _ratio(above: Exact, below: Exact) -> Fraction | None:
    return Fraction(above) / Fraction(below) if below else None


def _signed(sign: str, number: Exact | None) -> Exact | None:
    return -number if sign == "-" and number is not None else number
