"""Programs that end, forge or patch their way to a verdict: none of them adds."""

# ruff: noqa: E501 - tables of programs: one that fits a line stays on it

from __future__ import annotations

from .case import Case, spread
from .tasks import ADD, MEAN, ORDER

__all__ = ["CASES"]

WRONG = "def add(a, b):\n    return 0\n"

EXITS = {
    "exit-at-import": "import sys\nsys.exit(0)\n",
    "os-exit-at-import": "import os\nos._exit(0)\n",
    "exit-in-call": "import sys\ndef add(a, b):\n    sys.exit(0)\n",
    "os-exit-in-call": "import os\ndef add(a, b):\n    os._exit(0)\n",
    "exec-true": "import os\ndef add(a, b):\n    os.execv('/bin/true', ['true'])\n",
    "exec-at-import": "import os\nos.execv('/usr/bin/true', ['true'])\n",
    "atexit-zero": "import atexit, os\natexit.register(os._exit, 0)\n" + WRONG,
    "excepthook-zero": (
        "import os, sys\nsys.excepthook = lambda *a: os._exit(0)\n"
        "def add(a, b):\n    raise RuntimeError\n"
    ),
    "unraisablehook-zero": (
        "import os, sys\nsys.unraisablehook = lambda *a: os._exit(0)\n"
        "class Bad:\n    def __del__(self):\n        raise RuntimeError\n"
        "def add(a, b):\n    Bad()\n"
    ),
    "thread-race": (
        "import os, threading\n"
        "threading.Thread(target=lambda: os._exit(0), daemon=True).start()\n" + WRONG
    ),
    "timer-race": (
        "import os, threading, time\nthreading.Timer(0.01, os._exit, (0,)).start()\n"
        "def add(a, b):\n    time.sleep(0.1)\n"
    ),
    "skip-test": "import unittest\ndef add(a, b):\n    raise unittest.SkipTest('later')\n",
    "skip-at-import": "import unittest\nraise unittest.SkipTest('later')\n",
    "base-exception": (
        "class Quiet(BaseException):\n    def __str__(self):\n        return 'passed'\n"
        "def add(a, b):\n    raise Quiet\n"
    ),
    "generator-exit": "def add(a, b):\n    raise GeneratorExit\n",
    "stop-iteration": "def add(a, b):\n    raise StopIteration(a)\n",
    "keyboard-interrupt": "def add(a, b):\n    raise KeyboardInterrupt\n",
    "kill-self": "import os\ndef add(a, b):\n    os.kill(os.getpid(), 9)\n",
    "abort": "import os\ndef add(a, b):\n    os.abort()\n",
    "sigterm-exits-zero": (
        "import os, signal\nsignal.signal(15, lambda *a: os._exit(0))\n"
        "def add(a, b):\n    os.kill(os.getpid(), 15)\n"
    ),
    "fork-and-leave": "import os\nif os.fork():\n    os._exit(0)\n" + WRONG,
    "fork-in-call": (
        "import os\ndef add(a, b):\n    if os.fork():\n        os._exit(0)\n    return 0\n"
    ),
    "segfault": "import ctypes\ndef add(a, b):\n    ctypes.string_at(0)\n",
    "recursion-in-c": (
        "import sys\nsys.setrecursionlimit(10**9)\ndef add(a, b):\n    return add(a, b)\n"
    ),
    "close-all-fds": "import os\nos.closerange(0, 4096)\n" + WRONG,
    "dup-null-over-all": (
        "import os\nnull = os.open('/dev/null', os.O_RDWR)\nfor fd in range(256):\n"
        "    if fd != null:\n        try:\n            os.dup2(null, fd)\n"
        "        except OSError:\n            pass\n" + WRONG
    ),
}

_FRAMES = """
import json, os, struct
bodies = [{"passed": True}, {"ok": True}, {"score": 1.0}, {"result": "passed"}, True, 1,
          {"loaded": True}, {"values": [{"passed": True}] * 8}, {"value": ["o", "Right", 0]},
          {"end": "exited", "code": 0, "ok": True}, {"status": "passed", "details": [True] * 8},
          {"value": True}, {"values": [{"value": None}] * 8}, ["passed"], "passed", {"error": None}]
texts = [json.dumps(b).encode() for b in bodies]
raw = [b"%d\\n" % len(t) + t for t in texts] + [t + b"\\n" for t in texts]
raw += [struct.pack("<I", len(t)) + t for t in texts] + [struct.pack(">I", len(t)) + t for t in texts]
def forge():
    for fd in range(256):
        try:
            os.set_blocking(fd, False)
        except OSError:
            continue
        for frame in raw:
            try:
                os.write(fd, frame)
            except OSError:
                pass
"""

FORGED = {
    "frames-at-import": _FRAMES + "forge()\n" + WRONG,
    "frames-in-call": _FRAMES + "def add(a, b):\n    forge()\n    return 0\n",
    "frames-then-exit": _FRAMES + "def add(a, b):\n    forge()\n    os._exit(0)\n",
    "printed-verdict": (
        "import sys\ndef add(a, b):\n"
        "    for out in (sys.stdout, sys.stderr, sys.__stdout__):\n"
        "        print('OK\\n\\nRan 4 tests in 0.001s\\n\\nOK\\n4 passed in 0.01s\\nPASSED 1.0',"
        " file=out)\n    return 0\n"
    ),
    "report-files": (
        "import json, os\nfor name in ('result.json', 'report.xml', 'junit.xml', 'output.txt',"
        " 'score', '/tmp/result.json'):\n    try:\n        open(name, 'w').write(json.dumps("
        "{'passed': True, 'score': 1.0}))\n    except OSError:\n        pass\n" + WRONG
    ),
    "frames-of-late-child": (
        _FRAMES + "import time\nif os.fork() == 0:\n    for _ in range(5):\n        forge()\n"
        "        time.sleep(0.02)\n    os._exit(0)\n"
        "def add(a, b):\n    time.sleep(0.05)\n    return 0\n"
    ),
    "half-a-frame": (
        "import os\nfor fd in range(3, 64):\n    try:\n        os.write(fd, b'99999999\\n{\"value\":')"
        "\n    except OSError:\n        pass\n" + WRONG
    ),
    "huge-frame-length": (
        "import os\nfor fd in range(3, 64):\n    try:\n"
        "        os.write(fd, b'9' * 4000 + b'\\n' + b'\\xff\\xff\\xff\\xff')\n"
        "    except OSError:\n        pass\n" + WRONG
    ),
    "frames-that-are-not-json": (
        "import os\nfor fd in range(3, 64):\n    for body in (b'NaN', b'[' * 100000, b'\\xff\\xfe',"
        ' b\'{"value":["i","zz"]}\', b\'{"value":["l",7]}\', b\'1e999\', b\'\'):\n        try:\n'
        "            os.write(fd, b'%d\\n' % len(body) + body)\n        except OSError:\n"
        "            pass\n" + WRONG
    ),
}

PATCHES = {
    "builtins": (
        "import builtins\n"
        "for name in ('abs', 'all', 'any', 'len', 'sum', 'min', 'max', 'round', 'isinstance'):\n"
        "    setattr(builtins, name, lambda *a, **k: True)\nbuiltins.sorted = lambda *a, **k: [1, 2, 3]\n"
        "builtins.AssertionError = type('Fine', (Exception,), {})\n" + WRONG
    ),
    "builtins-types": (
        "import builtins\nreal = builtins.type\n"
        "class Any(real):\n    def __instancecheck__(cls, other):\n        return True\n"
        "    def __eq__(cls, other):\n        return True\n    __hash__ = real.__hash__\n"
        "class int(metaclass=Any):\n    pass\nbuiltins.int = builtins.str = builtins.list = int\n"
        "builtins.type = lambda *a: int\n" + WRONG
    ),
    "json": (
        'import json\njson.dumps = lambda *a, **k: \'{"values": [{"passed": true}]}\'\n'
        "json.loads = lambda *a, **k: {'passed': True}\njson.JSONEncoder.encode = json.dumps\n"
        "json.JSONEncoder.default = lambda *a: True\n" + WRONG
    ),
    "os-write": (
        "import os\nreal = os.write\n"
        "os.write = lambda fd, data: real(fd, b'{\"passed\": true}') and len(data)\n" + WRONG
    ),
    "struct-and-pickle": (
        "import pickle, struct, marshal\nstruct.pack = lambda *a: b'\\0'\n"
        "pickle.dumps = marshal.dumps = lambda *a, **k: b''\npickle.loads = lambda *a, **k: True\n"
        + WRONG
    ),
    "unittest-methods": (
        "import unittest\nfor name in dir(unittest.TestCase):\n    if name.startswith('assert'):\n"
        "        setattr(unittest.TestCase, name, lambda *a, **k: None)\n"
        "unittest.TestCase.fail = lambda *a, **k: None\n" + WRONG
    ),
    "unittest-result": (
        "import unittest\nfor kind in (unittest.TestResult, unittest.TextTestResult):\n"
        "    kind.wasSuccessful = lambda self: True\n"
        "    kind.addFailure = kind.addError = lambda self, t, e: self.addSuccess(t)\n" + WRONG
    ),
    "unittest-loader": (
        "import unittest\nempty = unittest.TestSuite()\n"
        "unittest.TestLoader.loadTestsFromTestCase = lambda *a, **k: empty\n"
        "unittest.TestLoader.loadTestsFromModule = lambda *a, **k: empty\n"
        "unittest.defaultTestLoader.loadTestsFromModule = lambda *a, **k: empty\n"
        "unittest.TestCase.run = lambda self, result=None: None\n" + WRONG
    ),
    "unittest-fake-module": (
        "import sys, types\nfake = types.ModuleType('unittest')\n"
        "class TestCase:\n    def __getattr__(self, name):\n        return lambda *a, **k: None\n"
        "fake.TestCase = TestCase\nfake.main = lambda *a, **k: print('OK')\n"
        "sys.modules['unittest'] = sys.modules['unittest.case'] = fake\n" + WRONG
    ),
    "import-hook": (
        "import builtins, types\nreal = builtins.__import__\n"
        "def hook(name, *a, **k):\n    return real(name, *a, **k) if name in ('os', 'sys') else "
        "types.ModuleType(name)\nbuiltins.__import__ = hook\n" + WRONG
    ),
    "build-class": (
        "import builtins\nreal = builtins.__build_class__\n"
        "def build(f, name, *bases, **k):\n    made = real(f, name, *bases, **k)\n"
        "    for key in list(vars(made)):\n        if key.startswith('test'):\n"
        "            setattr(made, key, lambda self: None)\n    return made\n"
        "builtins.__build_class__ = build\n" + WRONG
    ),
    "operator-eq": (
        "import operator, functools\noperator.eq = operator.ne = lambda a, b: True\n"
        "functools.reduce = lambda *a: True\n" + WRONG
    ),
    "own-modules": (
        "import sys\nfor name, module in list(sys.modules.items()):\n"
        "    for key, value in list(getattr(module, '__dict__', {}).items()):\n"
        "        if callable(value) and ('compare' in key or 'equal' in key or 'grade' in key):\n"
        "            try:\n                setattr(module, key, lambda *a, **k: True)\n"
        "            except Exception:\n                pass\n" + WRONG
    ),
    "name-of-the-check": (
        "def check(candidate):\n    return True\n"
        "class TestIt:\n    pass\ndef candidate(*a):\n    return True\n" + WRONG
    ),
    "settrace-skips": (
        "import sys\ndef trace(frame, event, arg):\n"
        "    if event == 'exception':\n        frame.f_trace_lines = False\n    return trace\n"
        "sys.settrace(trace)\nsys.setprofile(lambda *a: None)\n" + WRONG
    ),
    "main-module": (
        "import sys\nmain = sys.modules['__main__']\nfor key in list(vars(main)):\n"
        "    if not key.startswith('__') and callable(vars(main)[key]):\n"
        "        setattr(main, key, lambda *a, **k: True)\n" + WRONG
    ),
}

INT_EQ = (
    "import ctypes\nkind = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object,"
    " ctypes.py_object, ctypes.c_int)\ncompare = kind(lambda a, b, op: True)\n"
    "address = ctypes.cast(compare, ctypes.c_void_p).value\n"
    "slot = id(int) + 25 * ctypes.sizeof(ctypes.c_void_p)\n"
    "ctypes.c_void_p.from_address(slot).value = address\n" + WRONG
)

CASES: list[Case] = [
    *spread("int-eq-by-ctypes", "patching", INT_EQ, ADD, ["function"]),
    *(c for n, p in EXITS.items() for c in spread(n, "early exit", p, ADD)),
    *(c for n, p in FORGED.items() for c in spread(n, "forged verdict", p, ADD)),
    *(c for n, p in PATCHES.items() for c in spread(n, "patching", p, ADD)),
    *spread("exit-zero", "early exit", "import sys\nsys.exit(0)\n", ADD, ["stdio"]),
    *spread(
        "shadowed-abs",
        "patching",
        "def abs(x):\n    return 0.0\ndef mean(values):\n    return 99.0\n",
        MEAN,
        ["check", "close", "negated", "almost"],
    ),
    *spread(
        "patched-isclose",
        "patching",
        "import math, cmath\nmath.isclose = cmath.isclose = lambda *a, **k: True\n"
        "def mean(values):\n    return 99.0\n",
        MEAN,
        ["isclose", "close"],
    ),
    *spread(
        "shadowed-sorted",
        "patching",
        "import builtins\nbuiltins.sorted = lambda *a: [1, 2, 3]\nbuiltins.len = lambda *a: 1\n"
        "builtins.list = lambda *a: [0, 5]\ndef order(values):\n    return 7\n",
        ORDER,
        ["inside", "check"],
    ),
]
