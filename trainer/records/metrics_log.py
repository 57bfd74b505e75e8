"""``metrics.jsonl``: one JSON object for every line of a run's log.

``{"step", "split": "train" | "eval", "seconds" since the start, ...}`` and then every metric under
the name that TRL or the reward function gave it. A resumed run goes on in the same file: lines
beyond the checkpoint are dropped, and its seconds are counted on.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["MetricsLog"]


class MetricsLog:
    """Appends lines to a file; each is flushed, so that a killed run loses none."""

    def __init__(self, path: Path, resume_at: int | None) -> None:
        kept = [] if resume_at is None else [r for r in _rows(path) if r["step"] <= resume_at]
        self._evaluated = {row["step"] for row in kept if row.get("split") == "eval"}
        self._started = time.monotonic() - max((r.get("seconds", 0.0) for r in kept), default=0.0)
        self._file = path.open("w", encoding="utf-8")
        for row in kept:
            self._append(row)

    @property
    def seconds(self) -> float:
        """Wall time since the start, without the pauses between resumed runs."""
        return time.monotonic() - self._started

    def write(self, step: int, split: str, metrics: Mapping[str, Any]) -> None:
        """Append a line. A number that is not finite becomes null: JSON has none.

        A step is evaluated once: what a resumed run finds again is not written again.
        """
        if split == "eval":
            if step in self._evaluated:
                return
            self._evaluated.add(step)
        own = {"step": step, "split": split, "seconds": round(self.seconds, 3)}
        self._append(own | {key: _finite(value) for key, value in metrics.items()})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, row: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(row, allow_nan=False) + "\n")
        self._file.flush()


def _finite(value: Any) -> Any:
    if isinstance(value, str | bool | None):
        return value
    number = float(value)
    if not math.isfinite(number):
        return None
    return value if isinstance(value, int) else number


def _rows(path: Path) -> list[dict[str, Any]]:
    """The lines of a log that are whole."""
    if not path.exists():
        return []
    found = (_row(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [row for row in found if row is not None]


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:  # cut short when the run was
        return None
    return row if isinstance(row, dict) and isinstance(row.get("step"), int) else None
