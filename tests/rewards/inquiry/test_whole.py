"""Through the Scorer, in workers, over HTTP; and what the documentation says."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay import Registry, Sample, Scorer, Status

from .judges import NONE, QUESTION, RIGHT, WRONG

NAMES = (
    *("judge.reference", "judge.pairwise", "judge.constitution"),
    *("judge.safety_spec", "judge.debate"),
)
SERVER = Path(__file__).parents[1] / "judges" / "judge_server.py"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The test server: it gives the grade that the first ``GRADE=`` in its messages names."""
    with subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}/v1"
        process.terminate()


def samples(*texts: str, **more: Any) -> list[Sample]:
    fields = {"prompt": QUESTION, "ground_truth": "42", **more}
    return [Sample(completion=text, **fields) for text in texts]


def test_workers_judge_samples_and_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    own = {"judge_from": "worker_judge:make", "deadline_s": 60}
    entries = [
        {"use": "judge.reference", "grades": "graded", **own},
        {"use": "judge.pairwise", **own},
        {"use": "judge.pairwise", "as": "longer", "preference_from": "worker_judge:longer"},
        {"use": "judge.constitution", "only": ["helpful"], **own},
        {"use": "judge.safety_spec", "category": "privacy", **own},
    ]
    batch = samples(RIGHT, WRONG, NONE, f"<think>{RIGHT}</think>")
    other = samples(WRONG, prompt="Another?")
    with Scorer({"sources": entries}) as scorer:
        rewards = scorer.score([*batch, *other])
    scores = {
        name: [reward.verdicts[name].score for reward in rewards]
        for name in ("judge.reference", "judge.pairwise", "longer", "judge.safety_spec")
    }
    assert scores["judge.reference"] == [1.0, 0.5, 0.0, 0.0, 0.5]
    assert scores["judge.pairwise"] == pytest.approx([1.0, 2 / 3, 1 / 3, 0.0, None])
    assert scores["longer"][3] == 0.0
    assert scores["judge.safety_spec"] == [1.0, 0.5, 0.0, 0.0, 0.5]
    alone = rewards[4].verdicts["judge.pairwise"]
    assert alone.status is Status.ABSTAINED
    assert rewards[0].verdicts["judge.constitution"].evidence["judge"] == "rule 1"


def test_a_server_judges(url: str, tmp_path: Path) -> None:
    judge = {"model": "by-rule", "base_url": url, "folder": str(tmp_path)}
    entries = [
        {"use": "judge.reference", "judge": judge, "deadline_s": 60},
        {"use": "judge.pairwise", "judge": judge, "deadline_s": 60},
    ]
    batch = samples("GRADE=1 yes", "GRADE=0 no", "GRADE=7 off the scale")
    with Scorer({"sources": entries}) as scorer:
        first, second, third = (reward.verdicts for reward in scorer.score(batch))
    assert [v["judge.reference"].score for v in (first, second, third)] == [1.0, 0.0, None]
    assert third["judge.reference"].status is Status.FAILED
    # of 0 to 4 the server gives the first one's number: 1, and 0 in the other order. So one order
    # prefers the second and the other one the first: a tie
    assert first["judge.pairwise"].score == pytest.approx(0.5)
    assert third["judge.pairwise"].status is Status.FAILED
    assert first["judge.reference"].cost["tokens"] > 0
    assert (tmp_path / "judge_calls.jsonl").exists()


def test_a_judge_that_cannot_be_had_fails_the_samples() -> None:
    entry = {"use": "judge.pairwise", "judge_from": "no_such_module:make"}
    with Scorer({"sources": [entry]}) as scorer:
        rewards = scorer.score(samples(RIGHT, WRONG))
    assert {reward.status for reward in rewards} == {Status.FAILED}
    assert "no_such_module" in rewards[0].verdicts["judge.pairwise"].reason


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs/judges.md").read_text()


def test_the_recipes_of_the_docs_can_be_read(page: str) -> None:
    blocks = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    entries = [entry for block in blocks for entry in block["sources"]]
    for entry in entries:
        own = {key: value for key, value in entry.items() if key not in ("use", "deadline_s")}
        Registry.load().sources[entry["use"]].read(own)
    assert len(entries) == 2


@pytest.mark.parametrize("name", NAMES)
def test_the_docs_name_every_setting(name: str, page: str) -> None:
    fields = Registry.load().sources[name].config.model_fields
    assert [field for field in fields if f"`{field}`" not in page and f"{field}:" not in page] == []
    assert f"## `{name}`" in page
