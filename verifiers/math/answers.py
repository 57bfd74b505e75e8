"""What all sources for mathematical answers share: settings, extraction, and the cheap stages.

``judge_plainly`` ends in a Verdict where the cheap stages decide, and otherwise hands back what is
left to compare. Not covered: the comparison of expressions; see ``symbolic``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import Field, field_validator

from ...core.settings import Settings
from ...core.types import Sample, Status, Verdict
from .extract import DEFAULT_ORDER, Extracted, Strategy, extract
from .reference import (
    LETTERS,
    Match,
    Reference,
    compare_choice,
    compare_plainly,
    read_options,
    read_reference,
)

__all__ = ["AnswerSettings", "Open", "judge_plainly", "verdict_of"]

_SHOWN_CHARS = 200


class AnswerSettings(Settings):
    """How an answer is found and read."""

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
    """An answer that the cheap stages neither accepted nor refused for good."""

    found: Extracted
    reference: Reference
    match: Match


def judge_plainly(sample: Sample, settings: AnswerSettings) -> Verdict | Open:
    """Extract, then compare as choice, text and number."""
    reference = read_reference(sample.ground_truth)
    if reference is None:
        return _bad_reference(sample.ground_truth)
    options = read_options(sample.extra.get("options")) if sample.extra else None
    if options is None and len(reference.normal) == 1 and reference.normal in LETTERS:
        options = LETTERS
    found = extract(sample.text, settings.extract, letters=options is not None)
    if options is not None:
        chosen = compare_choice(found.text, reference, options)
        if chosen is None:
            return _bad_reference(sample.ground_truth, "is none of the options")
        if not found.fault:
            return verdict_of(chosen, found)
    if found.fault:
        return Verdict.scored(0.0, passed=False, reason=found.fault, evidence=_evidence(found))
    match = compare_plainly(found.text, reference, unit_words=settings.unit_words)
    if match.stage == "undecided":
        return Open(found, reference, match)
    return verdict_of(match, found)


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
