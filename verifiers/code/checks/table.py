"""The tools that look at a program of each language, and how their faults are counted.

To add a language or a tool, add a row: ``compiles`` comes from an exit status, every other part
from the faults in what the tool writes. Commands that are the same are run once. Where a compiler
checks types, that is within ``compiles``, and the language has no part ``types``. Python's tools
need more than a row; see ``python``.

Not covered: tools that read a project (eslint, clippy, cppcheck), and style.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..languages import LANGUAGES

__all__ = ["TABLE", "Check", "Checks", "Part"]

Part = Literal["compiles", "lints", "types"]


@dataclass(frozen=True, slots=True)
class Check:
    """One command and the part it speaks for."""

    part: Part
    argv: tuple[str, ...]
    """The command, in the work folder."""
    tool: str
    """Its name in settings, evidence and messages."""
    version: str
    """The shell command that writes which version it is."""
    fault: re.Pattern[bytes] | None = None
    """A fault in what it writes: groups for the line and the text. None: the exit status alone."""
    only_if: re.Pattern[str] | None = None
    """Not run where the program does not match."""
    hides: bool = False
    """What it finds may hide any number of faults: the part is 0."""
    ends: tuple[int, ...] = (0,)
    """Exit statuses of a tool that has read it all; beyond those its part is 0."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What else lies in the work folder."""


@dataclass(frozen=True, slots=True)
class Checks:
    """The tools of a language."""

    clean: str
    """A program without fault: a tool that does not pass it is broken, and no answer is graded."""
    checks: tuple[Check, ...]
    silencers: str = ""
    """A pattern of RE2, since answers are searched with it: what switches a warning off from within
    the program. The part ``lints`` is 0 with it."""
    comments: str = r"/\*.*?(?:\*/|\Z)|//[^\n]*"
    """Comments, for telling an empty program."""


_WARNING = re.compile(rb"^[^\s:]+:(\d+):(?:\d+:)? warning: (.*)$", re.MULTILINE)
_RUSTC = re.compile(rb"^main\.rs:(\d+):\d+: warning: (.*)$", re.MULTILINE)
_VET = re.compile(rb"^(?:vet: )?(?:\./)?main\.go:(\d+):(?:\d+:)? (.*)$", re.MULTILINE)
_PRAGMA = re.compile(rb"^()(#pragma GCC (?:diagnostic|system_header).*)$", re.MULTILINE)
_MAY_HOLD_PRAGMA = re.compile(r"ragma|##|%:%:")
_GAP = r"(?:[ \t]|\\\n|/\*(?s:.)*?\*/)*"
_DIRECTIVE = rf"(?m:^){_GAP}(?:#|%:){_GAP}"
_SILENT_C = (
    rf"{_DIRECTIVE}(?:line\b|[0-9])"
    rf"|{_DIRECTIVE}include(?:_next)?{_GAP}(?:[A-Za-z_]|[^\n]*(?:main\.|\.\.|[<\"]/))"
)
"""Line markers: what follows is said to be another file, or a system's header. A file that includes
itself, for which a system's header is what it likes to be."""
_SUPPRESSED = r"SuppressWarnings|\\u+00[4-7]"
"""In Java, where a letter may be written as its number too."""


def _gcc(name: str, clean: str) -> Checks:
    """Warnings come of the run that compiles. A pragma may be made by a macro, so pragmas are
    looked for in what the preprocessor leaves of the main file."""
    row = LANGUAGES[name]
    compiler, standard = row.compile[0], row.compile[2]
    quiet = ("-fdiagnostics-color=never", "-fno-diagnostics-show-caret")
    argv = (compiler, "-Wall", "-Wextra", *quiet, *row.compile[1:])
    version = f"{compiler} -dumpfullversion"
    left = (
        f"{compiler} {standard} -E {row.file} > whole && awk"
        f""" '/^# [0-9]+ "/ {{ at = $3 }} at == "\\"{row.file}\\"" &&"""
        " /^#pragma GCC (diagnostic|system_header)/' whole"
    )
    checks = (
        Check("compiles", argv, compiler, version),
        Check("lints", argv, compiler, version, _WARNING),
        Check(
            "lints", ("sh", "-c", left), compiler, version, _PRAGMA, _MAY_HOLD_PRAGMA, hides=True
        ),
    )
    return Checks(clean, checks, _SILENT_C)


def _java() -> Checks:
    # no annotation processors: those would be code that runs
    command = "javac -J-Xmx512m -proc:none -Xlint:all -d out Main.java"
    argv, version = ("sh", "-c", command), "javac -version 2>&1"
    clean = "class Main {\n    public static void main(String[] args) {\n    }\n}\n"
    return Checks(
        clean,
        (
            Check("compiles", argv, "javac", version),
            Check("lints", argv, "javac", version, _WARNING),
        ),
        _SUPPRESSED,
    )


def _go() -> Checks:
    build = LANGUAGES["go"].compile
    vet = build[2].partition(" go build")[0] + " go vet main.go"
    return Checks(
        "package main\n\nfunc main() {\n}\n",
        (
            Check("compiles", build, "go", "go version"),
            Check("lints", ("sh", "-c", vet), "go", "go version", _VET, ends=(0, 1, 2)),
        ),
    )


def _rust() -> Checks:
    # --force-warn: what #![allow] cannot switch off
    base = LANGUAGES["rust"].compile
    argv = (base[0], "--force-warn", "unused", "--force-warn", "nonstandard-style",
            "--error-format=short", *base[1:])  # fmt: skip
    version = "rustc --version"
    return Checks(
        "fn main() {}\n",
        (
            Check("compiles", argv, "rustc", version),
            Check("lints", argv, "rustc", version, _RUSTC),
        ),
    )


def _javascript() -> Checks:
    # node 20 passes any main.js that looks like a module, so both kinds are asked by suffix
    check = (
        "cp main.js script.cjs; mv main.js module.mjs;"
        " node --check script.cjs || node --check module.mjs"
    )
    argv = ("sh", "-c", check)
    return Checks("const x = 1;\n", (Check("compiles", argv, "node", "node --version"),))


def _bash() -> Checks:
    check = Check("compiles", ("bash", "-n", "main.sh"), "bash", "bash --version | head -n 1")
    return Checks("echo 1\n", (check,), comments=r"(?m)(?:^|(?<=\s))#[^\n]*$")


TABLE: dict[str, Checks] = {
    "c": _gcc("c", "int main(void)\n{\n    return 0;\n}\n"),
    "cpp": _gcc("cpp", "int main()\n{\n    return 0;\n}\n"),
    "java": _java(),
    "go": _go(),
    "rust": _rust(),
    "javascript": _javascript(),
    "bash": _bash(),
}
"""Language -> its tools; Python's are in ``python``."""
