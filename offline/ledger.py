"""Scored rows into shards: when a shard is closed, where it may be cut, and what goes beside it.

A verdict that depends on its neighbours must see the same neighbours after a restart. So where
sources judge groups, shards are cut between groups only, and where they judge the whole batch,
between the scorer's windows; the rows since the last such place are held back.

A row that a fault left without a value is not written among the scored ones but beside them, to be
tried again; and with it all rows that it was judged together with, which must be judged together
again. So every row of the input is in exactly one place: scored, failed, or bad.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from ..core.records import record
from ..core.scorer import WINDOW_ROWS
from ..core.source import Arity
from ..core.types import FAULTS, JSON, Reward, Sample
from .stream import BadRow
from .tally import Tally

__all__ = ["SHARD_ROWS", "Cut", "Ledger", "Store", "cut_of", "is_failed"]

Cut: TypeAlias = Callable[[int, bool], bool]
"""``(samples since the last cut, the group changes here) -> may be cut here``."""

SHARD_ROWS = 10_000
SHARD_SECONDS = 5.0
"""A shard is closed at either, besides the rows the scorer has under way that is what a kill may
cost. Ours: closing one costs four syncs, some 10 ms on a disk."""


class Store(Protocol):
    """Where rows go; see ``parts.Parts``."""

    folder: Path

    @property
    def end(self) -> int: ...

    def add(self, row: Mapping[str, Any]) -> None: ...

    def add_bad(self, row: Mapping[str, JSON]) -> None: ...

    def add_failed(self, row: Mapping[str, JSON], index: int) -> None: ...

    def commit(self, end: int, state: Mapping[str, JSON]) -> None: ...


class Ledger:
    """Takes entries in input order; what is durable is always a prefix of them."""

    def __init__(
        self,
        parts: Store,
        tally: Tally,
        cut: Cut,
        *,
        timings: bool,
        shard_rows: int = SHARD_ROWS,
    ) -> None:
        self._parts, self._tally = parts, tally
        self._cut, self._timings, self._shard_rows = cut, timings, shard_rows
        self._end = parts.end
        self._group: str | None = None
        self._samples = 0
        """Among the rows held back."""
        self._held: list[tuple[dict[str, Any], Reward | None]] = []
        self._begun = self._opened = time.monotonic()
        self._before_s = tally.seconds

    def add(self, entry: tuple[Sample, Reward] | BadRow) -> None:
        """Take one entry; close a shard when one is full."""
        if isinstance(entry, dict):
            self._held.append((entry, None))
        else:
            sample, reward = entry
            row = record(sample, reward, timings=self._timings)
            if self._cut(self._samples, row["group"] != self._group):
                self._settle()
            self._group = row["group"]
            self._held.append((row, reward))
            self._samples += 1

    def _settle(self) -> None:
        """Hand the held rows to the shard under way."""
        fault = False
        for _, reward in self._held:
            fault = fault or (reward is not None and is_failed(reward))
        for row, reward in self._held:
            if reward is None:
                self._parts.add_bad(row)
                self._tally.bad_rows += 1
                continue
            if fault:
                self._parts.add_failed(row, self._tally.rows)
            else:
                self._parts.add(row)
            self._tally.add(row["group"], reward, failed=fault)
        self._end += len(self._held)
        self._held.clear()
        self._samples = 0
        rows, seconds = self._end - self._parts.end, time.monotonic() - self._opened
        if rows >= self._shard_rows or seconds >= SHARD_SECONDS:
            self._commit()

    def _commit(self) -> None:
        self._opened = time.monotonic()
        self._tally.seconds = self._before_s + self._opened - self._begun
        self._parts.commit(self._end, self._tally.state())

    def kept(self) -> str:
        """What is durable, in words for a person who wants to go on."""
        return (
            f"{self._parts.end} rows are kept in {self._parts.folder}, and the same command goes on"
            " from there"
        )

    def close(self, *, complete: bool) -> None:
        """Make durable all of it when the input is at its end, else all that may be cut off."""
        if complete or self._cut(self._samples, False):
            self._settle()
        self._commit()


def is_failed(reward: Reward) -> bool:
    """Whether a fault of ours is why there is no value; what is paid all the same is scored."""
    return reward.value is None and reward.status in FAULTS


def cut_of(arities: Collection[Arity]) -> Cut:
    """Where shards may be cut for sources of these arities; see ``Scorer.stream``."""
    groups, batches = "group" in arities, "batch" in arities
    if groups and batches:  # a window is read on to the end of its last group
        return lambda samples, changes: changes and samples >= WINDOW_ROWS
    if batches:
        return lambda samples, _: samples >= WINDOW_ROWS
    if groups:
        return lambda _, changes: changes
    return lambda *_: True
