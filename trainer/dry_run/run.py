"""All checks of a dry run, in the order in which they build on each other.

Nothing is trained and nothing is written. A check that fails does not keep the others from running,
as far as they do not need what it would have given.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...bridges.scorers import close_scorers, frozen_recipe, scorer_for
from ...core.advice import advice
from ...core.types import Sample
from ..config import TrainingRecipe
from ..data import load_problems
from ..environment import prepare_process, training_settings
from .findings import DryRun, Findings, ScoredRow
from .memory import MemoryEstimate, ModelShape, Sharding, Workload, estimate_memory

__all__ = ["dry_run"]

_GIB = 2**30
_WIDTHS = {"float32": 4, "auto": 4, "bfloat16": 2, "float16": 2}
"""Bytes of a weight; ``auto`` is whatever the checkpoint has, and 4 is the safe guess."""


def dry_run(
    recipe: TrainingRecipe,
    out: Path | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    processes: int = 1,
    sharding: Sharding = "none",
) -> DryRun:
    """Find what would stop a run, or make it worthless, before it begins.

    Args:
        out, resume, overwrite: those of the run.
        processes: GPUs of the run, one process on each.
        sharding: how weights and states are spread over them by ``accelerate launch``.

    Raises nothing for what is wrong with the recipe's contents: it is in the result.
    """
    findings = Findings()
    shown = recipe.model_dump(mode="json", by_alias=True)
    if findings.attempt("packages", lambda: _prepared(recipe)) is None:
        return DryRun(recipe=shown, findings=tuple(findings.found))
    findings.ok("recipe", f"{recipe.name!r} is valid; sources: {_names(recipe) or 'none'}")
    folder = out or Path("runs") / recipe.name
    if recipe.trainer.algorithm == "reward_model":
        from .reward_model import check_reward_model

        check_reward_model(recipe, folder, findings, replaced=resume or overwrite)
        return DryRun(recipe=shown, findings=tuple(findings.found))
    # the name of the folder goes into TRL's configuration, which may make what it names
    with tempfile.TemporaryDirectory() as scratch, training_settings(recipe, Path(scratch)):
        rows, memory, rests_on = _checked(
            recipe,
            folder,
            Path(scratch),
            findings,
            replaced=resume or overwrite,
            processes=processes,
            sharding=sharding,
        )
    return DryRun(
        recipe=shown,
        findings=tuple(findings.found),
        rows=tuple(rows),
        memory=memory,
        rests_on=rests_on,
    )


def _prepared(recipe: TrainingRecipe) -> bool:
    prepare_process(recipe)
    return True


def _names(recipe: TrainingRecipe) -> str:
    return ", ".join(entry.name for entry in recipe.sources)


def _checked(
    recipe: TrainingRecipe,
    folder: Path,
    scratch: Path,
    findings: Findings,
    *,
    replaced: bool,
    processes: int,
    sharding: Sharding,
) -> tuple[list[ScoredRow], MemoryEstimate | None, dict[str, Any]]:
    from .checks import (
        check_arguments,
        check_data,
        check_disk,
        check_folder,
        check_model,
        check_packages,
        check_steps,
        check_tokenizer,
    )
    from .grape import longest_prompt

    check_packages(recipe, findings)
    check_folder(folder, replaced=replaced, findings=findings)
    problems = findings.attempt("data", lambda: load_problems(recipe).train)
    if problems is None:
        return _score(recipe, [], findings), None, {}
    check_data(recipe, problems, findings)
    rows = _score(recipe, problems, findings)
    arguments = check_arguments(recipe, scratch, problems, findings)
    found = check_tokenizer(recipe, problems, findings)
    if found is not None:
        found = found[0], longest_prompt(recipe, problems, *found, findings)
    shape = None if found is None else check_model(recipe, *found, findings)
    if found is None or shape is None:
        return rows, None, {}
    check_disk(recipe, shape, folder, findings)
    work = _workload(recipe, arguments, found[1], processes, sharding)
    check_steps(recipe, sharded=sharding != "none", findings=findings)
    memory = estimate_memory(shape, work)
    _compare(memory, findings)
    return rows, memory, _rests_on(shape, work)


def _score(
    recipe: TrainingRecipe, problems: Sequence[Sample], findings: Findings
) -> list[ScoredRow]:
    """The rows' verdicts; without rows, only whether the sources take their settings."""
    from .rows import check_rows

    def score() -> list[ScoredRow]:
        frozen = frozen_recipe(recipe.scoring())
        try:
            scorer = scorer_for(frozen)
            sources = [scorer.registry.sources[entry.use] for entry in scorer.recipe.sources]
            for warning in advice(scorer.recipe, sources, recipe.trainer.algorithm):
                findings.note("recipe", warning)
            return check_rows(recipe, scorer, problems, findings) if problems else []
        finally:
            close_scorers(frozen)

    return findings.attempt("rows", score) or []


def _workload(
    recipe: TrainingRecipe, arguments: Any, prompt: int, processes: int, sharding: Sharding
) -> Workload:
    """What the run does on one GPU; without TRL's configuration, by the recipe alone."""
    from ..online.plan import PRESETS

    section = recipe.trainer
    preset = PRESETS.get(section.algorithm)
    kind = "policy" if preset is None else preset.kind
    accumulated = getattr(arguments, "steps_per_generation", section.gradient_accumulation_steps)
    colocated = section.trl.get("use_vllm") and section.trl.get("vllm_mode") != "server"
    share = float(getattr(arguments, "vllm_gpu_memory_utilization", 0.3)) if colocated else 0.0
    return Workload(
        weight_bytes=_WIDTHS[recipe.model.dtype],
        forward=section.per_device_train_batch_size,
        # a vLLM server writes the completions on GPUs of its own
        generated=0
        if section.trl.get("use_vllm")
        else section.per_device_train_batch_size * accumulated,
        prompt_tokens=prompt,
        completion_tokens=section.max_completion_length,
        processes=processes,
        sharding=sharding,
        reference=_refers(recipe, arguments, None if preset is None else preset.beta),
        second_model=kind == "prime" or (kind == "ppo" and section.ppo.critic == "own"),
        autocast=recipe.model.dtype == "float32" and bool(section.trl.get("bf16")),
        checkpointing=bool(section.trl.get("gradient_checkpointing")),
        vllm_share=share,
    )


def _refers(recipe: TrainingRecipe, arguments: Any, beta: float | None) -> bool:
    """Whether a reference model is held."""
    if recipe.trainer.algorithm in {"dpo", "ipo", "kto", "online_dpo", "online_ipo", "online_kto"}:
        return True
    given = recipe.trainer.beta if recipe.trainer.beta is not None else beta
    return (getattr(arguments, "beta", 0.0) if given is None else given) > 0


def _rests_on(shape: ModelShape, work: Workload) -> dict[str, Any]:
    from dataclasses import asdict

    return {"model": asdict(shape), "work": asdict(work)}


def _compare(memory: MemoryEstimate, findings: Findings) -> None:
    """The estimate beside what this machine has; it may not be the one that trains."""
    import psutil
    import torch

    if torch.cuda.is_available():
        size, name = torch.cuda.get_device_properties(0).total_memory, "each GPU here"
    else:
        size, name = psutil.virtual_memory().total, "this machine, which has no GPU"
    needed = memory.total + int(memory.vllm_share * size)
    says = f"about {needed / _GIB:.2f} GiB on each GPU, of {size / _GIB:.0f} on {name}"
    if needed <= 0.9 * size:
        findings.ok("memory", says)
    else:
        findings.note(
            "memory",
            f"{says}; give smaller batches, gradient_checkpointing, LoRA, bfloat16, or sharding",
        )
