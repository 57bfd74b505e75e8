"""Runs test code on stand-ins for a program's objects. Sent as text into a sandbox of its own.

``judge`` is called with a relay: ``ask`` sends a question out and waits for what the program's
process says. ``stand_ins`` is executed before this file, in the same module.

Not covered: pytest's fixtures and plugins. Standard library only.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import sys
import types
import typing
import unittest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .stand_ins import FUNCTION, MADE, Gone, Link, builtin_names


class Names(dict[str, Any]):
    """The test's names: its own, Python's, the standard library's, then the program's."""

    def __init__(self, link: Link, called: set[str]) -> None:
        super().__init__(__name__="tests", __builtins__=builtins)
        self.link, self.called = link, called

    def __missing__(self, name: str) -> Any:
        if name in builtin_names and name not in self.called:
            raise KeyError(name)
        if name not in self.called:
            if name in sys.stdlib_module_names:
                return importlib.import_module(name)
            if name in typing.__all__:
                return getattr(typing, name)
        return self.of_program(name)

    def of_program(self, name: str) -> Any:
        origin = MADE if name[:1].isupper() else FUNCTION
        try:
            found = self.link.ask({"op": "get", "name": name}, origin)
        except KeyError:
            raise NameError(f"the program defines no {name!r}") from None
        self[name] = found
        return found


class Solution(types.ModuleType):
    """``import solution``, and ``from solution import add``."""

    def __init__(self, names: Names) -> None:
        super().__init__("solution")
        self.__dict__["_names"] = names

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self.__dict__["_names"].of_program(name)
        except NameError as error:
            raise AttributeError(str(error)) from None


class Cases:
    """Assertions by number, as they come."""

    def __init__(self) -> None:
        self.heard: dict[int, str] = {}

    def passed(self, number: int) -> None:
        self.heard.setdefault(number, "")

    def failed(self, number: int, error: BaseException, text: str) -> None:
        if not self.heard.get(number):
            self.heard[number] = f"{why(error)}\n{text}"


def why(error: BaseException) -> str:
    if type(error) is AssertionError:
        return f"wrong value{': ' + str(error)[:200] if error.args else ''}"
    name = type(error).__name__
    return f"{'the program' if isinstance(error, Gone) else name}: {error}"[:300]


class Rewriter(ast.NodeTransformer):
    """Numbers assertions, so that one failing does not hide the next; marks calls for effect."""

    def __init__(self, numbered: bool) -> None:
        self.numbered, self.count, self.inside_try = numbered, 0, 0

    def visit_Try(self, node: ast.Try) -> Any:
        caught = bool(node.handlers)
        self.inside_try += caught
        node.body = [self.visit(s) for s in node.body]
        self.inside_try -= caught
        for part in (node.handlers, node.orelse, node.finalbody):
            part[:] = [self.visit(inner) for inner in part]
        return node

    def visit_Assert(self, node: ast.Assert) -> Any:
        if not any(isinstance(inner, ast.Name) for inner in ast.walk(node.test)):
            return node
        number = self.count
        self.count += 1
        if not self.numbered:
            return node
        text = ast.unparse(node.test)[:300]
        done = ast.parse(f"_assay_cases.passed({number})").body
        broken = ast.parse(f"_assay_cases.failed({number}, _assay_error, {text!r})").body
        caught = "_assay_exception" if not self.inside_try else "_assay_nothing"
        handler = ast.ExceptHandler(ast.Name(caught, ast.Load()), "_assay_error", broken)
        return ast.copy_location(ast.Try([node, *done], [handler], [], []), node)

    def visit_Expr(self, node: ast.Expr) -> Any:
        call = node.value
        if isinstance(call, ast.Call):
            call.args.insert(0, call.func)
            call.func = ast.copy_location(ast.Name("_assay_effect", ast.Load()), call)
        return node


class Nothing(Exception):  # noqa: N818 - never raised
    """Never raised: assertions in a ``try`` of the test's own are left to it."""


def compiled(code: str, name: str, numbered: bool) -> tuple[Any, int]:
    tree = ast.parse(code.removeprefix("\ufeff"), name)
    rewriter = Rewriter(numbered)
    tree = ast.fix_missing_locations(rewriter.visit(tree))
    return compile(tree, name, "exec", dont_inherit=True), rewriter.count


def judge(relay: Any, told: dict[str, Any]) -> dict[str, Any]:
    """Run the tests. ``bad``: why they are no tests; ``cases``: name, passed, why."""
    link = Link(relay, told["nan_ok"])
    names = Names(link, set(told["called"] or ()))
    names.update(_assay_effect=link.effect, _assay_exception=Exception, _assay_nothing=Nothing)
    for text in (told["setup"], *told["items"]):
        for node in ast.walk(ast.parse(text.removeprefix("\ufeff"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                names.called |= {node.func.id} - builtin_names
    for name in ("solution", "main", "candidate_solution"):
        sys.modules[name] = Solution(names)
    run = {"asserts": run_asserts, "check": run_check, "unittest": run_suite}[told["kind"]]
    try:
        bad, cases = run(told, names)
    except Gone as gone:
        bad, cases = "", [["tests", False, str(gone)]]
    return {"bad": bad, "cases": cases, "objects": link.objects}


def run_asserts(told: dict[str, Any], names: Names) -> tuple[str, list[Any]]:
    gone = ""
    cases = []
    try:
        exec(compiled(told["setup"], "setup", False)[0], names)  # noqa: S102 - the test, in a sandbox
    except BaseException as error:  # noqa: BLE001 - whatever it is, it fails the test
        gone = why(error)
    for number, text in enumerate(told["items"], 1):
        found = gone
        if not gone:
            try:
                exec(compiled(text, f"assert {number}", False)[0], names)  # noqa: S102 - the test, in a sandbox
            except Gone as error:
                found = gone = str(error)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it fails the test
                found = f"{why(error)}\n{text[:300]}"
        cases.append([f"assert {number}", not found, found])
    return "", cases


def run_check(told: dict[str, Any], names: Names) -> tuple[str, list[Any]]:
    names["_assay_cases"] = cases = Cases()
    code, count = compiled(told["items"][0], "check", True)
    problem = ""
    try:
        exec(code, names)  # noqa: S102 - the test, in a sandbox
        candidate = names.of_program(told["entry_point"])
        names["check"](candidate)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it fails the test
        problem = why(error)
    if not count:
        return "", [["check", not problem, problem]]
    missed = f"not reached: {problem}" if problem else ""
    rows = []
    for number in range(count):
        found = cases.heard.get(number, missed)
        rows.append([f"assert {number + 1}", not found, found])
    if problem and not any(not ok for _, ok, _ in rows):
        rows[-1] = [rows[-1][0], False, problem]
    if not cases.heard and not problem:
        rows = [[name, False, "no assertion was reached"] for name, _, _ in rows]
    return "", rows


class Result(unittest.TestResult):
    """Test methods as cases."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[Any]] = []
        self.failed_now = False

    def startTest(self, test: Any) -> None:  # noqa: N802 - unittest names it
        super().startTest(test)
        self.failed_now = False

    def note(self, test: Any, ok: bool, text: str = "") -> None:
        name = getattr(test, "_testMethodName", None) or str(test)
        self.rows.append([name, ok, text])

    def told(self, test: Any, error: Any) -> None:
        if isinstance(error[1], Gone):
            raise error[1]
        self.failed_now = True
        self.note(test, False, why(error[1]))

    def addSuccess(self, test: Any) -> None:  # noqa: N802 - unittest names it
        self.note(test, True)

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802 - unittest names it
        self.told(test, err)

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802 - unittest names it
        self.told(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: ARG002, N802 - unittest names it
        if err is not None:
            self.told(test, err)

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: ARG002, N802 - unittest names it
        self.note(test, True)

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802 - unittest names it
        self.note(test, False, "it was expected to fail")


def run_suite(told: dict[str, Any], names: Names) -> tuple[str, list[Any]]:
    try:
        exec(compiled(told["setup"], "setup", False)[0], names)  # noqa: S102 - the test, in a sandbox
        exec(compiled(told["items"][0], "tests", False)[0], names)  # noqa: S102 - the test, in a sandbox
    except Gone:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it is, it fails the test
        return "", [["tests", False, why(error)]]
    kinds = [
        value
        for value in list(names.values())
        if isinstance(value, type) and issubclass(value, unittest.TestCase)
    ]
    suite = unittest.TestSuite(map(unittest.defaultTestLoader.loadTestsFromTestCase, kinds))
    if not suite.countTestCases():
        return "the unittest module holds no test", []
    result = Result()
    try:
        suite.run(result)
    except Gone as gone:
        result.rows.append(["tests", False, str(gone)])
    if not result.rows:
        return "every test of the module is skipped", []
    return "", result.rows
