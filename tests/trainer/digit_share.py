"""A source that pays the share of digits: an untrained model earns some of it by chance."""

from __future__ import annotations

from assay import Sample, source


@source("test.digit_share", version="1", scale="unit", needs=(), runs="inline", pass_at=0.5)
def digit_share(sample: Sample) -> float:
    text = sample.text
    return sum(letter.isdigit() for letter in text) / max(len(text), 1)
