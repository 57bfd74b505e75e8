"""Test code in a second sandbox, whose calls of the program are passed on from here.

The judge's process never runs the program, the program's never sees the test. Objects of the
program are stand-ins in the judge's process: what is asked of them is asked of the program, by the
rules of ``stand_ins``, which keep the program's own operators from deciding about plain values.
What cannot be kept from it is said in ``trust``: two of its objects are equal when it says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from ....sandbox.values import BadValue, decode, encode
from ..truth import BadReference, SuiteTests
from .bench import Bench, Case, Graded, Prepared, Served, ended_because, shown
from .calls import Caller

__all__ = ["Judging", "grade_by_relay", "grade_suite", "plan_of_suite"]

_PLAIN = "the tests run in a process that never ran the program; values are compared there"
_OBJECTS = (
    "the tests run in a process that never ran the program, on stand-ins for its objects;"
    " the program's own methods and operators decide about its own objects"
)


@dataclass(slots=True)
class Judging:
    """What the judge's process is told."""

    kind: str
    items: list[str]
    setup: str = ""
    entry_point: str | None = None
    called: list[str] | None = None
    """Names that test code calls and that are the program's, whatever else has that name."""
    nan_ok: bool = False
    imports: str = ""
    """Import statements of the setup: the program may rely on those."""


def grade_suite(tests: SuiteTests, source: str, bench: Bench) -> Graded:
    """Every test method of a ``unittest`` module is a case."""
    judging = plan_of_suite(tests)
    return bench.steady(lambda: grade_by_relay(judging, None, source, bench))


def _make_suite_plan(tests: SuiteTests) -> Judging:
    from .plans import imports_of, parsed

    parsed(tests.code, "ground_truth.tests.code")
    setup = parsed(tests.setup, "ground_truth.tests.setup")
    nan_ok = "nan" in tests.code.lower()
    return Judging(
        "unittest", [tests.code], tests.setup, nan_ok=nan_ok, imports=imports_of(setup.body)
    )


plan_of_suite = Prepared(_make_suite_plan)


@lru_cache(maxsize=1)
def _judge_source() -> tuple[str, str]:
    """Source and setup: one module there, of two files here."""
    here = resources.files("assay.verifiers.code.kinds")
    texts = [(here / f"{name}.py").read_text(encoding="utf-8") for name in ("judging", "stand_ins")]
    return texts[0], texts[1]


def grade_by_relay(judging: Judging, names: list[str] | None, source: str, bench: Bench) -> Graded:
    """Run the tests over there. Raises ``BadReference`` for tests that cannot be run."""
    with Caller(bench, source, judging.imports) as program:
        # both places before anything runs: to make one may take longer than a program has
        judge, place = bench.serve_tests(*_judge_source())
        with judge:
            if program.problem:
                return Graded.all_failed(
                    names or ["tests"], program.problem, stderr=program.served.close().stderr
                )
            if judge.problem:
                return Graded.all_failed(names or ["tests"], f"the tests: {judge.problem}")
            told = _relay(judge, program, judging)
        found = None if told is None else _found(told, names)
        if found is None:
            why = program.problem or f"the tests did not end: {_why(judge)}"
            found = Graded.all_failed(names or ["tests"], why)
    found.stderr = program.stderr
    if place is not bench.sandbox:
        found.notes["tests_in"] = place.name
    return found


def _why(judge: Served) -> str:
    return ended_because(judge.outcome) if judge.outcome is not None else "they gave no answer"


def _relay(judge: Served, program: Caller, judging: Judging) -> Any:
    """Pass questions and answers on until the judge has an answer of its own."""
    request: Any = {
        "op": "call",
        "name": "judge",
        "relay": True,
        "args": [encode(asdict(judging))],
    }
    reply = judge.ask(request)
    while reply is not None and "want" in reply:
        answer = program.ask(reply["want"])
        if answer is None:
            answer = {"gone": program.problem or "the program has ended"}
        reply = judge.ask(_checked(answer))
    if reply is None:
        return None
    # an error here may be the program's doing, so it is no reason to leave the sample ungraded
    return decode(reply["value"]) if "value" in reply else None


def _checked(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer of the program with everything in it a value, or an error in its place."""
    try:
        for key in ("value", "type", "self"):
            if key in answer:
                decode(answer[key])
        for item in answer.get("args", ()):
            decode(item)
    except (BadValue, TypeError):
        return {"error": "ValueError", "text": "the value cannot be read", "bases": []}
    return answer


def _found(told: dict[str, Any], names: list[str] | None) -> Graded | None:
    if told["bad"]:
        raise BadReference(f"ground_truth.tests: {told['bad']}")
    rows = [(str(name), bool(ok), str(why)) for name, ok, why in told["cases"]]
    trust = _OBJECTS if told["objects"] else _PLAIN
    if names is not None and len(rows) != len(names):
        return None
    shown_names = names or [name for name, _, _ in rows]
    cases = [
        Case(name, ok, shown(why.partition("\n")[0]), shown(why.partition("\n")[2], 400))
        for name, (_, ok, why) in zip(shown_names, rows, strict=True)
    ]
    return Graded(cases, trust=trust, notes={"objects": told["objects"]})
