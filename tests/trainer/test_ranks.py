"""Two processes give the advantages of one for the same rollouts, groups split between them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from assay.trainer.tiny import TinyModel, save_tiny

HERE = Path(__file__).parent


def launch(algorithm: str, ranks: int, folder: Path, **more: str) -> list[Any]:
    """What each rank wrote."""
    out = folder / f"{algorithm}-{ranks}"
    out.mkdir()
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={ranks}"]
    command = [sys.executable, *torchrun, str(HERE / "ranks.py"), algorithm, str(out)]
    environment = {**os.environ, **more, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    texts = {"consensus": "answers", "dapo": "flat", "rubric": "steps", "grape": "steps"}
    if algorithm in texts:
        environment["ASSAY_TEXT"] = texts[algorithm]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr[-4000:]
    files = [out / f"rank{rank}.json" for rank in range(ranks)]
    return [json.loads(file.read_text("utf-8")) for file in files]


def start(folder: Path) -> None:
    shape = TinyModel(layers=1, hidden=32, heads=2, feed_forward=64, positions=64)
    save_tiny(shape, folder / "start", 0)


@pytest.mark.parametrize(
    "algorithm", ["grpo", "ppo", "reinforce_pp", "consensus", "dapo", "rubric", "grape"]
)
def test_two_ranks_give_the_advantages_of_one(algorithm: str, tmp_path: Path) -> None:
    """For ``rubric`` and ``grape`` the mean confidences are those of all ranks, so the rewards
    too are those of one process."""
    start(tmp_path)
    one, two = (list(chain(*launch(algorithm, ranks, tmp_path))) for ranks in (1, 2))
    assert len(one) == len(two) == 12
    flat = [x for row in one for x in (row if isinstance(row, list) else [row])]
    assert max(flat) - min(flat) > 0.1  # there is something to compare
    if algorithm == "dapo":  # every group of the batch teaches something
        assert all(max(map(abs, one[k : k + 4])) > 0.1 for k in (0, 4, 8))
    for first, second in zip(one, two, strict=True):
        assert second == pytest.approx(first, abs=2e-5)
    if algorithm in ("rubric", "grape"):
        assert written(tmp_path, algorithm, "rewards", 2) == pytest.approx(
            written(tmp_path, algorithm, "rewards", 1), abs=1e-9
        )
    if algorithm == "rubric":  # alone, a rank would have paid otherwise
        alone = written(tmp_path, algorithm, "alone", 2)
        assert alone != pytest.approx(written(tmp_path, algorithm, "rewards", 2), abs=1e-3)
    if algorithm == "grape":
        ways = written(tmp_path, algorithm, "ways", 1)
        assert written(tmp_path, algorithm, "ways", 2) == ways
        assert set(ways) == {"a", "b"}
        whole, first, second = (
            json.loads((tmp_path / f"grape-{ranks}/history{rank}.json").read_text("utf-8"))
            for ranks, rank in ((1, 0), (2, 0), (2, 1))
        )
        assert first == second == whole


def written(folder: Path, algorithm: str, name: str, ranks: int) -> list[Any]:
    files = [folder / f"{algorithm}-{ranks}/{name}{rank}.json" for rank in range(ranks)]
    return [value for file in files for value in json.loads(file.read_text("utf-8"))]


@pytest.mark.parametrize("algorithm", ["ppo", "prime", "ptx"])
def test_two_ranks_take_the_step_of_one(algorithm: str, tmp_path: Path) -> None:
    """The critic is called inside the policy's forward pass, and both are averaged over ranks."""
    start(tmp_path)
    (tmp_path / "texts.jsonl").write_text('{"text": "1+1=2"}\n')
    (one,) = launch(algorithm, 1, tmp_path, ASSAY_STEP="1")
    first, second = launch(algorithm, 2, tmp_path, ASSAY_STEP="1")
    assert first == second
    assert any(name.startswith("assay_critic") for name in one) == (algorithm != "prime")
    for name in one:
        assert first[name] == pytest.approx(one[name], abs=2e-5), name
