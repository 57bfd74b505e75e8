"""``train`` end to end, on a model of a few thousand weights."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from rich.console import Console

from assay.core.errors import ConfigError
from assay.core.scorer import Scorer
from assay.core.types import Sample
from assay.trainer.config import TrainingRecipe
from assay.trainer.records.callbacks import RunCallback
from assay.trainer.run import RunResult, train


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing takes longer than training here; the first test does it."""
    monkeypatch.setattr("assay.trainer.run.write_report", lambda folder: folder / "report.html")


def run(recipe: dict[str, Any], out: Path, **settings: Any) -> RunResult:
    console = settings.pop("console", Console(file=io.StringIO()))
    return train(TrainingRecipe.read(recipe), out, console=console, **settings)


def changed(recipe: dict[str, Any], **trainer: Any) -> dict[str, Any]:
    more = copy.deepcopy(recipe)
    more["trainer"] |= trainer
    return more


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "metrics.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def rollouts(folder: Path) -> list[dict[str, Any]]:
    return pq.read_table(folder / "rollouts.parquet").to_pylist()


def rewards(folder: Path) -> list[tuple[int, float]]:
    return [(row["step"], row["reward"]) for row in lines(folder) if "reward" in row]


def test_a_run_leaves_everything_its_report_needs(
    micro: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = io.StringIO()
    result = run(
        changed(micro, report_to="tensorboard"), tmp_path / "run", console=Console(file=shown)
    )
    folder = tmp_path / "run"
    for name in ("recipe.yaml", "environment.json", "report.html", "model/config.json"):
        assert (folder / name).stat().st_size > 0, name
    assert list((folder / "tensorboard").iterdir())
    assert json.loads((folder / "evaluation.json").read_text()) == {
        "before": result["before"],
        "after": result["after"],
    }
    train_steps = [
        row["step"] for row in lines(folder) if "reward" in row and row["split"] == "train"
    ]
    assert train_steps == [1, 2]
    told = capsys.readouterr().out.splitlines()[-1]
    before, after = (result[half]["greedy"]["pass_rate"] for half in ("before", "after"))
    assert told == f"held-out accuracy: {before:.3f} -> {after:.3f} (n=6)"
    assert "train 2/2" in shown.getvalue()
    assert "zero-variance groups" in shown.getvalue()
    assert json.dumps(result)


@pytest.mark.usefixtures("no_report")
def test_rollouts_are_what_the_scorer_says_of_them(micro: dict[str, Any], tmp_path: Path) -> None:
    run(micro, tmp_path / "run")
    rows = rollouts(tmp_path / "run")
    places = [(row["split"], row["step"]) for row in rows]
    assert {place: places.count(place) for place in places} == {
        ("eval", 0): 6,
        ("train", 1): 8,
        ("train", 2): 8,
        ("eval", 2): 6,
    }
    samples = [
        Sample(
            prompt=row["prompt"],
            completion=row["completion"],
            ground_truth=json.loads(row["ground_truth"]),
            truncated=row["truncated"],
        )
        for row in rows
    ]
    with Scorer(TrainingRecipe.read(micro).scoring()) as scorer:
        assert [reward.value for reward in scorer.score(samples)] == [row["value"] for row in rows]
    assert all(1 <= row["completion_tokens"] <= 12 for row in rows)
    of_step = [row["value"] for row in rows if row["split"] == "train" and row["step"] == 1]
    assert dict(rewards(tmp_path / "run"))[1] == pytest.approx(sum(of_step) / 8)


@pytest.mark.usefixtures("no_report")
def test_one_seed_gives_one_result(micro: dict[str, Any], tmp_path: Path) -> None:
    for name in ("a", "b"):
        run(micro, tmp_path / name)
    run(micro | {"seed": 1}, tmp_path / "c")
    texts = {n: [row["completion"] for row in rollouts(tmp_path / n)] for n in "abc"}
    assert texts["a"] == texts["b"]
    assert texts["a"] != texts["c"]


@pytest.mark.parametrize("beta", [0.0, 0.05], ids=["no-reference", "reference-model"])
@pytest.mark.usefixtures("no_report")
def test_rloo(micro: dict[str, Any], tmp_path: Path, beta: float) -> None:
    run(changed(micro, algorithm="rloo", beta=beta), tmp_path / "run")
    assert [step for step, _ in rewards(tmp_path / "run")] == [0, 1, 2, 2]


@pytest.mark.usefixtures("no_report")
def test_an_interrupted_run_goes_on_where_it_stopped(
    micro: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = changed(micro, max_steps=4, save_steps=2)
    run(recipe, tmp_path / "whole")

    def stop(self: RunCallback, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunCallback, "on_step_end", stop)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, tmp_path / "cut")
    assert max(row["step"] for row in rollouts(tmp_path / "cut")) == 3, "kept what was done"
    run(recipe, tmp_path / "cut", resume=True)
    assert rewards(tmp_path / "cut") == rewards(tmp_path / "whole")
    assert rollouts(tmp_path / "cut") == rollouts(tmp_path / "whole")
    seconds = [row["seconds"] for row in lines(tmp_path / "cut")]
    assert seconds == sorted(seconds)


@pytest.mark.usefixtures("no_report")
def test_a_finished_run_can_be_made_longer(micro: dict[str, Any], tmp_path: Path) -> None:
    run(changed(micro, save_steps=2), tmp_path / "run")
    run(changed(micro, save_steps=2, max_steps=3), tmp_path / "run", resume=True)
    places = [(row["split"], row["step"]) for row in rollouts(tmp_path / "run")]
    assert {p: places.count(p) for p in places} == {
        ("eval", 0): 6, ("train", 1): 8, ("train", 2): 8, ("train", 3): 8, ("eval", 3): 6,
    }  # fmt: skip


def test_no_run_is_written_over(micro: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty; go on with its run by --resume"):
        run(micro, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_another_recipe_does_not_resume_a_run(micro: dict[str, Any], tmp_path: Path) -> None:
    from assay.trainer.folder import claim_folder

    claim_folder(tmp_path / "run", TrainingRecipe.read(micro), resume=False)
    longer = TrainingRecipe.read(changed(micro, max_steps=9))
    claim_folder(tmp_path / "run", longer, resume=True)
    other = TrainingRecipe.read(micro | {"seed": 3})
    with pytest.raises(ConfigError, match="differs in seed from the run's own"):
        claim_folder(tmp_path / "run", other, resume=True)


@pytest.mark.parametrize(
    ("trainer", "message"),
    [
        pytest.param({"trl": {"epsilon_hihg": 1}}, "did you mean 'epsilon_high'", id="trl-key"),
        pytest.param({"num_generations": 3}, "GRPOConfig refuses", id="group-and-batch"),
        pytest.param(
            {"trl": {"steps_per_generation": 2, "generation_batch_size": 8}},
            "GRPOConfig refuses",
            id="trl-combination",
        ),
    ],
)
@pytest.mark.usefixtures("no_report")
def test_wrong_settings_stop_before_anything_is_written(
    micro: dict[str, Any], tmp_path: Path, trainer: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(changed(micro, **trainer), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_report")
def test_a_chat_dataset_with_a_hub_style_model(micro: dict[str, Any], tmp_path: Path) -> None:
    from assay.trainer.tiny import TinyModel, save_tiny

    save_tiny(TinyModel(layers=1, hidden=32, heads=2, feed_forward=64), tmp_path / "hub", 0)
    rows = [
        {"question": [{"role": "user", "content": f"{i}+1="}], "answer": str(i + 1), "level": i}
        for i in range(20)
    ]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = micro | {
        "model": {"path": str(tmp_path / "hub")},
        "data": {"path": str(tmp_path / "data.jsonl"), "n_train": 8, "n_eval": 4},
    }
    result = run(recipe, tmp_path / "run")
    assert result["after"]["greedy"]["n"] == 4
    assert not (tmp_path / "run" / "start").exists()
    told = [json.loads(row["extra"]) for row in rollouts(tmp_path / "run")]
    assert all("level" in extra for extra in told)
