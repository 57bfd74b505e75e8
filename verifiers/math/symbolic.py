"""``math.symbolic``: the extracted answer is the same mathematics as the ground truth.

The cascade of ``decide``, and behind it SymPy for what is left: sums, integrals and limits without
a value in ball arithmetic, inequalities in disguise. SymPy gets objects built from our own tree,
never text.

Runs in a worker process, because SymPy must be killable; everything before it is bounded by
budgets of its own. Undecided is ``abstained`` when the ground truth is the reason; an answer that
nothing can evaluate is wrong, so that no answer is a refuge from being graded.
Not covered: multi-valued answers by cases, units by conversion of temperature.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from ...core.source import source
from ...core.types import Sample, Status, Verdict
from .answers import AnswerSettings, Open, evidence_of, find_answer, verdict_of
from .decide import Decision, Rules, decide_reference, has_value, trees
from .reference import Match

__all__ = ["SymbolicSettings", "math_symbolic"]


class SymbolicSettings(AnswerSettings):
    """How an answer is found, read, and compared."""

    sympy: bool = True
    """Ask SymPy about what the fast stages cannot decide."""


@source(
    "math.symbolic",
    version="3",
    scale="binary",
    needs=("ground_truth",),
    runs="process",
    view="answer",
    preload=("assay.verifiers.math.warm",),
)
def math_symbolic(sample: Sample, settings: SymbolicSettings) -> Verdict:
    """1 if the answer equals the ground truth as mathematics, else 0.

    The ground truth is LaTeX, plain notation, a number, or a letter or option of a multiple-choice
    question; a text with ``\\boxed{...}`` or a final ``#### N`` stands for what is marked.
    ``evidence``: ``strategy``, ``extracted``, ``span``, ``stage``, and where a tree was read
    ``given`` and ``wanted``, both as read. Abstains where no stage can evaluate the ground truth.
    """
    judged = find_answer(sample, settings)
    if isinstance(judged, Verdict):
        return judged
    rules = Rules(missing_unit=settings.unit_words, expects=settings.expects)
    decision = decide_reference(judged.found.text, judged.reference, rules)
    if decision.verdict == "undecided" and settings.sympy:
        decision = _by_sympy(judged, decision)
    return verdict_from(judged, decision)


def verdict_from(judged: Open, decision: Decision) -> Verdict:
    """The Verdict of a decision of the cascade."""
    forms: dict[str, Any] = {"stage": decision.stage}
    if decision.forms[0]:
        forms |= {"given": decision.forms[0], "wanted": decision.forms[1]}
    if decision.verdict == "undecided":
        return Verdict.unscored(
            Status.ABSTAINED,
            f"undecided: {decision.reason}",
            evidence=evidence_of(judged.found, **forms),
        )
    match = Match(equal=decision.verdict == "equal", stage="undecided", reason=decision.reason)
    return verdict_of(match, judged.found, **forms)


def _by_sympy(judged: Open, decision: Decision) -> Decision:
    found = _decided_by_sympy(judged.found.text, judged.reference.text)
    if found == "equal":
        return Decision(found, "sympy", "equal after simplification", decision.forms)
    if found == "different":
        return Decision(found, "sympy", "differs after simplification", decision.forms)
    if found == "valueless":  # no refuge: what has no value is not the truth
        reason = "the answer has no value that the budgets reach"
        return Decision("different", "undecided", reason, decision.forms)
    return decision


@lru_cache(maxsize=1024)
def _decided_by_sympy(
    answer: str, truth: str
) -> Literal["equal", "different", "valueless", "undecided"]:
    """Kept, because samples of one prompt repeat answers, and this is the slow stage."""
    from .algebra import compare

    both = trees(answer, truth)
    equal = compare(*both) if both is not None else None
    if equal is not None:
        return "equal" if equal else "different"
    return "valueless" if both is not None and has_value(both[1]) else "undecided"
