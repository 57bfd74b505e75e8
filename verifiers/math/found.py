"""What an extraction strategy gives back."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["MAX_MARKS", "Extracted"]

MAX_MARKS = 64
"""How many marks of one kind a strategy looks at, from the end of the text."""


@dataclass(frozen=True, slots=True)
class Extracted:
    """What one strategy found."""

    text: str
    """The answer as written; empty when there is none."""
    strategy: str
    """The strategy that decided; ``none`` when no mark was found."""
    fault: str = ""
    """Why what was found is no answer; empty when it is one."""
    span: tuple[int, int] | None = None
    """Where the marked piece starts and ends in the text that was searched, in characters."""
    last: str = ""
    """Of a hedge, the value offered last; for recipes that let it count."""
    percent: bool = False
    """A percent sign stands right behind the mark: it counts where the ground truth has one."""

    def at(self, start: int, end: int) -> Extracted:
        """The same, with its place."""
        return replace(self, span=(start, end))
