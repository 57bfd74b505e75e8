"""What is odd about a recipe although it is right: said before a run, and stopping nothing.

Covered: raw scores without level or unit in a sum. Not covered: what only data can show.
"""

from __future__ import annotations

from collections.abc import Sequence

from .recipe import Recipe, SourceEntry, ValueMap
from .source import Source

__all__ = ["advice"]

_SUMS = ("weighted_sum", "gate")
"""Composers that add values."""
_NORMALISES = ("gdpo",)
"""Algorithms that normalise each source by itself before they add."""


def advice(recipe: Recipe, sources: Sequence[Source], algorithm: str = "") -> list[str]:
    """Warnings, each with its reason and the ways out.

    Args:
        sources: those of the recipe, in its order.
        algorithm: that will learn from the rewards; empty for scoring alone.
    """
    if recipe.compose.use not in _SUMS or algorithm in _NORMALISES:
        return []
    paid = [
        (entry, source)
        for entry, source in zip(recipe.sources, sources, strict=True)
        if entry.weight != 0
    ]
    if len(paid) < 2:
        return []  # a group's mean and spread take care of a single source
    found = [(entry, source.unanchored(entry.settings)) for entry, source in paid]
    return [
        f"source {entry.name}: {why}; or bound it with map: {{clip: [lowest, highest]}}, compose it"
        " by lexicographic, or train with gdpo, which normalises each source by itself"
        for entry, why in found
        if why and not _is_placed(entry)
    ]


def _is_placed(entry: SourceEntry) -> bool:
    """Whether the recipe itself gives the scores a level and a unit, or bounds."""
    rule, plain = entry.map, ValueMap()
    return rule.clip is not None or rule.scale != plain.scale or rule.offset != plain.offset
