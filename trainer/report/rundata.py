"""Reading a run folder for its report: whatever is there, and in words what is not.

Covered: runs that are complete, still going, interrupted (files missing, a last line cut short) or
damaged (not JSON, not Parquet). Nothing read here is trusted: texts are the model's.
Not covered: checkpoints and the trainer's own event files.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from ...core.errors import DataError
from ..health.log import HEALTH_FILE, read_health

__all__ = ["Points", "Rollouts", "RunData", "read_run"]

FILES = {
    "recipe.yaml": "the recipe as resolved",
    "metrics.jsonl": "the curves",
    "rollouts.parquet": "statuses, reasons and the rollouts themselves",
    "evaluation.json": "held-out accuracy before and after",
    "environment.json": "versions and machine",
}
"""Files of a run folder and what the report takes from each."""

_TEXTS = frozenset({"prompt", "completion", "ground_truth", "verdicts", "extra"})

Points = list[tuple[float, float]]
"""(step, value) pairs in order of steps."""


@dataclass(frozen=True, slots=True)
class Rollouts:
    """The rollouts of a run: small columns in memory, texts read for the rows that are shown."""

    path: Path
    table: Any
    """A ``pyarrow.Table`` without the text columns."""

    @property
    def sources(self) -> list[str]:
        """Names of the sources, as the columns ``<source>.status`` spell them."""
        names = self.table.column_names
        return [n.removesuffix(".status") for n in names if n.endswith(".status")]

    def column(self, name: str) -> list[Any]:
        """A column's values; Nones where the file has no such column."""
        if name not in self.table.column_names:
            return [None] * len(self.table)
        return list(self.table.column(name).to_pylist())

    def counts(self, name: str) -> list[tuple[str, int]]:
        """The values of a column with how often they occur, most frequent first."""
        if name not in self.table.column_names:
            return []
        pairs = self.table.column(name).value_counts().to_pylist()
        found = [(str(p["values"]), int(p["counts"])) for p in pairs if p["values"] is not None]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def rows(self, places: Iterable[int]) -> list[dict[str, Any]]:
        """Whole rows, texts included, in the order of ``places``."""
        import pyarrow.parquet as pq

        wanted, start = list(places), 0
        found: dict[int, dict[str, Any]] = {}
        with pq.ParquetFile(self.path) as file:
            for group in range(file.num_row_groups):
                size = file.metadata.row_group(group).num_rows
                inside = [place for place in wanted if start <= place < start + size]
                if inside:
                    taken = file.read_row_group(group).take([p - start for p in inside])
                    found.update(zip(inside, taken.to_pylist(), strict=True))
                start += size
        return [found[place] for place in wanted if place in found]


@dataclass(slots=True)
class RunData:
    """What a run folder holds."""

    folder: Path
    recipe: str | None = None
    metrics: list[dict[str, Any]] = field(default_factory=list)
    rollouts: Rollouts | None = None
    health: list[dict[str, Any]] = field(default_factory=list)
    """The lines of ``health.jsonl``; none where the run was not watched."""
    evaluation: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    """Sentences on what is not there or could not be read."""

    def points(self, metric: str, split: str = "train") -> Points:
        """The finite values of a metric over the steps of one split; the last one of a step."""
        found: dict[float, float] = {}
        for row in self.metrics:
            value, step = row.get(metric), row.get("step")
            if row["split"] == split and _is_number(value) and _is_number(step):
                found[float(step)] = float(value)
        return sorted(found.items())

    def names(self, start: str, end: str) -> list[str]:
        """What stands between ``start`` and ``end`` in the names of the metrics, sorted."""
        keys = {key for row in self.metrics for key in row}
        fits = (k for k in keys if k.startswith(start) and k.endswith(end))
        inner = {k[len(start) : len(k) - len(end)] for k in fits if len(k) > len(start) + len(end)}
        return sorted(inner)


def read_run(folder: Path) -> RunData:
    """Read what there is; raises ``DataError`` only when ``folder`` is no directory."""
    if not folder.is_dir():
        raise DataError(f"{folder}: is no run folder: there is no such directory")
    run = RunData(folder)
    run.recipe = _text(run, "recipe.yaml")
    run.metrics = _metrics(run)
    run.health = read_health(folder / HEALTH_FILE)
    run.evaluation = _json_object(run, "evaluation.json")
    run.environment = _json_object(run, "environment.json")
    run.rollouts = _rollouts(run)
    return run


def _text(run: RunData, name: str) -> str | None:
    try:
        return (run.folder / name).read_text(encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        why = (
            "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error})"
        )
        run.missing.append(f"{name} {why}: the report lacks {FILES[name]}")
        return None


def _json_object(run: RunData, name: str) -> dict[str, Any]:
    text = _text(run, name)
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        run.missing.append(f"{name} is not JSON ({error}): the report lacks {FILES[name]}")
        return {}
    if isinstance(value, dict):
        return value
    run.missing.append(f"{name} holds no JSON object: the report lacks {FILES[name]}")
    return {}


def _metrics(run: RunData) -> list[dict[str, Any]]:
    text = _text(run, "metrics.jsonl")
    lines = (text or "").splitlines()
    rows = [_metrics_row(line) for line in lines if line.strip()]
    good = [row for row in rows if row is not None]
    if len(good) < len(rows):
        run.missing.append(f"metrics.jsonl: {len(rows) - len(good)} of {len(rows)} lines are cut"
                           " short or not JSON objects, and are left out")  # fmt: skip
    if text is not None and not good:
        run.missing.append("metrics.jsonl holds no step yet: the report lacks the curves")
    return good


def _metrics_row(line: str) -> dict[str, Any] | None:
    """One line as a row with a split; TRL's ``eval_`` prefixes are taken off."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict):
        return None
    split = row.get("split") or ("eval" if any(k.startswith("eval_") for k in row) else "train")
    return {**{key.removeprefix("eval_"): value for key, value in row.items()}, "split": split}


def _rollouts(run: RunData) -> Rollouts | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    name = "rollouts.parquet"
    path = run.folder / name
    if not path.exists():
        run.missing.append(f"{name} is not there: the report lacks {FILES[name]}")
        return None
    try:
        columns = [c for c in pq.read_schema(path).names if c not in _TEXTS]
        with pq.ParquetFile(path) as file:
            table = file.read(columns=columns)
    except (OSError, pa.ArrowException) as error:
        run.missing.append(f"{name} cannot be read ({error}): the report lacks {FILES[name]}")
        return None
    if len(table) == 0:
        run.missing.append(f"{name} holds no rollout: the report lacks {FILES[name]}")
        return None
    return Rollouts(path, table)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def flatten(value: Mapping[str, Any] | Sequence[Any], start: str = "") -> list[tuple[str, str]]:
    """Nested JSON as (dotted name, text) pairs, for a table of two columns."""
    items = value.items() if isinstance(value, Mapping) else enumerate(value)
    found: list[tuple[str, str]] = []
    for key, inner in items:
        name = f"{start}{key}"
        if isinstance(inner, Mapping | list) and inner and name.count(".") < 6:
            found += flatten(inner, f"{name}.")
        else:
            found.append((name, inner if isinstance(inner, str) else json.dumps(inner)))
    return found
