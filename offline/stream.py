"""Samples into an engine, rewards out of it, each with its row, and the bad rows in their place.

A row that cannot be read ends the stream, or is set aside; either way what was handed to the
engine before it still comes out. An *entry* is a sample or a bad row: a row with N completions is N
entries. Where a run is one part of several, the parts are ranges of rows whose borders are moved to
where the group changes, so that their outputs, one after another, are that of the whole.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ..core.errors import ConfigError, DataError, RunStopped
from ..core.records import json_text
from ..core.types import JSON, Reward, Sample
from .adapters.find import PlainReading
from .adapters.reading import Reading
from .engines import Engine
from .read import Dataset, NumberedRow, Unreadable

__all__ = ["BadRow", "BadRows", "Part", "RowStream", "Slice"]

BadRow: TypeAlias = dict[str, JSON]
"""``number``, ``why`` and ``row`` of a row that could not be read."""

BadRows: TypeAlias = Literal["raise", "skip"]
"""What to do with bad rows: stop at the first, or set them aside."""

_Row: TypeAlias = "list[Sample] | BadRow"


@dataclass(frozen=True, slots=True)
class Part:
    """One of several runs over one dataset: the ``number``-th of ``of``, counted from 1."""

    number: int
    of: int

    @classmethod
    def read(cls, text: str) -> Part:
        """``"2/8"`` as a part; raises ``ConfigError``."""
        number, _, of = text.partition("/")
        if number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of):
            return cls(int(number), int(of))
        raise ConfigError(f"--shard: must be I/N with 1 <= I <= N, such as 2/8, got {text!r}")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def bounds(self, total: int) -> tuple[int, int | None]:
        """The rows ``[first, end)`` before the borders are moved; None: to the end."""
        first, end = total * (self.number - 1) // self.of, total * self.number // self.of
        return first, None if self.number == self.of else end


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows ``[first, end)`` of a dataset, borders moved on to where the group changes."""

    first: int = 0
    end: int | None = None


class RowStream:
    """The entries of a dataset from ``start`` on, scored, in order. ``error``: why it ended."""

    def __init__(
        self,
        dataset: Dataset,
        reading: Reading,
        bad_rows: BadRows,
        start: int = 0,
        rows: Slice | None = None,
    ) -> None:
        self.error: DataError | None = None
        self._dataset, self._reading, self._start = dataset, reading, start
        self._slice = rows or Slice()
        self._skip = bad_rows == "skip"
        self._pending: deque[Sample | BadRow] = deque()
        """Entries read and not given out yet; the engine bounds how many."""

    @property
    def refuses_bad(self) -> bool:
        """Whether a bad row ends the stream."""
        return not self._skip

    def entries(self, engine: Engine) -> Iterator[tuple[Sample, Reward] | BadRow]:
        """One entry for each sample, with its reward, and each bad row.

        Raises ``RunStopped`` at the first sample that a source left unjudged because the run is
        over; no further row is read.
        """
        for reward in engine.stream(self._samples()):
            while isinstance(entry := self._pending.popleft(), dict):
                yield entry
            if reward.stop:
                raise RunStopped(f"stopped: {reward.stop}")
            yield entry, reward
        for entry in self._pending:
            if isinstance(entry, dict):
                yield entry

    def _samples(self) -> Iterator[Sample]:
        try:
            for entry in self.unscored():
                if isinstance(entry, dict):
                    if not self._skip:
                        self.error = self._refusal(entry)
                        return
                    self._pending.append(entry)
                else:
                    self._pending.append(entry)
                    yield entry
        except DataError as error:
            self.error = error

    def unscored(self) -> Iterator[Sample | BadRow]:
        """The entries from ``start`` on; raises ``DataError`` for what cannot be read further."""
        if self._slice == Slice() and isinstance(self._reading, PlainReading):
            # a row is an entry here, so files can be read from the middle
            return self._flat(map(self._read, self._dataset.rows(self._start)))
        if self._slice == Slice():
            entries = self._flat(self._read_with_donors())
        else:
            entries = self._flat(self._sliced())
        return itertools.islice(entries, self._start, None)

    @staticmethod
    def _flat(rows: Iterator[_Row]) -> Iterator[Sample | BadRow]:
        for row in rows:
            if isinstance(row, dict):
                yield row
            else:
                yield from row

    def _read(self, row: NumberedRow, donor: Any = None) -> _Row:
        number, content = row
        if isinstance(content, Unreadable):
            return {"number": number, "why": content.why, "row": content.text}
        try:
            return self._reading.samples(content, donor)
        except DataError as error:
            return {"number": number, "why": str(error), "row": json_text(dict(content))}

    def _read_with_donors(self, first: int = 0) -> Iterator[_Row]:
        """The rows from a row on, each read with the row whose solution may stand in for it."""
        if self._reading.gold != "next":
            yield from map(self._read, self._dataset.rows(first))
            return
        around = itertools.islice(self._dataset.rows(), 1)  # the last row takes from the first
        following = itertools.chain(self._dataset.rows(first), around)
        for row, (_, donor) in itertools.pairwise(following):
            yield self._read(row, None if isinstance(donor, Unreadable) else donor)

    def _sliced(self) -> Iterator[_Row]:
        first, end = self._slice.first, self._slice.end
        if end is not None and end <= first:
            return  # both borders move to the same place
        before = max(first - 1, 0)
        begun, last = first == 0, ""
        for index, row in enumerate(self._read_with_donors(before), before):
            # a bad row may lie within a group, so no border is next to one
            group = "" if isinstance(row, dict) else row[0].group_key
            changes = bool(group and last) and group != last
            if end is not None and index >= end and changes:
                return
            begun = begun or (index >= first and changes)
            last = group
            if begun:
                yield row

    def _refusal(self, bad: BadRow) -> DataError:
        return DataError(
            f"{self._dataset.name}: {self._dataset.unit} {bad['number']}: {bad['why']}; the rows"
            " before it are scored and kept: go on without it with --bad-rows skip, or mend the"
            " file and begin anew with --restart"
        )
