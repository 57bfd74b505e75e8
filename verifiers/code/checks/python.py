"""Python's tools: ruff and mypy of this environment, shown to the jail, and mypy's warm cache.

Only the files of the tools themselves are shown, read-only, never the environment they lie in. An
image of docker or a remote service brings its own. mypy reads the standard library's types once per
opened source, from which each run gets a copy: an answer cannot write into another's.

Not covered: plugins and stubs of mypy; a folder of typed packages can be shown (``packages``).
"""

from __future__ import annotations

import importlib.metadata as installed
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ....sandbox.contract import Missing, Program
from ..kinds.bench import Bench, ended_because, shown
from .examine import TOOL
from .reader import MYPY
from .table import Check, Checks

__all__ = ["Places", "find_tools", "local_versions", "python_checks", "warmed"]

_BIN, _PACKAGES = "/checkers/bin", "/checkers/packages"
_CLEAN = "x: int = 1\nprint(x)\n"
_RUFF = re.compile(rb"^main\.py:(\d+):\d+: (.*)$", re.MULTILINE)
_MYPY = re.compile(rb"^main\.py:(\d+): error: (.*)$", re.MULTILINE)
_SEED = """
import abc, array, ast, bisect, cmath, collections, contextlib, copy, csv, dataclasses, datetime
import decimal, enum, fractions, functools, heapq, inspect, io, itertools, json, logging, math
import numbers, operator, os, pathlib, queue, random, re, statistics, string, struct, sys, textwrap
import threading, time, typing, typing_extensions, uuid
"""
"""Modules that answers import: their types are read beforehand. Ours."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the tools are in a sandbox."""

    python: str
    ruff: str
    mypy: str
    """The folder to import it from; one that is not there: Python's own packages."""
    folders: dict[str, str] = field(default_factory=dict)
    """What a jail must be shown for it: host path to jail path."""


def local_versions() -> dict[str, str]:
    """Of Python's tools in this environment."""
    versions: dict[str, str] = {}
    for name in ("mypy", "ruff"):
        try:
            versions[name] = installed.version(name)
        except installed.PackageNotFoundError:
            continue
    return versions


def find_tools(backend: str, wanted: Sequence[str]) -> Places:
    """Raises ``Missing`` where the sandbox has the tools from here, and here are none."""
    if backend not in ("jail", "unsafe_subprocess"):
        return Places("python3", "ruff", "-")
    ruff = str(_ruff()) if "ruff" in wanted else ""
    tops = sorted(_top_level("mypy")) if "mypy" in wanted else []
    if backend == "unsafe_subprocess":
        return Places(sys.executable, ruff, str(tops[0].parent) if tops else "-")
    folders = {str(path): f"{_PACKAGES}/{path.name}" for path in tops}
    if ruff:
        folders[ruff] = f"{_BIN}/ruff"
    python = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Places(python, f"{_BIN}/ruff", _PACKAGES, folders)


def _files(name: str) -> list[installed.PackagePath]:
    try:
        files = installed.distribution(name).files
    except installed.PackageNotFoundError:
        files = None
    if not files:
        part = "lints" if name == "ruff" else "types"
        raise Missing(
            f"there is no {name} in this environment, whose files are shown to the sandbox:"
            f" pip install 'assay-rlvr[quality]', or leave it out with weights: {{{part}: 0}}"
        )
    return files


def _ruff() -> Path:
    for file in _files("ruff"):
        if file.name == "ruff" and file.parent.name == "bin":
            return Path(str(file.locate())).resolve()
    raise Missing("the package ruff of this environment has no program: pip install -I ruff")


def _top_level(name: str) -> set[Path]:
    """What a distribution, and what it needs, put into the folder of packages."""
    found, seen, waiting = set[Path](), set[str](), [name]
    while waiting:
        asked = waiting.pop()
        if asked in seen:
            continue
        seen.add(asked)
        for file in _files(asked):
            top = file.parts[0]
            if top != ".." and not top.endswith(".dist-info") and top != "__pycache__":
                found.add(Path(str(installed.distribution(asked).locate_file(top))))
        waiting += _needed(asked)
    return found


def _needed(name: str) -> Iterator[str]:
    """Requirements that are there; extras, and those of other Pythons, are not asked for."""
    for requirement in installed.requires(name) or ():
        word = re.match(r"[A-Za-z0-9._-]+", requirement)
        if word is None or "extra ==" in requirement:
            continue
        try:
            installed.distribution(word[0])
        except installed.PackageNotFoundError:
            continue
        yield word[0]


def python_checks(
    places: Places, version: str, *, rules: Sequence[str], imports: Sequence[str], strict: bool,
    parts: Sequence[str],
) -> Checks:  # fmt: skip
    """The checks of the parts asked for, for programs of this version of Python."""
    checks = []
    if "lints" in parts:
        target = f"py{version.replace('.', '')}"
        argv = (places.ruff, "check", "--isolated", "--ignore-noqa", "--no-cache", "--exit-zero",
                "--quiet", "--output-format=concise", f"--target-version={target}",
                f"--select={','.join(rules)}", "main.py")  # fmt: skip
        told = f"{places.ruff} --version"
        checks.append(Check("lints", argv, "ruff", told, _RUFF))
    if "types" in parts:
        start = (places.python, "-I", "-S", "start_mypy", places.mypy)
        hard = ("--strict", "--disallow-any-explicit", "--disallow-any-unimported")
        argv = (*start, "--config-file=mypy.ini", "--cache-dir=cache", "--sqlite-cache",
                "--no-error-summary", "--no-color-output", "--check-untyped-defs",
                "--warn-unreachable", "--platform=linux", *(hard if strict else ()),
                "main.py")  # fmt: skip
        files = {"mypy.ini": _ini(imports), "start_mypy": MYPY.encode()}
        told = f"{' '.join(map(shlex.quote, start))} --version"
        checks.append(Check("types", argv, "mypy", told, _MYPY, ends=(0, 1), files=files))
    return Checks(_CLEAN, tuple(checks))


def _ini(imports: Sequence[str]) -> bytes:
    """The settings of mypy, ours alone: a file that is named keeps it from looking for others."""
    free = [f"[mypy-{name},{name}.*]\nignore_missing_imports = True\n" for name in imports]
    return "\n".join(["[mypy]\n", *free]).encode()


def warmed(checks: Checks, bench: Bench) -> Checks:
    """mypy's check with what it knows of the standard library. Raises ``Missing``."""
    return replace(checks, checks=tuple(_warmed(check, bench) for check in checks.checks))


def _warmed(check: Check, bench: Bench) -> Check:
    if check.tool != "mypy":
        return check
    files = {"main.py": _SEED.encode(), **check.files}
    outcome = bench.run(Program.command(check.argv, files, keep=["cache.tar"]), limits=TOOL)
    cache = outcome.files.get("cache.tar")
    if not outcome.ok or cache is None:
        raise Missing(
            f"mypy of the sandbox {bench.sandbox.name!r} cannot read the standard library's types:"
            f" {ended_because(outcome)}: {shown(outcome.stderr.decode('utf-8', 'replace'), 300)};"
            " pip install 'assay-rlvr[quality]', or leave it out with weights: {types: 0}"
        )
    return replace(check, files={**check.files, "cache.tar": cache})
