"""What our bridge and sources take of a GRPO step of the demo, beside a bare lambda as reward.

    python benchmarks/step.py [--steps 30] [--rounds 3] [--json]

Both runs are the recipe ``recipes/arithmetic.yaml`` from one start model, in one process and in
turn: ours as ``assay train`` builds it, the lambda on TRL's GRPOTrainer as it comes. The share is
the wall time inside the reward function over the wall time of the training steps.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from assay.trainer.config import TrainingRecipe
from assay.trainer.data import dataset_of, load_problems
from assay.trainer.environment import prepare_process, training_settings
from assay.trainer.online.algorithms import build_arguments, build_trainer
from assay.trainer.online.scored import ScoredBatch
from assay.trainer.records.progress import Display
from assay.trainer.start import load_tokenizer, prepare_start

RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "arithmetic.yaml"
MOST = 0.05
"""The share of a step that our side may take."""

_LAST_NUMBER = re.compile(r"-?\d+(?=\D*$)")


def bare(*, completions: list[str], ground_truth: list[Any], **_: object) -> list[float]:
    """What one would write by hand: the last number is the answer."""
    found = [_LAST_NUMBER.search(text) for text in completions]
    pairs = zip(found, ground_truth, strict=True)
    return [float(m is not None and m.group() == str(truth)) for m, truth in pairs]


class Timed:
    """A reward function that adds up the wall time spent in it."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.__name__ = inner.__name__
        self.seconds = 0.0

    @property
    def samples(self) -> list[Any]:
        """What our trainer reads of the last batch."""
        return self.inner.samples

    @property
    def rewards(self) -> list[Any]:
        """What our trainer reads of the last batch."""
        return self.inner.rewards

    def __call__(self, **given: Any) -> list[float | None]:
        started = time.perf_counter()
        values = self.inner(**given)
        self.seconds += time.perf_counter() - started
        return values


def run(
    recipe: TrainingRecipe, start: Path | str, reward: Timed, arguments: Any
) -> tuple[float, float]:
    """(seconds a step, share of it inside the reward function)."""
    reward.seconds = 0.0
    problems, tokenizer = load_problems(recipe).train, load_tokenizer(start)
    dataset = dataset_of(problems)
    if reward.inner is bare:
        trainer = importlib.import_module("trl").GRPOTrainer(
            model=str(start),
            reward_funcs=reward,
            args=arguments,
            train_dataset=dataset,
            processing_class=tokenizer,
        )
    else:
        trainer = build_trainer(
            recipe,
            arguments,
            start=start,
            tokenizer=tokenizer,
            problems=problems,
            dataset=dataset,
            scored=reward,
            callback=None,
        )
    started = time.perf_counter()
    trainer.train()
    took = time.perf_counter() - started
    return took / arguments.max_steps, reward.seconds / took


def measure(steps: int, rounds: int) -> dict[str, dict[str, float]]:
    changes = {"max_steps": steps, "save_steps": None, "report_to": (), "logging_steps": steps}
    recipe = TrainingRecipe.read(str(RECIPE))
    recipe = recipe.model_copy(update={"trainer": recipe.trainer.model_copy(update=changes)})
    prepare_process(recipe)
    found: dict[str, list[tuple[float, float]]] = {"assay": [], "bare lambda": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet = Display(Console(quiet=True))
        with training_settings(recipe, folder):
            start = prepare_start(recipe, load_problems(recipe), folder, quiet)
            ours = ScoredBatch(recipe.scoring(), max_completion_length=32)
            for _ in range(rounds):
                for way, reward in (("assay", ours), ("bare lambda", bare)):
                    arguments = build_arguments(recipe, folder / way.replace(" ", "-"))
                    found[way].append(run(recipe, start, Timed(reward), arguments))
            ours.function.close()
    return {
        way: {
            "step_s": statistics.median(s for s, _ in pairs),
            "share": statistics.median(share for _, share in pairs),
        }
        for way, pairs in found.items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.steps, options.rounds)
    ratio = found["assay"]["step_s"] / found["bare lambda"]["step_s"]
    share = found["assay"]["share"]
    if options.json:
        print(json.dumps({**found, "ratio": ratio}))
    else:
        print(f"{options.steps} GRPO steps of {RECIPE.name}, median of {options.rounds} rounds")
        print(f"{'reward':16}{'ms a step':>12}{'inside the reward':>20}")
        for way, row in found.items():
            print(f"{way:16}{row['step_s'] * 1e3:12.1f}{row['share']:20.2%}")
        print(
            f"assay / bare lambda: {ratio:.3f}; share of a step: {share:.2%} (at most {MOST:.0%})"
        )
    return 0 if share < MOST else 1


if __name__ == "__main__":
    sys.exit(main())
