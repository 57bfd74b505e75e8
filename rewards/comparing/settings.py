"""The settings of ``judge.pairwise``: who compares, whom with whom, and what comes of it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from ...core.recipe import SourceEntry
from ..inquiry.access import JudgeAccess
from ..judges.places import check_place
from .orders import Disagreement
from .pairing import Design

__all__ = ["PairwiseSettings"]


class PairwiseSettings(JudgeAccess):
    """Settings of ``judge.pairwise``."""

    criterion: str = Field(
        default="the answer is right, does what was asked, and is as clear and short as it can be",
        min_length=1,
        max_length=20_000,
    )
    """What better means, in your words. The default is ours."""
    levels: Literal[2, 3, 5] = 5
    """How many steps the judge may tell apart: a winner; or a tie too; or also slightly better."""
    votes: int = Field(default=1, ge=1, le=16)
    """How often each order is asked, with seeds of their own; more than one needs
    ``temperature`` > 0, or all votes would be one."""
    on_disagreement: Disagreement = "tie"
    """Where the two orders name different winners: a tie, or the mean as it stands."""
    preference_from: str | None = None
    """In place of a judge: ``module:name`` of a preference model, a callable
    ``(prompt, first, second) -> P(first > second)``, plain or async."""
    scores_from: SourceEntry | None = None
    """In place of a judge: a source that scores, as in a recipe; P = σ of the difference."""
    score_temperature: float = Field(default=1.0, gt=0.0)
    """For ``scores_from``: what the difference is divided by. 1: as reward models are trained."""
    plugins: tuple[str, ...] = ()
    """For ``scores_from``: modules to load by name."""
    opponents: Literal["group", "queue"] = "group"
    """``group``: the other answers of the call. ``queue``: earlier answers to the prompt, kept in
    this process; the group where there are none yet."""
    queue_length: int = Field(default=8, ge=1)
    """Earlier answers kept for a prompt (SPO's B). Ours."""
    queue_prompts: int = Field(default=1000, ge=1)
    """Prompts whose answers are kept. Ours."""
    pairs: Design = "all"
    """Whom of the group to compare: ``all``, two neighbours on a ``ring``, or ``random``."""
    rivals: int = Field(default=4, ge=1)
    """For ``random``: opponents of each. Ours."""
    reward: Literal["win_rate", "bradley_terry"] = "win_rate"
    """The mean preference, or a strength fitted to all comparisons (any number, about 0)."""
    pass_at: float | None = None
    """The reward from which a sample passes; None: it has no bar."""

    @property
    def needs_judge(self) -> bool:
        """Unless a preference model or a source stands in."""
        return self.preference_from is None and self.scores_from is None

    @field_validator("preference_from")
    @classmethod
    def _is_a_place(cls, place: str | None) -> str | None:
        return check_place(place)

    @field_validator("scores_from", mode="before")
    @classmethod
    def _name_is_entry(cls, value: object) -> object:
        return {"use": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        given = [self.judge or self.judge_from, self.preference_from, self.scores_from]
        if sum(one is not None for one in given) > 1:
            raise ValueError("give one of judge (or judge_from), preference_from and scores_from")
        if self.votes > 1 and self.temperature == 0.0:
            raise ValueError("votes: several at temperature 0 are one; give temperature > 0")
        return self
