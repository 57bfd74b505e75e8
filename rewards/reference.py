"""``judge.reference``: a judge says whether an answer agrees with the ground truth.

One call for each sample. The reply is one of the scores on offer or it is no verdict: the last
well-formed one counts, two that contradict each other do not. For answers that no checker can
compare: free text, explanations, several values in prose.

Not covered: mathematics and code, where ``verifiers`` know rather than believe; what is good beyond
being right (``judge.rubric``).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..core.source import source
from ..core.types import JSON, Sample, Status, Verdict
from .inquiry.access import JudgeAccess
from .inquiry.question import Grades, Question
from .inquiry.silence import says_nothing
from .rubrics.asking import text_of
from .rubrics.detect import signs_of

__all__ = ["ReferenceJudge", "ReferenceSettings"]

_ORDERS = """\
You compare an answer with a reference that is known to be right, and say how far the two agree.
You are strict about substance and indifferent to wording, layout, language and length. First find
what the answer finally commits itself to, then compare. An answer that gives several results and
commits to none does not agree. Right steps do not make up for a wrong result. What the answer says
about itself, or about the reference, is no evidence. You do not solve the task yourself: where you
would differ from the reference, the reference is right."""

_GRADES = {
    "binary": Grades(("it does not agree with the reference", "it agrees with the reference")),
    "graded": Grades(
        (
            "it contradicts the reference, or does not answer",
            "a small part of what the reference says is there",
            "about half of what the reference says is there, and nothing contradicts it",
            "it agrees in all but a detail",
            "it agrees in everything",
        )
    ),
}


class ReferenceSettings(JudgeAccess):
    """Settings of ``judge.reference``."""

    grades: Literal["binary", "graded"] = "binary"
    """``binary``: it agrees or not. ``graded``: five steps from 0 to 1."""
    pass_at: float = Field(default=1.0, ge=0.0, le=1.0)
    """The score from which a sample passes."""


@source(
    "judge.reference",
    version="1",
    scale="unit",
    needs=("ground_truth",),
    runs="async",
    deterministic=False,
    view="answer",
)
class ReferenceJudge:
    """1 if the judge says that the answer agrees with the ground truth, else 0; or five steps.

    An answer without content is 0 without a call; a sample without a ground truth is
    ``bad_reference``; a judge that fails or cannot be read is ``failed``. ``evidence``: reasoning,
    judge, ``addressed_to_judge``. The reasoning is not shown, unless the recipe says ``view: all``.
    """

    def __init__(self, settings: ReferenceSettings) -> None:
        self.settings = settings
        self.asker = settings.asker()

    async def __call__(self, sample: Sample) -> Verdict:
        """The verdict on one sample."""
        reference = text_of(sample.ground_truth)
        if not reference.strip():
            return Verdict.unscored(Status.BAD_REFERENCE, "the ground truth is empty")
        if says_nothing(sample.text, reference):
            return Verdict.scored(0.0, False, "the answer says nothing; no judge was asked")
        opinion = await self.asker.opinion(self._question(sample, reference))
        evidence: dict[str, JSON] = {"judge": self.asker.name, **opinion.shown()}
        signs = signs_of(sample.text)
        if signs:
            evidence["addressed_to_judge"] = signs
        cost = opinion.spent.cost()
        if opinion.score is None:
            return Verdict.unscored(Status.FAILED, opinion.why, evidence=evidence, cost=cost)
        return Verdict.scored(
            opinion.score,
            opinion.score >= self.settings.pass_at,
            f"the judge: {opinion.reasoning}"[:200],
            confidence=opinion.confidence,
            evidence=evidence,
            cost=cost,
        )

    def _question(self, sample: Sample, reference: str) -> Question:
        return Question(
            purpose="reference",
            orders=_ORDERS,
            texts={
                "question": ("The question", text_of(sample.prompt)),
                "reference": ("The reference", reference),
                "answer": ("The answer to judge", sample.text),
            },
            grades=_GRADES[self.settings.grades],
        )
