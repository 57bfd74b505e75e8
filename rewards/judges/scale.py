"""The scale a judge scores on, and what is read from its reply.

Covered: the range or the levels offered, the JSON schema that asks for them, and the way to
[0, 1]. Not covered: reading a reply (``parse.py``).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

from ...core.errors import ConfigError

__all__ = ["Scale", "Score"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """What scores a judge may give. Raises ``ConfigError`` for a scale that makes no sense.

    Levels (``levels=range(11)``) are easier on a judge than a free number, and one token each on
    most tokenizers, so that their probabilities can be read.
    """

    low: float = 0.0
    """The worst score a judge can give."""
    high: float = 1.0
    """The best one."""
    levels: tuple[float, ...] | None = None
    """The only scores offered, rising; None: anything from ``low`` to ``high``."""
    out_of: float | None = None
    """Take ``7/10`` for 7 where this is 10; None: a fraction is not a score."""

    def __post_init__(self) -> None:
        if self.levels is not None:
            levels = tuple(float(level) for level in self.levels)
            object.__setattr__(self, "levels", levels)
            if len(levels) < 2 or any(b <= a for a, b in itertools.pairwise(levels)):
                raise ConfigError(f"scale.levels: must be two or more, rising, got {levels}")
            object.__setattr__(self, "low", levels[0])
            object.__setattr__(self, "high", levels[-1])
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ConfigError(
                f"scale: low < high must hold, both finite, got {self.low} and {self.high}"
            )
        if self.out_of is not None and self.out_of != self.high:
            raise ConfigError(
                f"scale.out_of: must equal the best score ({self.high}), got {self.out_of}"
            )

    def offers(self, value: float) -> bool:
        """Whether a judge may give this score."""
        if self.levels is not None:
            return value in self.levels
        return self.low <= value <= self.high

    def to_unit(self, value: float) -> float:
        """A score of this scale in [0, 1]: low is 0, high is 1."""
        return (value - self.low) / (self.high - self.low)

    def words(self) -> str:
        """The scale for a person or a prompt: ``a number from 0 to 10``."""
        if self.levels is not None:
            return "one of " + ", ".join(f"{level:g}" for level in self.levels)
        return f"a number from {self.low:g} to {self.high:g}"

    def schema(self, *, reasoning_chars: int = 4000) -> dict[str, Any]:
        """The JSON schema of a reply: reasoning, then score, then confidence.

        Source of the order: Patel 2025 (GRAPE) section 6: the reasons come before the score.
        """
        score: dict[str, Any] = {"type": "number", "minimum": self.low, "maximum": self.high}
        if self.levels is not None:
            whole = all(level.is_integer() for level in self.levels)
            score = {"enum": [int(level) if whole else level for level in self.levels]}
        properties = {
            "reasoning": {"type": "string", "maxLength": reasoning_chars},
            "score": score,
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        }
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a judge said, read and checked at birth. Raises ``ValueError``."""

    reasoning: str
    """Ψ: why, in the judge's words; never empty when read from a reply."""
    score: float
    """τ in [0, 1], whatever the scale was."""
    confidence: float
    """φ in [0, 1], as the judge says it."""

    def __post_init__(self) -> None:
        for name, value in (("score", self.score), ("confidence", self.confidence)):
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"Score.{name}: must lie in [0, 1], got {value!r}")
