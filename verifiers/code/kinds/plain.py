"""Test code simple enough to be evaluated here, over values that came back as data.

Most tests of HumanEval and MBPP are assertions about calls with literal arguments. Such code is
checked against a closed list (``allowed``) and read once into functions of ours (``read``), which
a ``Machine`` runs for each program: the test's code is never executed, and neither is the
program's. Costs are bounded: what could be slow on a hostile value (powers, long products, objects)
raises ``NeedsJudge``, and the tests run in a second sandbox instead; see ``relay``.

Not covered here, and left to that: functions, classes, ``try``, ``with``, lambdas, calls for their
effect on an argument, attributes of objects.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from .expressions import Expressions, steps_of, truth
from .guards import UNKNOWN, NeedsJudge
from .machine import CallFailed, Code, Do, Machine

__all__ = ["read"]


def read(body: Sequence[ast.stmt], functions: set[str], *, changing: bool) -> Code:
    """Checked statements as functions of ours.

    Args:
        functions: the names of the program's.
        changing: some statement, of these or of those they run with, changes a list.
    """
    return _Reader(functions, changing=changing).body(body)


class _Reader(Expressions):
    """Statements too."""

    def body(self, body: Sequence[ast.stmt]) -> Code:
        return [_STATEMENTS[type(s)](self, s) for s in body if type(s) in _STATEMENTS]

    def assertion(self, node: ast.Assert) -> Do:
        test = self.value(node.test)

        def do(machine: Machine) -> None:
            passed, why = False, ""
            try:
                passed = truth(test(machine))
            except NeedsJudge:
                raise
            except CallFailed as failed:
                why = str(failed)
            except Exception as error:  # noqa: BLE001 - a value of the wrong type fails the test
                why = f"comparing the value raised {type(error).__name__}: {error}"[:200]
            machine.judged(node, passed, why)

        return do

    def assignment(self, node: ast.Assign) -> Do:
        value, bind = self.value(node.value), self.target(node.targets[0])

        return lambda machine: bind(machine, value(machine))

    def effect(self, node: ast.Expr) -> Do:
        call = node.value
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            return lambda _: None
        owner, item = self.value(call.func.value), self.value(call.args[0])

        def do(machine: Machine) -> None:
            found = owner(machine)
            if type(found) is not list:
                raise NeedsJudge("an effect on what the program gave")
            found.append(item(machine))

        return do

    def import_from(self, node: ast.ImportFrom) -> Do:
        module, names = node.module or "", [alias.name for alias in node.names]

        def do(machine: Machine) -> None:
            for name in names:
                machine.names[name] = machine.of_module(module, name)

        return do

    def loop(self, node: ast.For) -> Do:
        source, bind, body = self.value(node.iter), self.target(node.target), self.body(node.body)
        steps = steps_of(*node.body)

        def do(machine: Machine) -> None:
            for item in machine.items(source(machine), steps):
                bind(machine, item)
                for inner in body:
                    inner(machine)

        return do

    def branch(self, node: ast.If) -> Do:
        test, body, other = self.value(node.test), self.body(node.body), self.body(node.orelse)

        def do(machine: Machine) -> None:
            found = test(machine)
            if found is UNKNOWN:
                raise NeedsJudge("a branch on a value of the program")
            for inner in body if truth(found) else other:
                inner(machine)

        return do


_STATEMENTS: dict[type, Callable[[_Reader, Any], Do]] = {
    ast.Assert: _Reader.assertion,
    ast.Assign: _Reader.assignment,
    ast.Expr: _Reader.effect,
    ast.ImportFrom: _Reader.import_from,
    ast.For: _Reader.loop,
    ast.If: _Reader.branch,
}
