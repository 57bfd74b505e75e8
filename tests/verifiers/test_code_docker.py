"""code.tests on a docker engine: a sample of the hostile programs, and of the honest ones.

Not covered: every case of the sets; the jail runs them all (``test_code_hacks``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parent.parent / "sandbox"))

from engine_for_tests import IMAGE, engine
from programs.case import Case
from programs.honest import HONEST
from programs.host import Host
from programs.hostile import HOSTILE

from assay.core.judging import OpenSource
from assay.core.types import Sample, Status
from assay.verifiers.code.programs import code_tests

SLOW = {"time", "resource", "languages"}
"""Categories of which one in eight will do here."""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture(scope="module")
def opened(host: Host) -> Iterator[OpenSource]:
    with engine():
        source = OpenSource(
            code_tests, {"sandbox": "docker", "sandbox_options": {"image": IMAGE}}, "code.tests"
        )
        yield source
        source.close()


def sample_of(cases: tuple[Case, ...]) -> list[Case]:
    """By category: one case in three, of slow ones one in eight; Python alone."""
    kept, seen = [], dict[str, int]()
    for case in cases:
        if case.language != "python":
            continue
        number = seen[case.category] = seen.get(case.category, -1) + 1
        if number % (8 if case.category in SLOW else 3) == 0:
            kept.append(case)
    return kept


@pytest.mark.parametrize("name", ["hostile", "honest"])
def test_programs_are_judged_right_on_docker(opened: OpenSource, host: Host, name: str) -> None:
    cases = sample_of(HOSTILE if name == "hostile" else HONEST)
    assert len(cases) > 50
    wrong = {}
    for case in cases:
        for _ in range(case.rounds):
            sample = Sample(
                prompt=case.name,
                completion=case.completion(host.marks),
                ground_truth=case.ground_truth,
            ).view(code_tests.view)
            verdict = opened.judge([sample])[0]
            if bool(verdict.passed) != case.passes or verdict.status is not Status.SCORED:
                wrong[case.name] = f"{verdict.status}: {verdict.reason}"
    assert wrong == {}
