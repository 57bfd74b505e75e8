"""What the rounds of a run share, and which model each of them starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...core.scorer import Scorer
from ...core.selection import KeepRule, LabelRule, PairRule
from ..config import TrainingRecipe
from ..data import Problems
from ..evaluate import Evaluator
from ..records.progress import Display
from .config import RoundsConfig
from .rows import Method
from .store import Round

if TYPE_CHECKING:  # it imports transformers, which takes seconds
    from ..records.callbacks import RunRecords

__all__ = ["METHODS", "Job", "RoundsAlgorithm"]

RoundsAlgorithm: TypeAlias = Literal["expert_iteration", "online_dpo", "online_ipo", "online_kto"]

METHODS: Mapping[RoundsAlgorithm, Method] = {
    "expert_iteration": "sft",
    "online_dpo": "dpo",
    "online_ipo": "ipo",
    "online_kto": "kto",
}
"""How the rounds of an algorithm learn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A run in rounds."""

    recipe: TrainingRecipe
    folder: Path
    """The run folder."""
    algorithm: RoundsAlgorithm
    start: Path | str
    """The start model."""
    tokenizer: Any
    problems: Problems
    scorer: Scorer
    evaluator: Evaluator | None
    """Asks the held-out problems; None: no evaluation."""
    records: RunRecords | None
    """The run's metrics and rollouts; None: only the rounds' own folders are written."""
    display: Display

    @property
    def settings(self) -> RoundsConfig:
        """The recipe's settings of the rounds."""
        return self.recipe.trainer.rounds

    @property
    def method(self) -> Method:
        """How a round learns."""
        return METHODS[self.algorithm]

    @property
    def rule(self) -> KeepRule | PairRule | LabelRule:
        """How a round selects."""
        match self.method:
            case "sft":
                return self.settings.keep
            case "kto":
                return self.settings.labels
            case _:
                return self.settings.pairs

    def model_after(self, number: int) -> Path | str:
        """The model after a round; that of round 0 is the start model."""
        return Round(self.folder, number).model if number else self.start

    def trained_from(self, number: int) -> Path | str:
        """The model that a round trains."""
        return self.start if self.settings.train_from == "start" else self.model_after(number - 1)

    def reference(self, number: int) -> Path | str:
        """The model that a round's policy stays near."""
        return self.start if self.settings.reference == "start" else self.model_after(number - 1)

    def name_of(self, model: Path | str) -> str:
        """A model as the provenance names it: within the run folder where it lies there."""
        path = Path(model)
        inside = path.is_relative_to(self.folder)
        return str(path.relative_to(self.folder)) if inside else str(model)
