"""Score a file: rows in, scored rows out, in bounded memory, safe against ``kill -9``.

What a row gets here is what the trainer would have seen: both go through ``Scorer``. The same
command, given again, goes on where a killed run stopped, and leaves a finished output as it is.
What a fault left unscored stands in ``OUT.failed.jsonl`` and can be tried again (``retry``).

Not covered: several machines, other than by parts of the input; choosing rows by their score.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import AssayError, ConfigError, DataError, RunStopped
from ..core.recipe import Recipe
from ..core.records import record
from ..core.scorer import Scorer
from ..core.types import JSON
from ..core.version import __version__
from .adapters import Reading, open_reading
from .adapters.find import PlainReading
from .adapters.reading import Gold
from .engines import LOCAL, Engine, EngineOptions, open_engine
from .ledger import SHARD_ROWS, Ledger, cut_of
from .parts import Parts, RunLock, differences
from .progress import Silent
from .read import Dataset, open_dataset
from .retry import retry_failed
from .stream import BadRows, Part, RowStream, Slice
from .tally import Tally
from .write import StandardOutput, format_of

__all__ = ["Outcome", "ScoreOptions", "open_input", "part_path", "score_file"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreOptions:
    """What ``score_file`` may be told besides its input, recipe and output."""

    plugins: tuple[str, ...] = ()
    """Modules to load by name, besides those the recipe names."""
    columns: Mapping[str, str] | None = None
    """Field of ``FIELDS`` -> column, over the recipe's; the rest is found."""
    adapter: str | None = None
    """The shape of the rows, over the recipe's; None: it is found."""
    gold: Gold | None = None
    """Score reference solutions in place of completions: each row's ``own``, or the ``next`` row's,
    which all should fail."""
    part: Part | None = None
    """Score one part of the input, into ``part_path(OUT, part)``."""
    retry: bool = False
    """Try again what faults left unscored in a finished output."""
    split: str | None = None
    """Of a Hugging Face dataset."""
    bad_rows: BadRows = "raise"
    """``raise`` stops at a row that cannot be read, keeping what is scored; ``skip`` sets it
    aside in ``OUT.bad.jsonl`` and goes on."""
    cache: Path | None = None
    """An SQLite file for verdicts, in place of the recipe's."""
    workers: int | None = None
    """Worker processes for each source that has any; None: what the recipe or the machine says."""
    engine: EngineOptions = LOCAL
    """Where samples are judged; with Ray, ``workers`` are those of each actor, by default 1."""
    timings: bool = False
    """Write ``seconds`` too; the output then differs from run to run."""
    shard_rows: int = SHARD_ROWS
    """Rows after which what is scored is made durable, at the latest."""
    overwrite: bool = False
    """Replace a finished output of the same name."""
    restart: bool = False
    """Give up the rows of an unfinished run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run over a file."""

    summary: Mapping[str, JSON]
    """Rows, pass rate, mean value, statuses and times; see ``Tally.summary``."""
    already_complete: bool = False
    """Nothing was done: the output was there, whole, of the same recipe and input."""

    @property
    def nothing_judged(self) -> bool:
        """Whether there were rows, and no source could judge a single one."""
        return bool(self.summary["rows"]) and not self.summary["judged"]


def score_file(
    source: str,
    recipe: Recipe,
    output: str,
    options: ScoreOptions | None = None,
    progress: Silent | None = None,
) -> Outcome:
    """Score every row of ``source`` into ``output``; see ``open_dataset`` and ``format_of``.

    Args:
        source: a file, a folder, a dataset's name, or ``-``.
        output: a file, its format told by the suffix; or ``-``, which cannot be resumed.
        progress: is shown what happens; by default nobody is.

    Raises ``ConfigError`` before anything ran, ``DataError`` for a row that cannot be read,
    ``ScoringError`` where the recipe asks for it, ``RunStopped`` where a source ends the run (its
    budget is spent). Rows scored until then are kept.
    """
    options, progress = options or ScoreOptions(), progress or Silent()
    dataset, reading = open_input(source, recipe, options)
    with (
        Scorer(
            recipe, plugins=options.plugins, cache=options.cache, workers=options.workers
        ) as scorer,
        open_engine(options.engine, scorer, workers=options.workers, cache=options.cache) as engine,
    ):
        run = _Run(dataset, reading, scorer, engine, options, progress)
        try:
            return run.to_standard_output() if output == "-" else run.to_file(Path(output))
        finally:
            progress.stop()


def open_input(source: str, recipe: Recipe, options: ScoreOptions) -> tuple[Dataset, Reading]:
    """A dataset and how its rows are read; raises ``ConfigError``."""
    dataset, said = open_dataset(source, split=options.split), recipe.input
    reading = open_reading(
        dataset.names(),
        dataset.peek(),
        dataset.name,
        chosen={**(said.columns if said else {}), **(options.columns or {})},
        adapter=options.adapter or (said.adapter if said else None),
        gold=options.gold,
    )
    return dataset, reading


def part_path(output: Path, part: Part) -> Path:
    """Where a part of OUT goes: ``out-00002-of-00008.parquet``; a folder of them reads as one."""
    return output.with_name(f"{output.stem}-{part.number:05d}-of-{part.of:05d}{output.suffix}")


@dataclass(frozen=True, slots=True)
class _Run:
    """One run over one dataset."""

    dataset: Dataset
    reading: Reading
    scorer: Scorer
    """Of the recipe: what its sources are. The engine judges."""
    engine: Engine
    options: ScoreOptions
    progress: Silent

    def to_standard_output(self) -> Outcome:
        if self.options.part or self.options.retry:
            raise ConfigError("-o -: --shard and --retry need a file to write; name one")
        out, tally, begun = StandardOutput(), Tally(self.scorer.names), time.monotonic()
        stream = RowStream(self.dataset, self.reading, self.options.bad_rows)
        self.progress.start(self.dataset.name, str(self.reading), None, 0)
        for entry in stream.entries(self.engine):
            if isinstance(entry, dict):
                tally.bad_rows += 1
                continue
            row = record(*entry, timings=self.options.timings)
            out.add(row)
            tally.add(row["group"], entry[1])
            self.progress.show(tally)
        out.close()
        tally.seconds = time.monotonic() - begun
        if stream.error is not None:
            raise stream.error
        return Outcome({**tally.summary(), "resumed_at": 0, "output": "-"})

    def to_file(self, path: Path) -> Outcome:
        if path.is_dir():
            raise ConfigError(f"-o {path}: is a folder; name a file in it")
        path = part_path(path, self.options.part) if self.options.part else path
        form = format_of(path, self.scorer.names, timings=self.options.timings)
        path.parent.mkdir(parents=True, exist_ok=True)
        manifest = self._manifest(path)
        with RunLock(path):
            parts = Parts(path, form)
            report = parts.finished_run()
            if self.options.retry:
                cut = cut_of(self.scorer.arities)
                found = retry_failed(
                    parts,
                    form,
                    report,
                    manifest,
                    names=self.scorer.names,
                    engine=self.engine,
                    cut=cut,
                    progress=self.progress,
                )
                return Outcome(found.summary, already_complete=found.nothing_to_do)
            if self._is_complete(path, parts, report, manifest):
                return Outcome(_mapping(report, "summary"), already_complete=True)
            parts.open(manifest, restart=self.options.restart, where=self.dataset.name)
            return self._score(parts, manifest)

    def _is_complete(
        self,
        path: Path,
        parts: Parts,
        report: Mapping[str, JSON] | None,
        manifest: Mapping[str, JSON],
    ) -> bool:
        """Whether OUT is what this run would write; raises ``ConfigError`` for another's."""
        if self.options.overwrite or parts.folder.exists() or not path.exists():
            return False
        if report is None:
            other = "not the output of assay score, or was changed since"
        elif differ := differences(_mapping(report, "run"), manifest):
            other = f"the finished output of another {', '.join(differ[:4])}"
        else:
            return True
        raise ConfigError(
            f"{path}: exists and is {other}; choose another name, or replace it with --overwrite"
        )

    def _manifest(self, path: Path) -> dict[str, JSON]:
        """What decides the rows of the output: runs with equal manifests give equal rows."""
        recipe, sources = self.scorer.recipe, self.scorer.registry.sources
        keys = {"compose", "shape", "passed_by", "on_fault", "on_sample_fault", "seed"}
        content = recipe.model_dump(mode="json", include=keys)
        content["sources"] = [entry.deciding(sources[entry.use]) for entry in recipe.sources]
        versions = {e.name: sources[e.use].version_with(e.settings) for e in recipe.sources}
        manifest: dict[str, JSON] = {
            "assay": __version__,
            "recipe": content,
            "versions": versions,
            "input": self.dataset.identity(),
            "columns": dict(self.reading.columns),
            "adapter": self.reading.adapter.name,
            "gold": self.reading.gold,
            "part": str(self.options.part) if self.options.part else None,
            "format": path.suffix.lower(),
            "timings": self.options.timings,
        }
        read: dict[str, JSON] = json.loads(json.dumps(manifest))  # as it will be read back
        return read

    def _score(self, parts: Parts, manifest: Mapping[str, JSON]) -> Outcome:
        tally = Tally(self.scorer.names)
        if parts.state is not None:
            tally.restore(parts.state)
        at, name, rows = parts.end, self.dataset.name, self._slice()
        self.progress.start(name, str(self.reading), self._total(rows), at)
        ledger = Ledger(
            parts,
            tally,
            cut_of(self.scorer.arities),
            timings=self.options.timings,
            shard_rows=self.options.shard_rows,
        )
        stream = RowStream(self.dataset, self.reading, self.options.bad_rows, at, rows)
        self._fill(ledger, stream, tally)
        self.dataset.check_unchanged()
        summary = {**tally.summary(), "resumed_at": at, "output": str(parts.output)}
        parts.finish({"run": dict(manifest), "summary": summary})
        return Outcome(summary)

    def _slice(self) -> Slice:
        """The rows of this part; raises ``ConfigError`` where an input cannot be parted."""
        part = self.options.part
        if part is None:
            return Slice()
        if "batch" in self.scorer.arities:
            raise ConfigError(
                "--shard: a source judges whole batches, and a part would have other batches than"
                " the whole; score such a recipe in one run"
            )
        if self.dataset.identity() is None:
            raise ConfigError(f"--shard: {self.dataset.name} cannot be read twice; save it first")
        total = self.dataset.total
        if total is None:
            total = sum(1 for _ in self.dataset.rows())
        return Slice(*part.bounds(total))

    def _total(self, rows: Slice) -> int | None:
        """Entries in all, about; None where that is not known."""
        total = self.dataset.total
        if rows != Slice():
            total = None if rows.end is None and total is None else (rows.end or total or 0)
            total = None if total is None else total - rows.first
        if total is None or isinstance(self.reading, PlainReading) or not self.dataset.unit:
            return total
        first = self.dataset.peek() if self.dataset.identity() is not None else []
        try:
            made = sum(len(self.reading.samples(row, row)) for row in first)
        except DataError:
            return total
        return round(total * made / len(first)) if first else total

    def _fill(self, ledger: Ledger, stream: RowStream, tally: Tally) -> None:
        """Score what is left; whatever ends this, the rows scored before are kept."""
        try:
            for entry in stream.entries(self.engine):
                ledger.add(entry)
                self.progress.show(tally)
        except RunStopped as stop:
            ledger.close(complete=False)
            raise RunStopped(f"{stop}\n{ledger.kept()}") from stop
        except AssayError:
            ledger.close(complete=False)
            raise
        ledger.close(complete=stream.error is None)
        if stream.error is not None:
            raise stream.error


def _mapping(report: Mapping[str, JSON] | None, key: str) -> dict[str, JSON]:
    value = (report or {}).get(key)
    return value if isinstance(value, dict) else {}
