"""math.symbolic against the audit tables: every case by category, known misses by name.

The source is opened in this process, without deadlines and workers. Not covered: whether deadlines
hold; see tests/core/test_faults.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from audit.cases import Case, cases
from audit.hostile import hostile

from assay.core.judging import OpenSource
from assay.core.types import Sample, Status, Verdict
from assay.verifiers.math import warm
from assay.verifiers.math.symbolic import math_symbolic

FEWEST = 1_500
SLOWEST_S = 1.0
JUDGED = (Status.SCORED, Status.ABSTAINED)
CATEGORIES = sorted({case.category for case in cases()})
KNOWN_MISSES = {case.id: case.known for case in cases() if case.known}
HOSTILE_CATEGORIES = sorted({case.category for case in hostile()})


@pytest.fixture(scope="module")
def opened() -> OpenSource:
    warm.warm_up()  # as a pool does before it forks
    return OpenSource(math_symbolic, {}, "math.symbolic")


def judge(opened: OpenSource, judged: Sequence[Case]) -> list[Verdict]:
    return opened.judge(
        [
            Sample(completion=case.completion, ground_truth=case.gold).view(math_symbolic.view)
            for case in judged
        ]
    )


def errors(opened: OpenSource, judged: Sequence[Case]) -> dict[str, str]:
    """By name: every case with another verdict than the table's, and what was said."""
    verdicts = judge(opened, judged)
    return {
        case.id: f"{verdict.status.value}: {verdict.reason}"
        for case, verdict in zip(judged, verdicts, strict=True)
        if (verdict.passed is True) != case.right
    }


@pytest.mark.parametrize("category", CATEGORIES)
def test_audit_table(opened: OpenSource, category: str) -> None:
    found = errors(opened, [case for case in cases() if case.category == category])
    known = {name for name in KNOWN_MISSES if name.startswith(f"{category}: ")}
    new = {name: said for name, said in found.items() if name not in known}
    assert not new, "\n".join(f"{name}  ->  {said}" for name, said in new.items())
    mended = known - found.keys()
    assert not mended, f"these pass now: take off their '?' line: {sorted(mended)}"


def test_names_are_unique_and_the_tables_large() -> None:
    """Across the package's table and those of the tests: no case lies in both."""
    names = [case.id for case in cases()]
    assert len(names) == len(set(names))
    assert len(names) >= FEWEST
    assert sum(case.right for case in cases()) >= FEWEST / 3


def test_every_case_is_judged(opened: OpenSource) -> None:
    said = zip(cases(), judge(opened, cases()), strict=True)
    assert [(case.id, v.reason) for case, v in said if v.status not in JUDGED] == []


def test_no_payload_ran(opened: OpenSource) -> None:
    mark = Path("/tmp/assay_audit_pwned")
    mark.unlink(missing_ok=True)
    payloads = [case for case in cases() if case.category == "injection"]
    assert any(str(mark) in case.answer for case in payloads)
    judge(opened, payloads)
    assert not mark.exists()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("category", HOSTILE_CATEGORIES)
def test_hostile(opened: OpenSource, category: str) -> None:
    for number, case in enumerate(c for c in hostile() if c.category == category):
        started = time.process_time()
        verdict = judge(opened, [case])[0]
        took = time.process_time() - started
        shown = f"{category} {number}: {case.answer[:60]!r} -> {verdict.reason}"
        assert verdict.status in JUDGED, shown
        assert (verdict.passed is True) == case.right, shown
        assert took < SLOWEST_S, f"{shown}: {took:.2f} s"


def test_order_does_not_matter(opened: OpenSource) -> None:
    some = cases()[::7]
    forward = [verdict.score for verdict in judge(opened, some)]
    assert [verdict.score for verdict in judge(opened, some[::-1])] == forward[::-1]
