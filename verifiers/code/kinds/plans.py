"""Test code of assertions and of HumanEval's ``check``, read once for a task.

A plan holds the code as functions of ours, the calls of the program that it makes whatever the
program gives, and the names of the cases; or why the code is not for the evaluator.
"""

from __future__ import annotations

import ast
import builtins
import json
import re
from dataclasses import dataclass, field
from typing import Any

from ....sandbox.values import encode
from ..truth import AssertTests, BadReference, CheckTests
from .allowed import below, changes_a_list, fold, is_literal, nodes_of, why_not
from .bench import Prepared
from .calls import Asked
from .guards import UNKNOWN, NeedsJudge
from .machine import Ask, Code, Machine
from .plain import read
from .relay import Judging

__all__ = [
    "Plan",
    "collected",
    "imports_of",
    "parsed",
    "plan_of_asserts",
    "plan_of_check",
    "request_of",
]

_BUILTIN_CALLS = frozenset(
    ("abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "float", "frozenset",
     "int", "isinstance", "len", "list", "max", "min", "ord", "chr", "repr", "reversed", "set",
     "sorted", "str", "sum", "tuple", "type", "zip", "bytes", "range", "map", "filter", "round",
     "iter", "next", "print", "pow", "format", "hash", "id", "callable", "issubclass", "hasattr",
     "getattr", "setattr", "slice", "super", "object", "open", "exec", "eval", "dir", "vars")
)  # fmt: skip
_DEPTH = 400
"""Of test code. Python itself cannot run much more."""
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


def parsed(code: str, place: str) -> ast.Module:
    """Test code as a tree. Raises ``BadReference``."""
    try:
        tree = ast.parse(code.removeprefix("\ufeff"))
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise BadReference(f"{place}: is not Python: {error}") from None
    level: list[ast.AST] = [tree]
    for _ in range(_DEPTH):
        for node in level:
            if isinstance(node, ast.Expr) and _is_idle(node.value):
                node.value = ast.copy_location(ast.Constant(None), node.value)
        if not (level := below(level)):
            return tree
    raise BadReference(f"{place}: is nested more than {_DEPTH} deep")


def _is_idle(node: ast.expr) -> bool:
    """The name of a built-in function as a statement does nothing: HumanEval/129 has ``print``."""
    return isinstance(node, ast.Name) and hasattr(builtins, node.id)


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


def _make_asserts_plan(tests: AssertTests) -> Plan:
    setup = parsed(tests.setup, "ground_truth.tests.setup").body
    items = [
        parsed(text, f"ground_truth.tests.asserts.{number}").body
        for number, text in enumerate(tests.asserts)
    ]
    everything = [*setup, *(s for item in items for s in item)]
    nodes = nodes_of(everything)
    if not any(isinstance(node, ast.Assert) for node in nodes):
        raise BadReference("ground_truth.tests.asserts: there is no assert statement")
    names = [f"assert {number}" for number in range(1, len(items) + 1)]
    functions = {name: name for name in _called(everything, nodes, tests.entry_point)}
    judging = Judging("asserts", tests.asserts, tests.setup, tests.entry_point, sorted(functions))
    judging.imports = imports_of(setup)
    bodies: list[tuple[int | None, list[ast.stmt]]] = [(-1, setup)] if setup else []
    bodies += enumerate(items)
    plan = Plan(names, bodies, functions, judging)
    return _finished(plan, nodes)


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
    asserts = [node for node in nodes_of([module]) if isinstance(node, ast.Assert)]
    found = [node for node in asserts if _says_something(node)]
    names = [f"assert {number}" for number in range(1, len(found) + 1)] or ["check"]
    plan = Plan(names, [(None, [*others, *check.body])], {}, judging)
    plan.case_of = {id(node): number for number, node in enumerate(found)}
    if len(parameters) != 1 or check.decorator_list or not found:
        plan.reason = "an odd check function"
        return plan
    everything = [*others, *check.body]
    nodes = nodes_of(everything)
    own = set(_called(everything, nodes, parameters[0])) - _BUILTIN_CALLS
    own -= {a.name for s in everything if isinstance(s, ast.ImportFrom) for a in s.names}
    own -= {s.name for s in others if isinstance(s, ast.FunctionDef)}
    plan.functions = {name: name for name in own} | {parameters[0]: tests.entry_point}
    return _finished(plan, nodes)


def _says_something(node: ast.Assert) -> bool:
    """HumanEval has ``assert True`` for decoration."""
    return any(isinstance(inner, ast.Name) for inner in nodes_of([node.test]))


def _finished(plan: Plan, nodes: list[ast.AST]) -> Plan:
    """With its code read and its calls found. ``nodes``: all of its bodies."""
    code = "\n".join(plan.judging.items) + plan.judging.setup
    plan.nan_ok = plan.judging.nan_ok = _NAN.search(code) is not None
    functions = set(plan.functions)
    plan.reason = why_not(nodes, functions)
    if plan.reason:
        return plan
    changing = changes_a_list(nodes)
    fold(nodes)
    try:
        plan.code = [(n, read(body, functions, changing=changing)) for n, body in plan.bodies]
    except RecursionError:
        plan.reason = "deeply nested test code"
        return plan
    _collect(plan)
    return plan


def _collect(plan: Plan) -> None:
    """Walk the test code with the program's values unknown, noting the calls."""

    def note(node: ast.Call, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        asked, key = request_of(plan, node, name, args, kwargs)
        plan.asked.append(asked)
        plan.keys.append(key)
        return UNKNOWN

    plan.reason = collected(plan, note)


def collected(plan: Plan, note: Ask) -> str:
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


def request_of(
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


def _called(body: list[ast.stmt], nodes: list[ast.AST], entry_point: str | None) -> list[str]:
    """The names that are called and that Python does not have: those of the program.

    Where there is none, and no entry point is given, the outermost call names it: MBPP has a
    program that defines ``sum``.
    """
    own = set(_calls(nodes)) - _BUILTIN_CALLS
    if entry_point is not None:
        return sorted(own | {entry_point})
    return sorted(own) or [name for statement in body for name in _calls(nodes_of([statement]))][:1]


def _calls(nodes: list[ast.AST]) -> list[str]:
    return [
        node.func.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]


plan_of_asserts = Prepared(_make_asserts_plan)
plan_of_check = Prepared(_make_check_plan)
