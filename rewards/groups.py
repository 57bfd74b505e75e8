"""Facts about groups of completions of one prompt.

Covered: groups that teach nothing because all their values are equal. Not covered: dropping or
resampling them (the trainer's dynamic sampling).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["GroupCounts", "zero_variance_groups"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """How many groups give a group-relative trainer no gradient."""

    groups: int
    """Groups with at least one value."""
    zero_variance: int
    """Those whose values are all equal (a single value is equal to itself)."""

    @property
    def fraction(self) -> float:
        """``zero_variance / groups``, in [0, 1]; 0.0 where there is no group."""
        return self.zero_variance / self.groups if self.groups else 0.0


def zero_variance_groups(values: Iterable[tuple[str, float | None]]) -> GroupCounts:
    """Count the groups of ``(group, value)`` pairs whose values do not differ.

    Order means nothing; a value of None is left out, as the trainer leaves it out. Equal means
    equal as floats: rewards of verifiers are few exact numbers, not measurements.
    """
    spread: dict[str, tuple[float, float]] = {}
    for group, value in values:
        if value is None:
            continue
        low, high = spread.get(group, (value, value))
        spread[group] = (min(low, value), max(high, value))
    flat = sum(1 for low, high in spread.values() if low == high)
    return GroupCounts(groups=len(spread), zero_variance=flat)
