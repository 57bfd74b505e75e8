"""A sample's budget by the clock: the program's time counts, the sandbox's own does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from assay import Sample
from assay.core.judging import OpenSource
from assay.sandbox.contract import Limits, Outcome, Program, Sandbox, SandboxFault, Session
from assay.sandbox.jail import Jail
from assay.verifiers.code.kinds import bench as module
from assay.verifiers.code.kinds.bench import Bench
from assay.verifiers.code.programs import code_tests

BUDGET_S = 8.0
SUITE = Sample(
    prompt="",
    completion="```python\ndef twice(n):\n    return 2 * n\n```",
    ground_truth={
        "language": "python",
        "tests": {
            "kind": "unittest",
            "code": "import unittest\nclass T(unittest.TestCase):\n"
            "    def test_it(self):\n        self.assertEqual(twice(4), 8)\n",
        },
    },
)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now


class Slow(Sandbox):
    """Starts a session in 3 s; its runs take 2 s, and what ``ends`` says is how they end."""

    name = "slow"

    def __init__(self, clock: Clock, ends: list[Any]) -> None:
        super().__init__()
        self.clock, self.ends = clock, list(ends)

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def start(self, program: Program, stdin: bytes, limits: Limits) -> Session:
        self.clock.now += 3.0
        return Ends(self.clock, self.ends.pop(0))


class Ends(Session):
    def __init__(self, clock: Clock, end: Any) -> None:
        self.clock, self.end = clock, end

    def ask(self, request: Any, within_s: float | None = None) -> Any | None:
        return None

    def wait(self) -> Outcome:
        self.clock.now += 2.0
        return Outcome(self.end, wall_s=2.0, detail="lost" if self.end == "fault" else "")

    def close(self) -> Outcome:
        return self.wait()


def whole_run(bench: Bench) -> None:
    bench.run(Program.script(""))


def session(bench: Bench) -> None:
    def work() -> None:
        with bench.serve("") as served:
            served.close()

    bench.steady(work)


@pytest.mark.parametrize("use", [whole_run, session])
@pytest.mark.parametrize(
    "ends",
    [
        pytest.param(["exited"], id="slow-to-start"),
        pytest.param(["fault", "exited"], id="one-fault"),
        pytest.param(["fault", "fault", "exited"], id="two-faults"),
    ],
)
def test_what_the_sandbox_takes_is_not_the_programs(
    use: Callable[[Bench], None], ends: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    bench = Bench(Slow(clock, ends), Limits(), BUDGET_S)
    use(bench)
    assert bench.left_s == pytest.approx(BUDGET_S - 2.0 + 1.0)  # a second is given to start with


def test_what_the_program_takes_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    bench = Bench(Slow(clock, ["exited"] * 5), Limits(), BUDGET_S)
    for _ in range(5):
        whole_run(bench)
    assert bench.left_s < 0


def test_faults_only_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    with pytest.raises(SandboxFault, match="lost"):
        session(Bench(Slow(clock, ["fault"] * 3), Limits(), BUDGET_S))


@pytest.mark.usefixtures("needs_jail")
def test_a_place_that_takes_long_to_make_costs_the_program_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second of two places is made while the first program waits: it must not run yet."""
    made = Jail.start

    def slowly(self: Jail, program: Program, stdin: bytes, limits: Limits) -> Session:
        time.sleep(1.5)
        return made(self, program, stdin, limits)

    monkeypatch.setattr(Jail, "start", slowly)
    source = OpenSource(code_tests, {"time_s": 0.1}, "code.tests")  # and 1.3 s by the clock
    try:
        verdict = source.judge([SUITE])[0]
    finally:
        source.close()
    assert verdict.passed, verdict.reason
