"""A scored file as prompts with all their scored completions, one prompt at a time.

Where the rows of one prompt follow each other, as ``assay score`` writes N completions, the file is
read straight through. Where they lie apart (N files of one completion each, put together), the rows
go through the disk once; see ``spill``. Memory holds one prompt's rows and a few bytes for each
prompt of the file.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import ConfigError, DataError
from ...core.records import RECORD_COLUMNS, json_text
from ...core.selection import ScoredRow, row_of_record
from ...core.types import JSON
from ..read import Dataset, Unreadable, open_dataset
from ..scored import flag_of, number_of
from .spill import Spill

__all__ = ["Candidate", "Prompt", "ScoredFile"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored completion together with the row it stands in."""

    row: ScoredRow
    record: Mapping[str, Any]

    def verdicts(self) -> Mapping[str, Any]:
        """Source -> its verdict, as JSON."""
        found: Mapping[str, Any] = json.loads(self.record["verdicts"] or "{}")
        return found

    def extra(self) -> Mapping[str, Any]:
        """``Sample.extra``."""
        found: Mapping[str, Any] = json.loads(self.record["extra"] or "{}")
        return found


@dataclass(frozen=True, slots=True)
class Prompt:
    """All completions of one prompt."""

    candidates: Sequence[Candidate]

    @property
    def first(self) -> Candidate:
        return self.candidates[0]

    @property
    def pass_rate(self) -> float | None:
        """The share that passed, of those that passed or failed; None where none did either."""
        said = [c.row.passed for c in self.candidates if c.row.passed is not None]
        return sum(said) / len(said) if said else None


class ScoredFile:
    """A file that ``assay score`` wrote; raises ``ConfigError`` for any other."""

    def __init__(self, source: str) -> None:
        self._dataset: Dataset = open_dataset(source)
        lacks = [c for c in (*RECORD_COLUMNS, "verdicts") if c not in self._dataset.names()]
        if lacks:
            raise ConfigError(
                f"{source}: is no scored file, the columns {', '.join(lacks[:5])} are missing;"
                f" score it first with: assay score {source} -r RECIPE -o scored.parquet"
            )
        self.identity: JSON = self._dataset.identity()
        if self.identity is None:
            raise ConfigError(f"{source}: is read twice, which a pipe cannot be; save it first")
        self.name = self._dataset.name

    @property
    def digest(self) -> str:
        """Of the file's content."""
        held = self.identity
        found = held.get("digest") if isinstance(held, dict) else None
        return found or hashlib.blake2b(json_text(held).encode(), digest_size=16).hexdigest()

    def prompts(self, scratch: Path) -> Iterator[Prompt]:
        """The prompts in order of first appearance; ``scratch``: a folder for what must be sorted.

        Raises ``DataError`` for a row that cannot be read.
        """
        if self._lies_together():
            for _, rows in itertools.groupby(self._records(), key=_key):
                yield _prompt(rows)
            return
        numbers: dict[bytes, int] = {}
        with Spill(scratch) as spill:
            for row in self._records():
                spill.add(numbers.setdefault(_key(row), len(numbers)), json_text(dict(row)))
            for _, texts in itertools.groupby(spill, key=lambda pair: pair[0]):
                yield _prompt(json.loads(text) for _, text in texts)

    def _lies_together(self) -> bool:
        seen: set[bytes] = set()
        for key, _ in itertools.groupby(self._records(), key=_key):
            if key in seen:
                return False
            seen.add(key)
        return True

    def _records(self) -> Iterator[Mapping[str, Any]]:
        for number, row in self._dataset.rows():
            if isinstance(row, Unreadable):
                raise DataError(f"{self.name}: {self._dataset.unit} {number}: {row.why}")
            yield row


def _key(row: Mapping[str, Any]) -> bytes:
    """Rows of one group with one prompt: other prompts in the group cannot be compared."""
    text = f"{row['group']}\0{row['prompt']}"
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=12).digest()


def _prompt(records: Iterator[Mapping[str, Any]]) -> Prompt:
    return Prompt([_candidate(record) for record in records])


def _candidate(record: Mapping[str, Any]) -> Candidate:
    typed = {
        **record,
        "value": number_of(record["value"]),
        "passed": flag_of(record["passed"]),
        "group": record["group"] or "",
    }
    return Candidate(row_of_record(typed), typed)
