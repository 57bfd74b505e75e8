"""``code.tests`` on the jail: right, wrong and hostile programs, for every kind of test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from assay.core.judging import OpenSource
from assay.core.types import Sample, Status, Verdict
from assay.verifiers.code.programs import code_io_property, code_tests

F = "`" * 3


@pytest.fixture(autouse=True)
def _jail(needs_jail: None) -> None:
    """Every test here runs programs."""


@pytest.fixture(scope="module")
def grade() -> Iterator[Any]:
    opened = OpenSource(code_tests, {"score": "fraction"}, "code.tests")

    def judged(program: str, truth: Any, language: str = "python", **more: Any) -> Verdict:
        completion = f"{F}{language}\n{program}\n{F}"
        return opened.judge_one(Sample(completion=completion, ground_truth=truth, **more))

    yield judged
    opened.close()


def calls(*rows: tuple[list[Any], Any], **more: Any) -> dict[str, Any]:
    listed = [{"args": args, "expected": expected} for args, expected in rows]
    return {"tests": {"kind": "function", "entry_point": "f", "calls": listed}, **more}


ADD = calls(([1, 2], 3), ([2, 2], 4), ([5, 5], 10))
STDIO = {"tests": {"kind": "stdio", "cases": [{"stdin": "1 2\n", "stdout": "3\n"},
                                              {"stdin": "4 5\n", "stdout": "9\n"}]}}  # fmt: skip
ASSERTS = ["assert f(1, 2) == 3", "assert f(2, 2) == 4", "assert abs(f(0.5, 1) - 1.5) < 1e-6"]
CHECK = {"entry_point": "f", "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n"
         "    for i in range(3):\n        assert candidate(i, i) == 2 * i\n"
         "    assert True\n"}  # fmt: skip
JUDGED = {"entry_point": "f", "test": "import random\ndef check(candidate):\n    for _ in range(5):"
          "\n        a = random.randint(0, 99)\n        assert candidate(a, 1) == a + 1\n"
          "    try:\n        candidate('a', 1)\n    except TypeError:\n        pass\n"
          "    else:\n        raise AssertionError('no')\n"}  # fmt: skip
UNIT = {"tests": {"kind": "unittest", "code": "import unittest\nclass T(unittest.TestCase):\n"
        "    def test_small(self):\n        self.assertEqual(f(1, 2), 3)\n"
        "    def test_large(self):\n        self.assertEqual(f(10, 20), 30)\n"}}  # fmt: skip
KINDS = [
    pytest.param(ADD, id="function"),
    pytest.param(ASSERTS, id="asserts"),
    pytest.param(CHECK, id="check"),
    pytest.param(JUDGED, id="check-judged-apart"),
    pytest.param(UNIT, id="unittest"),
]
RIGHT = "def f(a, b):\n    return a + b"
WRONG = {
    "none": "def f(a, b):\n    return None",
    "missing": "def g(a, b):\n    return a + b",
    "syntax": "def f(a, b)\n    return a + b",
    "raises": "def f(a, b):\n    raise ValueError('no')",
    "exit-at-import": "import sys\nsys.exit(0)",
    "exit-in-call": "def f(a, b):\n    import os\n    os._exit(0)",
    "says-yes": "class A:\n    __eq__ = __lt__ = __gt__ = __le__ = __ge__ = lambda s, o: True\n"
    "    __sub__ = __rsub__ = __abs__ = lambda s, *o: s\n    __float__ = lambda s: 0.0\n"
    "    __bool__ = lambda s: True\n    __hash__ = None\ndef f(a, b):\n    return A()",
    "int-says-yes": "class A(int):\n    def __eq__(s, o): return True\n    def __ne__(s, o):"
    " return False\n    __hash__ = None\n    def __sub__(s, o): return 0\n"
    "    def __lt__(s, o): return True\ndef f(a, b):\n    return A()",
    "nan": "def f(a, b):\n    return float('nan')",
    "patched": "import builtins, math, unittest\nunittest.TestCase.assertEqual = lambda *a: None\n"
    "builtins.abs = lambda x: 0\nbuiltins.range = lambda *a: ()\ndef f(a, b):\n    return 0",
    "skips": "import unittest\ndef f(a, b):\n    raise unittest.SkipTest('no')",
    "asserts-for-us": "def f(a, b):\n    raise StopIteration",
    "forges": "import os\nfor fd in range(3, 64):\n    try:\n"
    "        os.write(fd, b'15\\n{\"value\": true}' * 9)\n    except OSError: pass\n"
    "def f(a, b): return 0",
    "closes-all": "import os\nos.closerange(0, 256)\ndef f(a, b): return a + b",
}


@pytest.mark.parametrize("truth", KINDS)
def test_the_right_program_is_paid(grade: Any, truth: Any) -> None:
    verdict = grade(RIGHT, truth)
    assert (verdict.status, verdict.score, verdict.passed) == (Status.SCORED, 1.0, True), verdict
    assert set(verdict.parts.values()) == {1.0}


@pytest.mark.parametrize("truth", KINDS)
@pytest.mark.parametrize("program", WRONG.values(), ids=WRONG.keys())
def test_no_other_is(grade: Any, truth: Any, program: str) -> None:
    verdict = grade(program, truth)
    assert (verdict.status, verdict.score, verdict.passed) == (Status.SCORED, 0.0, False), verdict
    assert verdict.reason


@pytest.mark.parametrize(
    ("program", "score", "reason"),
    [
        pytest.param("print(sum(map(int, input().split())))", 1.0, "all 2", id="right"),
        pytest.param("import sys\nsys.stdout.buffer.write(b'%d\\n' % sum(map(int,"
                     " sys.stdin.buffer.read().split())))", 1.0, "all 2", id="bytes"),
        pytest.param("print(3)", 0.5, "case 2: wrong output", id="half"),
        pytest.param("print(3); import sys; sys.exit(1)", 0.0, "status 1", id="status"),
        pytest.param("print(3, end='\\0')", 0.0, "not text", id="nul"),
        pytest.param("import os; os.write(1, b'\\xff')", 0.0, "not text", id="not-utf-8"),
        pytest.param("print(' ' * 10**7)", 0.0, "wrote too much", id="flood"),
        pytest.param("raise SystemExit('no')", 0.0, "status 1", id="raises"),
    ],
)  # fmt: skip
def test_stdio(grade: Any, program: str, score: float, reason: str) -> None:
    verdict = grade(program, STDIO)
    assert verdict.score == score, verdict
    assert reason in verdict.reason


LANGUAGE_ROWS = {
    "javascript": ("const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ').map(Number);"
                   "console.log(a + b)"),
    "c": '#include <stdio.h>\nint main() {int a, b; scanf("%d %d", &a, &b);'
         ' printf("%d\\n", a + b);}',
    "cpp": "#include <iostream>\nint main() {int a, b; std::cin >> a >> b; std::cout << a + b;}",
    "bash": "read a b; echo $((a + b))",
    "java": "import java.util.*;\npublic class Main { public static void main(String[] x) {"
            " Scanner s = new Scanner(System.in);"
            " System.out.println(s.nextInt() + s.nextInt()); } }",
    "go": 'package main\nimport "fmt"\nfunc main() { var a, b int; fmt.Scan(&a, &b);'
          " fmt.Println(a + b) }",
    "rust": "use std::io::*;\nfn main() { let mut s = String::new();"
            " stdin().read_to_string(&mut s).unwrap(); let t: i32 ="
            " s.split_whitespace().map(|x| x.parse::<i32>().unwrap()).sum();"
            ' println!("{}", t); }',
}  # fmt: skip


@pytest.mark.parametrize(("language", "program"), LANGUAGE_ROWS.items(), ids=LANGUAGE_ROWS.keys())
def test_languages(grade: Any, language: str, program: str, require: Any) -> None:
    verdict = grade(program, {**STDIO, "language": language, "limits": {"time_s": 5}}, language)
    if verdict.evidence.get("missing"):
        assert verdict.status is Status.FAILED
        assert "is no" in verdict.reason
        require(None, language, f"install it ({verdict.reason})")
    assert verdict.score == 1.0, verdict


def test_sql(grade: Any) -> None:
    truth = {"language": "sql", "tests": {"kind": "stdio", "setup": "create table t(a, b);",
             "cases": [{"stdin": "insert into t values (1, 'x;y'), (2, null);",
                        "stdout": "2|\n1|x;y\n"}]}}  # fmt: skip
    assert grade("select a, b from t order by a desc;", truth, "sql").score == 1.0
    wrong = grade("select a from u", truth, "sql")
    assert wrong.score == 0.0
    assert "no such table" in wrong.evidence["stderr"]


def test_a_program_that_does_not_compile(grade: Any) -> None:
    verdict = grade("int main( {", {**STDIO, "language": "c"}, "c")
    if not verdict.evidence.get("missing"):
        assert "does not compile" in verdict.reason
        assert "error" in verdict.evidence["stderr"]


def test_calls_before_a_fatal_one_count(grade: Any) -> None:
    fatal = "def f(a, b):\n    if a == 5:\n        import os; os._exit(0)\n    return a + b"
    verdict = grade(fatal, ADD)
    assert verdict.parts == {"call 1": 1.0, "call 2": 1.0, "call 3": 0.0}
    assert "exit status 0" in verdict.reason
    assert "f(5, 5)" in verdict.reason


def test_a_call_that_hangs_costs_its_time_only(grade: Any) -> None:
    hangs = "def f(a, b):\n    while a == 2: pass\n    return a + b"
    verdict = grade(hangs, {**ADD, "limits": {"time_s": 0.5}})
    assert verdict.parts == {"call 1": 1.0, "call 2": 0.0, "call 3": 0.0}
    assert "took too long" in verdict.reason
    assert verdict.evidence["cpu_s"] < 3.5


CLASSES = """
class Empty(ValueError):
    pass
class Vector:
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, other): return Vector(self.x + other.x, self.y + other.y)
    def __mul__(self, k): return Vector(self.x * k, self.y * k)
    def __eq__(self, other): return isinstance(other, Vector) and vars(self) == vars(other)
    def __repr__(self): return f"Vector({self.x}, {self.y})"
    def __iter__(self): return iter((self.x, self.y))
    def __len__(self): return 2
    def __getitem__(self, key): return [self.x, self.y][key]
class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def pop(self):
        if not self.items: raise Empty("nothing to pop")
        return self.items.pop()
    def __contains__(self, item): return item in self.items
def apply(function, value): return function(value)
def sort_it(items): items.sort()
def count(n): yield from range(n)
def only(values, kind): return [v for v in values if type(v) is kind]
"""


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("self.assertEqual(Vector(1, 2) + Vector(3, 4), Vector(4, 6))", id="add"),
        pytest.param("self.assertEqual((Vector(1, 2) * 3).y, 6)", id="multiply"),
        pytest.param("self.assertNotEqual(Vector(1, 2), Vector(1, 3))", id="not-equal"),
        pytest.param("self.assertEqual(repr(Vector(1, 2)), 'Vector(1, 2)')", id="repr"),
        pytest.param("self.assertEqual([*Vector(1, 2)], [1, 2])", id="iterate"),
        pytest.param("v = Vector(1, 2); self.assertEqual((len(v), v[0:1]), (2, [1]))", id="get"),
        pytest.param("self.assertIsInstance(Vector(1, 2), Vector)", id="instance"),
        pytest.param("v = Vector(1, 2); v.x = 5; self.assertEqual(v.x, 5)", id="set-attribute"),
        pytest.param("s = Stack(); s.push('a'); self.assertIn('a', s)", id="contains"),
        pytest.param("with self.assertRaises(Empty): Stack().pop()", id="own-exception"),
        pytest.param("with self.assertRaisesRegex(ValueError, 'nothing'): Stack().pop()",
                     id="its-base"),
        pytest.param("self.assertEqual(apply(lambda x: x + 1, 2), 3)", id="function-passed-on"),
        pytest.param("a = [3, 1]; sort_it(a); self.assertEqual(a, [1, 3])", id="in-place"),
        pytest.param("self.assertEqual(list(count(3)), [0, 1, 2])", id="generator"),
        pytest.param("self.assertEqual(only([1, 'a'], str), ['a'])", id="type-passed-on"),
        pytest.param("from solution import Stack as S; self.assertEqual(S().items, [])",
                     id="imported"),
    ],
)  # fmt: skip
def test_class_tasks(grade: Any, body: str) -> None:
    code = f"import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        {body}\n"
    verdict = grade(CLASSES, {"tests": {"kind": "unittest", "code": code}})
    assert verdict.passed is True, verdict
    assert "a process that never ran the program" in verdict.evidence["trust"]


def test_a_program_does_not_change_what_it_is_compared_with(grade: Any) -> None:
    truth = ["import copy\ndata = [3, 1, 2]\nassert f(data) == sorted(data)"]
    empties = "def f(items):\n    items.clear()\n    return []"
    assert grade(empties, truth).passed is False
    assert grade("def f(items):\n    return sorted(items)", truth).passed is True


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        pytest.param(None, "must be a mapping", id="none"),
        pytest.param(["f(1) == 2"], "no assert statement", id="no-assert"),
        pytest.param(["assert"], "is not Python", id="syntax"),
        pytest.param({"test": "x = 1", "entry_point": "f"}, "no check", id="no-check"),
        pytest.param({"tests": {"kind": "unittest", "code": "x = 1"}}, "no test", id="no-test"),
    ],
)
def test_bad_references(grade: Any, truth: Any, told: str) -> None:
    verdict = grade(RIGHT, truth)
    assert verdict.status is Status.BAD_REFERENCE
    assert verdict.score is None
    assert told in verdict.reason


def test_names_that_python_has_may_be_the_programs(grade: Any) -> None:
    own = "def sum(a, b):\n    return a * b"
    assert grade(own, ["assert sum(3, 4) == 12"]).passed is True


def test_a_body_continues_the_prompt() -> None:
    opened = OpenSource(code_tests, {}, "code.tests")
    prompt = "def f(a, b):\n    '''Add.'''\n"
    sample = Sample(prompt=prompt, completion="    return a + b\n", ground_truth=CHECK)
    assert opened.judge_one(sample).passed is True
    opened.close()


def test_settings() -> None:
    settings = {"hide_cases": True, "early_stop": True, "budget_s": 4}
    opened = OpenSource(code_tests, settings, "code.tests")
    completion = f"{F}python\ndef f(a, b): return 3\n{F}"
    verdict = opened.judge_one(Sample(completion=completion, ground_truth=ADD))
    opened.close()
    assert (verdict.score, verdict.passed) == (0.0, False)
    assert verdict.reason == "1 of 3 tests pass; call 2: wrong value"
    assert "expected" not in str(dict(verdict.evidence))
    assert verdict.evidence["failed"]["call 3"].startswith("not run")


def test_the_same_test_twice_counts_once(grade: Any) -> None:
    verdict = grade(RIGHT, calls(([1, 2], 3), ([1, 2], 3)))
    assert verdict.evidence["tests"] == 1
    assert verdict.evidence["folded"] == 1


def test_a_budget_ends_the_rest(grade: Any) -> None:
    cases = [{"stdin": str(n), "stdout": "x"} for n in range(50)]
    opened = OpenSource(code_tests, {"budget_s": 0.5, "time_s": 0.3}, "code.tests")
    completion = f"{F}python\nwhile True: pass\n{F}"
    truth = {"tests": {"kind": "stdio", "cases": cases}}
    verdict = opened.judge_one(Sample(completion=completion, ground_truth=truth))
    opened.close()
    assert verdict.score == 0.0
    assert verdict.evidence["runs"] < 6


def test_io_property() -> None:
    checker = ("import json, sys\ntold = json.load(sys.stdin)\n"
               "a, b = map(int, told['output'].split())\n"
               "sys.exit(0 if a + b == int(told['input']) else 1)\n")  # fmt: skip
    truth = {"checker": checker, "cases": [{"stdin": "5"}, {"stdin": "9"}]}
    opened = OpenSource(code_io_property, {}, "code.io_property")
    good = f"{F}python\nn = int(input())\nprint(1, n - 1)\n{F}"
    bad = f"{F}python\nprint('exit 0')\n{F}"
    assert opened.judge_one(Sample(completion=good, ground_truth=truth)).score == 1.0
    assert opened.judge_one(Sample(completion=bad, ground_truth=truth)).score == 0.0
    refused = opened.judge_one(Sample(completion=good, ground_truth=ADD))
    assert refused.status is Status.BAD_REFERENCE
    opened.close()


def test_a_name_as_a_statement_does_nothing(grade: Any) -> None:
    code = (
        "def check(candidate):\n    print\n    for i in (1, 2):\n        len\n"
        "    assert candidate(1) == 2"
    )
    truth = {"tests": {"kind": "check", "test": code, "entry_point": "f"}}
    verdict = grade("def f(x): return x + 1", truth)
    assert verdict.passed is True
    assert "second_sandbox" not in verdict.evidence
    assert grade("def f(x): return x", truth).passed is False


@pytest.mark.parametrize(
    ("value", "other"),
    [
        ((0, 1), [0, 1]),
        ([0, (1,)], [0, [1]]),
        ({0}, [0]),
        (1j, 1),
        ({(1, 2): 3}, None),
        (b"a", "a"),
    ],
)
def test_plain_values_of_python_stay_what_they_are(grade: Any, value: Any, other: Any) -> None:
    """A ground truth that was never JSON may hold what JSON does not have."""
    calls_ = [{"args": [value], "expected": value}]
    truth = {"tests": {"kind": "function", "entry_point": "f", "calls": calls_}}
    assert grade("def f(x): return x", truth, id="a").passed is True
    assert grade(f"def f(x): return {other!r}", truth, id="b").passed is False


def test_the_order_of_a_mapping_stays(grade: Any) -> None:
    calls_ = [{"args": [{"b": 1, "a": 1}], "expected": ["b", "a"]}]
    truth = {"tests": {"kind": "function", "entry_point": "f", "calls": calls_}}
    assert grade("def f(x): return list(x)", truth).passed is True


def test_no_plain_value_is_a_bad_reference(grade: Any) -> None:
    truth = {"tests": {"kind": "function", "entry_point": "f",
                       "calls": [{"args": [object()], "expected": 1}]}}  # fmt: skip
    verdict = grade("def f(x): return x", truth, id="a")
    assert verdict.status is Status.BAD_REFERENCE
    assert "no plain value" in verdict.reason
