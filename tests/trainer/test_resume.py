"""A run killed by SIGKILL and resumed gives the numbers of one that nobody disturbed."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

EVALUATED = 12
"""Samples scored before training: 6 held-out problems, greedy and sampled."""
BATCH = 8
NUMBERS = (
    *("loss", "grad_norm", "reward", "kl", "entropy", "critic/loss", "kl_beta"),
    *("prime/loss", "cost/multiplier"),
    *("grape/count_b", "grape/mean_reward_a", "grape/mean_reward_b", "grape/improvement"),
)
ONE = {"name": "share", "weight": 1.0, "kind": "source", "description": "d", "source": "math.exact"}
PROMPTS = {"description": "d", "generate": "do", "improve": "mend", "items": [ONE]}
GRAPE = {
    "p": 0.5,
    "template": "{question}{response}",
    "feed": "random",
    "rubric": {"name": "r", "version": "1", "description": "d", "categories": {"all": PROMPTS}},
}
"""The prompts are of a rubric that is not asked for rewards: the killing source pays."""

pytestmark = pytest.mark.timeout(400)  # each trains three times


def start(recipe: dict[str, Any], folder: Path, *more: str, kill_at: int = 0) -> int:
    path = folder.with_suffix(".yaml")
    path.write_text(yaml.safe_dump(recipe))
    command = [sys.executable, "-m", "assay", "train", str(path), "--out", str(folder), *more]
    environment = {**os.environ, "ASSAY_TEST_KILL_AT": str(kill_at), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode


def numbers(folder: Path) -> dict[int, dict[str, float]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [row for row in map(json.loads, lines) if row["split"] == "train" and "loss" in row]
    return {row["step"]: {k: row[k] for k in NUMBERS if k in row} for row in rows}


@pytest.mark.parametrize(
    "trainer",
    [
        pytest.param(
            {"algorithm": "ppo", "ppo": {"kl_target": 0.01, "critic_learning_rate": 0.01}}, id="ppo"
        ),
        pytest.param({"algorithm": "ppo", "ppo": {"critic": "shared"}}, id="ppo-shared"),
        pytest.param({"algorithm": "prime", "prime": {"warmup_steps": 1}}, id="prime"),
        pytest.param({"algorithm": "safe_rlhf", "cost": {"limit": 0.1, "rate": 2.0}}, id="cost"),
        pytest.param(
            {"curriculum": {"rule": "adaptive"}, "dynamic_sampling": {"max_refills": 1}},
            id="curriculum",
        ),
        pytest.param({"algorithm": "grape", "grape": GRAPE, "num_iterations": 2}, id="grape"),
    ],
)
def test_kill_and_resume(trainer: dict[str, Any], micro: dict[str, Any], tmp_path: Path) -> None:
    recipe = copy.deepcopy(micro)
    recipe["plugins"] = [str(Path(__file__).with_name("digit_share.py"))]
    recipe["sources"] = [{"use": "test.digit_share"}]
    if trainer.get("algorithm") == "safe_rlhf":
        recipe["sources"].append({"use": "test.letter_steps", "role": "cost"})
    del recipe["passed_by"]
    if trainer.get("algorithm") == "grape":
        recipe["data"]["n_train"] = 2  # so that questions come again
    recipe["trainer"] |= {"max_steps": 6, "save_steps": 2, **trainer}
    assert start(recipe, tmp_path / "whole") == 0
    at = EVALUATED + 3 * BATCH + 3 if "dynamic_sampling" not in trainer else EVALUATED + 5 * BATCH
    if "num_iterations" in trainer:  # a batch lasts for two steps
        at = EVALUATED + 2 * BATCH + 3
    assert start(recipe, tmp_path / "cut", kill_at=at) == -signal.SIGKILL
    assert (tmp_path / "cut/checkpoints/checkpoint-2").exists()
    assert not (tmp_path / "cut/checkpoints/checkpoint-6").exists()
    assert start(recipe, tmp_path / "cut", "--resume") == 0
    whole, cut = numbers(tmp_path / "whole"), numbers(tmp_path / "cut")
    assert sorted(whole) == sorted(cut) == [1, 2, 3, 4, 5, 6]
    if trainer.get("algorithm") == "grape":
        assert sum(row.get("grape/count_b", 0.0) for row in whole.values()) > 0
    for step, row in whole.items():
        assert cut[step] == pytest.approx(row, abs=1e-4), f"step {step}"
