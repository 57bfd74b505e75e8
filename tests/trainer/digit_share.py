"""A source that pays the share of digits: an untrained model earns some of it by chance.

With ``ASSAY_TEST_KILL_AT=n`` the process that scores dies by SIGKILL at its nth sample.
"""

from __future__ import annotations

import itertools
import os
import signal

from assay import Sample, source

_count = itertools.count(1)


@source("test.digit_share", version="1", scale="unit", needs=(), runs="inline", pass_at=0.5)
def digit_share(sample: Sample) -> float:
    if next(_count) == int(os.environ.get("ASSAY_TEST_KILL_AT", "0")):
        os.kill(os.getpid(), signal.SIGKILL)
    text = sample.text
    return sum(letter.isdigit() for letter in text) / max(len(text), 1)
