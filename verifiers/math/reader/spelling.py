r"""Spellings of whole answers that are rewritten before the grammar reads them.

French brackets (``]0, 1[``), number sets with a sign (``\mathbb{R}_{>0}``), set-builder notation in
bare braces, vectors in angle signs, decimal commas in braces, durations, words glued to numbers.
Every pattern is linear and guarded by a plain search, so that the usual answer pays nothing.
"""

from __future__ import annotations

import re

__all__ = ["respelled"]

_TURNED = re.compile(r"(?:\A|\\cup|∪|\\in|∈|=)\s*(?:\\left)?\s*\]|\[\s*(?:\Z|\\cup|∪)")
"""A bracket that looks outwards."""
_FRENCH = re.compile(
    r"(?:\\left\s*)?([\[\]])([^\[\],;]{1,80})([,;])([^\[\]]{1,80}?)(?:\\right\s*)?([\[\]])"
)
_HALF_LINE = re.compile(
    r"\\mathbb\s*\{?\s*R\s*\}?\s*(?:_|\^)\s*\{?\s*"
    r"(?P<mark>\+|-|>\s*0|<\s*0|\\geq?\s*0|\\leq?\s*0|>=\s*0|<=\s*0|\\ge(?:qslant)?\s*0)\s*\}?"
)
_BUILDER = re.compile(r"\{\s*(\(?[A-Za-z][^{}|:]{0,40})\s*[|:](?![|:])([^{}]{1,200})\}")
_ANGLED = re.compile(r"<([^<>=]{1,200},[^<>=]{1,200})>")
_COMMA_IN_BRACES = re.compile(r"(?<=\d)\{,\}(?=\d{1,2}(?!\d))")
_HOURS = re.compile(r"(?<=\d)\s*h(?:rs?)?\s*(\d{1,2})\s*m(?:ins?)?(?![A-Za-z])")
_GLUED = re.compile(r"(?<=[0-9)}])(and|or)(?=[A-Za-z0-9(\\])")
_UNWRAPPED = re.compile(r"\\math(?:bin|rel|punct|ord|op|strut)\s*\{([^{}]{0,20})\}")
_SUBSCRIPT = re.compile("[₀₁₂₃₄₅₆₇₈₉]+")
_FRACTION = re.compile("([⁰¹²³⁴⁵⁶⁷⁸⁹]+)[⁄/]([₀₁₂₃₄₅₆₇₈₉]+)")
_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹", "01234567890123456789")


def respelled(text: str) -> str:
    """The answer in the spellings that the grammar reads."""
    if not text.isascii():
        text = _FRACTION.sub(_fraction, text)
        text = _SUBSCRIPT.sub(lambda m: "_{" + m.group().translate(_DIGITS) + "}", text)
    if ("]" in text or "[" in text) and _TURNED.search(text):
        text = _FRENCH.sub(_brackets, text)
    if "\\math" in text:
        text = _HALF_LINE.sub(_half_line, _UNWRAPPED.sub(r" \1 ", text))
    if "{" in text:
        text = _COMMA_IN_BRACES.sub(".", text.replace("{\\,}", "\\,"))
        if text[0] == "{" and (match := _BUILDER.fullmatch(text)):
            text = f"\\{{{match[1]}|{match[2]}\\}}"
    if text[:1] == "<" and (match := _ANGLED.fullmatch(text)):
        text = f"({match[1]})"
    if "h" in text:
        text = _HOURS.sub(r"\\text{ h } \1\\text{ min}", text)
    return _GLUED.sub(r" \1 ", text) if "nd" in text or "or" in text else text


def _fraction(match: re.Match[str]) -> str:
    above, below = (part.translate(_DIGITS) for part in match.groups())
    return f"\\frac{{{above}}}{{{below}}}"


def _brackets(match: re.Match[str]) -> str:
    """An interval with a bracket turned outwards is open at that end."""
    left, low, _, high, right = match.groups()
    if (left, right) == ("[", "]"):
        return match.group()
    return f"{'(' if left == ']' else '['}{low},{high}{')' if right == '[' else ']'}"


def _half_line(match: re.Match[str]) -> str:
    mark = match["mark"]
    closed = "=" in mark or "\\ge" in mark or "\\le" in mark
    if mark[0] in "-<" or mark.startswith("\\le"):
        return f"(-\\infty,0{']' if closed else ')'}"
    return f"{'[' if closed else '('}0,\\infty)"
