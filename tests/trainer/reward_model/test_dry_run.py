"""``--dry-run`` of a reward model: what would stop it is told before it begins."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from assay.cli.main import app
from assay.trainer.config import TrainingRecipe
from assay.trainer.dry_run.run import dry_run


def test_a_good_recipe_has_no_problem(small: Any, tmp_path: Path) -> None:
    found = dry_run(TrainingRecipe.read(small(max_tokens=16)), tmp_path / "run")
    assert not found.problems
    said = [finding.says for finding in found.findings]
    assert any("96 rows with 192 answers to learn from, 60 held out, 4 raters" in s for s in said)
    assert any("128 answers" in s for s in said)
    assert any("lose their left end" in s for s in said)
    assert not (tmp_path / "run").exists()


def test_the_recipe_can_be_checked(small: Any, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(small(loss="plackett_luce")))
    done = CliRunner().invoke(app, ["recipe", "check", str(path)])
    assert done.exit_code == 0, done.stderr
    assert "trains a reward model by plackett_luce" in done.stdout
    path.write_text(json.dumps(small() | {"sources": ["math.exact"]}))
    refused = CliRunner().invoke(app, ["recipe", "check", str(path)])
    assert refused.exit_code == 2
    assert "asks none" in refused.stderr


def test_everything_wrong_is_told_at_once(
    small: Any, write: Callable[..., Path], tmp_path: Path
) -> None:
    rows = [{"prompt": "q", "chosen": "a", "rejected": "a"}]
    data = {"path": str(write(rows)), "n_train": 4, "n_eval": 1}
    recipe = TrainingRecipe.read(small(data, trainer={"trl": {"betta": 1}}))
    problems = " ".join(dry_run(recipe, tmp_path / "run").problems)
    for words in ("unknown key 'betta'", "row 1: chosen and rejected are equal"):
        assert words in problems
