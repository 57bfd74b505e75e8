"""N answers at once, and one of them: best of N, weighted best of N, majority.

Sources: Stiennon et al. 2020 (best of N); Wang et al. 2022 (self-consistency, arXiv 2203.11171);
Snell et al. 2024 (arXiv 2408.03314), 5.1 and appendix: best-of-N weighted, the answer with the
largest sum of verifier scores over equal final answers. Differs: of the completions with the
winning answer the one of highest score is given.

Not covered: the same choices from a scored file (``assay select``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ...core.errors import ConfigError
from ...core.generation import Generator
from ...core.scorer import Scorer
from ...core.types import FAULTS, Sample
from ...core.votes import answer_in, same_spelling, winning_answer
from .desk import Desk, Draft
from .limits import Limits
from .results import Candidate, SearchResult, best, first_by_digest

__all__ = ["Answer", "best_of_n", "majority", "weighted_best_of_n"]

Answer: TypeAlias = Callable[[str], str | None]
"""A completion -> its final answer; None: it has none, and does not vote."""


def best_of_n(
    sample: Sample,
    generate: Generator,
    scorer: Scorer,
    *,
    n: int = 8,
    limits: Limits | None = None,
    seed: int = 0,
) -> SearchResult:
    """The answer of highest value among ``n``.

    With one seed the first n answers are the same for every N of n and more, so the score of the
    chosen one never falls as N grows (for scorers that judge a text alike each time).

    Raises ``ConfigError`` for n < 1, and where the generator breaks its contract.
    """
    desk = Desk(sample, generate, limits, seed, "best_of_n")
    candidates = desk.judge(scorer, _answers(desk, n))
    return desk.result(candidates, best(candidates))


def weighted_best_of_n(
    sample: Sample,
    generate: Generator,
    scorer: Scorer,
    *,
    n: int = 8,
    answer: Answer | None = None,
    limits: Limits | None = None,
    seed: int = 0,
) -> SearchResult:
    """The best completion with the final answer whose values sum up to most.

    Args:
        answer: finds the final answer of a text; None: the verdicts have it
            (``evidence.extracted``, or the cluster of ``consensus.majority``).

    Values should not be negative. Raises ``ConfigError`` as ``best_of_n``.
    """
    desk = Desk(sample, generate, limits, seed, "weighted_best_of_n")
    candidates = desk.judge(scorer, _answers(desk, n))
    judged = [candidate for candidate in candidates if candidate.score is not None]
    return _elected(desk, candidates, _held(judged, answer), weighted=True)


def majority(
    sample: Sample,
    generate: Generator,
    scorer: Scorer | None = None,
    *,
    n: int = 8,
    answer: Answer | None = None,
    limits: Limits | None = None,
    seed: int = 0,
) -> SearchResult:
    """The best completion with the final answer that most completions give.

    Needs no scorer where ``answer`` finds final answers; then the completion is any with that
    answer. A completion whose verdict is a fault does not vote. Raises ``ConfigError`` where
    neither is given, and as ``best_of_n``.
    """
    if scorer is None and answer is None:
        raise ConfigError("majority: needs a scorer, or answer (text -> final answer), got neither")
    desk = Desk(sample, generate, limits, seed, "majority")
    drafts = _answers(desk, n)
    if scorer is None:
        candidates = [Candidate(sample=desk.sample_of(draft)) for draft in drafts]
    else:
        candidates = desk.judge(scorer, drafts)
    voting = [c for c in candidates if _may_vote(c, judged=scorer is not None)]
    return _elected(desk, candidates, _held(voting, answer), weighted=False)


def _answers(desk: Desk, n: int) -> list[Draft]:
    if n < 1:
        raise ConfigError(f"{desk.method}.n: must be >= 1, got {n}")
    return [Draft(w.text, truncated=w.truncated) for _, w in desk.write([""] * n)]


def _may_vote(candidate: Candidate, *, judged: bool) -> bool:
    reward = candidate.reward
    return not judged if reward is None else reward.status not in FAULTS


def _held(candidates: Sequence[Candidate], answer: Answer | None) -> dict[str, list[Candidate]]:
    """Final answer -> the completions that give it."""
    held: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        if answer is None:
            found = answer_in(verdict.evidence for verdict in candidate.verdicts.values())
        else:
            said = answer(candidate.text)
            found = None if said is None else same_spelling(said)
        if found is not None:
            held.setdefault(found, []).append(candidate)
    return held


def _elected(
    desk: Desk,
    candidates: Sequence[Candidate],
    held: dict[str, list[Candidate]],
    *,
    weighted: bool,
) -> SearchResult:
    values = {text: [c.score or 0.0 for c in found] for text, found in held.items()}
    winner = winning_answer(values, weighted=weighted)
    votes = {text: sum(v) if weighted else float(len(v)) for text, v in values.items()}
    if winner is None:
        unread = candidates and not desk.left_out
        why = "no completion has a final answer that can be read" if unread else ""
        return desk.result(candidates, None, why=why)
    chosen = best(held[winner]) or first_by_digest(held[winner])
    return desk.result(candidates, chosen, votes=votes)
