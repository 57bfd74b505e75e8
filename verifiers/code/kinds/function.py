"""Calls with expected values: all calls in one run, values back as data, compared here."""

from __future__ import annotations

from typing import Any

from ....core.types import canonical_json
from ....sandbox.values import BadValue, Opaque, decode, encode
from ..compare import Compare, same, shows_opaque
from ..truth import BadReference, Call, CallTests
from .bench import Bench, Case, Graded, Prepared, folded, shown, told
from .calls import Asked, Caller

__all__ = ["grade_calls", "prepared_calls"]


def _prepare(tests: CallTests) -> tuple[list[Call], list[Asked], int]:
    try:
        calls, twice = folded(tests.calls, _key)
        asked = [
            Asked(
                tests.entry_point,
                [encode(arg) for arg in call.args],
                {key: encode(value) for key, value in call.kwargs.items()},
            )
            for call in calls
        ]
    except (TypeError, RecursionError) as error:
        raise BadReference(f"ground_truth.tests.calls: a value is not plain ({error})") from None
    return calls, asked, twice


def _key(call: Call) -> str:
    plain = [encode(call.args), encode(call.kwargs), encode(call.expected)]
    return canonical_json([plain, repr(call.compare)])


prepared_calls = Prepared(_prepare)


def grade_calls(tests: CallTests, source: str, bench: Bench) -> Graded:
    """Every call's value against the expected one."""
    return bench.steady(lambda: _grade(tests, source, bench))


def _grade(tests: CallTests, source: str, bench: Bench) -> Graded:
    calls, asked, twice = prepared_calls(tests)
    cases = [Case(f"call {number}", False) for number in range(1, len(calls) + 1)]
    seen: set[int] = set()

    def judge(number: int, reply: dict[str, Any]) -> bool:
        seen.add(number)
        call = calls[number]
        case = cases[number] = _case(
            cases[number].name, tests.entry_point, call, reply, call.compare or bench.compare
        )
        return case.passed or not bench.stop

    with Caller(bench, source, tests.setup) as caller:
        caller.all(asked, judge, last=True)
    why = caller.problem or "not run: an earlier call was wrong"
    fatal = True
    for number, case in enumerate(cases):
        if number not in seen:
            case.why = why if fatal else f"not reached: {why}"
            case.detail = _given(tests.entry_point, calls[number]) if fatal else ""
            fatal = False
    graded = Graded(cases, folded=twice, stderr=caller.stderr)
    graded.problem = caller.problem if caller.served.load_error else ""
    return graded


def _case(name: str, function: str, call: Call, reply: dict[str, Any], compare: Compare) -> Case:
    if "value" not in reply:
        if reply.get("error") == "KeyError" and reply.get("line") in (0, None):
            return Case(name, False, f"the program defines no {function!r}")
        return Case(name, False, f"the call raised {told(reply)}", _given(function, call))
    try:
        got = decode(reply["value"])
    except BadValue as bad:
        return Case(name, False, f"the value cannot be read: {bad}", _given(function, call))
    if same(got, call.expected, compare, call.args):
        return Case(name, True)
    why = "the value is an object, which equals nothing" if type(got) is Opaque else "wrong value"
    wanted = f"expected {shown(shows_opaque(call.expected))}, got {shown(shows_opaque(got))}"
    return Case(name, False, why, f"{_given(function, call)}: {wanted}")


def _given(function: str, call: Call) -> str:
    args = [shows_opaque(arg) for arg in call.args]
    args += [f"{key}={shows_opaque(value)}" for key, value in call.kwargs.items()]
    return shown(f"{function}({', '.join(args)})", 300)
