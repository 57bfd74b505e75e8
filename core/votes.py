"""Final answers that completions of one prompt share, and the answer that wins.

Majority vote: Wang et al. 2022 (self-consistency, arXiv 2203.11171). Weighted best of N: the answer
with the largest sum of values (Snell et al. 2024, arXiv 2408.03314, section 5; values as the
verifier gives them, so they should not be negative).

What an answer is, the verdicts say: ``evidence.extracted``, or the cluster that
``consensus.majority`` put it in, which knows that 1/2 is 0.5. Spellings are else compared without
spaces and case. Not covered: which of the completions with that answer is the best.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .types import digest

__all__ = ["answer_in", "same_spelling", "winning_answer"]


def answer_in(evidences: Iterable[Mapping[str, Any]]) -> str | None:
    """The final answer by the first evidence that has one; equal for equal answers."""
    for evidence in evidences:
        if isinstance(evidence.get("own"), int):
            return f"cluster {evidence['own']}"
        if isinstance(evidence.get("extracted"), str):
            return same_spelling(evidence["extracted"])
    return None


def same_spelling(answer: str) -> str:
    """An answer without spaces and case."""
    return "".join(answer.split()).casefold()


def winning_answer(votes: Mapping[str, Sequence[float]], *, weighted: bool) -> str | None:
    """The answer with the most votes, or with the largest sum of their values; None without votes.

    Args:
        votes: answer -> the values of the completions that give it.

    Ties of votes go to the larger sum and ties of sums to the more votes; what is still equal, to
    the digest of the answer, which favours nobody.
    """

    def weight(answer: str) -> tuple[float, float, str]:
        value, count = sum(votes[answer]), float(len(votes[answer]))
        return (value, count, digest(answer)) if weighted else (count, value, digest(answer))

    return max((answer for answer in votes if votes[answer]), key=weight, default=None)
