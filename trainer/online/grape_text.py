"""Texts of GRAPE's improvement prompt: filling a template, cutting, and what must not be told.

Pure functions of strings. Not covered: where a critique comes from, and chat messages
(``grape_prompts``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["NAMES", "TEMPLATE", "cut", "fill", "names_in", "tells", "withheld"]

NAMES = ("question", "response", "critique", "reasons")
"""What a template may show."""

TEMPLATE = """\
{question}

An earlier response:
{response}

Its critique:
{critique}

Reasons for its score:
{reasons}

Write a better response to the question, whole and by itself."""

WITHHELD = "withheld, because it tells the answer"
_NAME = re.compile(r"\{([a-z_]+)\}")
_SHORT = 24
"""Truths up to this length must stand as a word of their own; longer ones anywhere. Ours."""


def names_in(template: str) -> list[str]:
    """The names in braces, in order."""
    return _NAME.findall(template)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Put values into a template, once: braces inside a value are never looked at."""
    return _NAME.sub(lambda match: values[match.group(1)], template)


def cut(text: str, limit: int) -> str:
    """The text with its middle gone where it is longer than ``limit`` characters."""
    if len(text) <= limit:
        return text
    mark = f"\n[... {len(text) - limit} characters left out ...]\n"
    head = max((limit - len(mark)) * 2 // 3, 0)
    tail = max(limit - len(mark) - head, 0)
    return text[:head] + mark + text[len(text) - tail :]


def tells(text: str, truth: Any) -> bool:
    """Whether a text holds a ground truth, or a text or number inside of it, as it is written.

    Other ways to write the same value are not seen.
    """
    return any(_holds(text, leaf) for leaf in _leaves(truth))


def withheld(line: str) -> str:
    """What stands in place of a line ``item: text`` that must not be shown."""
    name, colon, _ = line.partition(": ")
    return f"{name}: {WITHHELD}" if colon else WITHHELD


def _holds(text: str, leaf: str) -> bool:
    if len(leaf) > _SHORT:
        return leaf in text
    return re.search(rf"(?<![\w.]){re.escape(leaf)}(?![\w]|\.\d)", text, re.IGNORECASE) is not None


def _leaves(truth: Any) -> Iterator[str]:
    if isinstance(truth, bool) or truth is None:
        return
    if isinstance(truth, str | int | float):
        text = str(truth).strip()
        if text:
            yield text
    elif isinstance(truth, Mapping):
        for value in truth.values():
            yield from _leaves(value)
    elif isinstance(truth, list | tuple):
        for value in truth:
            yield from _leaves(value)
