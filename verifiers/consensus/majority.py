"""``consensus.majority``: the answer that most completions of a prompt give is taken for right.

Source: Zuo et al. 2025 (TTRL, arXiv 2504.16084): y* = majority vote over y_1..y_N, and
r(y_i, y*) = 1 if y_i = y*, else 0. Ours, where the paper is silent: equality is that of mathematics
(see ``clusters``), what cannot be read does not vote (``votes``), a tie or too little agreement is
no consensus, and one vote is none either.

No ground truth is needed; where there is one, the evidence says whether the consensus equals it.
That never changes a score. Not covered: votes over several prompts, weights for votes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from ...core.source import source
from ...core.types import Sample, Status, Verdict
from ..math.answers import AnswerSettings, evidence_of
from ..math.decide import Rules, decide
from ..math.reference import compare_choice, read_options, read_reference
from .clusters import Cluster, clusters_of
from .votes import Vote, vote_of

__all__ = ["MajoritySettings", "consensus_majority"]

_SHOWN = 8
"""Clusters whose size and answer the evidence lists."""
_SHOWN_CHARS = 200


class MajoritySettings(AnswerSettings):
    """How answers are found, what makes two of them one, and what a majority is."""

    answers: Literal["math", "text"] = "math"
    """``math``: equal as mathematics; answers that are words alone do not vote. ``text``: equal
    after normalisation of typesetting, letter case and blanks; every answer votes."""
    tie: Literal["abstain", "first_canonical"] = "abstain"
    """Of several largest clusters: none is right, or the one with the smallest spelling (shortest,
    then first in the order of characters)."""
    min_agreement: float = Field(default=0.0, ge=0.0, le=1.0)
    """Share of all completions of the group, those without a vote included, that the largest
    cluster needs; below it the group abstains. TTRL has none: 0."""
    min_votes: int = Field(default=2, ge=1)
    """Votes in the group below which it abstains. Ours: a single vote always agrees with itself."""
    most_comparisons: int = Field(default=400, ge=0)
    """Comparisons of different spellings in one group; spellings left over stay apart. Ours."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a group came to."""

    clusters: list[Cluster]
    winner: Cluster | None
    why: str
    """Why there is no winner."""
    evidence: dict[str, Any]
    parts: dict[str, float]


@source(
    "consensus.majority",
    version="1",
    scale="binary",
    arity="group",
    runs="process",
    view="answer",
    preload=("assay.verifiers.math.zero.balls",),
)
def consensus_majority(samples: Sequence[Sample], settings: MajoritySettings) -> list[Verdict]:
    """1 if the completion gives the answer that most completions of its group give, else 0.

    An answer that cannot be read, or was cut off, does not vote and scores 0. The group abstains
    on a tie, below ``min_agreement`` and below ``min_votes``. ``evidence``: ``consensus``,
    ``share`` (of all completions), ``votes``, ``clusters`` (the largest, with sizes), ``own``
    (rank of the completion's cluster, from 0), ``label_correct`` where there is a ground truth;
    ``parts``: ``agreement``, ``label_accuracy``.
    """
    votes = [vote_of(sample, settings, settings.answers) for sample in samples]
    outcome = _outcome(samples, votes, settings)
    ranks = {s: rank for rank, c in enumerate(outcome.clusters) for s in c.spellings}
    return [_verdict(vote, outcome, ranks.get(vote.normal)) for vote in votes]


def _outcome(
    samples: Sequence[Sample], votes: Sequence[Vote], settings: MajoritySettings
) -> _Outcome:
    cast = [vote for vote in votes if vote.normal]
    rules = Rules(missing_unit=settings.unit_words, expects=settings.expects)
    letters = any(read_options(sample.extra.get("options")) for sample in samples)
    by_text = settings.answers == "text" or letters or settings.expects == "choice"
    clusters, complete = clusters_of(cast, None if by_text else rules, settings.most_comparisons)
    first = clusters[0] if clusters else None
    share = first.votes / len(samples) if first else 0.0
    why = _why_not(clusters, len(cast), share, settings)
    winner = None if why else first
    evidence: dict[str, Any] = {
        "share": round(share, 6),
        "votes": len(cast),
        "clusters": [[c.text[:_SHOWN_CHARS], c.votes] for c in clusters[:_SHOWN]],
    }
    parts = {"agreement": share}
    if winner is not None:
        evidence["consensus"] = winner.text[:_SHOWN_CHARS]
        right = _is_true(winner, samples[0], rules, by_text=by_text)
        if right is not None:
            evidence["label_correct"] = right
            parts["label_accuracy"] = float(right)
    if not complete:
        evidence["compared"] = "not all: some spellings stay apart"
    return _Outcome(clusters, winner, why, evidence, parts)


def _why_not(
    clusters: Sequence[Cluster], votes: int, share: float, settings: MajoritySettings
) -> str:
    """Why a group has no consensus; empty when it has one, or when nobody voted."""
    if not votes:
        return ""
    if votes < settings.min_votes:
        return f"{votes} of the group's answers can be read, {settings.min_votes} are needed"
    if len(clusters) > 1 and clusters[0].votes == clusters[1].votes and settings.tie == "abstain":
        return f"a tie: several answers have {clusters[0].votes} votes"
    if share < settings.min_agreement:
        return f"{share:.0%} of the group agree, {settings.min_agreement:.0%} are needed"
    return ""


def _is_true(winner: Cluster, sample: Sample, rules: Rules, *, by_text: bool) -> bool | None:
    """Whether the consensus equals the ground truth; None where that cannot be said."""
    reference = read_reference(sample.ground_truth)
    if reference is None:
        return None
    options = read_options(sample.extra.get("options"))
    if options is not None:
        chosen = compare_choice(winner.text, reference, options)
        return None if chosen is None else chosen.equal
    if by_text and " ".join(reference.normal.casefold().split()) in winner.spellings:
        return True
    verdict = decide(winner.text, reference.text, rules).verdict
    return verdict == "equal" if verdict in ("equal", "different") else None


def _verdict(vote: Vote, outcome: _Outcome, rank: int | None) -> Verdict:
    evidence = evidence_of(vote.found, **outcome.evidence)
    if rank is not None:
        evidence["own"] = rank
    if outcome.why:
        return Verdict.unscored(
            Status.ABSTAINED, outcome.why, evidence=evidence, parts=outcome.parts
        )
    agrees = outcome.winner is not None and rank == 0
    if vote.why:
        reason = vote.why
    elif agrees:
        reason = "the answer of the majority"
    else:
        reason = "not the answer of the majority"
    return Verdict.scored(
        float(agrees), passed=agrees, reason=reason, evidence=evidence, parts=outcome.parts
    )
