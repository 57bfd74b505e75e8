"""Every algorithm from one warm start, on the embedded arithmetic task: what it learns, how fast.

    python benchmarks/algorithms.py [--seeds 0 1 2] [--algorithms grpo ppo ...] [--out DIR] [--json]

Each run is a recipe of ``recipes/`` with its model replaced by the seed's warm start, in a process
of its own, one after another. Accuracy is greedy, on 400 held-out problems. The time of a step is
the mean wall time of an optimizer update with the generation and scoring it needs (of a round, for
what learns in rounds). Writes ``algorithms.csv`` and ``algorithms.png`` to the folder.
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

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
MUST_LEARN = ("grpo", "dr_grpo", "rloo", "ppo", "reinforce_pp", "expert_iteration", "ttrl")
"""Those that must gain 20 points from every seed's start."""
MORE = (
    *("online_dpo", "online_kto", "prime"),
    *("dapo", "gspo", "gdpo", "grpo_process", "mdloo", "reinforce", "remax", "safe_rlhf"),
)
LEAST_GAIN = 0.20
MOST_TIME = 1.5
"""PPO's time of a step over GRPO's, at the same number of completions."""
WARM = {"careless": 0.35, "any_order": True}
"""The start in which TTRL's majority is right and the greedy answer is not (recipes/ttrl.yaml)."""


def recipe(name: str, seed: int, start: Path | None) -> dict[str, Any]:
    """A recipe of the folder, from a given start; without one, with the shared warm start."""
    read = yaml.safe_load((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"))
    read |= {"seed": seed, "name": name}
    if start is not None:
        read["model"] = {"path": str(start)}
    else:
        read["model"]["warm_start"]["task"] = WARM
    read["trainer"] |= {"save_steps": None, "report_to": [], "logging_steps": 10, "threads": 1}
    read["evaluation"] = {"batch_size": 200}
    return read


def prepare(seed: int, out: Path) -> Path:
    """The warm start of a seed, on disk."""
    from rich.console import Console

    from assay.trainer.config import TrainingRecipe
    from assay.trainer.data import load_problems
    from assay.trainer.environment import prepare_process, training_settings
    from assay.trainer.records.progress import Display
    from assay.trainer.start import prepare_start

    start = out / f"start-{seed}"
    if not start.exists():
        read = TrainingRecipe.read(recipe("ttrl", seed, None))
        prepare_process(read)
        draft = out / f"warming-{seed}"
        with training_settings(read, draft):
            made = prepare_start(read, load_problems(read), draft, Display(Console(stderr=True)))
        Path(made).replace(start)
        shutil.rmtree(draft)
    return start


def one(name: str, seed: int, out: Path) -> None:
    """Train once and print a line of JSON; the work of the child process."""
    from rich.console import Console

    from assay.trainer.config import TrainingRecipe
    from assay.trainer.run import train

    folder = out / f"{name}-{seed}"
    read = TrainingRecipe.read(recipe(name, seed, out / f"start-{seed}"))
    quiet = Console(file=io.StringIO())
    found = train(read, folder, overwrite=True, console=quiet, announce=False)
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["split"] == "train"]
    times = [row["step_time"] for row in rows if "step_time" in row]
    rounds = [row["seconds"] for row in rows if "step_time" not in row]
    variance = [
        row["critic/explained_variance_targets"]
        for row in rows
        if "critic/explained_variance_targets" in row
    ]
    strict = [
        row["critic/explained_variance"] for row in rows if "critic/explained_variance" in row
    ]
    print(
        json.dumps(
            {
                "algorithm": name,
                "seed": seed,
                "before": found["before"]["greedy"]["pass_rate"],
                "after": found["after"]["greedy"]["pass_rate"],
                "sampled": found["after"]["sampled"]["pass_rate"],
                "steps": found["steps"],
                "seconds_per_step": statistics.mean(times or rounds or [float("nan")]),
                "seconds": found["seconds"],
                "explained_variance": statistics.mean(variance[-3:]) if variance else None,
                "explained_variance_of_returns": statistics.mean(strict[-3:]) if strict else None,
            }
        )
    )


def measure(name: str, seed: int, out: Path) -> dict[str, Any]:
    """One run in a process of its own."""
    command = [sys.executable, __file__, "--out", str(out), "--one", name, str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name}, seed {seed}: {done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    gain = found["after"] - found["before"]
    print(f"{name} seed {seed}: {found['before']:.3f} -> {found['after']:.3f} ({gain:+.3f})"
          f"  {found['seconds_per_step']:.3f} s a step, {found['seconds']:.0f} s",
          file=sys.stderr, flush=True)  # fmt: skip
    return found


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown: a line for each algorithm, seeds side by side."""
    seeds = sorted({row["seed"] for row in rows})
    head = ["algorithm", *(f"seed {seed}" for seed in seeds), "least gain", "s a step", "steps"]
    lines = [f"| {' | '.join(head)} |", f"| --- |{' ---: |' * (len(head) - 1)}"]
    for name in dict.fromkeys(row["algorithm"] for row in rows):
        own = {row["seed"]: row for row in rows if row["algorithm"] == name}
        cells = [
            f"{own[s]['before']:.3f} -> {own[s]['after']:.3f}" if s in own else "" for s in seeds
        ]
        least = min(row["after"] - row["before"] for row in own.values())
        time = statistics.median(row["seconds_per_step"] for row in own.values())
        steps = next(iter(own.values()))["steps"]
        lines.append(
            f"| {' | '.join([name, *cells, f'{least:+.3f}', f'{time:.3f}', str(steps)])} |"
        )
    return "\n".join(lines)


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Start and end of every run."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(row["algorithm"] for row in rows))
    figure, axes = plt.subplots(figsize=(7, 0.42 * len(names) + 1.2))
    for row in rows:
        height = len(names) - 1 - names.index(row["algorithm"]) + 0.18 * (1 - row["seed"])
        axes.plot([row["before"], row["after"]], [height] * 2, color="#9aa5b1", zorder=1)
        axes.scatter([row["before"]], [height], s=18, color="#9aa5b1", zorder=2)
        axes.scatter([row["after"]], [height], s=22, color="#1f5fa8", zorder=3)
    axes.set_yticks(range(len(names)), names[::-1])
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("held-out accuracy, greedy: start (grey) and end (blue), a line for each seed")
    axes.grid(axis="x", alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=150)


def verdict(rows: list[dict[str, Any]]) -> list[str]:
    """The promises, each with what was found."""
    said = []
    for name in MUST_LEARN:
        gains = [row["after"] - row["before"] for row in rows if row["algorithm"] == name]
        if gains:
            said.append(f"{name}: least gain {min(gains):+.3f} (at least {LEAST_GAIN:+.2f})")
    times = {
        name: [row["seconds_per_step"] for row in rows if row["algorithm"] == name]
        for name in ("ppo", "grpo")
    }
    if all(times.values()):
        ratio = statistics.median(times["ppo"]) / statistics.median(times["grpo"])
        said.append(f"PPO's step over GRPO's: {ratio:.2f} (at most {MOST_TIME})")
    return said + [
        f"{row['algorithm']} seed {row['seed']}: explained variance of the critic's targets"
        f" {row['explained_variance']:.2f}, of the returns that came"
        f" {row['explained_variance_of_returns']:.2f} (last 30 steps)"
        for row in rows
        if row["explained_variance"] is not None
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--algorithms", nargs="+", default=[*MUST_LEARN, *MORE])
    parser.add_argument("--out", type=Path, default=Path("runs/benchmark-algorithms"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    if given.one:
        one(given.one[0], int(given.one[1]), given.out)
        return
    rows = []
    for seed in given.seeds:
        prepare(seed, given.out)
        rows += [measure(name, seed, given.out) for name in given.algorithms]
    rows.sort(key=lambda row: given.algorithms.index(row["algorithm"]))
    with (given.out / "algorithms.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    draw(rows, given.out / "algorithms.png")
    if given.json:
        print(json.dumps({"rows": rows, "promises": verdict(rows)}, indent=1))
        return
    print(table(rows))
    print("\n" + "\n".join(verdict(rows)))


if __name__ == "__main__":
    main()
