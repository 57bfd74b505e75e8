"""What a search found: its candidates, the one it chose, and what it had to leave out.

A candidate without a value (a fault, an abstention, a bad reference) is never chosen and never
counts as wrong: it is left out, and counted. Not covered: trees (``tree``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.records import record
from ...core.selection import KeepRule, keep_rows, rows_of
from ...core.types import Reward, Sample, Verdict, digest
from .limits import Spent

__all__ = ["Candidate", "SearchResult", "best", "first_by_digest", "why_nothing"]

_BEST = KeepRule(rule="best_per_prompt", failed=True, truncated=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An answer that was found on the way."""

    sample: Sample
    """The question with this answer as its completion."""
    reward: Reward | None = None
    """What the scorer made of it; None: it was not asked."""
    finished: bool = True
    """It ends where the generator ended it."""

    @property
    def text(self) -> str:
        """The answer."""
        return self.sample.text

    @property
    def score(self) -> float | None:
        """The recipe's value; None: there is none."""
        return None if self.reward is None else self.reward.value

    @property
    def passed(self) -> bool | None:
        """Whether it passed; None where nothing has a bar, or nothing judged it."""
        return None if self.reward is None else self.reward.passed

    @property
    def verdicts(self) -> Mapping[str, Verdict]:
        """Source -> what it said."""
        return {} if self.reward is None else self.reward.verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """What a search gives back, whichever it was."""

    method: str
    chosen: Candidate | None
    """None where there was nothing to choose; ``reason`` says why."""
    candidates: tuple[Candidate, ...]
    """Answers in the order in which they came, equal ones as often as they came."""
    spent: Spent
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Why a judged text had no value -> how many: statuses (``failed``, ``timed_out``...), and
    ``unjudged`` for those beyond ``max_judged``. Beginnings of answers count too."""
    votes: Mapping[str, float] = field(default_factory=dict)
    """Final answer -> its votes, or the sum of their values; for methods that vote."""
    reason: str = ""
    """Why nothing was chosen; else empty."""

    @property
    def text(self) -> str | None:
        """The chosen answer."""
        return None if self.chosen is None else self.chosen.text

    @property
    def score(self) -> float | None:
        """Of the chosen answer; None where nothing was chosen, or nothing judged it."""
        return None if self.chosen is None else self.chosen.score

    @property
    def passed(self) -> bool | None:
        """Whether the chosen answer passed."""
        return None if self.chosen is None else self.chosen.passed

    def records(self) -> list[dict[str, Any]]:
        """The judged candidates as rows of a scored file, as ``assay select`` reads them."""
        return [record(c.sample, c.reward) for c in self.candidates if c.reward is not None]


def best(candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate of the highest value; None where none has one.

    By the rules of ``assay select``: equal texts count once, with their lowest value, and ties go
    to a digest of the text, which favours nobody.
    """
    judged = [(c, c.reward) for c in candidates if c.reward is not None]
    rows = rows_of([c.sample for c, _ in judged], [reward for _, reward in judged])
    kept = keep_rows(rows, _BEST)
    if not kept:
        return None
    return next(c for c, _ in judged if (c.sample.completion, c.score) == _mark(kept[0]))


def _mark(row: Any) -> tuple[Any, float | None]:
    return row.completion, row.value


def first_by_digest(candidates: Sequence[Candidate]) -> Candidate | None:
    """One of candidates that nothing tells apart, whatever their order."""
    return min(candidates, key=lambda c: digest(c.sample.completion), default=None)


def why_nothing(spent: Spent, left_out: Mapping[str, int]) -> str:
    """Why a search chose nothing, in a sentence for a person."""
    if left_out:
        counts = ", ".join(f"{status} {n}" for status, n in sorted(left_out.items()))
        why = f"nothing that was written has a value ({counts})"
    elif spent.lost:
        why = f"the generator gave none of {spent.lost} continuations"
    else:
        why = "no answer was finished" if spent.calls else "nothing was written"
    return f"{why}; stopped by {spent.stopped}" if spent.stopped else why
