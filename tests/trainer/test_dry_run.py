"""``assay train --dry-run``: what it finds, what it measures, and that it leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from assay.cli.main import app
from assay.trainer.config import TrainingRecipe
from assay.trainer.dry_run.checks import check_steps
from assay.trainer.dry_run.findings import DryRun, Findings
from assay.trainer.dry_run.run import dry_run
from assay.trainer.tiny import TinyModel, save_tiny


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def run(content: dict[str, Any], tmp_path: Path, **settings: Any) -> DryRun:
    return dry_run(TrainingRecipe.read(content), tmp_path / "run", **settings)


# what it finds ----------------------------------------------------------------------------


def test_a_good_recipe_has_no_problem_and_leaves_nothing(
    micro: dict[str, Any], tmp_path: Path
) -> None:
    found = run(micro, tmp_path)
    assert found.problems == []
    assert found.memory is not None
    assert found.recipe["trainer"]["max_steps"] == 2
    right = [row for row in found.rows if row.right]
    assert len(right) == 10
    assert all(row.passed and row.kind == "demonstration" for row in right)
    assert not any(row.passed for row in found.rows if not row.right)
    assert not (tmp_path / "run").exists()


def _absent_model(content: dict[str, Any], tmp_path: Path) -> None:
    content["model"] = {"path": str(tmp_path / "nowhere")}


def _no_room(content: dict[str, Any], tmp_path: Path) -> None:
    content["trainer"]["max_completion_length"] = 500


def _unknown_to_trl(content: dict[str, Any], tmp_path: Path) -> None:
    content["trainer"]["trl"] = {"epsilon_hihg": 0.3}


def _indivisible(content: dict[str, Any], tmp_path: Path) -> None:
    content["trainer"]["per_device_train_batch_size"] = 7


def _few_prompts(content: dict[str, Any], tmp_path: Path) -> None:
    content["trainer"]["gradient_accumulation_steps"] = 20


def _unknown_source(content: dict[str, Any], tmp_path: Path) -> None:
    content["sources"][0]["use"] = "math.exat"
    content["passed_by"] = ["math.exat"]


def _bad_setting(content: dict[str, Any], tmp_path: Path) -> None:
    content["sources"][1]["scores"] = "zero_two"


def _taken(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("mine")


def _absent_data(content: dict[str, Any], tmp_path: Path) -> None:
    content["data"] = {"path": str(tmp_path / "none.jsonl")}


def _absent_column(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"ask": "1+1=", "truth": "2"}\n')
    content["data"] = {"path": str(tmp_path / "rows.jsonl")}


def _reference_of_no_use(content: dict[str, Any], tmp_path: Path) -> None:
    rows = [{"prompt": f"{i}+1=", "demonstration": str(i + 1)} for i in range(20)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content["data"] = {"path": str(tmp_path / "rows.jsonl"), "n_train": 12, "n_eval": 6}


def _wrong_truths(content: dict[str, Any], tmp_path: Path) -> None:
    rows = [
        {"prompt": f"{i}+1=", "ground_truth": "77", "demonstration": f"<answer>{i + 1}</answer>"}
        for i in range(20)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content["data"] = {"path": str(tmp_path / "rows.jsonl"), "n_train": 12, "n_eval": 6}


def _anything_passes(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "lax_source.py").write_text(
        "from assay import source\n\n\n@source('demo.lax', version='1', scale='binary')\n"
        "def lax(sample):\n    return True\n"
    )
    content |= {"plugins": [str(tmp_path / "lax_source.py")], "sources": ["demo.lax"]}
    content["passed_by"] = ["demo.lax"]


def _broken_source(content: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "broken_source.py").write_text(
        "from assay import source\n\n\n@source('demo.broken', version='1', scale='binary')\n"
        "def broken(sample):\n    raise OSError('no such server')\n"
    )
    content |= {"plugins": [str(tmp_path / "broken_source.py")], "sources": ["demo.broken"]}
    content["passed_by"] = ["demo.broken"]


def _messages_without_template(content: dict[str, Any], tmp_path: Path) -> None:
    save_tiny(TinyModel(layers=1, hidden=32, heads=2, feed_forward=64), tmp_path / "model", 0)
    (tmp_path / "model" / "chat_template.jinja").unlink()
    rows = [
        {"prompt": [{"role": "user", "content": f"{i}+1="}], "ground_truth": str(i + 1)}
        for i in range(20)
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    content["data"] = {"path": str(tmp_path / "rows.jsonl"), "n_train": 12, "n_eval": 6}
    content["model"] = {"path": str(tmp_path / "model")}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        pytest.param(_absent_model, "tokenizer: ", id="no-model"),
        pytest.param(_no_room, "64 positions", id="texts-too-long"),
        pytest.param(_unknown_to_trl, "did you mean 'epsilon_high'", id="unknown-to-trl"),
        pytest.param(_indivisible, "refuses the settings", id="indivisible"),
        pytest.param(_few_prompts, "40 distinct prompts, but there are 12", id="few-prompts"),
        pytest.param(_unknown_source, "did you mean 'math.exact'", id="unknown-source"),
        pytest.param(_bad_setting, "scores", id="source-setting"),
        pytest.param(_taken, "is not empty", id="folder-taken"),
        pytest.param(_absent_data, "none.jsonl", id="no-data"),
        pytest.param(_absent_column, "prompt not found", id="no-column"),
        pytest.param(_reference_of_no_use, "bad_reference on", id="no-ground-truth"),
        pytest.param(_wrong_truths, "no right text passed", id="wrong-truths"),
        pytest.param(_anything_passes, "wrong texts passed", id="anything-passes"),
        pytest.param(_broken_source, "no such server", id="source-fails"),
        pytest.param(_messages_without_template, "no chat template", id="no-template"),
    ],
)
def test_problems(
    spoil: Callable[[dict[str, Any], Path], None], says: str, micro: dict[str, Any], tmp_path: Path
) -> None:
    spoil(micro, tmp_path)
    found = run(micro, tmp_path)
    assert any(says in problem for problem in found.problems), found.problems


def test_all_problems_come_at_once(micro: dict[str, Any], tmp_path: Path) -> None:
    for spoil in (_no_room, _unknown_to_trl, _bad_setting, _taken):
        spoil(micro, tmp_path)
    abouts = {problem.partition(":")[0] for problem in run(micro, tmp_path).problems}
    assert abouts == {"model", "trainer", "rows", "folder"}


@pytest.mark.parametrize(
    ("model", "rate", "sharding", "noted"),
    [
        pytest.param({"dtype": "bfloat16"}, 1e-6, "none", True, id="lost"),
        pytest.param({"dtype": "bfloat16"}, 1e-3, "none", False, id="large-steps"),
        pytest.param({"dtype": "bfloat16"}, 1e-6, "zero2", False, id="deepspeed-has-a-copy"),
        pytest.param({"dtype": "bfloat16", "lora": {"r": 4}}, 1e-6, "none", False, id="lora"),
        pytest.param({"dtype": "float32"}, 1e-6, "none", False, id="float32"),
    ],
)
def test_steps_that_16_bits_would_lose(
    model: dict[str, Any], rate: float, sharding: Any, noted: bool
) -> None:
    content = {
        "sources": ["math.exact"],
        "model": model,
        "data": {"task": "math.arithmetic"},
        "trainer": {"learning_rate": rate},
    }
    findings = Findings()
    check_steps(TrainingRecipe.read(content), sharded=sharding != "none", findings=findings)
    assert [found.level for found in findings.found] == ["note"] * noted


@pytest.mark.parametrize("how", ["resume", "overwrite"])
def test_a_folder_that_is_resumed_or_replaced_is_no_problem(
    how: str, micro: dict[str, Any], tmp_path: Path
) -> None:
    _taken(micro, tmp_path)
    assert run(micro, tmp_path, **{how: True}).problems == []


@pytest.mark.parametrize(
    ("trainer", "second", "reference"),
    [
        pytest.param({"algorithm": "grpo"}, False, False, id="grpo"),
        pytest.param({"algorithm": "grpo", "beta": 0.1}, False, True, id="grpo-with-kl"),
        pytest.param({"algorithm": "rloo"}, False, True, id="rloo-has-kl-by-default"),
        pytest.param({"algorithm": "ppo"}, True, True, id="ppo"),
        pytest.param({"algorithm": "ppo", "ppo": {"critic": "shared"}}, False, True, id="shared"),
        pytest.param({"algorithm": "ppo", "beta": 0.0}, True, False, id="ppo-without-kl"),
    ],
)
def test_what_models_an_algorithm_holds(
    trainer: dict[str, Any], second: bool, reference: bool, micro: dict[str, Any], tmp_path: Path
) -> None:
    micro["trainer"] |= trainer
    found = run(micro, tmp_path)
    assert found.problems == []
    assert found.memory is not None
    assert (found.memory.second_model > 0, found.memory.reference > 0) == (second, reference)


def test_a_model_on_disk_and_ground_truths_as_right_texts(
    micro: dict[str, Any], tmp_path: Path
) -> None:
    _messages_without_template(micro, tmp_path)
    save_tiny(TinyModel(layers=1, hidden=32, heads=2, feed_forward=64), tmp_path / "model", 0)
    micro["sources"], micro["passed_by"] = ["math.exact"], None
    found = run(micro, tmp_path)
    assert found.problems == []
    kinds = {row.kind for row in found.rows if row.right}
    assert kinds == {"ground truth", "ground truth, boxed", "ground truth, in tags"}


# on the command line ----------------------------------------------------------------------


def _invoke(content: dict[str, Any], tmp_path: Path, *more: str) -> Any:
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    words = ["train", str(path), "--out", str(tmp_path / "run"), "--dry-run", *more]
    return CliRunner().invoke(app, words)


def test_the_command_prints_recipe_rows_memory_and_findings(
    micro: dict[str, Any], tmp_path: Path
) -> None:
    done = _invoke(micro, tmp_path, "--set", "trainer.max_steps=7")
    assert done.exit_code == 0, done.output
    assert "    max_steps: 7" in done.stdout
    assert "right: demonstration" in done.stdout
    assert "activations" in done.stdout
    assert done.stdout.rstrip().endswith("no problem found")


def test_the_command_as_json_with_problems(micro: dict[str, Any], tmp_path: Path) -> None:
    _no_room(micro, tmp_path)
    done = _invoke(micro, tmp_path, "--json", "--processes", "4", "--sharding", "zero3")
    assert done.exit_code == 2
    found = json.loads(done.stdout)
    assert found["ok"] is False
    assert "64 positions" in found["problems"][0]
    assert found["rests_on"]["work"]["processes"] == 4
    assert found["memory"]["total"] > 0


@pytest.mark.parametrize("more", [(), ("--json",)], ids=["text", "json"])
def test_an_unreadable_recipe_lists_all_its_faults(
    more: tuple[str, ...], micro: dict[str, Any], tmp_path: Path
) -> None:
    micro["trainer"] |= {"max_steps": 0, "learning_rate": -1}
    done = _invoke(micro, tmp_path, *more)
    assert done.exit_code == 2
    assert "max_steps" in done.output
    assert "learning_rate" in done.output
    if more:
        assert len(json.loads(done.stdout)["problems"]) == 2
