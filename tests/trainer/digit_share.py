"""A source that pays the share of digits: an untrained model earns some of it by chance.

With ``ASSAY_TEST_KILL_AT=n`` the process that scores dies by SIGKILL at its nth sample.
"""

from __future__ import annotations

import itertools
import os
import signal

from assay import Sample, Verdict, source
from assay.core.types import Step

_count = itertools.count(1)


@source("test.digit_share", version="1", scale="unit", needs=(), runs="inline", pass_at=0.5)
def digit_share(sample: Sample) -> float:
    if next(_count) == int(os.environ.get("ASSAY_TEST_KILL_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    return _share(sample.text)


@source("test.letter_steps", version="1", scale="unit", needs=(), runs="inline", pass_at=0.5)
def letter_steps(sample: Sample) -> Verdict:
    """Every letter is a step; digits are good ones."""
    text = sample.text
    steps = [Step(start=i, end=i + 1, score=float(c.isdigit())) for i, c in enumerate(text)]
    return Verdict.scored(_share(text), steps=steps)


def _share(text: str) -> float:
    return sum(letter.isdigit() for letter in text) / max(len(text), 1)
