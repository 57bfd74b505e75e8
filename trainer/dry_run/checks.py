"""The checks of a dry run that need no verdicts: tokenizer, model, trainer, packages, disk.

Each says all it finds to ``Findings`` and returns what later checks need, or None.
Not covered: whether the weights themselves can be loaded, and the other machines of a cluster.
"""

from __future__ import annotations

import importlib.util
import shutil
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.types import Sample
from ..config import TrainingRecipe
from ..generate import prompt_ids
from ..health.monitor import relaxed_clipping
from ..lora import require_peft
from ..online.algorithms import build_arguments, is_online
from ..start import load_tokenizer
from ..tiny import build_tiny_model, build_tokenizer
from .findings import Findings
from .memory import ModelShape, shape_of_config

__all__ = [
    "check_arguments",
    "check_data",
    "check_disk",
    "check_folder",
    "check_model",
    "check_packages",
    "check_steps",
    "check_tokenizer",
]

_MEASURED = 500
"""Prompts whose length in tokens is measured."""
_REACH = "; is the name right, and can this machine reach the hub (or give a folder)?"
_GIB = 2**30
_LOST = 5e-5
"""Half the distance of two bfloat16 numbers near 0.02."""


def check_packages(recipe: TrainingRecipe, findings: Findings) -> None:
    """What the recipe asks for beyond the extra ``train``."""
    if recipe.model.lora is not None:
        findings.attempt("packages", require_peft)
    settings = recipe.trainer.trl
    wanted = {"vllm": settings.get("use_vllm"), "liger_kernel": settings.get("use_liger_kernel")}
    wanted["deepspeed"] = settings.get("deepspeed")
    for name in (name for name, asked in wanted.items() if asked):
        if importlib.util.find_spec(name) is None:
            findings.problem(
                "packages",
                f"trainer.trl asks for {name}, which is not installed here; install it on the"
                " machine that trains",
            )


def check_folder(folder: Path, *, replaced: bool, findings: Findings) -> None:
    """The run folder must be free, unless it is resumed or replaced."""
    taken = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if taken and not replaced:
        findings.problem(
            "folder",
            f"{folder}: is not empty; go on with its run by --resume, replace it with --overwrite,"
            " or give another --out",
        )


def check_data(recipe: TrainingRecipe, problems: Sequence[Sample], findings: Findings) -> None:
    """Counts, and what rows should have."""
    findings.ok("data", f"{len(problems)} training and {recipe.data.n_eval} held-out problems")
    bare = sum(problem.ground_truth is None for problem in problems)
    if bare:
        findings.note("data", f"{bare} of {len(problems)} training problems have no ground truth")
    if recipe.model.warm_start.steps:
        shown = sum(isinstance(p.extra.get("demonstration"), str) for p in problems)
        if recipe.data.path is not None and shown < len(problems):
            findings.problem(
                "data",
                f"model.warm_start: {len(problems) - shown} of {len(problems)} problems have no"
                " demonstration; add a column demonstration, or set warm_start.steps to 0",
            )


def check_tokenizer(
    recipe: TrainingRecipe, problems: Sequence[Sample], findings: Findings
) -> tuple[Any, int] | None:
    """The tokenizer and the longest prompt in tokens; None when there is no tokenizer."""
    model = recipe.model

    def load() -> Any:
        return build_tokenizer() if model.is_builtin else load_tokenizer(model.path)

    tokenizer = findings.attempt("tokenizer", load, _REACH)
    if tokenizer is None:
        return None
    if tokenizer.eos_token_id is None:
        findings.problem("tokenizer", "has no end token, so no completion would ever end")
        return None
    if tokenizer.pad_token_id == tokenizer.eos_token_id:
        findings.note("tokenizer", "pads with its end token; lengths are told by the mask")
    if any(not isinstance(p.prompt, str) for p in problems) and tokenizer.chat_template is None:
        findings.problem(
            "tokenizer",
            "has no chat template, but the prompts are messages; take an instruct model, or plain"
            " text prompts",
        )
        return None
    measured = problems[:_MEASURED]
    lengths = findings.attempt(
        "tokenizer", lambda: [len(prompt_ids(tokenizer, problem.prompt)) for problem in measured]
    )
    if not lengths:
        return None
    findings.ok(
        "tokenizer",
        f"{len(tokenizer)} tokens; prompts of {min(lengths)} to {max(lengths)} tokens, median"
        f" {statistics.median(lengths):g}, in {len(lengths)} of {len(problems)}",
    )
    return tokenizer, max(lengths)


def check_model(
    recipe: TrainingRecipe, tokenizer: Any, longest: int, findings: Findings
) -> ModelShape | None:
    """The model's shape; whether texts fit into it, and the tokenizer's ids."""
    shape = findings.attempt("model", lambda: _shape(recipe, tokenizer), _REACH)
    if shape is None:
        return None
    trained = shape.adapter or shape.parameters
    findings.ok("model", f"{_count(shape.parameters)} weights, {_count(trained)} of them trained")
    if recipe.model.lora is not None and not shape.adapter:
        findings.problem(
            "model",
            f"model.lora.target_modules: no linear layer is called"
            f" {recipe.model.lora.target_modules}",
        )
    needed = longest + recipe.trainer.max_completion_length
    if shape.positions is not None and needed > shape.positions:
        findings.problem(
            "model",
            f"has {shape.positions} positions, but the longest prompt ({longest}) and"
            f" trainer.max_completion_length ({recipe.trainer.max_completion_length}) are {needed}",
        )
    if len(tokenizer) > shape.vocabulary:
        findings.problem(
            "model",
            f"has {shape.vocabulary} embeddings for {len(tokenizer)} tokens of its tokenizer",
        )
    return shape


def check_steps(recipe: TrainingRecipe, *, sharded: bool, findings: Findings) -> None:
    """Whether an optimizer step can change weights of 16 bits.

    AdamW moves a weight by about the learning rate. A bfloat16 number has 8 significant bits: near
    0.02, a usual size of a weight, the next number is 1e-4 away, and a smaller half step is
    rounded off. DeepSpeed and FSDP keep a float32 copy, LoRA has float32 adapters.
    """
    rate, dtype = recipe.trainer.learning_rate, recipe.model.dtype
    if dtype in ("bfloat16", "float16") and rate < _LOST and not (sharded or recipe.model.lora):
        findings.note(
            "model",
            f"steps of trainer.learning_rate {rate:g} are mostly rounded off in {dtype} weights;"
            " give model.dtype float32 with trainer.trl: {bf16: true}, LoRA, or ZeRO or FSDP"
            " (--sharding)",
        )


def _shape(recipe: TrainingRecipe, tokenizer: Any) -> ModelShape:
    import torch
    from transformers import AutoConfig

    if not recipe.model.is_builtin:
        config = AutoConfig.from_pretrained(recipe.model.path)
    else:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            config = build_tiny_model(recipe.model.tiny, tokenizer, recipe.seed).config
    return shape_of_config(config, recipe.model.lora)


def _count(number: int) -> str:
    for size, unit in ((10**9, "billion"), (10**6, "million")):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return str(number)


def check_arguments(
    recipe: TrainingRecipe, folder: Path, problems: Sequence[Sample], findings: Findings
) -> Any:
    """TRL's configuration; None when TRL refuses the settings, or trains in rounds.

    Also whether one batch finds enough distinct prompts: TRL would train on none.
    """
    if recipe.trainer.loss == "sequence_sum":
        warning = relaxed_clipping()
        findings.note("trainer", f"{warning.what}; {warning.advice}")
    if not is_online(recipe):
        findings.note(
            "trainer",
            f"{recipe.trainer.algorithm} learns in rounds or from files; its TRL settings are"
            " checked when the first round begins",
        )
        return None
    arguments = findings.attempt("trainer", lambda: build_arguments(recipe, folder))
    if arguments is None:
        return None
    prompts = arguments.generation_batch_size // arguments.num_generations
    if prompts > len(problems):
        findings.problem(
            "trainer",
            f"a batch takes {prompts} distinct prompts, but there are {len(problems)}; raise"
            " data.n_train, or generate less at once",
        )
    batches = recipe.trainer.max_steps * arguments.gradient_accumulation_steps
    batches = -(-batches // (arguments.num_iterations * arguments.steps_per_generation))
    findings.ok(
        "trainer",
        f"TRL takes the settings: {batches} batches of {prompts} prompts x"
        f" {arguments.num_generations} completions, {batches * prompts / len(problems):.1f} passes"
        " over the data",
    )
    return arguments


def check_disk(recipe: TrainingRecipe, shape: ModelShape, folder: Path, findings: Findings) -> None:
    """Whether what the run leaves fits: start and final model, and two checkpoints.

    A checkpoint holds the trained weights and their two AdamW moments.
    """
    width = 4 if recipe.model.dtype in ("float32", "auto") else 2
    whole = shape.parameters * width
    trained = shape.adapter * 4 or whole
    copies = recipe.model.is_builtin or recipe.model.warm_start.steps > 0
    needed = trained + (whole if copies else 0)
    if recipe.trainer.save_steps is not None:
        needed += 2 * 3 * trained
    place = next(p for p in (folder.absolute(), *folder.absolute().parents) if p.exists())
    free = shutil.disk_usage(place).free
    says = f"about {needed / _GIB:.1f} GiB for models and checkpoints, {free / _GIB:.1f} free"
    (findings.ok if needed < free else findings.problem)("disk", f"{says} at {folder}")
