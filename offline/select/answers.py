"""The final answers of a prompt's scored completions, and the completions with the one that wins.

What an answer is, and which wins, is said in ``core.votes``; here they are read from a scored file.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.errors import ConfigError
from ...core.votes import answer_in, winning_answer
from .prompts import Candidate

__all__ = ["answer_of", "of_winning_answer"]


def answer_of(candidate: Candidate, source: str | None) -> str | None:
    """The final answer as the verdicts of ``source`` (None: the first that has one) have it.

    Raises ``ConfigError`` where the file has no verdict of that source.
    """
    verdicts = candidate.verdicts()
    if source is not None and source not in verdicts:
        raise ConfigError(
            f"--answer-from: no verdict of {source!r} (there are {', '.join(verdicts) or 'none'})"
        )
    names = (source,) if source else tuple(verdicts)
    return answer_in(verdicts[name].get("evidence") or {} for name in names)


def of_winning_answer(
    candidates: Sequence[Candidate], source: str | None, *, weighted: bool
) -> list[Candidate]:
    """The completions with the answer that wins; none where there is no answer at all."""
    held: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        answer = None if candidate.row.value is None else answer_of(candidate, source)
        if answer is not None:
            held.setdefault(answer, []).append(candidate)
    votes = {answer: [c.row.value or 0.0 for c in found] for answer, found in held.items()}
    winner = winning_answer(votes, weighted=weighted)
    return [] if winner is None else held[winner]
