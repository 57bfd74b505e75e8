"""``lean.statement``: does a formal statement elaborate, and does it say anything?

For data made by auto-formalisation: the answer is a statement. It must elaborate as a theorem, and
two attempts at it must fail: its hypotheses must not contradict each other (then it says nothing),
and a word or two must not prove it (then it is hardly worth asking). An attempt that fails proves
nothing: a vacuous statement may pass.

Not covered: whether it says what the text says. The word here is the elaborator's: statements are
the policy's own texts, so they are never shown to the referee.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ...core.source import source
from ...core.types import JSON, Sample, Status, Verdict
from ...sandbox.contract import Missing
from .judging import Checker
from .process import Lost
from .proof import HOST, Held
from .settings import LeanSettings
from .texts import BadStatement, Statement, lean_of, read_statement

__all__ = ["LeanStatementSettings", "lean_statement"]

_CONTRADICTION = "by\n  intros\n  exfalso\n  first | contradiction | omega | simp_all; done"
_TRIVIAL = "by\n  intros\n  first | trivial | rfl | assumption | decide | simp; done"


class LeanStatementSettings(LeanSettings):
    """Where statements are looked at, and what is asked of them."""

    attempt_s: float = Field(default=5.0, gt=0)
    """CPU seconds of each attempt to prove it vacuous or trivial."""
    trivial: Literal["refuse", "allow"] = "refuse"
    """Whether a statement that ``simp``, ``decide`` or the like proves at once is worth 0."""


@source(
    "lean.statement",
    version="1",
    scale="binary",
    runs="process",
    keeps_children=True,
    host=HOST,
)
class lean_statement:  # noqa: N801 - the decorator makes a Source of it
    """1 if the answer is a Lean statement that elaborates and is neither vacuous nor trivial.

    The ground truth may give ``{"imports", "context", "name"}``. ``evidence``: ``code``
    (``elaborates``, ``lean_error``, ``vacuous``, ``trivial``...), ``messages``, ``statement``.
    """

    def __init__(self, settings: LeanStatementSettings) -> None:
        self._settings = settings
        self._checker = Held(settings)

    def __call__(self, sample: Sample) -> Verdict:
        try:
            statement = _statement(sample)
        except BadStatement as bad:
            return Verdict.scored(0.0, passed=False, reason=f"no statement: {bad}")
        try:
            return self._looked_at(statement, self._checker())
        except (Missing, Lost) as error:
            why = f"there is no Lean to ask: {error}"
            return Verdict.unscored(Status.FAILED, why[:500], evidence={"missing": True})

    def _looked_at(self, statement: Statement, checker: Checker) -> Verdict:
        try:
            problem = checker.elaborates(statement, "sorry", self._settings.time_s)
        except Lost as lost:
            return _worthless(statement, lost.why, f"Lean does not come back: {lost}")
        if problem is not None:
            return _worthless(statement, "lean_error", problem)
        if self._proves(statement, checker, _CONTRADICTION):
            return _worthless(statement, "vacuous", "its hypotheses contradict each other")
        if self._settings.trivial == "refuse" and self._proves(statement, checker, _TRIVIAL):
            return _worthless(statement, "trivial", "a word proves it")
        evidence: dict[str, JSON] = {"code": "elaborates", "statement": statement.statement}
        return Verdict.scored(
            1.0, passed=True, reason="it elaborates, and says something", evidence=evidence
        )

    def _proves(self, statement: Statement, checker: Checker, proof: str) -> bool:
        """An attempt that does not end in time is one that failed."""
        try:
            return checker.elaborates(statement, proof, self._settings.attempt_s) is None
        except Lost:
            return False

    def close(self) -> None:
        """End its Leans."""
        self._checker.close()


def _statement(sample: Sample) -> Statement:
    text = lean_of(sample.view("answer").text).strip()
    if not text:
        raise BadStatement("the answer holds no Lean")
    given = sample.ground_truth if isinstance(sample.ground_truth, dict) else {}
    kept = {key: given[key] for key in ("imports", "context", "name") if key in given}
    return read_statement({**kept, "statement": text})


def _worthless(statement: Statement, code: str, why: str) -> Verdict:
    evidence: dict[str, JSON] = {"code": code, "statement": statement.statement}
    return Verdict.scored(0.0, passed=False, reason=why[:400], evidence=evidence)
