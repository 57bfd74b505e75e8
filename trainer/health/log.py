"""``health.jsonl``: what was measured at each observation, and the warnings.

Lines ``{"kind": "facts", "step", ...}`` and ``{"kind": "warning", "step", "rule", "what",
"advice", "steps", "evidence"}``. A resumed run goes on in the same file: lines beyond the
checkpoint are dropped, and the monitor is shown those that stay, so that no episode is told twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...core.types import Reward, Sample
from .monitor import HealthMonitor, HealthWarning

__all__ = ["HEALTH_FILE", "HealthLog", "read_health"]

HEALTH_FILE = "health.jsonl"
_MOST_SAMPLES = 4096
"""Samples of one observation that are looked at, the latest ones. Ours."""
_MOST = 1e300
"""Larger numbers of a damaged file would overflow where they are drawn."""


class HealthLog:
    """A monitor that writes down what it sees; each line is flushed.

    Also collects the batches that the reward function scored since the last line of the trainer's
    log: give it to the reward function as a sink, beside the rollouts.
    """

    def __init__(self, path: Path, monitor: HealthMonitor, resume_at: int | None) -> None:
        self.monitor = monitor
        self.metrics: dict[str, float] = {}
        """The facts of the last line of the log as metrics: ``health/<fact>``."""
        self._samples: list[Sample] = []
        self._rewards: list[Reward] = []
        kept = [] if resume_at is None else [r for r in read_health(path) if r["step"] <= resume_at]
        self._file = path.open("w", encoding="utf-8")
        for row in kept:
            self._append(row)
            if row["kind"] == "facts":
                facts = {k: v for k, v in row.items() if k not in ("kind", "step")}
                monitor.take(row["step"], facts)

    def __call__(
        self,
        samples: list[Sample],
        rewards: list[Reward],
        state: Any = None,  # noqa: ARG002 - the bridge gives it
    ) -> None:
        """Take a scored batch; the form of the reward function's sink."""
        self._samples = [*self._samples, *samples][-_MOST_SAMPLES:]
        self._rewards = [*self._rewards, *rewards][-_MOST_SAMPLES:]

    def observe(self, step: int, log: Mapping[str, object]) -> list[HealthWarning]:
        """A line of the trainer's log ends an observation; the warnings that begin with it.

        A line without a batch before it (the summary at the end of a run) is none.
        """
        self.metrics = {}
        if not self._samples:
            return []
        samples, rewards, self._samples, self._rewards = self._samples, self._rewards, [], []
        warnings = self.monitor.observe(step, log, samples, rewards)
        if self.monitor.facts:
            self._append({"kind": "facts", "step": step, **self.monitor.facts})
            self.metrics = {f"health/{name}": value for name, value in self.monitor.facts.items()}
        for warning in warnings:
            self._append({"kind": "warning", **warning.to_dict()})
        return warnings

    def tell(self, warning: HealthWarning) -> None:
        """Write down a warning that no observation has led to."""
        self._append({"kind": "warning", **warning.to_dict()})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _append(self, row: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(row, allow_nan=False) + "\n")
        self._file.flush()


def read_health(path: Path) -> list[dict[str, Any]]:
    """The lines of a health log that are whole; none where there is no file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace") as file:
        return list(_rows(file))


def _rows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # cut short when the run was
            continue
        if (
            not isinstance(row, dict)
            or type(row.get("step")) is not int
            or not _is_number(row["step"])
        ):
            continue
        if row.get("kind") == "facts":
            yield {k: v for k, v in row.items() if k == "kind" or _is_number(v)}
        elif row.get("kind") == "warning":
            yield row


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and -_MOST <= value <= _MOST  # NaN fails both
