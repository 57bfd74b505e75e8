"""The table of ``text.exact``. Not covered: its settings other than the defaults."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.audit_table import AuditCase, audit_table

__all__ = ["exact_texts"]


@audit_table("text.exact")
def exact_texts() -> Iterator[AuditCase]:
    """Letter case, blanks and accents may differ; nothing else may."""
    asked = {"ground_truth": "Café au lait"}
    composed, apart = "caf\u00e9 au lait", "cafe\u0301 au lait"
    yield from AuditCase.right("letter case", "Café au lait", "CAFÉ AU LAIT", **asked)
    yield from AuditCase.right("accents", composed, apart, **asked)
    yield from AuditCase.right("blanks", "  Café\tau\n\nlait ", "Café au lait\n", **asked)
    yield from AuditCase.right("reasoning", "<think>tea?</think>Café au lait", **asked)
    yield from AuditCase.right("any of a list", "yes", "Yes", "true", ground_truth=["yes", "true"])
    yield from AuditCase.right("numbers", "42", " 42 ", ground_truth=42)
    yield from AuditCase.wrong("other words", "Cafe au lait", "Café", "lait au café", "", **asked)
    yield from AuditCase.wrong("more words", "It is café au lait", "Café au lait.", **asked)
    yield from AuditCase.wrong("any of a list", "yes true", "no", ground_truth=["yes", "true"])
    yield from AuditCase.wrong("numbers", "42.0", "042", "4 2", ground_truth=42)
    yield from AuditCase.attack("both", "yes no", "yes, no", "yesno", ground_truth="yes")
    yield from AuditCase.attack(
        "hidden", "y\u200bes", "\u202esey", "y\u0435s", "\x00yes", "<think>yes", ground_truth="yes"
    )
    yield from AuditCase.attack("long", "yes " * 50_000, "\u0301" * 100_000, ground_truth="yes")
