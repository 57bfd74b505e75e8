"""Honest functions, classes and answers in all kinds of tests: right and wrong ones.

Not covered: scripts; see ``honest_scripts``.
"""

# ruff: noqa: E501, ISC004 - tables of programs: one that fits a line stays on it

from __future__ import annotations

import json
from typing import Any

from .case import FENCE, Case
from .tasks import ADD, MEAN, ORDER, STACK, asserts, calls, check, truth, unit

__all__ = ["CASES"]

COUNTS = calls("f", [(("aab",), {"a": 2, "b": 1}), (("",), {})])
LIST = calls("f", [((3,), [0, 1, 2]), ((0,), [])])
INT_KEYS = check("f", "def check(candidate):\n    assert candidate([1, 1, 2]) == {1: 2, 2: 1}\n"
                 "    assert candidate([]) == {}\n")  # fmt: skip
TUPLES = asserts(["assert f(7, 2) == (3, 1)", "assert f(9, 3) == (3, 0)"])
SETS = asserts(["assert f([1, 1, 2]) == {1, 2}", "assert set(f([3])) == {3}"])
FIB = calls("f", [((10,), 55), ((90,), 2880067194370816120)])
HUGE = calls("f", [((300,), 2**300), ((5000,), 2**5000)])
DEEP = calls("f", [((2,), [[[]]]), ((50,), json.loads("[" * 51 + "]" * 51))])
TEXT = calls("f", [(("żółw",), "włóż"), (("a\u0000b",), "b\u0000a")])
NAN = check("f", "import math\ndef check(candidate):\n    assert math.isnan(candidate('nan'))\n"
            "    assert candidate('1.5') == 1.5\n")  # fmt: skip
RAISES = unit("import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n"
              "        with self.assertRaises(ValueError):\n            f(-1)\n"
              "        self.assertEqual(f(4), 2)\n")  # fmt: skip
BOOL = asserts(["assert f(4) == True", "assert f(5) == False", "assert not f(7)"])
VECTOR = unit(
    "import unittest\nclass T(unittest.TestCase):\n"
    "    def test_add(self):\n        v = Vector(1, 2) + Vector(3, 4)\n"
    "        self.assertEqual((v.x, v.y), (4, 6))\n"
    "    def test_equal(self):\n        self.assertEqual(Vector(1, 2), Vector(1, 2))\n"
    "        self.assertNotEqual(Vector(1, 2), Vector(2, 1))\n"
    "    def test_scale(self):\n        self.assertEqual((Vector(1, 2) * 3).y, 6)\n"
    "        self.assertEqual(abs(Vector(3, 4)), 5.0)\n"
    "    def test_text(self):\n        self.assertEqual(str(Vector(1, 2)), '(1, 2)')\n"
)
ACCOUNT = unit(
    "import unittest\nclass T(unittest.TestCase):\n    def setUp(self):\n"
    "        self.a = Account('Ada', 10)\n"
    "    def test_deposit(self):\n        self.a.deposit(5)\n"
    "        self.assertEqual(self.a.balance, 15)\n"
    "    def test_overdraw(self):\n        with self.assertRaises(ValueError):\n"
    "            self.a.withdraw(100)\n        self.assertEqual(self.a.balance, 10)\n"
    "    def test_history(self):\n        self.a.deposit(1)\n        self.a.withdraw(2)\n"
    "        self.assertEqual(self.a.history, [1, -2])\n        self.assertIn(-2, self.a.history)\n"
    "    def test_owner(self):\n        self.assertTrue(self.a.owner.startswith('A'))\n"
)
CACHE = asserts(
    ["c = Cache(2)\nc.put(1, 'a')\nc.put(2, 'b')\nc.get(1)\nc.put(3, 'c')\nassert c.get(2) is None",
     "c = Cache(1)\nc.put(1, 'a')\nassert c.get(1) == 'a'"]
)  # fmt: skip
UNORDERED = {**calls("f", [(([3, 1, 2],), [1, 2, 3])]), "compare": "unordered"}
FLOATS = {**calls("f", [((2,), 1.41421356), ((9,), 3)]),
          "compare": {"kind": "float", "abs": 1e-6, "rel": 0.0}}  # fmt: skip
STATEFUL = calls("f", [((1,), 1), ((2,), 3), ((3,), 6)])
MANY = calls("f", [((i,), i * i) for i in range(300)])
LOOPED = check("f", "def check(candidate):\n    for i in range(20):\n"
               "        assert candidate(i) == i * i\n    x = candidate(3)\n"
               "    assert candidate(x) == 81\n")  # fmt: skip
GIVEN = truth({"kind": "function", "entry_point": "f", "setup": "import math\nSTEP = 2",
               "calls": [{"args": [3], "kwargs": {}, "expected": 8}]})  # fmt: skip
SETUP = truth({"kind": "asserts", "setup": "import math\nLIMIT = 3",
               "asserts": ["assert f(LIMIT) == math.factorial(3)", "assert f(0) == 1"]})  # fmt: skip

_F = "def f(s):\n    return "
RIGHT: list[tuple[str, dict[str, Any], str]] = [
    ("plain[function]", ADD["function"], "def add(a, b):\n    return a + b"),
    ("plain[asserts]", ADD["asserts"], "def add(a, b):\n    return a + b"),
    ("plain[check]", ADD["check"], "def add(a, b):\n    return a + b"),
    ("plain[unittest]", ADD["unittest"], "def add(a, b):\n    return a + b"),
    ("lambda", ADD["check"], "add = lambda a, b: a + b"),
    ("builtin-as-entry", ADD["function"], "from operator import add"),
    ("partial", ADD["function"], "import functools, operator\nadd = functools.partial(operator.add)"),
    ("callable-object", ADD["asserts"], "class Add:\n    def __call__(self, a, b):\n        return a + b\n"
     "add = Add()"),
    ("decorated", ADD["unittest"], "import functools\ndef log(f):\n    @functools.wraps(f)\n"
     "    def g(*a, **k):\n        print('called', a)\n        return f(*a, **k)\n    return g\n"
     "@log\ndef add(a, b):\n    return a + b"),
    ("defaults-and-annotations", ADD["check"], "from typing import Any\n"
     "def add(a: int, b: 'Any' = 0, *rest: int, **more: int) -> int:\n    return a + b"),
    ("future-annotations", ADD["function"], "from __future__ import annotations\n"
     "def add(a: Undefined, b: Nothing) -> Never:\n    return a + b"),
    ("docstring-with-quotes", ADD["function"], 'def add(a, b):\n    """Adds.\n\n    >>> add(1, 2)\n'
     '    3\n    """\n    return a + b'),
    ("helper-named-check", ADD["check"], "def check(x):\n    return x\ndef add(a, b):\n"
     "    return check(a) + check(b)"),
    ("helper-named-candidate", ADD["check"], "def candidate(x):\n    return x\nresult = passed = None\n"
     "def add(a, b):\n    return candidate(a) + b"),
    ("shadows-builtins-by-habit", ADD["asserts"], "def add(list, str):\n    sum = list + str\n    return sum"),
    ("own-asserts-at-the-end", ADD["function"], "def add(a, b):\n    return a + b\n\n"
     "assert add(1, 1) == 2\nif __name__ == '__main__':\n    print(add(2, 2))"),
    ("prints-in-calls", ADD["function"], "def add(a, b):\n    print('adding', a, b)\n    return a + b"),
    ("prints-at-import", ADD["unittest"], "print('{\"value\": 0}')\ndef add(a, b):\n    return a + b"),
    ("full-width-name", ADD["function"], "def ａｄｄ(a, b):\n    return a + b"),
    ("crlf", ADD["function"], "def add(a, b):\r\n    return a + b\r\n"),
    ("bom", ADD["check"], "\ufeffdef add(a, b):\n    return a + b"),
    ("two-definitions", ADD["asserts"], "def add(a, b):\n    return 0\n\ndef add(a, b):\n    return a + b"),
    ("bitwise", ADD["function"], "def add(a, b):\n    return sum((a, b))"),
    ("recursive", ADD["check"], "def add(a, b):\n    return add(a - 1, b + 1) if 0 < a < 500 else a + b"),
    ("counter", COUNTS, "from collections import Counter\n" + _F + "Counter(s)"),
    ("defaultdict", COUNTS, "from collections import defaultdict\ndef f(s):\n    d = defaultdict(int)\n"
     "    for c in s:\n        d[c] += 1\n    return d"),
    ("ordered-dict", COUNTS, "from collections import OrderedDict\n"
     + _F + "OrderedDict((c, s.count(c)) for c in s)"),
    ("comprehension", COUNTS, _F + "{c: s.count(c) for c in s}"),
    ("int-keys", INT_KEYS, _F + "{x: s.count(x) for x in s}"),
    ("tuple-result", TUPLES, "def f(a, b):\n    return divmod(a, b)"),
    ("set-result", SETS, _F + "set(s)"),
    ("list-of-generator", LIST, "def gen(n):\n    yield from range(n)\ndef f(n):\n    return [*gen(n)]"),
    ("append-loop", LIST, "def f(n):\n    out = []\n    for i in range(n):\n        out.append(i)\n    return out"),
    ("lru-cache", FIB, "from functools import lru_cache\n@lru_cache(None)\ndef f(n):\n"
     "    return n if n < 2 else f(n - 1) + f(n - 2)"),
    ("cache", FIB, "import functools\n@functools.cache\ndef f(n):\n"
     "    return n if n < 2 else f(n - 1) + f(n - 2)"),
    ("memo-dict", FIB, "memo = {}\ndef f(n):\n    if n < 2:\n        return n\n    if n not in memo:\n"
     "        memo[n] = f(n - 1) + f(n - 2)\n    return memo[n]"),
    ("match-statement", FIB, "def f(n):\n    a, b = 0, 1\n    while n:\n        match n:\n"
     "            case _:\n                a, b, n = b, a + b, n - 1\n    return a"),
    ("huge-ints", HUGE, "def f(n):\n    return 2 ** n"),
    ("nested-lists", DEEP, "def f(n):\n    x = []\n    for _ in range(n):\n        x = [x]\n    return x"),
    ("odd-text", TEXT, _F + "s[::-1]"),
    ("nan-on-purpose", NAN, _F + "float(s)"),
    ("raises-as-told", RAISES, "import math\ndef f(n):\n    if n < 0:\n        raise ValueError('negative')\n"
     "    return math.isqrt(n)"),
    ("own-subclass-of-error", RAISES, "class Bad(ValueError):\n    pass\ndef f(n):\n    if n < 0:\n"
     "        raise Bad(n)\n    return int(n ** 0.5)"),
    ("bool-result", BOOL, "def f(n):\n    return n % 2 == 0"),
    ("mean-statistics", MEAN["almost"], "import statistics\ndef mean(v):\n    return statistics.fmean(v)"),
    ("mean-close", MEAN["close"], "def mean(v):\n    return sum(v) / len(v) + 1e-9"),
    ("mean-negated", MEAN["negated"], "def mean(v):\n    return sum(v) / len(v)"),
    ("mean-isclose", MEAN["isclose"], "def mean(v):\n    return sum(v) / len(v)"),
    ("sorted", ORDER["inside"], "def order(v):\n    return sorted(v)"),
    ("heap", ORDER["function"], "import heapq\ndef order(v):\n    heapq.heapify(v)\n"
     "    return [heapq.heappop(v) for _ in range(len(v))]"),
    ("in-place-and-returned", ORDER["check"], "def order(v):\n    v.sort()\n    return v"),
    ("stack[unittest]", STACK["unittest"], "class Stack:\n    def __init__(self):\n        self.items = []\n"
     "    @property\n    def size(self):\n        return len(self.items)\n"
     "    def push(self, x):\n        self.items.append(x)\n    def pop(self):\n"
     "        return self.items.pop()\n    def __len__(self):\n        return len(self.items)\n"
     "    def __iter__(self):\n        return iter(self.items)"),
    ("stack[asserts]", STACK["asserts"], "class Stack(list):\n    push = list.append"),
    ("vector-dataclass", VECTOR, "from dataclasses import dataclass\n@dataclass(frozen=True)\n"
     "class Vector:\n    x: float\n    y: float\n    def __add__(self, o):\n"
     "        return Vector(self.x + o.x, self.y + o.y)\n    def __mul__(self, k):\n"
     "        return Vector(self.x * k, self.y * k)\n    def __abs__(self):\n"
     "        return (self.x ** 2 + self.y ** 2) ** 0.5\n    def __str__(self):\n"
     "        return f'({self.x}, {self.y})'"),
    ("account", ACCOUNT, "class Account:\n    def __init__(self, owner, balance=0):\n"
     "        self.owner, self.balance, self.history = owner, balance, []\n"
     "    def deposit(self, n):\n        self.balance += n\n        self.history.append(n)\n"
     "    def withdraw(self, n):\n        if n > self.balance:\n            raise ValueError('too much')\n"
     "        self.deposit(-n)"),
    ("cache-class", CACHE, "from collections import OrderedDict\nclass Cache:\n"
     "    def __init__(self, n):\n        self.n, self.d = n, OrderedDict()\n"
     "    def get(self, k):\n        if k in self.d:\n            self.d.move_to_end(k)\n"
     "        return self.d.get(k)\n    def put(self, k, v):\n        self.d[k] = v\n"
     "        self.d.move_to_end(k)\n        if len(self.d) > self.n:\n"
     "            self.d.popitem(last=False)"),
    ("any-order", UNORDERED, "def f(v):\n    return v[::-1]"),
    ("float-result", FLOATS, "def f(n):\n    return n ** 0.5"),
    ("keeps-state", STATEFUL, "total = 0\ndef f(n):\n    global total\n    total += n\n    return total"),
    ("many-calls", MANY, "def f(n):\n    return n * n"),
    ("calls-of-results", LOOPED, "def f(n):\n    return n ** 2"),
    ("setup-of-the-tests", SETUP, "def f(n):\n    return n * f(n - 1) if n > 1 else 1"),
    ("setup-for-the-program", GIVEN, "def f(n):\n    return math.factorial(n) + STEP"),
    ("thread-in-call", ADD["function"], "from concurrent.futures import ThreadPoolExecutor\n"
     "def add(a, b):\n    with ThreadPoolExecutor(2) as p:\n        return sum(p.map(int, (a, b)))"),
    ("async-inside", ADD["check"], "import asyncio\ndef add(a, b):\n    async def go():\n"
     "        return a + b\n    return asyncio.run(go())"),
    ("decimal-and-fractions", ADD["function"], "from fractions import Fraction\ndef add(a, b):\n"
     "    return int(Fraction(a) + Fraction(b))"),
    ("exec-and-eval", ADD["function"], "exec('def add(a, b): return eval(\"a + b\")')"),
    ("global-type-alias", ADD["function"], "from typing import TypeVar, Generic\nT = TypeVar('T')\n"
     "class Box(Generic[T]):\n    pass\ndef add(a: T, b: T) -> T:\n    return a + b"),
    ("long-source", ADD["function"], "# comment\n" * 5000 + "def add(a, b):\n    return a + b"),
    ("imports-in-function", ADD["asserts"], "def add(a, b):\n    import math\n    return math.fsum([0]) * 0 "
     "and 0 or a + b"),
]  # fmt: skip

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("minus", ADD["function"], "def add(a, b):\n    return a - b"),
    ("no-return", ADD["check"], "def add(a, b):\n    a + b"),
    ("returns-none", ADD["unittest"], "def add(a, b):\n    return None"),
    ("prints-the-sum", ADD["asserts"], "def add(a, b):\n    print(a + b)"),
    ("absolute", ADD["asserts"], "def add(a, b):\n    return abs(a) + abs(b)"),
    ("through-float", ADD["function"], "def add(a, b):\n    return int(float(a) + float(b))"),
    ("text-sum", ADD["function"], "def add(a, b):\n    return str(a + b)"),
    ("other-name", ADD["unittest"], "def addition(a, b):\n    return a + b"),
    ("method-of-class", ADD["check"], "class Solution:\n    def add(self, a, b):\n        return a + b"),
    ("missing-import", FIB, "@lru_cache(None)\ndef f(n):\n    return n if n < 2 else f(n-1) + f(n-2)"),
    ("off-by-one", FIB, "def f(n):\n    a, b = 0, 1\n    for _ in range(n - 1):\n        a, b = b, a + b\n    return a"),
    ("slow", FIB, "def f(n):\n    return n if n < 2 else f(n - 1) + f(n - 2)"),
    ("one-count-missing", COUNTS, _F + "{c: 1 for c in s}"),
    ("raises-another", RAISES, "def f(n):\n    if n < 0:\n        raise TypeError\n    return int(n ** 0.5)"),
    ("never-raises", RAISES, "def f(n):\n    return int(abs(n) ** 0.5)"),
    ("always-true", BOOL, "def f(n):\n    return True"),
    ("keeps-duplicates", SETS, _F + "list(s)"),
    ("list-for-tuple", TUPLES, "def f(a, b):\n    return [a // b, a % b]"),
    ("stack-as-queue", STACK["unittest"], "class Stack(list):\n    push = list.append\n"
     "    size = property(len)\n    def pop(self):\n        return list.pop(self, 0)"),
    ("vector-without-eq", VECTOR, "class Vector:\n    def __init__(self, x, y):\n        self.x, self.y = x, y\n"
     "    def __add__(self, o):\n        return Vector(self.x + o.x, self.y + o.y)\n"
     "    def __mul__(self, k):\n        return Vector(self.x * k, self.y * k)\n"
     "    def __abs__(self):\n        return 5.0\n    def __str__(self):\n        return '(1, 2)'"),
    ("account-without-check", ACCOUNT, "class Account:\n    def __init__(self, owner, balance):\n"
     "        self.owner, self.balance, self.history = owner, balance, []\n"
     "    def deposit(self, n):\n        self.balance += n\n        self.history.append(n)\n"
     "    def withdraw(self, n):\n        self.deposit(-n)"),
    ("state-forgotten", STATEFUL, "def f(n):\n    return n"),
    ("infinite-recursion", ADD["check"], "def add(a, b):\n    return add(a, b)"),
    ("wrong-for-nine", LOOPED, "def f(n):\n    return n * n if n != 9 else 80"),
]  # fmt: skip

_PROSE = (
    f"Here is a first try:\n\n{FENCE}python\ndef add(a, b):\n    return 0\n{FENCE}\n\n"
    f"That is wrong. Better:\n\n{FENCE}python\ndef add(a, b):\n    return a + b\n{FENCE}\n\nDone."
)
ANSWERS: list[tuple[str, bool, str]] = [
    ("last-block-wins", True, _PROSE),
    ("py-tag", True, f"{FENCE}py\ndef add(a, b):\n    return a + b\n{FENCE}"),
    ("python3-tag", True, f"{FENCE}python3\ndef add(a, b):\n    return a + b\n{FENCE}"),
    ("no-tag", True, f"Sure.\n{FENCE}\ndef add(a, b):\n    return a + b\n{FENCE}"),
    ("no-fence", True, "def add(a, b):\n    return a + b\n"),
    ("unterminated-fence", True, f"{FENCE}python\ndef add(a, b):\n    return a + b\n"),
    ("output-block-after", True, f"{FENCE}python\ndef add(a, b):\n    return a + b\n{FENCE}\nOutput:\n"
     f"{FENCE}text\n3\n{FENCE}"),
    ("reasoning-before", True, f"<think>\n{FENCE}python\ndef add(a, b):\n    return 1\n{FENCE}\n"
     f"</think>\n{FENCE}python\ndef add(a, b):\n    return a + b\n{FENCE}"),
    ("only-in-reasoning", False, f"<think>{FENCE}python\ndef add(a, b):\n    return a + b\n{FENCE}"
     "</think>I could not do it."),
    ("prose-only", False, "The function adds two numbers and returns the sum."),
    ("wrong-block-last", False, f"{FENCE}python\ndef add(a, b):\n    return a + b\n{FENCE}\nor rather\n"
     f"{FENCE}python\ndef add(a, b):\n    return a * b\n{FENCE}"),
]  # fmt: skip

CASES: list[Case] = [
    *(
        Case(name=name, category="functions", ground_truth=task, program=program, passes=passes)
        for passes, rows in ((True, RIGHT), (False, WRONG))
        for name, task, program in rows
    ),
    *(
        Case(
            name=name,
            category="answers",
            ground_truth=ADD["function"],
            program=text,
            passes=passes,
            raw=True,
            peers=False,
        )
        for name, passes, text in ANSWERS
    ),
]
