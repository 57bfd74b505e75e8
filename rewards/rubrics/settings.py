"""The settings of ``judge.rubric``: which rubric, which judge, and what a fault does.

Covered: reading and checking them. Not covered: how a judge is reached (``judges.settings``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ...core.errors import ConfigError
from ...core.settings import NO_EFFECT, Settings
from ..grape import Mode
from ..judges.client import open_judge
from ..judges.contract import Judge, Scale
from ..judges.expected import check_levels
from ..judges.places import check_place, judge_at
from ..judges.settings import JudgeSettings
from .asking import Wording
from .library import load_rubric
from .schema import Rubric

__all__ = ["RubricSettings"]


class RubricSettings(Settings):
    """Settings of ``judge.rubric``."""

    rubric: Annotated[Rubric, BeforeValidator(load_rubric)]
    """A library name, a path ending in ``.yaml``, a mapping, or a list of those."""
    judge: JudgeSettings | None = None
    """The judge: a server or a model in this process."""
    judge_from: str | None = None
    """In its place: ``module:name`` of something to call without arguments that gives a Judge."""
    category: str | None = None
    """The category of every sample; None: read it from ``category_from``, unless the rubric has
    only one."""
    category_from: str = "task"
    """``task``, or the key of ``Sample.extra`` that names a sample's category."""
    mode: Mode = "barred"
    """How items become one reward; see ``assay.rewards.grape``."""
    means: Literal["batch", "frozen", "ema"] = "batch"
    """Where φ̄ comes from. GRAPE: the batch. Ours: ``frozen`` values, so that a sample scores the
    same in any batch; ``ema``: a running mean over the batches of this process."""
    frozen_means: dict[str, dict[str, float]] = Field(default_factory=dict)
    """For ``frozen``: category -> item -> φ̄, in [0, 1]."""
    ema_decay: float = Field(default=0.9, ge=0.0, lt=1.0)
    """For ``ema``: the share of the old mean. Ours."""
    on_judge_fault: Literal["fail", "drop"] = "fail"
    """An item without a score: the sample is ``failed``, or the item is left out and the other
    weights scaled up. A veto that could not be asked always fails the sample."""
    pass_at: float | None = None
    """The reward from which a sample passes; None: it has no bar."""
    show_reasoning: bool = False
    """Show the judge what stands before ``</think>`` too. Off: reasoning is not the answer, and a
    long way to talk to a judge."""
    limit_chars: int = Field(default=24_000, ge=200)
    """Of each text that is shown; longer ones lose their middle, and the judge is told. Ours."""
    levels: int | None = Field(default=11, ge=2, le=101)
    """Whole scores offered to the judge, from 0; 11 makes 0 to 10. None: any number in [0, 1]."""
    logprobs: bool = False
    """Take the expected score over the judge's token probabilities (G-Eval) and the confidence
    from their spread; needs ``levels`` of at most 10 and a server that gives them."""
    temperature: float = Field(default=0.0, ge=0.0)
    """Of the judge; 0: greedy."""
    seed: int | None = None
    """Passed on to judges that know it."""
    score_tokens: int = Field(default=1024, ge=16)
    """Longest reply with a score, in tokens. Ours."""
    critique_tokens: int = Field(default=2048, ge=16)
    """Longest critique, in tokens. Ours."""
    rereads: int = Field(default=1, ge=0, le=5)
    """Further asks after a reply that cannot be read. Ours."""
    asks_at_once: Annotated[int, NO_EFFECT] = Field(default=64, ge=1)
    """Asks under way at a time in one process; the judge's own ``concurrency`` holds too. Ours."""
    plugins: tuple[str, ...] = ()
    """Modules to load by name for items of kind ``source``."""
    source_workers: Annotated[int, NO_EFFECT] = Field(default=2, ge=1)
    """Worker processes for each source of an item, unless it says. Ours."""

    @field_validator("judge_from")
    @classmethod
    def _is_place(cls, place: str | None) -> str | None:
        return check_place(place)

    @model_validator(mode="after")
    def _fits_together(self) -> RubricSettings:
        kinds = {item.kind for c in self.rubric.categories.values() for item in c.items}
        if self.judge is not None and self.judge_from is not None:
            raise ValueError("give judge or judge_from, not both")
        if kinds != {"source"} and self.judge is None and self.judge_from is None:
            raise ValueError("the rubric asks a judge: give judge (model, base_url), or judge_from")
        if self.category is not None and self.category not in self.rubric.categories:
            known = sorted(self.rubric.categories)
            raise ValueError(f"category {self.category!r} is not in the rubric ({known})")
        if self.means == "frozen" or self.frozen_means:
            self._check_frozen()
        if self.logprobs:
            try:
                check_levels(self.scale)
            except ConfigError as error:
                raise ValueError(f"logprobs: {error}") from None
        return self

    def _check_frozen(self) -> None:
        if self.means != "frozen":
            raise ValueError("frozen_means goes with means: frozen")
        for name, category in self.rubric.categories.items():
            row: Mapping[str, float] = self.frozen_means.get(name, {})
            wanted = {item.name for item in category.items}
            if set(row) != wanted or any(not 0.0 <= value <= 1.0 for value in row.values()):
                raise ValueError(
                    f"frozen_means.{name}: must give a mean confidence in [0, 1] for each of"
                    f" {sorted(wanted)}, got {dict(row)}"
                )

    @property
    def scale(self) -> Scale:
        """What the judge may score."""
        return Scale(levels=None if self.levels is None else tuple(range(self.levels)))

    @property
    def wording(self) -> Wording:
        """How asks are made."""
        return Wording(
            scale=self.scale,
            limit_chars=self.limit_chars,
            score_tokens=self.score_tokens,
            critique_tokens=self.critique_tokens,
            temperature=self.temperature,
            seed=self.seed,
            logprobs=self.logprobs,
        )

    def open_judge(self) -> Judge | None:
        """The judge; None for a rubric that asks none. Raises ``ConfigError``."""
        if self.judge is not None:
            return open_judge(self.judge)
        if self.judge_from is None:
            return None
        return judge_at(self.judge_from)
