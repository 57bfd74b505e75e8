"""How many runs a second, and how long each takes, with so many at a time."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Rate", "rate_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What was measured, from the clock of the caller."""

    per_s: float
    p50_ms: float
    p99_ms: float


def rate_of(run: Callable[[], object], *, threads: int, for_s: float) -> Rate:
    """Call ``run`` from so many threads for so long. What it raises ends the measurement."""
    spent: list[float] = []
    broken: list[BaseException] = []
    until = time.perf_counter() + for_s

    def work() -> None:
        try:
            while time.perf_counter() < until and not broken:
                started = time.perf_counter()
                run()
                spent.append(time.perf_counter() - started)
        except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
            broken.append(error)

    crew = [threading.Thread(target=work) for _ in range(threads)]
    started = time.perf_counter()
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    whole = time.perf_counter() - started
    if broken:
        raise broken[0]
    cuts = statistics.quantiles(spent, n=100, method="inclusive")
    return Rate(per_s=len(spent) / whole, p50_ms=cuts[49] * 1e3, p99_ms=cuts[98] * 1e3)
