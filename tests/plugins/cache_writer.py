"""Writes verdicts from a process of its own (a spawned process must be able to import this)."""

from __future__ import annotations

from pathlib import Path

from assay import Verdict
from assay.core.cache import Cache


def write(path: Path, start: int) -> None:
    cache = Cache(path)
    for i in range(start, start + 50):
        cache.put({f"k{i}": [Verdict.scored(float(i))]})
    cache.close()
