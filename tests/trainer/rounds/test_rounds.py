"""Training in rounds: what each leaves on disk, that it learns, and that a kill costs nothing."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import tiny_rounds
from rich.console import Console
from safetensors.torch import load_file
from tiny_rounds import content, train_tiny

from assay.core.errors import ConfigError
from assay.core.types import Sample
from assay.trainer.records.callbacks import RunRecords
from assay.trainer.records.metrics_log import MetricsLog
from assay.trainer.records.progress import Display
from assay.trainer.records.rollouts import RolloutLog
from assay.trainer.rounds import run as rounds_run
from assay.trainer.rounds.sample import problems_of_round
from assay.trainer.rounds.store import Round, finished_rounds

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")

TWO: dict[str, Any] = {"rounds": 2, "prompts": 6}


def table(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def weights(folder: Path) -> dict[str, Any]:
    return load_file(folder / "model.safetensors")


def same_weights(one: Path, other: Path) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(bool((a[name] == b[name]).all()) for name in a)


def metas(folder: Path) -> list[dict[str, Any]]:
    found = [Round(folder, n).meta for n in range(1, finished_rounds(folder) + 1)]
    return [{key: value for key, value in meta.items() if key != "seconds"} for meta in found]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two rounds."""
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    train_tiny(content(rounds=TWO), folder)
    return folder


def test_a_round_is_a_dataset_with_its_provenance(undisturbed: Path) -> None:
    first = Round(undisturbed, 1)
    sampled = {row["id"]: row for row in table(first.sampled)}
    kept = table(first.kept)
    assert len(sampled) == 6 * 4
    assert kept
    for row in kept:
        origin = sampled[row["id"]]
        assert (row["prompt"], row["completion"]) == (origin["prompt"], origin["completion"])
        assert origin["passed"] is True
    assert len({(row["prompt"], row["completion"]) for row in kept}) == len(kept)
    meta = first.meta
    assert meta["counts"]["kept"] == len(kept)
    assert meta["counts"]["rows"] == 24
    assert meta["sampled_from"] == meta["trained_from"] == "start"
    assert meta["sources"]["demo.digits"][0].startswith("1")
    assert meta["rule"]["rule"] == "all_passed"
    assert meta["training"]["steps"] == -(-len(kept) // 8)
    assert meta["held_out"]["n"] == 8
    assert Round(undisturbed, 2).meta["sampled_from"] == "rounds/001/model"
    assert {row["prompt"] for row in table(Round(undisturbed, 2).sampled)}.isdisjoint(
        row["prompt"] for row in sampled.values()
    )


def test_the_model_of_the_run_is_that_of_its_last_round(undisturbed: Path) -> None:
    assert same_weights(undisturbed / "model", Round(undisturbed, 2).model)
    assert not same_weights(undisturbed / "model", undisturbed / "start")
    assert (undisturbed / "model" / "tokenizer.json").exists()


def test_a_run_that_is_done_does_nothing_more(
    undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*args: Any, **settings: Any) -> None:
        raise AssertionError("a finished stage was done again")

    monkeypatch.setattr(rounds_run, "sample_round", forbidden)
    monkeypatch.setattr(rounds_run, "build_learner", forbidden)
    before = metas(undisturbed)
    train_tiny(content(rounds=TWO), undisturbed)
    assert metas(undisturbed) == before


class Killed(BaseException):
    """Ends a run at a chosen place, as a kill would."""


def kill_at(monkeypatch: pytest.MonkeyPatch, name: str, call: int) -> None:
    """Let the ``call``-th call of a stage's function end the run before it does anything."""
    owner: Any = Round if name == "finish" else rounds_run
    whole, calls = getattr(owner, name), iter(range(1, 1000))

    def stage(*args: Any, **settings: Any) -> Any:
        if next(calls) == call:
            raise Killed
        return whole(*args, **settings)

    monkeypatch.setattr(owner, name, stage)


@pytest.mark.parametrize(
    ("stage", "call"),
    [
        pytest.param("sample_round", 2, id="before-sampling"),
        pytest.param("census", 2, id="after-selecting"),
        pytest.param("build_learner", 1, id="with-half-a-model-folder"),
        pytest.param("write_json", 3, id="model-trained-but-not-in-place"),
        pytest.param("rate", 1, id="before-the-evaluation-is-kept"),
        pytest.param("report_round", 2, id="before-the-records"),
        pytest.param("finish", 1, id="after-the-records"),
        pytest.param("finish", 2, id="after-the-last-records"),
    ],
)
def test_a_killed_run_goes_on_and_comes_to_the_same(
    stage: str, call: int, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        kill_at(patch, stage, call)
        with pytest.raises(Killed):
            train_tiny(content(rounds=TWO), folder)
    assert finished_rounds(folder) < 2
    train_tiny(content(rounds=TWO), folder)
    assert metas(folder) == metas(undisturbed)
    assert same_weights(folder / "model", undisturbed / "model")
    assert not list(folder.rglob("*.draft*"))


def test_kill_9_in_the_middle(undisturbed: Path, tmp_path: Path) -> None:
    folder, script = tmp_path / "run", Path(tiny_rounds.__file__)
    command = [sys.executable, str(script), json.dumps(content(rounds=TWO)), str(folder)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True) as process:
        deadline = time.monotonic() + 90
        while not Round(folder, 1).sampled.exists():
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    train_tiny(content(rounds=TWO), folder)
    assert metas(folder) == metas(undisturbed)
    assert same_weights(folder / "model", undisturbed / "model")


def recorded(folder: Path) -> None:
    """Train with the records of a run, opened and closed as ``assay train`` does it."""
    folder.mkdir(parents=True, exist_ok=True)
    done = finished_rounds(folder) or None
    metrics = MetricsLog(folder / "metrics.jsonl", done)
    rollouts = RolloutLog(folder, ["demo.digits"], done)
    try:
        records = RunRecords(metrics, rollouts, Display(Console(file=io.StringIO())))
        train_tiny(content(rounds=TWO), folder, records=records)
        rollouts.close()
    finally:
        metrics.close()


def logged(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [{k: v for k, v in row.items() if not k.endswith("seconds")} for row in rows]


def test_metrics_and_rollouts_are_written_once_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    recorded(whole)
    with monkeypatch.context() as patch:
        kill_at(patch, "finish", 2)
        with pytest.raises(Killed):
            recorded(broken)
    recorded(broken)
    assert logged(broken) == logged(whole)
    assert [(row["step"], row["split"]) for row in logged(whole)] == [
        *((1, "train"), (1, "eval"), (2, "train"), (2, "eval"))
    ]
    first = logged(whole)[0]
    assert first["round/kept"] == Round(whole, 1).meta["counts"]["kept"]
    assert {"reward", "assay/pass_rate", "round/loss", "round/steps"} <= first.keys()
    ids = [row["id"] for row in table(broken / "rollouts.parquet")]
    assert len(ids) == len(set(ids)) == 48
    assert ids == [row["id"] for row in table(whole / "rollouts.parquet")]


@pytest.mark.parametrize(
    ("algorithm", "columns"),
    [
        ("expert_iteration", {"completion", "value"}),
        ("online_dpo", {"chosen", "rejected", "margin"}),
        ("online_ipo", {"chosen", "rejected", "margin"}),
        ("online_kto", {"completion", "label"}),
    ],
)
def test_each_algorithm_learns_what_is_paid(
    algorithm: str, columns: set[str], tmp_path: Path
) -> None:
    rounds = {"rounds": 4, "prompts": 12, "epochs": 2}
    spec = content(algorithm=algorithm, rounds=rounds, num_generations=8)
    train_tiny(spec, tmp_path, evaluated=False)
    found = metas(tmp_path)
    rates = [meta["counts"]["passed"] / meta["counts"]["judged"] for meta in found]
    assert rates[-1] >= rates[0] + 0.2, rates
    assert columns <= table(Round(tmp_path, 1).kept)[0].keys()


def test_faults_are_never_learned_from(tmp_path: Path) -> None:
    spec = content(algorithm="online_kto", rounds={"rounds": 1}, num_generations=16)
    train_tiny(spec, tmp_path, evaluated=False)
    sampled = table(Round(tmp_path, 1).sampled)
    faulty = {row["id"] for row in sampled if row["status"] == "failed"}
    assert faulty, "the model wrote no z: the test shows nothing"
    assert faulty.isdisjoint(row["id"] for row in table(Round(tmp_path, 1).kept))
    assert metas(tmp_path)[0]["counts"]["judged"] == len(sampled) - len(faulty)


@pytest.mark.parametrize("algorithm", ["expert_iteration", "online_dpo"])
def test_a_round_with_nothing_to_learn_from_passes_its_model_on(
    algorithm: str, tmp_path: Path
) -> None:
    shown = io.StringIO()
    spec = content(algorithm=algorithm, rounds={"rounds": 2, "prompts": 3})
    train_tiny(spec, tmp_path, judge=tiny_rounds.never, console=shown)
    assert same_weights(tmp_path / "model", tmp_path / "start")
    assert [meta["training"] for meta in metas(tmp_path)] == [{"steps": 0}] * 2
    assert "round 1: nothing to learn from" in shown.getvalue()
    assert table(Round(tmp_path, 1).kept) == []


def test_settings_of_the_rounds_reach_them(tmp_path: Path) -> None:
    rounds = {"rounds": 3, "prompts": 3, "steps": 2, "keep_models": 1, "evaluate_every": 2}
    spec = content(algorithm="online_dpo", rounds=rounds | {"train_from": "start"})
    train_tiny(spec, tmp_path)
    assert [meta["training"]["steps"] for meta in metas(tmp_path)] == [2, 2, 2]
    assert [meta["trained_from"] for meta in metas(tmp_path)] == ["start"] * 3
    assert [meta["reference"] for meta in metas(tmp_path)][1:] == [
        *("rounds/001/model", "rounds/002/model")
    ]
    assert [Round(tmp_path, n).model.exists() for n in (1, 2, 3)] == [False, False, True]
    assert [meta["held_out"] is not None for meta in metas(tmp_path)] == [False, True, True]


@pytest.mark.parametrize(
    ("trainer", "words"),
    [
        pytest.param({"trl": {"label_smothing": 0.1}}, ["label_smothing", "label_smoothing"]),
        pytest.param({"trl": {"num_iterations": 2}}, ["num_iterations"], id="of-another-trainer"),
    ],
)
def test_unknown_keys_of_trl_are_refused_before_anything_is_done(
    trainer: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    spec = content(algorithm="online_dpo", rounds=TWO, **trainer)
    with pytest.raises(ConfigError) as error:
        train_tiny(spec, tmp_path)
    assert all(word in str(error.value) for word in words)
    assert not (tmp_path / "rounds").exists()


def test_several_processes_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="one process"):
        train_tiny(content(rounds=TWO), tmp_path)


def problems(n: int) -> list[Sample]:
    return [Sample(prompt=str(i)) for i in range(n)]


@pytest.mark.parametrize(
    ("total", "n", "rounds"),
    [(12, 4, 3), (12, 4, 6), (10, 4, 5), (3, 8, 2), (7, None, 2)],
    ids=["one-pass", "two-passes", "across-passes", "fewer-than-asked", "all"],
)
def test_every_problem_has_its_turn(total: int, n: int | None, rounds: int) -> None:
    chosen = [problems_of_round(problems(total), r, n, seed=3) for r in range(1, rounds + 1)]
    prompts = [[problem.prompt for problem in part] for part in chosen]
    assert all(len(set(part)) == len(part) for part in prompts)
    counts = {p: sum(p in part for part in prompts) for p in map(str, range(total))}
    assert max(counts.values()) - min(counts.values()) <= 1
    assert min(counts.values()) >= 1


def test_problems_follow_from_the_seed() -> None:
    one, again, other = (problems_of_round(problems(50), 2, 9, seed) for seed in (1, 1, 2))
    assert one == again != other
