"""GRAPE with and without its second way: does improving earlier answers help the direct ones?

    python benchmarks/grape.py [--seeds 0 1 2] [--steps 100] [--out DIR] [--json]

``recipes/grape.yaml`` from one warm start for each seed, in a process of its own for each run:
without way B (``p: 0``) and with it (``p: 0.5``), each under both conditions. Held-out problems are
answered directly, greedily, by the prompt that the condition trains; reward is the rubric's. A
completion of way B counts as one of the group, so runs with and without it write equally many. The
last lines say what B did to the responses it was given, and whether it helped the direct answers.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

RECIPE = Path(__file__).resolve().parent.parent / "recipes/grape.yaml"
VARIANTS = {
    "generation, p 0": {"p": 0.0, "condition": "generation"},
    "generation, p 0.5": {"p": 0.5, "condition": "generation"},
    "question, p 0": {"p": 0.0, "condition": "question"},
    "question, p 0.5": {"p": 0.5, "condition": "question"},
}
LAST = 3
"""Lines of the log, from the end, that the figures of way B are means of."""


def recipe(seed: int, grape: dict[str, Any], start: Path | None, steps: int) -> dict[str, Any]:
    """The recipe with a mix, from a given start."""
    read = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    read["seed"] = seed
    if start is not None:
        read["model"] = {"path": str(start)}
    read["trainer"] |= {"save_steps": None, "logging_steps": 10, "threads": 1, "max_steps": steps}
    read["trainer"]["grape"] |= grape
    return read


def prepare(seed: int, out: Path) -> None:
    """The warm start of a seed, on disk; it knows the questions with and without their prompt."""
    from rich.console import Console

    from assay.bridges.scorers import close_scorers
    from assay.trainer.config import TrainingRecipe
    from assay.trainer.data import load_problems
    from assay.trainer.environment import prepare_process, training_settings
    from assay.trainer.records.progress import Display
    from assay.trainer.start import prepare_start

    start = out / f"start-{seed}"
    if start.exists():
        return
    read = TrainingRecipe.read(recipe(seed, {"condition": "question"}, None, 1))
    prepare_process(read)
    draft = out / f"warming-{seed}"
    with training_settings(read, draft):
        made = prepare_start(read, load_problems(read), draft, Display(Console(stderr=True)))
    close_scorers()
    Path(made).replace(start)
    shutil.rmtree(draft)


def one(name: str, seed: int, out: Path, steps: int) -> dict[str, Any]:
    """Train once."""
    from rich.console import Console

    from assay.trainer.config import TrainingRecipe
    from assay.trainer.run import train

    folder = out / f"{name.replace(', ', '-').replace(' ', '')}-{seed}"
    read = TrainingRecipe.read(recipe(seed, VARIANTS[name], out / f"start-{seed}", steps))
    quiet = Console(file=io.StringIO())
    found = train(read, folder, overwrite=True, console=quiet, announce=False)
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if "grape/count_a" in row]
    ends = {}
    for key in ("mean_reward_a", "mean_reward_b", "improvement", "copied"):
        values = [row[f"grape/{key}"] for row in rows if f"grape/{key}" in row]
        ends[key] = statistics.mean(values[-LAST:]) if values else None
    return {
        "run": name,
        "seed": seed,
        "steps": found["steps"],
        "seconds_per_step": statistics.mean(row["step_time"] for row in rows),
        "reward_before": found["before"]["mean_reward"],
        "reward_after": found["after"]["mean_reward"],
        "accuracy_before": found["before"]["greedy"]["pass_rate"],
        "accuracy_after": found["after"]["greedy"]["pass_rate"],
        **ends,
    }


def measure(name: str, seed: int, out: Path, steps: int) -> dict[str, Any]:
    """One run in a process of its own; a run that is there already is read."""
    kept = out / f"{name.replace(', ', '-').replace(' ', '')}-{seed}-{steps}.json"
    if not kept.exists():
        options = ["--out", str(out), "--steps", str(steps), "--one", name, str(seed)]
        command = [sys.executable, __file__, *options]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name}, seed {seed}: {done.stderr[-3000:]}")
        kept.write_text(done.stdout.splitlines()[-1], encoding="utf-8")
    found: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    print(f"{name}, seed {seed}: reward {found['reward_before']:.3f} ->"
          f" {found['reward_after']:.3f}, accuracy {found['accuracy_before']:.3f} ->"
          f" {found['accuracy_after']:.3f}", file=sys.stderr, flush=True)  # fmt: skip
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a line for each kind of run, seeds side by side."""
    seeds = sorted({row["seed"] for row in rows})
    head = ["condition, mix", *(f"seed {seed}" for seed in seeds), "mean reward at the end"]
    head += ["accuracy at the end", "s a step"]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name in dict.fromkeys(row["run"] for row in rows):
        own = {row["seed"]: row for row in rows if row["run"] == name}
        cells = [
            f"{own[s]['reward_before']:.3f} -> {own[s]['reward_after']:.3f}" if s in own else ""
            for s in seeds
        ]
        means = [
            statistics.mean(row[key] for row in own.values())
            for key in ("reward_after", "accuracy_after", "seconds_per_step")
        ]
        lines.append(f"| {' | '.join([name, *cells, *(f'{mean:.3f}' for mean in means)])} |")
    return "\n".join(lines)


def verdict(rows: list[dict[str, Any]]) -> list[str]:
    """Whether B helped, seed by seed; and what it did to the responses it was given."""
    said = []
    for condition in ("generation", "question"):
        ends = {(row["run"], row["seed"]): row for row in rows}
        seeds = sorted({row["seed"] for row in rows})
        pairs = [
            (ends[f"{condition}, p 0.5", seed], ends[f"{condition}, p 0", seed])
            for seed in seeds
            if {(f"{condition}, p 0.5", seed), (f"{condition}, p 0", seed)} <= ends.keys()
        ]
        for key in ("reward_after", "accuracy_after"):
            gains = [with_b[key] - without[key] for with_b, without in pairs]
            if gains:
                shown = ", ".join(f"{gain:+.3f}" for gain in gains)
                said.append(
                    f"{condition}: held-out {key.removesuffix('_after')} with B less without, by"
                    f" seed: {shown}; better in {sum(g > 0 for g in gains)} of {len(gains)}"
                )
    return said + [
        f"{row['run']}, seed {row['seed']}: at the end A earns {row['mean_reward_a']:.3f},"
        f" B {row['mean_reward_b']:.3f}, {row['improvement']:+.3f} on what it was given;"
        f" {row['copied']:.0%} copied"
        for row in rows
        if row["mean_reward_b"] is not None
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--runs", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-grape"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.one:
        print(json.dumps(one(given.one[0], int(given.one[1]), given.out, given.steps)))
        return
    rows = []
    for seed in given.seeds:
        prepare(seed, given.out)
        rows += [measure(name, seed, given.out, given.steps) for name in given.runs]
    rows.sort(key=lambda row: (given.runs.index(row["run"]), row["seed"]))
    with (given.out / "grape.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    if given.json:
        print(json.dumps({"rows": rows, "verdict": verdict(rows)}, indent=1))
        return
    print(table(rows))
    print("\n" + "\n".join(f"- {line}" for line in verdict(rows)))


if __name__ == "__main__":
    main()
