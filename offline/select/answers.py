"""The final answers of a prompt's completions, and the one that wins.

Majority vote: Wang et al. 2022 (self-consistency, arXiv 2203.11171). Weighted best of N: the answer
with the largest sum of values, and of its completions the best (Snell et al. 2024, arXiv
2408.03314, section 5; values as the verifier gives them, so they should not be negative).

What an answer is, the verdicts say: ``evidence.extracted``, or the cluster that
``consensus.majority`` put it in, which knows that 1/2 is 0.5. Spellings are else compared without
spaces and case.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.errors import ConfigError
from ...core.types import digest
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
    for name in (source,) if source else verdicts:
        evidence = verdicts[name].get("evidence") or {}
        if isinstance(evidence.get("own"), int):
            return f"cluster {evidence['own']}"
        if isinstance(evidence.get("extracted"), str):
            return "".join(evidence["extracted"].split()).casefold()
    return None


def of_winning_answer(
    candidates: Sequence[Candidate], source: str | None, *, weighted: bool
) -> list[Candidate]:
    """The completions with the answer that wins; none where there is no answer at all.

    Ties go to the larger sum of values, then to the digest of the answer, which favours nobody.
    """
    held: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        answer = None if candidate.row.value is None else answer_of(candidate, source)
        if answer is not None:
            held.setdefault(answer, []).append(candidate)

    def weight(answer: str) -> tuple[float, float, str]:
        value = sum(c.row.value or 0.0 for c in held[answer])
        count = float(len(held[answer]))
        return (value, count, digest(answer)) if weighted else (count, value, digest(answer))

    return held[max(held, key=weight)] if held else []
