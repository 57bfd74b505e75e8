"""How long a file will take: some rows from all over it are scored and timed.

Blocks of neighbouring rows, evenly spread, so that neither the easy beginning of a sorted file nor
one slow row decides. The first block is scored once before the clock runs, which starts the
workers. The interval is two standard errors of the blocks' means: it covers how the rows differ,
and not another load of the machine.

Not covered: what a cache would spare, and inputs that can be read only once.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Iterator

from ..core.errors import ConfigError, DataError
from ..core.recipe import Recipe
from ..core.scorer import Scorer
from ..core.types import JSON, Sample
from .adapters import Reading
from .read import Dataset, Unreadable
from .score import ScoreOptions, open_input

__all__ = ["estimate"]

_BLOCKS = 8
_BLOCK_ROWS = 32


def estimate(
    source: str, recipe: Recipe, options: ScoreOptions, rows: int = _BLOCKS * _BLOCK_ROWS
) -> dict[str, JSON]:
    """Time about ``rows`` rows; seconds for the file, with an interval, and samples per second.

    Raises ``ConfigError`` for an input that cannot be read twice, ``DataError`` for one of which no
    row can be read.
    """
    if options.engine.name != "local":
        raise ConfigError(
            "--estimate: times some rows on this machine, which says nothing of actors; leave out"
            " --engine"
        )
    dataset, reading = open_input(source, recipe, options)
    if dataset.identity() is None:
        raise ConfigError(f"--estimate: {dataset.name} cannot be read twice; save it first")
    total = dataset.total
    if total is None:
        total = sum(1 for _ in dataset.rows())
    with Scorer(
        recipe, plugins=options.plugins, cache=options.cache, workers=options.workers
    ) as scorer:
        blocks = _timed(scorer, _blocks(dataset, reading, total, rows))
    return {"input": dataset.name, "rows": total, **_told(blocks, total)}


def _blocks(
    dataset: Dataset, reading: Reading, total: int, rows: int
) -> Iterator[tuple[int, list[Sample]]]:
    """(rows read, their samples) of some places of the file."""
    count = max(1, min(_BLOCKS, min(rows, total) // 8))
    size = max(1, min(rows, total) // count)
    for place in range(count):
        start = (total - size) * place // max(count - 1, 1)
        samples: list[Sample] = []
        read = 0
        for _, row in itertools.islice(dataset.rows(max(start, 0)), size):
            read += 1
            try:
                samples += [] if isinstance(row, Unreadable) else reading.samples(row, row)
            except DataError:
                continue  # a bad row costs no scoring
        yield read, samples


def _timed(
    scorer: Scorer, blocks: Iterator[tuple[int, list[Sample]]]
) -> list[tuple[int, int, float]]:
    """(rows, samples, seconds) of each block."""
    found: list[tuple[int, int, float]] = []
    for rows, samples in blocks:
        if not samples:
            continue
        if not found:
            list(scorer.stream(samples))
        begun = time.perf_counter()
        list(scorer.stream(samples))
        found.append((rows, len(samples), time.perf_counter() - begun))
    if not found:
        raise DataError("--estimate: none of the rows that were tried can be read")
    return found


def _told(blocks: list[tuple[int, int, float]], total: int) -> dict[str, JSON]:
    rows, samples = sum(b[0] for b in blocks), sum(b[1] for b in blocks)
    seconds = sum(b[2] for b in blocks)
    each = [b[2] / b[0] for b in blocks]
    spread = 2 * statistics.stdev(each) / math.sqrt(len(each)) if len(each) > 1 else 0.0
    mean = seconds / rows
    return {
        "timed_rows": rows,
        "timed_samples": samples,
        "samples_per_second": samples / seconds if seconds else None,
        "seconds": mean * total,
        "seconds_low": max(mean - spread, 0.0) * total,
        "seconds_high": (mean + spread) * total,
    }
