"""An endless iterable of samples, cut into the windows that are scored at a time.

Covered: windows that end where a group does, windows of a fixed size for sources that judge whole
batches, and a size that follows how long the last window took.

Not covered: what is done with a window (``scorer``, and the engines of ``assay.offline``).
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Collection, Iterable, Iterator

from .source import Arity
from .types import Sample

__all__ = ["WINDOW_ROWS", "Pace", "cut_windows"]

WINDOW_ROWS = 2048
"""The most samples handed out at once (``batch`` sources: always that many)."""
_WINDOW_SECONDS = (0.2, 2.0)
"""A window that took less makes the next ones larger, one that took more makes them smaller: slow
sources give their rewards soon, so that a kill of the process costs little."""


class Pace:
    """How many samples make a window, from how long the last one took."""

    def __init__(self, arities: Collection[Arity]) -> None:
        self._fixed = "batch" in arities
        self.rows = WINDOW_ROWS if self._fixed else 64
        self._last = time.monotonic()

    def step(self) -> None:
        """A window is done, and the one before it was done at the last step."""
        now = time.monotonic()
        seconds, self._last = now - self._last, now
        self.took(seconds)

    def took(self, seconds: float) -> None:
        """A window took so long."""
        least, most = _WINDOW_SECONDS
        if self._fixed or least <= seconds <= most:
            return
        self.rows = min(self.rows * 2, WINDOW_ROWS) if seconds < least else max(self.rows // 2, 8)


def cut_windows(
    samples: Iterable[Sample], arities: Collection[Arity], pace: Pace
) -> Iterator[list[Sample]]:
    """The samples in lists of ``pace.rows``; with ``group`` among the arities, of whole groups."""
    whole_groups, source = "group" in arities, iter(samples)
    held: list[Sample] = []
    while window := [*held, *itertools.islice(source, pace.rows - len(held))]:
        held = []
        if whole_groups:
            window, held = _cut_at_group(window, source)
        yield window


def _cut_at_group(
    window: list[Sample], source: Iterator[Sample]
) -> tuple[list[Sample], list[Sample]]:
    """Read on to the end of the window's last group; (window, what belongs to the next)."""
    last = window[-1].group_key
    for sample in source:
        if sample.group_key != last:
            return window, [sample]
        window.append(sample)
    return window, []
