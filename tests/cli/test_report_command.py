"""``assay report``: it sees what it is given."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay.core.records import record
from assay.core.types import Reward, Sample, Status, Verdict


@pytest.fixture
def scored(tmp_path: Path) -> Path:
    """Four scored rows of two prompts."""
    rows = []
    for i in range(4):
        said = Verdict.scored(float(i % 2), bool(i % 2), "because", version="1")
        sample = Sample(prompt=f"{i // 2}?", completion=f"answer {i}", extra={"rating": i})
        reward = Reward(value=float(i % 2), unshaped=None, passed=bool(i % 2),
                        status=Status.SCORED, verdicts={"a": said})  # fmt: skip
        rows.append(record(sample, reward))
    path = tmp_path / "scored.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_scored_file_becomes_a_page(assay, scored: Path) -> None:
    done = assay("report", str(scored), "--json", "--good-from", "2", "--rows", "3")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)
    page = scored.with_name("scored.jsonl.report.html")
    assert written["report"] == str(page)
    assert written["rows"] == 4
    assert written["bytes"] == page.stat().st_size
    assert "Decisions against labels" in page.read_text("utf-8")
    again = assay("report", str(scored), "-o", "named.html")
    assert again.stdout.startswith("named.html: 4 of 4 rows")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        pytest.param(["gone.jsonl"], "gone.jsonl: cannot be read", id="no-file"),
        pytest.param(["nowhere"], "nowhere: is not the folder of a run", id="no-folder"),
        pytest.param(["scored.jsonl", "-o", "a.txt"], "a report is a page", id="suffix"),
        pytest.param(["scored.jsonl", "-o", "x/a.html"], "there is no folder x", id="out"),
        pytest.param(["scored.jsonl", "--label", "mark"], "no row has one", id="label"),
        pytest.param(["run", "-o", "a.html"], "lies in its folder", id="out-of-a-run"),
    ],
)
def test_wrong_words_are_refused(assay, scored: Path, words: list[str], error: str) -> None:
    (scored.parent / "run").mkdir()
    (scored.parent / "run" / "metrics.jsonl").write_text("{}\n")
    done = assay("report", *words)
    assert done.returncode == 2, done.stderr
    assert error in done.stderr
    assert not list(scored.parent.glob("*.html*"))
