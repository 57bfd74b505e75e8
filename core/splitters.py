"""Where the steps of an answer begin and end, in characters.

A splitter cuts a text into stretches that follow each other without a gap, so that together they
are the text: white space between two steps belongs to the one before. Regular expressions here
run in linear time, whatever the text.

Covered: paragraphs, lines, sentences, numbered steps (``1.``, ``2)``, ``- ``), ``Step n:``, Lean
tactics by indentation. Not covered: sentences in scripts without spaces after their stops; Lean
tactics on one line (``lean.progress`` asks the elaborator).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

__all__ = ["SPLITTERS", "Span", "Splitter", "split"]

Span: TypeAlias = tuple[int, int]
"""First character, and one past the last."""
Splitter: TypeAlias = Literal["paragraphs", "lines", "sentences", "numbered", "step_n", "lean"]

_PARAGRAPH = re.compile(r"\n[ \t\r]*\n")
_LINE = re.compile(r"\n")
_NUMBERED = re.compile(r"^[ \t]{0,3}(?:\(?\d{1,3}[.):]|[-*•])[ \t]", re.MULTILINE)
_STEP_N = re.compile(r"^[ \t#*]{0,8}step[ \t]{1,3}\d{1,3}\b", re.MULTILINE | re.IGNORECASE)
_STOP = re.compile(r"[.!?…。！？]")
_CLOSING = "\"')]}”’»*_$"
_SHORT = frozenset({"e.g", "i.e", "cf", "vs", "eq", "fig", "no", "resp", "st", "dr", "mr", "mrs"})
"""Words whose full stop ends no sentence."""
_INDENT = re.compile(r"^([ \t]*)(\S)", re.MULTILINE)


def split(text: str, how: Splitter) -> list[Span]:
    """The steps of a text, in order; together they are the text. None for an empty one.

    A stretch of white space alone is no step: it belongs to the one before (or, at the beginning,
    to the first).
    """
    if not text:
        return []
    first, reached, cuts = _next_word(text, 0), 0, [0]
    for at in sorted({at for at in SPLITTERS[how](text) if 0 < at < len(text)}):
        if at < reached:
            continue  # in white space that was gone over
        reached = _next_word(text, at)
        if first < reached < len(text) and reached != cuts[-1]:
            cuts.append(reached)
    return list(zip(cuts, [*cuts[1:], len(text)], strict=True))


def _next_word(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _after(pattern: re.Pattern[str]) -> Callable[[str], Iterable[int]]:
    return lambda text: (match.end() for match in pattern.finditer(text))


def _at(pattern: re.Pattern[str]) -> Callable[[str], Iterable[int]]:
    return lambda text: (match.start() for match in pattern.finditer(text))


def _sentences(text: str) -> Iterable[int]:
    """After a stop that white space follows; not after ``3.``, ``e.g.`` or a single letter."""
    for match in _STOP.finditer(text):
        end = match.end()
        while end < len(text) and text[end] in _CLOSING:
            end += 1
        wide = match[0] in "。！？"
        if not wide and (end >= len(text) or not text[end].isspace()):
            continue
        if match[0] == "." and _abbreviates(text, match.start()):
            continue
        yield end
    yield from _after(_PARAGRAPH)(text)


def _abbreviates(text: str, stop: int) -> bool:
    """Whether the word before a full stop is a number at a line's beginning, or is short for
    something."""
    begin = stop
    while begin > 0 and stop - begin < 8 and (text[begin - 1].isalnum() or text[begin - 1] == "."):
        begin -= 1
    word = text[begin:stop].lower()
    numbers = word.isdigit() and (begin == 0 or text[begin - 1] == "\n")
    return numbers or word in _SHORT or (len(word) == 1 and word.isalpha())


def _lean(text: str) -> Iterable[int]:
    """Lines that stand no deeper than the first line after the one that ends in ``by``."""
    lines = [(m.start(), len(m[1].expandtabs(2)), m[2]) for m in _INDENT.finditer(text)]
    header = re.search(r"\bby[ \t]*$", text, re.MULTILINE)
    body = [line for line in lines if header is None or line[0] >= header.end()]
    if not body:
        return
    base = body[0][1]
    yield from (start for start, indent, _ in body if indent <= base)


SPLITTERS: Mapping[Splitter, Callable[[str], Iterable[int]]] = {
    "paragraphs": _after(_PARAGRAPH),
    "lines": _after(_LINE),
    "sentences": _sentences,
    "numbered": _at(_NUMBERED),
    "step_n": _at(_STEP_N),
    "lean": _lean,
}
"""Name -> where steps may begin; ``split`` makes stretches of it."""
