"""One completion's vote: the answer it gives, or why it has none.

Answers are found as ``math.symbolic`` finds them, without a ground truth to go by. A completion
that hit its length limit does not vote, nor does one whose answer cannot be read: a group must not
agree on having no answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ...core.types import Sample
from ..math.answers import AnswerSettings
from ..math.expects import fits
from ..math.extract import STRICT_ORDER, Extracted, Strategy, extract
from ..math.normalise import normalise
from ..math.number import read_number
from ..math.reader import Unreadable, read_answer
from ..math.reader.nodes import Seq, Text
from ..math.reference import LETTERS, letter_of, read_options

__all__ = ["Vote", "vote_of"]

_MAX_VOTE_CHARS = 1000
"""Longer answers do not vote: they are compared with each other. Ours."""


@dataclass(frozen=True, slots=True)
class Vote:
    """What one completion says."""

    found: Extracted
    text: str = ""
    """The answer as written, or the letter of an option."""
    normal: str = ""
    """Its spelling; empty: it does not vote, and ``why`` says why."""
    why: str = ""


def vote_of(sample: Sample, settings: AnswerSettings, answers: Literal["math", "text"]) -> Vote:
    """The vote of one completion. Never raises."""
    options = read_options(sample.extra.get("options"))
    if options is None and settings.expects == "choice":
        options = LETTERS
    order: tuple[Strategy, ...] = settings.extract
    if settings.mode == "strict":
        order = tuple(name for name in order if name in STRICT_ORDER)
    found = extract(sample.text, order, letters=options is not None)
    if found.last and settings.hedge == "last":
        found = replace(found, text=found.last, fault="")
    if sample.truncated:
        return Vote(found, why="it hit its length limit, so it does not vote")
    if found.fault:
        return Vote(found, why=found.fault)
    if options is not None:
        letter = letter_of(found.text, options)
        return Vote(found, letter, letter) if letter else Vote(found, why="it names no option")
    return _free_vote(found, settings, answers)


def _free_vote(
    found: Extracted, settings: AnswerSettings, answers: Literal["math", "text"]
) -> Vote:
    """The vote on a question that has no options."""
    text = found.text + "\\%" if found.percent and "%" not in found.text else found.text
    normal = normalise(text) if len(text) <= _MAX_VOTE_CHARS else ""
    if not normal:
        return Vote(found, why=f"its answer is empty, or over {_MAX_VOTE_CHARS} characters")
    if answers == "text":
        return Vote(found, text, " ".join(normal.casefold().split()))
    if not _is_maths(text, normal):
        return Vote(found, why="its answer cannot be read as mathematics")
    if not fits(text, settings.expects):
        return Vote(found, why=f"its answer is not of the expected type, {settings.expects}")
    return Vote(found, text, normal)


def _is_maths(text: str, normal: str) -> bool:
    """Whether an answer is read, and is not words alone ("unknown" is no answer to agree on)."""
    if read_number(normal) is not None:
        return True
    try:
        node = read_answer(text)
    except (Unreadable, RecursionError):
        return False
    parts = node.items if isinstance(node, Seq) else (node,)
    return not all(isinstance(part, Text) for part in parts)
