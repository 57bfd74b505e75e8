"""A reward that can be gamed: it pays for length, whatever is written."""

from __future__ import annotations

from assay import Sample, source


@source("demo.longer", version="1", scale="unit", runs="inline")
def longer(sample: Sample) -> float:
    return min(len(sample.text), 60) / 60
