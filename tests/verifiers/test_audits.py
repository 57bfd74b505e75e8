"""The audit tables that come with our sources: no error that is not listed, no list out of date."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from programs.selection import FILE, selected, text

from assay import Registry, run_audit
from assay.core.audit import AuditReport
from assay.verifiers.audits import code_programs

TABLES = list(Registry.load().audits.values())
HERE = ("assay.verifiers.", "assay.rewards.rubrics.")
OURS = sorted({table.source for table in TABLES if table.module.startswith("assay.")})
RUN_HERE = sorted(
    {
        table.source
        for table in TABLES
        if table.module.startswith(HERE) and not table.source.startswith(("lean.", "coq."))
    }
)
ELSEWHERE = ("rm.", "prm.", "lean.progress")
"""What a learned model gives for an answer is its own affair; ``lean.progress`` finds what
``lean.proof`` does."""
LEFT_ALONE = {"math.exact": "false reject"}
"""Right answers that need algebra are for ``math.symbolic``: they are counted, not listed."""


@cache
def report_of(name: str) -> AuditReport:
    return run_audit(name, killable=False)


def test_every_source_of_ours_is_audited() -> None:
    sources = Registry.load().sources
    ours = {name for name in sources if sources[name].module.startswith("assay.")}
    assert {name for name in ours - set(OURS) if not name.startswith(ELSEWHERE)} == set()


@pytest.mark.parametrize("name", RUN_HERE)
def test_no_error_is_new_and_none_is_mended(name: str, request: pytest.FixtureRequest) -> None:
    if name.startswith("code."):
        request.getfixturevalue("needs_jail")
    if name == "math.verify":
        pytest.importorskip("math_verify", reason="get it with: pip install math-verify")
    report = report_of(name)
    new = {f.case.id: f.verdict.reason for f in report.errors if f.is_new}
    rejects = {f.case.id for f in report.errors if f.error == LEFT_ALONE.get(name)}
    assert {case: said for case, said in new.items() if case not in rejects} == {}
    assert [finding.case.id for finding in report.mended] == []
    assert not report.nothing_judged


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_tables_hold_all_kinds_and_no_case_twice(table: object) -> None:
    cases = table.cases
    assert {case.kind for case in cases} == {"right", "wrong", "attack"}
    assert len({repr(case) for case in cases}) == len(cases)


def test_math_exact_refuses_few_right_answers_of_its_categories() -> None:
    rejects = report_of("math.exact").false_rejects
    assert rejects.errors <= rejects.of / 20


def test_no_attack_changes_a_grade_of_the_obedient_judge() -> None:
    changed = report_of("judge.rubric").grades_changed
    assert changed.errors == 0
    assert changed.of >= 5 * 60


def test_the_programs_are_those_of_the_tests() -> None:
    """``python tests/verifiers/programs/selection.py`` writes the file again."""
    assert FILE.read_text(encoding="utf-8") == text()
    for case, chosen in zip(code_programs.cases, selected(), strict=True):
        assert case.sample.completion == chosen.completion({})
        assert case.sample.ground_truth == chosen.ground_truth
        assert (case.kind == "right") == chosen.passes
