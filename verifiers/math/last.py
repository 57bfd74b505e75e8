"""Answers that nothing marks: the last line, the last piece of mathematics, the last number.

The last resorts of ``extract``. Each is linear in a tail of bounded length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .boxes import HEDGE
from .found import Extracted
from .normalise import plain_characters
from .reader.answer import read_answer
from .reader.nodes import EXPRESSIONS, Relation, Seq, Sym, Text, Unit, Unreadable, walk
from .reader.units import unit_of

__all__ = ["NUMBER", "last_line", "last_maths", "last_number", "line_span"]


def line_span(text: str, line: str) -> tuple[int, int]:
    """Of the last line, as stripped."""
    start = text.rfind(line)
    return start, start + len(line)


_LINE_CHARS = 600


def last_line(text: str) -> Extracted | None:
    """Of one line that is all mathematics. Statements between numbers are working, not answers."""
    line = text[-_LINE_CHARS:].rstrip().rpartition("\n")[2].strip(" *_`")
    if not line or len(line) >= _LINE_CHARS - 1:
        return None
    try:
        node = read_answer(line)
    except Unreadable:
        return _behind_is(text, line)
    if isinstance(node, Text) or (isinstance(node, Relation) and not _has_symbol(node)):
        return None
    return Extracted(line, "last_line").at(*line_span(text, line))


_IS = re.compile(r"\b(?:is|are|equals)\s{1,3}(?:equal to\s{1,3}|just\s{1,3})?")


def _behind_is(text: str, line: str) -> Extracted | None:
    """``The polynomial is x^2 + 1.``: what comes last, if it is an expression with letters."""
    tail = _IS.split(line)[-1].strip(" .$*")
    if len(tail) == len(line) or not tail:
        return None
    try:
        node = read_answer(tail)
    except Unreadable:
        return None
    kinds = (*EXPRESSIONS, Relation, Seq)
    names = {part.name for part in walk(node) if isinstance(part, Sym)}
    strange = any(isinstance(part, Unit | Text) for part in walk(node))
    if not isinstance(node, kinds) or strange or HEDGE.search(line):
        return None
    if all(unit_of(name) for name in names):  # 5 m has a number, and no letters of its own
        return None
    return Extracted(tail, "last_line").at(*line_span(text, tail))


def _has_symbol(node: Relation) -> bool:
    return any(isinstance(part, Sym) for part in walk(node))


_ANY_MATHS = re.compile(
    r"\$\$([^$]{1,1000})\$\$|\$([^$\n]{1,500})\$|\\\(((?:(?!\\[()])[\s\S]){1,500})\\\)"
    r"|\\\[((?:(?!\\[\[\]])[\s\S]){1,1000})\\\]"
)
_TAIL = 2000


def last_maths(text: str) -> Extracted | None:
    """The last piece between mathematics delimiters, if no number comes after it."""
    tail = text[-_TAIL:]
    if "$" not in tail and "\\)" not in tail and "\\]" not in tail:
        return None
    match = _last(_ANY_MATHS.finditer(tail))
    if match is None or any(char.isdigit() for char in tail[match.end() :]):
        return None
    inside = next(filter(None, match.groups()), "").strip()
    try:
        node = read_answer(inside)
    except Unreadable:
        return None
    if isinstance(node, Relation) and set(node.operators) <= {"=", "~"} and not _has_symbol(node):
        inside = re.split(r"=|\\approx", inside)[-1].strip()  # 2+3=5: the result is the answer
    skipped = len(text) - len(tail)
    span = skipped + match.start(), skipped + match.end()
    if HEDGE.search(tail, max(0, match.start() - 24), match.start()):
        return Extracted("", "maths", "a hedge: two values joined by 'or'", span, inside)
    return Extracted(inside, "maths", "", span) if inside else None


_DIGIT = re.compile(r"\d")
_SIGN = r"(?:(?<![\w)\]}])[+-])?"
NUMBER = re.compile(
    rf"{_SIGN}(?:[0-9]{{1,6}}\s?)?\\[dt]?frac\{{[+-]?[0-9]+\}}\{{[+-]?[0-9]+\}}"
    rf"|{_SIGN}(?:\\?[$£€¥₹]\s?)?{_SIGN}"
    r"(?:(?:[0-9]{1,3}(?:(?:,|\{,\}| )[0-9]{3})+(?![0-9])|[0-9]+)"
    r"(?:\.[0-9]+|(?<![0-9],[0-9]{3}),[0-9]{1,2}(?![0-9,.]))?|\.[0-9]+)"
    r"(?:[eE][+-]?[0-9]{1,4}(?!\w))?(?:/[0-9]+)?(?:\s?\\?%|\s?percent\b)?"
)
_AREA_BEFORE = re.compile(r"[0-9]\s?(?:[kcdm]?m|ft|in|mi|yd)\^\{?\Z")
_NOT_BEFORE = re.compile(r"(?:\bnot|n't)\s{1,2}\S{0,2}\Z", re.IGNORECASE)
_OR_BEFORE = re.compile(r"\d\S{0,8}\s{1,3}or\s{1,3}\S{0,2}\Z", re.IGNORECASE)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Controls that show digits in another order than they are written."""
_WINDOW = 512


def _after_last_digit(text: str) -> int:
    if text.isascii():
        return 1 + max(map(text.rfind, "0123456789"))
    last = _DIGIT.search(text[::-1])
    return 0 if last is None else len(text) - last.start()


def last_number(text: str) -> Extracted | None:
    """The last number, unless it is negated, one of two, or part of something else."""
    end = _after_last_digit(text)
    if end == 0:
        return None
    start = max(0, end - _WINDOW)
    raw = text[start : end + 16]
    window = plain_characters(raw)
    match = _last(m for m in NUMBER.finditer(window) if not _is_area(window, m.start()))
    if match is None or (match.start() == 0 and start > 0) or _BIDI.search(window):
        fault = "the last number is too long, or not readable"
        return Extracted("", "last_number", fault, (start, end))
    fault = _number_fault(window, match.start())
    span = (start + _raw_place(raw, match.start()), start + _raw_place(raw, match.end()))
    last = match.group() if fault.startswith("a hedge") else ""
    return Extracted("" if fault else match.group(), "last_number", fault, span, last)


def _is_area(window: str, start: int) -> bool:
    """Whether a number is the exponent of a unit: ``5 cm^2``."""
    return window[start] in "23" and bool(_AREA_BEFORE.search(window, max(0, start - 8), start))


def _number_fault(window: str, start: int) -> str:
    if window[:start].removesuffix("{")[-1:] in ("^", "_"):
        return "the last number is an exponent or an index"
    if _NOT_BEFORE.search(window, max(0, start - 16), start):
        return "the last number is negated"
    if _OR_BEFORE.search(window, max(0, start - 24), start):
        return "a hedge: two numbers joined by 'or'"
    return ""


def _raw_place(raw: str, place: int) -> int:
    """Where in the text as written a place in its plain characters is."""
    if raw.isascii():
        return place
    length = 0
    for n, char in enumerate(raw):
        if length >= place:
            return n
        length += len(plain_characters(char))
    return len(raw)


def _last(matches: Iterator[re.Match[str]]) -> re.Match[str] | None:
    found = None
    for match in matches:
        found = match
    return found
