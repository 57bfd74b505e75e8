"""Every online algorithm takes steps on a micro model, and does what its name says."""

from __future__ import annotations

import copy
import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from assay.core.errors import ConfigError
from assay.trainer.config import TrainingRecipe
from assay.trainer.online.plan import PRESETS
from assay.trainer.run import train


@pytest.fixture(autouse=True)
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than training here; another test does it."""
    monkeypatch.setattr("assay.trainer.run.write_report", lambda folder: folder / "report.html")


@pytest.fixture
def varied(micro: dict[str, Any]) -> dict[str, Any]:
    """The micro recipe with a reward that an untrained model earns by chance."""
    recipe = copy.deepcopy(micro)
    recipe["plugins"] = ["tests.trainer.digit_share"]
    recipe["sources"] = [{"use": "test.digit_share"}, *recipe["sources"]]
    return recipe


def run(recipe: dict[str, Any], out: Path, **trainer: Any) -> list[dict[str, Any]]:
    """The training lines of the metrics."""
    more = copy.deepcopy(recipe)
    more["trainer"] |= trainer
    train(TrainingRecipe.read(more), out, console=Console(file=io.StringIO()), announce=False)
    text = (out / "metrics.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines()]
    return [row for row in rows if row["split"] == "train" and "loss" in row]


PROMPTS: dict[str, Any] = {
    "name": "sums",
    "version": "1",
    "description": "Sums.",
    "categories": {
        "arithmetic": {
            "description": "sums",
            "generate": "do",
            "improve": "mend",
            "items": [{"name": "way", "weight": 1, "kind": "critique", "description": "Steps."}],
        }
    },
}


@pytest.mark.parametrize("algorithm", sorted(PRESETS))
def test_it_takes_steps(algorithm: str, varied: dict[str, Any], tmp_path: Path) -> None:
    more: dict[str, Any] = {}
    if algorithm == "grpo_process":
        varied["sources"][0] = {"use": "test.letter_steps"}
    if algorithm == "grape":  # no judge here: only the prompts of a category are used
        more["grape"] = {"rubric": PROMPTS, "template": "{question}{response}", "truth": "show"}
    rows = run(varied, tmp_path / "run", algorithm=algorithm, **more)
    assert [row["step"] for row in rows] == [1, 2]
    assert all(math.isfinite(row["loss"]) for row in rows)
    assert any(row["grad_norm"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("settings", "logged"),
    [
        pytest.param({"loss": "cpi"}, {}, id="cpi"),
        pytest.param(
            {"loss": "kl_penalty", "old_kl_target": 0.01, "num_iterations": 2},
            {"kl_old/beta", "kl_old/mean", "kl_old/max"},
            id="adaptive-kl",
        ),
        pytest.param({"loss": "sequence_sum"}, {}, id="grape-eq-17"),
        pytest.param(
            {"dynamic_sampling": {"max_refills": 1}}, {"dynamic/informative"}, id="dynamic"
        ),
        pytest.param(
            {"beta": 0.1, "reference": {"reset_every": 1}}, {"reference/resets", "kl"}, id="reset"
        ),
        pytest.param({"beta": 0.1, "reference": {"mix_every": 1}}, {"kl"}, id="soft-sync"),
        pytest.param({"curriculum": {"rule": "adaptive"}}, {}, id="curriculum"),
        pytest.param(
            {"weight_schedule": {"format.think_answer": [[0, 0.5], [2, 0.0]]}}, {}, id="schedule"
        ),
        pytest.param(
            {"algorithm": "ppo", "ppo": {"critic": "shared", "kl": "full", "kl_target": 0.1}},
            {"critic/loss", "kl", "kl_beta"},
            id="ppo-shared-full-kl",
        ),
        pytest.param(
            {
                "algorithm": "ppo",
                "num_generations": 1,
                "ppo": {"kl_credit": "immediate", "minibatches": 2},
                "num_iterations": 2,
                "per_device_train_batch_size": 4,
            },
            {"critic/explained_variance", "critic/explained_variance_targets"},
            id="ppo-one-completion",
        ),
        pytest.param({"algorithm": "reinforce", "num_generations": 1}, {}, id="reinforce-one"),
        pytest.param({"algorithm": "remax", "num_generations": 1}, {}, id="remax-one"),
    ],
)
def test_settings_work(
    settings: dict[str, Any], logged: set[str], varied: dict[str, Any], tmp_path: Path
) -> None:
    rows = run(varied, tmp_path / "run", **settings)
    assert set(logged) <= set().union(*rows)
    assert any(row["grad_norm"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"num_generations": 1}, "grpo compares completions", id="group-of-one"),
        pytest.param({"algorithm": "pppo"}, "algorithm", id="unknown-algorithm"),
        pytest.param(
            {"num_iterations": 4, "save_steps": 6}, "multiple of 4", id="checkpoint-in-a-batch"
        ),
        pytest.param({"trl": {"epsilon_hihg": 0.3}}, "epsilon_high", id="unknown-trl-key"),
        pytest.param(
            {"weight_schedule": {"no.such": [[0, 1.0]]}}, "no.such", id="schedule-of-nothing"
        ),
        pytest.param(
            {"beta": 0.0, "reference": {"reset_every": 5}}, "reference", id="no-reference"
        ),
        pytest.param({"per_device_train_batch_size": 64}, "16 distinct prompts", id="few-prompts"),
        pytest.param(
            {"algorithm": "expert_iteration", "curriculum": {"rule": "adaptive"}},
            "curriculum: expert_iteration does not use",
            id="curriculum-in-rounds",
        ),
        pytest.param({"algorithm": "dpo"}, "preferences", id="dpo-without-files"),
        pytest.param(
            {"algorithm": "ppo", "ppo": {"critic": "shared", "critic_path": "x"}},
            "critic_path",
            id="two-critics",
        ),
        pytest.param({"ptx": {"weight": 0.1, "path": "texts.csv"}}, "must end in", id="ptx-format"),
    ],
)
def test_what_cannot_work_is_refused(
    settings: dict[str, Any], message: str, micro: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(micro, tmp_path / "run", **settings)


def test_ptx_adds_its_term(varied: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('{"text": "1+1=2"}\n{"text": "2+2=4"}\n')
    ptx = {"weight": 0.5, "path": str(path), "batch_size": 2}
    rows = run(varied, tmp_path / "run", algorithm="ppo", ptx=ptx)
    assert rows[0]["ptx_loss"] > rows[-1]["ptx_loss"] > 0
