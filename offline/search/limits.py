"""What a search may spend, and what it has spent.

Every limit is a hard bound: what does not fit is not asked for. Not covered: money, which the
client of a server counts, and time.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from ...core.settings import Settings

__all__ = ["Limits", "Spent"]


class Limits(Settings):
    """Where a search stops; None: no limit but what its other settings imply."""

    max_calls: int | None = Field(default=None, ge=1)
    """Continuations asked of the generator, steps and whole answers alike."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens of all continuations together. A continuation is asked for only if its ``tokens_each``
    still fit (the last one: what is left), and the generator must say how long each is."""
    max_judged: int | None = Field(default=None, ge=1)
    """Texts handed to scorers, beginnings and whole answers alike."""
    tokens_each: int = Field(default=1024, ge=1)
    """Longest continuation. Ours."""
    chars_each: int = Field(default=1 << 20, ge=1)
    """A longer continuation is cut here, and counts as truncated. Ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a search took."""

    calls: int = 0
    """Continuations asked of the generator."""
    batches: int = 0
    """Calls of the generator's function: each asks for a batch of continuations."""
    tokens: int = 0
    """Of the continuations whose length is known."""
    lost: int = 0
    """Continuations that the generator could not give."""
    judged: int = 0
    """Texts handed to scorers."""
    checked: int = 0
    """Steps handed to ``check``."""
    rejected: int = 0
    """Steps that ``check`` found wrong."""
    stopped: str = ""
    """What ended the search early: a limit's name, or a source's reason; else empty."""
