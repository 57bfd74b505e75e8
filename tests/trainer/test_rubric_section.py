"""The report's section on rubric items: full when a rubric judged, harmless otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay import Reward, Sample, Status, Verdict
from assay.core.records import arrow_schema, record
from assay.trainer.report.page import write_report
from assay.trainer.report.rubrics import rubric_health
from assay.trainer.report.rundata import read_run


def verdict(n: int) -> Verdict:
    parts = {"right": float(n % 2), "style": 0.5, "<b>odd</b>": 1.0 - n % 2}
    sure = {"right": 1.0, "style": 0.2 + 0.1 * (n // 4), "<b>odd</b>": 0.9}
    kinds = {"right": "source", "style": "critique", "<b>odd</b>": "critique"}
    return Verdict.scored(
        0.5,
        parts={**parts, **{f"{name}:confidence": value for name, value in sure.items()}},
        evidence={"category": "c", "items": {k: {"kind": kind} for k, kind in kinds.items()}},
    )


def write_rollouts(folder: Path, verdicts: list[Any]) -> Path:
    rows = []
    for n, said in enumerate(verdicts):
        whole = said if isinstance(said, Verdict) else verdict(n)
        reward = Reward(
            value=0.5, unshaped=0.5, passed=None, status=Status.SCORED, verdicts={"judge": whole}
        )
        own = {"step": 1 + n // 4, "split": "train", "completion_tokens": 3}
        rows.append(record(Sample(prompt="q", completion=f"a{n}"), reward) | own)
        if isinstance(said, str):
            rows[-1]["verdicts"] = said
    more = [("step", pa.int64()), ("split", pa.string()), ("completion_tokens", pa.int64())]
    table = pa.Table.from_pylist(rows, schema=arrow_schema(["judge"], more))
    pq.write_table(table, folder / "rollouts.parquet")
    return folder


def test_items_are_shown_with_a_chart_that_has_its_table(tmp_path: Path) -> None:
    run = write_rollouts(tmp_path, [verdict(n) for n in range(20)])
    page = write_report(run).read_text(encoding="utf-8")
    assert '<a href="#rubrics">Rubric items</a>' in page
    assert "low confidence, never varies" in page
    assert "c/&lt;b&gt;odd&lt;/b&gt;" in page
    assert "<b>odd" not in page
    lines = (run / "plots/rubric_confidence.csv").read_text().splitlines()
    assert lines[0].split(",")[:2] == ["optimizer step", "c/style"]
    assert [line.split(",")[1] for line in lines[1:]] == ["0.2", "0.3", "0.4", "0.5", "0.6"]
    found = rubric_health(read_run(run).rollouts).tables["judge"].health()
    assert [one.item for one in found] == ["c/style", "c/<b>odd</b>", "c/right"]
    assert found[1].flags == ["no better than chance against verifiable items"]


HOSTILE = {
    "cut short": '{"judge": {"parts": {"a:confidence": 1',
    "a list": '["a:confidence"]',
    "no verdict": '{"judge": "a:confidence"}',
    "not finite": json.dumps({"judge": {"status": "scored", "parts": {
        "a": float("inf"), "a:confidence": 0.5}, "evidence": {}}}),
    "beyond": json.dumps({"judge": {"status": "scored", "parts": {
        "a": 1, "a:confidence": 7}, "evidence": {}}}),
    "evidence": json.dumps({"judge": {"status": "scored", "parts": {
        "a": 1, "a:confidence": 1}, "evidence": [1]}}),
    "a fault": json.dumps({"judge": {"status": "failed", "parts": {
        "a": 1, "a:confidence": 1}, "evidence": {}}}),
    "deep": '{"a:confidence":' + "[" * 100_000,
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_rubric_s_verdict_makes_no_section(name: str, tmp_path: Path) -> None:
    run = write_rollouts(tmp_path, [HOSTILE[name]])
    assert rubric_health(read_run(run).rollouts).parts() == []


def test_a_run_without_a_rubric_says_so(tmp_path: Path) -> None:
    run = write_rollouts(tmp_path, [Verdict.scored(1.0, parts={"tests": 1.0})])
    assert "No rubric judged the rollouts" in write_report(run).read_text(encoding="utf-8")
    assert rubric_health(None).charts() == []
