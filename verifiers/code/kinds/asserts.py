"""Assertions and HumanEval's ``check``: evaluated here over values that came back as data.

All calls that the test code makes are found once for a task, by evaluating it with their values
unknown (``plans``); each program then answers them in one request, and the test code is evaluated
over the answers. Calls that depend on answers are asked for singly. Test code beyond the evaluator
runs in a second sandbox; see ``relay``.
"""

from __future__ import annotations

import ast
import cmath
import math
from collections import Counter, deque
from typing import Any

from ....sandbox.values import BadValue, decode
from ..truth import AssertTests, CheckTests
from .bench import Bench, Case, Graded, shown, told
from .calls import Asked, Caller
from .guards import UNKNOWN, NeedsJudge
from .machine import Ask, CallFailed, Code, Machine
from .plans import Plan, collected, plan_of_asserts, plan_of_check, request_of
from .relay import grade_by_relay

__all__ = ["grade_asserts", "grade_check"]


def grade_asserts(tests: AssertTests, source: str, bench: Bench) -> Graded:
    """Every item is a case."""
    return _grade(plan_of_asserts(tests), source, bench)


def grade_check(tests: CheckTests, source: str, bench: Bench) -> Graded:
    """Every ``assert`` statement about the program is a case."""
    return _grade(plan_of_check(tests), source, bench)


def _grade(plan: Plan, source: str, bench: Bench) -> Graded:
    why = plan.reason
    if not why:
        try:
            return bench.steady(lambda: _evaluated(plan, source, bench))
        except NeedsJudge as needs:
            why = str(needs)
    graded = bench.steady(lambda: grade_by_relay(plan.judging, plan.names, source, bench))
    graded.notes["second_sandbox"] = why
    return graded


def _evaluated(plan: Plan, source: str, bench: Bench) -> Graded:
    answers = Answers(plan)
    with Caller(bench, source, plan.judging.imports) as caller:
        # if those are all, it ends while the values are compared
        answers.get(caller, plan.asked, plan.keys, last=not plan.dependent)
        if plan.dependent:  # what those calls made known leads to more, all of one kind mostly
            answers.get(caller, *answers.found())
        cases = _walk(plan, answers.taker(caller))
    graded = Graded(cases, stderr=caller.stderr)
    if caller.served.load_error:
        return Graded.all_failed(plan.names, caller.problem, stderr=caller.stderr)
    return graded


class Answers:
    """The program's replies by call, each as often as it was asked for."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, list[dict[str, Any] | None]] = {}

    def get(
        self, caller: Caller, asked: list[Asked], keys: list[str], *, last: bool = False
    ) -> None:
        """Make calls, and keep what comes. ``last``: there will be no others."""
        replies: list[dict[str, Any] | None] = [None] * len(asked)

        def keep(number: int, reply: dict[str, Any]) -> bool:
            replies[number] = reply
            return True

        caller.all(asked, keep, last=last)
        for key, reply in zip(keys, replies, strict=True):
            self._known.setdefault(key, []).append(reply)

    def found(self) -> tuple[list[Asked], list[str]]:
        """Calls that the test code makes over the values that are known, and that are not."""
        calls: list[Asked] = []
        keys: list[str] = []
        taken = Counter[str]()

        def ask(node: ast.Call, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
            asked, key = request_of(self._plan, node, name, args, kwargs)
            waiting, place = self._known.get(key, ()), taken[key]
            taken[key] += 1
            if place >= len(waiting):
                calls.append(asked)
                keys.append(key)
                return UNKNOWN
            reply = waiting[place]
            if reply is None:
                raise CallFailed("no value")
            return _value(reply, asked.name, nan_ok=self._plan.nan_ok)

        collected(self._plan, ask)
        return calls, keys

    def taker(self, caller: Caller) -> Ask:
        """What the test code is walked with at last; asks singly for what is not known."""
        known = {key: deque(replies) for key, replies in self._known.items()}

        def ask(node: ast.Call, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
            asked, key = request_of(self._plan, node, name, args, kwargs)
            waiting = known.get(key)
            if not waiting and caller.stopped:
                raise NeedsJudge("a call that was not foreseen")
            reply = waiting.popleft() if waiting else caller.one(asked)
            if reply is None:
                raise CallFailed(caller.problem or "the program gave no value")
            return _value(reply, asked.name, nan_ok=self._plan.nan_ok)

        return ask


def _value(reply: dict[str, Any], name: str, *, nan_ok: bool) -> Any:
    if "value" not in reply:
        if reply.get("error") == "KeyError" and reply.get("line") in (0, None):
            raise CallFailed(f"the program defines no {shown(name)!r}")
        raise CallFailed(f"the call raised {told(reply)}")
    try:
        value = decode(reply["value"])
    except BadValue as bad:
        raise CallFailed(f"the value cannot be read: {bad}") from None
    if not nan_ok and holds_nan(value):
        raise CallFailed("the value is not a number (NaN), and the test expects none")
    return value


def holds_nan(value: Any) -> bool:
    """Whether a NaN is anywhere in a decoded value."""
    kind = type(value)
    if kind is float:
        return math.isnan(value)
    if kind in (list, tuple, set, frozenset):
        return any(map(holds_nan, value))
    if kind is dict:
        return any(holds_nan(k) or holds_nan(v) for k, v in value.items())
    return kind is complex and cmath.isnan(value)


def _walk(plan: Plan, ask: Any) -> list[Case]:
    """The test code over the program's values; one case after another."""
    cases = [Case(name, False, "not reached") for name in plan.names]
    heard: dict[int, Case] = {}
    machine = Machine(ask)
    for number, code in plan.code:

        def judged(node: ast.Assert, passed: bool, why: str, at: int | None = number) -> None:
            place = plan.case_of.get(id(node)) if at is None else at
            if place is None or place < 0 or (place in heard and not heard[place].passed):
                return
            if passed:
                heard[place] = Case(plan.names[place], True)
            else:
                detail = shown(_text_of(node.test), 300)
                heard[place] = Case(plan.names[place], False, why or "wrong value", detail)

        problem = _run(machine, code, judged)
        if problem and number is not None and number >= 0:
            heard[number] = Case(plan.names[number], False, problem)
        elif problem and number is None:
            rest = [c for place, c in enumerate(cases) if place not in heard]
            for case in rest:
                case.why = f"not reached: {problem}"
    return [heard.get(place, case) for place, case in enumerate(cases)]


def _text_of(node: ast.expr) -> str:
    try:
        return ast.unparse(node)
    except RecursionError:
        return "..."


def _run(machine: Machine, code: Code, judged: Any) -> str:
    try:
        machine.run(code, judged)
    except NeedsJudge:
        raise
    except CallFailed as failed:
        return str(failed)
    except Exception as error:  # noqa: BLE001 - of the test, over this program's values
        return f"the test raised {type(error).__name__}: {error}"[:200]
    return ""
