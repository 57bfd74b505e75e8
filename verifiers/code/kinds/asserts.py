"""Assertions and HumanEval's ``check``: evaluated here over values that came back as data.

All calls that the test code makes are found once for a task, by walking it with their values
unknown; each program then answers them in one request, and the test code is walked again over the
answers. Calls that depend on answers are asked for singly. Test code beyond the evaluator runs in
a second sandbox; see ``relay``.
"""

from __future__ import annotations

import ast
import builtins
import cmath
import json
import math
import re
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from ....sandbox.values import BadValue, decode, encode
from ..truth import AssertTests, BadReference, CheckTests
from .allowed import changes_a_list, fold, is_literal, why_not
from .bench import Bench, Case, Graded, Prepared, shown, told
from .calls import Asked, Caller
from .guards import UNKNOWN, NeedsJudge
from .machine import Ask, CallFailed, Code, Machine
from .plain import read
from .relay import Judging, grade_by_relay

__all__ = [
    "grade_asserts",
    "grade_check",
    "imports_of",
    "parsed",
    "plan_of_asserts",
    "plan_of_check",
]

_BUILTIN_CALLS = frozenset(
    ("abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "float", "frozenset",
     "int", "isinstance", "len", "list", "max", "min", "ord", "chr", "repr", "reversed", "set",
     "sorted", "str", "sum", "tuple", "type", "zip", "bytes", "range", "map", "filter", "round",
     "iter", "next", "print", "pow", "format", "hash", "id", "callable", "issubclass", "hasattr",
     "getattr", "setattr", "slice", "super", "object", "open", "exec", "eval", "dir", "vars")
)  # fmt: skip
_NAN = re.compile(r"nan\b", re.IGNORECASE)


@dataclass(slots=True)
class Plan:
    """What was made of the test code."""

    names: list[str]
    """Of the cases."""
    bodies: list[tuple[int | None, list[ast.stmt]]]
    """Statements with the number of their case; None: every assertion is a case of its own."""
    functions: dict[str, str]
    """What the test code calls the program's functions -> what the program does."""
    judging: Judging
    reason: str = ""
    """Why the second sandbox is needed from the start."""
    nan_ok: bool = False
    code: list[tuple[int | None, Code]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    literal: dict[int, tuple[Asked, str]] = field(default_factory=dict)
    """Node of a call with nothing but literals -> its request and key, the same each time."""
    dependent: bool = False
    """Whether calls depend on the values of others."""
    case_of: dict[int, int] = field(default_factory=dict)
    """Node of an assertion -> the number of its case."""


def grade_asserts(tests: AssertTests, source: str, bench: Bench) -> Graded:
    """Every item is a case."""
    return _grade(plan_of_asserts(tests), source, bench)


def grade_check(tests: CheckTests, source: str, bench: Bench) -> Graded:
    """Every ``assert`` statement about the program is a case."""
    return _grade(plan_of_check(tests), source, bench)


def parsed(code: str, place: str) -> ast.Module:
    """Test code as a tree. Raises ``BadReference``."""
    try:
        tree = _Idle().visit(ast.parse(code.removeprefix("\ufeff")))
        assert isinstance(tree, ast.Module)
        return tree
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise BadReference(f"{place}: is not Python: {error}") from None


class _Idle(ast.NodeTransformer):
    """The name of a built-in function as a statement does nothing: HumanEval/129 has ``print``."""

    def visit_Expr(self, node: ast.Expr) -> ast.stmt:
        idle = isinstance(node.value, ast.Name) and hasattr(builtins, node.value.id)
        return ast.copy_location(ast.Pass(), node) if idle else node


def imports_of(setup: list[ast.stmt]) -> str:
    """The import statements of a setup, which the program may rely on.

    Nothing else of it enters the program's process, and no name that an ``import *`` would bring:
    the setup may hold expected values, or a function that the answer was asked for.
    """
    kept = [
        ast.unparse(s)
        for s in setup
        if isinstance(s, ast.Import | ast.ImportFrom) and s.names[0].name != "*"
    ]
    return "\n".join(kept)


# plans --------------------------------------------------------------------------------------


def _make_asserts_plan(tests: AssertTests) -> Plan:
    setup = parsed(tests.setup, "ground_truth.tests.setup").body
    items = [
        parsed(text, f"ground_truth.tests.asserts.{number}").body
        for number, text in enumerate(tests.asserts)
    ]
    everything = [*setup, *(s for item in items for s in item)]
    if not any(isinstance(n, ast.Assert) for s in everything for n in ast.walk(s)):
        raise BadReference("ground_truth.tests.asserts: there is no assert statement")
    names = [f"assert {number}" for number in range(1, len(items) + 1)]
    functions = {name: name for name in _called(everything, tests.entry_point)}
    judging = Judging("asserts", tests.asserts, tests.setup, tests.entry_point, sorted(functions))
    judging.imports = imports_of(setup)
    bodies: list[tuple[int | None, list[ast.stmt]]] = [(-1, setup)] if setup else []
    bodies += enumerate(items)
    plan = Plan(names, bodies, functions, judging)
    return _finished(plan, everything)


def _make_check_plan(tests: CheckTests) -> Plan:
    code = tests.setup + "\n" + tests.test if tests.setup else tests.test
    module = parsed(code, "ground_truth.tests.test")
    checks = [s for s in module.body if isinstance(s, ast.FunctionDef) and s.name == "check"]
    if not checks:
        raise BadReference("ground_truth.tests.test: defines no check(candidate)")
    check = checks[-1]
    others = [s for s in module.body if s is not check]
    parameters = [a.arg for a in check.args.args]
    judging = Judging("check", [code], "", tests.entry_point, [])
    judging.imports = imports_of(parsed(tests.setup, "ground_truth.tests.setup").body)
    found = [n for n in ast.walk(module) if isinstance(n, ast.Assert) and _says_something(n)]
    names = [f"assert {number}" for number in range(1, len(found) + 1)] or ["check"]
    plan = Plan(names, [(None, [*others, *check.body])], {}, judging)
    plan.case_of = {id(node): number for number, node in enumerate(found)}
    if len(parameters) != 1 or check.decorator_list or not found:
        plan.reason = "an odd check function"
        return plan
    everything = [*others, *check.body]
    own = {name for name in _called(everything, parameters[0]) if name not in _BUILTIN_CALLS}
    own -= {a.name for s in everything if isinstance(s, ast.ImportFrom) for a in s.names}
    own -= {s.name for s in others if isinstance(s, ast.FunctionDef)}
    plan.functions = {name: name for name in own} | {parameters[0]: tests.entry_point}
    return _finished(plan, everything)


def _says_something(node: ast.Assert) -> bool:
    """HumanEval has ``assert True`` for decoration."""
    return any(isinstance(inner, ast.Name) for inner in ast.walk(node.test))


def _finished(plan: Plan, everything: list[ast.stmt]) -> Plan:
    code = "\n".join(plan.judging.items) + plan.judging.setup
    plan.nan_ok = plan.judging.nan_ok = _NAN.search(code) is not None
    plan.reason = why_not(everything, set(plan.functions))
    if not plan.reason:
        try:
            plan.code = _read(plan, everything)
        except RecursionError:
            plan.reason = "deeply nested test code"
            return plan
        _collect(plan)
    return plan


def _read(plan: Plan, everything: list[ast.stmt]) -> list[tuple[int | None, Code]]:
    changing, own = changes_a_list(everything), set(plan.functions)
    for statement in everything:
        fold(statement)
    return [(number, read(body, own, changing=changing)) for number, body in plan.bodies]


def _collect(plan: Plan) -> None:
    """Walk the test code with the program's values unknown, noting the calls."""

    def note(node: ast.Call, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        asked, key = _asked(plan, node, name, args, kwargs)
        plan.asked.append(asked)
        plan.keys.append(key)
        return UNKNOWN

    plan.reason = _collected(plan, note)


def _collected(plan: Plan, note: Ask) -> str:
    """Walk it all, for the calls alone; why that cannot be done."""
    machine = Machine(note, collecting=True)
    for _, code in plan.code:
        try:
            machine.run(code, lambda *_: None)
        except NeedsJudge as needs:
            return str(needs)
        except Exception as error:  # noqa: BLE001 - the test's own fault, or an unknown value
            return f"{type(error).__name__} without the program's values"
    plan.dependent = plan.dependent or machine.skipped
    return ""


def _asked(
    plan: Plan, node: ast.Call, name: str, args: list[Any], kwargs: dict[str, Any]
) -> tuple[Asked, str]:
    """A call as a request, and by what its replies are found again."""
    if id(node) in plan.literal:
        return plan.literal[id(node)]
    try:
        asked = Asked(
            plan.functions[name],
            [encode(arg) for arg in args],
            {key: encode(value) for key, value in kwargs.items()},
        )
    except TypeError as error:
        raise NeedsJudge(f"an argument of the test: {error}") from None
    made = asked, json.dumps([asked.name, asked.args, asked.kwargs])
    if is_literal(node):
        plan.literal[id(node)] = made
    return made


def _called(body: list[ast.stmt], entry_point: str | None) -> list[str]:
    """The names that are called and that Python does not have: those of the program.

    Where there is none, and no entry point is given, the outermost call names it: MBPP has a
    program that defines ``sum``.
    """
    calls = [
        node.func.id
        for statement in body
        for node in ast.walk(statement)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    own = {name for name in calls if name not in _BUILTIN_CALLS}
    if entry_point is not None:
        return sorted(own | {entry_point})
    return sorted(own) or calls[:1]


plan_of_asserts = Prepared(_make_asserts_plan)
plan_of_check = Prepared(_make_check_plan)


# grading ------------------------------------------------------------------------------------


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
            asked, key = _asked(self._plan, node, name, args, kwargs)
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

        _collected(self._plan, ask)
        return calls, keys

    def taker(self, caller: Caller) -> Ask:
        """What the test code is walked with at last; asks singly for what is not known."""
        known = {key: deque(replies) for key, replies in self._known.items()}

        def ask(node: ast.Call, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
            asked, key = _asked(self._plan, node, name, args, kwargs)
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
                detail = shown(ast.unparse(node.test), 300)
                heard[place] = Case(plan.names[place], False, why or "wrong value", detail)

        problem = _run(machine, code, judged)
        if problem and number is not None and number >= 0:
            heard[number] = Case(plan.names[number], False, problem)
        elif problem and number is None:
            rest = [c for place, c in enumerate(cases) if place not in heard]
            for case in rest:
                case.why = f"not reached: {problem}"
    return [heard.get(place, case) for place, case in enumerate(cases)]


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
