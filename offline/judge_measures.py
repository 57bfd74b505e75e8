"""How good a judge is, from what it said and what is known: labels, or which of two is better.

Pure functions. A verdict without a score is never a wrong answer here: it is counted by its status
and left out of every rate. Decisions are the verdict's ``passed``, or a bar on its score.

Not covered: asking the judge (``judge_eval``); verdicts of several judges at a time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.agreement import Rate, auroc, cohen_kappa, confusion, curve, spearman
from ..core.calibration import brier, expected_calibration_error
from ..core.statistics import pearson
from ..core.types import FAULTS, JSON, Verdict

__all__ = [
    "Judged",
    "JudgedPair",
    "consistency",
    "costs",
    "decision",
    "label_measures",
    "outcomes",
    "pair_measures",
]

_MOST_LEVELS = 101
MATCHED = 0.1
"""Two lengths match when they differ by at most this share of the longer one. Ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One answer, what the judge said of it, and what is known of it."""

    verdict: Verdict
    label: float
    """1 good, 0 bad; or a grade on any scale."""
    chars: int
    """Length of the answer."""


def decision(verdict: Verdict, bar: float | None) -> bool | None:
    """Whether the judge accepts: its own ``passed``, unless a bar is given; else from 0.5 on.

    None for a verdict without a score, and for one outside [0, 1] that has no bar.
    """
    score = verdict.score
    if score is None:
        return None
    if bar is not None:
        return score >= bar
    if verdict.passed is not None:
        return verdict.passed
    return score >= 0.5 if 0.0 <= score <= 1.0 else None


# against labels ----------------------------------------------------------------------------


def label_measures(
    judged: Sequence[Judged], *, bar: float | None = None, good_from: float | None = None
) -> dict[str, JSON]:
    """Everything that labels tell about a judge; parts that do not apply are left out.

    Args:
        bar: the score from which the judge accepts, in place of its own bar.
        good_from: the label from which an answer is good; needed only for grades.
    """
    known = [one for one in judged if one.verdict.score is not None]
    graded = any(one.label not in (0.0, 1.0) for one in judged)
    found: dict[str, JSON] = {"answers": len(judged), "judged": len(known)}
    found["unjudged"] = _statuses(one.verdict for one in judged)
    if not graded or good_from is not None:
        found["decisions"] = _decisions(known, bar, 0.5 if good_from is None else good_from)
    if graded:
        found["grades"] = _grades(known)
    found["length"] = _label_length(known)
    return found


def _statuses(verdicts: Iterable[Verdict]) -> dict[str, JSON]:
    """Why there is no score: by status, and how many of these are faults."""
    missing = [v.status for v in verdicts if v.score is None]
    counts = Counter(status.value for status in missing)
    return {"faults": sum(s in FAULTS for s in missing), "by_status": dict(sorted(counts.items()))}


def _decisions(known: Sequence[Judged], bar: float | None, good_from: float) -> dict[str, JSON]:
    """Yes and no against good and bad."""
    made = [(one, decision(one.verdict, bar)) for one in known]
    pairs = [(one, said) for one, said in made if said is not None]
    said, good = [s for _, s in pairs], [one.label >= good_from for one, _ in pairs]
    counts = confusion(said, good)
    scores = [_score(one) for one in known]
    labels = [one.label >= good_from for one in known]
    found: dict[str, JSON] = {
        "accuracy": counts.accuracy.to_json(),
        "false_accepts": counts.false_accepts.to_json(),
        "false_rejects": counts.false_rejects.to_json(),
        "kappa": cohen_kappa(said, good),
        "auroc": auroc(scores, labels),
        "undecided": len(known) - len(pairs),
    }
    if scores and all(0.0 <= score <= 1.0 for score in scores):
        found["calibration_of_score"] = _calibration(scores, labels)
    right = [a == b for a, b in zip(said, good, strict=True)]
    return found | _confidence([one for one, _ in pairs], right)


def _score(one: Judged) -> float:
    score = one.verdict.score
    if score is None:
        raise AssertionError("only what was judged comes here")
    return score


def _confidence(judged: Sequence[Judged], right: Sequence[bool]) -> dict[str, JSON]:
    """How well confidence foretells being right; nothing for a judge that states none."""
    said = [one.verdict.confidence for one in judged]
    if all(confidence == 1.0 for confidence in said):  # what a verdict holds unless it is told
        return {}
    return {"calibration_of_confidence": _calibration(said, right)}


def _calibration(said: Sequence[float], right: Sequence[bool]) -> dict[str, JSON]:
    bins = [
        {"low": b.low, "high": b.high, "n": b.n, "said": b.said, "right": b.good.to_json()}
        for b in curve(said, right)
    ]
    error = expected_calibration_error(said, right)
    return {"error": error, "brier": brier(said, right), "curve": bins}


def _grades(known: Sequence[Judged]) -> dict[str, JSON]:
    """Scores against grades: as an order, and as the nearest grade."""
    labels, scores = [one.label for one in known], [_score(one) for one in known]
    found: dict[str, JSON] = {
        "spearman": spearman(scores, labels),
        "pearson": pearson(scores, labels),
    }
    levels = _levels(labels)
    given = _nearest(scores, levels)
    if given is None:
        return found
    wanted = [min(levels, key=lambda level: abs(level - label)) for label in labels]
    place = {level: i for i, level in enumerate(levels)}
    apart = [abs(place[a] - place[b]) for a, b in zip(given, wanted, strict=True)]
    found |= {
        "levels": levels,
        "exact": Rate(apart.count(0), len(apart)).to_json(),
        "within_one": Rate(sum(d <= 1 for d in apart), len(apart)).to_json(),
        "kappa": cohen_kappa(given, wanted, levels=levels),
        "kappa_linear": cohen_kappa(given, wanted, levels=levels, weights="linear"),
        "kappa_quadratic": cohen_kappa(given, wanted, levels=levels, weights="quadratic"),
    }
    return found | _confidence(known, [d == 0 for d in apart])


def _levels(labels: Sequence[float]) -> list[float]:
    """The grades: all whole numbers between the ends where labels are whole, else those seen."""
    if not labels:
        return []
    low, high = min(labels), max(labels)
    if all(float(label).is_integer() for label in labels) and high - low < _MOST_LEVELS:
        return [float(level) for level in range(int(low), int(high) + 1)]
    seen = sorted(set(labels))
    return seen if len(seen) <= _MOST_LEVELS else []  # a continuous scale has no grades


def _nearest(scores: Sequence[float], levels: Sequence[float]) -> list[float] | None:
    """Scores as grades: [0, 1] is stretched over the grades, unless these lie in [0, 1] or the
    scores lie on the grades' own scale; None where neither fits."""
    if len(levels) < 2:
        return None
    low, high = levels[0], levels[-1]
    if all(0.0 <= score <= 1.0 for score in scores):
        inside = low >= 0.0 and high <= 1.0
        placed = list(scores) if inside else [low + score * (high - low) for score in scores]
    elif all(low <= score <= high for score in scores):
        placed = list(scores)
    else:
        return None
    return [min(levels, key=lambda level: abs(level - score)) for score in placed]


def _label_length(known: Sequence[Judged]) -> dict[str, JSON]:
    """Whether longer answers score higher: over all, and among answers of one label."""
    found: dict[str, JSON] = {"correlation": _with_length(known)}
    labels = sorted({one.label for one in known})
    if len(labels) <= _MOST_LEVELS:
        of_label = {f"{x:g}": _with_length([o for o in known if o.label == x]) for x in labels}
        found["correlation_by_label"] = of_label
    return found


def _with_length(known: Sequence[Judged]) -> float | None:
    return pearson([_score(one) for one in known], [float(one.chars) for one in known])


# pairs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedPair:
    """Two answers to one prompt, of which ``chosen`` is known to be better."""

    chosen: Verdict
    """The verdicts when the chosen answer came first."""
    rejected: Verdict
    swapped: tuple[Verdict, Verdict] | None = None
    """(chosen, rejected) when the rejected one came first; None where the order cannot matter."""
    chars: tuple[int, int]
    """Lengths of (chosen, rejected)."""

    @property
    def verdicts(self) -> list[Verdict]:
        """All of them."""
        return [self.chosen, self.rejected, *(self.swapped or ())]

    def outcome(self) -> int | None:
        """1: the chosen answer wins, -1: it loses, 0: a tie, or each order says another; None where
        a verdict lacks a score."""
        said = self.by_order()
        if any(one is None for one in said):
            return None
        total = sum(one or 0 for one in said)
        return (total > 0) - (total < 0)

    def by_order(self) -> list[int | None]:
        """The outcome of each order by itself."""
        orders = [(self.chosen, self.rejected), *([self.swapped] if self.swapped else [])]
        return [_sign(chosen, rejected) for chosen, rejected in orders]

    @property
    def margin(self) -> float | None:
        """Score of the chosen minus that of the rejected, the mean over orders."""
        orders = [(self.chosen, self.rejected), *([self.swapped] if self.swapped else [])]
        gaps = [c.score - r.score for c, r in orders if c.score is not None and r.score is not None]
        return math.fsum(gaps) / len(gaps) if len(gaps) == len(orders) else None

    @property
    def matched(self) -> bool:
        """Whether the two are about equally long."""
        a, b = self.chars
        return abs(a - b) <= MATCHED * max(a, b)


def _sign(chosen: Verdict, rejected: Verdict) -> int | None:
    if chosen.score is None or rejected.score is None:
        return None
    return (chosen.score > rejected.score) - (chosen.score < rejected.score)


def pair_measures(pairs: Sequence[JudgedPair]) -> dict[str, JSON]:
    """Everything that preferences tell about a judge."""
    known = [(pair, said) for pair in pairs if (said := pair.outcome()) is not None]
    results = [one for _, one in known]
    decided = [one for one in results if one]
    found: dict[str, JSON] = {
        "pairs": len(pairs),
        "judged": len(known),
        "unjudged": _statuses(v for pair in pairs for v in pair.verdicts),
        "accuracy": Rate(results.count(1), len(results)).to_json(),
        "accuracy_of_decided": Rate(decided.count(1), len(decided)).to_json(),
        "ties": Rate(results.count(0), len(results)).to_json(),
    }
    if any(pair.swapped for pair, _ in known):
        found["position"] = _position([pair for pair, _ in known if pair.swapped])
    return found | {"length": _pair_length(known)}


def _position(pairs: Sequence[JudgedPair]) -> dict[str, JSON]:
    """What the order of the two changes."""
    orders = [pair.by_order() for pair in pairs]
    flips = [(first, last) for first, last in orders if first != last]
    # the chosen answer stood first in the first order, and last in the other
    for_first = sum((first or 0) > (last or 0) for first, last in flips)
    return {
        "flips": Rate(len(flips), len(orders)).to_json(),
        "for_the_first": Rate(for_first, len(flips)).to_json(),
        "accuracy_chosen_first": Rate(sum(a == 1 for a, _ in orders), len(orders)).to_json(),
        "accuracy_chosen_last": Rate(sum(b == 1 for _, b in orders), len(orders)).to_json(),
    }


def _pair_length(known: Sequence[tuple[JudgedPair, int]]) -> dict[str, JSON]:
    """What length changes: accuracy where it cannot help, where it helps, and where it misleads."""
    subsets: dict[str, Callable[[JudgedPair], bool]] = {
        "matched": lambda pair: pair.matched,
        "chosen_longer": lambda pair: not pair.matched and pair.chars[0] > pair.chars[1],
        "rejected_longer": lambda pair: not pair.matched and pair.chars[0] < pair.chars[1],
    }
    found: dict[str, JSON] = {}
    for name, belongs in subsets.items():
        said = [one for pair, one in known if belongs(pair)]
        found[name] = Rate(said.count(1), len(said)).to_json()
    apart = [(pair, said) for pair, said in known if not pair.matched and said]
    longer = [(said > 0) == (pair.chars[0] > pair.chars[1]) for pair, said in apart]
    found["prefers_longer"] = Rate(sum(longer), len(longer)).to_json()
    everything = [pair for pair, _ in known]
    found["correlation"] = _gap_with_length(everything)
    found["correlation_matched"] = _gap_with_length([p for p in everything if p.matched])
    found["correlation_unmatched"] = _gap_with_length([p for p in everything if not p.matched])
    return found


def _gap_with_length(pairs: Sequence[JudgedPair]) -> float | None:
    """Correlation of the difference in score with the difference in length."""
    margins = [(pair.margin or 0.0, float(pair.chars[0] - pair.chars[1])) for pair in pairs]
    return pearson([m for m, _ in margins], [d for _, d in margins])


# repeats and costs -------------------------------------------------------------------------


def outcomes(judged: Sequence[Judged], bar: float | None) -> list[Any]:
    """What each verdict comes to, for ``consistency``: its decision, or its score without one."""
    said = (decision(one.verdict, bar) for one in judged)
    scores = (one.verdict.score for one in judged)
    return [score if yes is None else yes for yes, score in zip(said, scores, strict=True)]


def consistency(runs: Sequence[Sequence[Any]]) -> dict[str, JSON]:
    """Items to which every run said the same; an item that a run left unjudged (None) is left out.

    ``runs`` holds what each run said of the same items, in one order.
    """
    whole = [row for row in zip(*runs, strict=True) if all(one is not None for one in row)]
    same = sum(len(set(row)) == 1 for row in whole)
    return {"runs": len(runs), "equal": Rate(same, len(whole)).to_json()}


def costs(verdicts: Sequence[Verdict], seconds: float) -> dict[str, JSON]:
    """What a thousand verdicts cost, faults included: they are billed as well.

    ``seconds`` is the wall time of them all; ``judge_seconds`` adds up what each took by itself.
    """
    n = len(verdicts)
    sums = {
        key: math.fsum(v.cost.get(key, 0.0) for v in verdicts)
        for key in ("asks", "tokens", "money")
    }
    totals = {**sums, "judge_seconds": math.fsum(v.seconds for v in verdicts), "seconds": seconds}
    each = {key: 1000.0 * value / n if n else None for key, value in totals.items()}
    return {"verdicts": n, "per_thousand": each, "total": totals}
