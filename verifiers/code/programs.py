"""``code.tests`` and ``code.io_property``: a program is right when its tests say so.

The program is found in the answer, run in a sandbox, and judged by what came back as data; see
``kinds`` for how each kind of test keeps the verdict out of the program's reach, and ``truth`` for
the format of the ground truth.

Not covered: tests that need files, networks or packages which the sandbox does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from ...core.source import source
from ...core.types import Sample, Status, Verdict
from ...sandbox.contract import Missing, Program, Sandbox
from .backends import CodeSettings, Held
from .extract import Extracted, defines, extract
from .kinds.asserts import grade_asserts, grade_check
from .kinds.bench import Bench, Case, Graded, shown
from .kinds.checker import grade_checked
from .kinds.function import grade_calls, prepared_calls
from .kinds.plans import plan_of_asserts, plan_of_check
from .kinds.relay import grade_suite, plan_of_suite
from .kinds.stdio import grade_stdio
from .languages import LANGUAGES, Language
from .truth import BadReference, Task, read_task

__all__ = ["CodeTestsSettings", "code_io_property", "code_tests"]

Grade = Callable[[Any, str, Bench], Graded]
_KINDS: dict[str, Grade] = {
    "function": grade_calls,
    "stdio": grade_stdio,
    "asserts": grade_asserts,
    "check": grade_check,
    "unittest": grade_suite,
    "checker": grade_checked,
}
_PREPARE: dict[str, Callable[[Any], object]] = {
    "function": prepared_calls,
    "asserts": plan_of_asserts,
    "check": plan_of_check,
    "unittest": plan_of_suite,
}
"""What reads the tests themselves; done before the answer is looked at, and kept."""
_MOST_PARTS = 256
_MOST_FAILED = 5
_STDERR_CHARS = 2000


class CodeTestsSettings(CodeSettings):
    """How programs are found, run and scored."""

    score: Literal["all", "fraction"] = "all"
    """``all``: 1 when every test passes, else 0. ``fraction``: the share of tests that pass.
    ``passed`` is the same either way: all of them."""
    early_stop: bool = False
    """Stop at the first failed test where tests are run one by one; the others count as failed."""
    hide_cases: bool = False
    """Leave what a test gives and expects out of the reason and the evidence, for where the text
    may reach the policy."""


class _Tests:
    """What both sources do."""

    kinds: frozenset[str] = frozenset(_KINDS)

    def __init__(self, settings: CodeTestsSettings) -> None:
        self._settings = settings
        self._sandbox = Held(settings)
        self._present: dict[str, bool] = {}

    def __call__(self, sample: Sample) -> Verdict:
        try:
            task = read_task(sample.ground_truth)
            if task.tests.kind not in self.kinds:
                raise BadReference(
                    f"ground_truth.tests.kind: must be one of {', '.join(sorted(self.kinds))},"
                    f" got {task.tests.kind!r}"
                )
            if task.tests.kind in _PREPARE:
                _PREPARE[task.tests.kind](task.tests)
            return self._judged(sample, task)
        except BadReference as bad:
            return Verdict.unscored(Status.BAD_REFERENCE, str(bad))
        except Missing as missing:
            return Verdict.unscored(
                Status.FAILED, f"this machine cannot run it: {missing}", evidence={"missing": True}
            )

    def _judged(self, sample: Sample, task: Task) -> Verdict:
        language = LANGUAGES[task.language]
        found = self._program(sample, task, language)
        if found.why_not:
            return Verdict.scored(0.0, passed=False, reason=found.why_not)
        sandbox = self._sandbox()
        self._require(language, sandbox)
        settings = self._settings
        bench = Bench(
            sandbox,
            settings.limits(task.limits),
            settings.budget_s,
            task,
            stop=settings.early_stop,
        )
        graded = _KINDS[task.tests.kind](task.tests, found.code, bench)
        return self._verdict(graded, found, language, bench)

    def _program(self, sample: Sample, task: Task, language: Language) -> Extracted:
        entry = getattr(task.tests, "entry_point", None)
        found = extract(sample.text, language, entry, self._settings.blocks)
        if found.why_not or entry is None or self._settings.prefix == "never":
            return found
        prompt = sample.prompt_text
        if not defines(found.code, entry) and "```" not in prompt and defines(prompt, entry):
            return Extracted(prompt + found.code, f"prompt + {found.how}")
        return found

    def _require(self, language: Language, sandbox: Sandbox) -> None:
        """Raises ``Missing`` when the sandbox lacks a tool of the language."""
        for tool in language.needs:
            if tool not in self._present:
                ask = Program.command(["sh", "-c", f"command -v {tool}"])
                self._present[tool] = sandbox.run(ask).ok
            if not self._present[tool]:
                raise Missing(
                    f"there is no {tool!r} in the sandbox {sandbox.name!r}, which {language.name}"
                    " needs; install it, or name an image that has it in sandbox_options"
                )

    def _verdict(
        self, graded: Graded, found: Extracted, language: Language, bench: Bench
    ) -> Verdict:
        cases = graded.cases
        count = sum(case.passed for case in cases)
        passed = count == len(cases) and count > 0
        share = count / len(cases) if self._settings.score == "fraction" and cases else 0.0
        parts = {case.name: float(case.passed) for case in cases[:_MOST_PARTS]}
        return Verdict.scored(
            1.0 if passed else share,
            passed=passed,
            reason=self._reason(cases, count, graded.problem),
            parts=parts,
            evidence=self._evidence(graded, found, language, bench, count),
        )

    def _reason(self, cases: list[Case], count: int, problem: str) -> str:
        if count == len(cases):
            return f"all {count} tests pass"
        if problem:
            return problem
        first = next(case for case in cases if not case.passed)
        return f"{count} of {len(cases)} tests pass; {first.name}: {self._told(first)}"

    def _told(self, case: Case) -> str:
        if self._settings.hide_cases or not case.detail:
            # the text of an assertion's own message, or of an exception, may quote the test
            return case.why.partition(":")[0] if self._settings.hide_cases else case.why
        return f"{case.why}: {case.detail}"

    def _evidence(
        self, graded: Graded, found: Extracted, language: Language, bench: Bench, count: int
    ) -> dict[str, Any]:
        sandbox = bench.sandbox
        failed = [case for case in graded.cases if not case.passed][:_MOST_FAILED]
        evidence: dict[str, Any] = {
            "tests": len(graded.cases),
            "passed": count,
            "program": found.how,
            "language": language.name,
            "trust": graded.trust,
            "backend": sandbox.name,
            "guarantees": list(sandbox.guarantees),
            **bench.used(),
            **graded.notes,
        }
        if graded.folded:
            evidence["folded"] = graded.folded
        if failed:
            evidence["failed"] = {case.name: self._told(case) for case in failed}
        if graded.stderr:
            tail = graded.stderr.decode("utf-8", "backslashreplace")[-_STDERR_CHARS:]
            evidence["stderr"] = shown(tail, _STDERR_CHARS)
        return evidence

    def close(self) -> None:
        """End the sandbox."""
        self._sandbox.close()


@source(
    "code.tests",
    version="1",
    scale="unit",
    needs=("ground_truth",),
    runs="process",
    view="answer",
    keeps_children=True,
)
class code_tests(_Tests):  # noqa: N801 - the decorator makes a Source of it
    """1 if the program in the answer passes all tests of the ground truth, else 0.

    The ground truth is ``{"language", "tests", "limits", "compare"}`` with tests of the kinds
    ``function``, ``stdio``, ``asserts``, ``unittest``, ``check`` or ``checker``, or a well-known
    dataset's spelling of those. A program that does not compile, crashes, or goes beyond its limits
    is judged wrong. A sandbox that fails is a fault, never a grade. ``evidence``: ``tests``,
    ``passed``, ``failed``, ``stderr``, ``trust`` (what the verdict rests on), ``backend``,
    ``guarantees``, and what the runs used.
    """


@source(
    "code.io_property",
    version="1",
    scale="unit",
    needs=("ground_truth",),
    runs="process",
    view="answer",
    keeps_children=True,
)
class code_io_property(_Tests):  # noqa: N801 - the decorator makes a Source of it
    """1 if a checker program accepts the program's output for every input, else 0.

    The ground truth is ``{"checker": source, "cases": [{"stdin": ...}]}``. The checker is Python,
    trusted, and runs on its own: it reads ``{"input", "output", "answer"}`` as JSON and ends with
    status 0 for right, 1 for wrong.
    """

    kinds = frozenset({"checker"})
