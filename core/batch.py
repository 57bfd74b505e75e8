"""One call's worth of samples on its way through the sources of a recipe."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from .types import Sample, Verdict

__all__ = ["Batch"]


class Batch:
    """Samples, and the verdicts that have come in for them.

    ``verdicts[k][i]`` is what the k-th source says of the i-th sample, or None where the source
    does not apply. The engine's thread fills it in; one caller waits for it.
    """

    def __init__(self, samples: Sequence[Sample], sources: int) -> None:
        self.samples = samples
        self.verdicts: list[list[Verdict | None]] = [[None] * len(samples) for _ in range(sources)]
        self.keys: list[dict[int, tuple[str, list[int]]]] = [{} for _ in range(sources)]
        """For each source, what the cache did not know: first place -> key, places."""
        self._missing = 0
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._waiters: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    def expect(self, count: int) -> None:
        """So many verdicts more are on their way."""
        with self._lock:
            self._missing += count
            if self._missing:
                self._done.clear()

    def take(self, source: int, places: Sequence[int], verdicts: Sequence[Verdict]) -> None:
        """Verdicts came in."""
        row = self.verdicts[source]
        for place, verdict in zip(places, verdicts, strict=True):
            row[place] = verdict
        self.arrived(len(places))

    def arrived(self, count: int) -> None:
        """So many of the expected are in; the last one wakes whoever waits."""
        with self._lock:
            self._missing -= count
            if self._missing == 0:
                self._done.set()
                for loop, event in self._waiters:
                    loop.call_soon_threadsafe(event.set)

    @property
    def is_done(self) -> bool:
        """Whether every expected verdict is in."""
        with self._lock:
            return self._missing == 0

    def wait(self) -> None:
        """Block this thread until every expected verdict is in."""
        while not self.is_done:
            self._done.wait()

    async def await_done(self) -> None:
        """The same for a coroutine."""
        event = asyncio.Event()
        with self._lock:
            if self._missing == 0:
                return
            self._waiters.append((asyncio.get_running_loop(), event))
        await event.wait()
