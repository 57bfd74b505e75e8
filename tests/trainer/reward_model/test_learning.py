"""Training: the folder scores as the model did, every loss learns, and a killed run goes on."""

from __future__ import annotations

import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from assay import Registry, Sample, Verdict
from assay.cli.main import app
from assay.core.errors import ConfigError
from assay.rewards.models.card import read_card
from assay.rewards.models.texts import Reader
from assay.rewards.models.world import worth
from assay.trainer.config import TrainingRecipe
from assay.trainer.reward_model.fit import Fit, saved, score_rows
from assay.trainer.reward_model.rows import load_split
from assay.trainer.run import train
from assay.trainer.tiny import TinyModel, save_tiny

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")

QUIET = Console(file=io.StringIO())


def run(recipe: dict[str, Any], out: Path, **more: Any) -> Any:
    return train(TrainingRecipe.read(recipe), out, console=QUIET, announce=False, **more)


def ask(model: Path, samples: list[Sample], **settings: Any) -> list[Verdict]:
    """The source itself, without a worker: one takes seconds to start."""
    given = {"model": str(model), "device": "cpu", **settings}
    source: Any = Registry.load().sources["rm.bradley_terry"].open(given)
    return list(source(samples))


def texts(n: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefgh", k=rng.randint(3, 12))) for _ in range(n)]


def test_a_run_leaves_a_model_its_card_and_its_records(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {
        "task": {"use": "preferences.letters", "unit": 2.0, "noise": 0.0},
        "n_train": 700,
        "n_eval": 120,
    }
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(small(data, trainer={"learning_rate": 1e-2})))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["train", str(recipe), "-o", "run", "--json"])
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    after = result["after"]
    assert result["steps"] == 44
    assert after["pairs"]["rate"] > max(0.75, result["before"]["pairs"]["rate"])
    assert set(after["slices"]) == {"clear", "close"}
    assert set(after["raters"]) == {f"rater-{n}" for n in range(4)}
    assert "held-out pairs in order" in done.stderr
    folder = tmp_path / "run"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in lines if "loss" in row] == list(range(1, 45))
    card = read_card(folder / "model" / "assay_reward.json")
    assert card.normaliser is not None
    assert card.calibrator is not None
    assert len(card.golden) == 8
    picked = [pick(texts(40), key=worth) for pick in (max, min)]
    said = ask(
        folder / "model",
        [Sample(prompt="abcabc:", completion=t) for t in picked],
        calibrated=True,
        pass_at=0.5,
    )
    assert [verdict.passed for verdict in said] == [True, False]
    assert all(0.0 <= (verdict.score or 0.0) <= 1.0 for verdict in said)
    page = (folder / "report.html").read_text()
    assert "Held-out pairs in the right order on 120 pairs" in page
    assert "rater-3" in page


def trained(recipe: dict[str, Any], tokenizer: Any, folder: Path) -> tuple[Any, Any, Any]:
    """(held-out rows, their scores in memory, the trainer), and the checkpoint in ``folder``."""
    read = TrainingRecipe.read(recipe)
    split = load_split(read)
    save_tiny(TinyModel(**recipe["model"]["tiny"]), folder / "start", 0)
    reader = Reader(tokenizer, 64)
    trainer, _ = Fit(read, folder / "start", reader, folder / "out", None).trainer(split.train, [])
    trainer.train()
    scores = score_rows(trainer.model, split.held_out, reader)
    saved(trainer, tokenizer, folder / "model")
    return split.held_out, scores, trainer


@pytest.mark.parametrize("end", ["pads", "is-its-own", "left-padding"])
def test_the_folder_scores_as_the_model_in_training(small: Any, tmp_path: Path, end: str) -> None:
    from assay.trainer.tiny import build_tokenizer

    tokenizer = build_tokenizer()
    tokenizer.padding_side = "left" if end == "left-padding" else "right"
    tokenizer.chat_template = None  # an end token is added
    if end == "pads":
        tokenizer.pad_token = tokenizer.eos_token
    rows, scores, trainer = trained(small(), tokenizer, tmp_path)
    assert trainer.model.config.num_labels == 1
    flat = [score for row in scores for score in row]
    assert max(flat) - min(flat) > 0.1
    said = ask(tmp_path / "model", [sample for row in rows for sample in row.samples])
    assert [verdict.score for verdict in said] == pytest.approx(flat, abs=1e-5)


@pytest.mark.parametrize("loss", ["bradley_terry", "plackett_luce", "regression"])
def test_rankings_and_ratings_are_learned(
    small: Any, write: Callable[..., Path], tmp_path: Path, loss: str
) -> None:
    written = texts(640)
    if loss == "regression":
        rows = [
            {"prompt": f"q{i}", "completion": t, "rating": worth(t)} for i, t in enumerate(written)
        ]
    else:
        groups = [written[i : i + 4] for i in range(0, len(written), 4)]
        rows = [
            {"prompt": f"q{i}", "completions": sorted(group, key=worth, reverse=True)}
            for i, group in enumerate(groups)
            if len({worth(text) for text in group}) == 4
        ]
    held = 100 if loss == "regression" else 20
    data = {"path": str(write(rows)), "n_train": len(rows), "n_eval": held}
    trainer = {"learning_rate": 1e-2, "per_device_train_batch_size": 16 if held == 100 else 4}
    recipe = small(data, trainer=trainer, loss=loss, centring=0.01, epochs=2)
    found = run(recipe, tmp_path / "run")["after"]
    if loss == "regression":
        assert found["spearman"] > 0.6
        assert "calibration" not in found
    else:
        assert found["pairs"]["n"] == 20 * 6
        assert found["pairs"]["rate"] > 0.75


def test_margins_and_centring_reach_trl(
    small: Any, write: Callable[..., Path], tmp_path: Path
) -> None:
    from assay.trainer.tiny import build_tokenizer

    rows = [{"prompt": f"{n}", "chosen": "ab", "rejected": "cd", "margin": 3.0} for n in range(12)]
    data = {"path": str(write(rows)), "n_train": 8, "n_eval": 2}
    read = TrainingRecipe.read(small(data, centring=0.5))
    save_tiny(TinyModel(**small()["model"]["tiny"]), tmp_path / "start", 0)
    reader = Reader(build_tokenizer(), 64)
    fit = Fit(read, tmp_path / "start", reader, tmp_path / "out", None)
    trainer, _ = fit.trainer(load_split(read).train, [])
    batch = next(iter(trainer.get_train_dataloader()))
    trainer.model.eval()
    with torch.no_grad():
        loss = trainer.compute_loss(trainer.model, dict(batch)).item()
        [(chosen, rejected)] = {
            tuple(s) for s in score_rows(trainer.model, load_split(read).train[:1], reader)
        }
    own = torch.nn.functional.softplus(torch.tensor(-(chosen - rejected - 3.0))).item()
    prompts = {row.prompt for row in load_split(read).train}
    assert len(prompts) == 8
    assert loss == pytest.approx(own + 0.5 * (chosen + rejected) ** 2, rel=0.2)


def test_a_resumed_run_ends_where_the_other_ended(small: Any, tmp_path: Path) -> None:
    recipe = small(trainer={"save_steps": 3})
    whole = run(recipe, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    shutil.rmtree(tmp_path / "cut" / "checkpoints" / "checkpoint-6")
    shutil.rmtree(tmp_path / "cut" / "model")
    resumed = run(recipe, tmp_path / "cut", resume=True)
    assert (resumed["steps"], resumed["before"]) == (whole["steps"], whole["before"])
    assert resumed["after"]["margin"] == pytest.approx(whole["after"]["margin"], abs=1e-5)
    steps = [
        json.loads(line)["step"]
        for line in (tmp_path / "cut" / "metrics.jsonl").read_text().splitlines()
        if "loss" in json.loads(line)
    ]
    assert steps == [1, 2, 3, 4, 5, 6]
    with pytest.raises(ConfigError, match="is not empty"):
        run(recipe, tmp_path / "cut")


def test_adapters_train_the_head_whole_and_are_merged(small: Any, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    recipe = small()
    recipe["model"]["lora"] = {"r": 4}
    found = run(recipe, tmp_path / "run")
    assert found["after"]["pairs"]["n"] == 60
    assert not list((tmp_path / "run/model").glob("adapter*"))
    from safetensors.torch import load_file

    weights = load_file(tmp_path / "run/model/model.safetensors")
    start = load_file(tmp_path / "run/start/model.safetensors")
    assert "score.weight" in weights
    same = "model.embed_tokens.weight"
    assert torch.equal(weights[same], start[same])
    moved = "model.layers.0.mlp.up_proj.weight"
    assert not torch.equal(weights[moved], start[moved])


def test_one_who_poisons_is_seen(small: Any, tmp_path: Path) -> None:
    data = {
        "task": {
            "use": "preferences.letters",
            "unit": 2.0,
            "noise": 0.0,
            "raters": 3,
            "poisoners": 1,
        },
        "n_train": 600,
        "n_eval": 200,
    }
    recipe = small(data, trainer={"learning_rate": 1e-2}, leave_one_rater_out=True)
    effects = run(recipe, tmp_path / "run")["after"]["rater_effects"]
    assert [name for name, effect in effects.items() if effect["suspect"]] == ["rater-0"]
    poisoner = effects["rater-0"]
    assert poisoner["gain"] > 0.03
    assert poisoner["agrees"] < 0.3
    assert "rater_effects rater-0 suspect" in (tmp_path / "run/report.html").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"trl": {"margins": 1}}, "trainer.trl: unknown key 'margins'", id="key"),
    ],
)
def test_settings_are_refused(
    small: Any, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    with pytest.raises((ConfigError, ValueError), match=words):
        run(small(trainer=change), tmp_path / "run")
