"""One spelling for texts that differ only in typesetting: what string comparison compares.

Covered: Unicode minus signs, digits and spaces, LaTeX wrappers, spacing and delimiters, ``\\dfrac``
and ``\\frac12``, escaped currency and percent signs, a trailing period.
Not covered: anything mathematical. Superscript digits become powers, never digits; blanks between
letters or digits stay (``1 2`` is not ``12``); degree signs and units stay.

Bounds: texts over ``MAX_ANSWER_CHARS`` are the caller's to refuse; every pattern here is linear or
runs on text that short.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["MAX_ANSWER_CHARS", "normalise", "plain_characters"]

MAX_ANSWER_CHARS = 24_000
"""Longer answers and references are not read; holds a set of 2,000 numbers. Ours."""

_SPECIAL = {
    **dict.fromkeys("‐‑‒–—―−﹣－", "-"),
    **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u00ad", ""),
    **{c: f"^{{{n}}}" for n, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    "½": "\\frac{1}{2}",
    "⅓": "\\frac{1}{3}",
    "⅔": "\\frac{2}{3}",
    "¼": "\\frac{1}{4}",
    "¾": "\\frac{3}{4}",
    "⁄": "/",
    "∕": "/",
    "÷": "/",
    "×": "\\times ",
    "·": "\\cdot ",
    "⋅": "\\cdot ",
    "π": "\\pi ",
    "∞": "\\infty ",
    "≤": "\\leq ",
    "≥": "\\geq ",
    "≠": "\\neq ",
    "∪": "\\cup ",
    "∩": "\\cap ",
    "∈": "\\in ",
    "∅": "\\emptyset ",
    "±": "\\pm ",
    "％": "%",
    "，": ",",
    "．": ".",
    "（": "(",
    "）": ")",
    "＋": "+",
    "＝": "=",
    "／": "/",
}


class _Characters(dict[int, str]):
    """A table for ``str.translate`` that works out each character once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        digit = unicodedata.decimal(char, None)
        if 0x1D400 <= code <= 0x1D7FF:  # mathematical alphanumeric symbols: letters in costume
            char = unicodedata.normalize("NFKC", char)
        out = _SPECIAL.get(char, char) if digit is None else str(digit)
        if out == chr(code) and char.isspace():
            out = " "
        self[code] = out
        return out


_TABLE = _Characters()


def plain_characters(text: str) -> str:
    """The text with digits, minus signs, spaces and common symbols of any script in ASCII."""
    return text if text.isascii() else text.translate(_TABLE)


_WRAPPED = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mbox|operatorname|emph|rm|bf)"
    r"\s*\{([^{}]*)\}"
)
_SYNONYMS = {
    **dict.fromkeys(("left", "right", "bigl", "bigr", "big", "Big", "Bigl", "Bigr"), ""),
    **dict.fromkeys(("displaystyle", "textstyle", "limits", "nolimits"), ""),
    **dict.fromkeys(("quad", "qquad", "thinspace"), " "),
    **dict.fromkeys(("dfrac", "tfrac", "cfrac"), r"\frac"),
    "le": r"\leq",
    "ge": r"\geq",
    "ne": r"\neq",
    "lbrace": r"\{",
    "rbrace": r"\}",
    "lbrack": "[",
    "rbrack": "]",
    "degree": "°",
    "dots": "...",
    "ldots": "...",
    "cdots": "...",
    "varnothing": r"\emptyset",
}
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_MARKS = {
    r"\\": r"\\",  # a row break: its second half starts no mark
    r"\!": "",
    r"\,": " ",
    r"\;": " ",
    r"\:": " ",
    r"\ ": " ",
    "~": " ",
    "{,}": ",",
    r"\(": "",
    r"\)": "",
    r"\[": "",
    r"\]": "",
    r"\$": "",
    "$": "",
    r"\%": "%",
    r"\#": "#",
    "^{\\circ}": "°",
    "^\\circ": "°",
}
_MARK = re.compile(r"\\\\|\\[!,;: ()\[\]$%#]|~|\{,\}|\$|\^\{\\circ\}|\^\\circ(?![A-Za-z])")
_SHORT_FRACTION = re.compile(
    r"\\frac\s*(?:([0-9a-zA-Z])|\{([^{}]*)\})\s*(?:([0-9a-zA-Z])|\{([^{}]*)\})"
)
_SHORT_ROOT = re.compile(r"\\sqrt\s*([0-9a-zA-Z])")
_SHORT_SCRIPT = re.compile(r"([\^_])\{([0-9a-zA-Z])\}")
_GAP = re.compile(r"(\\[A-Za-z]++)\s*+(?=[A-Za-z0-9])")
_BLANK = re.compile(r"\s+")
_MAX_BRACES = 8
_EDGES = ' \t\r\n,;:*`"'


def normalise(text: str) -> str:
    """The text in one spelling; equal results mean equal answers, different ones mean nothing."""
    if text.isalnum() and text.isascii():  # the usual short number or letter
        return text
    text = plain_characters(text)
    if "\\" in text or "$" in text or "{" in text or "~" in text:
        text = _latex(text)
    text = _trimmed(_BLANK.sub(_kept_blank, text).lstrip("=" + _EDGES))
    for _ in range(_MAX_BRACES):
        if len(text) <= 2 or text[0] != "{" or text[-1] != "}" or not _one_group(text):
            break
        text = _trimmed(text[1:-1])
    return text


def _trimmed(text: str) -> str:
    """Without marks at the edges; one final period goes, an ellipsis and ``.5`` stay."""
    text = text.strip(_EDGES)
    return text[:-1].rstrip(_EDGES) if text.endswith(".") and not text.endswith("..") else text


def _latex(text: str) -> str:
    for _ in range(3):  # \textbf{\text{B}}: the inner one first
        text, count = _WRAPPED.subn(r" \1 ", text)
        if not count:
            break
    text = _MARK.sub(_mark, text)
    text = _COMMAND.sub(_synonym, text)
    text = _GAP.sub(r"\1 ", text)
    text = _SHORT_FRACTION.sub(_full_fraction, text)
    text = _SHORT_ROOT.sub(r"\\sqrt{\1}", text)
    return _SHORT_SCRIPT.sub(r"\1\2", text)


def _mark(match: re.Match[str]) -> str:
    return _MARKS[match.group()]


def _synonym(match: re.Match[str]) -> str:
    return _SYNONYMS.get(match.group(1), match.group())


def _full_fraction(match: re.Match[str]) -> str:
    a, b, c, d = match.groups()
    return f"\\frac{{{a if b is None else b}}}{{{c if d is None else d}}}"


def _kept_blank(match: re.Match[str]) -> str:
    """One blank between letters or digits, none elsewhere."""
    before, after = match.start() - 1, match.end()
    text = match.string
    inside = before >= 0 and after < len(text)
    return " " if inside and text[before].isalnum() and text[after].isalnum() else ""


def _one_group(text: str) -> bool:
    """Whether the brace at the start closes at the very end."""
    depth = 0
    for place, char in enumerate(text):
        depth += (char == "{") - (char == "}")
        if depth == 0:
            return place == len(text) - 1
    return False
