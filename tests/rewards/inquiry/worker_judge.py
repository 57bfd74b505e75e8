"""A judge for worker processes, loaded there by name."""

from __future__ import annotations

from assay.rewards.inquiry.audit.judges import RuleJudge


def make() -> RuleJudge:
    return RuleJudge()


def longer(prompt: str, first: str, second: str) -> float:
    """A preference model: the longer answer."""
    return 0.5 + 0.5 * ((len(first) > len(second)) - (len(first) < len(second)))
