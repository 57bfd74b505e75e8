"""How far two raters agree: kappa, weighted kappa, ranking, errors of either kind.

Pure functions on plain lists, shared by whoever measures a judge. Intervals are Wilson's
(``statistics``), calibration errors are in ``calibration``. Not covered: more than two raters at a
time, significance, bootstrap intervals.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias

from .errors import ConfigError
from .statistics import pearson, wilson

__all__ = [
    "Bin",
    "Confusion",
    "Rate",
    "Weights",
    "auroc",
    "cohen_kappa",
    "confusion",
    "curve",
    "spearman",
]

Weights: TypeAlias = Literal["linear", "quadratic"]
"""How far apart two grades are: by their distance, or by its square."""


@dataclass(frozen=True, slots=True)
class Rate:
    """``count`` of ``n``, with its 95 % interval (Wilson)."""

    count: int
    n: int

    @property
    def share(self) -> float | None:
        """In [0, 1]; None where nothing was counted."""
        return self.count / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's; (0, 1) where nothing was counted."""
        return wilson(self.count, self.n)

    def to_json(self) -> dict[str, float | int | None]:
        """``rate``, ``low``, ``high``, ``count``, ``n``."""
        low, high = self.interval
        return {"rate": self.share, "low": low, "high": high, "count": self.count, "n": self.n}


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions against labels. "Positive" is a label that says the answer is good."""

    accepted_good: int
    accepted_bad: int
    rejected_good: int
    rejected_bad: int

    @property
    def n(self) -> int:
        """All that were decided."""
        return self.accepted_good + self.accepted_bad + self.rejected_good + self.rejected_bad

    @property
    def accuracy(self) -> Rate:
        """Decisions that agree with the label."""
        return Rate(self.accepted_good + self.rejected_bad, self.n)

    @property
    def false_accepts(self) -> Rate:
        """Of the bad answers, those that were accepted."""
        return Rate(self.accepted_bad, self.accepted_bad + self.rejected_bad)

    @property
    def false_rejects(self) -> Rate:
        """Of the good answers, those that were rejected."""
        return Rate(self.rejected_good, self.rejected_good + self.accepted_good)


def confusion(decisions: Sequence[bool], labels: Sequence[bool]) -> Confusion:
    """Count decisions against labels; raises ``ConfigError`` for columns of different length."""
    _check_lengths("confusion", decisions, labels)
    found = Counter((bool(d), bool(t)) for d, t in zip(decisions, labels, strict=True))
    return Confusion(
        accepted_good=found[True, True],
        accepted_bad=found[True, False],
        rejected_good=found[False, True],
        rejected_bad=found[False, False],
    )


def cohen_kappa(
    a: Sequence[Hashable],
    b: Sequence[Hashable],
    *,
    levels: Sequence[Hashable] | None = None,
    weights: Weights | None = None,
) -> float | None:
    """Agreement beyond chance of two raters: 1 is perfect, 0 what their habits alone would give.

    Args:
        a, b: what each said, one entry for each item.
        levels: the grades in order; needed for ``weights``, where their places count, not values.
        weights: forgive near misses: 1 minus the distance of two grades (or its square), over the
            largest. None: any difference counts alike.

    None where chance alone agrees always (both always say the same one thing), or nothing was said.
    Raises ``ConfigError`` for columns of different length and for grades that are no level.
    Source: Cohen 1960; weighted: Cohen 1968. Differs: nothing.
    """
    _check_lengths("cohen_kappa", a, b)
    if weights is not None and levels is None:
        raise ConfigError("cohen_kappa.levels: weights need the grades in order")
    order = list(dict.fromkeys([*a, *b] if levels is None else levels))
    place = {level: i for i, level in enumerate(order)}
    strange = next((x for x in (*a, *b) if x not in place), None)
    if strange is not None:
        raise ConfigError(f"cohen_kappa: {strange!r} is none of the levels {order}")
    if not a or len(order) < 2:
        return None
    rows, columns = Counter(place[x] for x in a), Counter(place[x] for x in b)
    width, n = len(order) - 1, len(a)
    said = zip(a, b, strict=True)
    apart = math.fsum(_distance(place[x], place[y], width, weights) for x, y in said) / n
    chance = math.fsum(
        _distance(i, j, width, weights) * p * q for i, p in rows.items() for j, q in columns.items()
    ) / (n * n)
    return None if chance == 0.0 else 1.0 - apart / chance


def _distance(i: int, j: int, width: int, weights: Weights | None) -> float:
    """Of two grades, by their places: 0 for equal ones, 1 for the two ends."""
    if weights is None:
        return float(i != j)
    far = abs(i - j) / width
    return far if weights == "linear" else far * far


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The chance that a good answer scores above a bad one; a tie counts one half. In [0, 1].

    None unless there are labels of both kinds. Raises ``ConfigError`` for columns of different
    length. Source: Mann and Whitney 1947 by way of Hanley and McNeil 1982. Differs: nothing.
    """
    _check_lengths("auroc", scores, labels)
    good = sum(map(bool, labels))
    bad = len(labels) - good
    if not good or not bad:
        return None
    total = math.fsum(r for r, label in zip(_ranks(scores), labels, strict=True) if label)
    return (total - good * (good + 1) / 2) / (good * bad)


def spearman(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """The correlation of ranks, ties sharing theirs: [-1, 1]; None as for ``pearson``.

    Source: Spearman 1904. Differs: nothing.
    """
    _check_lengths("spearman", xs, ys)
    return pearson(_ranks(xs), _ranks(ys))


def _ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1; equal values share the mean of theirs."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    for _, ties in groupby(order, key=values.__getitem__):
        places = list(ties)
        shared = start + (len(places) + 1) / 2
        for place in places:
            ranks[place] = shared
        start += len(places)
    return ranks


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a calibration curve."""

    low: float
    high: float
    n: int
    said: float
    """Mean probability of those in it."""
    good: Rate
    """How many were good."""


def curve(probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10) -> list[Bin]:
    """What was said beside what was so, in equal parts of [0, 1]; parts without a sample are left
    out. The gaps, weighed by ``n``, add up to the expected calibration error of the same ``bins``.
    """
    _check_lengths("curve", probabilities, labels)
    found: dict[int, list[tuple[float, bool]]] = {}
    for p, label in zip(probabilities, labels, strict=True):
        found.setdefault(min(int(p * bins), bins - 1), []).append((p, bool(label)))
    return [
        Bin(
            low=i / bins,
            high=(i + 1) / bins,
            n=len(rows),
            said=math.fsum(p for p, _ in rows) / len(rows),
            good=Rate(sum(label for _, label in rows), len(rows)),
        )
        for i, rows in sorted(found.items())
    ]


def _check_lengths(where: str, a: Sequence[object], b: Sequence[object]) -> None:
    if len(a) != len(b):
        raise ConfigError(f"{where}: the columns must be equally long, got {len(a)} and {len(b)}")
