"""One answer to one statement, by an elaborator and a referee: what is known of it in the end.

A text that is too slow, too large or crashes Lean twice is *judged*: it proves nothing. A referee
or an elaborator that cannot be started is a fault (``Missing``, ``Lost``). Acceptance comes from
the referee alone.

Not covered: verdicts (``proof``), steps (``steps``).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .process import LeanProcess, Lost
from .texts import BadStatement, Statement, Submission, Text

__all__ = ["Checker", "Judged", "Message"]

_KNOWN = 512
"""Statements that are remembered to be in order."""
_SECOND = ("lean_error", "target_missing", "statement_changed", "redefined")
"""What may come of reading an answer the wrong way: the other way is tried too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What Lean said, where in the text that it was given."""

    severity: str
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is known of one reading of an answer."""

    accepted: bool
    code: str
    """``accepted``, or why not: ``lean_error``, ``sorry``, ``axiom``, ``statement_changed``,
    ``redefined``, ``target_missing``, ``not_a_theorem``, ``kernel``, ``policy``, ``time``..."""
    detail: str
    text: Text | None = None
    messages: Sequence[Message] = ()
    axioms: Sequence[str] = ()
    steps: Sequence[Sequence[Any]] = ()
    """As the elaborator told them; see ``steps``."""
    milliseconds: Mapping[str, float] = field(default_factory=dict)


class Checker:
    """Two processes and what they need to be told.

    Args:
        elaborator, referee: started when first needed.
        allow: axioms that a proof may rest on, where the statement does not say.
        time_s: CPU seconds of elaborating one text, and of checking it.
        heartbeats: Lean's own limit for each declaration; a text may raise it.
    """

    def __init__(
        self,
        elaborator: LeanProcess,
        referee: LeanProcess,
        *,
        allow: Sequence[str],
        time_s: float,
        heartbeats: int,
    ) -> None:
        self.elaborator, self.referee = elaborator, referee
        self.allow, self.time_s, self.heartbeats = tuple(allow), time_s, heartbeats
        self._known: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def look_at(self, statement: Statement) -> None:
        """Raises ``BadStatement`` when it does not elaborate; ``Lost``, ``Missing``."""
        key = (statement.reference, statement.target, " ".join(statement.imports))
        if key in self._known:
            self._known.move_to_end(key)
            return
        reply = self._refer(statement, {})
        if reply.get("error"):
            raise BadStatement(f"ground_truth: {str(reply['error'])[:300]}")
        if reply.get("reference"):
            raise BadStatement(f"ground_truth.statement: {str(reply['reference'])[:400]}")
        self._known[key] = None
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)

    def judge(self, statement: Statement, submission: Submission) -> Judged:
        """The likeliest reading that is accepted, else the likeliest. Raises as ``look_at``."""
        self.look_at(statement)
        first: Judged | None = None
        for text in submission.texts:
            judged = self._judged(statement, text)
            if judged.accepted:
                return judged
            first = first or judged
            if judged.code not in _SECOND:
                break
        assert first is not None
        return first

    def elaborates(self, statement: Statement, proof: str, time_s: float) -> str | None:
        """What keeps a statement with this proof from elaborating without error (and, but for the
        proof ``sorry``, without sorry); None when nothing does. The elaborator's word alone."""
        before, head, after = statement.parts
        told = _twice(
            self.elaborator,
            {
                "text": f"{before}{head} := {proof}{after}",
                "target": statement.target,
                "imports": " ".join(statement.imports),
                "heartbeats": self.heartbeats,
                "steps": False,
            },
            time_s,
        )
        problem = _why_not(told, _messages(told))
        if problem is not None:
            return problem[1]
        kinds = [row[0] for row in told["decls"]["decls"]]
        if "thm" not in kinds[-1:]:
            return "it declares no theorem"
        names = {str(row[1]) for row in told["decls"]["names"]}
        return "sorry" if proof != "sorry" and "sorryAx" in names else None

    def _judged(self, statement: Statement, text: Text) -> Judged:
        try:
            told = self._elaborate(statement, text)
        except Lost as lost:
            return Judged(accepted=False, code=lost.why, detail=_of_lost(lost), text=text)
        messages = _messages(told)
        known = Judged(
            accepted=False,
            code="",
            detail="",
            text=text,
            messages=messages,
            steps=told.get("steps") or (),
        )
        why = _why_not(told, messages)
        if why is not None:
            return replace(known, code=why[0], detail=why[1])
        try:
            said = self._refer(statement, {"decls": told["decls"]})
        except Lost as lost:
            return replace(known, code=lost.why, detail=_of_lost(lost))
        return _decided(said, told, known)

    def _elaborate(self, statement: Statement, text: Text) -> dict[str, Any]:
        """A crash is tried once more: it may have been another's doing."""
        request = {
            "text": text.text,
            "target": statement.target,
            "imports": " ".join(statement.imports),
            "heartbeats": self.heartbeats,
            "steps": True,
        }
        return _twice(self.elaborator, request, self.time_s)

    def _refer(self, statement: Statement, more: Mapping[str, Any]) -> dict[str, Any]:
        allow = self.allow if statement.allow_axioms is None else statement.allow_axioms
        request = {
            "reference": statement.reference,
            "target": _parts(statement.target),
            "allow": [_parts(name) for name in allow],
            "imports": " ".join(statement.imports),
            "heartbeats": 10 * self.heartbeats,
            **more,
        }
        return _twice(self.referee, request, self.time_s)

    def close(self) -> None:
        """End both processes."""
        self.elaborator.close()
        self.referee.close()


def _twice(process: LeanProcess, request: dict[str, Any], time_s: float) -> dict[str, Any]:
    try:
        return process.ask(request, time_s)
    except Lost as lost:
        if lost.why != "crash":
            raise
    return process.ask(request, time_s)


def _parts(name: str) -> list[str]:
    return name.split(".")


def _of_lost(lost: Lost) -> str:
    said = {
        "time": "Lean did not finish in time",
        "memory": "Lean needed more memory than it may have",
        "crash": "it crashes Lean",
    }
    return f"{said[lost.why]} ({lost})"


def _messages(told: Mapping[str, Any]) -> list[Message]:
    return [
        Message(severity=m[0], line=m[1][0], column=m[1][1], text=m[3][:2000])
        for m in told.get("messages", ())
    ]


def _why_not(told: Mapping[str, Any], messages: Sequence[Message]) -> tuple[str, str] | None:
    """What keeps a text from the referee."""
    if told.get("error"):
        return "lean_error", str(told["error"])[:500]
    if told.get("denied"):
        return "policy", f"{told['denied']} is not allowed: it runs programs in Lean"
    error = next((m for m in messages if m.severity == "error"), None)
    if error is not None:
        return "lean_error", error.text[:500]
    if not told.get("found"):
        return "target_missing", "it declares nothing of the theorem's name"
    if told.get("cannot"):
        return "not_a_theorem", str(told["cannot"])[:300]
    return None


def _decided(said: Mapping[str, Any], told: Mapping[str, Any], known: Judged) -> Judged:
    axioms = [str(name) for name in said.get("axioms", ())]
    times = {
        name: float(sum(reply.get("ms", ())))
        for name, reply in (("elaborator_ms", told), ("referee_ms", said))
    }
    known = replace(known, axioms=axioms, milliseconds=times)
    if said.get("accepted") is True:
        detail = "the kernel accepts the statement"
        return replace(known, accepted=True, code="accepted", detail=detail)
    reasons = said.get("reasons") or [["malformed", "", str(said.get("error", "no reason"))]]
    code, name, detail = (str(part) for part in reasons[0])
    return replace(known, code=code, detail=(f"{name}: {detail}" if name else detail)[:500])
