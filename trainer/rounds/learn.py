"""One stretch of learning by TRL: imitation of examples, or DPO, IPO or KTO.

Prompts are never learned: the loss covers completions and their end token only. TRL's own
printing, bars, telemetry and uploads are off.

Not covered: quantisation, several processes, images in prompts.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ...core.errors import ConfigError, did_you_mean
from ...core.selection import label_weights
from ..config import TrainingRecipe
from ..lora import peft_config
from ..start import load_model
from .rows import COLUMNS, Method

__all__ = [
    "Kind",
    "Plan",
    "build_learner",
    "check_settings",
    "of_trl",
    "quiet_datasets",
    "shared_settings",
]

Kind: TypeAlias = Method | Literal["reward_model"]
"""What TRL has a trainer for."""

_TRL: Mapping[Kind, str] = {
    "sft": "SFT",
    "dpo": "DPO",
    "ipo": "DPO",
    "kto": "KTO",
    "reward_model": "Reward",
}

_SHARED = (
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "logging_steps",
)
"""Fields of the trainer section that TRL's configurations take as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one stretch of learning is given."""

    method: Method
    model: Path | str
    """The model that is trained, from disk."""
    reference: Path | str | None = None
    """The model that DPO, IPO and KTO stay near."""
    output: Path
    """Where checkpoints go, if any are asked for."""
    seed: int
    """Draws the order of the rows."""
    epochs: float = 1.0
    steps: int | None = None
    """Optimizer steps, in place of ``epochs``."""
    save_steps: int | None = None


def check_settings(recipe: TrainingRecipe, method: Kind) -> None:
    """Refuse what a method cannot do, before anything is computed; raises ``ConfigError``.

    Refused are keys under ``trainer.trl`` that TRL's configuration of the method lacks, and
    several processes.
    """
    processes = os.environ.get("WORLD_SIZE", "1")
    if processes != "1":
        raise ConfigError(
            f"trainer.algorithm: {recipe.trainer.algorithm} runs in one process, got {processes};"
            " start it without a launcher, or choose an online algorithm"
        )
    config = of_trl(method, "Config")
    known = {field.name for field in dataclasses.fields(config)}
    for name in recipe.trainer.trl:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            raise ConfigError(f"trainer.trl: unknown key {name!r}{did_you_mean(name, near)}")


def build_learner(
    recipe: TrainingRecipe,
    plan: Plan,
    rows: Sequence[Mapping[str, Any]],
    tokenizer: Any,
    callbacks: Sequence[Any] = (),
) -> Any:
    """TRL's trainer of a method, ready to ``train``; raises ``ConfigError``.

    The rows are shuffled by the plan's seed: KTO estimates its KL term from neighbours in a batch,
    which must not answer the same prompt.
    """
    from transformers.trainer_callback import PrinterCallback

    columns = COLUMNS[plan.method]
    data = [{name: row[name] for name in columns} for row in rows]
    random.Random(plan.seed).shuffle(data)  # noqa: S311 - one seed must give one order
    arguments = _arguments(recipe, plan, data)
    models = {"model": load_model(plan.model, recipe.model.dtype)}
    adapter = peft_config(recipe.model.lora)
    if plan.method != "sft" and (adapter is None or plan.reference != plan.model):
        models["ref_model"] = load_model(plan.reference or plan.model, recipe.model.dtype)
    made = of_trl(plan.method, "Trainer")(
        **models,
        args=arguments,
        train_dataset=_dataset(data),
        processing_class=tokenizer,
        peft_config=adapter,  # with one, and no reference, TRL refers to the model without it
        callbacks=list(callbacks),
    )
    made.remove_callback(PrinterCallback)
    return made


def of_trl(method: Kind, kind: str) -> Any:
    """``SFTTrainer``, ``KTOConfig``... by name: TRL makes its exports at run time, untyped."""
    return getattr(importlib.import_module("trl"), f"{_TRL[method]}{kind}")


def _arguments(recipe: TrainingRecipe, plan: Plan, data: Sequence[Mapping[str, Any]]) -> Any:
    """TRL's configuration for a plan."""
    config, section = of_trl(plan.method, "Config"), recipe.trainer
    settings = shared_settings(
        recipe,
        output=plan.output,
        seed=plan.seed,
        epochs=plan.epochs,
        steps=plan.steps,
        save_steps=plan.save_steps,
    )
    settings |= _method_settings(recipe, plan, data)
    # one completion alone would be its own neighbour, so KTO drops a last batch that is not full
    settings["dataloader_drop_last"] = (
        plan.method == "kto" and len(data) >= section.per_device_train_batch_size
    )
    try:
        return config(**(settings | section.trl))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"trainer: {config.__name__} refuses the settings: {error}") from error


def shared_settings(
    recipe: TrainingRecipe,
    *,
    output: Path,
    seed: int,
    epochs: float,
    steps: int | None,
    save_steps: int | None,
) -> dict[str, Any]:
    """Fields of TRL's configuration that all methods share; the arguments are those of ``Plan``."""
    import torch

    gpu = torch.cuda.is_available()
    return {
        **{name: getattr(recipe.trainer, name) for name in _SHARED},
        "output_dir": str(output),
        "seed": seed % 2**32,
        "use_cpu": not gpu,
        "bf16": gpu and recipe.model.dtype == "bfloat16",
        "gradient_checkpointing": False,
        "disable_tqdm": True,  # the display is ours
        "report_to": "none",
        "num_train_epochs": epochs,
        "max_steps": -1 if steps is None else steps,
        "save_strategy": "no" if save_steps is None else "steps",
        "save_steps": save_steps or 500,
        "save_total_limit": 2,
        "max_length": None,  # TRL would cut texts at 1024 tokens and say nothing
    }


def _method_settings(
    recipe: TrainingRecipe, plan: Plan, data: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What each loss needs. IPO's β is the τ of its paper; TRL averages over tokens there."""
    beta = {} if recipe.trainer.beta is None else {"beta": recipe.trainer.beta}
    match plan.method:
        case "sft":
            return {"completion_only_loss": True}
        case "dpo":
            return {"loss_type": ["sigmoid"], **beta}
        case "ipo":
            return {"loss_type": ["ipo"], **beta}
        case "kto":
            good, bad = label_weights(bool(row["label"]) for row in data)
            return {"desirable_weight": good, "undesirable_weight": bad, **beta}


def _dataset(data: Sequence[Mapping[str, Any]]) -> Any:
    import datasets

    return datasets.Dataset.from_list([dict(row) for row in data])


@contextmanager
def quiet_datasets() -> Iterator[None]:
    """No bars while TRL tokenizes rows."""
    import datasets

    shown = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not shown:
            datasets.enable_progress_bars()
