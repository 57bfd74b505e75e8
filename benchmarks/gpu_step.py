"""A training step at the size of a real model: tokens a second, memory, the share spent in scoring.

    python benchmarks/gpu_step.py [--algorithms grpo ppo] [--steps 8] [--small] [--json]

The model has Qwen2.5-0.5B's shape and random weights, in bfloat16 on a GPU, so nothing is
downloaded; no completion ends early, so every one has the full length. The recipes are those of
``recipes/`` with that model. ``--small`` takes a model of a few layers, to see that the benchmark
works where there is no GPU.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

RECIPES = Path(__file__).resolve().parent.parent / "recipes"
FULL = {"hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24}
FULL |= {"num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151_936}
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
SMALL |= {"num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 512}


def save_model(folder: Path, shape: dict[str, int]) -> int:
    """A model with random weights and a tokenizer of as many tokens; the number of weights."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    from assay.trainer.tiny import build_tokenizer

    tokenizer = build_tokenizer()
    lacking = shape["vocab_size"] - len(tokenizer)
    tokenizer.add_tokens([f"<w{number}>" for number in range(lacking)])
    tokenizer.save_pretrained(folder)
    config = Qwen2Config(
        **shape,
        tie_word_embeddings=True,
        max_position_embeddings=4096,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(config)
    model.save_pretrained(folder)
    return sum(weights.numel() for weights in model.parameters())


def recipe(name: str, start: Path, given: argparse.Namespace) -> dict[str, Any]:
    """A recipe of the folder for that model."""
    import torch

    read = yaml.safe_load((RECIPES / f"{name}.yaml").read_text(encoding="utf-8"))
    gpu = torch.cuda.is_available()
    read["model"] = {"path": str(start), "dtype": "bfloat16" if gpu else "float32"}
    read["data"] |= {"n_train": 256, "n_eval": 2}
    read["trainer"] |= {
        "max_steps": given.steps,
        "per_device_train_batch_size": given.batch,
        "max_completion_length": given.length,
        "logging_steps": 1,
        "save_steps": None,
        "report_to": [],
        "learning_rate": 1e-6,
    }
    read["trainer"]["trl"] = {"generation_kwargs": {"min_new_tokens": given.length}}
    read["evaluation"] = {"batch_size": 2}
    return read


def measure(name: str, start: Path, folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One run; the first step, which warms up, is left out."""
    import torch
    from rich.console import Console

    from assay.trainer.config import TrainingRecipe
    from assay.trainer.run import train

    gpu = torch.cuda.is_available()
    if gpu:
        torch.cuda.reset_peak_memory_stats()
    read = TrainingRecipe.read(recipe(name, start, given))
    quiet = Console(file=io.StringIO())
    train(read, folder, overwrite=True, console=quiet, announce=False)
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row.get("step_time") is not None][1:]
    seconds = sum(row["step_time"] for row in rows)
    tokens = rows[-1]["num_tokens"] - rows[0]["num_tokens"] if len(rows) > 1 else 0
    later = sum(row["step_time"] for row in rows[1:])
    scoring = sum(row.get("assay/call_seconds", 0.0) for row in rows)
    return {
        "algorithm": name,
        "step_s": seconds / len(rows),
        "tokens_per_s": tokens / later if later else None,
        "peak_memory_gib": torch.cuda.max_memory_allocated() / 2**30 if gpu else None,
        "share_in_scoring": scoring / seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--algorithms", nargs="+", default=["grpo", "ppo"])
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--length", type=int, default=256)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not given.small:
        sys.exit("no GPU here: give --small for a model of a few layers on the CPU")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        weights = save_model(folder / "start", SMALL if given.small else FULL)
        rows = [measure(a, folder / "start", folder / a, given) for a in given.algorithms]
    found = {"device": device, "weights": weights, "completions": given.batch,
             "tokens_each": given.length, "rows": rows}  # fmt: skip
    if given.json:
        print(json.dumps(found))
        return
    size = f"{weights / 1e6:.1f} million weights"
    print(f"{device}, {size}, {given.batch} completions of {given.length} tokens")
    print("| algorithm | s a step | tokens/s | peak memory, GiB | in scoring |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for row in rows:
        speed = "-" if row["tokens_per_s"] is None else f"{row['tokens_per_s']:.0f}"
        memory = "-" if row["peak_memory_gib"] is None else f"{row['peak_memory_gib']:.1f}"
        share = f"{row['share_in_scoring']:.2%}"
        print(f"| {row['algorithm']} | {row['step_s']:.3f} | {speed} | {memory} | {share} |")
    print(f"({time.monotonic() - started:.0f} s in all)", file=sys.stderr)


if __name__ == "__main__":
    main()
