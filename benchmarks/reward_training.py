"""What a reward model learns, on a world whose truth is known, and what a policy learns from it.

    python benchmarks/reward_training.py [--part world|arithmetic|grpo] [--folder runs/bench]

``world``: recipes/reward_model.yaml beside the best accuracy that anyone could reach.
``arithmetic``: pairs cut from a verifier's scores train a model; best-of-8 by it between a random
choice and the oracle's. ``grpo``: a policy is paid by that model while the verifier watches (needs
the part before in the same folder). Minutes on one core.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from assay import Registry, Sample, Scorer
from assay.offline.rm_eval import best_of_curve
from assay.trainer.config import TrainingRecipe
from assay.trainer.data import load_problems
from assay.trainer.generate import complete
from assay.trainer.records.progress import Display
from assay.trainer.run import train
from assay.trainer.start import load_model, load_tokenizer, prepare_start

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
QUIET = Console(file=io.StringIO())
N = 8
"""Answers to a problem."""


def world(folder: Path) -> None:
    """Pair accuracy beside the best possible, and calibration."""
    recipe = TrainingRecipe.read(RECIPES / "reward_model.yaml")
    assert recipe.data.task is not None
    stream = (
        Registry.load().tasks[recipe.data.task.use].stream(recipe.seed, recipe.data.task.settings)
    )
    chances = [next(stream).extra["chance"] for _ in range(recipe.data.n_eval)]
    best = sum(chances) / len(chances)
    started, cpu = time.monotonic(), time.process_time()
    found = train(recipe, folder / "world", console=QUIET, announce=False, overwrite=True)
    after = found["after"]
    pairs, calibration = after["pairs"], after["calibration"]
    print(
        f"world: {recipe.data.n_train} pairs, one epoch, {found['steps']} steps:"
        f" {time.monotonic() - started:.0f} s of wall, {time.process_time() - cpu:.0f} s of CPU"
    )
    print(
        f"  held-out pairs in order {pairs['rate']:.3f} [{pairs['low']:.3f}, {pairs['high']:.3f}]"
        f" (n={pairs['n']}), before {found['before']['pairs']['rate']:.3f}; best possible"
        f" {best:.3f}, {100 * (best - pairs['rate']):.1f} points above"
    )
    for name, part in after["slices"].items():
        print(f"  {name}: {part['rate']:.3f} (n={part['n']})")
    print(
        f"  calibration error of answers {calibration['error']:.3f}, of pairs"
        f" {calibration['pair_error']:.3f} (raw {calibration['pair_error_raw']:.3f})"
    )


def arithmetic(folder: Path) -> None:
    """Pairs from a verifier, a model from the pairs, best-of-8 by the model."""
    recipe = TrainingRecipe.read(RECIPES / "grpo_reward_model.yaml")
    problems = load_problems(recipe)
    folder.mkdir(parents=True, exist_ok=True)
    start = Path(prepare_start(recipe, problems, folder, Display(QUIET)))
    answers, scored, pairs = (folder / f"{n}.jsonl" for n in ("answers", "scored", "pairs"))
    samples = answered(recipe, start, problems.train[:400], seed=1)
    answers.write_text("".join(f"{row_of(sample)}\n" for sample in samples), encoding="utf-8")
    assay("score", answers, "-r", "math.exact", "-o", scored, "--overwrite")
    assay("select", scored, "-o", pairs, "--make", "dpo", "--rule", "all_pairs")
    right = [json.loads(line)["passed"] for line in scored.read_text().splitlines()]
    n = len(pairs.read_text().splitlines())
    print(f"arithmetic: {n} pairs of {len(right)} answers, {sum(right) / len(right):.3f} right")
    model_of(pairs, start, folder / "reward", n)
    held_out = answered(recipe, start, problems.held_out[:200], seed=2)
    with Scorer("math.exact") as scorer:
        truths = [float(bool(reward.passed)) for reward in scorer.score(held_out)]
    with Scorer(
        {"sources": [{"use": "rm.bradley_terry", "model": str(folder / "reward/model")}]}
    ) as rm:
        scores = [reward.value for reward in rm.score(held_out)]
    groups: dict[str, list[tuple[float, float]]] = {}
    for sample, score, truth in zip(held_out, scores, truths, strict=True):
        groups.setdefault(sample.group_key, []).append((score or 0.0, truth))
    for point in best_of_curve(list(groups.values())):
        share = "" if point["share"] is None else f", {point['share']:.2f} of the oracle's margin"
        print(
            f"  best of {point['n']}: {point['truth']:.3f} right; random {point['random']:.3f},"
            f" oracle {point['oracle']:.3f}{share}"
        )


def answered(
    recipe: TrainingRecipe, start: Path, problems: Sequence[Sample], seed: int
) -> list[Sample]:
    """N sampled answers to each problem."""
    asked = [problem for problem in problems for _ in range(N)]
    written = complete(
        load_model(start, "float32"),
        load_tokenizer(start),
        [problem.prompt for problem in asked],
        max_new_tokens=recipe.trainer.max_completion_length,
        temperature=1.0,
        seed=seed,
        batch_size=256,
    )
    return [
        replace(problem, completion=text.text, truncated=text.truncated, group=problem.id, id="")
        for problem, text in zip(asked, written, strict=True)
    ]


def row_of(sample: Sample) -> str:
    """An answer as a line of a file."""
    names = ("prompt", "completion", "ground_truth", "group", "truncated")
    return json.dumps({name: getattr(sample, name) for name in names})


def assay(*words: str | Path) -> None:
    """A command, as one types it."""
    told = [sys.executable, "-m", "assay", *map(str, words)]
    subprocess.run(told, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def model_of(pairs: Path, start: Path, folder: Path, n: int) -> None:
    """The recipe of the world, on these pairs and from the policy's own start."""
    content: Any = TrainingRecipe.read(RECIPES / "reward_model.yaml").model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    content["model"] = {"path": str(start)}
    content["data"] = {"path": str(pairs), "n_train": n, "n_eval": n // 5}
    content["trainer"] |= {"learning_rate": 5e-4}
    content["trainer"]["reward_model"] = {"calibrator": "platt"}
    recipe = TrainingRecipe.read(content)
    found = train(recipe, folder, console=QUIET, announce=False, overwrite=True)
    pairs_right = found["after"]["pairs"]
    print(
        f"  {found['steps']} steps: held-out pairs in order {pairs_right['rate']:.3f}"
        f" [{pairs_right['low']:.3f}, {pairs_right['high']:.3f}] (n={pairs_right['n']})"
    )


def grpo(folder: Path) -> None:
    """What is paid and what is true along a run on the learned reward."""
    content: Any = TrainingRecipe.read(RECIPES / "grpo_reward_model.yaml").model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    content["sources"][0]["model"] = str(folder / "reward/model")
    content["model"] = {"path": str(folder / "start")}
    recipe = TrainingRecipe.read(content)
    found = train(recipe, folder / "grpo", console=QUIET, announce=False, overwrite=True)
    lines = [json.loads(line) for line in (folder / "grpo/health.jsonl").read_text().splitlines()]
    facts = [line for line in lines if line.get("kind") == "facts" and "audit" in line]
    print("grpo on the learned reward, the verifier watching:")
    print("  step    paid   truth  paid but wrong")
    for line in facts[:: max(len(facts) // 8, 1)]:
        print(
            f"  {line['step']:4d}   {line['paid']:.3f}   {line['audit']:.3f}"
            f"   {line.get('overpaid', 0.0):.3f}"
        )
    for line in lines:
        if line.get("kind") == "warning" and line["rule"] == "audit_divergence":
            print(f"  step {line['step']}: audit_divergence: {line['what']}")
    before, after = (found[half]["greedy"]["pass_rate"] for half in ("before", "after"))  # type: ignore[literal-required]  # a loop over its keys
    print(f"  held-out accuracy, greedy: {before:.3f} -> {after:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {"world": world, "arithmetic": arithmetic, "grpo": grpo}
    parser.add_argument("--part", choices=[*parts], action="append")
    parser.add_argument("--folder", type=Path, default=Path("runs/reward_training"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    random.seed(0)
    for name in given.part or parts:
        parts[name](given.folder)


if __name__ == "__main__":
    main()
