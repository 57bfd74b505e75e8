"""A row of a scored file, read for its report.

Covered: every format that ``assay score`` writes, CSV included, where all values are text. Not
covered: files of other kinds; they are refused with the columns that they lack.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import ConfigError, DataError, did_you_mean
from ...core.records import RECORD_COLUMNS
from ...core.types import JSON
from ..labels import LABEL_NAMES, read_label
from ..read import Dataset, Unreadable

__all__ = ["Line", "LineReader", "Said"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one source said of a row."""

    status: str
    score: float | None
    passed: bool | None
    reason: str
    confidence: float
    version: str
    parts: Mapping[str, JSON]
    evidence: Mapping[str, JSON]
    seconds: float

    @property
    def says_yes(self) -> bool | None:
        """Its bar's word; else a score in [0, 1] from one half on; None where neither speaks."""
        if self.score is None or self.passed is not None:
            return None if self.score is None else self.passed
        return self.score >= 0.5 if 0.0 <= self.score <= 1.0 else None

    @property
    def extracted(self) -> str:
        """The answer that it read; empty where it says none."""
        found = self.evidence.get("extracted")
        if found is None or found == "":
            return ""
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row."""

    id: str
    group: str
    task: str
    prompt: str
    """Text, or messages as JSON text, as the file has it."""
    completion: str
    ground_truth: str
    truncated: bool
    value: float | None
    passed: bool | None
    status: str
    seconds: float | None
    """Wall time of all its sources; None where the file was written without timings."""
    label: float | None
    verdicts: Mapping[str, Said]
    """Source -> what it said; a source that was not asked is not in it."""

    @property
    def extracted(self) -> str:
        """The answer that the first source with one read; empty where none did."""
        return next((said.extracted for said in self.verdicts.values() if said.extracted), "")


class LineReader:
    """Reads the rows of one scored file, as often as asked.

    Args:
        dataset: the file.
        label: the column of what a person said; None: found by name, if there is one.

    Raises ``ConfigError`` when the file is no scored file.
    """

    def __init__(self, dataset: Dataset, label: str | None = None) -> None:
        names = dataset.names()
        lacking = [name for name in (*RECORD_COLUMNS, "verdicts") if name not in names]
        if lacking:
            raise ConfigError(
                f"{dataset.name}: is not a scored file: it lacks the columns {', '.join(lacking)}"
                f" (it has {', '.join(names) or 'none'}); write one with assay score"
            )
        self.dataset = dataset
        self.sources = [
            name.removesuffix(".status")
            for name in names
            if name.endswith(".status") and name.removesuffix("status") + "score" in names
        ]
        self.label = label
        self._label_seen: set[str] = set()

    def lines(self) -> Iterator[Line]:
        """The rows in order; raises ``DataError`` naming the row that cannot be read."""
        for number, row in self.dataset.rows():
            place = f"{self.dataset.name}: {self.dataset.unit} {number}"
            if isinstance(row, Unreadable):
                raise DataError(f"{place}: {row.why}")
            try:
                yield self._line(row, place)
            except (KeyError, TypeError, ValueError, RecursionError) as error:
                raise DataError(
                    f"{place}: is not a row of a scored file: {type(error).__name__}: {error}"
                ) from None

    def _line(self, row: Mapping[str, Any], place: str) -> Line:
        verdicts = _object(row["verdicts"])
        said = {name: _said(verdicts[name]) for name in self.sources if name in verdicts}
        return Line(
            id=_text(row["id"]),
            group=_text(row["group"]),
            task=_text(row["task"]),
            prompt=_text(row["prompt"]),
            completion=_text(row["completion"]),
            ground_truth=_text(row["ground_truth"]),
            truncated=bool(_flag(row["truncated"])),
            value=_number(row["value"]),
            passed=_flag(row["passed"]),
            status=_text(row["status"]),
            seconds=_number(row.get("seconds")),
            label=self._label(row, place),
            verdicts=said,
        )

    def _label(self, row: Mapping[str, Any], place: str) -> float | None:
        extra = _object(row["extra"])
        names = LABEL_NAMES if self.label is None else (self.label,)
        known = {name: extra[name] for name in names if extra.get(name) not in (None, "")}
        if self.label is None:  # by name alone: what does not read as a label is none
            known = {name: value for name, value in known.items() if _is_label(value)}
        else:
            self._label_seen.update(extra)
        self._one_label(known, place)
        return next((read_label(v, name, place) for name, v in known.items()), None)

    def _one_label(self, known: Mapping[str, Any], place: str) -> None:
        if len(known) > 1:
            raise ConfigError(f"{place}: {', '.join(known)} may each hold the labels; name one with"
                              " --label COLUMN")  # fmt: skip

    def check_label(self, found: int) -> None:
        """Raise ``ConfigError`` when a label was asked for by name and no row had one."""
        if self.label is not None and not found:
            seen = sorted(self._label_seen)
            raise ConfigError(
                f"{self.dataset.name}: --label {self.label}: no row has one; columns beside the"
                f" sample's own: {', '.join(seen) or 'none'}{did_you_mean(self.label, seen)}"
            )


def _is_label(value: Any) -> bool:
    try:
        read_label(value, "", "")
    except DataError:
        return False
    return True


def _said(value: Any) -> Said:
    return Said(
        status=_text(value["status"]),
        score=_number(value["score"]),
        passed=_flag(value.get("passed")),
        reason=_text(value.get("reason")),
        confidence=_share(value.get("confidence")),
        version=_text(value.get("version")),
        parts=_mapping(value.get("parts")),
        evidence=_mapping(value.get("evidence")),
        seconds=_number(value.get("seconds")) or 0.0,
    )


def _object(text: Any) -> Mapping[str, Any]:
    return _mapping(json.loads(text) if isinstance(text, str) and text else text)


def _mapping(value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, Mapping):
        return value
    raise TypeError(f"must be a JSON object, got {value!r:.80}")


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    if value is None or value == "":
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"must be a finite number, got {value!r:.80}")
    return number


def _share(value: Any) -> float:
    number = _number(value)
    return 1.0 if number is None else min(1.0, max(0.0, number))


def _flag(value: Any) -> bool | None:
    if value is None or value == "":
        return None
    if value in (True, False):
        return bool(value)
    words: Sequence[str] = ("false", "true")
    return bool(words.index(str(value).lower()))  # a ValueError names what is neither
