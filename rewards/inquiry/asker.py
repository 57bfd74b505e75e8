"""Asking: a question in, an opinion out, or the reason why there is none.

A judge that fails, or whose reply is not clearly one of the scores on offer, makes an opinion
without a score; nothing here turns that into a number. Every ask is counted, also one that failed.

Not covered: what opinions come to (the sources).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...core.types import JSON, split_reasoning
from ..judges.contract import Ask, BudgetSpent, Judge, JudgeError, JudgeReplyError, read_reply
from ..judges.counting import Counted, Spent
from ..judges.expected import expected_score
from ..judges.scoring import ask_for_score
from ..rubrics.fence import Fenced
from .question import Question

__all__ = ["Asker", "Opinion", "spent_on", "stop_in"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a judge said, read; or why it said nothing that counts."""

    score: float | None = None
    """In [0, 1]; None: no opinion."""
    confidence: float = 1.0
    """In [0, 1], as the judge says it or as its probabilities do."""
    reasoning: str = ""
    why: str = ""
    """Why there is no score; empty when there is one."""
    evidence: Mapping[str, JSON] = field(default_factory=dict)
    """What was cut or made harmless in the texts, and what went wrong."""
    spent: Spent = field(default_factory=Spent)

    @property
    def stop(self) -> dict[str, JSON]:
        """What tells the host to end the run, for a verdict's evidence; else empty."""
        return {"stop": self.evidence["stop"]} if "stop" in self.evidence else {}

    def shown(self, chars: int = 4000) -> dict[str, JSON]:
        """The opinion as evidence; reasoning is cut at ``chars`` characters."""
        said: dict[str, JSON] = {"score": self.score, "confidence": self.confidence}
        if self.score is None:
            said["why"] = self.why
        return {**said, "reasoning": self.reasoning[:chars], **self.evidence}


class Asker:
    """Asks one judge. One object serves one event loop.

    Args:
        judge: who is asked.
        instructions: what else it should know; the recipe's own words.
        limit_chars: of each text that is shown.
        logprobs: read scores from token probabilities.
        temperature, seed, reply_tokens: how the judge writes.
        rereads: further asks after a reply that cannot be read.
        at_once: asks under way at a time.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        instructions: str = "",
        limit_chars: int = 24_000,
        logprobs: bool = False,
        temperature: float = 0.0,
        seed: int | None = None,
        reply_tokens: int = 1024,
        rereads: int = 1,
        at_once: int = 64,
    ) -> None:
        self.judge = judge
        self.instructions = instructions
        self.limit_chars = limit_chars
        self.logprobs = logprobs
        self.temperature = temperature
        self.seed = seed
        self.reply_tokens = reply_tokens
        self.rereads = rereads
        self._slots = asyncio.Semaphore(at_once)

    @property
    def name(self) -> str:
        """The judge's model and version, for evidence."""
        return f"{self.judge.model} {self.judge.version}"

    async def opinion(self, question: Question, *, vote: int = 0) -> Opinion:
        """The opinion on a question with ``grades``; raises nothing that a judge may cause.

        ``vote``: number of this vote; votes differ in their seed.
        """
        assert question.grades is not None, "prose has no score: use prose()"
        spent = Spent()
        ask, fenced = self._ask(question, vote)
        evidence = _noted(fenced)
        try:
            scored = await ask_for_score(
                Counted(self.judge, self._slots, spent),
                ask,
                question.grades.scale,
                reasks=self.rereads,
                read=expected_score if self.logprobs else read_reply,
            )
        except JudgeError as error:
            what: dict[str, JSON] = {"error": type(error).__name__, "transient": error.transient}
            if isinstance(error, BudgetSpent):
                what["stop"] = f"{error}"[:500]  # read by the host, which ends the run
            return Opinion(why=f"{error}"[:500], evidence={**evidence, **what}, spent=spent)
        if scored.asked > 1:
            evidence["unreadable_replies"] = scored.asked - 1
        return Opinion(
            score=scored.score.score,
            confidence=scored.score.confidence,
            reasoning=scored.score.reasoning,
            evidence=evidence,
            spent=spent,
        )

    async def prose(self, question: Question, spent: Spent) -> str:
        """The text of a reply without its thinking; what it costs is added to ``spent``.

        Raises ``JudgeError``; a reply that is empty or was cut off is one that failed.
        """
        judge = Counted(self.judge, self._slots, spent)
        ask, _ = self._ask(question, 0)
        reply = await judge.ask(ask)
        text = split_reasoning(reply.text)[1].strip()
        if text and reply.finish != "length":
            return text
        judge.forget(ask)
        what = "was cut off; raise reply_tokens" if reply.finish == "length" else "is empty"
        raise JudgeReplyError(f"judge reply: the {question.purpose} {what}")

    def _ask(self, question: Question, vote: int) -> tuple[Ask, Fenced]:
        fenced = question.fenced(self.limit_chars)
        graded = question.grades is not None
        first = self.seed if self.seed is not None else (0 if vote else None)
        ask = Ask(
            messages=question.messages(fenced, self.instructions),
            schema=question.grades.scale.schema() if question.grades else None,
            temperature=self.temperature,
            max_tokens=self.reply_tokens,
            seed=None if first is None else first + 1000 * vote,  # rereads take the next few
            logprobs=self.logprobs and graded,
            purpose=question.purpose,
        )
        return ask, fenced


def spent_on(opinions: Iterable[Opinion]) -> Spent:
    """What opinions cost together."""
    spent = Spent()
    for opinion in opinions:
        spent.add(opinion.spent)
    return spent


def stop_in(opinions: Iterable[Opinion]) -> dict[str, JSON]:
    """What of opinions tells the host to end the run; empty where nothing does."""
    return next((opinion.stop for opinion in opinions if opinion.stop), {})


def _noted(fenced: Fenced) -> dict[str, JSON]:
    """What had to be done to the texts."""
    noted: dict[str, JSON] = {}
    if fenced.changed:
        noted["neutralised"] = {name: dict(what) for name, what in fenced.changed.items()}
    if fenced.cut:
        noted["cut"] = {name: dict(what) for name, what in fenced.cut.items()}
    return noted
