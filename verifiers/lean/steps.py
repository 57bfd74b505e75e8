"""What became of each tactic: right until the first error, wrong there, unknown behind it.

The elaborator tells spans from the syntax, and from its info trees the goals before and after. A
step is a tactic with none inside it. +1: it ran, before any error, and changed its goals; 0: it ran
and changed nothing (``skip``), so that padding pays nothing; -1: the first error lies in it. Behind
the first error nothing is said: what comes there was written for another state. All of it shapes;
none of it is a proof.

Not covered: which steps a proof needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.types import Step
from .judging import Judged, Message
from .texts import Text

__all__ = ["Progress", "progress_of", "steps_of"]

_ASIDE = ("have", "suffices", "calc", "obtain")
"""Steps inside these prove something that the goal may not need."""
_CAP = 0.5


@dataclass(frozen=True, slots=True)
class _Tactic:
    start: int
    end: int
    kind: str
    before: int
    after: int
    changed: bool
    aside: bool
    """Inside a ``have`` or the like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a proof came."""

    tactics: int
    """Steps in all."""
    effective: int
    """That ran before any error and changed their goals."""
    first_error: int | None
    """The number of the step (from 1) with the first error."""
    share: float
    """In [0, 1]: 1 for an accepted proof, else at most 0.5: goals closed on the main way, among
    those and the ones that were open where it stopped. Splitting goals on purpose raises it."""


def steps_of(judged: Judged, offset: int) -> tuple[Step, ...]:
    """Scores -1, 0 and 1 for stretches of the completion; ``offset``: where the answer begins."""
    if judged.text is None or judged.code in ("policy", "statement_changed", "redefined"):
        return ()
    found, wrong = _placed(judged)
    steps = []
    for tactic in found:
        if wrong is not None and tactic.start > wrong[0]:
            break
        at_fault = wrong is not None and tactic.start <= wrong[0] <= tactic.end
        score = -1.0 if at_fault else float(tactic.changed)
        why = wrong[1] if wrong is not None and at_fault else _said(tactic)
        span = offset + tactic.start, offset + tactic.end
        steps.append(Step(start=span[0], end=span[1], score=score, reason=why))
    return tuple(steps)


def progress_of(judged: Judged) -> Progress:
    """How far it came, by the same steps."""
    found, wrong = _placed(judged) if judged.text is not None else ([], None)
    ran = [t for t in found if wrong is None or t.end < wrong[0]]
    first = None
    if wrong is not None:
        first = next((n for n, t in enumerate(found, 1) if t.start <= wrong[0] <= t.end), None)
    return Progress(
        tactics=len(found),
        effective=sum(t.changed for t in ran),
        first_error=first,
        share=1.0 if judged.accepted else _share(judged, found, ran),
    )


def _share(judged: Judged, found: Sequence[_Tactic], ran: Sequence[_Tactic]) -> float:
    if judged.code not in ("lean_error", "sorry"):
        return 0.0
    closed = sum(t.after < t.before and not t.aside for t in ran)
    stopped = found[len(ran)].before if len(ran) < len(found) else 1
    return _CAP * closed / (closed + max(stopped, 1))


def _placed(judged: Judged) -> tuple[list[_Tactic], tuple[int, str] | None]:
    """Steps in order, and the place and text of the first error in them."""
    text = judged.text
    assert text is not None
    rows = [row for row in (_row(text, row) for row in judged.steps) if row is not None]
    leaves = [
        replace(row, aside=any(_inside(row, other) and _is_aside(other) for other in rows))
        for row in rows
        if not any(_inside(other, row) for other in rows)
    ]
    return sorted(leaves, key=lambda t: (t.start, t.end)), _first_error(text, judged.messages)


def _row(text: Text, row: Sequence[Any]) -> _Tactic | None:
    """One step as told: start, end, depth, kind, and goals where Lean ran it."""
    if len(row) < 4 or row[0] is None or row[1] is None:
        return None
    start, end = text.place(*row[0]), text.place(*row[1])
    if start is None or end is None or end < start:
        return None
    before, after, changed = row[4:7] if len(row) >= 7 else (0, 0, False)
    kind = str(row[3]).rpartition(".")[2]
    return _Tactic(start, end, kind, int(before), int(after), bool(changed), aside=False)


def _inside(inner: _Tactic, outer: _Tactic) -> bool:
    return inner is not outer and outer.start <= inner.start and inner.end <= outer.end


def _is_aside(tactic: _Tactic) -> bool:
    return any(word in tactic.kind.lower() for word in _ASIDE)


def _first_error(text: Text, messages: Sequence[Message]) -> tuple[int, str] | None:
    """An ``unsolved goals`` error says that something is lacking, not that a step is wrong."""
    errors = []
    for message in messages:
        place = text.place(message.line, message.column)
        if message.severity == "error" and place is not None:
            errors.append((place, message.text.partition("\n")[0][:200]))
    wrong = [error for error in errors if not error[1].startswith("unsolved goals")]
    return min(wrong, default=None)


def _said(tactic: _Tactic) -> str:
    if not tactic.changed:
        return f"{tactic.kind} changes nothing"
    return f"{tactic.kind}: {tactic.before} goals to {tactic.after}"
