"""A recipe's trainer section as a configured TRL trainer.

Covered: GRPO and RLOO. A field that the installed TRL does not know is refused with the nearest
ones, before anything is computed.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.errors import ConfigError, did_you_mean
from ..config import TrainingRecipe

__all__ = ["build_arguments", "build_trainer"]

_OWN = frozenset({"algorithm", "threads", "trl", "beta"})
"""Fields of the trainer section that TRL's configuration does not take as they are."""


def build_arguments(recipe: TrainingRecipe, folder: Path) -> Any:
    """TRL's ``GRPOConfig`` or ``RLOOConfig`` for a run; raises ``ConfigError``."""
    import torch

    section = recipe.trainer
    config = _of_trl(recipe, "Config")
    _check_names(section.trl, {field.name for field in dataclasses.fields(config)})
    gpu = torch.cuda.is_available()
    settings: dict[str, Any] = section.model_dump(exclude=set(_OWN))
    settings |= {
        "output_dir": str(folder / "checkpoints"),
        "seed": recipe.seed,
        "use_cpu": not gpu,
        "bf16": gpu and recipe.model.dtype == "bfloat16",
        "gradient_checkpointing": False,
        "disable_tqdm": True,  # the display is ours
        "report_to": list(section.report_to) or "none",
        "run_name": recipe.name,
        "save_strategy": "no" if section.save_steps is None else "steps",
        "save_steps": section.save_steps or 500,
        "save_total_limit": 2,
        "model_init_kwargs": {"dtype": recipe.model.dtype},
    }
    if section.beta is not None:
        settings["beta"] = section.beta
    try:
        return config(**(settings | section.trl))
    except (TypeError, ValueError) as error:
        raise ConfigError(f"trainer: {config.__name__} refuses the settings: {error}") from error


def _of_trl(recipe: TrainingRecipe, kind: str) -> Any:
    """``GRPOTrainer``, ``RLOOConfig``... by name: TRL makes its exports at run time, untyped."""
    return getattr(importlib.import_module("trl"), f"{recipe.trainer.algorithm.upper()}{kind}")


def _check_names(given: dict[str, Any], known: set[str]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            raise ConfigError(f"trainer.trl: unknown key {name!r}{did_you_mean(name, near)}")


def build_trainer(
    recipe: TrainingRecipe,
    arguments: Any,
    *,
    start: Path | str,
    tokenizer: Any,
    dataset: Any,
    reward: Callable[..., list[float | None]],
    callback: Any,
) -> Any:
    """TRL's trainer, with our reward function and our records in place of its printing."""
    from transformers.trainer_callback import PrinterCallback

    made = _of_trl(recipe, "Trainer")(
        model=str(start),
        reward_funcs=reward,
        args=arguments,
        train_dataset=dataset,
        processing_class=tokenizer,
        callbacks=[] if callback is None else [callback],
    )
    made.remove_callback(PrinterCallback)
    return made
