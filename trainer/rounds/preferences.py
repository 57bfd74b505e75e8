"""Offline preference training: DPO, IPO and KTO from files of pairs or labels, by TRL.

Sources: DPO (Rafailov et al. 2023), -log σ(β Δ) with Δ the difference of the log-ratios of chosen
and rejected; IPO (Azar et al. 2023), (Δ - 1/(2τ))², where TRL takes the means over tokens in place
of the sums, as the authors did, and τ is ``trainer.beta``; KTO (Ethayarajh et al. 2024), with the
rarer label weighed up (``core.selection.label_weights``) unless ``trainer.trl`` says otherwise.

The reference is the start model. Checkpoints and ``--resume`` as for GRPO. Not covered: several
processes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ...core.errors import ConfigError
from ..config import TrainingRecipe
from ..evaluate import Evaluator
from ..records.progress import Display
from .learn import Plan, build_learner, check_settings, quiet_datasets
from .rows import read_rows
from .store import new_folder

if TYPE_CHECKING:  # it imports transformers, which takes seconds
    from ..records.callbacks import RunRecords

__all__ = ["OfflineAlgorithm", "train_offline"]

OfflineAlgorithm: TypeAlias = Literal["dpo", "ipo", "kto"]


def train_offline(
    recipe: TrainingRecipe,
    folder: Path,
    *,
    algorithm: OfflineAlgorithm,
    start: Path | str,
    tokenizer: Any,
    evaluator: Evaluator | None,
    records: RunRecords | None,
    display: Display,
    checkpoint: Path | None = None,
) -> Path:
    """Train ``trainer.max_steps`` steps on ``trainer.preferences``; the folder of the model.

    Args:
        evaluator: asks the held-out problems every ``evaluation.every_steps`` steps.
        checkpoint: where a resumed run goes on from.

    Raises ``DataError`` for files that cannot be read, and ``ConfigError`` for a recipe that
    names none, unknown keys in ``trainer.trl`` and several processes; before a model is loaded.
    """
    check_settings(recipe, algorithm)
    settings = recipe.trainer.preferences
    if settings is None:
        raise ConfigError(
            f"trainer.preferences: {algorithm} learns from files, got none; give their paths"
        )
    rows = read_rows(settings.paths, algorithm, settings.limit)
    display.note(f"{algorithm}: {len(rows)} rows")
    plan = Plan(
        method=algorithm,
        model=start,
        reference=start,
        output=folder / "checkpoints",
        seed=recipe.seed,
        steps=recipe.trainer.max_steps,
        save_steps=recipe.trainer.save_steps,
    )
    with quiet_datasets():
        callbacks = _callbacks(recipe, evaluator, records)
        trainer = build_learner(recipe, plan, rows, tokenizer, callbacks)
        done = 0 if checkpoint is None else int(checkpoint.name.rpartition("-")[2])
        display.begin("train", recipe.trainer.max_steps, done)
        trainer.train(resume_from_checkpoint=None if checkpoint is None else str(checkpoint))
        display.end()
    with new_folder(folder / "model") as draft:
        trainer.accelerator.unwrap_model(trainer.model).save_pretrained(draft)
        tokenizer.save_pretrained(draft)
    return folder / "model"


def _callbacks(
    recipe: TrainingRecipe, evaluator: Evaluator | None, records: RunRecords | None
) -> Sequence[Any]:
    """What writes metrics and moves the display, where there is something to write to."""
    if records is None or evaluator is None:
        return []
    from .callback import PreferenceCallback

    every = recipe.evaluation.every_steps
    return [PreferenceCallback(records, evaluator.scorer.names, evaluator, every)]
