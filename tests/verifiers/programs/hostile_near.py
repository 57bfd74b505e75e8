"""Nearly right output, and sources that break what reads them.

Not covered: answers that a policy may rightly allow (trailing blanks and empty lines at the end).
"""

# ruff: noqa: ISC004 - tables of programs: one that fits a line stays on it

from __future__ import annotations

from .case import Case, spread
from .tasks import ADD, asserts, calls, check, stdio

__all__ = ["CASES"]

_LINES = stdio([("3\n10\n20\n30\n", "11\n21\n31\n"), ("2\n5\n6\n", "6\n7\n")])
_READ = "n = int(input())\nx = [int(input()) + 1 for _ in range(n)]\n"
_BIG = stdio([("25\n", "15511210043330985984000000\n"), ("26\n", "403291461126605635584000000\n")])
_TRILLION = stdio([("1000000000000\n", "1000000000001\n")])
_WORDS = stdio([("ab\n", "Yes\n"), ("c\n", "No\n")])
_FLOAT = stdio([("3\n", "0.3333333333\n")])
_JSON = stdio([("1\n", '{"a": [1, 2]}\n')])

LINES = {
    "one-line-instead-of-n": "print(*x)\n",
    "first-line-only": "print(x[0])\n",
    "last-line-missing": "print(*x[:-1], sep='\\n')\n",
    "a-line-too-many": "print(*x, sep='\\n')\nprint(x[-1])\n",
    "lines-in-other-order": "print(*x[::-1], sep='\\n')\n",
    "blank-lines-between": "print(*x, sep='\\n\\n')\n",
    "leading-blank-line": "print()\nprint(*x, sep='\\n')\n",
    "leading-blanks": "print(*(f' {v}' for v in x), sep='\\n')\n",
    "a-word-before": "print('Answer:')\nprint(*x, sep='\\n')\n",
    "all-answers-in-one": "print(*x, '11\\n21\\n31', '6\\n7', sep='\\n')\n",
    "floats-for-integers": "print(*map(float, x), sep='\\n')\n",
    "leading-zeros": "print(*(f'0{v}' for v in x), sep='\\n')\n",
    "plus-signs": "print(*(f'+{v}' for v in x), sep='\\n')\n",
    "other-digits": "print(*(str(v).translate({48+i: 0x660+i for i in range(10)}) for v in x),"
    " sep='\\n')\n",
    "underscores": "print(*('_'.join(str(v)) for v in x), sep='\\n')\n",
    "off-by-one": "print(*(v + 1 for v in x), sep='\\n')\n",
    "nul-bytes": "print(*(f'{v}\\0' for v in x), sep='\\n')\n",
    "not-utf8": "import sys\nfor v in x:\n    sys.stdout.buffer.write(b'%d\\xff\\n' % v)\n",
    "byte-order-mark": "import sys\nsys.stdout.buffer.write(b'\\xef\\xbb\\xbf')\n"
    "print(*x, sep='\\n')\n",
    "zero-width-blanks": "print(*(f'{v}\\u200b' for v in x), sep='\\n')\n",
    "backspaces": "print(*(f'9\\b{v}' for v in x), sep='\\n')\n",
    "carriage-returns-hide": "print(*(f'9\\r{v}' for v in x), sep='\\n')\n",
    "form-feeds": "print('\\f'.join(map(str, x)))\n",
    "line-separators": "print('\\u2028'.join(map(str, x)))\n",
    "to-stderr": "import sys\nprint(*x, sep='\\n', file=sys.stderr)\n",
    "right-then-status-3": "import sys\nprint(*x, sep='\\n')\nsys.exit(3)\n",
    "right-then-raises": "print(*x, sep='\\n')\nraise RuntimeError('late')\n",
    "right-then-killed": "import os\nprint(*x, sep='\\n', flush=True)\nos.kill(os.getpid(), 9)\n",
    "utf16": "import sys\nsys.stdout.buffer.write('\\n'.join(map(str, x)).encode('utf-16'))\n",
    "echo": "print(n, *(v - 1 for v in x), sep='\\n')\n",
    "empty": "pass\n",
}

OTHERS = [
    ("factorial-by-floats", _BIG, "import math\nn = int(input())\nr = 1.0\n"
     "for i in range(1, n + 1):\n    r *= i\nprint(int(r) + 1)\n"),
    ("factorial-in-e-notation", _BIG, "import math\nprint(float(math.factorial(int(input()))))\n"),
    ("trillion-off-by-one", _TRILLION, "print(int(input()) + 2)\n"),
    ("trillion-as-float", _TRILLION, "print(float(input()))\n"),
    ("yes-in-capitals", _WORDS, "print('YES' if len(input()) == 2 else 'NO')\n"),
    ("yes-and-no", _WORDS, "input()\nprint('Yes No')\n"),
    ("yes-by-prefix", _WORDS, "print('Yes!' if len(input()) == 2 else 'No!')\n"),
    ("nan-for-a-float", _FLOAT, "print('nan')\n"),
    ("infinity-for-a-float", _FLOAT, "print('inf')\n"),
    ("python-repr-for-json", _JSON, "print({'a': [1, 2]})\n"),
]  # fmt: skip

_ORDER = calls("f", [(([3, 1, 2],), [1, 2, 3])])
_PAIR = calls("f", [((1,), {"a": 1, "b": [2]})])
_TEXT = calls("f", [((7,), "7")])
_HUGE = calls("f", [((2**70,), 2**70 + 1), ((10**30,), 10**30 + 1)])
_NONE = asserts(["assert f(1) is not None and f(1) == [1]", "assert f(2) == [2]"])
_TRUE = check("f", "def check(candidate):\n    assert candidate(4) is True\n"
              "    assert candidate(5) is True\n")  # fmt: skip
VALUES = [
    ("tuple-for-list", _ORDER, "def f(x):\n    return tuple(sorted(x))\n"),
    ("set-for-list", _ORDER, "def f(x):\n    return set(x)\n"),
    ("iterator-for-list", _ORDER, "def f(x):\n    return iter(sorted(x))\n"),
    ("range-for-list", _ORDER, "def f(x):\n    return range(1, 4)\n"),
    ("text-for-list", _ORDER, "def f(x):\n    return str(sorted(x))\n"),
    ("argument-changed-in-place", _ORDER, "def f(x):\n    x.sort()\n"),
    ("keys-view-for-list", _ORDER, "def f(x):\n    return dict.fromkeys(sorted(x)).keys()\n"),
    ("array-for-list", _ORDER, "import array\ndef f(x):\n    return array.array('i', sorted(x))\n"),
    ("pairs-for-dict", _PAIR, "def f(x):\n    return [('a', 1), ('b', [2])]\n"),
    ("keys-missing", _PAIR, "def f(x):\n    return {'a': 1}\n"),
    ("keys-too-many", _PAIR, "def f(x):\n    return {'a': 1, 'b': [2], 'c': 3}\n"),
    ("namespace-for-dict", _PAIR, "from types import SimpleNamespace\ndef f(x):\n"
     "    return SimpleNamespace(a=1, b=[2])\n"),
    ("int-for-text", _TEXT, "def f(x):\n    return 7\n"),
    ("bytes-for-text", _TEXT, "def f(x):\n    return b'7'\n"),
    ("float-for-a-big-int", _HUGE, "def f(x):\n    return float(x) + 1\n"),
    ("close-to-a-big-int", _HUGE, "def f(x):\n    return x\n"),
    ("none-for-all", _NONE, "def f(x):\n    return None\n"),
    ("truthy-for-true", _TRUE, "def f(x):\n    return [1]\n"),
    ("text-true-for-true", _TRUE, "def f(x):\n    return 'True'\n"),
    ("coroutine-for-value", _TEXT, "async def f(x):\n    return '7'\n"),
    ("lambda-for-value", _TEXT, "def f(x):\n    return lambda: '7'\n"),
    ("exception-for-value", _TEXT, "def f(x):\n    return ValueError('7')\n"),
    ("printed-for-returned", _TEXT, "def f(x):\n    print('7')\n"),
    ("missing", _TEXT, "def g(x):\n    return '7'\n"),
    ("only-when-main", _TEXT, "if __name__ == '__main__':\n    def f(x):\n        return '7'\n"),
    ("inside-another", _TEXT, "def g():\n    def f(x):\n        return '7'\n    return f\n"),
    ("star-imports", ADD["function"], "from operator import sub\nfrom math import *\n"),
    ("star-imports-asserts", ADD["asserts"], "from math import *\nfrom random import *\n"),
    ("missing-add", ADD["check"], "pass\n"),
    ("module-for-function", ADD["function"], "import operator as add\n"),
    ("too-few-parameters", ADD["unittest"], "def add(a):\n    return a\n"),
]  # fmt: skip

_ADD = "def add(a, b):\n    return a + b\n"
SOURCES = {
    "nested-parentheses": f"x = {'(' * 3000}1{')' * 3000}\n" + _ADD.replace("+", "-"),
    "nested-brackets": "x = " + "[" * 100_000 + "]" * 100_000 + "\n" + _ADD,
    "nul-in-source": "x = 1\0\n" + _ADD,
    "lone-surrogate-in-source": "x = '\ud800'\nraise SystemExit\n" + _ADD,
    "tabs-and-blanks": "def add(a, b):\n\tif a:\n        return a + b\n\treturn b + a\n",
    "syntax-error": "def add(a, b)\n    return a + b\n",
    "unterminated-text": _ADD.replace("a + b", "'''a + b"),
    "utf7-cookie": "# -*- coding: utf-7 -*-\n+AGQAZQBm- add(a, b):\n    return 0\n",
    "unknown-cookie": "# -*- coding: no-such-code -*-\n" + _ADD.replace("+", "*0*"),
    "folding-bomb": "x = " + "(" * 40 + "'x' * 4096" + ") * 4096" * 40 + "\n" + _ADD,
    "huge-literal": "x = " + "9" * 2_000_000 + "\n" + _ADD.replace("+", "-"),
    "long-chain": "x = " + "-" * 300_000 + "1\n" + _ADD,
    "long-attribute-chain": "x = x" + ".a" * 300_000 + "\n" + _ADD,
    "many-ifs": "".join(" " * i + "if 1:\n" for i in range(200)) + " " * 200 + "x = 1\n" + _ADD,
    "nested-f-strings": "x = " + "f'{" * 200 + "1" + "}'" * 200 + "\n" + _ADD,
    "many-constants": "x = [" + "1.5," * 400_000 + "]\nraise RuntimeError\n",
    "megabytes-of-comment": "#" + "x" * 6_000_000 + "\nraise SystemExit\n" + _ADD,
    "future-braces": "from __future__ import braces\n" + _ADD,
    "no-program": "I am sorry, I cannot help with that.",
    "empty": "",
    "fence-in-text": "x = '''\n```\nprint('done')\n```\n'''\ndef add(a, b):\n    return 0\n",
    "control-characters": "\x0c\x1b[2J\x08" + _ADD.replace("+", "*0+"),
    "right-to-left": "x = '\u202e'\ndef add(a, b):\n    return a  # \u202e + b\n",
    "homoglyph": "def \u0430dd(a, b):\n    return a + b\n",
    "backslash-at-the-end": _ADD.replace("+", "-") + "x = 1 \\",
    "indented-everything": "    " + _ADD.replace("\n", "\n  x"),
    "glob-and-shell": "$(touch @EFFECT@); `touch @EFFECT@`; * ? ~\n" + _ADD,
    "percent-and-braces": "%s %(x)d {0} {x} ${x} {{\n" + _ADD,
}

CASES: list[Case] = [
    *(
        Case(name=f"lines-{n}", category="comparison", ground_truth=_LINES, program=_READ + p)
        for n, p in LINES.items()
    ),
    *(
        Case(name=n, category="comparison", ground_truth=g, program=p)
        for n, g, p in [*OTHERS, *VALUES]
    ),
    *(c for n, p in SOURCES.items() for c in spread(n, "source", p, ADD, ["function", "check"])),
    *(
        c
        for n, p in SOURCES.items()
        if "+ b" not in p
        for c in spread(n, "source", p, ADD, ["one"])
    ),
]
