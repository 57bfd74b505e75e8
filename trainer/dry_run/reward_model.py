"""The dry run of a reward model: its rows, TRL's settings, and how its texts are read.

Not covered: memory, which depends on the longest text of a batch.
"""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

from ..config import TrainingRecipe
from ..reward_model.rows import Split, load_split
from .findings import Findings

__all__ = ["check_reward_model"]

_READ = 64
"""Rows whose tokens are counted."""


def check_reward_model(
    recipe: TrainingRecipe, folder: Path, findings: Findings, *, replaced: bool
) -> None:
    """Find what would stop the run, without training or writing."""
    from ..rounds.learn import check_settings
    from .checks import check_folder, check_packages

    check_packages(recipe, findings)
    check_folder(folder, replaced=replaced, findings=findings)
    findings.attempt("trainer", lambda: check_settings(recipe, "reward_model"))
    split = findings.attempt("data", lambda: load_split(recipe))
    if split is None:
        return
    answers = sum(len(row.completions) for row in split.train)
    raters = f", {len(split.raters)} raters" if split.raters else ""
    findings.ok(
        "data",
        f"{len(split.train)} rows with {answers} answers to learn from, {len(split.held_out)} held"
        f" out{raters}",
    )
    if len(split.train) < recipe.data.n_train:
        findings.note("data", f"fewer rows than n_train ({recipe.data.n_train})")
    findings.attempt("tokenizer", lambda: _check_texts(recipe, split, findings))


def _check_texts(recipe: TrainingRecipe, split: Split, findings: Findings) -> None:
    """The first answers as tokens, where the tokenizer can be had."""
    from ...rewards.models.texts import Reader, messages_of
    from ..start import load_tokenizer
    from ..tiny import build_tokenizer

    settings, model = recipe.trainer.reward_model, recipe.model
    tokenizer = build_tokenizer() if model.is_builtin else load_tokenizer(model.path)
    most = settings.max_tokens or (model.tiny.positions if model.is_builtin else 2**30)
    reader = Reader(tokenizer, most, settings.truncate, settings.append_eos)
    samples = [sample for row in split.train[:_READ] for sample in row.samples]
    read = [reader.read(messages_of(sample)) for sample in samples]
    cut = sum(tokens.truncated is not None for tokens in read)
    mean = fmean(tokens.of for tokens in read)
    findings.ok("tokenizer", f"{len(read)} answers: {mean:.0f} tokens on average, {cut} are cut")
    if cut:
        findings.note("tokenizer", f"texts over {most} tokens lose their {settings.truncate} end")
