"""Our reward functions inside TRL's own trainers: one process, two processes, the command line."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from assay.bridges.scorers import close_scorers
from assay.bridges.trl import reward_func, reward_funcs, reward_weights

if importlib.util.find_spec("trl") is None:
    if os.environ.get("ASSAY_REQUIRE_ALL") == "1":
        raise RuntimeError("ASSAY_REQUIRE_ALL=1, but trl is missing: pip install assay-rlvr[train]")
    pytest.skip("needs trl: pip install assay-rlvr[train]", allow_module_level=True)

pytestmark = pytest.mark.filterwarnings("ignore")  # trl, transformers and torch warn of themselves

HERE = Path(__file__).parent
PLUGIN = str(HERE / "demo_sources.py")
RECIPE = {
    "name": "demo",
    "plugins": [PLUGIN],
    "sources": [
        {"use": "demo.digits", "when": {"task": "sum"}},
        {"use": "demo.equal", "weight": 2.0},
    ],
}


def _tiny_run() -> Any:
    spec = importlib.util.spec_from_file_location("tiny_run", HERE / "tiny_run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


train = _tiny_run().train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared by the runs, so that the model is built once."""
    yield tmp_path_factory.mktemp("tiny")
    close_scorers()


def steps_of(trainer: Any) -> list[dict[str, float]]:
    return [entry for entry in trainer.state.log_history if "reward" in entry]


@pytest.mark.parametrize("trainer", ["GRPO", "RLOO"])
@pytest.mark.parametrize("chat", [False, True], ids=["text", "chat"])
def test_a_trainer_takes_the_recipe(folder: Path, trainer: str, chat: bool) -> None:
    seen: list[Any] = []
    reward = reward_func(
        RECIPE, sink=lambda *batch: seen.append(batch), max_completion_length=8, eos_token_id=1
    )
    done = train(folder, reward, trainer=trainer, chat=chat)
    log = steps_of(done)
    assert len(log) == len(seen) == 2
    for entry, (samples, rewards, state) in zip(log, seen, strict=True):
        assert len({sample.group_key for sample in samples}) == 1
        assert samples[0].task == "sum"
        assert samples[0].id == str(int(samples[0].prompt_text.split("+")[0]))
        assert all(1 <= sample.extra["completion_tokens"] <= 8 for sample in samples)
        values = [r.value for r in rewards if r.value is not None]
        if values:
            assert entry["reward"] == pytest.approx(sum(values) / len(values), abs=1e-5)
            assert entry[f"rewards/{reward.__name__}/mean"] == entry["reward"]
        assert entry["assay/left_out_rate"] == 1 - len(values) / 4
        digits = [reward.verdicts["demo.digits"].score for reward in rewards]
        assert entry["assay/demo.digits/mean"] == pytest.approx(sum(digits) / 4, abs=1e-6)
        assert entry["assay/broken_calls"] == 0
        assert state is done.state


def test_left_out_samples_do_not_reach_the_baseline(folder: Path) -> None:
    """A bad reference (row 3 has no answer) leaves its whole group out and stops nothing."""
    seen: list[Any] = []
    reward = reward_func(RECIPE, sink=lambda *batch: seen.append(batch))
    done = train(folder, reward, max_steps=8)
    left_out = [e["assay/left_out_rate"] for e in steps_of(done)]
    assert sorted(left_out) == [0.0] * 7 + [1.0]
    assert all(math.isfinite(entry["loss"]) for entry in steps_of(done))
    (place,) = [i for i, share in enumerate(left_out) if share == 1.0]
    assert {sample.id for sample in seen[place][0]} == {"3"}


def test_one_function_for_each_source(folder: Path) -> None:
    done = train(
        folder,
        reward_funcs(RECIPE),
        reward_weights=reward_weights(RECIPE),
        log_completions=True,
        num_completions_to_print=0,
        multi_objective_aggregation="normalize_then_sum",
    )
    for entry in steps_of(done):
        assert {"rewards/demo.digits/mean", "rewards/demo.equal/mean"} <= entry.keys()
        assert entry["rewards/demo.digits/mean"] == pytest.approx(entry["assay/demo.digits/mean"])
    import pyarrow.parquet as pq

    table = pq.read_table(max((folder / "out" / "completions").glob("*.parquet")))
    assert {"demo.digits/status", "demo.equal/reason"} <= set(table.column_names)
    assert len(table) == 4


def test_groups_split_across_two_processes(tmp_path: Path) -> None:
    """Each rank is shown half of every group; values, names and metrics still fit together."""
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available():
        pytest.skip("this torch has no torch.distributed: install a build that has it")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
        str(HERE / "tiny_run.py"), str(tmp_path),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    reports = [json.loads((tmp_path / f"rank{r}.json").read_text("utf-8")) for r in (0, 1)]
    for first, second in zip(*(report["calls"] for report in reports), strict=True):
        assert len(first["values"]) == len(second["values"]) == 2
        assert set(first["groups"]) == set(second["groups"])  # one group, and one name for it
        assert len(set(first["groups"])) == 1
    for place, entry in enumerate(e for e in reports[0]["log"] if "reward" in e):
        values = [v for report in reports for v in report["calls"][place]["values"]]
        assert entry["reward"] == pytest.approx(sum(values) / 4, abs=1e-5)
        assert entry["assay/broken_calls"] == 0
    for report in reports:
        told = [line for line in report["said"] if "demo.rank compares" in line]
        assert len(told) == 1
        assert "2 ranks" in told[0]


def test_the_command_line_finds_a_recipe(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """``trl grpo --reward_funcs assay.bridges.trl.recipe assay.bridges.trl.math_exact``."""
    from trl.scripts import grpo

    train(folder, reward_func(RECIPE), max_steps=1)  # builds the model where it is not there yet
    (tmp_path / "run.yaml").write_text(
        f"plugins: [{PLUGIN}]\nsources: [demo.digits]\n", encoding="utf-8"
    )
    data = tmp_path / "data"
    data.mkdir()
    rows = [{"prompt": f"{i}+1=", "answer": str(i + 1)} for i in range(4)]
    (data / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    monkeypatch.setenv("ASSAY_RECIPE", str(tmp_path / "run.yaml"))
    arguments = f"""
        --model_name_or_path {folder / "model"} --dataset_name {data} --output_dir {tmp_path / "o"}
        --reward_funcs assay.bridges.trl.recipe assay.bridges.trl.math_exact
        --max_steps 1 --per_device_train_batch_size 4 --num_generations 4 --logging_steps 1
        --max_completion_length 8 --use_cpu true --bf16 false --gradient_checkpointing false
        --report_to none --save_strategy no --disable_tqdm true
    """
    parsed = grpo.make_parser().parse_args_and_config(
        args=arguments.split(), fail_with_unknown_args=False
    )
    monkeypatch.setattr("sys.path", list(sys.path))  # the script puts the working directory first
    grpo.main(*parsed)
    printed = capsys.readouterr().out
    assert "'rewards/run/mean'" in printed
    assert "'rewards/math.exact/mean'" in printed
    assert (tmp_path / "o" / "model.safetensors").exists()
