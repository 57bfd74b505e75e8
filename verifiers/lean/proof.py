"""``lean.proof`` and ``lean.progress``: a proof of the given statement that Lean's kernel accepts.

An untrusted Lean elaborates the answer and hands its declarations over as data; a second one, which
never runs anything of an answer, elaborates the statement by itself, has its kernel check every
declaration from the library up, and compares. Messages, exit codes and what an answer prints decide
nothing. See ``judging`` for the order of things and ``checker/`` for the two programs.

Not covered: whether the statement says what was meant; see ``lean.statement``.
"""

from __future__ import annotations

import threading
from typing import Any

from ...core.source import source
from ...core.types import JSON, Sample, Status, Step, Verdict, split_reasoning
from ...sandbox.contract import Missing
from .judging import Checker, Judged
from .process import Lost
from .settings import LeanSettings
from .steps import Progress, progress_of, steps_of
from .texts import BadStatement, Submission, read_statement, submission_of

__all__ = ["Held", "lean_progress", "lean_proof"]

HOST = {"deadline_s": 240.0, "memory_bytes": None, "workers": 1}
"""What a recipe that does not say means: a start takes seconds, and two Leans 3 GB."""
_SHOWN = 5


class Held:
    """The checker of an opened source, started with it; one that is missing is tried for again."""

    def __init__(self, settings: LeanSettings) -> None:
        self._settings = settings
        self._checker: Checker | None = None
        self._lock = threading.Lock()
        try:
            checker = self()
            checker.elaborator.start()
            checker.referee.start()
        except (Missing, Lost):
            return  # each sample says so: opening a source must not need a Lean

    def __call__(self) -> Checker:
        """Raises ``Missing``."""
        with self._lock:
            if self._checker is None:
                self._checker = self._settings.checker()
            return self._checker

    def close(self) -> None:
        """End its processes."""
        with self._lock:
            if self._checker is not None:
                self._checker.close()
                self._checker = None


class _Proofs:
    """What both sources do."""

    shaped = False
    """Whether the score says how far a proof came."""

    def __init__(self, settings: LeanSettings) -> None:
        self._checker = Held(settings)

    def __call__(self, sample: Sample) -> Verdict:
        try:
            statement = read_statement(sample.ground_truth)
            checker = self._checker()
            submission = submission_of(sample.text, statement)
            if submission.why_not:
                checker.look_at(statement)
                return self._unread(submission)
            judged = checker.judge(statement, submission)
        except BadStatement as bad:
            return Verdict.unscored(Status.BAD_REFERENCE, str(bad))
        except (Missing, Lost) as error:
            missing = isinstance(error, Missing)
            why = f"there is no Lean to ask: {error}" if missing else f"the referee: {error}"
            return Verdict.unscored(Status.FAILED, why[:500], evidence={"missing": missing})
        return self._verdict(sample, submission, judged, checker)

    def _unread(self, submission: Submission) -> Verdict:
        evidence = {"code": submission.code}
        return Verdict.scored(0.0, passed=False, reason=submission.why_not, evidence=evidence)

    def _verdict(
        self, sample: Sample, submission: Submission, judged: Judged, checker: Checker
    ) -> Verdict:
        progress = progress_of(judged)
        return Verdict.scored(
            progress.share if self.shaped else float(judged.accepted),
            passed=judged.accepted,
            reason=_reason(judged, progress),
            parts={
                "progress": progress.share,
                "tactics": float(progress.tactics),
                "effective_tactics": float(progress.effective),
                "lemmas": float(submission.lemmas),
            },
            steps=_steps(sample, judged),
            evidence=_evidence(submission, judged, progress, checker),
        )

    def close(self) -> None:
        """End its Leans."""
        self._checker.close()


@source(
    "lean.proof",
    version="1",
    scale="binary",
    needs=("ground_truth",),
    runs="process",
    keeps_children=True,
    host=HOST,
)
class lean_proof(_Proofs):  # noqa: N801 - the decorator makes a Source of it
    """1 if the kernel accepts the given statement with allowed axioms only, else 0.

    The ground truth is ``{"statement", "name", "imports", "context", "allow_axioms"}`` (all but the
    statement may be left out), or the statement as text. The answer: a proof term, a tactic block,
    a declaration, or a file with lemmas. A statement that does not elaborate is ``bad_reference``.
    ``steps`` are -1, 0 or 1 for each tactic up to the first error; ``evidence``: ``code`` (why
    not), ``axioms``, ``messages``, ``first_error_tactic``, ``backend``, ``lean``, ``trust``,
    ``milliseconds``. ``parts``: ``progress``, ``tactics``, ``effective_tactics``, ``lemmas``.
    """


@source(
    "lean.progress",
    version="1",
    scale="unit",
    needs=("ground_truth",),
    runs="process",
    keeps_children=True,
    host=HOST,
)
class lean_progress(_Proofs):  # noqa: N801 - the decorator makes a Source of it
    """Shaped, not truth: 1 for a proof, at most 0.5 for goals closed before the first error.

    Takes and tells what ``lean.proof`` does; ``passed`` is that of the proof. A policy can raise it
    by splitting goals: weigh it lightly beside ``lean.proof``, and not for long.
    """

    shaped = True


def _reason(judged: Judged, progress: Progress) -> str:
    if judged.accepted:
        return judged.detail
    if judged.code == "lean_error" and progress.first_error is not None:
        return f"error at tactic {progress.first_error}: {judged.detail}"
    return f"{judged.code.replace('_', ' ')}: {judged.detail}"


def _steps(sample: Sample, judged: Judged) -> tuple[Step, ...]:
    """Where the answer begins is looked for: a block in a list was indented, and is not found."""
    if judged.text is None:
        return ()
    answer = split_reasoning(sample.text)[1]
    offset = sample.text.rfind(judged.text.own, sample.text.rfind(answer))
    return steps_of(judged, offset) if offset >= 0 else ()


def _evidence(
    submission: Submission, judged: Judged, progress: Progress, checker: Checker
) -> dict[str, JSON]:
    backend = checker.elaborator.backend
    evidence: dict[str, Any] = {
        "code": judged.code,
        "shape": submission.shape,
        "backend": backend.name,
        "lean": checker.referee.version or checker.elaborator.version,
        "trust": backend.trust,
        "axioms": list(judged.axioms),
        "first_error_tactic": progress.first_error,
        "milliseconds": dict(judged.milliseconds),
    }
    if backend.notes:
        evidence["notes"] = list(backend.notes)
    shown = [m for m in judged.messages if m.severity != "information"][:_SHOWN]
    if shown:
        evidence["messages"] = [
            {"severity": m.severity, "line": m.line, "column": m.column, "text": m.text[:500]}
            for m in shown
        ]
    return evidence
