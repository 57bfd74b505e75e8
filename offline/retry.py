"""Try again what faults left unscored, and put it in its place among the scored rows.

The side file holds the samples themselves, so the input is not read again. What is scored now goes
into OUT at its place in the input; what faults once more stays in the side file. Both are replaced
together (``swap``), so that no row is ever in both or in neither. A retry that is killed begins
anew.

Not covered: other sources or settings than the run's, apart from those that decide only whether
there is a fault (deadlines, memory, further tries).
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..core.errors import AssayError, ConfigError, RunStopped
from ..core.records import sample_of_record
from ..core.types import JSON, Sample
from .engines import Engine
from .ledger import Cut, Ledger
from .parts import Parts, differences
from .progress import Silent
from .read import Unreadable, open_dataset
from .scored import reward_of_record
from .swap import begin_swap, finish_swap
from .tally import Tally
from .write import Format

__all__ = ["Retried", "retry_failed"]

_FAULT_SETTINGS = ("deadline_s", "memory_bytes", "retries")
"""Settings of a source that may differ from the run's: they change no grade."""


@dataclass(frozen=True, slots=True)
class Retried:
    """What became of a retry."""

    summary: Mapping[str, JSON]
    nothing_to_do: bool = False


def retry_failed(
    parts: Parts,
    form: Format,
    report: Mapping[str, JSON] | None,
    manifest: Mapping[str, JSON],
    *,
    names: Sequence[str],
    engine: Engine,
    cut: Cut,
    progress: Silent,
) -> Retried:
    """Score the side file of a finished output; the caller holds its lock.

    ``names`` are those of the sources, as ``Scorer.names``.

    Raises ``ConfigError`` when there is no finished output of this recipe and input, and
    ``RunStopped`` where a source ends the run: then everything is as it was.
    """
    summary = _checked(parts, report, manifest)
    if not parts.failed_rows.exists():
        return Retried(summary, nothing_to_do=True)
    folder = begin_swap(parts.output)
    try:
        again = _score(parts, folder, Tally(names), engine, cut=cut, progress=progress)
    except AssayError as error:
        if isinstance(error, RunStopped):
            raise RunStopped(
                f"{error}\nnothing was changed: {parts.failed_rows} is as before"
            ) from error
        raise
    tally = Tally(names)
    _merge(parts, form, folder, again, tally)
    _count_failed(folder / parts.failed_rows.name, tally)
    tally.bad_rows, tally.seconds = summary.get("bad_rows", 0), summary["seconds"] + again.seconds
    new = {**tally.summary(), "resumed_at": 0, "output": str(parts.output)}
    new["retried"], new["recovered"] = len(again.indices), len(again.indices) - tally.failed
    _finish(parts, folder, {"run": dict(manifest), "summary": new})
    return Retried(new)


def _checked(
    parts: Parts, report: Mapping[str, JSON] | None, manifest: Mapping[str, JSON]
) -> dict[str, Any]:
    """The summary of the finished run; raises ``ConfigError`` when it is not this one's."""
    if report is None:
        raise ConfigError(
            f"{parts.output}: --retry: there is no finished output of assay score; run the same"
            " command without --retry first"
        )
    differ = differences(_without_limits(report["run"]), _without_limits(manifest))
    if differ:
        raise ConfigError(
            f"{parts.output}: --retry: is the output of another {', '.join(differ[:4])}; a retry"
            f" may change {', '.join(_FAULT_SETTINGS)} and nothing else"
        )
    return dict(report["summary"])


def _without_limits(manifest: Mapping[str, JSON]) -> dict[str, JSON]:
    sources = [
        {key: value for key, value in entry.items() if key not in _FAULT_SETTINGS}
        for entry in manifest["recipe"]["sources"]
    ]
    return {**manifest, "recipe": {**manifest["recipe"], "sources": sources}}


class _Again:
    """Takes the rows of a retry: those with a score, and those that failed once more."""

    def __init__(self, folder: Path, failed: Path) -> None:
        self.folder = folder
        self.end = 0
        self.seconds = 0.0
        self.indices: list[int] = []
        """Place among the samples of the input, for each row of the side file."""
        self._scored = (folder / "scored.jsonl").open("w", encoding="utf-8")
        self._failed = (folder / failed.name).open("w", encoding="utf-8")
        self._taken = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """A row that has a score now."""
        self._write(self._scored, row)

    def add_failed(self, row: Mapping[str, JSON], index: int) -> None:
        """A row that failed once more; ``index`` is its place in the side file."""
        del index  # both kinds are counted here
        self._write(self._failed, row)

    def add_bad(self, row: Mapping[str, JSON]) -> None:
        """Never called: the side file holds samples."""
        raise AssertionError(f"a bad row in a side file: {row!r:.80}")

    def _write(self, file: IO[str], row: Mapping[str, Any]) -> None:
        file.write(json.dumps({"index": self.indices[self._taken], **row}) + "\n")
        self._taken += 1

    def commit(self, end: int, state: Mapping[str, JSON]) -> None:
        """Nothing is kept before the end."""
        self.end, self.seconds = end, state["seconds"]

    def close(self) -> None:
        """Have both files on the disk."""
        for file in (self._scored, self._failed):
            with file:
                file.flush()
                os.fsync(file.fileno())


def _score(
    parts: Parts,
    folder: Path,
    tally: Tally,
    engine: Engine,
    *,
    cut: Cut,
    progress: Silent,
) -> _Again:
    again = _Again(folder, parts.failed_rows)
    timings = "seconds" in next(_rows(parts.failed_rows))
    ledger = Ledger(again, tally, cut, timings=timings)
    waiting: deque[Sample] = deque()

    def samples() -> Iterator[Sample]:
        for row in _rows(parts.failed_rows):
            again.indices.append(int(row["index"]))
            waiting.append(sample_of_record(row))
            yield waiting[-1]

    progress.start(str(parts.failed_rows), "a side file: what failed is tried again", None, 0)
    for reward in engine.stream(samples()):
        if reward.stop:
            raise RunStopped(f"stopped: {reward.stop}")
        ledger.add((waiting.popleft(), reward))
        progress.show(tally)
    ledger.close(complete=True)
    again.close()
    return again


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a file of ours; raises ``ConfigError`` for one that was changed by hand."""
    for number, row in open_dataset(str(path)).rows():
        if isinstance(row, Unreadable):
            raise ConfigError(f"{path}: line {number}: {row.why}; it is no file of assay score")
        yield row


def _merge(parts: Parts, form: Format, folder: Path, again: _Again, tally: Tally) -> None:
    """Write OUT anew with the recovered rows in their places, and count what is in it."""
    shard = form.shard(folder / "shard.tmp")
    for row in _in_order(parts.output, folder / "scored.jsonl", set(again.indices)):
        shard.add(row)
        tally.add(row["group"], reward_of_record(row))
    shard.close()
    form.merge([folder / "shard.tmp"], folder / parts.output.name)


def _in_order(output: Path, recovered: Path, were_missing: set[int]) -> Iterator[Mapping[str, Any]]:
    """The rows of both files by their place in the input."""
    old, index = _rows(output), 0
    waiting = _rows(recovered)
    new = next(waiting, None)
    while True:
        if index not in were_missing:
            row = next(old, None)
            if row is None:
                break
            yield row
        elif new is not None and new["index"] == index:
            yield {name: value for name, value in new.items() if name != "index"}
            new = next(waiting, None)
        index += 1


def _count_failed(path: Path, tally: Tally) -> None:
    for row in _rows(path):
        tally.add(row["group"], reward_of_record(row), failed=True)


def _finish(parts: Parts, folder: Path, report: dict[str, JSON]) -> None:
    """Put the new files in the place of the old ones, all together."""
    output, failed = folder / parts.output.name, folder / parts.failed_rows.name
    report["bytes"] = output.stat().st_size
    with (folder / parts.report.name).open("w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    names = [parts.output.name, parts.report.name]
    if failed.stat().st_size:
        finish_swap(parts.output, [*names, failed.name])
    else:
        finish_swap(parts.output, names, removed=[failed.name])
