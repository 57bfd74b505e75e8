"""The numbers of a scored file, column by column: all that the statistics need, and no text.

44 bytes a row and 14 for each source; the statistics make lists of rows meanwhile, some hundred
bytes a row. Texts are never held; prompts and answers are known here by 64-bit digests.

Not covered: rubric items (``rubrics``), and what the numbers mean (``measures`` and its like).
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ...core.pages.texts import conversation
from ...core.types import FAULTS
from .rows import Line, LineReader, Said

__all__ = ["NO", "NONE", "YES", "Columns", "Pool", "Reasons", "SourceColumn", "number"]

NO, YES, NONE = 0, 1, 2
"""How a column holds a yes, a no, and neither."""
_MOST_REASONS = 2000
_NAN = math.nan


class Pool:
    """Texts by number, in order of first appearance."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        self._codes: dict[str, int] = {text: i for i, text in enumerate(texts)}

    def code(self, text: str) -> int:
        """The number of a text, a new one for a new text."""
        return self._codes.setdefault(text, len(self._codes))

    @property
    def texts(self) -> list[str]:
        """All of them, by number."""
        return list(self._codes)

    def __len__(self) -> int:
        return len(self._codes)


@dataclass(slots=True)
class Reasons:
    """Why a source did not let rows pass: how often each reason was given, and a row to look at."""

    counts: dict[str, list[int]] = field(default_factory=dict)
    """Reason -> [rows, index of the first]."""
    others: int = 0
    """Rows whose reasons are not told apart: those after the first 2,000 different ones."""

    def add(self, reason: str, row: int) -> None:
        """Count one."""
        known = self.counts.get(reason)
        if known is not None:
            known[0] += 1
        elif len(self.counts) < _MOST_REASONS:
            self.counts[reason] = [1, row]
        else:
            self.others += 1

    def top(self, n: int) -> list[tuple[str, int, int]]:
        """(reason, rows, first row) of the most frequent."""
        found = [(reason, count, row) for reason, (count, row) in self.counts.items()]
        return sorted(found, key=lambda one: (-one[1], one[2]))[:n]


class SourceColumn:
    """What one source said of every row."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.score = array("d")
        """NaN where there is none."""
        self.status = array("B")
        """Number in ``Columns.statuses``; 0: it was not asked."""
        self.yes = array("B")
        self.confidence = array("f")
        self.versions = Pool()
        self.seconds = 0.0
        self.reasons: dict[str, Reasons] = {}
        """By status; rows that were judged and did not pass are under ``not passed``."""

    def add(self, said: Said | None, status: int, row: int) -> None:
        """Take one row; None: the source was not asked."""
        self.status.append(status)
        if said is None:
            self.score.append(_NAN)
            self.yes.append(NONE)
            self.confidence.append(_NAN)
            return
        self.score.append(_NAN if said.score is None else said.score)
        self.yes.append(number(said.says_yes))
        self.confidence.append(said.confidence)
        self.versions.code(said.version)
        self.seconds += said.seconds
        why = said.status if said.score is None else "" if said.says_yes else "not passed"
        if why and not (why == "not passed" and said.says_yes is None):
            self.reasons.setdefault(why, Reasons()).add(said.reason[:300], row)


def number(passed: bool | None) -> int:
    """A yes, a no or neither as a column holds it."""
    return NONE if passed is None else int(passed)


class Columns:
    """Every row's numbers. Rows are counted from 0, in order of the file."""

    def __init__(self, sources: Iterable[str]) -> None:
        self.value, self.label = array("d"), array("d")
        """NaN where there is none."""
        self.seconds = array("f")
        self.passed, self.truncated, self.status = array("B"), array("B"), array("B")
        self.faults = array("B")
        """Sources that failed or were killed."""
        self.chars = array("I")
        """Length of the completion."""
        self.task, self.group = array("I"), array("I")
        self.answer = array("q")
        """Digest of the extracted answer; 0: none."""
        self.statuses, self.tasks = Pool([""]), Pool()
        self.sources = [SourceColumn(name) for name in sources]
        self._groups: dict[bytes, int] = {}
        self.labels = self.timed = 0

    def __len__(self) -> int:
        return len(self.value)

    @property
    def groups(self) -> int:
        """How many there are."""
        return len(self._groups)

    def add(self, line: Line) -> None:
        """Take one row."""
        row = len(self)
        self.value.append(_NAN if line.value is None else line.value)
        self.label.append(_NAN if line.label is None else line.label)
        seconds = line.seconds
        self.seconds.append(_NAN if seconds is None else seconds)
        self.labels += line.label is not None
        self.timed += seconds is not None
        self.passed.append(number(line.passed))
        self.truncated.append(line.truncated)
        self.status.append(self.statuses.code(line.status))
        self.chars.append(len(conversation(line.completion)))
        self.task.append(self.tasks.code(line.task))
        group = _digest(line.group)
        self.group.append(self._groups.setdefault(group, len(self._groups)))
        self.answer.append(_answer(line.extracted))
        self._add_verdicts(line, row)

    def _add_verdicts(self, line: Line, row: int) -> None:
        faults = 0
        for column in self.sources:
            said = line.verdicts.get(column.name)
            status = 0 if said is None else self.statuses.code(said.status)
            column.add(said, status, row)
            faults += said is not None and said.status in FAULTS
        self.faults.append(min(faults, 255))

    @classmethod
    def read(cls, reader: LineReader) -> Columns:
        """All rows of a file."""
        columns = cls(reader.sources)
        for line in reader.lines():
            columns.add(line)
        reader.check_label(columns.labels)
        return columns

    def rows_of_groups(self) -> list[array[int]]:
        """The rows of every group, wherever they stand in the file."""
        found = [array("I") for _ in range(self.groups)]
        for row, group in enumerate(self.group):
            found[group].append(row)
        return found

    def judged(self) -> Iterator[int]:
        """Rows that passed or did not."""
        return (row for row, passed in enumerate(self.passed) if passed != NONE)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _answer(text: str) -> int:
    """A number for an answer, never 0 for one that is there."""
    text = " ".join(text.split())
    return (int.from_bytes(_digest(text), "big", signed=True) or 1) if text else 0
