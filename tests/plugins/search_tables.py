"""A generator and a source that say what a table says, for the tests of searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from assay import Sample, Scorer, Verdict, source
from assay.core.generation import Wanted, Written

Said = Written | str | None


class Table:
    """Beginning -> what follows, one after another and round again. Remembers what was wanted.

    Args:
        steps: for single steps.
        ends: for whole answers; where a beginning is missing, the steps are tried.
    """

    def __init__(
        self,
        steps: Mapping[str, Sequence[Said]] | None = None,
        ends: Mapping[str, Sequence[Said]] | None = None,
    ) -> None:
        self.steps, self.ends = steps or {}, ends or {}
        self.wanted: list[Wanted] = []
        self.batches = 0
        self._counts: Counter[tuple[str, str]] = Counter()

    def __call__(self, wanted: Sequence[Wanted]) -> list[Said]:
        self.wanted += wanted
        self.batches += 1
        return [self._one(want) for want in wanted]

    def _one(self, want: Wanted) -> Said:
        table = self.steps if want.until == "step" else self.ends
        found = table[want.beginning]
        place = (want.beginning, want.until)
        self._counts[place] += 1
        return found[(self._counts[place] - 1) % len(found)]


def more(text: str, tokens: int | None = None) -> Written:
    """A step after which the answer goes on."""
    return Written(text, finished=False, tokens=tokens)


def scorer(scores: Mapping[str, Any], bar: float | None = None, default: Any = 0.0) -> Scorer:
    """Text -> score, or the name of an error: ``fault`` breaks, ``abstain`` has no opinion.

    A pair is a score and the extracted answer.
    """

    @source("table.scores", version="1", scale="real", runs="inline")
    def scores_of(sample: Sample) -> Verdict:
        said = scores.get(sample.text, default)
        score, answer = said if isinstance(said, tuple) else (said, None)
        if score == "fault":
            raise RuntimeError("broken on purpose")
        if score == "abstain":
            return Verdict.unscored("abstained", "no opinion")
        return Verdict.scored(
            score,
            None if bar is None else score >= bar,
            f"it has {score}",
            evidence={} if answer is None else {"extracted": answer},
        )

    return Scorer(scores_of)
