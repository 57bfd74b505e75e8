"""code.tests at services: the tests that talk with the program, on honest and hostile programs.

The services here run what they are sent as a bare process of this machine, so of the hostile
programs only those are sent that do nothing to it. Not covered: those others; the jail runs them
(``test_code_hacks``), and at a service they are its to contain.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parent.parent / "sandbox"))

from fake_services import Fake
from programs.case import Case
from programs.honest import HONEST
from programs.hostile import HOSTILE

from assay.core.judging import OpenSource
from assay.core.types import Sample, Status, Verdict
from assay.verifiers.code.programs import code_io_property, code_tests

F = "`" * 3
TALKED = ("unittest", "check", "asserts")
TAME = ("equality", "patching", "forged verdict", "comparison", "serialisation", "introspection")
TOUCHES = re.compile(r"@|kill|fork|unlink|remove|rmtree|socket|system|while True|alarm|_exit|/proc")


@pytest.fixture(autouse=True)
def _jail(needs_jail: None) -> None:
    """Every test here runs programs."""


@pytest.fixture(scope="module", params=["sandbox_fusion", "piston", "e2b"])
def service(request: pytest.FixtureRequest) -> Iterator[Fake]:
    with Fake(request.param) as made:
        yield made


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def settings(service: Fake, **more: Any) -> dict[str, Any]:
    options = {"url": service.url, "service": service.service, "talk_s": 60.0, **more}
    if service.service == "e2b":
        options["run_url"] = f"{service.url}/{{sandbox}}"
    return {"sandbox": "remote", "sandbox_options": options, "budget_s": 60.0, "time_s": 10.0}


@pytest.fixture
def opened(service: Fake, no_proxy: None) -> Iterator[OpenSource]:
    source = OpenSource(code_tests, settings(service), "code.tests")
    yield source
    source.close()


def judged(opened: OpenSource, case: Case) -> Verdict:
    sample = Sample(
        prompt=case.name, completion=case.completion({}), ground_truth=case.ground_truth
    )
    return opened.judge([sample.view(code_tests.view)])[0]


def some(cases: tuple[Case, ...], service: Fake, every: int) -> list[Case]:
    """One in so many of those that talk with the program, and other ones at each service."""
    talked = [case for case in cases if case.kind in TALKED]
    return talked[["sandbox_fusion", "piston", "e2b"].index(service.service) % every :: every]


def test_honest_programs(opened: OpenSource, service: Fake) -> None:
    cases = some(HONEST, service, 6)
    assert len(cases) >= 8
    wrong = {c.name: v.reason for c in cases if (v := judged(opened, c)).passed is not c.passes}
    assert wrong == {}


def test_hostile_programs(opened: OpenSource, service: Fake) -> None:
    tame = [c for c in HOSTILE if c.category in TAME and not TOUCHES.search(c.program)]
    cases = some(tuple(tame), service, 18)
    assert len(cases) >= 10
    for case in cases:
        verdict = judged(opened, case)
        assert (verdict.status, verdict.score) == (Status.SCORED, 0.0), (case.name, verdict.reason)


CODE = """import unittest
class T(unittest.TestCase):
    def test_it(self):
        {body}
"""


def suite(body: str) -> dict[str, Any]:
    return {"tests": {"kind": "unittest", "code": CODE.format(body=body)}}


def grade(opened: OpenSource, program: str, truth: Any) -> Verdict:
    return opened.judge_one(Sample(completion=f"{F}python\n{program}\n{F}", ground_truth=truth))


def test_functions_of_the_test_are_called(opened: OpenSource) -> None:
    truth = suite("self.assertEqual(each(lambda x: x * 11, [1, 2]), [11, 22])")
    right = grade(opened, "def each(f, xs): return [f(x) for x in xs]", truth)
    assert right.passed is True, right
    assert "a process that never ran the program" in right.evidence["trust"]
    assert right.evidence["tests_in"] == "jail"
    assert grade(opened, "def each(f, xs): return [f(x) + 1 for x in xs]", truth).passed is False


DIFFERS = "import os\nclass Box:\n    def get(self): return os.urandom(1)[0] % {n}"


@pytest.mark.parametrize("n", [2, 200])
def test_a_program_of_chance_is_judged_and_not_paid(opened: OpenSource, n: int) -> None:
    """Whatever a service's runs give: each reply has to be the right one, and to be so again."""
    body = "b = Box()\n        for _ in range(12): self.assertEqual(b.get(), 1)"
    for _ in range(2):
        verdict = grade(opened, DIFFERS.format(n=n), suite(body))
        assert (verdict.status, verdict.passed) == (Status.SCORED, False), verdict


def test_a_program_of_chance_is_told_why(opened: OpenSource) -> None:
    body = "b = Box()\n        for _ in range(6): b.get()\n        self.assertTrue(False)"
    verdict = grade(opened, DIFFERS.format(n=200), suite(body))
    assert verdict.passed is False
    assert "does not do the same twice" in verdict.reason, verdict


def test_what_asks_too_often_is_judged_wrong(service: Fake, no_proxy: None) -> None:
    source = OpenSource(code_tests, settings(service, replays=6), "code.tests")
    endless = "def count():\n    n = 0\n    while True:\n        yield n\n        n += 1"
    verdict = grade(source, endless, suite("self.assertEqual(list(count()), [])"))
    source.close()
    assert (verdict.status, verdict.passed) == (Status.SCORED, False), verdict
    assert "asked 6 times, which is the most (replays)" in verdict.reason


SECRETS = ("31337", "open-sesame")


def test_expected_values_stay_here(
    opened: OpenSource, service: Fake, request: pytest.FixtureRequest
) -> None:
    """Neither a suite nor a checker goes out, nor what they expect."""
    before = len(service.asked), len(service.executed)
    body = "self.assertEqual(f(2), 31337)\n        self.assertIn('open-sesame', g())"
    program = "def f(x): return x\ndef g(): return []"
    assert grade(opened, program, suite(body)).passed is False
    checker = OpenSource(code_io_property, settings(service), "code.io_property")
    request.addfinalizer(checker.close)
    code = "import json, sys\nsys.exit(int(json.load(sys.stdin)['answer'] != 'open-sesame'))"
    truth = {"checker": code, "cases": [{"stdin": "5", "answer": "open-sesame"}]}
    assert grade(checker, "print(input())", truth).passed is True
    sent = [*service.asked[before[0] :], *service.executed[before[1] :]]
    texts = "".join(unpacked(body) for body in sent)
    assert texts.count("def f(x): return x") >= 3  # one for each question
    assert [secret for secret in (*SECRETS, "assertIn") if secret in texts] == []


def unpacked(body: dict[str, Any]) -> str:
    """What was sent, and what is packed in it."""
    code = body.get("code") or body.get("files", [{}])[0].get("content", "")
    _, found, rest = code.replace("\\'", "'").partition("b85decode('")
    packed = base64.b85decode(rest.partition("'")[0]) if found else zlib.compress(b"")
    return json.dumps(body) + zlib.decompress(packed).decode()
