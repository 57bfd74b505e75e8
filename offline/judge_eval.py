"""Ask a judge about answers whose worth is known, and measure it.

Answers come with a label each, or in pairs of which one is better. Any source can be measured. The
label never reaches the source. Pairs go to sources that see several answers at a time in both
orders; with ``seeds`` everything is asked so many times.

Not covered: several sources at once, resuming: replies that were paid for lie in the judge's own
cache (``judge.folder``), so that a second run costs nothing.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..core.errors import ConfigError, DataError, RunStopped, did_you_mean
from ..core.item_health import ItemTable, rubric_row
from ..core.recipe import Recipe, SourceEntry
from ..core.registry import Registry
from ..core.scorer import Scorer
from ..core.source import Source
from ..core.types import JSON, Sample, Status, Verdict
from .columns import Layout, find_layout
from .judge_measures import (
    Judged,
    JudgedPair,
    consistency,
    costs,
    label_measures,
    outcomes,
    pair_measures,
)
from .labels import LABEL_NAMES, read_label
from .progress import Silent
from .read import Dataset, Unreadable, open_dataset

__all__ = [
    "EvalOptions",
    "Judge",
    "couple",
    "evaluate_judge",
    "judged_pairs",
    "pair_layout",
    "placed",
    "readable_rows",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalOptions:
    """What ``evaluate_judge`` may be told besides its data and the judge."""

    source: str | None = None
    """Which of the recipe's sources; needed where it has several."""
    label: str | None = None
    """The column of labels; None: found by name."""
    pairs: bool = False
    """The data hold ``chosen`` and ``rejected`` in place of answers with labels."""
    bar: float | None = None
    """The score from which the judge accepts, in place of its own bar."""
    good_from: float | None = None
    """The label from which an answer is good, where labels are grades."""
    seeds: int = 1
    """How often everything is asked; the source's ``seed``, if it has one, counts up from 0."""
    swap: bool = True
    """Ask about pairs in both orders, where the source sees several answers at a time."""
    limit: int | None = None
    """Rows to read; None: all."""
    plugins: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    workers: int | None = None


def evaluate_judge(
    data: str, recipe: Recipe, options: EvalOptions, progress: Silent | None = None
) -> dict[str, JSON]:
    """What is to be known of a judge, as JSON; ``docs/judging.md`` explains every key.

    Raises ``ConfigError`` before anything is asked, ``DataError`` for a row that cannot be read,
    ``RunStopped`` where the judge ends the run (its budget is spent).
    """
    dataset = open_dataset(data, split=options.split)
    source, entry = _chosen(recipe, options)
    judge = Judge(recipe, source, entry, options, progress or Silent())
    found: dict[str, JSON] = {"data": dataset.name, "source": entry.name}
    found["version"] = source.version_with(entry.settings)
    measure = _measure_pairs if options.pairs else _measure_labels
    return found | measure(dataset, judge, options)


def _chosen(recipe: Recipe, options: EvalOptions) -> tuple[Source, SourceEntry]:
    """The source that is measured, and its entry."""
    if options.seeds < 1:
        raise ConfigError(f"--seeds: must be >= 1, got {options.seeds}")
    entries = {entry.name: entry for entry in recipe.sources}
    if options.source is None and len(entries) > 1:
        raise ConfigError(
            f"recipe {recipe.name!r} has several sources; say which one is the judge with --source"
            f" (known: {', '.join(sorted(entries))})"
        )
    name = options.source or next(iter(entries))
    if name not in entries:
        raise ConfigError(f"--source: no source {name!r}{did_you_mean(name, entries)}")
    registry = Registry.load((*recipe.plugins, *options.plugins))
    return registry.sources[entries[name].use], entries[name]


@dataclass(slots=True)
class Judge:
    """The source, asked as often as it takes; keeps every verdict's bill."""

    recipe: Recipe
    source: Source
    entry: SourceEntry
    options: EvalOptions
    progress: Silent
    verdicts: list[Verdict] = field(default_factory=list)
    """Of all passes, without evidence."""
    items: ItemTable = field(default_factory=ItemTable)
    seconds: float = 0.0

    @property
    def turns_pairs(self) -> bool:
        """Whether the order of answers can matter to it, and is to be measured."""
        return self.source.arity != "sample" and self.options.swap

    def passes(self) -> Iterator[Scorer]:
        """A scorer for each seed, one after the other."""
        for seed in range(self.options.seeds):
            with Scorer(
                self._alone(seed), plugins=self.options.plugins, workers=self.options.workers
            ) as scorer:
                yield scorer

    def _alone(self, seed: int) -> Recipe:
        entry = self.entry
        if self.options.seeds > 1 and "seed" in self.source.config.model_fields:
            given = entry.model_dump(by_alias=True, exclude_unset=True)
            entry = SourceEntry.model_validate({**given, "seed": seed})
        return Recipe(name=self.recipe.name, plugins=self.recipe.plugins, sources=(entry,))

    def ask(
        self, scorer: Scorer, samples: Sequence[Sample], labels: Sequence[float | None]
    ) -> list[Verdict]:
        """One verdict for each sample; ``labels`` are for the health of a rubric's items."""
        started, said = time.monotonic(), list[Verdict]()
        for reward, label in zip(scorer.stream(samples), labels, strict=True):
            if reward.stop:
                raise RunStopped(
                    f"stopped after {len(self.verdicts)} verdicts: {reward.stop}\nnothing was"
                    " measured; replies that were paid for are kept in the judge's folder"
                )
            verdict = reward.verdicts.get(self.entry.name) or _not_routed()
            row = rubric_row(verdict.parts, verdict.evidence, label)
            if row is not None and verdict.score is not None:
                self.items.add(row)
            said.append(replace(verdict, evidence={}, parts={}, steps=()))
            self.verdicts.append(said[-1])
        self.seconds += time.monotonic() - started
        return said

    def facts(self, runs: Sequence[Sequence[Any]]) -> dict[str, JSON]:
        """What every evaluation ends with: consistency, items, costs."""
        found: dict[str, JSON] = {}
        if len(runs) > 1:
            found["consistency"] = consistency(runs)
        health = self.items.health()
        if health:
            found["items"] = [one.to_json() for one in health]
        return {**found, "cost": costs(self.verdicts, self.seconds)}


def _not_routed() -> Verdict:
    return Verdict.unscored(Status.ABSTAINED, "the recipe's when sends it elsewhere")


# answers with labels -----------------------------------------------------------------------


def _measure_labels(dataset: Dataset, judge: Judge, options: EvalOptions) -> dict[str, JSON]:
    names = dataset.names()
    column = _label_column(names, options.label, dataset.name)
    layout = find_layout([n for n in names if n != column], options.columns, dataset.name)
    judge.progress.start(dataset.name, f"{layout}; label: {column}", None, 0)
    rows, unlabelled = _labelled(dataset, layout, column, options.limit)
    samples, labels = [sample for sample, _ in rows], [label for _, label in rows]
    unit = all(0.0 <= label <= 1.0 for label in labels)
    good = options.good_from
    held = [
        (label if good is None else float(label >= good)) if unit or good is not None else None
        for label in labels
    ]
    runs = [
        [
            Judged(verdict=verdict, label=label, chars=len(sample.text))
            for verdict, sample, label in zip(
                judge.ask(scorer, samples, held), samples, labels, strict=True
            )
        ]
        for scorer in judge.passes()
    ]
    found = label_measures(runs[0], bar=options.bar, good_from=options.good_from)
    said = [outcomes(run, options.bar) for run in runs]
    return {"label": column, "without_label": unlabelled, **found, **judge.facts(said)}


def _label_column(names: Sequence[str], wanted: str | None, where: str) -> str:
    if wanted is not None:
        if wanted not in names:
            raise ConfigError(
                f"{where}: --label {wanted}: no such column{did_you_mean(wanted, names)}"
            )
        return wanted
    found = [name for name in LABEL_NAMES if name in names]
    if len(found) == 1:
        return found[0]
    why = f"{', '.join(found)} may each hold the labels" if found else "no column holds labels"
    raise ConfigError(f"{where}: {why} (columns: {', '.join(names)}); name it with --label COLUMN")


def _labelled(
    dataset: Dataset, layout: Layout, column: str, limit: int | None
) -> tuple[list[tuple[Sample, float]], int]:
    """The samples with their labels, and how many rows had none. The label is kept from sources."""
    found: list[tuple[Sample, float]] = []
    without = 0
    for place, row in readable_rows(dataset, limit):
        value = row.get(column)
        if value is None or value == "":
            without += 1
            continue
        rest = {key: held for key, held in row.items() if key != column}
        found.append((placed(layout, rest, place), read_label(value, column, place)))
    if not found:
        raise DataError(f"{dataset.name}: no row has a label in the column {column!r}")
    return found, without


def readable_rows(dataset: Dataset, limit: int | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where it stands, row); raises ``DataError`` for a row that cannot be read."""
    for number, row in itertools.islice(dataset.rows(), limit):
        place = f"{dataset.name}: {dataset.unit} {number}"
        if isinstance(row, Unreadable):
            raise DataError(f"{place}: {row.why}")
        yield place, row


def placed(layout: Layout, row: Mapping[str, Any], place: str) -> Sample:
    """A row as a sample; raises ``DataError`` that says where the row stands."""
    try:
        return layout.sample(row)
    except DataError as error:
        raise DataError(f"{place}: {error}") from None


# pairs -------------------------------------------------------------------------------------


def _measure_pairs(dataset: Dataset, judge: Judge, options: EvalOptions) -> dict[str, JSON]:
    layout = pair_layout(dataset, options.columns)
    judge.progress.start(dataset.name, f"{layout}; pairs: chosen, rejected", None, 0)
    couples = [couple(layout, row, place) for place, row in readable_rows(dataset, options.limit)]
    runs = [judged_pairs(judge, scorer, couples) for scorer in judge.passes()]
    said = [[pair.outcome() for pair in run] for run in runs]
    return {**pair_measures(runs[0]), **judge.facts(said)}


def pair_layout(dataset: Dataset, columns: Mapping[str, str]) -> Layout:
    """How rows with ``chosen`` and ``rejected`` are read; raises ``ConfigError``."""
    names = dataset.names()
    lacking = [name for name in ("chosen", "rejected") if name not in names]
    if lacking:
        raise ConfigError(
            f"{dataset.name}: --pairs needs the columns chosen and rejected, and {lacking[0]!r} is"
            f" not there (columns: {', '.join(names) or 'none'})"
        )
    others = [name for name in names if name != "rejected"]
    return find_layout(others, {"completion": "chosen", **columns}, dataset.name)


def couple(layout: Layout, row: Mapping[str, Any], place: str) -> tuple[Sample, Sample]:
    """(chosen, rejected) as samples that tell nobody which is which."""
    rest = {key: value for key, value in row.items() if key not in ("chosen", "rejected")}
    chosen, rejected = row.get("chosen"), row.get("rejected")
    if "prompt" not in layout.columns and isinstance(chosen, list) and isinstance(rejected, list):
        shared = _shared(chosen, rejected)
        rest["prompt"], chosen, rejected = chosen[:shared], chosen[shared:], rejected[shared:]
        layout = replace(layout, columns={**layout.columns, "prompt": "prompt"})
    made = [placed(layout, {**rest, "chosen": one}, place) for one in (chosen, rejected)]
    return replace(made[0], id="", group=place), replace(made[1], id="", group=place)


def _shared(a: Sequence[Any], b: Sequence[Any]) -> int:
    """How many messages two conversations begin with in common; at least one is left to each."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False))
    return min(sum(1 for _ in same), len(a) - 1, len(b) - 1)


def judged_pairs(
    judge: Judge, scorer: Scorer, couples: Sequence[tuple[Sample, Sample]]
) -> list[JudgedPair]:
    """Every pair judged, in both orders where that may matter."""
    first = _by_pair(judge, scorer, couples)
    last: list[Any] = [None] * len(couples)
    if judge.turns_pairs:
        turned = _by_pair(judge, scorer, [(rejected, chosen) for chosen, rejected in couples])
        last = [(chosen, rejected) for rejected, chosen in turned]
    return [
        JudgedPair(
            chosen=said[0],
            rejected=said[1],
            swapped=other,
            chars=(len(couple[0].text), len(couple[1].text)),
        )
        for couple, said, other in zip(couples, first, last, strict=True)
    ]


def _by_pair(
    judge: Judge, scorer: Scorer, couples: Sequence[tuple[Sample, Sample]]
) -> list[tuple[Verdict, Verdict]]:
    flat = [sample for couple in couples for sample in couple]
    said = judge.ask(scorer, flat, [None] * len(flat))
    return list(zip(said[::2], said[1::2], strict=True))
