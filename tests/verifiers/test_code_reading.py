"""Ground truths, programs in answers, and comparisons: what needs no sandbox."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.sandbox.values import Opaque
from assay.verifiers.code.compare import FloatRule, SpecialRule, same, same_output
from assay.verifiers.code.extract import defines, extract
from assay.verifiers.code.languages import LANGUAGES, language_named
from assay.verifiers.code.truth import BadReference, read_task

F = "`" * 3
PY = LANGUAGES["python"]
CALLS = {"kind": "function", "entry_point": "f", "calls": [{"args": [1], "expected": 2}]}

# ground truths ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("truth", "kind", "count"),
    [
        pytest.param({"tests": CALLS}, "function", 1, id="ours"),
        pytest.param(CALLS, "function", 1, id="the-tests-alone"),
        pytest.param(json.dumps({"tests": CALLS}), "function", 1, id="as-json-text"),
        pytest.param(["assert f(1) == 2", "assert f(2) == 3"], "asserts", 2, id="list-of-asserts"),
        pytest.param({"test_list": ["assert f(1)"], "challenge_test_list": ["assert f(2)"],
                      "test_setup_code": ""}, "asserts", 2, id="mbpp"),
        pytest.param({"test": "def check(c): assert c(1)", "entry_point": "f"}, "check", None,
                     id="humaneval"),
        pytest.param({"inputs": ["1\n"], "outputs": ["2\n"]}, "stdio", 1, id="apps"),
        pytest.param({"inputs": [[1]], "outputs": [[2]], "fn_name": "f"}, "function", 1,
                     id="apps-function"),
        pytest.param({"inputs": ["1\n[2]"], "outputs": ["3"], "fn_name": "f"}, "function", 1,
                     id="function-by-lines"),
        pytest.param([{"input": "1", "output": "2", "testtype": "stdin"}], "stdio", 1,
                     id="livecodebench"),
        pytest.param({"test_cases": [{"input": "1", "output": "2"}]}, "stdio", 1, id="test-cases"),
        pytest.param({"input_output": json.dumps({"inputs": ["1"], "outputs": ["2"]})}, "stdio", 1,
                     id="input-output-text"),
    ],
)  # fmt: skip
def test_ground_truths_are_read(truth: Any, kind: str, count: int | None) -> None:
    tests = read_task(truth).tests
    assert tests.kind == kind
    held = getattr(tests, "calls", None) or getattr(tests, "cases", None)
    held = held or getattr(tests, "asserts", None)
    assert count is None or (held is not None and len(held) == count)


def test_python_literals_are_read() -> None:
    call = {"args": "((1, 2), {3})", "expected": [{"$py": "(1, b'x')"}]}
    tests: Any = read_task({"tests": {**CALLS, "calls": [call]}}).tests
    assert tests.calls[0].args == [(1, 2), {3}]
    assert tests.calls[0].expected == [(1, b"x")]


@pytest.mark.parametrize(
    ("truth", "told"),
    [
        pytest.param(None, "must be a mapping with 'tests', got None", id="none"),
        pytest.param("not json", "got 'not json'", id="text"),
        pytest.param("3", "got '3'", id="number"),
        pytest.param({}, "needs 'tests'", id="empty"),
        pytest.param([], "a list must hold", id="empty-list"),
        pytest.param({"tests": {"kind": "magic"}}, "'magic'", id="unknown-kind"),
        pytest.param({"tests": {**CALLS, "calls": []}}, "ground_truth.tests.calls", id="no-calls"),
        pytest.param({"tests": {**CALLS, "entry": "f"}}, "tests.entry: extra", id="unknown-key"),
        pytest.param({"tests": {**CALLS, "calls": [{"args": [1]}]}}, "calls.0.expected",
                     id="no-expected"),
        pytest.param({"tests": {**CALLS, "calls": [{"args": "f(", "expected": 1}]}},
                     "is not a Python literal", id="no-literal"),
        pytest.param({"tests": CALLS, "limits": {"time_s": 0}}, "limits.time_s", id="no-time"),
        pytest.param({"tests": CALLS, "compare": "exat"}, "did you mean 'exact'", id="compare"),
        pytest.param({"tests": CALLS, "language": "cobol"}, "must be one of bash", id="language"),
        pytest.param({"tests": CALLS, "language": "c"}, "takes 'stdio'", id="kind-for-c"),
        pytest.param({"inputs": ["1"], "outputs": []}, "1 inputs do not go with 0", id="uneven"),
        pytest.param("[" * 100_000, "must be a mapping", id="nested-text"),
    ],
)  # fmt: skip
def test_wrong_ground_truths_are_told(truth: Any, told: str) -> None:
    with pytest.raises(BadReference) as caught:
        read_task(truth)
    assert told in str(caught.value)


# programs in answers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(f"So:\n{F}python\nx = 1\n{F}\nDone.", "x = 1\n", id="fence"),
        pytest.param(f"{F}py\nx = 1\n{F}", "x = 1\n", id="short-tag"),
        pytest.param(f"{F}\nx = 1\n{F}", "x = 1\n", id="no-tag"),
        pytest.param(f"{F}python\nx = 1\n{F}\n{F}python\ny = 2\n{F}", "y = 2\n", id="last"),
        pytest.param(f"{F}python\nx = 1\n{F}\n{F}bash\nls\n{F}", "x = 1\n", id="other-language"),
        pytest.param(f"{F}python\ndef f(): 1\n{F}\n{F}python\nprint(f())\n{F}", "def f(): 1\n",
                     id="the-one-with-the-entry-point"),
        pytest.param(f"{F}python\nx = 1", "x = 1\n", id="never-closed"),
        pytest.param("~~~python\nx = 1\n~~~", "x = 1\n", id="tildes"),
        pytest.param(f"{F}`python\ns = '''\n{F}\n'''\n{F}`", f"s = '''\n{F}\n'''\n",
                     id="longer-fence"),
        pytest.param(f"1. this:\n   {F}python\n   if x:\n       y\n   {F}", "if x:\n    y\n",
                     id="in-a-list"),
        pytest.param("def f(x):\n    return x\n", "def f(x):\n    return x\n", id="bare"),
        pytest.param("    return x\n", "    return x\n", id="body"),
        pytest.param("\ufeffimport os\n", "import os\n", id="byte-order-mark"),
        pytest.param(f"{F}python\r\nx = 1\r\n{F}\r\n", "x = 1\r\n", id="crlf"),
    ],
)  # fmt: skip
def test_programs_are_found(text: str, code: str) -> None:
    assert extract(text, PY, "f", "last").code.rstrip("\n") == code.rstrip("\n")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "empty", id="empty"),
        pytest.param("I do not know.", "no code block", id="prose"),
        pytest.param(f"{F}java\nclass A {{}}\n{F}", "no block of python", id="other-language"),
        pytest.param(f"{F}python\n>>> f(1)\n2\n{F}", "transcript", id="transcript"),
        pytest.param("x" * 2_000_000, "longer than", id="too-long"),
    ],
)
def test_no_program(text: str, why: str) -> None:
    found = extract(text, PY, None, "last")
    assert why in found.why_not
    assert found.code == ""


def test_which_block() -> None:
    text = f"{F}python\na = 11111\n{F}\n{F}python\nb = 2\n{F}"
    assert extract(text, PY, None, "longest").code == "a = 11111\n"
    assert extract(text, PY, None, "joined").code == "a = 11111\n\nb = 2\n"


@given(st.text(alphabet="`~ \tpython\ndef f():", max_size=300))
def test_extraction_never_raises(text: str) -> None:
    found = extract(text, PY, "f", "last")
    assert bool(found.code) != bool(found.why_not)


@given(st.text(alphabet="abc =()\n\t", min_size=1, max_size=80).filter(str.strip))
def test_a_fenced_program_comes_out_whole(code: str) -> None:
    assert extract(f"text\n{F}python\n{code}\n{F}\nend", PY, None, "last").code == code + "\n"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("def f(x): 1", True),
        ("async def f(): 1", True),
        ("class f: 1", True),
        ("f = lambda: 1", True),
        ("f: int = 3", True),
        ("from m import f", True),
        ("def ff(): 1", False),
        ("    def f(): 1", False),
        ("f == 3", False),
        ("print(f)", False),
    ],
)
def test_defines(code: str, found: bool) -> None:
    assert defines("import os\n" + code, "f") is found


def test_every_language_is_found_by_its_tags() -> None:
    for row in LANGUAGES.values():
        assert all(language_named(tag.upper()) is row for tag in row.tags)


# comparisons --------------------------------------------------------------------------------

NEAR = FloatRule(kind="float", abs=1e-6, rel=1e-9)
TWINS = [k * (2**61 - 1) for k in range(1, 300)]


@pytest.mark.parametrize(
    ("got", "expected", "compare", "right"),
    [
        pytest.param(3, 3, "exact", True, id="equal"),
        pytest.param(True, 1, "exact", True, id="bool-is-int-as-in-python"),
        pytest.param(1.0, 1, "exact", True, id="float-is-int-as-in-python"),
        pytest.param((1, 2), [1, 2], "exact", False, id="tuple-is-no-list"),
        pytest.param([(1, 2)], [[1, 2]], "exact", False, id="nor-inside"),
        pytest.param({1: 2}, {"1": 2}, "exact", False, id="keys-are-not-texts"),
        pytest.param(0.1 + 0.2, 0.3, "exact", False, id="floats-exactly"),
        pytest.param(math.nan, math.nan, "exact", True, id="nan-where-expected"),
        pytest.param([math.nan], [1.0], "exact", False, id="nan-elsewhere"),
        pytest.param(Opaque("A", 1), 3, "exact", False, id="object"),
        pytest.param([Opaque("A", 1)], [3], "exact", False, id="object-inside"),
        pytest.param(0.1 + 0.2, 0.3, NEAR, True, id="near"),
        pytest.param([1.0000001], [1.0], NEAR, True, id="near-inside"),
        pytest.param(1.1, 1.0, NEAR, False, id="not-near"),
        pytest.param(10**15 + 1, 10**15, NEAR, False, id="never-on-integers"),
        pytest.param(1.0000000001, 1, NEAR, False, id="float-for-an-integer"),
        pytest.param(math.nan, 1.0, NEAR, False, id="nan-is-near-nothing"),
        pytest.param([3, 1, 2], [1, 2, 3], "unordered", True, id="unordered"),
        pytest.param([1, 1, 2], [1, 2, 2], "unordered", False, id="as-often"),
        pytest.param([[2], [1]], [[1], [2]], "unordered", True, id="unordered-lists"),
        pytest.param([[2], [2]], [[1], [2]], "unordered", False, id="unordered-lists-differ"),
        pytest.param(TWINS, TWINS, "unordered", False, id="made-to-collide"),
        pytest.param((2, 1, 1), [1, 2], "set", True, id="set"),
        pytest.param([(1, (2,))], [[1, [2]]], "sequence", True, id="sequence"),
        pytest.param(3, [3], "apps", True, id="apps"),
        pytest.param(4, [3], "apps", False, id="apps-differs"),
        pytest.param(-2.0000000001, 0.0, SpecialRule(kind="special", name="poly_zero"), True,
                     id="root"),
        pytest.param(1.0, 0.0, "poly_zero", False, id="no-root"),
        pytest.param(10**400, 0.0, "poly_zero", False, id="root-overflows"),
    ],
)  # fmt: skip
def test_values(got: Any, expected: Any, compare: Any, right: bool) -> None:
    assert same(got, expected, compare, [[4.0, 2.0]]) is right


@pytest.mark.parametrize(
    ("got", "expected", "compare", "right"),
    [
        pytest.param("1 2 \r\n\n", "1 2\n", "exact", True, id="blanks-at-ends"),
        pytest.param("1  2", "1 2", "exact", False, id="blanks-inside"),
        pytest.param(" 1", "1", "exact", False, id="blanks-before"),
        pytest.param("1", "1\n2", "exact", False, id="a-line-missing"),
        pytest.param("1\n2\n3", "1\n2", "exact", False, id="a-line-more"),
        pytest.param("", "", "exact", True, id="empty"),
        pytest.param("0.333333333", "0.333333334", NEAR, True, id="near"),
        pytest.param("nan", "0.5", NEAR, False, id="nan"),
        pytest.param("1.0", "1", NEAR, False, id="never-on-integers"),
        pytest.param("15511210043330985984000001", "15511210043330985984000000", NEAR, False,
                     id="25-factorial"),
        pytest.param("b\na", "a\nb", "unordered", True, id="lines-in-any-order"),
    ],
)  # fmt: skip
def test_outputs(got: str, expected: str, compare: Any, right: bool) -> None:
    assert same_output(got, expected, compare, "") is right
