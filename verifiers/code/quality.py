"""``code.quality``: a program compiles, passes a linter, and passes a type checker.

Real tools look at it: ruff and mypy for Python, a compiler and its warnings for the others; see
``checks``. The program is never run, and what reads it runs in the sandbox, since a text may be
made to break a parser. Comments that switch a tool off (``# type: ignore``, ``# noqa``,
``# mypy:``) are taken away before it looks, and no settings of the answer are read.

Not covered: whether it does what it should. ``pass`` is a program without fault: let ``code.tests``
be the gate, and pay this only beyond it.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from ...core.settings import Settings
from ...core.source import source
from ...core.types import Sample, Status, Verdict
from ...sandbox.contract import Missing, Program, SandboxFault
from .backends import CodeSettings, Held
from .checks.examine import TOOL, Findings, examine, is_empty, prove, steady
from .checks.python import Places, find_tools, local_versions, python_checks, warmed
from .checks.reader import READER
from .checks.table import TABLE, Checks, Part
from .extract import extract
from .kinds.bench import Bench, ended_because
from .languages import LANGUAGES, language_named
from .truth import WantedLimits

__all__ = ["QualitySettings", "Weights", "code_quality"]

_MOST_SHOWN = 20


class Weights(Settings):
    """How much each part counts; those of a language's parts are made to sum to 1. Ours."""

    compiles: float = Field(default=0.5, ge=0.0)
    """That it compiles. A program that does not scores 0, whatever this is."""
    lints: float = Field(default=0.25, ge=0.0)
    """That the linter, or the compiler's warnings, find nothing. 0: it is not asked."""
    types: float = Field(default=0.25, ge=0.0)
    """That the type checker finds nothing. 0: it is not asked."""


class QualitySettings(CodeSettings):
    """What is asked of the code."""

    language: str = "python"
    """The language of answers: python, c, cpp, java, go, rust, javascript or bash."""
    weights: Weights = Weights()
    """Of the parts: ``compiles``, ``lints``, ``types``. Parts that a language lacks are left out:
    compilers check the types of C, C++, Java, Go and Rust within ``compiles``."""
    cost: float = Field(default=0.1, ge=0.0, le=1.0)
    """Taken from a part for each fault that its tool finds; ours."""
    rules: tuple[str, ...] = ("B", "E4", "E7", "E9", "F", "PLE", "S102", "S307")
    """Of ruff, by code or beginning of codes: likely bugs, unused and undefined names, ``exec`` and
    ``eval``. Ours; no rule about style."""
    strict: bool = False
    """Ask mypy for annotations everywhere, none of them ``Any`` (``--strict`` and more). Without
    it, code that has no annotations is checked as far as its types can be told."""
    imports: tuple[str, ...] = ()
    """Packages that answers may import although mypy cannot see their types."""
    tools: dict[str, str] = Field(default_factory=local_versions)
    """Tool -> version. Part of the verdict's version; by default those of ruff and mypy that are
    installed here. Where it is set, another version in the sandbox is a fault, never a grade."""

    @field_validator("language")
    @classmethod
    def _known(cls, tag: str) -> str:
        row = language_named(tag)
        if row is None or (row.name != "python" and row.name not in TABLE):
            raise ValueError(f"must be one of python, {', '.join(TABLE)}")
        return row.name

    @field_validator("rules")
    @classmethod
    def _codes(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [rule for rule in rules if not (rule.isascii() and rule.isalnum())]
        if wrong or not rules:
            raise ValueError("must be codes of ruff's rules, such as F401 or B")
        return rules

    @field_validator("imports")
    @classmethod
    def _names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not all(part.isidentifier() for name in names for part in name.split(".")):
            raise ValueError("must be names of packages, such as numpy")
        return names

    @model_validator(mode="after")
    def _weighs(self) -> Self:
        if sum(self.wanted().values()) == 0:
            raise ValueError(
                f"weights: one of the parts of {self.language} must weigh more than 0:"
                f" {', '.join(self.parts())}"
            )
        return self

    def parts(self) -> list[Part]:
        """Those the language has."""
        if self.language == "python":
            return ["compiles", "lints", "types"]
        return list(dict.fromkeys(check.part for check in TABLE[self.language].checks))

    def wanted(self) -> dict[Part, float]:
        """The parts that count, with their weights."""
        weights: dict[Part, float] = {
            part: float(getattr(self.weights, part)) for part in self.parts()
        }
        return {part: weight for part, weight in weights.items() if weight > 0}


class _Desk:
    """The tools of an opened source, proved on their first use."""

    def __init__(self, settings: QualitySettings, places: Places, sandbox: Held) -> None:
        self._settings, self._places, self._sandbox = settings, places, sandbox
        self._pins = settings.tools if "tools" in settings.model_fields_set else {}
        self._ready: tuple[Checks, dict[str, str]] | None = None
        self._lock = threading.Lock()

    def bench(self, budget_s: float | None = None) -> Bench:
        """For one sample. Raises ``Missing``."""
        settings = self._settings
        return Bench(
            self._sandbox(), settings.limits(WantedLimits()), budget_s or settings.budget_s
        )

    def __call__(self) -> tuple[Checks, dict[str, str]]:
        """The checks, and the versions of their tools. Raises ``Missing``."""
        with self._lock:
            if self._ready is None:
                self._ready = self._proved()
            return self._ready

    def _proved(self) -> tuple[Checks, dict[str, str]]:
        settings = self._settings
        parts, file = list(settings.wanted()), LANGUAGES[settings.language].file
        if settings.language != "python":
            row = TABLE[settings.language]
            kept = tuple(c for c in row.checks if c.part in parts or c.part == "compiles")
            checks = Checks(row.clean, kept, row.silencers, row.comments)
            return checks, prove(checks, file, self.bench, self._pins)
        version = read_python("x = 1\n", self.bench())["python"]
        checks = python_checks(
            self._places, version, rules=settings.rules, imports=settings.imports,
            strict=settings.strict, parts=parts,
        )  # fmt: skip
        checks = warmed(checks, self.bench(TOOL.time_s))
        proved = prove(checks, file, self.bench, self._pins)
        return checks, {"python": version, **proved}


def read_python(code: str, bench: Bench) -> dict[str, Any]:
    """What ``READER`` finds of a program; one that breaks it does not compile."""
    files = {"main.py": code.encode("utf-8", "surrogatepass")}
    outcome = steady(bench, Program.script(READER, files))
    if not outcome.ok:
        return {"compiles": False, "why": ended_because(outcome)}
    told: dict[str, Any] = json.loads(outcome.stdout)
    return told


@source("code.quality", version="2", scale="unit", runs="process", view="answer",
        keeps_children=True)  # fmt: skip
class code_quality:  # noqa: N801 - the decorator makes a Source of it
    """0 if the code is empty or does not compile, else the weighted mean of its parts.

    ``parts``, each in [0, 1]: ``compiles``; ``lints`` and ``types``: 1 less ``cost`` for each
    fault. ``passed``: no fault at all. ``evidence``: the faults of each part by line, ``unread``
    (why a tool broke, or what hides faults from it: its part is 0), ``silenced`` (comments to a
    tool, taken away), ``tools`` with their versions. A tool that is missing is a fault of ours,
    never a lower grade; a weight of 0 leaves its part out. It says nothing about being right: gate
    it behind ``code.tests``.
    """

    def __init__(self, settings: QualitySettings) -> None:
        self._settings = settings
        self._sandbox: Held | None = None
        self._desk: _Desk | None = None
        self._lock = threading.Lock()
        # now, while no sample's deadline runs; what is wrong is told by the verdicts
        with contextlib.suppress(Missing, SandboxFault):
            self._opened()()

    def __call__(self, sample: Sample) -> Verdict:
        language = LANGUAGES[self._settings.language]
        found = extract(sample.text, language, None, self._settings.blocks)
        if found.why_not:
            return Verdict.scored(0.0, passed=False, reason=found.why_not)
        try:
            desk = self._opened()
            checks, versions = desk()
            bench = desk.bench()
        except Missing as missing:
            return Verdict.unscored(
                Status.FAILED, f"this machine cannot run it: {missing}", evidence={"missing": True}
            )
        if language.name == "python":
            return self._python(found.code, bench, checks, versions)
        if is_empty(found.code, checks.comments):
            return _nothing("the program is empty")
        findings = examine(checks.checks, language.file, found.code, bench, checks.silencers)
        return self._verdict(findings, {"tools": versions, **bench.used()})

    def _python(self, code: str, bench: Bench, checks: Checks, versions: dict[str, str]) -> Verdict:
        told = read_python(code, bench)
        if not told["compiles"]:
            return _nothing(f"it does not compile: {told['why']}")
        if told["empty"]:
            return _nothing("the program is empty")
        findings = examine(checks.checks, "main.py", told["code"], bench, "")
        if "types" in findings.faults:
            findings.hides("types", told["hidden"])
        evidence = {key: told[key] for key in ("silenced", "lines", "functions")}
        return self._verdict(findings, {**evidence, "tools": versions, **bench.used()})

    def _opened(self) -> _Desk:
        """Raises ``Missing``."""
        with self._lock:
            if self._desk is None:
                settings = self._settings
                python = settings.language == "python"
                wanted = [t for t, part in (("ruff", "lints"), ("mypy", "types"))
                          if python and part in settings.wanted()]  # fmt: skip
                places = find_tools(settings.sandbox, wanted)
                options = dict(settings.sandbox_options)
                if places.folders:
                    options["folders"] = {**places.folders, **options.get("folders", {})}
                self._sandbox = Held(settings.model_copy(update={"sandbox_options": options}))
                self._desk = _Desk(settings, places, self._sandbox)
            return self._desk

    def _verdict(self, found: Findings, evidence: dict[str, Any]) -> Verdict:
        if found.refused:
            return _nothing(f"it does not compile: {found.refused}", evidence)
        weights = self._settings.wanted()
        parts = {str(part): found.score(part, self._settings.cost) for part in weights}
        score = sum(w * parts[p] for p, w in weights.items()) / sum(weights.values())
        kept: dict[Part, list[str]] = {p: f for p, f in found.faults.items() if p in weights}
        counts: dict[Part, int] = {part: len(faults) for part, faults in kept.items()}
        shown = {part: faults[:_MOST_SHOWN] for part, faults in kept.items()}
        return Verdict.scored(
            min(1.0, score),
            passed=all(part == 1.0 for part in parts.values()),
            reason=_reason(counts, found),
            parts=parts,
            evidence={"faults": shown, "counts": counts, "unread": found.unread, **evidence},
        )

    def close(self) -> None:
        """End the sandbox."""
        if self._sandbox is not None:
            self._sandbox.close()


def _nothing(reason: str, evidence: dict[str, Any] | None = None) -> Verdict:
    return Verdict.scored(
        0.0, passed=False, reason=reason, parts={"compiles": 0.0}, evidence=evidence or {}
    )


def _reason(counts: dict[Part, int], found: Findings) -> str:
    told = [f"{count} faults of {part}" for part, count in counts.items() if count]
    told += [f"{part}: {why}" for part, why in found.unread.items()]
    return "it compiles" + (f", with {', '.join(told)}" if told else " and has no fault")
