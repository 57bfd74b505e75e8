"""Samples into a scorer, rewards out of it, each with its row, and the bad rows in their place.

A row that cannot be read ends the stream, or is set aside; either way what was handed to the
scorer before it still comes out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Literal, TypeAlias

from ..core.errors import DataError, RunStopped
from ..core.records import json_text
from ..core.scorer import Scorer
from ..core.types import JSON, Reward, Sample
from .columns import Layout
from .read import Dataset, NumberedRow, Unreadable

__all__ = ["BadRow", "BadRows", "RowStream"]

BadRow: TypeAlias = dict[str, JSON]
"""``number``, ``why`` and ``row`` of a row that could not be read."""

BadRows: TypeAlias = Literal["raise", "skip"]
"""What to do with bad rows: stop at the first, or set them aside."""


class RowStream:
    """The rows of a dataset from ``start`` on, scored, in order. ``error`` says why it ended."""

    def __init__(self, dataset: Dataset, layout: Layout, bad_rows: BadRows, start: int = 0) -> None:
        self.error: DataError | None = None
        self._dataset, self._layout, self._start = dataset, layout, start
        self._skip = bad_rows == "skip"
        self._pending: deque[Sample | BadRow] = deque()
        """Rows read and not given out yet; the scorer bounds how many."""

    def entries(self, scorer: Scorer) -> Iterator[tuple[Sample, Reward] | BadRow]:
        """One entry for each input row: the sample with its reward, or the bad row.

        Raises ``RunStopped`` at the first row that a source left unjudged because the run is over;
        no further row is read.
        """
        for reward in scorer.stream(self._samples()):
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
            for row in self._dataset.rows(self._start):
                entry = self._read(row)
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

    def _read(self, row: NumberedRow) -> Sample | BadRow:
        number, content = row
        if isinstance(content, Unreadable):
            return {"number": number, "why": content.why, "row": content.text}
        try:
            return self._layout.sample(content)
        except DataError as error:
            return {"number": number, "why": str(error), "row": json_text(dict(content))}

    def _refusal(self, bad: BadRow) -> DataError:
        return DataError(
            f"{self._dataset.name}: {self._dataset.unit} {bad['number']}: {bad['why']}; the rows"
            " before it are scored and kept: go on without it with --bad-rows skip, or mend the"
            " file and begin anew with --restart"
        )
