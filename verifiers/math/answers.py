"""What all sources for mathematical answers share: settings, extraction, and the cheap stages.

``find_answer`` ends in a Verdict where there is nothing to compare, and otherwise hands back the
answer and the ground truth. Not covered: the comparison; see ``reference`` and ``decide``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import Field, field_validator

from ...core.settings import Settings
from ...core.types import Sample, Status, Verdict
from .expects import Expects, fits
from .extract import DEFAULT_ORDER, STRICT_ORDER, Extracted, Strategy, extract
from .normalise import normalise
from .reference import (
    LETTERS,
    Match,
    Reference,
    compare_choice,
    letter_of,
    read_options,
    read_reference,
)

__all__ = ["AnswerSettings", "Open", "evidence_of", "find_answer", "verdict_of"]

_SHOWN_CHARS = 200


class AnswerSettings(Settings):
    """How an answer is found and read."""

    mode: Literal["flex", "strict"] = "flex"
    """``strict``: only what is marked on purpose (a box, an answer tag, ``####``) is an answer."""
    extract: tuple[Strategy, ...] = Field(default=DEFAULT_ORDER, min_length=1)
    """Strategies in the order tried; the first whose mark is there decides."""
    hedge: Literal["wrong", "last"] = "wrong"
    """An answer that offers several values ("3 or 4") is wrong, or its last value counts."""
    expects: Expects = "any"
    """The type of every answer; one of another type is wrong. ``tuple`` keeps the order of a bare
    list, ``set`` does not; ``choice`` wants a letter, ``text`` words."""
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
    letter = reference.normal.strip("()[].") in LETTERS and settings.expects == "any"
    if options is None and (letter or settings.expects == "choice"):
        options = LETTERS
    order: tuple[Strategy, ...] = settings.extract
    if settings.mode == "strict":
        order = tuple(name for name in order if name in STRICT_ORDER)
    found = _extracted(sample.text, order, reference, letters=options is not None)
    if found.last and settings.hedge == "last":
        found = replace(found, text=found.last, fault="")
    if options is not None:
        chosen = compare_choice(found.text, reference, options)
        if chosen is None:
            return _bad_reference(sample.ground_truth, "is none of the options")
        guessed = options is LETTERS and settings.expects == "any" and not chosen.equal
        may_be_maths = guessed and letter_of(found.text, options) is None
        if not found.fault and not may_be_maths:
            return verdict_of(chosen, found)
    if found.fault:
        return Verdict.scored(0.0, passed=False, reason=found.fault, evidence=evidence_of(found))
    return _of_type(Open(found, reference), settings.expects, sample.ground_truth)


def _extracted(
    text: str, order: tuple[Strategy, ...], reference: Reference, *, letters: bool
) -> Extracted:
    """The answer, in the light of what the ground truth looks like."""
    short = order == DEFAULT_ORDER and len(text) <= min(_SHOWN_CHARS, 2 * len(reference.text) + 16)
    if short and normalise(text) == reference.normal:
        return Extracted(text.strip(), "whole", "", (0, len(text)))
    found = extract(text, order, letters=letters)
    if found.percent and reference.percent and "%" not in found.text:
        return replace(found, text=found.text + "\\%")
    return found


def _of_type(judged: Open, expects: Expects, truth: Any) -> Verdict | Open:
    """Whether both texts are of the declared type."""
    if expects == "any":
        return judged
    if not fits(judged.reference.text, expects):
        return _bad_reference(truth, f"is not of the type that the recipe expects, {expects}")
    if fits(judged.found.text, expects):
        return judged
    reason = f"the answer is not of the expected type, {expects}"
    match = Match(equal=False, stage="type", reason=reason)
    return verdict_of(match, judged.found)


def verdict_of(match: Match, found: Extracted, **more: Any) -> Verdict:
    """The Verdict of a decided comparison; ``more`` goes into the evidence."""
    return Verdict.scored(
        1.0 if match.equal else 0.0,
        passed=match.equal,
        reason=match.reason,
        evidence=evidence_of(found, **{"stage": match.stage, **more}),
    )


def evidence_of(found: Extracted, **more: Any) -> dict[str, Any]:
    """What was found, by which strategy, and where in the text."""
    found_at = {"span": list(found.span)} if found.span else {}
    shown = {"strategy": found.strategy, "extracted": found.text[:_SHOWN_CHARS]}
    return {**shown, **found_at, **more}


def _bad_reference(truth: Any, what: str = "cannot be read as one answer") -> Verdict:
    shown = repr(truth)[:80] if isinstance(truth, str | int | float) else type(truth).__name__
    return Verdict.unscored(Status.BAD_REFERENCE, f"the ground truth {what}: {shown}")
