"""Votes that name one answer, brought together. Pure, bounded, and blind to the order of votes.

Equal spelling first, then equal numbers, then the equality of ``math.symbolic`` without SymPy,
asked of each spelling and the representatives of the clusters so far. "The same" must hold in
both directions: a ground truth may be met by a rounded value, but here neither side is the truth.

Not covered: how an answer is found in a completion (``votes``), and who wins (``majority``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..math.decide import Rules, decide
from ..math.number import Exact, read_number
from .votes import Vote

__all__ = ["Cluster", "clusters_of", "same_answer"]

_LONG_DECIMAL_CHARS = 10
"""From here on ``math.symbolic`` lets a decimal stand for a number that no decimal can hold."""
_MOST_CHARS = 200
"""Longer spellings are only compared as texts: what a comparison costs grows with them. Ours."""
_MOST_UNDECIDED = 2
"""Comparisons of one spelling that may end undecided; they are the slow ones. Ours."""


@dataclass(slots=True)
class Cluster:
    """The votes for one answer."""

    text: str
    """The answer as the vote that represents it was written."""
    canonical: str
    """Its smallest spelling: shortest, then first in the order of characters."""
    votes: int = 0
    spellings: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Spelling:
    """All votes that are spelt alike."""

    normal: str
    text: str
    number: Exact | None
    votes: int = 0
    undecided: int = 0

    @property
    def is_plain_number(self) -> bool:
        """An exact number that differs from all others at sight; a long decimal may not."""
        long_decimal = "." in self.normal and len(self.normal) >= _LONG_DECIMAL_CHARS
        return self.number is not None and not long_decimal

    @property
    def is_open(self) -> bool:
        """Whether it may be compared as mathematics."""
        return len(self.text) <= _MOST_CHARS and self.undecided < _MOST_UNDECIDED

    @property
    def order(self) -> tuple[int, int, str]:
        """Most votes first; a total order, so that nothing depends on the order of votes."""
        return -self.votes, len(self.normal), self.normal


def clusters_of(
    votes: Sequence[Vote], rules: Rules | None, most_comparisons: int
) -> tuple[list[Cluster], bool]:
    """The clusters, largest first (ties: smallest canonical spelling), and whether all were
    compared.

    Args:
        rules: how mathematics is compared; None: only equal spelling counts.
        most_comparisons: beyond it, spellings that are not yet placed stay by themselves.
    """
    spellings = sorted(_spellings(votes, numbers=rules is not None), key=lambda s: s.order)
    placed: list[Cluster] = []
    known: dict[Exact, Cluster] = {}
    maths = _Comparisons(rules, most_comparisons)
    for spelling in spellings:
        found = None if spelling.number is None else known.get(spelling.number)
        found = found or maths.cluster_of(spelling)
        if found is None:
            found = Cluster(spelling.text, spelling.normal)
            placed.append(found)
            maths.add(spelling, found)
        if spelling.number is not None:
            known.setdefault(spelling.number, found)
        _add(found, spelling)
    ordered = sorted(placed, key=lambda c: (-c.votes, len(c.canonical), c.canonical))
    return ordered, maths.complete


def same_answer(one: str, other: str, rules: Rules) -> bool | None:
    """Whether two answers are one, whichever is taken for the truth; None: undecided."""
    for answer, truth in ((one, other), (other, one)):
        verdict = decide(answer, truth, rules).verdict
        if verdict != "equal":
            return False if verdict == "different" else None
    return True


def _spellings(votes: Sequence[Vote], *, numbers: bool) -> list[_Spelling]:
    found: dict[str, _Spelling] = {}
    for vote in votes:
        spelling = found.get(vote.normal)
        if spelling is None:
            number = read_number(vote.normal) if numbers else None
            spelling = found[vote.normal] = _Spelling(vote.normal, vote.text, number)
        spelling.votes += 1
        spelling.text = min(spelling.text, vote.text, key=lambda text: (len(text), text))
    return list(found.values())


class _Comparisons:
    """The representatives of the clusters so far, and what may still be asked of them."""

    def __init__(self, rules: Rules | None, left: int) -> None:
        self.complete = True
        """Whether everything was compared that was not known to differ."""
        self._rules = rules
        self._left = left
        self._all: list[tuple[_Spelling, Cluster]] = []
        self._no_numbers: list[tuple[_Spelling, Cluster]] = []
        """Those that a short number must be compared with: exact numbers differ at sight."""

    def add(self, spelling: _Spelling, cluster: Cluster) -> None:
        """A new cluster and the spelling that represents it."""
        self._all.append((spelling, cluster))
        if not spelling.is_plain_number:
            self._no_numbers.append((spelling, cluster))

    def cluster_of(self, spelling: _Spelling) -> Cluster | None:
        """The first cluster that is the same answer."""
        if self._rules is None:
            return None
        for other, cluster in self._no_numbers if spelling.is_plain_number else self._all:
            if self._left <= 0 or not (spelling.is_open and other.is_open):
                self.complete = False
                if self._left <= 0 or not spelling.is_open:
                    return None
                continue
            self._left -= 1
            same = same_answer(spelling.text, other.text, self._rules)
            if same:
                return cluster
            if same is None:
                spelling.undecided += 1
                other.undecided += 1
        return None


def _add(cluster: Cluster, spelling: _Spelling) -> None:
    cluster.votes += spelling.votes
    cluster.spellings.add(spelling.normal)
    cluster.canonical = min(cluster.canonical, spelling.normal, key=lambda text: (len(text), text))
