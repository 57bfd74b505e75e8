"""The answer in the last ``\\boxed{...}`` or ``\\fbox{...}`` of a text, and the company it keeps.

Policies: the last box that is not negated ("not \\boxed{3}") decides. A box that never closes is no
answer, whatever stands elsewhere. Boxes joined by "or" are a hedge. Boxes side by side, with
commas or an "and" between them, are one list. Other different boxes on the same line are a hedge
too, unless the words between them revise the first ("\\boxed{10} and then \\boxed{42}").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .found import MAX_MARKS, Extracted
from .normalise import MAX_ANSWER_CHARS, normalise
from .number import read_number

__all__ = ["HEDGE", "boxed"]

_BRACES = re.compile(r"\\[\s\S]|[{}]")
_BARE = re.compile(r"\s{0,8}([+-]?[0-9][0-9.,/]{0,40})")
_OPEN = re.compile(r"\s{0,8}\{")
_NEGATED = re.compile(
    r"(?:\b(?:can)?not|n't|\bnever)\s{1,3}(?:be\s{1,3})?[$\\(\s]{0,4}\Z", re.IGNORECASE
)
HEDGE = re.compile(r"\b(?:or|either|maybe|perhaps|possibly|alternatively)\b", re.IGNORECASE)
_LIST = re.compile(r"(?:[\s,;&$]|\\[()\[\],;! ]|\\q?quad\b|\band\b|\\text\{\s*and\s*\}){0,40}")
_REVISED = re.compile(
    r"\b(?:then|so|thus|hence|therefore|final(?:ly)?|wait|no|actually|instead|correct\w*|answer|is"
    r"|attempt|first|second|reflection|check\w*)\b|[.!?]\s",
    re.IGNORECASE,
)
_AND = re.compile(r"\band\b|;", re.IGNORECASE)
_PERCENT = re.compile(r"[\s$]{0,4}(?:\\?%|percent\b|pct\b)|\s?\\text\{\s?(?:percent|\\%)")
_STEP = re.compile(r"=|→")
_NEAR = 200
"""Boxes further apart than this do not belong together; ours."""


@dataclass(frozen=True, slots=True)
class _Box:
    start: int
    end: int
    text: str | None
    """None: the box never ends."""


def boxed(text: str, *, alternatives: bool = False) -> Extracted | None:
    """The answer in the last box. ``alternatives``: boxes joined by "or" are one list, as a ground
    truth may name several solutions; a model that does so hedges."""
    end, negated = len(text), False
    for _ in range(MAX_MARKS):
        box = _last_box(text, end)
        if box is None:
            break
        if box.text is None:
            fault = "the last box is not closed, or too long to be an answer"
            return Extracted("", "boxed", fault, (box.start, box.end))
        if not _NEGATED.search(text, max(0, box.start - 24), box.start):
            return _with_neighbours(text, box, box.text, alternatives=alternatives)
        end, negated = box.start, True
    return Extracted("", "boxed", "every box is negated") if negated else None


def _last_box(text: str, end: int) -> _Box | None:
    """The last box that starts before ``end``; a mere mention of the command is passed over."""
    for _ in range(MAX_MARKS):
        start = text.rfind("\\boxed", 0, end)
        start = max(start, text.rfind("\\fbox", max(start, 0), end))
        if start < 0:
            return None
        after = start + (6 if text.startswith("\\boxed", start) else 5)
        if opened := _OPEN.match(text, after):
            inside = opened.end()
            close = _closing(text, inside)
            if close is None:
                return _Box(start, len(text), None)
            return _Box(start, close + 1, text[inside:close])
        if bare := _BARE.match(text, after):
            return _Box(start, bare.end(), bare.group(1))
        end = start
    return None


def _closing(text: str, start: int) -> int | None:
    """Where the brace opened before ``start`` closes; None beyond ``MAX_ANSWER_CHARS``."""
    depth = 1
    for match in _BRACES.finditer(text, start, start + MAX_ANSWER_CHARS):
        mark = match.group()
        depth += (mark == "{") - (mark == "}")
        if depth == 0:
            return match.start()
    return None


def _with_neighbours(text: str, box: _Box, answer: str, *, alternatives: bool) -> Extracted:
    """The last box, seen together with the boxes just before it."""
    parts, start = [answer], box.start
    for _ in range(MAX_MARKS):
        before = _last_box(text, start)
        if before is None or before.text is None or not before.end <= start <= before.end + _NEAR:
            break
        between = text[before.end : start]
        if _equal(before.text, parts[0]):
            break
        if alternatives and _REVISED.search(between):
            break  # a ground truth that turns away from its earlier boxes gives the later ones
        joined = bool(HEDGE.search(between)) and "\n" not in between.strip()
        if joined and not alternatives:
            fault = "a hedge: boxes joined by 'or' are no single answer"
            return Extracted("", "boxed", fault, (before.start, box.end), answer)
        if not joined and not _is_listed(between):
            if "\n" in between or _REVISED.search(between) or _STEP.search(between):
                break
            fault = "a hedge: several different boxes on one line"
            return Extracted("", "boxed", fault, (before.start, box.end), answer)
        parts.insert(0, before.text)
        start = before.start
    percent = len(parts) == 1 and bool(_PERCENT.match(text, box.end))
    return Extracted(", ".join(parts), "boxed", "", (start, box.end), percent=percent)


def _is_listed(between: str) -> bool:
    """Commas alone, or prose with an "and" that revises nothing: parts of one answer."""
    if _LIST.fullmatch(between):
        return "\n" not in between
    return bool(_AND.search(between)) and "\n" not in between and not _REVISED.search(between)


def _equal(one: str, other: str) -> bool:
    """Whether two boxes plainly hold one value, so that they are no hedge."""
    a, b = normalise(one), normalise(other)
    number = read_number(a)
    return a == b or (number is not None and number == read_number(b))
