"""``math.exact``: the extracted answer equals the ground truth as text or as an exact number.

Covered: what ``extract``, ``normalise`` and ``number`` read; multiple choice. Numbers are compared
as fractions, never as floats: 0.333 is not 1/3.
Not covered: expressions ("2x" is not "x+x" here), sets and tuples in another order, units; see
``math.symbolic``.
"""

from __future__ import annotations

from ...core.source import source
from ...core.types import Sample, Verdict
from .answers import AnswerSettings, Open, find_answer, verdict_of
from .reference import compare_plainly

__all__ = ["math_exact"]


@source(
    "math.exact",
    version="3",
    scale="binary",
    needs=("ground_truth",),
    runs="inline",
    view="answer",
)
def math_exact(sample: Sample, settings: AnswerSettings) -> Verdict:
    """1 if the answer is the ground truth, as normalised text or exact number, else 0.

    The ground truth is a text, a number, or a list of one of these; a text with ``\\boxed{...}`` or
    a final ``#### N`` stands for what is marked. Anything else is ``bad_reference``.
    ``evidence``: the ``strategy`` that found the answer, what was ``extracted``, and the ``stage``
    that decided (choice, text, number).
    """
    judged = find_answer(sample, settings)
    if not isinstance(judged, Open):
        return judged
    found = judged.found
    match = compare_plainly(found.text, judged.reference, unit_words=settings.unit_words)
    return verdict_of(match, found)
