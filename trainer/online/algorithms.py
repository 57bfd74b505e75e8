"""A recipe's trainer section as a configured trainer for an online algorithm.

A field that the installed TRL does not know is refused with the nearest ones, before anything is
computed. ``trainer.rounds`` holds the algorithms that learn in rounds or from files.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...core.errors import ConfigError, did_you_mean
from ...core.types import Sample
from ..config import TrainingRecipe
from ..lora import peft_config
from .plan import PRESETS, plan_of

__all__ = ["build_arguments", "build_trainer", "is_online"]

_OWN = frozenset(
    {
        *("algorithm", "threads", "trl", "beta", "loss", "old_kl", "old_kl_target", "ppo"),
        *("reinforce", "prime", "cost", "dynamic_sampling", "curriculum", "reference", "ptx"),
        *("weight_schedule", "rounds", "preferences", "health", "grape", "reward_model"),
    }
)
"""Fields of the trainer section that TRL's configuration does not take as they are."""


def is_online(recipe: TrainingRecipe) -> bool:
    """Whether the algorithm learns from completions it has just written, step by step."""
    return recipe.trainer.algorithm in PRESETS


def build_arguments(recipe: TrainingRecipe, folder: Path) -> Any:
    """TRL's configuration for a run of an online algorithm; raises ``ConfigError``."""
    section, preset = recipe.trainer, PRESETS[recipe.trainer.algorithm]
    config = _config(preset.kind)
    _check_names(section.trl, {field.name for field in dataclasses.fields(config)})
    beta = section.beta if section.beta is not None else preset.beta
    settings = {**preset.trl, **_common(recipe, folder)}
    settings |= {} if beta is None else {"beta": beta}
    if preset.kind == "ppo" and section.ppo.minibatches > 1:
        settings["steps_per_generation"] = (
            section.ppo.minibatches * section.gradient_accumulation_steps
        )
    if section.reference.mix_every is not None:
        settings |= {
            "sync_ref_model": True,
            "ref_model_sync_steps": section.reference.mix_every,
            "ref_model_mixup_alpha": section.reference.mix,
        }
    try:
        made = config(**(settings | section.trl))
    except (TypeError, ValueError) as error:
        name = "RLOOConfig" if preset.kind == "rloo" else "GRPOConfig"
        raise ConfigError(f"trainer: TRL's {name} refuses the settings: {error}") from error
    _check_cycle(made, section.save_steps)
    return made


def _common(recipe: TrainingRecipe, folder: Path) -> dict[str, Any]:
    import torch

    section, gpu = recipe.trainer, torch.cuda.is_available()
    return section.model_dump(exclude=set(_OWN)) | {
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


def _config(kind: str) -> Any:
    """TRL's configuration class."""
    if kind == "rloo":
        return importlib.import_module("trl").RLOOConfig  # TRL exports at run time, untyped
    from .policy import PolicyConfig

    return PolicyConfig


def _check_names(given: dict[str, Any], known: set[str]) -> None:
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4)
            raise ConfigError(f"trainer.trl: unknown key {name!r}{did_you_mean(name, near)}")


def _check_cycle(arguments: Any, save_steps: int | None) -> None:
    """A checkpoint between two generations would be resumed with other completions."""
    steps = getattr(arguments, "steps_per_generation", None) or 1
    passes = steps * arguments.num_iterations / arguments.gradient_accumulation_steps
    if save_steps is not None and save_steps % passes:
        raise ConfigError(
            f"trainer.save_steps: must be a multiple of {passes:g}, the optimizer steps on one"
            f" batch of completions, got {save_steps}"
        )


def build_trainer(
    recipe: TrainingRecipe,
    arguments: Any,
    *,
    start: Path | str,
    tokenizer: Any,
    problems: Sequence[Sample],
    dataset: Any,
    scored: Callable[..., list[float | None]],
    callback: Any,
) -> Any:
    """The trainer of an online algorithm, with our records in place of TRL's printing.

    ``scored`` is a ``ScoredBatch``; for TRL's own RLOOTrainer any reward function will do.
    Raises ``ConfigError`` when the installed TRL is not one that our trainers fit.
    """
    from transformers.trainer_callback import PrinterCallback

    prompts = arguments.generation_batch_size // arguments.num_generations
    if len(problems) < prompts:
        raise ConfigError(
            f"data.n_train: a batch needs {prompts} distinct prompts, got {len(problems)}; give"
            " more, or make the batch smaller"
        )
    settings: dict[str, Any] = {
        "model": str(start),
        "args": arguments,
        "train_dataset": dataset,
        "processing_class": tokenizer,
        "callbacks": [] if callback is None else [callback],
        "peft_config": peft_config(recipe.model.lora),
    }
    if PRESETS[recipe.trainer.algorithm].kind == "rloo":
        made: Any = importlib.import_module("trl").RLOOTrainer(reward_funcs=scored, **settings)
    else:
        made = _own(recipe, settings, str(start), problems, scored)
    made.remove_callback(PrinterCallback)
    every = recipe.trainer.reference.reset_every
    if every is not None:
        from .reference import ReferenceReset

        made.add_callback(ReferenceReset(made, every))
    return made


def _own(
    recipe: TrainingRecipe,
    settings: dict[str, Any],
    start: str,
    problems: Sequence[Sample],
    scored: Any,
) -> Any:
    from .curriculum import CurriculumSampler
    from .hooks import require_hooks
    from .policy import PolicyTrainer
    from .ppo import PPOTrainer
    from .prime import PrimeTrainer

    require_hooks()
    config, kind = recipe.trainer.curriculum, PRESETS[recipe.trainer.algorithm].kind

    def sampler(dataset: Any, trainer: Any) -> Any:  # noqa: ARG001 - the problems are its rows
        return CurriculumSampler.for_trl(problems, config, trainer.args, trainer.pass_rates)

    more = {"plan": plan_of(recipe), "scored": scored}
    # under ``uniform`` the order is TRL's own, but a resumed run knows which pass it is in
    ordered = config.rule == "uniform" and not settings["args"].shuffle_dataset
    more["sampler"] = None if ordered else sampler
    if kind == "ppo":
        return PPOTrainer(**settings, **more, start=start)
    if kind == "prime":
        return PrimeTrainer(**settings, **more, start=start)
    if kind == "grape":
        return _grape(recipe, settings | more, problems)
    return PolicyTrainer(**settings, **more)


def _grape(recipe: TrainingRecipe, settings: dict[str, Any], problems: Sequence[Sample]) -> Any:
    from .grape import GrapeTrainer, given_responses
    from .grape_prompts import GrapePrompts

    prompts = GrapePrompts.of(recipe)
    if not any(prompts.category_of(one.task, one.extra) for one in problems):
        raise ConfigError(
            f"trainer.grape: no training problem is of a category of rubric {prompts.rubric.name!r}"
            f" ({sorted(prompts.rubric.categories)}); its {prompts.category_from} must name one"
        )
    given = given_responses(problems, recipe.trainer.grape.sft)
    return GrapeTrainer(**settings, prompts=prompts, given=given)
