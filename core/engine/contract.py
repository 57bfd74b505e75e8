"""What a pool is told, what it counts, and what it asks of the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .pool import Pool
    from .remote import RemoteWorker

__all__ = ["Counters", "Host", "PoolSettings"]


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """What a pool must know of its source and its entry in the recipe."""

    name: str
    version: str
    size: int
    deadline_s: float | None
    concurrency: int = 0
    """Units at once in one worker; 0: one after another."""
    elastic: bool = True
    """Whether fresh workers may stand in for stuck ones (not with a model on a GPU)."""
    may_split: bool = False
    """Whether a unit of many samples may be judged one by one to find a culprit."""


@dataclass(slots=True)
class Counters:
    """What happened in a pool so far."""

    judged: int = 0
    kills: int = 0
    deaths: int = 0
    second_tries: int = 0
    sample_faults: int = 0
    refused: int = 0


class Host(Protocol):
    """What a pool needs of the engine."""

    def spawn(self, worker: RemoteWorker, pool: Pool) -> None: ...

    def kill(self, worker: RemoteWorker, why: str) -> None: ...

    def hang_up(self, worker: RemoteWorker) -> None: ...

    def wants_to_write(self, worker: RemoteWorker) -> None: ...
