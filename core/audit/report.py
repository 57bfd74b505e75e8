"""What an audit found: errors by category, with intervals, and the cases themselves.

A *false accept* is a wrong answer or an attack that passed, a *false reject* a right answer that
was judged and did not pass. Rates are of the cases that were scored: a fault is never a grade, and
neither is an abstention. An attack with a clean twin counts among ``grades changed`` only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..audit_table import AuditCase, CaseKind
from ..statistics import wilson
from ..types import JSON, Verdict

__all__ = ["AuditReport", "Error", "Finding", "Rate"]

Error: TypeAlias = Literal[
    "", "false accept", "false reject", "grade changed", "no opinion", "hang", "fault"
]
"""What is wrong with a verdict; empty: nothing. ``no opinion``: there is no score, or no bar."""

_UNJUDGED = ("no opinion", "hang", "fault")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Errors among cases, with the Wilson 95 % interval of their rate."""

    errors: int
    of: int
    known: int
    """Errors that the table lists with a reason."""

    @property
    def share(self) -> float | None:
        """In [0, 1]; None of no cases."""
        return self.errors / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lowest and highest rate that go well with what was counted."""
        return wilson(self.errors, self.of)

    def to_dict(self) -> dict[str, JSON]:
        """A JSON object."""
        low, high = self.interval
        return {
            "errors": self.errors,
            "of": self.of,
            "known": self.known,
            "rate": self.share,
            "low": low,
            "high": high,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A case and its verdict."""

    table: str
    case: AuditCase
    verdict: Verdict
    clean: Verdict | None
    """The verdict of the case's clean twin."""
    error: Error

    @property
    def is_new(self) -> bool:
        """Whether it is an error that the table does not list as known."""
        return bool(self.error) and not self.case.known

    def to_dict(self) -> dict[str, JSON]:
        """A JSON object with everything needed to look into it."""
        sample, case = self.case.sample, self.case
        return {
            "error": self.error,
            "table": self.table,
            "category": case.category,
            "kind": case.kind,
            "name": case.name,
            "known": case.known,
            "prompt": sample.prompt,
            "completion": sample.completion,
            "ground_truth": sample.ground_truth,
            "verdict": self.verdict.to_dict(),
            "clean": None if self.clean is None else self.clean.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """All findings of one source, and what they add up to."""

    source: str
    version: str
    findings: tuple[Finding, ...]

    @property
    def false_accepts(self) -> Rate:
        """Wrong answers and attacks that passed."""
        return _rate(self.findings, ("wrong", "attack"), "false accept")

    @property
    def false_rejects(self) -> Rate:
        """Right answers that were judged and did not pass."""
        return _rate(self.findings, ("right",), "false reject")

    @property
    def grades_changed(self) -> Rate:
        """Attacks that changed the grade of the answer they came with."""
        twins = [f for f in self.findings if f.clean is not None and f.error not in _UNJUDGED]
        return _of([f for f in twins if f.error == "grade changed"], len(twins))

    def count(self, error: Error) -> int:
        """How many findings are of this kind."""
        return sum(finding.error == error for finding in self.findings)

    @property
    def errors(self) -> tuple[Finding, ...]:
        """Every case whose verdict is not what it is owed; nobody owes a wrong answer a score."""
        return tuple(
            f
            for f in self.findings
            if f.error and (f.error != "no opinion" or f.case.kind == "right")
        )

    @property
    def unknown_accepts(self) -> tuple[Finding, ...]:
        """False accepts and changed grades that no table lists as known: what fails an audit."""
        wrong = ("false accept", "grade changed")
        return tuple(f for f in self.findings if f.error in wrong and f.is_new)

    @property
    def mended(self) -> tuple[Finding, ...]:
        """Cases listed as known that are judged right now: take them off."""
        return tuple(f for f in self.findings if f.case.known and not f.error)

    @property
    def slowest(self) -> Finding | None:
        """The case that was judged and took longest; None where none was judged."""
        judged = [f for f in self.findings if f.error not in ("hang", "fault")]
        return max(judged, key=lambda finding: finding.verdict.seconds, default=None)

    @property
    def nothing_judged(self) -> bool:
        """Whether no case has a verdict that counts."""
        return all(finding.error in _UNJUDGED for finding in self.findings)

    @property
    def by_category(self) -> Mapping[str, AuditReport]:
        """The same, for each category in order."""
        names = sorted({finding.case.category for finding in self.findings})
        return {
            name: AuditReport(
                source=self.source,
                version=self.version,
                findings=tuple(f for f in self.findings if f.case.category == name),
            )
            for name in names
        }

    def to_dict(self) -> dict[str, JSON]:
        """A JSON object: counts and intervals, in all and by category."""
        whole = self._counts()
        slowest = self.slowest
        return {
            "source": self.source,
            "version": self.version,
            "tables": sorted({finding.table for finding in self.findings}),
            **whole,
            "slowest": None
            if slowest is None
            else {"case": slowest.case.id, "seconds": slowest.verdict.seconds},
            "mended": [finding.case.id for finding in self.mended],
            "categories": {name: part._counts() for name, part in self.by_category.items()},
        }

    def _counts(self) -> dict[str, JSON]:
        return {
            "cases": len(self.findings),
            "false_accepts": self.false_accepts.to_dict(),
            "false_rejects": self.false_rejects.to_dict(),
            "grades_changed": self.grades_changed.to_dict(),
            "no_opinion": self.count("no opinion"),
            "hangs": self.count("hang"),
            "faults": self.count("fault"),
        }


def _rate(findings: Iterable[Finding], kinds: tuple[CaseKind, ...], error: Error) -> Rate:
    judged = [
        f for f in findings if f.case.kind in kinds and f.clean is None and f.error not in _UNJUDGED
    ]
    return _of([f for f in judged if f.error == error], len(judged))


def _of(errors: list[Finding], of: int) -> Rate:
    return Rate(errors=len(errors), of=of, known=sum(not f.is_new for f in errors))
