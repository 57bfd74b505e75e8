"""From a verifier to a model that stands in for it: score, select, train, choose of eight."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assay import Registry, Sample
from assay.cli.main import app

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")

N = 8
"""Answers to a question."""


def groups(count: int, seed: int) -> list[dict[str, str]]:
    """Answers of four letters; about one of three has an ``a``, which is what is asked for."""
    rng = random.Random(seed)
    return [
        {"prompt": f"q{n}:", "completion": "".join(rng.choices("abcdefghij", k=4)), "group": f"{n}"}
        for n in range(count)
        for _ in range(N)
    ]


def typed(*words: str) -> None:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.stderr


def test_best_of_eight_by_a_model_that_learned_from_a_verifier(
    small: Any, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(groups(150, seed=1), "answers.jsonl")
    Path("recipe.json").write_text(
        json.dumps({"sources": [{"use": "format.regex", "pattern": "a", "mode": "search"}]})
    )
    typed("score", "answers.jsonl", "-r", "recipe.json", "-o", "scored.jsonl", "-q")
    typed("select", "scored.jsonl", "-o", "pairs.jsonl", "--make", "dpo", "--rule", "all_pairs")
    n = len(Path("pairs.jsonl").read_text().splitlines())
    data = {"path": "pairs.jsonl", "n_train": n - 40, "n_eval": 40}
    Path("train.json").write_text(json.dumps(small(data, trainer={"learning_rate": 1e-2})))
    typed("train", "train.json", "-o", "run")

    rows = groups(60, seed=2)
    source: Any = (
        Registry.load().sources["rm.bradley_terry"].open({"model": "run/model", "device": "cpu"})
    )
    samples = [Sample(prompt=row["prompt"], completion=row["completion"]) for row in rows]
    scores = [verdict.score for verdict in source(samples)]
    right = ["a" in row["completion"] for row in rows]
    chosen = [max(range(at, at + N), key=scores.__getitem__) for at in range(0, len(rows), N)]
    by_model = sum(right[place] for place in chosen) / len(chosen)
    by_chance = sum(right) / len(right)
    oracle = sum(any(right[at : at + N]) for at in range(0, len(rows), N)) / len(chosen)
    assert by_model - by_chance >= 0.5 * (oracle - by_chance)
