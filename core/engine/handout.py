"""How much work a worker gets at once, and how many workers a pool should have now."""

from __future__ import annotations

from collections.abc import Iterable

from .contract import PoolSettings
from .remote import RemoteWorker, State
from .watch import MAX_STUCK

__all__ = ["chunk_size", "missing"]

_CHUNK_S = 0.02
"""A chunk should take a worker about this long: long enough to hide the hand-over."""
_MAX_CHUNK = 512


def chunk_size(settings: PoolSettings, unit_s: float, queued: int, under_way: int) -> int:
    """Units to hand to a worker.

    Args:
        settings: of the pool.
        unit_s: running mean of the seconds a unit takes; 0 when nothing is known.
        queued: units that wait.
        under_way: units the worker has already (async workers only).
    """
    if settings.concurrency:
        return settings.concurrency - under_way
    fair = -(-queued // (2 * settings.size))
    wanted = int(_CHUNK_S / unit_s) if unit_s else 4
    return max(1, min(wanted, fair, _MAX_CHUNK))


def missing(
    settings: PoolSettings, workers: Iterable[RemoteWorker], queued: int, proven: bool
) -> int:
    """Workers to start: up to the pool's size, stuck ones not counted, as far as there is work.

    A source that has proven itself gets as many again as are stuck, so that a batch full of hangs
    is through within one deadline. One that has not may just be slow: its samples must not crowd
    each other out.
    """
    going = [w for w in workers if w.state is not State.LEAVING]
    stuck = sum(w.stalled for w in going)
    if stuck > (MAX_STUCK if proven else settings.size) or (stuck and not settings.elastic):
        return 0
    active = sum(not w.stalled and w.first is None for w in going)
    wanted = max(settings.size, stuck if proven else 0)
    return max(min(wanted - active, queued), 0)
