"""Honest programs that read standard input and print: every way of doing so that people use.

Right ones must pass, wrong ones must not. Not covered: functions and classes; see
``honest_functions``.
"""

# ruff: noqa: E501, ISC004 - tables of programs: one that fits a line stays on it

from __future__ import annotations

from typing import Any

from .case import Case
from .tasks import stdio

__all__ = ["CASES"]

SUM = stdio([("3\n1 2 3\n", "6\n"), ("2\n-5 5\n", "0\n")])
LINES = stdio([("1 2\n3 4\n", "3\n7\n"), ("10 -1\n", "9\n")])
MANY = stdio([("30000\n", "".join(f"{i} {i * i}\n" for i in range(30000)))], time_s=3.0)
NAME = stdio([("Ada\n", "Hello, Ada!\n"), ("Żółw 🐢\n", "Hello, Żółw 🐢!\n")])
NOTHING = stdio([("", "42\n")])
REAL = stdio([("2\n", "0.5\n"), ("8\n", "0.125\n")])
LARGE = stdio([(" ".join(map(str, range(60000))) + "\n", f"{sum(range(60000))}\n")], time_s=3.0)
TOLERANT = {
    **stdio([("2\n", "1.41421356\n"), ("3\n", "1.73205081\n")]),
    "compare": {"kind": "float", "abs": 1e-6, "rel": 1e-6},
}
STATUS = stdio([("1\n", "done\n")])

RIGHT: list[tuple[str, dict[str, Any], str]] = [
    ("input-twice", SUM, "input()\nprint(sum(map(int, input().split())))"),
    ("stdin-read", SUM, "import sys\nprint(sum(map(int, sys.stdin.read().split()[1:])))"),
    ("stdin-buffer", SUM, "import sys\nd = sys.stdin.buffer.read().split()\n"
     "print(sum(map(int, d[1:])))"),
    ("stdin-buffer-readline", SUM, "import sys\nr = sys.stdin.buffer.readline\nr()\n"
     "print(sum(map(int, r().split())))"),
    ("rebound-input", SUM, "import sys\ninput = sys.stdin.readline\nn = int(input())\n"
     "print(sum(map(int, input().split())))"),
    ("open-zero", SUM, "n, *x = map(int, open(0).read().split())\nprint(sum(x))"),
    ("open-zero-binary", SUM, "print(sum(map(int, open(0, 'rb').read().split()[1:])))"),
    ("os-read", SUM, "import os\nprint(sum(map(int, os.read(0, 1 << 16).split()[1:])))"),
    ("readlines", SUM, "import sys\nprint(sum(map(int, sys.stdin.readlines()[1].split())))"),
    ("fileinput", SUM, "import fileinput\nl = list(fileinput.input())\n"
     "print(sum(map(int, l[1].split())))"),
    ("dev-stdin-descriptor", SUM, "import os\nf = os.fdopen(os.dup(0))\nf.readline()\n"
     "print(sum(map(int, f.readline().split())))"),
    ("next-of-stdin", SUM, "import sys\nnext(sys.stdin)\nprint(sum(map(int, next(sys.stdin).split())))"),
    ("wrapper", SUM, "import io, sys\nt = io.TextIOWrapper(sys.stdin.buffer, encoding='ascii')\n"
     "t.readline()\nprint(sum(map(int, t.read().split())))"),
    ("input-with-prompt-on-stderr", SUM, "import sys\nprint('n?', file=sys.stderr)\ninput()\n"
     "print(sum(map(int, input().split())))"),
    ("for-line-in-stdin", LINES, "import sys\nfor l in sys.stdin:\n    print(sum(map(int, l.split())))"),
    ("while-true-eof", LINES, "try:\n    while True:\n        a, b = map(int, input().split())\n"
     "        print(a + b)\nexcept EOFError:\n    pass"),
    ("iter-input", LINES, "import sys\nfor l in iter(sys.stdin.readline, ''):\n    a, b = l.split()\n"
     "    print(int(a) + int(b))"),
    ("walrus", LINES, "import sys\nwhile l := sys.stdin.readline():\n    print(sum(map(int, l.split())))"),
    ("stdout-write", LINES, "import sys\nsys.stdout.write(''.join(str(sum(map(int, l.split()))) + '\\n'"
     " for l in sys.stdin))"),
    ("stdout-buffer", LINES, "import sys\nfor l in sys.stdin.buffer:\n"
     "    sys.stdout.buffer.write(b'%d\\n' % sum(map(int, l.split())))"),
    ("os-write", LINES, "import os, sys\nfor l in sys.stdin:\n"
     "    os.write(1, b'%d\\n' % sum(map(int, l.split())))"),
    ("rebound-print", LINES, "import sys\nout = []\nprint = out.append\nfor l in sys.stdin:\n"
     "    print(str(sum(map(int, l.split()))))\nsys.stdout.write('\\n'.join(out))"),
    ("trailing-blanks", LINES, "import sys\nfor l in sys.stdin:\n"
     "    print(sum(map(int, l.split())), end='  \\n')\nprint()\nprint()"),
    ("no-last-newline", LINES, "import sys\nprint('\\n'.join(str(sum(map(int, l.split())))"
     " for l in sys.stdin), end='')"),
    ("redirected-stdout", LINES, "import contextlib, io, sys\nb = io.StringIO()\n"
     "with contextlib.redirect_stdout(b):\n    for l in sys.stdin:\n"
     "        print(sum(map(int, l.split())))\nprint(b.getvalue(), end='')"),
    ("main-guard", SUM, "def main():\n    input()\n    print(sum(map(int, input().split())))\n\n"
     "if __name__ == '__main__':\n    main()"),
    ("main-and-exit-zero", SUM, "import sys\ndef main():\n    input()\n"
     "    print(sum(map(int, input().split())))\n    return 0\nsys.exit(main())"),
    ("exit-none", SUM, "input()\nprint(sum(map(int, input().split())))\nexit()"),
    ("raise-system-exit", SUM, "input()\nprint(sum(map(int, input().split())))\nraise SystemExit"),
    ("os-exit-after-flush", SUM, "import os, sys\ninput()\nprint(sum(map(int, input().split())))\n"
     "sys.stdout.flush()\nos._exit(0)"),
    ("atexit-prints", SUM, "import atexit\ninput()\nx = sum(map(int, input().split()))\n"
     "atexit.register(lambda: print(x))"),
    ("main-in-a-thread", SUM, "import sys, threading\nsys.setrecursionlimit(10**6)\n"
     "threading.stack_size(64 << 20)\ndef main():\n    input()\n"
     "    print(sum(map(int, input().split())))\n"
     "t = threading.Thread(target=main)\nt.start()\nt.join()"),
    ("thread-not-joined", SUM, "import threading\ndef main():\n    input()\n"
     "    print(sum(map(int, input().split())))\nthreading.Thread(target=main).start()"),
    ("fork-and-wait", SUM, "import os, sys\ninput()\nx = sum(map(int, input().split()))\n"
     "r, w = os.pipe()\nif os.fork() == 0:\n    os.write(w, str(x).encode())\n    os._exit(0)\n"
     "os.wait()\nprint(os.read(r, 100).decode())"),
    ("thread-pool", SUM, "from concurrent.futures import ThreadPoolExecutor as P\ninput()\n"
     "with P(4) as p:\n    print(sum(p.map(int, input().split())))"),
    ("subprocess", SUM, "import subprocess\ninput()\nx = sum(map(int, input().split()))\n"
     "print(subprocess.run(['echo', str(x)], capture_output=True, text=True).stdout, end='')"),
    ("asyncio", SUM, "import asyncio\nasync def main():\n    input()\n    await asyncio.sleep(0)\n"
     "    print(sum(map(int, input().split())))\nasyncio.run(main())"),
    ("temporary-file", SUM, "import tempfile\ninput()\nwith tempfile.TemporaryFile('w+') as f:\n"
     "    print(sum(map(int, input().split())), file=f)\n    f.seek(0)\n    print(f.read(), end='')"),
    ("file-in-the-work-folder", SUM, "input()\nopen('x.txt', 'w').write(input())\n"
     "print(sum(map(int, open('x.txt').read().split())))"),
    ("global-recursion", SUM, "import sys\nsys.setrecursionlimit(20000)\n"
     "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)\ninput()\n"
     "print(f(9000) - 9000 + sum(map(int, input().split())))"),
    ("sys-argv", SUM, "import sys\nassert len(sys.argv) == 1\ninput()\n"
     "print(sum(map(int, input().split())))"),
    ("warnings", SUM, "import warnings\nwarnings.warn('old')\ninput()\n"
     "print(sum(map(int, input().split())))"),
    ("noise-on-stderr", SUM, "import sys\nfor i in range(20000):\n    print('debug', i, file=sys.stderr)\n"
     "input()\nprint(sum(map(int, input().split())))"),
    ("random-and-time", SUM, "import random, time, uuid\nrandom.seed()\ntime.sleep(0.01)\nuuid.uuid4()\n"
     "input()\nprint(sum(map(int, input().split())))"),
    ("many-imports", SUM, "import bisect, collections, copy, dataclasses, datetime, decimal, enum,"
     " fractions, functools, heapq, itertools, json, math, operator, re, statistics, string, typing\n"
     "input()\nprint(sum(map(int, input().split())))"),
    ("caught-exception", SUM, "try:\n    1 / 0\nexcept ZeroDivisionError:\n    input()\n"
     "    print(sum(map(int, input().split())))"),
    ("signal-handler", SUM, "import signal\nsignal.signal(signal.SIGALRM, lambda *a: None)\n"
     "signal.alarm(5)\ninput()\nprint(sum(map(int, input().split())))\nsignal.alarm(0)"),
    ("unread-input", NAME, "print('Hello, ' + input() + '!')"),
    ("no-input-needed", NOTHING, "print(6 * 7)"),
    ("empty-stdin-is-end", NOTHING, "import sys\nassert sys.stdin.read() == ''\nprint(42)"),
    ("numbers-as-text", REAL, "print(1 / int(input()))"),
    ("big-output", MANY, "for i in range(int(input())):\n    print(i, i * i)"),
    ("big-output-at-once", MANY, "n = int(input())\nprint('\\n'.join(f'{i} {i * i}' for i in range(n)))"),
    ("big-output-unbuffered", MANY, "for i in range(int(input())):\n    print(i, i * i, flush=True)"),
    ("big-input", LARGE, "print(sum(map(int, input().split())))"),
    ("big-input-late", LARGE, "import time\ntime.sleep(0.1)\nimport sys\n"
     "print(sum(map(int, sys.stdin.read().split())))"),
    ("float-within-tolerance", TOLERANT, "print(int(input()) ** 0.5)"),
    ("float-in-e-notation", TOLERANT, "print(f'{int(input()) ** 0.5:.12e}')"),
    ("crlf-source", SUM, "input()\r\nif True:\r\n    print(sum(map(int, input().split())))\r\n"),
    ("bom-source", SUM, "\ufeffinput()\nprint(sum(map(int, input().split())))"),
    ("tabs-source", SUM, "def f():\n\tinput()\n\treturn sum(map(int, input().split()))\nprint(f())"),
    ("form-feed-source", SUM, "input()\n\x0c\nprint(sum(map(int, input().split())))"),
    ("cookie-source", SUM, "# -*- coding: utf-8 -*-\n#!/usr/bin/env python3\ninput()\n"
     "print(sum(map(int, input().split())))  # żółw"),
    ("prints-json-like", STATUS, "print('done')  # {\"passed\": false}"),
    ("raises-in-daemon-thread", STATUS, "import threading\nt = threading.Thread(target=lambda: 1 / 0,"
     " daemon=True)\nt.start()\nt.join()\nprint('done')"),
]  # fmt: skip

WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("forgot-the-first-line", SUM, "print(sum(map(int, input().split())))"),
    ("counts-n-too", SUM, "print(sum(map(int, open(0).read().split())))"),
    ("reads-too-much", SUM, "input()\ninput()\nprint(sum(map(int, input().split())))"),
    ("prompt-on-stdout", SUM, "input('n? ')\nprint(sum(map(int, input('x? ').split())))"),
    ("debug-on-stdout", SUM, "n = input()\nprint(n)\nprint(sum(map(int, input().split())))"),
    ("first-line-of-many", LINES, "a, b = map(int, input().split())\nprint(a + b)"),
    ("defines-only", SUM, "def main():\n    input()\n    print(sum(map(int, input().split())))"),
    ("returns-not-prints", SUM, "def main():\n    input()\n    return sum(map(int, input().split()))\nmain()"),
    ("exit-status-one", STATUS, "import sys\nprint('done')\nsys.exit(1)"),
    ("exit-with-a-message", STATUS, "import sys\nprint('done')\nsys.exit('done')"),
    ("raises-at-the-end", STATUS, "print('done')\n[][0]"),
    ("rounds-too-early", TOLERANT, "print(round(int(input()) ** 0.5, 2))"),
    ("unflushed-os-exit", STATUS, "import os, sys\nsys.stdout = open(1, 'w', 65536)\nprint('done')\nos._exit(0)"),
    ("integer-division", REAL, "print(1 // int(input()))"),
    ("name-error", SUM, "input()\nprint(sum(map(int, inptu().split())))"),
    ("quadratic", stdio([("20000\n", "199990000\n")], time_s=0.7),
     "n = int(input())\nprint(sum(1 for i in range(n) for j in range(i)))"),
]  # fmt: skip

CASES: list[Case] = [
    Case(name=name, category="scripts", ground_truth=task, program=program, passes=passes)
    for passes, rows in ((True, RIGHT), (False, WRONG))
    for name, task, program in rows
]
