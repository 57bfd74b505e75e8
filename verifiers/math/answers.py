"""What all sources for mathematical answers share: settings, extraction, and the cheap stages.

``find_answer`` ends in a Verdict where there is nothing to compare, and otherwise hands back the
answer and the ground truth. Not covered: the comparison; see ``reference`` and ``decide``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, field_validator

from ...core.settings import Settings
from ...core.types import Sample, Status, Verdict
from .extract import DEFAULT_ORDER, STRICT_ORDER, Extracted, Strategy, extract
from .reference import (
    LETTERS,
    Match,
    Reference,
    compare_choice,
    read_options,
    read_reference,
)

__all__ = ["AnswerSettings", "Open", "find_answer", "verdict_of"]

_SHOWN_CHARS = 200


class AnswerSettings(Settings):
    """How an answer is found and read."""

    mode: Literal["flex", "strict"] = "flex"
    """``strict``: only what is marked on purpose (a box, an answer tag, ``####``) is an answer."""
    extract: tuple[Strategy, ...] = Field(default=DEFAULT_ORDER, min_length=1)
    """Strategies in the order tried; the first whose mark is there decides."""
    unit_words: bool = True
    """"42 apples" counts as 42 where the ground truth is a bare number."""

    @field_validator("extract")
    @classmethod
    def _once(cls, order: tuple[Strategy, ...]) -> tuple[Strategy, ...]:
        if len(set(order)) < len(order):
            raise ValueError("each strategy may be named once")
        return order


@dataclass(frozen=True, slots=True)
class Open:
    """An answer, and the ground truth it is to be compared with."""

    found: Extracted
    reference: Reference


def find_answer(sample: Sample, settings: AnswerSettings) -> Verdict | Open:
    """Extract. Multiple choice is judged at once: letters need no mathematics."""
    reference = read_reference(sample.ground_truth)
    if reference is None:
        return _bad_reference(sample.ground_truth)
    options = read_options(sample.extra.get("options")) if sample.extra else None
    if options is None and reference.normal.strip("()[].") in LETTERS:
        options = LETTERS
    order: tuple[Strategy, ...] = settings.extract
    if settings.mode == "strict":
        order = tuple(name for name in order if name in STRICT_ORDER)
    found = extract(sample.text, order, letters=options is not None)
    if options is not None:
        chosen = compare_choice(found.text, reference, options)
        if chosen is None:
            return _bad_reference(sample.ground_truth, "is none of the options")
        if not found.fault:
            return verdict_of(chosen, found)
    if found.fault:
        return Verdict.scored(0.0, passed=False, reason=found.fault, evidence=_evidence(found))
    return Open(found, reference)


def verdict_of(match: Match, found: Extracted, **more: Any) -> Verdict:
    """The Verdict of a decided comparison; ``more`` goes into the evidence."""
    return Verdict.scored(
        1.0 if match.equal else 0.0,
        passed=match.equal,
        reason=match.reason,
        evidence=_evidence(found, **{"stage": match.stage, **more}),
    )


def _evidence(found: Extracted, **more: Any) -> dict[str, Any]:
    return {"strategy": found.strategy, "extracted": found.text[:_SHOWN_CHARS], **more}


def _bad_reference(truth: Any, what: str = "cannot be read as one answer") -> Verdict:
    shown = repr(truth)[:80] if isinstance(truth, str | int | float) else type(truth).__name__
    return Verdict.unscored(Status.BAD_REFERENCE, f"the ground truth {what}: {shown}")
