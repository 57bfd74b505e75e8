"""Simple test code: evaluated as Python does, or left to a second sandbox."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from assay.verifiers.code.kinds.allowed import changes_a_list, fold, nodes_of, why_not
from assay.verifiers.code.kinds.guards import NeedsJudge
from assay.verifiers.code.kinds.machine import CallFailed, Machine
from assay.verifiers.code.kinds.plain import read
from assay.verifiers.code.kinds.plans import plan_of_asserts
from assay.verifiers.code.truth import AssertTests, BadReference


def same(*args: Any, **kwargs: Any) -> Any:
    """The program: gives back what it is given, and raises for nothing."""
    if not args and not kwargs:
        raise ValueError("nothing")
    if kwargs:
        return kwargs
    return args[0] if len(args) == 1 else list(args)


CODE = [
    "assert f(1) == 1",
    "assert f(1) == 2",
    "assert f(1, 2) == [1, 2] and f(3) == 3",
    "assert f(0) or f(5)",
    "assert not f([])",
    "assert f(1) < f(2) < f(3) <= 3 != 4",
    "assert f(1) < f(3) < f(2)",
    "assert f('abc')[1] == 'b' and f('abcd')[1:3] == 'bc' and f('abcd')[::-1] == 'dcba'",
    "assert f([1, 2, 3])[-2:] == [2, 3] and f([1, 2, 3])[:1] == [1]",
    "assert f([1, 2])[5] == 2",
    "assert f([1, 2])[0:1, 0] == 2",
    "assert f({'a': [1, (2,)]})['a'][1] == (2,)",
    "assert f(x=1, y=[2]) == {'x': 1, 'y': [2]}",
    "assert (1 if f(0) else 2) == 2",
    "assert f(7) // 2 == 3 and f(7) % 4 == 3 and -f(7) == -7",
    "assert f(7) / 2 == 3.5 and f(2) ** 5 == 32",
    "assert f(7) / 0 == 1",
    "assert f('a') + 1 == 'a'",
    "assert [f(i) * 2 for i in range(4)] == [0, 2, 4, 6]",
    "assert [f(i) for i in range(9) if i % 2 if i > 2] == [3, 5, 7]",
    "assert [f(i) + j for i in range(3) for j in range(i)] == [1, 2, 3]",
    "assert {f(i) % 3 for i in range(9)} == {0, 1, 2}",
    "assert {k: f(v) for k, v in {'a': 1, 'b': 2}.items()} == {'a': 1, 'b': 2}",
    "assert all(f(i) == i for i in range(5)) and any(f(i) > 3 for i in range(5))",
    "assert all(f(i) == i for i in range(5)) and any(f(i) > 4 for i in range(5))",
    "assert sum(f([1, 2, 3])) == 6 and max(f([1, 3])) == 3 and sorted(f([2, 1])) == [1, 2]",
    "assert sorted(f([2, 1]), reverse=True) == [2, 1] and list(reversed(f([1, 2]))) == [2, 1]",
    "assert list(zip(f([1, 2]), 'ab')) == [(1, 'a'), (2, 'b')]",
    "assert [i for i, x in enumerate(f('ab')) if x == 'b'] == [1]",
    "assert isinstance(f(1), int) and not isinstance(f(1), (str, list)) and type(f('')) == str",
    "assert round(f(2.567), 1) == 2.6 and abs(f(-2)) == 2 and len(f('abc')) == 3",
    "assert f('a b').split() == ['a', 'b'] and f('ab').upper() == 'AB'",
    "assert '-'.join(f(['a', 'b'])) == 'a-b'",
    "assert f({1: 2}).get(1) == 2 and list(f({1: 2}).keys()) == [1] and f([1, 1]).count(1) == 2",
    "assert f({1, 2}).issubset({1, 2, 3}) and f({1, 2}) | {3} == {1, 2, 3}",
    "import math\nassert math.isclose(f(0.1) + 0.2, 0.3) and math.floor(f(2.5)) == 2",
    "import math\nassert f(3) < math.pi < f(4)",
    "from math import sqrt, pi\nassert sqrt(f(4)) == 2 and pi > f(3)",
    "import copy\nx = [[1]]\ny = copy.deepcopy(x)\nassert f(y) == x",
    "import string\nassert f('q') in string.ascii_lowercase and f('Q') not in string.digits",
    "a, b = 1, [2]\nassert f(a) == 1 and f(b) == [2]",
    "xs = []\nfor i in range(5):\n    xs.append(i * i)\nassert f(xs) == [0, 1, 4, 9, 16]",
    "xs = []\nfor i in range(3):\n    xs.append(i)\n    assert f(xs) == xs\nassert len(xs) == 3",
    "xs = [1]\nys = xs\nys.append(3)\nassert f(xs) == [1, 3]",
    "xs = [1]\nys = [xs, xs]\nxs.append(3)\nassert f(ys) == [[1, 3], [1, 3]]",
    "for xs in [[1], [2]]:\n    xs.append(3)\n    assert f(xs)[1:] == [3]",
    "rows = [[1], [2]]\nfor xs in rows:\n    xs.append(3)\nassert f(rows) == [[1, 3], [2, 3]]",
    "for xs, _ in (([1], 2), ([2], 3)):\n    xs.append(3)\n    assert f(xs)[1:] == [3]",
    "for a, b in [(1, 2), (3, 4)]:\n    assert f(a) + 1 == b",
    "for i in range(4):\n    if i % 2:\n        assert f(i) == i\n    else:\n        assert f(2)",
    "for i in range(3):\n    for j in range(i):\n        assert f(i, j) == [i, j]",
    "i = 7\nassert [i for i in range(3)] == [0, 1, 2] and i == 7 and f(i) == 7",
    "assert f()",
    "assert f() == 1 or True",
    "x = f()\nassert f(1) == 1",
    "assert f(1) is None",
    "assert f(None) is None and f(1) is not None",
    "assert (f(1), 2) == (1, 2) and [f(1)] != [2] and {'a': f(1)} == {'a': 1}",
    "assert ~f(5) & 3 | 4 == 6",
    "assert min(f(3), 5) == 3 and divmod(f(7), 2) == (3, 1) and ord(f('a')) == 97",
]  # fmt: skip


def of_python(code: str) -> tuple[list[bool], bool]:
    """How each assertion that is reached turns out, and whether all of the code runs."""
    tree = ast.parse(code)
    heard: list[bool] = []
    for node in ast.walk(tree):
        for name in ("body", "orelse"):
            statements = getattr(node, name, None)
            if isinstance(statements, list):
                setattr(node, name, [_noted(s) for s in statements])
    names = {"f": same, "heard": heard}
    try:
        exec(compile(ast.fix_missing_locations(tree), "test", "exec"), names)
    except Exception:
        return heard, False
    return heard, True


def _noted(statement: ast.stmt) -> ast.stmt:
    if not isinstance(statement, ast.Assert):
        return statement
    (noting,) = ast.parse(
        "try:\n    heard.append(bool(0))\nexcept Exception:\n    heard.append(False)"
    ).body
    for node in ast.walk(noting):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "bool"
        ):
            node.args = [statement.test]
    return noting


def of_ours(code: str) -> tuple[list[bool], bool]:
    """The same by the evaluator."""
    body = ast.parse(code).body
    nodes = nodes_of(body)
    assert why_not(nodes, {"f"}) == ""
    fold(nodes)
    heard: list[bool] = []

    def ask(node: ast.Call, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        try:
            return same(*args, **kwargs)
        except ValueError as error:
            raise CallFailed(str(error)) from None

    code_read = read(body, {"f"}, changing=changes_a_list(nodes))
    ran = True
    for _ in range(2):  # as for two programs, one after the other
        heard.clear()
        try:
            Machine(ask).run(code_read, lambda node, passed, why: heard.append(passed))
        except CallFailed:
            ran = False
    return heard, ran


@pytest.mark.parametrize("code", CODE)
def test_it_is_what_python_says(code: str) -> None:
    assert of_ours(code) == of_python(code)


BEYOND = [
    "assert f(1) == g",
    "f(1)\nassert f(1) == 1",
    "class A: pass\nassert f(1) == 1",
    "try:\n    f(1)\nexcept ValueError:\n    pass\nassert f(1) == 1",
    "assert (lambda x: x)(f(1)) == 1",
    "assert f(1).real == 1",
    "assert f'{f(1)}' == '1'",
    "x = 1\nx += 1\nassert f(1) == 1",
    "f = 3\nassert f == 3",
]


@pytest.mark.parametrize("code", BEYOND)
def test_code_beyond_it_is_known_before_it_runs(code: str) -> None:
    assert why_not(nodes_of(ast.parse(code).body), {"f"}) != ""


COSTLY = [
    "assert f(2) ** 100000 ** 2 == 1",
    "assert len(f('a') * 10000000) == 1",
    "assert [0 for _ in range(10 ** 9)] == f(1)",
    "assert len(list(range(10 ** 9))) == f(1)",
    "for i in range(1000):\n    for j in range(1000):\n        assert f(1) == 1",
    "assert sum([i * j for i in range(1000) for j in range(1000)]) == f(1)",
    "assert '%1000000000d' % f(1) == ''",
    "assert round(f(1.5), 100000) == 1.5",
]


@pytest.mark.parametrize("code", COSTLY)
def test_what_could_take_long_is_given_up(code: str) -> None:
    with pytest.raises(NeedsJudge):
        of_ours(code)


def test_depth_is_no_fault() -> None:
    kinds = set()
    for size in (*range(300, 500, 5), 1000, 2000, 3000, 9000):
        code = "assert f(1) == " + "+".join(["1"] * size)
        try:
            kinds.add(plan_of_asserts(AssertTests(kind="asserts", asserts=[code])).reason)
        except BadReference:
            kinds.add("refused")
    assert {"", "refused"} <= kinds
