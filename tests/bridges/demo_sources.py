"""Sources for the tests of the bridges, loaded as a plugin by path."""

from __future__ import annotations

import os
import string

from assay import Sample, source

DIGITS = frozenset(string.digits)


@source("demo.digits", version="1", scale="unit", runs="inline")
def digits(sample: Sample) -> float:
    """The share of digits: a random policy gets something, and differs inside a group."""
    text = sample.text
    return sum(c in DIGITS for c in text) / len(text) if text else 0.0


@source("demo.short", version="1", scale="binary", runs="inline")
def short(sample: Sample) -> bool:
    return len(sample.text) < 12


@source("demo.equal", version="1", scale="binary", runs="inline", needs=("ground_truth",))
def equal(sample: Sample) -> bool:
    return sample.text.strip() == str(sample.ground_truth)


@source("demo.perilous", version="1", scale="binary", runs="process")
def perilous(sample: Sample) -> bool:
    """Dies where the text says so."""
    if "die" in sample.text:
        os._exit(3)
    return "good" in sample.text


@source("demo.huge", version="1", scale="real", runs="inline")
def huge(sample: Sample) -> float:
    return 1e39 if "huge" in sample.text else 2.5


@source("demo.rank", version="1", scale="unit", arity="group", runs="inline")
def rank(samples: list[Sample]) -> list[float]:
    """The longest of its group gets 1."""
    longest = max(len(sample.text) for sample in samples)
    return [float(len(sample.text) == longest) for sample in samples]
