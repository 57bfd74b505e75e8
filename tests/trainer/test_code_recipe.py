"""GRPO learns from running programs: the recipe ``code.yaml``, made short."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from assay.trainer.config import TrainingRecipe
from assay.trainer.run import train


@pytest.fixture(autouse=True)
def _jail(needs_jail: None) -> None:
    """Every test here runs programs."""


def test_a_small_model_learns_from_tests_of_its_programs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.trainer.run.write_report", lambda folder: folder / "report.html")
    recipe = yaml.safe_load((root / "recipes/code.yaml").read_text())
    recipe["model"]["warm_start"]["steps"] = 160
    recipe["data"] |= {"n_train": 300, "n_eval": 80}
    recipe["trainer"] |= {"max_steps": 30, "save_steps": None, "report_to": "none"}
    recipe["evaluation"] = {"batch_size": 80}
    shown = Console(file=io.StringIO())
    result = train(TrainingRecipe.read(recipe), tmp_path / "run", console=shown)
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text().splitlines()]
    shares = [r["assay/call_seconds"] / r["step_time"] for r in rows if "step_time" in r]
    before, after = result["before"]["greedy"], result["after"]["greedy"]
    assert after["pass_rate"] > before["pass_rate"] + 0.2
    assert shares
    assert all(0 < share < 1 for share in shares)
