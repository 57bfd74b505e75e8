"""What rubrics and comparators build on: a Judge is asked, and replies; a reply is read as a Score.

    reply = await judge.ask(Ask(messages=..., schema=scale.schema(), purpose="score"))
    score = parse_score(reply.text, scale)       # or read_reply(reply, scale): also looks at finish

``ask`` gives a reply or raises a ``JudgeError``; ``parse_score`` gives a score or raises a
``JudgeReplyError``. Nothing in between is a grade. Not covered: what is asked (rubrics, fences).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ...core.types import digest
from .faults import BudgetSpent, JudgeError, JudgeRefused, JudgeReplyError
from .parse import parse_score
from .scale import Scale, Score

__all__ = [
    "Ask",
    "BudgetSpent",
    "Judge",
    "JudgeError",
    "JudgeRefused",
    "JudgeReplyError",
    "Reply",
    "Scale",
    "Score",
    "TokenChoice",
    "parse_score",
    "read_reply",
    "sendable",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question to a judge. Raises ``ValueError`` for one that cannot be asked."""

    messages: tuple[Mapping[str, str], ...]
    """Chat messages: ``role`` and ``content``."""
    schema: Mapping[str, Any] | None = None
    """The JSON schema wanted for the reply; None: free text."""
    temperature: float = 0.0
    """0: greedy."""
    max_tokens: int = 1024
    """Longest reply, in tokens."""
    seed: int | None = None
    """Passed on to servers that know it. Asks that differ in it are different asks: that is how
    several votes on one question are had."""
    logprobs: bool = False
    """Also want the probabilities of the tokens that were nearly chosen."""
    purpose: str = "score"
    """What for, in the record: ``score``, ``critique``, ``compare``... It does not decide the
    reply, and is no part of the key."""
    key: str = ""
    """Digest of all here that decides the reply; filled in. The judge adds its own version."""

    def __post_init__(self) -> None:
        if not self.messages or any("content" not in m or "role" not in m for m in self.messages):
            raise ValueError("Ask.messages: must be one or more messages with role and content")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"Ask.temperature: must be >= 0, got {self.temperature!r}")
        if self.max_tokens < 1:
            raise ValueError(f"Ask.max_tokens: must be >= 1, got {self.max_tokens!r}")
        if not self.key:
            object.__setattr__(self, "key", self._digest())

    def _digest(self) -> str:
        schema = None if self.schema is None else dict(self.schema)
        asked = [dict(message) for message in self.messages]
        how = [self.temperature, self.max_tokens, self.seed, self.logprobs]
        return digest([asked, schema, how], length=40)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChoice:
    """One token of a reply and what else might have stood there."""

    token: str
    """The text that the token adds to the reply."""
    top: Mapping[str, float]
    """Token -> natural log of its probability; the likeliest few, the chosen one among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a judge wrote, and what it took. Tokens and money cover all attempts of this ask."""

    text: str
    tokens_in: int
    """Tokens of the prompt that were billed; 0 when cached."""
    tokens_out: int
    """Tokens of the reply that were billed; 0 when cached."""
    money: float
    """In the unit of the prices in the judge's settings; 0 without prices, and when cached."""
    seconds: float
    """Wall time from ``ask`` to the reply, waiting for rates and slots included."""
    cached: bool
    finish: str
    """Why the reply ends: ``stop``; ``length`` when it was cut off."""
    top_logprobs: tuple[TokenChoice, ...] | None = None
    """One entry for each token of ``text``; None when not asked for, or not given."""


@runtime_checkable
class Judge(Protocol):
    """Something that answers chat messages."""

    @property
    def model(self) -> str:
        """The model's name, as the server knows it."""
        ...

    @property
    def version(self) -> str:
        """Changes with anything of the judge itself that may change a reply."""
        ...

    async def ask(self, ask: Ask) -> Reply:
        """The reply; raises ``JudgeError`` when there is none and ``BudgetSpent`` at the end."""
        ...

    def forget(self, ask: Ask) -> None:
        """Do not serve this ask's reply from a cache again: it could not be read."""
        ...


def sendable(text: str) -> str:
    """The text with ``?`` for lone surrogates: they are not text, and no server takes them."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text


def read_reply(reply: Reply, scale: Scale) -> Score:
    """The score in a whole reply. Raises ``JudgeReplyError``, with what the reply cost."""
    try:
        if reply.finish == "length":
            raise JudgeReplyError("judge reply: was cut off at max_tokens; raise it")
        return parse_score(reply.text, scale)
    except JudgeReplyError as error:
        error.tokens_in, error.tokens_out = reply.tokens_in, reply.tokens_out
        error.money = reply.money
        raise
