"""Watching the clock over a pool's workers: stalls, second tries, deadlines, how a worker ended.

The rules are in ``pool.py``; here are the looks that apply them. Only the engine's thread calls in.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from .board import Board
from .remote import RemoteWorker, State
from .unit import Unit

if TYPE_CHECKING:
    from .pool import Pool

__all__ = ["MAX_STUCK", "how_it_ended", "is_running", "look_at", "stall_after_s", "under_way"]

MAX_STUCK = 64
"""Stuck workers beyond the pool's size, and as many second tries; bounds memory and load."""
_STALL_S = 0.4


def stall_after_s(pool: Pool) -> float:
    """A unit that takes longer than this is stuck: others go on without its worker.

    A source that is slow by nature (its recent verdicts took long) gets more time, or its own
    samples would crowd each other out on the machine's cores.
    """
    deadline_s = pool.settings.deadline_s
    patient = max(_STALL_S, 4 * pool.slowest_s)
    if deadline_s is None:
        return patient
    return min(patient, deadline_s / 2 if pool.slowest_s > _STALL_S else deadline_s / 4)


def under_way(worker: RemoteWorker) -> int:
    """How many units a worker has that are not done."""
    return sum(not unit.done for unit in worker.chunk)


def is_running(worker: RemoteWorker, unit: Unit) -> bool:
    """Whether the worker is judging this unit now (or was, when it was killed)."""
    running = worker.running() if worker.state in {State.BUSY, State.LEAVING} else None
    return running is not None and running[0] is unit


def culprit_of(pool: Pool, worker: RemoteWorker) -> Unit | None:
    """The unit a worker that ended was judging, by what it last wrote on its board."""
    if pool.settings.concurrency:
        number = worker.board.cells[Board.CURRENT]
        left = [unit for unit in worker.chunk if not unit.done]
        if len(left) == 1:
            return left[0]
        return next((unit for unit in left if unit.id == number), None)
    running = worker.running() if worker.state is not State.IDLE else None
    return None if running is None else running[0]


def look_at(pool: Pool, worker: RemoteWorker) -> None:
    """One look at a busy worker: is it stuck, is it time for a second try, is it over?"""
    if pool.settings.concurrency:
        _look_at_loop(pool, worker)
        return
    running = worker.running()
    if running is None or running[0].done:
        return
    unit, seconds = running
    if seconds > stall_after_s(pool) and not worker.stalled:
        _stalled(pool, worker, unit)
    deadline_s = pool.settings.deadline_s
    if deadline_s is None:
        return
    if seconds > deadline_s:
        pool.host.kill(worker, "deadline")
    elif seconds > max(deadline_s / 2, 4 * pool.slowest_s) and not unit.hedged:
        _try_elsewhere(pool, unit)


def _look_at_loop(pool: Pool, worker: RemoteWorker) -> None:
    """An async worker whose event loop stands still is held by one of its samples."""
    deadline_s = pool.settings.deadline_s
    beat = worker.board.cells[Board.STARTED]
    if deadline_s is None or not beat:
        return
    if (time.monotonic_ns() - beat) / 1e9 > max(deadline_s / 2, 0.5):
        pool.host.kill(worker, "deadline")


def _stalled(pool: Pool, worker: RemoteWorker, unit: Unit) -> None:
    worker.stalled = True
    pool.probe_failed(unit)
    if not pool.settings.elastic or unit.done:
        return
    for other in reversed(worker.take_back_after(unit)):
        if not other.holders:
            pool.queue.appendleft(other)
    if sum(w.stalled for w in pool.workers) > pool.settings.size:
        worker.lower_priority()
    pool.pump()


def _try_elsewhere(pool: Pool, unit: Unit) -> None:
    """Half the deadline is gone: is it the worker or the sample? Let a fresh worker try too.

    A source that has given no verdict yet may just be slow: it gets second tries only while they
    do not crowd the cores.
    """
    tries = sum(w.first is not None for w in pool.workers)
    busy = sum(w.state is State.BUSY for w in pool.workers)
    crowded = not pool.breaker.proven and busy > pool.settings.size
    if tries > MAX_STUCK or crowded or not pool.settings.elastic:
        return
    unit.hedged = True
    pool.counters.second_tries += 1
    pool.start_worker(unit)


def how_it_ended(code: int, why: str, deadline_s: float | None) -> str:
    """One sentence about how a worker ended: killed by us for a reason, or by itself."""
    kind, _, detail = why.partition(":")
    match kind:
        case "deadline":
            return f"the source outlived its deadline of {deadline_s or 0:g} s and was killed"
        case "memory":
            return f"the source used {int(detail) / 2**20:.0f} MiB of memory and was killed"
        case "rubbish":
            return "the source's worker sent rubbish and was killed"
    if code < 0:
        return f"the source crashed its process (signal {-code})"
    return f"the source ended its process (exit code {code})"
