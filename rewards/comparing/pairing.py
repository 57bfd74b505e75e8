"""Whom to compare with whom: everybody, neighbours on a ring, or a few chosen at random.

Every design gives each member equally many opponents, so that win rates sum to half the group, and
depends on what the members are, not on the order in which they come.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal, TypeAlias

from ...core.types import digest

__all__ = ["Design", "pairs_of"]

Design: TypeAlias = Literal["all", "ring", "random"]


def pairs_of(
    keys: Sequence[str], design: Design, *, rivals: int = 4, seed: int = 0
) -> list[tuple[int, int]]:
    """The pairs (i, j), i < j, of a design over members with these keys, sorted.

    ``all``: n (n - 1) / 2 pairs. ``ring``: n pairs, two opponents each. ``random``: ``rivals``
    opponents each, one more where ``rivals`` and n are both odd (no such design exists); all where
    there are not so many. The draw depends on ``seed`` and the keys alone.
    """
    size = len(keys)
    wanted = {"all": size - 1, "ring": 2, "random": rivals + (rivals % 2 and size % 2)}[design]
    if wanted >= size - 1:
        return list(itertools.combinations(range(size), 2))
    places = sorted(range(size), key=lambda place: (digest([seed, keys[place]]), place))
    # a circulant: neighbours at distance 1, 2, ..., and the one opposite where the number is odd
    steps = [*range(1, wanted // 2 + 1), *([size // 2] if wanted % 2 else [])]
    found = {
        tuple(sorted((places[at], places[(at + step) % size])))
        for step in steps
        for at in range(size)
    }
    return sorted((a, b) for a, b in found)
