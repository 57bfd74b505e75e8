"""Our verifiers keep the rules of the conformance kit; and none of them pays rubbish.

What a process shows (output, imports, deadlines) is looked at for a few; it is the same machinery
for all. Not covered: that the kit finds what breaks a rule (tests/core/test_conformance_kit.py).
"""

from __future__ import annotations

from functools import cache

import pytest

from assay import ConformanceCase, Registry, conformance_cases
from assay.core.conformance import RULES, Rule

SOURCES = Registry.load().sources
PROVERS = {"lean", "coq"}
AUDITED = sorted({table.source for table in Registry.load().audits.values()})
OURS = [
    name
    for name in AUDITED
    if name == "judge.rubric"
    or (
        SOURCES[name].module.startswith("assay.verifiers.")
        and name.partition(".")[0] not in PROVERS
    )
]
"""Verifiers that run anywhere, and one judge; other judges and provers have tests of their own."""
IN_A_PROCESS = {"quiet", "light", "deadline"}
WHOLE = {"math.exact", "code.tests", "judge.rubric"}
"""Sources that are held to all rules: inline, with child processes, and async."""
STATIC = {"described", "settings", "audited", "pickles"}
ONLY_STATIC = {"math.verify", "code.quality"}
"""Math-Verify computes whatever it reads, so that the host's deadline must end it (docs/maths.md);
a linter takes a second for each text. ``assay check`` applies all rules to them."""


def rules_for(name: str) -> list[Rule]:
    """Those that are applied to a source here."""
    static = [rule for rule in RULES if rule.name in STATIC]
    others = [rule for rule in RULES if name in WHOLE or rule.name not in IN_A_PROCESS]
    return static if name in ONLY_STATIC else others


@cache
def cases_of(name: str) -> dict[str, ConformanceCase]:
    return {case.rule.name: case for case in conformance_cases(name)}


PAYING = [n for n in OURS if n.startswith(("math.", "format.")) and n not in ONLY_STATIC]


@pytest.fixture(autouse=True)
def _jailed(request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params.get("name", "") if hasattr(request.node, "callspec") else ""
    if name.startswith("code."):
        request.getfixturevalue("needs_jail")


def test_there_are_sources() -> None:
    assert {"math.exact", "format.think_answer", "text.exact", "code.tests"} <= set(OURS)


@pytest.mark.parametrize(("name", "rule"), [(n, r.name) for n in OURS for r in rules_for(n)])
def test_conformance(name: str, rule: str) -> None:
    cases_of(name)[rule].check()


@pytest.mark.parametrize("name", PAYING)
def test_rubbish_is_never_paid(name: str) -> None:
    """Also by those that need no ground truth, for which the kit cannot know what is right."""
    for judged in cases_of(name)["any-text"].bench.runs.first:
        if judged.probe.kind == "text":
            assert judged.verdict.score is None or judged.verdict.score <= 0.0, judged.probe.name
            assert judged.verdict.passed is not True, judged.probe.name
