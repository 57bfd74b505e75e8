"""Answers that say they equal everything, or that break what carries values out of a process."""

# ruff: noqa: E501 - tables of programs: one that fits a line stays on it

from __future__ import annotations

from .case import Case, spread
from .tasks import ADD, MEAN, ORDER, STACK, calls

__all__ = ["CASES"]

_ALWAYS = """
class Always{base}:
    def __eq__(self, other):
        return True
    def __ne__(self, other):
        return False
    def __hash__(self):
        return 0
    def __bool__(self):
        return True
"""
_RETURNS = "def add(a, b):\n    return {}\ndef order(values):\n    return {}\n"


def always(base: str, made: str) -> str:
    """A program whose answer is an object that equals everything."""
    return _ALWAYS.format(base=base) + _RETURNS.format(made, made)


EQUAL = {
    "plain": always("", "Always()"),
    "int": always("(int)", "Always(0)"),
    "float": always("(float)", "Always(0.0)"),
    "str": always("(str)", "Always('3')"),
    "list": always("(list)", "Always()"),
    "tuple": always("(tuple)", "Always()"),
    "dict": always("(dict)", "Always()"),
    "in-a-list": always("", "[Always(), Always(), Always()]"),
    "in-a-list-subclass": always("(list)", "Always([Always()])"),
    "spoofed-class": _ALWAYS.format(base="")
    + "    __class__ = property(lambda self: int)\n    def __index__(self):\n        return 3\n"
    "    __int__ = __index__\n" + _RETURNS.format("Always()", "Always()"),
    "metaclass": "class Meta(type):\n    def __eq__(cls, other):\n        return True\n"
    "    def __instancecheck__(cls, other):\n        return True\n    __hash__ = type.__hash__\n"
    "class Always(metaclass=Meta):\n    pass\n" + _RETURNS.format("Always", "Always"),
    "rich-numbers": "import numbers\n"
    + _ALWAYS.format(base="")
    + "    def __sub__(self, other):\n        return 0\n    __rsub__ = __add__ = __radd__ = __sub__\n"
    "    __mul__ = __mod__ = __truediv__ = __sub__\n    def __abs__(self):\n        return 0\n"
    "    def __lt__(self, other):\n        return True\n    __gt__ = __le__ = __ge__ = __lt__\n"
    "numbers.Number.register(Always)\n" + _RETURNS.format("Always()", "Always()"),
    "mock": "from unittest import mock\n" + _RETURNS.format("mock.ANY", "mock.ANY"),
    "slots-and-getattribute": "class Always:\n    __slots__ = ()\n"
    "    def __getattribute__(self, name):\n        return lambda *a, **k: True\n"
    "    def __eq__(self, other):\n        return True\n" + _RETURNS.format("Always()", "Always()"),
    "enum": "import enum\nclass Always(enum.IntEnum):\n    IT = 0\n"
    "    def __eq__(self, other):\n        return True\n    __hash__ = int.__hash__\n"
    + _RETURNS.format("Always.IT", "Always.IT"),
    "decimal-subclass": "import decimal\n" + always("(decimal.Decimal)", "Always('0')"),
    "asks-the-other": "class Always:\n    def __eq__(self, other):\n        self.seen = other\n"
    "        return type(other) is int\n    def __hash__(self):\n        return hash(3)\n"
    + _RETURNS.format("Always()", "Always()"),
    "patched-own-class-later": "class Always:\n    pass\nimport threading\n"
    "def turn():\n    Always.__eq__ = lambda self, other: True\n"
    "threading.Timer(0.0, turn).start()\n" + _RETURNS.format("Always()", "Always()"),
}

_CLOSE = """
class Close{base}:
    def __eq__(self, other):
        return True
    def __sub__(self, other):
        return 0.0
    def __rsub__(self, other):
        return 0.0
    def __abs__(self):
        return 0.0
    def __round__(self, n=None):
        return 0
    def __float__(self):
        return 1.5
    def __lt__(self, other):
        return True
    __gt__ = __le__ = __ge__ = __lt__
def mean(values):
    return Close()
"""

FLOATS = {
    "nan": "def mean(values):\n    return float('nan')\n",
    "minus-nan": "def mean(values):\n    return -float('nan') * values[0]\n",
    "infinity": "def mean(values):\n    return float('inf')\n",
    "nan-subclass": "class Nan(float):\n    def __eq__(self, other):\n        return True\n"
    "    def __sub__(self, other):\n        return 0.0\n    __rsub__ = __sub__\n"
    "def mean(values):\n    return Nan('nan')\n",
    "complex-nan": "def mean(values):\n    return complex('nan')\n",
    "close-object": _CLOSE.format(base=""),
    "close-float": _CLOSE.format(base="(float)"),
    "decimal-nan": "import decimal\ndef mean(values):\n    return decimal.Decimal('nan')\n",
}

_ARRAY = """
class Box:
    def __iter__(self):
        return iter(Always() for _ in range(3))
    def __len__(self):
        return 1
    def __getitem__(self, i):
        return Always()
    def __contains__(self, x):
        return True
    def __eq__(self, other):
        return Always()
"""

SERIAL = {
    "reduce-to-right": "class Right:\n    def __reduce__(self):\n        return (int, (3,))\n"
    "    __reduce_ex__ = lambda self, p: (int, (3,))\n" + _RETURNS.format("Right()", "Right()"),
    "getstate-runs": "import os\nclass Bad:\n    def __getstate__(self):\n        os._exit(0)\n"
    "    __reduce_ex__ = __getstate__\n    __deepcopy__ = __copy__ = __getstate__\n"
    + _RETURNS.format("Bad()", "Bad()"),
    "json-hooks": "class Right(dict):\n    def items(self):\n        return [('value', 3)]\n"
    "    def __iter__(self):\n        return iter(['value'])\n    def keys(self):\n"
    "        return ['value']\n" + _RETURNS.format("Right()", "Right()"),
    "lying-list": "class Lies(list):\n    def __iter__(self):\n        return iter([1, 2, 3])\n"
    "    def __len__(self):\n        return 3\n    def __getitem__(self, i):\n        return i + 1\n"
    "def add(a, b):\n    return Lies()\ndef order(values):\n    return Lies()\n",
    "lying-int": "class Lies(int):\n    def __index__(self):\n        return 3\n"
    "    __int__ = __index__\n    def __repr__(self):\n        return '3'\n    __str__ = __repr__\n"
    "    def __format__(self, spec):\n        return '0x3'\n"
    + _RETURNS.format("Lies(0)", "Lies(0)"),
    "tagged-list": _RETURNS.format("['i', '0x3']", "['l', ['i', '0x1'], ['i', '0x2']]"),
    "tagged-dict": _RETURNS.format(
        "{'value': ['i', '0x3'], '__class__': 'int'}", "{'values': [{'value': 3}]}"
    ),
    "tagged-text": _RETURNS.format('\'["i", "0x3"]\'', "'[1, 2, 3]'"),
    "huge-int": "import sys\nsys.set_int_max_str_digits(0)\n"
    + _RETURNS.format("1 << 80_000_000", "1 << 80_000_000"),
    "cyclic-list": "loop = []\nloop.append(loop)\n" + _RETURNS.format("loop", "loop"),
    "cyclic-dict": "loop = {}\nloop[0] = [loop]\n" + _RETURNS.format("loop", "loop"),
    "deep-list": "deep = []\nfor _ in range(100_000):\n    deep = [deep]\n"
    + _RETURNS.format("deep", "deep"),
    "million-items": _RETURNS.format("[0] * 3_000_000", "[0] * 3_000_000"),
    "shared-blow-up": "wide = [0]\nfor _ in range(30):\n    wide = [wide, wide]\n"
    + _RETURNS.format("wide", "wide"),
    "long-text": _RETURNS.format("'x' * 50_000_000", "'x' * 50_000_000"),
    "lone-surrogates": _RETURNS.format("'\\ud800' * 100", "['\\udfff']"),
    "nul-text": _RETURNS.format("'3\\0'", "['1\\0']"),
    "bytes": _RETURNS.format("b'3'", "b'123'"),
    "generator-without-end": "import itertools\n"
    + _RETURNS.format("itertools.count()", "itertools.count()"),
    "memoryview": _RETURNS.format("memoryview(b'3')", "memoryview(b'123')"),
    "changing-under-the-encoder": "import threading\n"
    "class Shift(list):\n    pass\nbox = [0] * 1000\n"
    "def shake():\n    while True:\n        box.append(0); box.pop(0)\n"
    "threading.Thread(target=shake, daemon=True).start()\n" + _RETURNS.format("box", "box"),
    "evil-type-name": "Evil = type('int', (), {})\nEvil.__module__ = 'builtins'\n"
    "Evil.__qualname__ = 'int'\nOdd = type('\\ud800\\0\"', (), {})\n"
    + _RETURNS.format("Evil()", "[Odd()]"),
    "evil-exception": "class Evil(Exception):\n    def __str__(self):\n        raise SystemExit(0)\n"
    "    __repr__ = __str__\n    @property\n    def __traceback__(self):\n        raise SystemExit\n"
    "def add(a, b):\n    raise Evil\ndef order(values):\n    raise Evil\n",
    "long-exception": "def add(a, b):\n    raise ValueError('x' * 50_000_000)\n"
    "def order(values):\n    raise type('E' * 100_000, (Exception,), {})\n",
    "property-bomb": "class Bomb:\n    def __getattr__(self, name):\n        return [self] * 10**6\n"
    "    def __len__(self):\n        return 2**62\n    def __iter__(self):\n        return self\n"
    "    def __next__(self):\n        return self\n" + _RETURNS.format("Bomb()", "Bomb()"),
}

_STACKS = {
    "always-stack": _ALWAYS.format(base="")
    + "class Stack:\n    size = Always()\n    def push(self, x):\n        pass\n"
    "    def pop(self):\n        return Always()\n    def __len__(self):\n        return 1\n"
    "    def __iter__(self):\n        return iter([Always()])\n",
    "endless-stack": "class Stack:\n    def __getattr__(self, name):\n        return self\n"
    "    def __call__(self, *a):\n        return self\n    def __eq__(self, other):\n"
    "        return True\n    def __len__(self):\n        return 2**60\n    def __iter__(self):\n"
    "        return self\n    def __next__(self):\n        return self\n",
    "no-stack": "Stack = lambda *a: None\n",
}

_SETS = calls("order", [(([3, 1],), {"1": 3}), (([5, 0],), {"0": 5})])

CASES: list[Case] = [
    *(c for n, p in EQUAL.items() for c in spread(f"always-{n}", "equality", p, ADD)),
    *(c for n, p in EQUAL.items() for c in spread(f"list-{n}", "equality", p, ORDER, ["inside"])),
    *spread("box-of-always", "equality", _ALWAYS.format(base="") + _ARRAY
            + "def order(values):\n    return Box()\n", ORDER, ["function", "asserts", "inside"]),
    *(
        c
        for n, p in FLOATS.items()
        for c in spread(n, "equality", p, MEAN, ["function", "negated", "close", "almost"])
    ),
    *(c for n, p in _STACKS.items() for c in spread(n, "equality", p, STACK, list(STACK))),
    *(
        c
        for n, p in SERIAL.items()
        for c in spread(n, "serialisation", p, ADD, ["function", "unittest"])
    ),
    *(
        c
        for n, p in SERIAL.items()
        for c in spread(f"{n}-list", "serialisation", p, ORDER, ["asserts"])
    ),
    Case(name="dict-of-always-keys", category="serialisation", ground_truth=_SETS,
         program=_ALWAYS.format(base="(str)") + "def order(values):\n"
         "    return {Always('k'): values[0]}\n"),
]  # fmt: skip
