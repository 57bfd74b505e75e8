"""Expert iteration learns from Lean's kernel: the recipe ``lean.yaml``, made short."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import yaml
from rich.console import Console

from assay.trainer.config import TrainingRecipe
from assay.trainer.run import train


@pytest.mark.timeout(900)
def test_a_small_model_learns_from_the_kernel(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs_lean: None
) -> None:
    monkeypatch.setattr("assay.trainer.run.write_report", lambda folder: folder / "report.html")
    recipe = yaml.safe_load((root / "recipes/lean.yaml").read_text())
    recipe["trainer"]["rounds"]["rounds"] = 1  # shorter starts have not yet seen what a path is
    shown = Console(file=io.StringIO())
    result = train(TrainingRecipe.read(recipe), tmp_path / "run", console=shown)
    before, after = result["before"]["greedy"], result["after"]["greedy"]
    assert after["pass_rate"] > before["pass_rate"] + 0.05
