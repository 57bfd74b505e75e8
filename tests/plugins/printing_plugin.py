"""A source that says something before it fails."""

from __future__ import annotations

from assay import Sample, source


@source("fault.prints_then_raises", version="1", scale="unit")
def prints_then_raises(sample: Sample) -> float:
    print("chatter " * 10_000 + "the last words")
    raise ValueError("boom")
