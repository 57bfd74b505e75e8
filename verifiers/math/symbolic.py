"""``math.symbolic``: the extracted answer is the same mathematics as the ground truth.

Stages, cheapest first; the verdict's evidence names the one that decided: ``choice``, ``text``,
``number`` (see ``answers``), then ``symbolic`` (see ``structure``, ``parse``, ``compare``), or
``unread`` where one side is nothing the grammar reads: then only equal text would have passed.

Runs in a worker process: parsing is guarded, but what a guard does not foresee must be killable.
Not covered: units, +C, identities that hold only for positive arguments, chained inequalities.
"""

from __future__ import annotations

from ...core.source import source
from ...core.types import Sample, Verdict
from .answers import AnswerSettings, Open, judge_plainly, verdict_of
from .compare import same
from .normalise import normalise
from .parse import Unreadable
from .reference import Match
from .structure import shape_of

__all__ = ["math_symbolic"]


@source(
    "math.symbolic",
    version="1",
    scale="binary",
    needs=("ground_truth",),
    runs="process",
    view="answer",
    preload=("sympy", "latex2sympy2_extended.latex2sympy2"),
)
def math_symbolic(sample: Sample, settings: AnswerSettings) -> Verdict:
    """1 if the answer equals the ground truth as mathematics, else 0.

    The ground truth is LaTeX, plain notation, a number, or a letter or option of a multiple-choice
    question; a text with ``\\boxed{...}`` or a final ``#### N`` stands for what is marked.
    ``evidence``: ``strategy``, ``extracted``, ``stage`` (choice, text, number, symbolic, unread).
    """
    judged = judge_plainly(sample, settings)
    if isinstance(judged, Verdict):
        return judged
    return _by_symbols(judged)


_SYMPY_GIVES_UP = (
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What sympy raises on odd expressions. Left to rise, it would leave the sample out: a refuge."""


def _by_symbols(judged: Open) -> Verdict:
    given, wanted = normalise(judged.found.text), judged.reference.normal
    try:
        equal = same(shape_of(given), shape_of(wanted))
    except Unreadable as unread:
        return _unread(judged, str(unread))
    except _SYMPY_GIVES_UP as error:
        return _unread(judged, f"what sympy cannot compare ({type(error).__name__})")
    reason = "the values are equal" if equal else "the values differ"
    match = Match(equal=equal, stage="undecided", reason=reason)
    return verdict_of(match, judged.found, stage="symbolic")


def _unread(judged: Open, what: str) -> Verdict:
    """Wrong, because the texts differ and no stage could say more."""
    reason = f"the texts differ, and one holds {what}"
    match = Match(equal=False, stage="undecided", reason=reason)
    return verdict_of(match, judged.found, stage="unread")
