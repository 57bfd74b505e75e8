"""``format.think_answer``: reasoning in one tag, the answer in another, and nothing gamed.

Source: the four criteria of Logic-RL (Xie et al. 2025, arXiv 2502.14768), eq. 21 of the alignment
tutorial this project builds on: +1 when all hold, -1 otherwise. The five hacks seen there each fail
a criterion and are named in the evidence.

Covered: tags once, in order; reasoning that is there and is not padding; one extractable answer.
Not covered: whether the reasoning leads to the answer, or the answer is right.
"""

from __future__ import annotations

import zlib
from typing import Literal

from pydantic import Field

from ...core.settings import Settings
from ...core.source import source
from ...core.types import Sample, Verdict
from ..math.boxes import HEDGE

__all__ = ["ThinkAnswerSettings", "think_answer"]


class ThinkAnswerSettings(Settings):
    """Which form is asked for, and what it is worth."""

    think_tag: str = Field(default="think", pattern=r"^[A-Za-z][A-Za-z_]{0,30}$")
    """Name of the tag around the reasoning, without brackets."""
    answer_tag: str = Field(default="answer", pattern=r"^[A-Za-z][A-Za-z_]{0,30}$")
    """Name of the tag around the answer."""
    opened_by_prompt: bool = False
    """The chat template ends in ``<think>``: the completion starts inside it."""
    scores: Literal["plus_minus", "zero_one", "penalty"] = "plus_minus"
    """Score of a good and a bad form: +1 and -1 (eq. 21), 1 and 0, or 0 and minus ``penalty``."""
    penalty: float = Field(default=1.0, gt=0.0, allow_inf_nan=False)
    """For ``scores: penalty``: what a bad form costs."""
    min_reasoning_chars: int = Field(default=5, ge=1)
    """Shortest reasoning, without white space at the ends. Ours: ``1+2=3`` is enough; ask for 50
    or more of models that reason in sentences."""
    max_repetition: float = Field(default=0.7, gt=0.0, le=1.0)
    """Share of word trigrams in the reasoning that may be repeats; beyond it is padding. Ours."""
    max_answer_chars: int | None = Field(default=200, ge=1)
    """Longer answers are reasoning in the wrong place. None: any length. Ours."""
    allow_outside: bool = False
    """Text before, between and after the two blocks is allowed."""


@source("format.think_answer", version="1", scale="real", runs="inline")
def think_answer(sample: Sample, settings: ThinkAnswerSettings) -> Verdict:
    """Whether the completion is ``<think>reasoning</think><answer>answer</answer>``.

    Parts, each 0 or 1: ``tags_once``, ``order``, ``reasoning``, ``answer``; passed when all are 1.
    ``evidence["hacks"]`` names what was seen of: skipped_thinking, nonsense_padding,
    reasoning_in_answer, repeated_guessing, text_after_answer, text_outside.
    """
    faults = _faults(sample.text, settings)
    passed = not any(faults.values())
    reasons = [reason for found in faults.values() for reason in found.values()]
    return Verdict.scored(
        _score(settings, passed=passed),
        passed=passed,
        reason="; ".join(reasons) or "the form is as asked",
        parts={criterion: float(not found) for criterion, found in faults.items()},
        evidence={"hacks": [name for found in faults.values() for name in found if name]},
    )


Faults = dict[str, str]
"""Name of a hack ("" for a plain fault) -> what was seen."""


def _score(settings: ThinkAnswerSettings, *, passed: bool) -> float:
    good, bad = {
        "plus_minus": (1.0, -1.0),
        "zero_one": (1.0, 0.0),
        "penalty": (0.0, -settings.penalty),
    }[settings.scores]
    return good if passed else bad


def _faults(text: str, settings: ThinkAnswerSettings) -> dict[str, Faults]:
    """What is wrong, by criterion. Without readable tags nothing further holds."""
    tags = [
        f"<{settings.think_tag}>",
        f"</{settings.think_tag}>",
        f"<{settings.answer_tag}>",
        f"</{settings.answer_tag}>",
    ]
    if settings.opened_by_prompt:
        text = tags[0] + text
    wrong = [tag for tag in tags if text.count(tag) != 1]
    places = [text.find(tag) for tag in tags]
    unread: Faults = {"": "not looked at: the tags are wrong"}
    if wrong:
        hack = "repeated_guessing" if text.count(tags[3]) > 1 else ""
        once: Faults = {hack: f"{', '.join(wrong)} must appear exactly once"}
        return {"tags_once": once, "order": unread, "reasoning": unread, "answer": unread}
    if places != sorted(places):
        order: Faults = {"": "the tags are not in the order " + " ".join(tags)}
        return {"tags_once": {}, "order": order, "reasoning": unread, "answer": unread}
    ends = [place + len(tag) for place, tag in zip(places, tags, strict=True)]
    outside = (text[: places[0]], text[ends[1] : places[2]], text[ends[3] :])
    return {
        "tags_once": {},
        "order": {} if settings.allow_outside else _outside(*outside),
        "reasoning": _reasoning(text[ends[0] : places[1]].strip(), settings),
        "answer": _answer(text[ends[2] : places[3]].strip(), settings),
    }


def _outside(before: str, between: str, after: str) -> Faults:
    faults: Faults = {}
    if before.strip() or between.strip():
        faults["text_outside"] = "there is text before or between the two blocks"
    if after.strip():
        faults["text_after_answer"] = "the text goes on after the answer"
    return faults


def _reasoning(text: str, settings: ThinkAnswerSettings) -> Faults:
    if len(text) < settings.min_reasoning_chars:
        least = settings.min_reasoning_chars
        return {"skipped_thinking": f"the reasoning has fewer than {least} characters"}
    if _is_padding(text, settings.max_repetition):
        return {"nonsense_padding": "the reasoning is padding or repetition"}
    return {}


_SAMPLED_CHARS = 10_000
_MIN_CHARS_DISTINCT, _MIN_DISTINCT = 32, 5
_MIN_WORDS = 24
_MIN_CHARS_PACKED, _MIN_PACKED = 256, 0.08
"""From these lengths on: at least 5 distinct marks, trigrams that differ, and a text that zlib does
not pack below 8 %, which prose never does and a repeated word always. Ours."""


def _is_padding(text: str, max_repetition: float) -> bool:
    """Whether the start and the end of a text say little: no letters, few marks, or repeats."""
    if len(text) > 2 * _SAMPLED_CHARS:
        text = text[:_SAMPLED_CHARS] + text[-_SAMPLED_CHARS:]
    if not any(char.isalnum() for char in text):
        return True
    if len(text) >= _MIN_CHARS_DISTINCT and len(set(text) - {" ", "\n"}) < _MIN_DISTINCT:
        return True
    words = text.split()
    if len(words) >= _MIN_WORDS:
        trigrams = len(words) - 2
        if 1 - len(set(zip(words, words[1:], words[2:], strict=False))) / trigrams > max_repetition:
            return True
    if len(text) < _MIN_CHARS_PACKED:
        return False
    raw = text.encode("utf-8", "surrogatepass")
    return len(zlib.compress(raw)) < _MIN_PACKED * len(raw)


def _answer(text: str, settings: ThinkAnswerSettings) -> Faults:
    if not text:
        return {"": "the answer is empty"}
    if settings.max_answer_chars is not None and len(text) > settings.max_answer_chars:
        most = settings.max_answer_chars
        return {"reasoning_in_answer": f"the answer has more than {most} characters"}
    if not any(char.isalnum() for char in text):
        return {"": "the answer holds no letter or digit"}
    if text.count("\\boxed") > 1 or HEDGE.search(text, 0, 1000):
        return {"repeated_guessing": "the answer offers more than one guess"}
    return {}
