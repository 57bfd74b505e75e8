"""``code.quality``: a program compiles, and reads as code that somebody would keep.

Python: it compiles, and a few habits that a reader of code would stop at are counted; types are
checked where the sandbox has mypy. Other languages: it compiles. The program is never run; what
reads it runs in the sandbox too, since a text may be made to break a parser.

Not covered: whether it does what it should (``code.tests``), and taste.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import Field

from ...core.source import source
from ...core.types import Sample, Status, Verdict
from ...sandbox.contract import Missing, Program
from .backends import CodeSettings, Held
from .extract import extract
from .kinds.bench import Bench, ended_because, shown
from .kinds.stdio import compiled
from .languages import LANGUAGES, language_named
from .truth import WantedLimits

__all__ = ["QualitySettings", "code_quality"]


class QualitySettings(CodeSettings):
    """What is asked of the code."""

    language: str = "python"
    """The language of answers."""
    cost: float = Field(default=0.1, ge=0.0, le=1.0)
    """Taken from the score for each fault that is found; ours."""
    types: bool = False
    """Also ask mypy, where the sandbox has it (see ``sandbox_options``: packages)."""


READER = r"""
import ast, json, sys

def faults(tree):
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    used |= {n.value.id for n in ast.walk(tree)
             if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        imports = isinstance(node, (ast.Import, ast.ImportFrom))
        if imports and getattr(node, "module", "") != "__future__":
            for alias in node.names:
                name = (alias.asname or alias.name).split(".")[0]
                if name not in used and name != "*":
                    yield line, "an import that is not used: " + name
                if name == "*":
                    yield line, "everything is imported"
        elif isinstance(node, ast.ExceptHandler) and node.type is None:
            yield line, "every exception is caught"
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                if isinstance(default, (ast.List, ast.Dict, ast.Set)):
                    yield line, "a default that calls share: " + node.name
            if node.end_lineno - line >= 80:
                yield line, "a function of more than 80 lines: " + node.name
        elif isinstance(node, ast.Compare):
            for op, right in zip(node.ops, node.comparators):
                if isinstance(op, (ast.Eq, ast.NotEq)) and isinstance(right, ast.Constant):
                    if right.value is None:
                        yield line, "compared with None by =="
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("eval", "exec"):
                yield line, node.func.id + " is called"

with open("answer.py", encoding="utf-8", errors="surrogatepass") as file:
    text = file.read()
found = {"compiles": True, "faults": [], "lines": text.count("\n") + 1}
try:
    tree = ast.parse(text)
    compile(text, "answer.py", "exec", dont_inherit=True)
    found["faults"] = [f"line {line}: {what}" for line, what in faults(tree)]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    found["functions"] = sum(isinstance(n, kinds) for n in ast.walk(tree))
except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
    found = {"compiles": False, "why": f"{type(error).__name__}: {error}"}
if len(sys.argv) > 1 and found["compiles"]:
    try:
        from mypy import api
    except ImportError:
        found["types"] = None
    else:
        told = api.run(["--no-incremental", "--cache-dir=/dev/null", "answer.py"])[0]
        found["types"] = [line for line in told.splitlines() if ": error:" in line]
print(json.dumps(found))
"""


@source("code.quality", version="1", scale="unit", runs="process", view="answer",
        keeps_children=True)  # fmt: skip
class code_quality:  # noqa: N801 - the decorator makes a Source of it
    """0 if the code does not compile, else 1 less ``cost`` for each fault; never below 0.

    ``parts``: ``compiles``, ``faults``, ``lines``; ``evidence``: the faults by line.
    """

    def __init__(self, settings: QualitySettings) -> None:
        self._settings = settings
        self._sandbox = Held(settings)
        self._language = language_named(settings.language) or LANGUAGES["python"]

    def __call__(self, sample: Sample) -> Verdict:
        found = extract(sample.text, self._language, None, self._settings.blocks)
        if found.why_not:
            return Verdict.scored(0.0, passed=False, reason=found.why_not)
        try:
            sandbox = self._sandbox()
        except Missing as missing:
            return Verdict.unscored(Status.FAILED, f"this machine cannot run it: {missing}")
        bench = Bench(sandbox, self._settings.limits(WantedLimits()), self._settings.budget_s)
        if self._language.name != "python":
            return self._compiled(found.code, bench)
        return self._read(found.code, bench)

    def _compiled(self, code: str, bench: Bench) -> Verdict:
        made = compiled(self._language, code, bench)
        told = shown(made.stderr.decode("utf-8", "replace"), 500)
        good = made.program is not None
        return Verdict.scored(
            float(good),
            reason="it compiles" if good else f"{made.why}: {told}",
            parts={"compiles": float(good)},
        )

    def _read(self, code: str, bench: Bench) -> Verdict:
        reader = READER
        if self._settings.types:
            reader = "import sys\nsys.argv.append('types')\n" + READER
        files = {"answer.py": code.encode("utf-8", "surrogatepass")}
        outcome = bench.run(Program.script(reader, files))
        if not outcome.ok:
            why = ended_because(outcome)
            return Verdict.scored(0.0, passed=False, reason=f"the code cannot be read: {why}")
        told: dict[str, Any] = json.loads(outcome.stdout)
        if not told["compiles"]:
            reason = f"it does not compile: {told['why'][:300]}"
            return Verdict.scored(0.0, passed=False, reason=reason, parts={"compiles": 0.0})
        faults = [*told["faults"], *(told.get("types") or ())]
        score = max(0.0, 1.0 - self._settings.cost * len(faults))
        return Verdict.scored(
            score,
            reason=f"it compiles, with {len(faults)} faults" if faults else "it compiles",
            parts={
                "compiles": 1.0,
                "faults": float(len(faults)),
                "lines": float(told["lines"]),
                "functions": float(told["functions"]),
            },
            evidence={"faults": [shown(fault) for fault in faults[:20]]},
        )

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()
