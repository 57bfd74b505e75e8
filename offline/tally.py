"""What a run over a file found, added up row by row.

A tally is a plain JSON object between two lives of a run: it is kept beside every finished shard,
so that a run that was killed ends with the same sums as one that was not.

Not covered: groups whose rows lie apart in the file; a group is a run of neighbouring rows, which
keeps the memory constant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..core.types import FAULTS, JSON, Reward, Status, Verdict

__all__ = ["Tally"]


class Tally:
    """Sums over the rows so far. ``state`` and ``restore`` carry it over a restart."""

    def __init__(self, source_names: Iterable[str]) -> None:
        self.rows = 0
        """Samples read, whatever became of them."""
        self.bad_rows = 0
        """Rows that were no samples."""
        self.failed = 0
        """Samples set aside because of a fault, to be tried again."""
        self.unrouted = 0
        """Samples that no source of the recipe applies to."""
        self.judged = 0
        """Rows in which at least one source made a judgement."""
        self.faults = 0
        """Rows in which at least one source failed or was killed."""
        self.valued = 0
        self.value_sum = 0.0
        self.passed = 0
        self.barred = 0
        """Rows with a ``passed`` of true or false."""
        self.seconds = 0.0
        self.statuses: dict[str, int] = {}
        self.sources: dict[str, dict[str, Any]] = {name: _source() for name in source_names}
        self.groups = 0
        self.zero_variance = 0
        self.group: list[Any] = [None, 0, 0, 0.0, 0.0]
        """The group under way: its key, rows, rows with a value, lowest and highest value."""

    def add(self, group: str, reward: Reward, *, failed: bool = False) -> None:
        """Count one sample; ``failed``: it is set aside."""
        self.rows += 1
        self.failed += failed
        self.unrouted += not reward.verdicts
        _count(self.statuses, reward.status)
        if reward.value is not None:
            self.valued += 1
            self.value_sum += reward.value
        if reward.passed is not None:
            self.barred += 1
            self.passed += reward.passed
        self._add_verdicts(reward.verdicts)
        self._add_to_group(group, reward.value)

    def _add_verdicts(self, verdicts: Mapping[str, Verdict]) -> None:
        judged = fault = False
        for name, verdict in verdicts.items():
            found = self.sources[name]
            _count(found["statuses"], verdict.status)
            found["seconds"] += verdict.seconds
            found["cached"] += verdict.cached
            if verdict.score is not None:
                judged = True
                found["score_sum"] += verdict.score
            elif verdict.status in FAULTS:
                fault = True
            if verdict.passed is not None:
                found["barred"] += 1
                found["passed"] += verdict.passed
        self.judged += judged
        self.faults += fault

    def _add_to_group(self, key: str, value: float | None) -> None:
        if key != self.group[0]:
            self._close_group()
            self.group = [key, 0, 0, 0.0, 0.0]
        _, rows, valued, low, high = self.group
        if value is None:
            self.group[1] = rows + 1
        else:
            low, high = (min(low, value), max(high, value)) if valued else (value, value)
            self.group[1:] = [rows + 1, valued + 1, low, high]

    def _close_group(self) -> None:
        _, rows, valued, low, high = self.group
        if rows > 1:
            self.groups += 1
            self.zero_variance += valued > 1 and low == high

    def state(self) -> dict[str, JSON]:
        """Everything counted so far, as JSON."""
        return dict(vars(self))

    def restore(self, state: Mapping[str, JSON]) -> None:
        """Go on from a state; unknown keys are left out, and missing ones stay."""
        for key in vars(self):
            if key in state:
                setattr(self, key, state[key])

    def summary(self) -> dict[str, JSON]:
        """What a person wants to know of the run so far."""
        self._close_group()
        self.group = [None, 0, 0, 0.0, 0.0]
        sources = {name: _summary(found) for name, found in self.sources.items()}
        slowest = max(self.sources, key=lambda name: self.sources[name]["seconds"], default=None)
        return {
            "rows_in": self.rows + self.bad_rows,
            "rows": self.rows,
            "written": self.rows - self.failed,
            "failed": self.failed,
            "bad_rows": self.bad_rows,
            "unrouted": self.unrouted,
            "judged": self.judged,
            "faults": self.faults,
            "pass_rate": _ratio(self.passed, self.barred),
            "mean_value": _ratio(self.value_sum, self.valued),
            "left_out": self.rows - self.valued,
            "statuses": dict(self.statuses),
            "sources": sources,
            "slowest_source": slowest,
            "groups": self.groups,
            "zero_variance_groups": self.zero_variance,
            "cache_hits": sum(found["cached"] for found in self.sources.values()),
            "seconds": round(self.seconds, 3),
        }


def _source() -> dict[str, Any]:
    counts = {"score_sum": 0.0, "passed": 0, "barred": 0, "seconds": 0.0, "cached": 0}
    return {"statuses": {}, **counts}


def _count(counts: dict[str, int], status: Status) -> None:
    name = status._value_  # as ``value``, without its call
    counts[name] = counts.get(name, 0) + 1


def _ratio(part: float, whole: int) -> float | None:
    return part / whole if whole else None


def _summary(found: Mapping[str, Any]) -> dict[str, JSON]:
    return {
        "statuses": dict(found["statuses"]),
        "mean_score": _ratio(found["score_sum"], found["statuses"].get("scored", 0)),
        "pass_rate": _ratio(found["passed"], found["barred"]),
        "seconds": round(found["seconds"], 3),
        "cached": found["cached"],
    }
