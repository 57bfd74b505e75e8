"""Rounds small enough for a test; run as a script, they can be killed."""

from __future__ import annotations

import io
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from assay import Sample, Scorer, Status, Verdict, source
from assay.core.source import Source
from assay.trainer.config import TrainingRecipe
from assay.trainer.data import load_problems
from assay.trainer.evaluate import Evaluator
from assay.trainer.records.progress import Display
from assay.trainer.rounds.run import train_in_rounds
from assay.trainer.start import load_tokenizer, prepare_start

START: Path | None = None
"""A start model for all runs of a test session; None: each prepares its own."""


@source("demo.digits", version="1", scale="unit", runs="inline")
def digits(sample: Sample) -> Verdict:
    """Up to four digits pay, two pass. A text with a z is a fault of ours."""
    text = sample.text
    if "z" in text:
        return Verdict.unscored(Status.FAILED, "there is a z in it")
    found = sum(c.isdigit() for c in text)
    return Verdict.scored(min(found, 4) / 4, passed=found >= 2)


@source("demo.never", version="1", scale="binary", runs="inline")
def never(sample: Sample) -> bool:
    return False


def content(**trainer: Any) -> dict[str, Any]:
    """A recipe whose rounds take a second."""
    return {
        "name": "tiny-rounds",
        "sources": ["math.exact"],
        "model": {
            "tiny": {"layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64, "positions": 64},
            "warm_start": {"steps": 60, "batch_size": 16},
        },
        "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 12, "n_eval": 8},
        "trainer": {
            "algorithm": "expert_iteration",
            "learning_rate": 5e-3,
            "per_device_train_batch_size": 8,
            "num_generations": 4,
            "max_completion_length": 16,
            "logging_steps": 1,
            "threads": 1,
        }
        | trainer,
    }


def train_tiny(
    spec: dict[str, Any],
    folder: Path,
    *,
    judge: Source = digits,
    records: Any = None,
    console: io.StringIO | None = None,
    evaluated: bool = True,
) -> Path:
    """Train in rounds in ``folder``, on and on from where it stands."""
    torch.set_num_threads(1)
    recipe = TrainingRecipe.read(spec)
    problems = load_problems(recipe)
    display = Display(Console(file=console or io.StringIO(), width=200))
    folder.mkdir(parents=True, exist_ok=True)
    if START is not None and not (folder / "start").exists():
        shutil.copytree(START, folder / "start")  # the same for all: it is prepared once
    start = prepare_start(recipe, problems, folder, display)
    tokenizer = load_tokenizer(start)
    with Scorer(judge) as scorer:
        evaluator = Evaluator(
            problems=problems.held_out,
            scorer=scorer,
            tokenizer=tokenizer,
            settings=recipe.evaluation,
            max_completion_length=recipe.trainer.max_completion_length,
            seed=recipe.seed,
        )
        algorithm: Any = recipe.trainer.algorithm
        return train_in_rounds(
            recipe,
            folder,
            algorithm=algorithm,
            start=start,
            tokenizer=tokenizer,
            problems=problems,
            scorer=scorer,
            evaluator=evaluator if evaluated else None,
            records=records,
            display=display,
        )


if __name__ == "__main__":
    train_tiny(json.loads(sys.argv[1]), Path(sys.argv[2]))
