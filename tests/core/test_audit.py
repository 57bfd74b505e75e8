"""Auditing: what counts as which error, over a source that makes all of them, and text tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import AuditCase, ConfigError, DataError, PluginError, Sample, audit_table, run_audit
from assay.core.audit import AuditReport, read_rows
from assay.core.statistics import wilson


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return run_audit("audited.lax", plugins=["rule_breakers"], workers=2)


def names(report: AuditReport, error: str) -> list[str]:
    return [finding.case.id for finding in report.findings if finding.error == error]


def test_every_error_is_told_apart(report: AuditReport) -> None:
    assert names(report, "false accept") == ["longer: 44", "longer: 14"]
    assert names(report, "false reject") == ["plain: four"]
    assert names(report, "grade changed") == ["twins: 4 or 5"]
    assert names(report, "no opinion") == ["plain: perhaps", "plain: perhaps"]
    assert names(report, "hang") == ["odd: hang"]
    assert names(report, "fault") == ["odd: fail", "twins: fail"]
    assert names(report, "") == ["plain: 4", "plain: it is 4", "plain: 5", "longer: 3", "twins: 4!"]


def test_rates_are_of_what_was_scored(report: AuditReport) -> None:
    accepts, rejects, changed = (
        report.false_accepts,
        report.false_rejects,
        report.grades_changed,
    )
    assert (accepts.errors, accepts.of, accepts.known) == (2, 4, 1)
    assert accepts.interval == wilson(2, 4)
    assert (rejects.errors, rejects.of, rejects.known) == (1, 3, 0)
    assert (changed.errors, changed.of) == (1, 2)
    assert report.by_category["longer"].false_accepts.of == 3
    assert report.slowest is not None
    assert report.slowest.error not in ("hang", "fault")


def test_what_fails_an_audit_and_what_does_not(report: AuditReport) -> None:
    assert [f.case.id for f in report.unknown_accepts] == ["longer: 44", "twins: 4 or 5"]
    assert [f.case.id for f in report.mended] == ["longer: 3"]
    assert not report.nothing_judged
    assert sum(f.case.kind == "wrong" and f.error == "no opinion" for f in report.errors) == 0


def test_a_report_is_json(report: AuditReport) -> None:
    whole = json.loads(json.dumps(report.to_dict()))
    assert whole["false_accepts"]["errors"] == 2
    assert set(whole["categories"]) == {"plain", "longer", "odd", "twins"}
    assert all(json.dumps(finding.to_dict()) for finding in report.findings)


def test_a_source_without_a_table_says_so() -> None:
    with pytest.raises(ConfigError, match="has no audit table"):
        run_audit("broken.many", plugins=["rule_breakers"])


def test_tables_are_checked() -> None:
    table = audit_table("a.b")(lambda: [AuditCase.right("c", "x")])
    with pytest.raises(PluginError, match="yield from it"):
        _ = table.cases
    with pytest.raises(ValueError, match="right, wrong or attack"):
        AuditCase(sample=Sample(), kind="good", category="c")
    with pytest.raises(ValueError, match="goes with kind 'attack'"):
        AuditCase(sample=Sample(), kind="wrong", category="c", clean=Sample())


def test_cases_are_named_by_their_beginning() -> None:
    (case,) = AuditCase.wrong("c", "a\n\ud800" + "x" * 100)
    assert case.id == "c: a\\n\\ud800" + "x" * 54 + "..."
    assert AuditCase.wrong("c", "")[0].name == "(nothing)"


def test_text_tables(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text('# a\n= 1\n+ 1 ;; 1.0\n? why\n- 2\n! 3\n# b responses\n= 4\n+ "x\\ny"\n')
    rows = [(r.category, r.truth, r.kind, r.answer, r.known) for r in read_rows(path)]
    assert rows == [
        ("a", "1", "right", "1", ""),
        ("a", "1", "right", "1.0", ""),
        ("a", "1", "wrong", "2", "why"),
        ("a", "1", "attack", "3", ""),
        ("b", "4", "right", "x\ny", ""),
    ]
    path.write_text("# a\noops\n")
    with pytest.raises(DataError, match=r"t.txt:2: must start with one of"):
        list(read_rows(path))
