"""From the terms of one sample to one number. Every composer is pure.

What all of them do: a term is a source's mapped score with its weight and role. With no term at all
the value is 0.0. A source of weight 0 is watched, not paid: it never moves a value (in ``gate`` it
may still close the gate).

Not covered: rules that need the whole group or batch (GDPO's normalise-then-sum) or that learn
(Lagrangian multipliers); what a missing verdict means (the recipe's ``on_fault``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from ..core.composition import Term, composer
from ..core.errors import ConfigError
from ..core.settings import Settings

__all__ = ["gate", "lexicographic", "minimum", "product", "weighted_sum"]


class SumSettings(Settings):
    """Settings of ``weighted_sum``."""

    normalize: bool = False
    """Divide by the sum of the absolute weights of the sources that judged the sample."""


class GateSettings(Settings):
    """Settings of ``gate``."""

    gates: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Names of the sources (as in the recipe) that must pass. None: every one of family
    ``format`` that judged the sample."""
    closed: float = Field(default=0.0, allow_inf_nan=False)
    """The value of a sample that a gate refused, before costs. Keep it at or below every sum that
    an open gate can give, or failing the gate becomes a refuge."""
    absent: Literal["closed", "open"] = "closed"
    """What a named gate counts as where it did not judge the sample (it does not apply, or its name
    is misspelt). ``open`` suits recipes that route tasks with ``when``."""


class LexicographicSettings(Settings):
    """Settings of ``lexicographic``."""

    levels: int = Field(default=101, ge=2)
    """How many values in [0, 1] a unit or real source is told apart by; binary sources have two."""


@composer("weighted_sum")
def weighted_sum(terms: Sequence[Term], settings: SumSettings) -> float:
    """Sum of weight times value; a cost counts negative. Any finite number."""
    total = _sum(terms)
    if not settings.normalize:
        return total
    scale = math.fsum(abs(term.weight) for term in terms)
    return total / scale if scale > 0 else total


@composer("gate")
def gate(terms: Sequence[Term], settings: GateSettings) -> float:
    """The weighted sum if every gate passed, else ``closed`` minus the weighted costs.

    Only ``passed`` opens a gate: a gate without a bar (None) stays closed. Gates count in the sum
    with their weight; weight 0 makes a source a gate and nothing else.
    """
    if all(term.passed is True for term in terms if _is_gate(term, settings)) and not (
        settings.absent == "closed" and _missing(terms, settings)
    ):
        return _sum(terms)
    return settings.closed + _sum([term for term in terms if term.role == "cost"])


@composer("product")
def product(terms: Sequence[Term]) -> float:
    """Product of the values, each raised to its weight: one zero makes all zero.

    A value below 0 counts as 0, so that two bad values never multiply to a good one. A cost ``c``
    enters as ``1 - c``. Raises ``ConfigError`` for a negative weight.
    """
    paid = _paid(terms, "product")
    return math.prod(max(_goodness(t), 0.0) ** t.weight for t in paid) if paid else 0.0


@composer("min")
def minimum(terms: Sequence[Term]) -> float:
    """The lowest value; a cost ``c`` enters as ``1 - c``. Weights other than 0 change nothing.

    Raises ``ConfigError`` for a negative weight.
    """
    return min((_goodness(term) for term in _paid(terms, "min")), default=0.0)


@composer("lexicographic")
def lexicographic(terms: Sequence[Term], settings: LexicographicSettings) -> float:
    """Earlier sources in the recipe strictly dominate later ones; the value lies in [0, 1].

    Each value is clipped to [0, 1] and rounded to one of its source's levels; the levels are the
    digits of a number in mixed radix, the first source's most significant, divided by the largest
    such number. So a step of one source outweighs everything later ones can do, and equal digits
    give equal values. A cost ``c`` enters as ``1 - c``; weights other than 0 change nothing.
    Values are comparable between samples that the same sources judged.

    Raises ``ConfigError`` for a negative weight, or when the levels of all sources together
    exceed 2**53 and neighbours would fall on one float.
    """
    number, largest = 0, 1
    for term in _paid(terms, "lexicographic"):
        levels = 2 if term.scale == "binary" else settings.levels
        digit = math.floor(min(max(_goodness(term), 0.0), 1.0) * (levels - 1) + 0.5)
        number, largest = number * levels + digit, largest * levels
    if largest > 2**53:
        raise ConfigError(
            f"compose.levels: {settings.levels} levels for {len(terms)} sources are more than a"
            " float tells apart; lower levels, or use fewer sources"
        )
    return number / (largest - 1) if largest > 1 else 0.0


def _sum(terms: Sequence[Term]) -> float:
    signs = {"reward": 1.0, "cost": -1.0}
    return math.fsum(signs[term.role] * term.weight * term.value for term in terms)


def _is_gate(term: Term, settings: GateSettings) -> bool:
    if settings.gates is None:
        return term.name.partition(".")[0] == "format"
    return term.name in settings.gates


def _missing(terms: Sequence[Term], settings: GateSettings) -> bool:
    return not {term.name for term in terms}.issuperset(settings.gates or ())


def _goodness(term: Term) -> float:
    """The value with costs turned round, for rules in which larger must be better."""
    return 1.0 - term.value if term.role == "cost" else term.value


def _paid(terms: Sequence[Term], rule: str) -> list[Term]:
    """The terms that count: those of weight 0 are only watched."""
    for term in terms:
        if term.weight < 0:
            raise ConfigError(
                f"compose {rule}: {term.name}.weight: must be >= 0, got {term.weight};"
                " use role: cost for what should not happen"
            )
    return [term for term in terms if term.weight > 0]
