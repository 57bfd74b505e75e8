"""The report's section on health: warnings as text, facts as charts, nothing where nothing was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.trainer.report.health import WARNING_HEADER, health_charts, warning_rows
from assay.trainer.report.page import write_report
from assay.trainer.report.rundata import read_run

WARNING = {
    "kind": "warning",
    "step": 40,
    "rule": "reward_follows_length",
    "what": "longer completions are <b>paid</b> more",
    "advice": "read the longest rollouts",
    "steps": [10, 40],
    "evidence": {"within_groups": 0.91234, "note": "<script>"},
}


def facts(step: int) -> dict[str, Any]:
    return {
        "kind": "facts",
        "step": step,
        "reward": 0.1 * step,
        "length": 10.0 + step,
        "paid": 0.5,
        "audit": 0.25,
        "pass_at_1": 0.5,
        "pass_at_k": 0.75,
        "zero_variance": 0.125,
    }


def write(folder: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    (folder / "health.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_warnings_and_charts(tmp_path: Path) -> None:
    run = read_run(write(tmp_path, [facts(1), facts(2), WARNING, facts(3)]))
    [row] = warning_rows(run)
    assert len(row) == len(WARNING_HEADER)
    assert row[:2] == ["reward_follows_length", "10 to 40"]
    assert row[-1] == "within_groups 0.9123"
    made = {chart.name: chart for chart in health_charts(run)}
    assert list(made) == ["health", "health_audit", "health_passes", "health_shares"]
    assert [c.label for c in made["health"].curves] == ["reward", "length of completions"]
    assert made["health"].curves[1].points == [(1.0, 11.0), (2.0, 12.0), (3.0, 13.0)]
    assert [c.label for c in made["health_audit"].curves] == ["paid", "audit"]


def test_the_page_shows_warnings_as_text(tmp_path: Path) -> None:
    page = write_report(write(tmp_path, [facts(1), WARNING])).read_text(encoding="utf-8")
    assert "reward_follows_length" in page
    assert "are &lt;b&gt;paid&lt;/b&gt; more" in page
    assert "read the longest rollouts" in page
    assert (tmp_path / "plots/health_audit.csv").is_file()


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param([], "was not watched", id="not-watched"),
        pytest.param([facts(1)], "No rule tripped", id="healthy"),
        pytest.param(['{"kind": "warning"', "[]", "null"], "was not watched", id="damaged"),
        pytest.param(
            [{"kind": "warning", "step": 3, "steps": "x", "evidence": [1], "what": None}, facts(1)],
            "Rules that tripped",
            id="odd-warning",
        ),
        pytest.param(
            ['{"kind": "facts", "step": 1, "kl": 1e999, "reward": NaN, "length": "x"}'],
            "No rule tripped",
            id="odd-numbers",
        ),
        pytest.param(
            ['{"kind": "facts", "step": 1' + "0" * 400 + "}"], "was not watched", id="huge-step"
        ),
    ],
)
def test_whatever_the_file_holds_the_page_is_written(
    tmp_path: Path, rows: list[Any], said: str
) -> None:
    page = write_report(write(tmp_path, rows)).read_text(encoding="utf-8")
    assert said in page
