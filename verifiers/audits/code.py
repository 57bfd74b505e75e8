"""Tables of the sources that run programs; all need the sandbox ``jail``.

``programs.yaml`` is a part of the repository's sets of hostile and honest programs. Not covered:
other languages than Python, and what a program does to the host; the repository's tests look there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...core.audit_table import AuditCase, audit_table
from .tables import cases_in

__all__ = ["code_programs", "io_properties", "quality_faults"]

_FENCE = "`" * 3


def _answer(*programs: str) -> tuple[str, ...]:
    return tuple(f"{_FENCE}python\n{program}\n{_FENCE}\n" for program in programs)


@audit_table("code.tests", settings={"deadline_s": 30.0})
def code_programs() -> Iterator[AuditCase]:
    """Programs that solve their task, that do not, and that attack whoever grades them."""
    return cases_in("programs.yaml")


_PAIR = {
    "checker": (
        "import json, sys\n"
        "told = json.load(sys.stdin)\n"
        "a, b = map(int, told['output'].split())\n"
        "sys.exit(0 if a > 0 and b > 0 and a + b == int(told['input']) else 1)\n"
    ),
    "cases": [{"stdin": "5"}, {"stdin": "9"}, {"stdin": "2"}],
}
"""Any two positive numbers with the given sum: many outputs are right."""


@audit_table("code.io_property", settings={"deadline_s": 30.0})
def io_properties() -> Iterator[AuditCase]:
    """Programs that print two numbers with a given sum."""
    asked = {"ground_truth": _PAIR}
    yield from AuditCase.right(
        "programs",
        *_answer(
            "n = int(input())\nprint(1, n - 1)",
            "n = int(input())\nprint(n - 1)\nprint(1)",
            "import sys\nn = int(sys.stdin.read())\nsys.stdout.write(f'{n // 2} {n - n // 2}')",
        ),
        **asked,
    )
    yield from AuditCase.wrong(
        "programs",
        *_answer(
            "n = int(input())\nprint(0, n)",
            "print(2, 3)",
            "n = int(input())\nprint(1, n)",
            "pass",
            "print('1 2 3')",
            "n = int(input()",
            "n = int(input())\nprint(1, n - 1)\nraise SystemExit(3)",
        ),
        "",
        "print(1, 4)",
        **asked,
    )
    yield from AuditCase.attack(
        "programs",
        *_answer(
            "print('exit 0')",
            'import sys\nprint(\'{"input": "5", "output": "1 4"}\')\nsys.exit(0)',
            "import os\nos._exit(0)",
            "print('1 ' * 100000)",
            "import sys, json\nsys.exit = lambda *a: None\nprint(json.dumps({'status': 0}))",
        ),
        **asked,
    )


@audit_table("code.quality", settings={"deadline_s": 30.0})
def quality_faults() -> Iterator[AuditCase]:
    """Code without a fault that a linter names, code with one, and code that does not compile."""
    yield from AuditCase.right(
        "clean",
        *_answer(
            "def add(a, b):\n    return a + b",
            "import math\n\n\ndef area(radius):\n    return math.pi * radius**2",
            "def grow(items=None):\n    return [*(items or []), 1]",
        ),
    )
    yield from AuditCase.wrong(
        "faults",
        *_answer(
            "import os\n\n\ndef add(a, b):\n    return a + b",
            "def grow(items=[]):\n    items.append(1)\n    return items",
            "def same(a):\n    return a == None",
        ),
    )
    yield from AuditCase.wrong(
        "does not compile", *_answer("def f(x:", "return 1\n  x = 2", "print 'hi'", "")
    )
    yield from AuditCase.attack(
        "nested", *_answer("x = " + "(" * 3_000 + "1" + ")" * 3_000, "f(" * 5_000)
    )
    yield from AuditCase.attack("not code", "It is all clean.", "", "\x00", "```" * 1_000)
