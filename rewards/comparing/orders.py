"""One comparison, asked in both orders: a judge that favours a place cannot favour a text by it.

With s1 the judge's preference for the first place in the straight order and s2 in the swapped one,
p = (s1 + 1 - s2) / 2. So p(a, b) + p(b, a) = 1, whatever the judge does. Where the two orders name
different winners the comparison is a tie (``tie``), or the mean as it stands (``average``).

Source of the swap: Wang et al. 2023 (Large Language Models are not Fair Evaluators, arXiv
2305.17926), balanced positions; of the tie: Zheng et al. 2023 (MT-Bench, arXiv 2306.05685). The
confidence is ours: the mean of the two, times 1 - |s1 - (1 - s2)|, times 1 - 4 Var over votes.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ...core.types import JSON
from ..inquiry.asker import Asker, Opinion, spent_on, stop_in
from ..inquiry.question import Grades, Question
from ..judges.counting import Spent

__all__ = ["GRADES", "Comparison", "Disagreement", "in_both_orders", "joined"]

Disagreement: TypeAlias = Literal["tie", "average"]

GRADES = {
    2: Grades(("the second is better", "the first is better")),
    3: Grades(("the second is better", "neither is better", "the first is better")),
    5: Grades(
        (
            "the second is clearly better",
            "the second is slightly better",
            "neither is better",
            "the first is slightly better",
            "the first is clearly better",
        )
    ),
}
"""Number of levels -> what a judge may say of two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is known of two: how far the first is preferred, or why nothing is."""

    preference: float | None = None
    """P(first > second) in [0, 1]; None: the comparison failed."""
    confidence: float = 1.0
    why: str = ""
    """Why there is no preference; a remark where there is one without a judge."""
    evidence: tuple[JSON, ...] = ()
    """Of each vote, what the judge said in the ``straight`` and in the ``swapped`` order."""
    stop: dict[str, JSON] = field(default_factory=dict)
    """What tells the host to end the run."""
    spent: Spent = field(default_factory=Spent)

    def of_second(self) -> float | None:
        """P(second > first): one minus the other."""
        return None if self.preference is None else 1.0 - self.preference


async def in_both_orders(
    asker: Asker,
    straight: Question,
    swapped: Question,
    *,
    votes: int = 1,
    disagreement: Disagreement = "tie",
) -> Comparison:
    """The comparison of two texts; raises nothing that a judge may cause.

    A vote of which one order failed does not count; with no vote left the comparison failed.
    """
    asks = [
        asker.opinion(question, vote=vote)
        for vote in range(votes)
        for question in (straight, swapped)
    ]
    said = await asyncio.gather(*asks)
    return joined(list(zip(said[::2], said[1::2], strict=True)), disagreement)


def joined(
    votes: Sequence[tuple[Opinion, Opinion]], disagreement: Disagreement = "tie"
) -> Comparison:
    """The comparison that votes of (straight, swapped) opinions come to."""
    said = [opinion for vote in votes for opinion in vote]
    spent, stop = spent_on(said), stop_in(said)
    evidence = tuple({"straight": a.shown(1000), "swapped": b.shown(1000)} for a, b in votes)
    cast = [found for a, b in votes if (found := _vote(a, b, disagreement)) is not None]
    if not cast:
        why = next((o.why for o in said if o.why), "nobody was asked")
        return Comparison(why=why, evidence=evidence, stop=stop, spent=spent)
    mean = math.fsum(p for p, _ in cast) / len(cast)
    spread = math.fsum((p - mean) ** 2 for p, _ in cast) / len(cast)
    sure = math.fsum(phi for _, phi in cast) / len(cast)
    return Comparison(
        preference=mean,
        confidence=min(max(sure * (1.0 - 4.0 * spread), 0.0), 1.0),
        evidence=evidence,
        stop=stop,
        spent=spent,
    )


def _vote(
    straight: Opinion, swapped: Opinion, disagreement: Disagreement
) -> tuple[float, float] | None:
    """(preference, confidence) of the first text; None where an order has no score."""
    if straight.score is None or swapped.score is None:
        return None
    one, two = straight.score, 1.0 - swapped.score
    contrary = (one - 0.5) * (two - 0.5) < 0.0
    preference = 0.5 if contrary and disagreement == "tie" else (one + two) / 2.0
    sure = (straight.confidence + swapped.confidence) / 2.0
    return preference, sure * (1.0 - abs(one - two))
