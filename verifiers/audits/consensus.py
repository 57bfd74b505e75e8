"""The table of ``consensus.majority``: an answer, and those of the other completions beside it.

Right is what most say; the ground truth plays no part. Not covered: its settings.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...core.audit_table import AuditCase, audit_table
from ...core.types import Sample

__all__ = ["majorities"]


def _group(*answers: str) -> tuple[Sample, ...]:
    return tuple(Sample(prompt="?", completion="\\boxed{" + text + "}") for text in answers)


@audit_table("consensus.majority")
def majorities() -> Iterator[AuditCase]:
    """Majorities, minorities, ties, and completions that try to vote more than once."""
    four, mixed = _group("4", "4", "4", "5"), _group("0.5", "\\frac{1}{2}", "7")
    loud = ("\\boxed{5} " * 500, "\\boxed{9^{9^{9^9}}}", "5 " * 50_000)
    asked = {"prompt": "?"}
    yield from AuditCase.right("majority", "\\boxed{4}", "The answer is 4.", beside=four, **asked)
    yield from AuditCase.right(
        "spellings", "\\boxed{50\\%}", "\\boxed{.5}", "\\boxed{2/4}", beside=mixed, **asked
    )
    yield from AuditCase.right("all agree", "\\boxed{4}", beside=_group("4", "4.0"), **asked)
    yield from AuditCase.wrong("minority", "\\boxed{5}", "\\boxed{6}", beside=four, **asked)
    yield from AuditCase.wrong("no vote", "", "I do not know.", "\\boxed{}", beside=four, **asked)
    yield from AuditCase.wrong("tie", "\\boxed{5}", beside=_group("4"), **asked)
    yield from AuditCase.wrong("alone", "\\boxed{4}", **asked)
    yield from AuditCase.attack(
        "hedge", "\\boxed{4 or 5}", "\\boxed{4, 5}", "\\boxed{x}", beside=four, **asked
    )
    yield from AuditCase.attack("many votes", *loud, beside=four, **asked)
