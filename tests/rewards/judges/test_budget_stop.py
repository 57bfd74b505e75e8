"""``assay score`` when a judge's budget is spent: it stops, keeps what it has, goes on later."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay import Sample, Scorer, Status

from .conftest import JudgeServer

PLUGIN = Path(__file__).with_name("asking_source.py")
WORKERS, ROWS, LIMIT = 4, 240, 900
RUBRIC = {
    "name": "r",
    "version": "1",
    "description": "d",
    "categories": {
        "c": {
            "description": "anything",
            "items": [
                {"name": "a", "weight": 0.5, "kind": "verifiable", "description": "Right."},
                {"name": "b", "weight": 0.5, "kind": "verifiable", "description": "Also right."},
            ],
        }
    },
}


def recipe(folder: Path, server: JudgeServer, tokens: int) -> Path:
    judge = {
        "model": "rules",
        "base_url": server.url,
        "folder": str(folder / "judged"),
        "budget": {"tokens": tokens},
    }
    entry = {"use": "probe.asks", "judge": judge, "workers": WORKERS, "concurrency": 2}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump({"plugins": [str(PLUGIN)], "sources": [entry]}))
    return path


def answers(folder: Path) -> Path:
    rows = [{"prompt": "q", "completion": f"no {n}: GRADE={n % 11 / 10}"} for n in range(ROWS)]
    path = folder / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def score(folder: Path, recipe: Path, source: Path) -> subprocess.CompletedProcess[str]:
    words = ["score", str(source), "-r", str(recipe), "-o", "out.jsonl", "-q"]
    return subprocess.run(
        [sys.executable, "-m", "assay", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_scoring_stops_within_a_request_a_worker_and_goes_on_with_a_higher_limit(
    server: JudgeServer, tmp_path: Path
) -> None:
    server.settings(latency_s=0.01)
    source = answers(tmp_path)
    stopped = score(tmp_path, recipe(tmp_path, server, LIMIT), source)
    assert stopped.returncode == 3, stopped.stderr
    assert re.search(rf"stopped: judge.budget.tokens: \d+ of {LIMIT} are spent", stopped.stderr)
    assert "and the same command goes on from there" in stopped.stderr
    assert not (tmp_path / "out.jsonl").exists()
    stats = server.stats()
    beyond = [spent for spent in stats["spent_at"] if spent >= LIMIT]
    assert len(beyond) <= WORKERS
    assert stats["tokens_in"] + stats["tokens_out"] >= LIMIT
    kept = [
        json.loads(line)
        for part in sorted((tmp_path / "out.jsonl.parts").glob("*.jsonl"))
        for line in part.read_text().splitlines()
    ]
    assert all(row["status"] == "scored" for row in kept)

    again = score(tmp_path, recipe(tmp_path, server, LIMIT), source)
    assert again.returncode == 3
    assert server.stats()["requests"] == stats["requests"], "a spent budget asks nobody"

    done = score(tmp_path, recipe(tmp_path, server, 10**6), source)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["value"] for row in rows] == [n % 11 / 10 for n in range(ROWS)]
    assert server.stats()["requests"] <= ROWS + WORKERS, "what was paid for is not paid for twice"


@pytest.mark.parametrize(
    ("on_judge_fault", "on_fault"), [("drop", "zero"), ("fail", "raise"), ("drop", "retry")]
)
def test_a_rubric_whose_judge_may_ask_no_more_grades_nobody(
    server: JudgeServer, tmp_path: Path, on_judge_fault: str, on_fault: str
) -> None:
    judge: dict[str, Any] = {"model": "rules", "base_url": server.url, "folder": str(tmp_path)}
    entry = {
        "use": "judge.rubric",
        "rubric": RUBRIC,
        "judge": {**judge, "budget": {"tokens": 500}},
        "on_judge_fault": on_judge_fault,
        "deadline_s": None,
    }
    samples = [Sample(prompt="q", completion=f"GRADE=8 {n}", ground_truth="g") for n in range(6)]
    with Scorer({"sources": [entry], "on_fault": on_fault}) as scorer:
        rewards = scorer.score(samples)
        assert scorer.stopped.startswith("judge.budget.tokens: ")
    ended = [r for r in rewards if r.stop]
    assert ended
    assert {(r.value, r.status) for r in ended} == {(None, Status.FAILED)}
    assert all(r.value == pytest.approx(0.8) for r in rewards if not r.stop)
