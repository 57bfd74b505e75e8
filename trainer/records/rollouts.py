"""``rollouts.parquet``: every completion that was scored, as ``assay score`` would write it.

Rows are kept in part files, written at each checkpoint, so that a run that was cut short loses
only what it will do again; the parts are joined when the run ends. The columns are those of
``core.records`` and ``step``, ``split`` and ``completion_tokens``.
Not covered: ranks other than the main one (each scores its own slice), and advantages.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...core.records import arrow_schema, record
from ...core.types import Reward, Sample

__all__ = ["RolloutLog"]

_MOST_ROWS = 4096
"""Rows held in memory; beyond it a part is written."""


class RolloutLog:
    """Collects scored samples; also the ``sink`` of the reward function.

    ``resume_at`` is the step a resumed run starts from: what lies beyond it will be done again and
    is dropped.
    """

    def __init__(self, folder: Path, source_names: Sequence[str], resume_at: int | None) -> None:
        import pyarrow as pa

        self.path = folder / "rollouts.parquet"
        self._parts = folder / "rollouts"
        self._parts.mkdir(parents=True, exist_ok=True)
        more = [("step", pa.int64()), ("split", pa.string()), ("completion_tokens", pa.int64())]
        self._schema = arrow_schema(source_names, more)
        self._rows: list[dict[str, Any]] = []
        if self.path.exists() and not any(self._files()):  # a run that was done goes on
            self.path.replace(self._parts / "000000.parquet")
        for part in self._files():
            self._cut(part, resume_at)

    def __call__(self, samples: list[Sample], rewards: list[Reward], state: Any) -> None:
        """Take the batch that was generated for the step after ``state.global_step``."""
        self.add(samples, rewards, step=int(getattr(state, "global_step", 0)) + 1, split="train")

    def add(
        self, samples: Sequence[Sample], rewards: Sequence[Reward], *, step: int, split: str
    ) -> None:
        """Take scored samples; ``split`` is ``train`` or ``eval``."""
        for sample, reward in zip(samples, rewards, strict=True):
            tokens = sample.extra.get("completion_tokens")
            own = {"step": step, "split": split, "completion_tokens": tokens}
            self._rows.append(record(sample, reward) | own)
        if len(self._rows) > _MOST_ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what is held in memory to a part file."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._rows:
            return
        path = self._parts / f"{len(list(self._files())):06d}.parquet"
        draft = path.with_suffix(".draft")
        pq.write_table(pa.Table.from_pylist(self._rows, schema=self._schema), draft)
        draft.replace(path)  # a part is there whole or not at all
        self._rows = []

    def join(self) -> None:
        """Write ``rollouts.parquet`` from all parts, which stay until the run is done."""
        import pyarrow.parquet as pq

        self.flush()
        draft = self.path.with_suffix(".draft")
        with pq.ParquetWriter(draft, self._schema) as writer:
            for part in self._files():
                writer.write_table(pq.read_table(part, schema=self._schema))
        draft.replace(self.path)

    def close(self) -> None:
        """Join the parts and remove them: the run is done."""
        self.join()
        done = self._parts.with_suffix(".done")
        shutil.rmtree(done, ignore_errors=True)  # of a run killed at this very place
        self._parts.rename(done)  # at once: half of the parts would pass for all of them
        shutil.rmtree(done)

    def _files(self) -> Iterator[Path]:
        return iter(sorted(self._parts.glob("*.parquet")))

    def _cut(self, part: Path, resume_at: int | None) -> None:
        """Keep the rows of a part up to a step; all go when the run starts afresh.

        The evaluation at the end will be done again, the one at step 0 will not.
        """
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        table = pq.read_table(part, schema=self._schema)
        last = -1 if resume_at is None else resume_at
        done = (pc.field("split") == "train") | (pc.field("step") == 0)
        kept = table.filter((pc.field("step") <= last) & done)
        if len(kept) == len(table):
            return
        draft = part.with_suffix(".draft")
        pq.write_table(kept, draft)
        draft.replace(part)
