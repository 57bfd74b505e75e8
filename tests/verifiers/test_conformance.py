"""Every source of ours keeps the rules of the conformance kit; and none of them pays rubbish.

What a process shows (output, imports, deadlines) is looked at for a few; it is the same machinery
for all. Not covered: that the kit finds what breaks a rule (tests/core/test_conformance_kit.py).
"""

from __future__ import annotations

from functools import cache

import pytest

from assay import ConformanceCase, Registry, conformance_cases
from assay.core.conformance import RULES

SOURCES = Registry.load().sources
AUDITED = sorted({table.source for table in Registry.load().audits.values()})
OURS = [name for name in AUDITED if SOURCES[name].module.startswith("assay.")]
IN_A_PROCESS = {"quiet", "light", "deadline"}
WHOLE = {"math.exact", "code.tests", "judge.rubric"}
"""Sources that are held to all rules: inline, with child processes, and async."""
LIBRARY = "Math-Verify computes whatever it reads; the host's deadline ends it (docs/maths.md)"
WAIVED = {("math.verify", "any-text"): LIBRARY, ("math.verify", "any-truth"): LIBRARY}


@cache
def cases_of(name: str) -> dict[str, ConformanceCase]:
    return {case.rule.name: case for case in conformance_cases(name)}


@pytest.fixture(autouse=True)
def _jailed(request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params.get("name", "") if hasattr(request.node, "callspec") else ""
    if name.startswith("code."):
        request.getfixturevalue("needs_jail")
    if name == "math.verify":
        pytest.importorskip("math_verify", reason="get it with: pip install math-verify")


def test_there_are_sources() -> None:
    assert {"math.exact", "format.think_answer", "text.exact", "code.tests"} <= set(OURS)


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
@pytest.mark.parametrize("name", OURS)
def test_conformance(name: str, rule: str) -> None:
    if (name, rule) in WAIVED or (rule in IN_A_PROCESS and name not in WHOLE):
        return
    cases_of(name)[rule].check()


@pytest.mark.parametrize("name", [name for name in OURS if name.startswith(("math.", "format."))])
def test_rubbish_is_never_paid(name: str) -> None:
    """Also by those that need no ground truth, for which the kit cannot know what is right."""
    for judged in cases_of(name)["any-text"].bench.runs.first:
        if judged.probe.kind == "text":
            assert judged.verdict.score is None or judged.verdict.score <= 0.0, judged.probe.name
            assert judged.verdict.passed is not True, judged.probe.name
