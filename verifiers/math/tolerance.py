"""``math.tolerance``: the answer is a number within a tolerance of the ground truth.

Covered: every number that ``math.exact`` reads, and closed expressions (``2\\pi``, ``\\sqrt{2}``).
For measured or rounded quantities; where the ground truth is exact use ``math.symbolic``.
Not covered: lists, intervals, expressions with variables. Units are read: 50 cm meets 0.5 m.
"""

from __future__ import annotations

from fractions import Fraction

from pydantic import Field

from ...core.source import source
from ...core.types import Sample, Status, Verdict
from .answers import AnswerSettings, Open, find_answer, verdict_of
from .equal.relations import named
from .equal.values import number_of, without_unit
from .reader import Node, Unreadable, read_answer
from .reader.nodes import EXPRESSIONS
from .reference import Match

__all__ = ["ToleranceSettings", "math_tolerance"]


class ToleranceSettings(AnswerSettings):
    """How far the answer may be off; either bound suffices."""

    relative: float = Field(default=1e-4, ge=0.0, lt=1.0)
    """Share of the ground truth's size. ToRA's harness uses 1e-4; so do we."""
    absolute: float = Field(default=0.0, ge=0.0)
    """In units of the ground truth."""


@source(
    "math.tolerance",
    version="1",
    scale="binary",
    needs=("ground_truth",),
    runs="inline",
    view="answer",
)
def math_tolerance(sample: Sample, settings: ToleranceSettings) -> Verdict:
    """1 if the answer is a number within the tolerance of the ground truth, else 0.

    ``bad_reference`` where the ground truth is no number. ``evidence``: ``given``, ``wanted``.
    """
    judged = find_answer(sample, settings)
    if not isinstance(judged, Open):
        return judged
    wanted = _quantity(judged.reference.text)
    if wanted is None:
        return Verdict.unscored(Status.BAD_REFERENCE, "the ground truth is not one number")
    given = _quantity(judged.found.text)
    if given is None:
        match = Match(equal=False, stage="undecided", reason="the answer is not one number")
        return verdict_of(match, judged.found, stage="tolerance")
    equal, reason = _within(given, wanted, settings)
    match = Match(equal=equal, stage="undecided", reason=reason)
    shown = {"given": str(float(given[0])), "wanted": str(float(wanted[0]))}
    return verdict_of(match, judged.found, stage="tolerance", **shown)


Quantity = tuple[Fraction, tuple[tuple[str, int], ...]]


def _quantity(text: str) -> Quantity | None:
    try:
        node: Node = read_answer(text)
    except Unreadable:
        return None
    if (pair := named(node)) is not None:
        node = pair[1]
    parts = without_unit(node) if isinstance(node, EXPRESSIONS) else None
    if parts is None:
        return None
    value = number_of(parts[0])
    if value is None or abs(value) > 10**300:
        return None
    return (value * parts[1] if parts[2] else value), parts[2]


def _within(given: Quantity, wanted: Quantity, settings: ToleranceSettings) -> tuple[bool, str]:
    if given[1] and wanted[1] and given[1] != wanted[1]:
        return False, "the units differ in kind"
    distance = abs(given[0] - wanted[0])
    allowed = max(
        abs(wanted[0]) * Fraction(str(settings.relative)), Fraction(str(settings.absolute))
    )
    if distance <= allowed:
        return True, f"within {float(allowed):g}"
    return False, f"off by {float(distance):g}; {float(allowed):g} is allowed"
