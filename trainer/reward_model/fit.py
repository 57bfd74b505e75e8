"""One training of a reward model: the classifier, TRL's trainer for it, and its scores in memory.

Everything follows from the recipe's seed: the head that is drawn, and the order of the rows.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import AutoModelForSequenceClassification, set_seed
from transformers.trainer_callback import PrinterCallback

from ...core.errors import ConfigError
from ...rewards.models.texts import Reader
from ..config import TrainingRecipe
from ..lora import peft_config
from ..rounds.learn import of_trl, quiet_datasets, shared_settings
from .learner import RewardLearner, score_tokens, suppress_head_notice, tokenised
from .rows import Comparison

__all__ = ["Fit", "saved", "score_rows"]

_HEAD = "score"


@dataclass(frozen=True, slots=True)
class Fit:
    """What a training needs beside its rows."""

    recipe: TrainingRecipe
    start: Path | str
    """A language model, or a reward model that is trained on."""
    reader: Reader
    output: Path
    """Where checkpoints go."""
    save_steps: int | None

    def steps(self, rows: int) -> int:
        """Optimizer steps over so many rows."""
        section, settings = self.recipe.trainer, self.recipe.trainer.reward_model
        batches = math.ceil(rows / section.per_device_train_batch_size)
        each = math.ceil(batches / section.gradient_accumulation_steps)
        return settings.steps or max(1, math.ceil(settings.epochs * each))

    def trainer(
        self, rows: Sequence[Comparison], callbacks: Sequence[Any]
    ) -> tuple[RewardLearner, int]:
        """(TRL's trainer, ready to ``train``; answers that were cut). Raises ``ConfigError``."""
        settings = self.recipe.trainer.reward_model
        order = list(rows)
        random.Random(self.recipe.seed).shuffle(order)  # noqa: S311 - one seed, one order
        read = tokenised(order, self.reader)
        with quiet_datasets():
            made = RewardLearner(
                _classifier(self.start, self.recipe),
                loss=settings.loss,
                pad=read.pad,
                args=self._arguments(),
                train_dataset=_dataset(order, read.ids, settings.loss),
                processing_class=self.reader.tokenizer,
                peft_config=peft_config(self.recipe.model.lora, head=_HEAD),
                callbacks=list(callbacks),
            )
        made.remove_callback(PrinterCallback)
        return made, read.truncated

    def _arguments(self) -> Any:
        config, settings = of_trl("reward_model", "Config"), self.recipe.trainer.reward_model
        shared = shared_settings(
            self.recipe,
            output=self.output,
            seed=self.recipe.seed,
            epochs=settings.epochs,
            steps=settings.steps,
            save_steps=self.save_steps,
        )
        shared["center_rewards_coefficient"] = settings.centring
        try:
            return config(**(shared | self.recipe.trainer.trl))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"trainer: RewardConfig refuses the settings: {error}") from error


def _classifier(start: Path | str, recipe: TrainingRecipe) -> Any:
    """A model with one output; a head that is not there is drawn from the seed."""
    import torch

    set_seed(recipe.seed)
    with suppress_head_notice():
        try:
            made: Any = AutoModelForSequenceClassification.from_pretrained(
                str(start), num_labels=1, dtype=recipe.model.dtype
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"model.path {start}: makes no reward model: {type(error).__name__}: {error}"
            ) from error
    return made.to("cuda" if torch.cuda.is_available() else "cpu")


def _dataset(rows: Sequence[Comparison], ids: Sequence[Any], loss: str) -> Any:
    """Pairs in TRL's columns, so that its own loss takes them; all else in ours."""
    import datasets

    plain = loss == "bradley_terry" and all(len(row.completions) == 2 for row in rows)
    if not plain:
        return datasets.Dataset.from_list(
            [{"ids": i, "worth": list(row.worth)} for row, i in zip(rows, ids, strict=True)]
        )
    made = []
    for row, (chosen, rejected) in zip(rows, ids, strict=True):
        margin = {} if row.margin is None else {"margin": row.margin}
        made.append({"chosen_ids": chosen, "rejected_ids": rejected, **margin})
    return datasets.Dataset.from_list(made)


def score_rows(model: Any, rows: Sequence[Comparison], reader: Reader) -> list[list[float]]:
    """The scores of all answers by a model in memory."""
    read = tokenised(rows, reader)
    flat = iter(score_tokens(model, [ids for row in read.ids for ids in row], read.pad))
    return [[next(flat) for _ in row] for row in read.ids]


def saved(trainer: Any, tokenizer: Any, folder: Path) -> None:
    """Write the model, adapters merged, as a checkpoint that ``rm.bradley_terry`` reads."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    # in training, a token that ends no text; on disk, the tokenizer's own
    model.config.get_text_config().pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
