"""A whole run that is paid for length is warned about; one that is paid for answers is not."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from assay.trainer.config import TrainingRecipe
from assay.trainer.health.log import HEALTH_FILE, read_health
from assay.trainer.run import train


def settings(micro: dict[str, Any], sources: list[dict[str, Any]], steps: int) -> dict[str, Any]:
    recipe = copy.deepcopy(micro)
    recipe |= {"plugins": ["length_plugin"], "sources": sources, "passed_by": ["math.exact"]}
    recipe["model"]["warm_start"] = {"steps": 50, "batch_size": 8}
    recipe["data"]["n_eval"] = 2
    recipe["trainer"] |= {
        "max_steps": steps,
        "learning_rate": 3e-3,
        "per_device_train_batch_size": 16,
        "num_generations": 8,
        "max_completion_length": 48,
        "health": {"truncated": 1.0},
    }
    return recipe


def run(recipe: dict[str, Any], out: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the run said."""
    monkeypatch.setattr("assay.trainer.run.write_report", lambda folder: folder / "report.html")
    shown = io.StringIO()
    train(TrainingRecipe.read(recipe), out, console=Console(file=shown, width=400))
    return shown.getvalue()


def test_a_reward_that_pays_length_is_found_out(
    micro: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [{"use": "demo.longer"}, {"use": "math.exact", "weight": 0}]
    shown = run(settings(micro, sources, 16), tmp_path, monkeypatch)
    rows = read_health(tmp_path / HEALTH_FILE)
    facts = [row for row in rows if row["kind"] == "facts"]
    assert [row["step"] for row in facts] == list(range(1, 17))
    told = {row["rule"]: row for row in rows if row["kind"] == "warning"}
    assert "reward_follows_length" in told
    evidence = told["reward_follows_length"]["evidence"]
    assert evidence["within_groups"] > 0.5
    assert evidence["length"] > 1.2 * evidence["length_at_start"]
    assert "audit_divergence" in told, "more is paid, and no more answers are right"
    assert "warning: step" in shown
    logged = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    first = next(row for row in logged if "health/length" in row)
    assert first["health/length"] == facts[0]["length"]


def test_the_same_run_paid_for_answers_is_not_warned_of_length(
    micro: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings(micro, [{"use": "math.exact"}], 12), tmp_path, monkeypatch)
    rows = read_health(tmp_path / HEALTH_FILE)
    assert len([row for row in rows if row["kind"] == "facts"]) == 12
    rules = {row["rule"] for row in rows if row["kind"] == "warning"}
    assert not rules & {"reward_follows_length", "audit_divergence", "faults"}
