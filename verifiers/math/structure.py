"""The outer shape of an answer: tuple, interval, set, list, union, relation, or a single value.

Pure text work: brackets and top-level separators are found, nothing is computed. What is inside a
leaf is for ``parse``. Not covered: matrices (leaves here), systems with braces, chained relations
(``1 < x < 2`` stays a leaf).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["MAX_ITEMS", "Group", "Leaf", "Relation", "Shape", "Union", "shape_of"]

MAX_ITEMS = 200
"""Items of a list or set that are compared; longer ones are leaves, compared as text. Ours."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A single value, as normalised text."""

    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """Items between brackets. ``left`` and ``right`` are empty for a bare list."""

    left: str
    right: str
    items: tuple[Shape, ...]

    @property
    def ordered(self) -> bool:
        """Tuples and intervals are; sets and bare lists are not."""
        return self.left in ("(", "[") or self.right in (")", "]")


@dataclass(frozen=True, slots=True)
class Union:
    """Sets joined by ``\\cup``."""

    parts: tuple[Shape, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """``left op right`` with one operator of ``= < > \\leq \\geq \\neq``."""

    left: Leaf
    operator: str
    right: Leaf


Shape: TypeAlias = Leaf | Group | Union | Relation

_TOKEN = re.compile(
    r"\\[{}]|\\(?:cup|leq|geq|neq|approx|in|begin|end)(?![A-Za-z])|\\[\s\S]|[()\[\]{},=<>]"
    r"|(?<=[\s\w)}\]])(?:and|or)(?=[\s(\\-])"
)
_OPENS, _CLOSES = (
    frozenset(("(", "[", "{", r"\{", r"\begin")),
    frozenset((")", "]", "}", r"\}", r"\end")),
)
_RELATIONS = frozenset(("=", "<", ">", r"\leq", r"\geq", r"\neq"))
_SEPARATORS = frozenset((",", "and", "or"))


def shape_of(text: str) -> Shape:
    """The shape of a normalised text. Linear for each level of nesting, at most three deep."""
    return _shape(text, 3)


def _shape(text: str, depth: int) -> Shape:
    text = text.strip(" ,")
    marks = list(_top_level(text))
    if depth and any(mark == r"\cup" for _, mark in marks):
        return Union(tuple(_shape(part, depth - 1) for part in _cut(text, marks, {r"\cup"})))
    if depth and any(mark in _SEPARATORS for _, mark in marks):
        items = _cut(text, marks, _SEPARATORS)
        if len(items) <= MAX_ITEMS:
            return Group("", "", tuple(_shape(item, depth - 1) for item in items))
    if depth and (group := _bracketed(text, depth)) is not None:
        return group
    relations = [(place, mark) for place, mark in marks if mark in _RELATIONS]
    if len(relations) == 1:
        place, mark = relations[0]
        left, right = text[:place].strip(), text[place + len(mark) :].strip()
        if left and right:
            return Relation(Leaf(left), mark, Leaf(right))
    if depth and text.count(r"\pm") == 1:
        signed = (Leaf(text.replace(r"\pm", sign).strip("+ ")) for sign in "+-")
        return Group("", "", tuple(signed))
    return Leaf(text)


def _bracketed(text: str, depth: int) -> Group | None:
    """The group that the whole text is: brackets around it, and a list (or a set) inside."""
    for left in ("(", "[", r"\{"):
        for right in (")", "]", r"\}"):
            if not (text.startswith(left) and text.endswith(right)) or len(text) <= len(left):
                continue
            inside = text[len(left) : -len(right)]
            marks = list(_top_level(inside))
            if any(place < 0 for place, _ in marks):
                return None
            if left != r"\{" and not any(mark == "," for _, mark in marks):
                return None
            items = [item for item in _cut(inside, marks, {","}) if item]
            if len(items) > MAX_ITEMS:
                return None
            return Group(left, right, tuple(_shape(item, depth - 1) for item in items))
    return None


def _top_level(text: str) -> Iterator[tuple[int, str]]:
    """Marks outside all brackets with their places; place -1 where brackets do not match."""
    depth = 0
    for match in _TOKEN.finditer(text):
        mark = match.group()
        if mark in _OPENS:
            depth += 1
        elif mark in _CLOSES:
            depth -= 1
            if depth < 0:
                yield -1, mark
                depth = 0
        elif depth == 0:
            yield match.start(), mark
    if depth:
        yield -1, ""


def _cut(text: str, marks: list[tuple[int, str]], at: frozenset[str] | set[str]) -> list[str]:
    parts, start = [], 0
    for place, mark in marks:
        if mark in at and place >= 0:
            parts.append(text[start:place].strip())
            start = place + len(mark)
    return [*parts, text[start:].strip()]
