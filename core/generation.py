"""What a search or a revision asks of a language model: continuations, any number at a time.

    def generate(wanted: Sequence[Wanted]) -> list[Written | str | None]: ...

Any function of that shape is a ``Generator``: a model in memory, a server, a table in a test.
Nothing here loads or asks a model. Not covered: probabilities of tokens, and continuations that are
streamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from .errors import ConfigError
from .types import Message

__all__ = ["Generator", "Until", "Wanted", "Written", "as_many"]

Until = Literal["step", "end"]
"""``step``: the next step of the answer alone. ``end``: all that is left of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One continuation that is wanted. Equal ones may get equal texts."""

    prompt: str | Sequence[Message]
    """Text, or chat messages."""
    beginning: str = ""
    """The answer as far as it is written; what comes back follows it without a gap."""
    until: Until = "end"
    max_tokens: int = 1024
    """Most tokens of the continuation."""
    seed: int = 0
    """In [0, 2**31): another for each continuation of one search, so that they differ."""
    greedy: bool = False
    """The likeliest continuation is wanted, not a sample."""


@dataclass(frozen=True, slots=True)
class Written:
    """A continuation."""

    text: str
    """Without the beginning."""
    finished: bool = True
    """The answer ends here."""
    tokens: int | None = None
    """Its length; None: not known, and then no budget of tokens can be held."""
    truncated: bool = False
    """It hit its length limit."""

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise TypeError(f"Written.text: must be text, got {type(self.text).__name__}")
        if self.tokens is not None and self.tokens < 0:
            raise ValueError(f"Written.tokens: must be >= 0, got {self.tokens}")


class Generator(Protocol):
    """Writes what is wanted, in order. An object of a class, or a function."""

    def __call__(self, wanted: Sequence[Wanted], /) -> Sequence[Written | str | None]:
        """As many as were wanted; None for one that could not be had (a server's fault).

        A bare text finishes the answer where ``until`` is ``end``; as a step it does so when it is
        blank.
        """
        ...


T = TypeVar("T")


def as_many(given: Sequence[T], wanted: Sequence[Wanted]) -> Sequence[T]:
    """What a generator gave; raises ``ConfigError`` unless it is as much as was wanted."""
    if len(given) == len(wanted):
        return given
    raise ConfigError(
        f"generator: must give {len(wanted)} continuations where so many are wanted, None for one"
        f" that cannot be had, got {len(given)}"
    )
