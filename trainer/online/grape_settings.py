"""Settings of GRAPE's generation: how completions come about, and what they train.

Source: Patel 2025 (GRAPE), section 6: a completion comes by the category's generation prompt (A),
or by its improvement prompt from an earlier response (B); the mix is a probability or a fixed
share; a given (SFT) response may be one of the group. Where the paper is silent the choice is a
setting here, and its default says why. This module imports neither torch nor trl.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ...core.errors import ConfigError
from ...core.settings import Settings
from .grape_text import NAMES, TEMPLATE, names_in

__all__ = ["GrapeSettings"]


class GrapeSettings(Settings):
    """GRAPE's generation mix."""

    p: float | None = Field(default=None, ge=0, le=1)
    """Probability that a completion improves an earlier response (way B); 0: never. None: 0.5 where
    there is no ``quota`` (ours: the paper gives no number)."""
    quota: int | None = Field(default=None, ge=0)
    """In place of ``p``: completions of each group that are written by way B, all others by A."""
    feed: Literal["last", "random", "best"] = "last"
    """The earlier response that is improved. ``last``: one of those of the question's latest batch,
    drawn anew for each completion ("the previous iteration" in the paper's words). ``random``: any
    that is kept. ``best``: the one that earned most, the latest of equals; it is often right
    already, and then there is nothing to improve. Given responses are never fed."""
    keep: int = Field(default=16, ge=1)
    """Earlier responses kept for a question: the newest, or with ``feed: best`` those that earned
    most. Ours."""
    questions: int = Field(default=4096, ge=1)
    """Questions that are remembered; the one not asked for longest goes first, and is new when it
    comes again. Ours."""
    condition: Literal["question", "generation"] = "generation"
    """The prompt under which a completion is trained, and the log-probabilities of the old policy
    are taken. ``generation``: the one that it was written with. ``question``: the data's own prompt
    for all of them, so that improved answers teach the question itself."""
    sft: str | None = None
    """A column with a given response, which is then one of the group. None: no such response."""
    rubric: Any = None
    """Where the categories and their prompts are from: a library name, a path, a mapping, or a list
    of those. None: the recipe's source ``judge.rubric``."""
    category_from: str = "task"
    """With ``rubric``: where a question names its category; ``task`` or another column."""
    template: str = TEMPLATE
    """What the improvement prompt shows, below its system text. Names in braces are filled in once:
    ``{question}``, ``{response}``, ``{critique}``, ``{reasons}``."""
    truth: Literal["strict", "new", "show"] = "strict"
    """What becomes of a line of a critique or a reason that holds the ground truth, where the
    response did not pass. ``strict``: it is withheld. ``new``: only if the question and the
    response do not hold it (short truths, such as digits, stand everywhere). ``show``: nothing; the
    policy is told the answer and may copy it."""
    neutralise: bool = True
    """Control tokens of chat templates and hidden characters in responses and critiques are shown
    as text; off only for models whose own tags must stay."""
    limit_chars: int = Field(default=8000, ge=40)
    """Of a response, a critique and the reasons, each; longer ones lose their middle. Ours."""

    @field_validator("template")
    @classmethod
    def _shows_both(cls, template: str) -> str:
        unknown = sorted(set(names_in(template)) - set(NAMES))
        if unknown:
            raise ValueError(f"no names {unknown} (known: {', '.join(NAMES)})")
        lacking = [name for name in ("question", "response") if name not in names_in(template)]
        if lacking:
            raise ValueError(f"must show {lacking}, in braces")
        return template

    @field_validator("rubric", mode="after")
    @classmethod
    def _can_be_read(cls, rubric: Any) -> Any:
        from ...rewards.rubrics.library import load_rubric

        if rubric is not None:
            try:
                load_rubric(rubric)
            except ConfigError as error:
                raise ValueError(str(error)) from None
        return rubric

    @model_validator(mode="after")
    def _one_mix(self) -> GrapeSettings:
        if self.p is not None and self.quota is not None:
            raise ValueError("give p or quota, not both")
        return self

    @property
    def share(self) -> float:
        """The probability of way B; unused where there is a quota."""
        return 0.5 if self.p is None else self.p

    @property
    def improves(self) -> bool:
        """Whether way B is used at all."""
        return bool(self.share if self.quota is None else self.quota)
