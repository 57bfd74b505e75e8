"""A circuit breaker: stops calling a source that fails all the time, and says so.

Costly faults in a row (kills, crashes, transient faults that outlasted their retries) make the
pool *probe*: a few waiting samples are tried in fresh workers. One verdict closes the matter; if
every probe is stuck or fails too, the breaker opens, and what waits is refused instead of burning
a deadline each. Samples reach a pool in random order, so a share of hostile ones, however large,
does not look like a broken source.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum

from ..types import Status

__all__ = ["Breaker", "Circuit"]

_FAULTS_AT_FIRST = 4
_FAULTS_LATER = 8
"""Faults in a row that start the probes, before and after the first verdict of a source; ours."""


class Circuit(Enum):
    """Whether a source is called."""

    CLOSED = "closed"
    PROBING = "probing"
    OPEN = "open"


@dataclass(slots=True)
class Breaker:
    """The state of one source's circuit. An exception raised at once costs nothing, so it is never
    counted as a fault here."""

    pause_s: float = 30.0
    """How long it stays open; then samples are let through to try again. Ours."""
    state: Circuit = Circuit.CLOSED
    faults: int = 0
    last: Status = Status.FAILED
    proven: bool = False
    """Whether the source has ever given a verdict."""
    opened_at: float = 0.0

    @property
    def threshold(self) -> int:
        """Faults in a row that start the probes; also how many probes there are."""
        return _FAULTS_LATER if self.proven else _FAULTS_AT_FIRST

    def success(self) -> None:
        """A verdict came back."""
        self.faults = 0
        self.proven = True
        self.state = Circuit.CLOSED

    def fault(self, status: Status) -> bool:
        """A costly fault happened; True when it is time to probe."""
        self.faults += 1
        self.last = status
        return self.state is Circuit.CLOSED and self.faults >= self.threshold

    def open(self) -> None:
        """Every probe failed."""
        self.state = Circuit.OPEN
        self.opened_at = time.monotonic()

    def is_open(self) -> bool:
        """Whether calls are refused now. After the pause, two more faults start new probes."""
        if self.state is Circuit.OPEN and time.monotonic() - self.opened_at > self.pause_s:
            self.state = Circuit.CLOSED
            self.faults = self.threshold - 2
        return self.state is Circuit.OPEN

    def reason(self) -> str:
        """Why a sample was refused."""
        return (
            f"not judged: the source failed {self.faults} times in a row and in every probe, so it"
            f" is left alone for {self.pause_s:g} s (circuit breaker)"
        )
