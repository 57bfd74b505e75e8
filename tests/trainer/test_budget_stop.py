"""A source that ends the run: the step is saved, nobody is graded, and a raised limit goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.core.errors import ConfigError, RunStopped
from assay.trainer.config import TrainingRecipe
from assay.trainer.folder import claim_folder
from assay.trainer.run import train

METER = Path(__file__).with_name("metered.py")


def recipe(micro: dict[str, Any], folder: Path, limit: int, **trainer: Any) -> TrainingRecipe:
    entry = {"use": "probe.metered", "file": str(folder / "meter"), "limit": limit}
    return TrainingRecipe.read(
        {
            **micro,
            "plugins": [str(METER)],
            "sources": [entry],
            "passed_by": None,
            "on_fault": "zero",
            "trainer": {**micro["trainer"], "max_steps": 3, "save_steps": 100, **trainer},
        }
    )


def metrics(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_a_run_stops_with_a_checkpoint_and_goes_on_with_a_higher_limit(
    micro: dict[str, Any], tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    run = tmp_path / "run"
    # 12 in the evaluation before, 8 in each step: the second step finds the meter at its end
    with pytest.raises(RunStopped, match="stopped after step 2: meter: 24 of 24 are spent"):
        train(recipe(micro, tmp_path, 24), run, announce=False)
    assert (run / "checkpoints/checkpoint-2/trainer_state.json").exists()
    assert set(json.loads((run / "evaluation.json").read_text())) == {"before"}
    assert "training report" in (run / "report.html").read_text()
    steps = {row["step"]: row for row in metrics(run) if row["split"] == "train" and "loss" in row}
    assert steps[2]["assay/left_out_rate"] == 0.5, "what nobody judged is left out, not zero"
    assert (tmp_path / "meter").read_text() == "24"

    done = train(recipe(micro, tmp_path, 1000), run, resume=True, announce=False)
    assert done["steps"] == 3
    assert done["after"]["greedy"]["unjudged"] == 0


def test_a_resumed_run_may_change_a_limit_and_nothing_that_decides(
    micro: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    claim_folder(run, recipe(micro, tmp_path, 5), resume=False)
    claim_folder(run, recipe(micro, tmp_path, 50), resume=True)
    with pytest.raises(ConfigError, match="differs in sources"):
        claim_folder(run, recipe(micro, tmp_path / "other", 50), resume=True)


def test_a_limit_spent_before_the_first_step(micro: dict[str, Any], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    with pytest.raises(RunStopped, match="in the evaluation at step 0"):
        train(recipe(micro, tmp_path, 3), tmp_path / "run", announce=False)
    assert not (tmp_path / "run/evaluation.json").exists()


def test_rounds_stop_between_rounds(micro: dict[str, Any], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    rounds = {"algorithm": "expert_iteration", "rounds": {"rounds": 2, "steps": 1, "prompts": 2}}
    with pytest.raises(RunStopped, match="stopped in round 1"):
        train(recipe(micro, tmp_path, 14, **rounds), tmp_path / "run", announce=False)
    assert not list((tmp_path / "run").rglob("sampled*"))
