"""Wrong programs made from right ones: one operator, constant or condition changed.

Some mutants are still right by the tests: which, is found out by running the tests plainly. These
are our own programs, so that is done in a plain interpreter, with a limit of time, in ``truths``.
Not covered: mutants with several changes.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence

from .case import Case
from .problems import PROBLEMS, Problem

__all__ = ["mutants", "truths"]

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Div: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE,
    ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.And: ast.Or, ast.Or: ast.And,
    ast.In: ast.NotIn,
}  # fmt: skip


class _Change(ast.NodeTransformer):
    """Changes the n-th thing that can be changed."""

    def __init__(self, n: int) -> None:
        self.left, self.done = n, False

    def _now(self) -> bool:
        self.left -= 1
        self.done = self.done or self.left == -1
        return self.left == -1

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        swap = _SWAPS.get(type(node))
        if swap is not None and self._now():
            return swap()
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if type(node.value) is int and self._now():
            return ast.Constant(node.value + 1)
        if type(node.value) is bool and self._now():
            return ast.Constant(not node.value)
        return node

    def visit_If(self, node: ast.If) -> ast.AST:
        if self._now():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        return self.generic_visit(node)

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if node.value is not None and self._now():
            node.value = ast.Constant(None)
        return self.generic_visit(node)


def _mutated(problem: Problem) -> Iterator[str]:
    for n in range(100):
        change = _Change(n)
        tree = change.visit(ast.parse(problem.program))
        if not change.done:
            return
        yield ast.unparse(ast.fix_missing_locations(tree))


_RUN = """
import json, signal, sys
def late(*a):
    raise TimeoutError
signal.signal(signal.SIGALRM, late)
out = []
for program, test, name in json.load(sys.stdin):
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        scope = {}
        exec(program + "\\n" + test, scope)
        scope["check"](scope[name])
        out.append(True)
    except BaseException:
        out.append(False)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
print(json.dumps(out))
"""


def truths(programs: Sequence[tuple[str, Problem]]) -> list[bool]:
    """Whether each of our own programs passes the tests, run plainly."""
    jobs = [[text, problem.test, problem.entry_point] for text, problem in programs]
    limited = f"import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n{_RUN}"
    told = subprocess.run(
        [sys.executable, "-I", "-c", limited],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(told.stdout))


def mutants() -> list[Case]:
    """Every mutant of every problem, with what the tests say of it."""
    made = [(text, problem) for problem in PROBLEMS for text in dict.fromkeys(_mutated(problem))]
    return [
        Case(
            name=f"{problem.entry_point}-{n}",
            category="mutants",
            ground_truth=problem.ground_truth,
            program=text,
            passes=right,
        )
        for n, ((text, problem), right) in enumerate(zip(made, truths(made), strict=True))
    ]
