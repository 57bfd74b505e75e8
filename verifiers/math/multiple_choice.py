"""``math.multiple_choice``: the answer names the right option, by letter or by its text.

The options come as ``extra["options"]`` (a list of texts, or letter to text); without them the
ground truth must be a letter. Not covered: questions with several right options.
"""

from __future__ import annotations

from ...core.source import source
from ...core.types import Sample, Status, Verdict
from .answers import AnswerSettings, Open, find_answer

__all__ = ["math_multiple_choice"]


@source(
    "math.multiple_choice",
    version="1",
    scale="binary",
    needs=("ground_truth",),
    runs="inline",
    view="answer",
)
def math_multiple_choice(sample: Sample, settings: AnswerSettings) -> Verdict:
    """1 if the answer names the right option and no other, else 0.

    ``bad_reference`` where there are no options and the ground truth is no letter.
    ``evidence``: ``strategy``, ``extracted``, ``stage``.
    """
    judged = find_answer(sample, settings)
    if isinstance(judged, Open):
        reason = "the ground truth is no letter, and the sample has no options"
        return Verdict.unscored(Status.BAD_REFERENCE, reason)
    return judged
