"""code.tests against programs that must not be paid, and against honest ones, in the jail.

After every category the host's canaries are looked at; after all of them, what is left on the
machine. Not covered: the same sets on a docker engine (``tests/sandbox``), and the speed of it all.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import psutil
import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from programs.case import Case
from programs.honest import HONEST, honest
from programs.host import Host
from programs.hostile import HOSTILE, hostile
from programs.mutants import mutants
from programs.problems import PROBLEMS, Problem

from assay import Scorer
from assay.core.judging import OpenSource
from assay.core.types import Sample, Status, Verdict
from assay.sandbox.contract import Missing
from assay.sandbox.jail import Jail
from assay.verifiers.code.programs import code_tests

HOSTILE_CATEGORIES = sorted({case.category for case in HOSTILE})
HONEST_CATEGORIES = sorted({case.category for case in HONEST})
NEEDS = {"bash": "bash", "c": "gcc", "cpp": "g++", "javascript": "node", "python": sys.executable}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Host() as host:
        yield host


@pytest.fixture(scope="module")
def opened(host: Host) -> Iterator[OpenSource]:
    jail = Jail()
    try:
        jail.open()
    except Missing as missing:
        pytest.skip(str(missing))
    finally:
        jail.close()
    source = OpenSource(code_tests, {"sandbox": "jail"}, "code.tests")
    yield source
    source.close()
    assert host.changes(closed=True) == []


def sample(case: Case, host: Host) -> Sample:
    return Sample(
        prompt=case.name, completion=case.completion(host.marks), ground_truth=case.ground_truth
    ).view(code_tests.view)


def judge(opened: OpenSource, case: Case, host: Host) -> Verdict:
    """The verdict of the last round, or of the first that pays."""
    for _ in range(case.rounds):
        verdict = opened.judge([sample(case, host)])[0]
        if verdict.passed:
            break
    return verdict


def wrongs(verdicts: Sequence[tuple[Case, Verdict]]) -> dict[str, str]:
    """By name: verdicts that are not what the case is owed, and what was said."""
    return {
        case.name: f"{verdict.status.value} {verdict.score}: {verdict.reason}"
        for case, verdict in verdicts
        if verdict.status is not Status.SCORED
        or verdict.passed is not case.passes
        or (case.passes and verdict.score != 1.0)
    }


def here(cases: Sequence[Case]) -> list[Case]:
    """Those in languages that this machine has."""
    return [case for case in cases if shutil.which(NEEDS[case.language])]


@pytest.mark.parametrize("category", HOSTILE_CATEGORIES)
def test_hostile(opened: OpenSource, host: Host, category: str) -> None:
    verdicts = [(case, judge(opened, case, host)) for case in here(hostile(category))]
    assert wrongs(verdicts) == {}
    assert {case.name: v.score for case, v in verdicts if v.score != 0.0} == {}
    assert host.changes(closed=False) == []


@pytest.mark.parametrize("category", HONEST_CATEGORIES)
def test_honest(opened: OpenSource, host: Host, category: str) -> None:
    verdicts = [(case, judge(opened, case, host)) for case in here(honest(category))]
    assert wrongs(verdicts) == {}


@cache
def all_mutants() -> list[Case]:
    return mutants()


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.entry_point)
def test_mutants(opened: OpenSource, host: Host, problem: Problem) -> None:
    name = problem.entry_point
    cases = [c for c in all_mutants() if c.ground_truth["tests"]["entry_point"] == name]
    assert wrongs([(case, judge(opened, case, host)) for case in cases]) == {}


def test_through_the_engine(host: Host) -> None:
    """Hostile and honest ones in one batch, in worker processes: order kept, nothing left."""
    mixed = [c for c in here(HOSTILE[::9]) if c.category not in ("time", "resource")] + here(
        HONEST[::4]
    )
    with Host() as own, Scorer({"sources": [{"use": "code.tests", "workers": 2}]}) as scorer:
        rewards = scorer.score([sample(case, own) for case in mixed])
        got = [reward.verdicts["code.tests"] for reward in rewards]
        assert wrongs(list(zip(mixed, got, strict=True))) == {}
        scorer.close()
        assert own.changes(closed=True) == []


def test_sets_are_what_they_say() -> None:
    for cases in (HOSTILE, HONEST):
        twice = [name for name, n in Counter((c.category, c.name) for c in cases).items() if n > 1]
        assert twice == []
    assert len({case.program for case in HOSTILE}) >= 140
    assert not any(case.passes for case in HOSTILE)
    assert sum(case.passes for case in HONEST) >= 80
    assert sum(not case.passes for case in HONEST) >= 30


def _connects(host: Host) -> None:
    socket.create_connection(("127.0.0.1", int(host.marks["@PORT@"]))).close()


def _writes(host: Host) -> None:
    Path(host.marks["@EFFECT@"]).write_text("here")


def _leaves_an_orphan(host: Host) -> None:
    subprocess.run(["/bin/sh", "-c", "sleep 8 > /dev/null 2>&1 &"], check=True)


def _leaves_a_file(host: Host) -> None:
    Path("/dev/shm", host.marks["@NAME@"]).touch()


@pytest.mark.parametrize(
    ("effect", "told"),
    [
        pytest.param(_connects, "connected to the TCP server", id="connects"),
        pytest.param(_writes, "was written", id="writes"),
        pytest.param(_leaves_an_orphan, "process: ", id="orphan"),
        pytest.param(_leaves_a_file, "file: ", id="file"),
        pytest.param(lambda host: None, "", id="nothing"),
    ],
)
def test_host_notices(effect: Callable[[Host], None], told: str) -> None:
    with Host() as host:
        effect(host)
        changes = host.changes(closed=True)
        Path("/dev/shm", host.marks["@NAME@"]).unlink(missing_ok=True)
        for child in psutil.Process().children(recursive=True):
            if child.name() == "sleep":
                child.kill()
                child.wait()  # or the next of these still sees it, and then does not
    assert len(changes) == bool(told)
    assert all(told in change for change in changes)
