"""The settings that every source with a judge has: who is asked, and how.

Covered: reading and checking them, and the ``Asker`` they make. Not covered: what is asked.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from ...core.settings import NO_EFFECT, Settings
from ..judges.client import open_judge
from ..judges.contract import Judge
from ..judges.places import check_place, judge_at
from ..judges.settings import JudgeSettings
from .asker import Asker

__all__ = ["JudgeAccess"]


class JudgeAccess(Settings):
    """Who is asked, and how. Either ``judge`` or ``judge_from`` is needed."""

    judge: JudgeSettings | None = None
    """The judge: a server or a model in this process."""
    judge_from: str | None = None
    """In its place: ``module:name`` of something to call without arguments that gives a Judge."""
    instructions: str = Field(default="", max_length=20_000)
    """What else the judge should know, in your words; it stands among its orders."""
    limit_chars: int = Field(default=24_000, ge=200)
    """Of each text that is shown; longer ones lose their middle, and the judge is told. Ours."""
    logprobs: bool = False
    """Take the expected score over the judge's token probabilities (G-Eval) and the confidence
    from their spread; needs a server that gives them."""
    temperature: float = Field(default=0.0, ge=0.0)
    """Of the judge's replies; 0: its likeliest."""
    seed: int | None = None
    """Passed on to judges that know one; also of what is drawn at random here. None: no seed, and
    0 for draws."""
    reply_tokens: int = Field(default=1024, ge=16)
    """Longest reply. Ours."""
    rereads: int = Field(default=1, ge=0, le=5)
    """Further asks after a reply that cannot be read. Ours."""
    asks_at_once: Annotated[int, NO_EFFECT] = Field(default=64, ge=1)
    """Asks under way at a time in one process; the judge's own ``concurrency`` holds too. Ours."""

    @field_validator("judge_from")
    @classmethod
    def _is_place(cls, place: str | None) -> str | None:
        return check_place(place)

    @model_validator(mode="after")
    def _one_judge(self) -> Self:
        if self.judge is not None and self.judge_from is not None:
            raise ValueError("give judge or judge_from, not both")
        if self.needs_judge and self.judge is None and self.judge_from is None:
            raise ValueError("a judge is asked: give judge (model, base_url), or judge_from")
        return self

    @property
    def needs_judge(self) -> bool:
        """Whether these settings make no sense without a judge."""
        return True

    def open_judge(self) -> Judge:
        """The judge. Nothing is asked or loaded yet. Raises ``ConfigError``."""
        if self.judge is not None:
            return open_judge(self.judge)
        assert self.judge_from is not None  # checked at birth
        return judge_at(self.judge_from)

    def asker(self) -> Asker:
        """What asks, one for an event loop. Raises ``ConfigError``."""
        return self.asker_of(self.open_judge())

    def asker_of(self, judge: Judge) -> Asker:
        """What asks this judge in the manner of these settings."""
        return Asker(
            judge,
            instructions=self.instructions,
            limit_chars=self.limit_chars,
            logprobs=self.logprobs,
            temperature=self.temperature,
            seed=self.seed,
            reply_tokens=self.reply_tokens,
            rereads=self.rereads,
            at_once=self.asks_at_once,
        )
