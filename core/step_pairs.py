"""Preferences between steps: the same beginning, two ways to go on, one better.

The rows are pairs as any reward model learns them (``algorithm: reward_model``), and the model then
scores beginnings of answers: a process preference model.

Source: Guan et al. 2025 (rStar-Math, arXiv 2501.04519), 3.3: the two best and two worst steps by
their Q values make pairs, because a step's exact Q is too noisy to regress on. Differs: any value.
Not covered: finding the candidates (tree search, or several answers cut by ``splitters``).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError
from .types import Message

__all__ = ["Candidate", "step_pairs"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A way to go on, and what it is worth (a share of roll-outs that ended well, say)."""

    text: str
    value: float


def step_pairs(
    prompt: str | Sequence[Message],
    beginning: str,
    candidates: Sequence[Candidate],
    *,
    each: int = 2,
    margin: float = 0.0,
) -> list[dict[str, Any]]:
    """``prompt``, ``chosen``, ``rejected``, ``margin``: the best steps against the worst.

    Args:
        beginning: the steps before, which both texts of a pair begin with; may be empty.
        candidates: equal texts count once, with their lowest value.
        each: so many from the top and from the bottom.
        margin: smallest difference of two values; equal ones never make a pair.

    Chat prompts get messages. Raises ``ConfigError`` for ``each`` below 1 or a negative margin.
    """
    if each < 1 or margin < 0:
        raise ConfigError(f"step_pairs: each must be >= 1 and margin >= 0, got {each} and {margin}")
    lowest: dict[str, float] = {}
    for candidate in candidates:
        lowest[candidate.text] = min(candidate.value, lowest.get(candidate.text, candidate.value))
    ranked = sorted(lowest.items(), key=lambda found: (-found[1], found[0]))
    top, bottom = ranked[:each], ranked[-each:]
    return [
        {
            "prompt": prompt,
            "chosen": _said(prompt, beginning + good),
            "rejected": _said(prompt, beginning + bad),
            "margin": value - other,
        }
        for (good, value), (bad, other) in itertools.product(top, bottom)
        if value > other and value - other >= margin
    ]


def _said(prompt: str | Sequence[Message], text: str) -> Any:
    return text if isinstance(prompt, str) else [{"role": "assistant", "content": text}]
