"""A circuit breaker: stops calling a source that fails all the time, and says so."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..types import Status

__all__ = ["Breaker"]


@dataclass(slots=True)
class Breaker:
    """Opens after ``threshold`` costly faults in a row without a verdict between them.

    Costly are kills, crashes and transient faults that outlasted their retries: they burn
    deadlines and servers. An exception raised at once burns nothing and is never counted.
    """

    threshold: int = 32
    """Ours: more than any burst of hostile samples among healthy ones gives in random order."""
    pause_s: float = 30.0
    """How long it stays open; then a few samples are let through to try again."""
    faults: int = 0
    last: Status = Status.FAILED
    opened_at: float | None = None
    refused: int = 0

    def success(self) -> None:
        """A verdict came back."""
        self.faults = 0
        self.opened_at = None

    def fault(self, status: Status) -> bool:
        """A costly fault happened; True when it opened the breaker."""
        self.faults += 1
        self.last = status
        if self.faults < self.threshold or self.opened_at is not None:
            return False
        self.opened_at = time.monotonic()
        return True

    def is_open(self) -> bool:
        """Whether calls are refused now; after the pause a few faults suffice to open it again."""
        if self.opened_at is None:
            return False
        if time.monotonic() - self.opened_at < self.pause_s:
            return True
        self.opened_at = None
        self.faults = max(0, self.threshold - 4)
        return False

    def reason(self) -> str:
        """Why a sample was refused."""
        return (
            f"not called: the source failed {self.faults} times in a row, so it is left alone for"
            f" {self.pause_s:g} s (circuit breaker)"
        )
