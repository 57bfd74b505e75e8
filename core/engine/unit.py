"""The unit of work: samples judged by one call, and what has happened to them so far."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from ..types import Sample, Status, Verdict

if TYPE_CHECKING:
    from .remote import RemoteWorker

__all__ = ["Sink", "Unit"]

Sink: TypeAlias = Callable[[Sequence[int], Sequence[Verdict]], None]
"""Takes places in a batch and the verdicts for them. Called on the engine's thread."""

_numbers = itertools.count(1)


@dataclass(slots=True, eq=False)
class Unit:
    """Samples that one call judges: one sample, a group, or a batch."""

    samples: Sequence[Sample]
    places: Sequence[int]
    """Where their verdicts belong in the batch."""
    sink: Sink
    id: int = field(default_factory=lambda: next(_numbers))
    done: bool = False
    kills: int = 0
    """Workers that were killed or died while judging it."""
    hedged: bool = False
    """A fresh worker has been started to try it as well."""
    holders: set[RemoteWorker] = field(default_factory=set)
    """Workers that have it now."""

    def finish(self, verdicts: Sequence[Verdict]) -> bool:
        """Hand over the verdicts, once; False when it had been done before."""
        if self.done:
            return False
        self.done = True
        self.sink(self.places, verdicts)
        return True

    def finish_unscored(
        self, status: Status, reason: str, *, name: str, version: str, **evidence: object
    ) -> bool:
        """Hand over the same missing score for every sample of the unit."""
        verdict = Verdict.unscored(
            status, reason, evidence=dict(evidence), source=name, version=version
        )
        return self.finish([verdict] * len(self.samples))

    def split(self) -> list[Unit]:
        """One unit for each sample, to find the one that kills."""
        self.done = True
        return [
            Unit([sample], [place], self.sink, kills=0)
            for sample, place in zip(self.samples, self.places, strict=True)
        ]
