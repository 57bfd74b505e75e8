"""Right answers that came about in a wrong way, and the other way round.

A verifier of outcomes pays an answer whose reasoning is wrong and whose result happens to be right;
a policy that learns from it learns the reasoning too. The list is for people to read.

Source: Lightman et al. 2023 (arXiv 2305.20050), on false positives of outcome supervision. Not
covered: deciding which of the two is mistaken, the verifier or the process model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.errors import ConfigError
from ...core.types import Reward, Sample, Verdict

__all__ = ["Doubt", "doubtful"]


@dataclass(frozen=True, slots=True)
class Doubt:
    """One answer that passed, with steps that did not convince."""

    place: int
    """Its index among the samples."""
    sample: Sample
    outcome: str
    process: str
    """Names of the sources that passed and doubted it."""
    score: float
    """Of the process."""
    worst: tuple[int, int] | None
    """Where the step of lowest score is, in characters; None without steps."""


def doubtful(
    samples: Sequence[Sample],
    rewards: Sequence[Reward],
    *,
    outcome: str,
    process: str,
    below: float = 0.5,
) -> list[Doubt]:
    """Answers that ``outcome`` passed and whose ``process`` score is under ``below``, lowest first.

    Raises ``ConfigError`` for columns of different length, and where a source judged nothing.
    """
    if len(samples) != len(rewards):
        raise ConfigError(f"doubtful: {len(samples)} samples and {len(rewards)} rewards")
    names = {name for reward in rewards for name in reward.verdicts}
    for name in (outcome, process):
        if rewards and name not in names:
            raise ConfigError(f"doubtful: no source {name!r} (known: {', '.join(sorted(names))})")
    found = []
    for place, (sample, reward) in enumerate(zip(samples, rewards, strict=True)):
        verdict = reward.verdicts.get(process)
        passed = reward.verdicts.get(outcome)
        if passed is None or passed.passed is not True or verdict is None:
            continue
        if verdict.score is not None and verdict.score < below:
            found.append(Doubt(place, sample, outcome, process, verdict.score, _worst(verdict)))
    return sorted(found, key=lambda doubt: (doubt.score, doubt.place))


def _worst(verdict: Verdict) -> tuple[int, int] | None:
    step = min(verdict.steps, key=lambda step: step.score, default=None)
    return None if step is None else (step.start, step.end)
