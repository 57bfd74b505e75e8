"""Rounds on disk: each stage is there whole or not at all, so a killed run goes on where it was.

``rounds/001/`` holds ``sampled.parquet`` (every completion with its verdicts, as ``assay score``
writes it), ``kept.parquet`` (what was learned from, with the ids it came from), ``model/``, and
``meta.json`` with the provenance. A stage is written beside its place and renamed into it;
``meta.json`` comes last and makes the round done.

Not covered: two processes that work in one folder at once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.types import Reward, Status, Verdict
from ..folder import read_json, write_json

__all__ = [
    "FACTS",
    "Round",
    "drop_models",
    "finished_rounds",
    "new_folder",
    "read_table",
    "reward_of_record",
    "write_table",
]

FACTS = "training.json"
"""Beside a round's model: how its training went. There with the model or not at all."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round's place on disk."""

    run: Path
    number: int
    """From 1."""

    @property
    def folder(self) -> Path:
        """``rounds/001`` and so on."""
        return self.run / "rounds" / f"{self.number:03d}"

    @property
    def sampled(self) -> Path:
        """All completions of the round, scored."""
        return self.folder / "sampled.parquet"

    @property
    def kept(self) -> Path:
        """What the round learns from."""
        return self.folder / "kept.parquet"

    @property
    def model(self) -> Path:
        """The model after the round."""
        return self.folder / "model"

    @property
    def held_out(self) -> Path:
        """The evaluation of that model, where the round has one."""
        return self.folder / "held_out.json"

    @property
    def meta(self) -> dict[str, Any]:
        """The provenance; empty until the round is done."""
        return read_json(self.folder / "meta.json")

    def finish(self, meta: Mapping[str, Any]) -> None:
        """Write the provenance: the round is done."""
        write_json(self.folder / "meta.json", meta)


def finished_rounds(run: Path) -> int:
    """How many rounds of a run are done; those after a gap do not count."""
    number = 0
    while (Round(run, number + 1).folder / "meta.json").exists():
        number += 1
    return number


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which takes its place when the block ends well; an old one goes."""
    draft, old = path.with_name(f"{path.name}.draft"), path.with_name(f"{path.name}.old")
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)  # of a killed run
    draft.mkdir(parents=True)
    yield draft
    if path.exists():
        path.rename(old)
    draft.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def write_table(path: Path, rows: Sequence[Mapping[str, Any]], schema: Any) -> None:
    """A Parquet file, there whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    pq.write_table(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), draft)
    draft.replace(path)


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file."""
    import pyarrow.parquet as pq

    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def drop_models(run: Path, last: int, keep: int | None) -> None:
    """Remove the models of all rounds before the last ``keep``; their data stay."""
    if keep is None:
        return
    for number in range(1, last - keep + 1):
        shutil.rmtree(Round(run, number).model, ignore_errors=True)


def reward_of_record(record: Mapping[str, Any]) -> Reward:
    """The reward that ``core.records.record`` wrote into a row."""
    said = json.loads(record["verdicts"])
    return Reward(
        value=record["value"],
        unshaped=record["unshaped"],
        passed=record["passed"],
        status=Status(record["status"]),
        verdicts={name: Verdict.from_dict(verdict) for name, verdict in said.items()},
    )
