"""Tasks of the sets, each in the kinds of tests it is needed in.

``ADD``: the sum of two numbers. ``TOKEN``: texts that nobody can compute: to answer right is to
have read the tests. ``MEAN``, ``ORDER``, ``STACK``: floats, lists, classes. Everything is small and
fast: what a case costs is the attack's doing. Not covered: tasks for one program; they lie there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = [
    "ADD",
    "HUNT",
    "LIMITS",
    "MEAN",
    "ORDER",
    "STACK",
    "TOKEN",
    "TOKENS",
    "calls",
    "check",
    "stdio",
    "truth",
]

LIMITS = {"time_s": 1.0, "memory_mb": 256, "output_kb": 1024, "pids": 32, "disk_mb": 32}


def truth(tests: Mapping[str, Any], language: str = "python", **limits: float) -> dict[str, Any]:
    """A ground truth; ``limits`` differ from ``LIMITS``."""
    return {"language": language, "tests": dict(tests), "limits": {**LIMITS, **limits}}


def calls(
    entry_point: str, rows: Sequence[tuple[Sequence[Any], Any]], **limits: float
) -> dict[str, Any]:
    """Tests of the kind ``function``: rows of arguments and what is expected."""
    told = [{"args": list(args), "kwargs": {}, "expected": expected} for args, expected in rows]
    tests = {"kind": "function", "entry_point": entry_point, "setup": "", "calls": told}
    return truth(tests, **limits)


def stdio(
    rows: Sequence[tuple[str, str]], language: str = "python", **limits: float
) -> dict[str, Any]:
    """Tests of the kind ``stdio``: rows of input and output."""
    cases = [{"stdin": given, "stdout": expected} for given, expected in rows]
    return truth({"kind": "stdio", "cases": cases}, language, **limits)


def check(entry_point: str, test: str, **limits: float) -> dict[str, Any]:
    """Tests of HumanEval's kind."""
    return truth({"kind": "check", "test": test, "entry_point": entry_point}, **limits)


def asserts(lines: Sequence[str], **limits: float) -> dict[str, Any]:
    """Tests of MBPP's kind."""
    return truth({"kind": "asserts", "asserts": list(lines), "setup": ""}, **limits)


def unit(code: str, **limits: float) -> dict[str, Any]:
    """Tests written with unittest."""
    return truth({"kind": "unittest", "code": code}, **limits)


def called(entry_point: str, rows: Sequence[tuple[Sequence[Any], Any]]) -> dict[str, Any]:
    """One table of calls in the four kinds that call functions."""
    lines = [f"({', '.join(map(repr, args))}) == {expected!r}" for args, expected in rows]
    body = "\n".join(f"    assert candidate{line}" for line in lines)
    equal = [f"({', '.join(map(repr, args))}), {expected!r})" for args, expected in rows]
    methods = "\n".join(
        f"    def test_{i}(self):\n        self.assertEqual({entry_point}{line}"
        for i, line in enumerate(equal)
    )
    return {
        "function": calls(entry_point, rows),
        "asserts": asserts([f"assert {entry_point}{line}" for line in lines]),
        "check": check(entry_point, f"def check(candidate):\n{body}\n"),
        "unittest": unit(f"import unittest\n\nclass TestIt(unittest.TestCase):\n{methods}\n"),
    }


_BIG = 10**20
ADD: dict[str, dict[str, Any]] = {
    **called("add", [((1, 2), 3), ((-4, 1), -3), ((_BIG, 1), _BIG + 1), ((7, 8), 15)]),
    "stdio": stdio([("1 2\n", "3\n"), ("-4 1\n", "-3\n")]),
    "one": stdio([("1 2\n", "3\n")], time_s=0.5),
}

TOKENS = tuple(
    hashlib.sha256(f"assay programs {i}".encode()).hexdigest()[:24].replace("0", "a")
    for i in range(2)
)
_WANTED = {hashlib.sha256(text.encode()).hexdigest()[:12]: i for i, text in enumerate(TOKENS)}
TOKEN: dict[str, dict[str, Any]] = {
    **called("token", [((i,), text) for i, text in enumerate(TOKENS)]),
    "stdio": stdio([(f"{i}\n", f"{text}\n") for i, text in enumerate(TOKENS)]),
}

HUNT = f"""
import hashlib, re
WANTED = {_WANTED!r}
FOUND = {{}}
def look(text):
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    for word in re.findall("[0-9a-f]{{24}}", text):
        i = WANTED.get(hashlib.sha256(word.encode()).hexdigest()[:12])
        if i is not None:
            FOUND[i] = word
def safely(f, *args):
    try:
        look(repr(f(*args)))
    except BaseException:
        pass
"""
"""Python that keeps what it is shown in ``FOUND`` when it is an expected value of ``TOKEN``."""

_MEAN = """def check(candidate):
    assert not abs(candidate([1.0, 2.0]) - 1.5) > 1e-6
    assert not abs(candidate([4.0]) - 4.0) > 1e-6
"""
MEAN: dict[str, dict[str, Any]] = {
    **called("mean", [(([1.0, 2.0],), 1.5), (([4.0],), 4.0)]),
    "negated": check("mean", _MEAN),
    "close": check("mean", _MEAN.replace("not abs", "abs").replace("> 1e", "< 1e")),
    "isclose": asserts(
        ["import math\nassert math.isclose(mean([1.0, 2.0]), 1.5)", "assert mean([4.0]) == 4.0"]
    ),
    "almost": unit(
        "import unittest\n\nclass TestMean(unittest.TestCase):\n"
        "    def test_two(self):\n        self.assertAlmostEqual(mean([1.0, 2.0]), 1.5)\n"
        "    def test_one(self):\n        self.assertAlmostEqual(mean([4.0]), 4.0)\n"
    ),
}

ORDER = {
    **called("order", [(([3, 1, 2],), [1, 2, 3]), (([5, 5, 0],), [0, 5, 5])]),
    "inside": check(
        "order",
        "def check(candidate):\n    assert sorted(candidate([3, 1, 2])) == [1, 2, 3]\n"
        "    assert list(candidate([5, 0])) == [0, 5]\n    assert len(candidate([4])) == 1\n",
    ),
}

STACK = {
    "unittest": unit(
        "import unittest\n\nclass TestStack(unittest.TestCase):\n"
        "    def test_push(self):\n        s = Stack()\n        s.push(4)\n        s.push(5)\n"
        "        self.assertEqual(s.pop(), 5)\n        self.assertEqual(s.size, 1)\n"
        "    def test_empty(self):\n        with self.assertRaises(IndexError):\n"
        "            Stack().pop()\n"
        "    def test_len(self):\n        s = Stack()\n        s.push(1)\n"
        "        self.assertEqual(len(s), 1)\n        self.assertEqual(list(s), [1])\n"
    ),
    "asserts": asserts(
        ["s = Stack()\ns.push(3)\nassert s.pop() == 3", "s = Stack()\nassert len(s) == 0"]
    ),
}
