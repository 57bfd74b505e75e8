"""Settings of a curriculum: which prompts a batch is made of.

Defaults name their source, or say that they are ours. This module imports neither torch nor trl.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ...core.settings import Settings

__all__ = ["CurriculumConfig"]


class CurriculumConfig(Settings):
    """How the prompts of a batch are chosen."""

    rule: Literal["uniform", "easy_to_hard", "e2h", "adaptive"] = "uniform"
    """``uniform``: TRL's own order, each prompt once an epoch. ``easy_to_hard``: the easiest that
    the epoch has not had yet. ``e2h``: drawn by bands of difficulty, from easy to hard over the
    run. ``adaptive``: drawn by how near the pass rate is to ``target``."""
    column: str | None = None
    """A column of the data that says how hard a prompt is. None: the pass rates of this run."""
    column_is: Literal["pass_rate", "difficulty"] = "pass_rate"
    """``pass_rate``: in [0, 1], as ``assay score`` measures it; higher is easier. ``difficulty``:
    any finite number (a level, a number of operands); higher is harder."""
    unseen: Literal["first", "last"] = "first"
    """Where a prompt without a known difficulty stands: as the easiest, or as the hardest.
    ``first``, so that all are measured once. Ours."""
    smoothing: float = Field(default=0.5, gt=0, le=1)
    """Share of the newest batch in a prompt's moving pass rate. Ours."""
    bands: int = Field(default=4, ge=2)
    """``e2h``: bands of difficulty. 4 (E2H Reasoner, arXiv 2506.06632: trivial, easy, medium,
    hard)."""
    schedule: Literal["cosine", "gaussian"] = "gaussian"
    """``e2h``: how the bands' probabilities move."""
    pace: float = Field(default=0.5, gt=0)
    """``e2h``, gaussian: the centre is at (t/T)^pace of the way. 0.5: ``mu_exp`` in the authors'
    published example; below 1 leaves the easy bands sooner."""
    sigma: float = Field(default=0.5, gt=0)
    """``e2h``, gaussian: the width, in bands. 0.5: the authors' published example."""
    band_floor: float = Field(default=0.0, ge=0)
    """``e2h``: the least probability of a band; at most 1 / ``bands``."""
    target: float = Field(default=0.5, gt=0, lt=1)
    """``adaptive``: the pass rate that weighs most. 0.5: there a binary reward varies most."""
    sharpness: float = Field(default=2.0, gt=0)
    """``adaptive``: 2 makes the weight 4p(1-p) at target 0.5; higher is narrower. Ours."""
    floor: float = Field(default=0.05, gt=0, le=1)
    """``adaptive``: the least weight, beside 1 at the target, so that no prompt starves. Ours."""

    @property
    def needs_memory(self) -> bool:
        """Whether the choice depends on the pass rates of this run."""
        return self.rule == "adaptive" or (self.rule != "uniform" and self.column is None)

    @model_validator(mode="after")
    def _possible(self) -> CurriculumConfig:
        if self.band_floor * self.bands > 1:
            raise ValueError(
                f"band_floor must be at most 1 / bands = {1 / self.bands:g}, got {self.band_floor}"
            )
        if self.rule == "adaptive" and self.column_is == "difficulty" and self.column is not None:
            raise ValueError(
                "adaptive needs pass rates: a difficulty does not say which rate a prompt has;"
                " give column_is: pass_rate, or no column"
            )
        return self
