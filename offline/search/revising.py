"""An answer, what the verifier says of it, a better answer: until one passes.

Sources: Snell et al. 2024 (arXiv 2408.03314), 6 (revisions in sequence, the best of them chosen by
the verifier); Madaan et al. 2023 (Self-Refine, arXiv 2303.17651): feedback and history in the
prompt. Ours: the feedback is the reasons of the verdicts, and only the last answer is shown.

A reason may hold the ground truth ("5 is not 4"). Where the sample has one, it is blotted out of
the reasons, so that a revision is no copy of it; a source whose reasons paraphrase the truth needs
a ``feedback`` of yours. Not covered: revision by principles (``rewards/constitution``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ...core.errors import ConfigError
from ...core.generation import Generator
from ...core.scorer import Scorer
from ...core.types import Message, Sample, Verdict
from .desk import Desk, Draft
from .limits import Limits
from .results import Candidate, SearchResult, best

__all__ = ["Feedback", "reasons_of", "reprompt", "revise"]

Feedback: TypeAlias = Callable[[Sample, Candidate], "str | Sequence[Message]"]
"""(the question, the judged answer) -> the prompt for the next answer."""

_MOST_CHARS = 500
"""Of each reason: they may quote an answer. Ours."""
_ASK = """\
Your answer was checked, and it does not pass:
{reasons}
Write a better answer to the same question, complete in itself."""


def revise(
    sample: Sample,
    generate: Generator,
    scorer: Scorer,
    *,
    rounds: int = 4,
    feedback: Feedback | None = None,
    stop_at: float | None = None,
    limits: Limits | None = None,
    seed: int = 0,
) -> SearchResult:
    """The best of up to ``rounds`` answers, each written with the reasons against the one before.

    Args:
        rounds: answers, the first one included. Ours.
        feedback: makes the next prompt; None: ``reprompt``.
        stop_at: the value at which an answer is good enough; None: when it passed.

    After an answer without a value the prompt stays what it was: a fault says nothing about it.
    Raises ``ConfigError`` for rounds < 1, and where the generator breaks its contract.
    """
    if rounds < 1:
        raise ConfigError(f"revise.rounds: must be >= 1, got {rounds}")
    desk = Desk(sample, generate, limits, seed, "revise")
    asked, candidates = sample.prompt, list[Candidate]()
    for _ in range(rounds):
        written = [w for _, w in desk.write([""], prompt=asked)]
        drafts = [Draft(w.text, truncated=w.truncated) for w in written]
        for candidate in desk.judge(scorer, drafts):
            candidates.append(candidate)
            if candidate.score is not None:
                asked = (feedback or reprompt)(sample, candidate)
        if desk.stopped or (candidates and _good(candidates[-1], stop_at)):
            break
    return desk.result(candidates, best(candidates))


def _good(candidate: Candidate, stop_at: float | None) -> bool:
    if stop_at is None:
        return candidate.passed is True
    return candidate.score is not None and candidate.score >= stop_at


def reprompt(sample: Sample, candidate: Candidate) -> str | list[Message]:
    """The question, the answer, and the reasons against it: text after text, or two messages more.

    What stands in the answer is the model's own text in the model's own prompt.
    """
    reasons = reasons_of(candidate, sample.ground_truth)
    lines = "\n".join(f"- {reason}" for reason in reasons) or "- it is not good enough"
    said = _ASK.format(reasons=lines)
    if isinstance(sample.prompt, str):
        return f"{sample.prompt}\n\n{candidate.text}\n\n{said}\n\n"
    answer = {"role": "assistant", "content": candidate.text}
    return [*sample.prompt, answer, {"role": "user", "content": said}]


def reasons_of(candidate: Candidate, ground_truth: object = None) -> list[str]:
    """The reasons of the verdicts that are judgements and no pass, the truth blotted out."""
    # blotted before they are cut: half a truth is told too
    said = [verdict.reason for verdict in candidate.verdicts.values() if _objects(verdict)]
    return [_without_truth(reason, ground_truth)[:_MOST_CHARS] for reason in said]


def _objects(verdict: Verdict) -> bool:
    return bool(verdict.reason) and verdict.score is not None and verdict.passed is not True


def _without_truth(reason: str, truth: object) -> str:
    """Where the truth is a text or a number and stands by itself in a reason, ``[...]`` does."""
    line = " ".join(reason.split())
    known = not isinstance(truth, bool) and isinstance(truth, str | int | float)
    told = " ".join(str(truth).split()) if known else ""
    return re.sub(rf"(?<![\w.]){re.escape(told)}(?!\w)", "[...]", line) if told else line
