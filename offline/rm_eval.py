"""Any sources on data whose better answers are known: judges, verifiers and reward models in one
table.

Pairs as RewardBench has them (``prompt``, ``chosen``, ``rejected``, ``subset``), also with several
answers on a side; or groups of answers with a truth each, for best-of-N curves. What is measured of
a pair is what ``judge_eval`` measures; the truth never reaches a source.

Not covered: resuming (caches of sources do), and weights of subsets.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from ..core.agreement import Rate
from ..core.errors import ConfigError, DataError
from ..core.recipe import Recipe
from ..core.registry import Registry
from ..core.statistics import best_of_n
from ..core.types import JSON, Sample, Verdict
from .columns import find_layout
from .judge_eval import (
    EvalOptions,
    Judge,
    couple,
    judged_pairs,
    pair_layout,
    placed,
    readable_rows,
)
from .judge_measures import JudgedPair, pair_measures
from .labels import LABEL_NAMES, read_label
from .progress import Silent
from .read import Dataset, open_dataset

__all__ = ["RmEvalOptions", "best_of_curve", "evaluate_sources", "recipe_of"]

_TRUTHS = ("truth", "true_score", *LABEL_NAMES)


@dataclass(frozen=True, slots=True, kw_only=True)
class RmEvalOptions:
    """What ``evaluate_sources`` may be told besides its data and the sources."""

    subset: str = "subset"
    """The column of categories, where there is one."""
    truth: str | None = None
    """The column of truths in groups; None: found by name."""
    swap: bool = True
    """Ask about pairs in both orders, where the source sees several answers at a time."""
    limit: int | None = None
    plugins: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    split: str | None = None
    workers: int | None = None

    @property
    def asking(self) -> EvalOptions:
        """The same, for asking one source."""
        return EvalOptions(
            pairs=True,
            swap=self.swap,
            limit=self.limit,
            plugins=self.plugins,
            columns=self.columns,
            split=self.split,
            workers=self.workers,
        )


def recipe_of(word: str) -> Recipe:
    """A recipe file, the name of a source, or a folder with a reward model in it."""
    if (Path(word) / "config.json").is_file():
        name = Path(word).resolve().name
        entry = {"use": "rm.bradley_terry", "as": name, "model": word}
        return Recipe.model_validate({"name": name, "sources": [entry]})
    return Recipe.read(word)


def evaluate_sources(
    data: str,
    recipes: Sequence[Recipe],
    options: RmEvalOptions,
    progress: Silent | None = None,
) -> dict[str, JSON]:
    """Every source of the recipes on the same rows, as JSON; ``docs/reward_models.md`` explains it.

    Raises ``ConfigError`` before anything is asked, ``DataError`` for a row that cannot be read,
    ``RunStopped`` where a source ends the run.
    """
    dataset, shown = open_dataset(data, split=options.split), progress or Silent()
    judges = dict(_judges(recipes, options, shown))
    names = dataset.names()
    if {"chosen", "rejected"} <= set(names):
        rows = _pair_rows(dataset, options)
        found: dict[str, JSON] = {n: _measure_pairs(j, rows) for n, j in judges.items()}
        return {"data": dataset.name, "kind": "pairs", "rows": len(rows), "sources": found}
    truths = _truth_column(names, options.truth, dataset.name)
    answers = _answers(dataset, truths, options)
    found = {name: _measure_groups(judge, answers) for name, judge in judges.items()}
    return {"data": dataset.name, "kind": "groups", "rows": len(answers), "sources": found}


def _judges(
    recipes: Sequence[Recipe], options: RmEvalOptions, progress: Silent
) -> Iterator[tuple[str, Judge]]:
    """(name in the table, source) of every source of every recipe; equal names are numbered."""
    given = [(recipe, entry) for recipe in recipes for entry in recipe.sources]
    names = [entry.name for _, entry in given]
    for number, (recipe, entry) in enumerate(given):
        registry = Registry.load((*recipe.plugins, *options.plugins))
        source = registry.sources[entry.use]
        unique = names.count(entry.name) == 1
        name = entry.name if unique else f"{entry.name}#{names[:number].count(entry.name) + 1}"
        yield name, Judge(recipe, source, entry, options.asking, progress)


# pairs -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _PairRow:
    """One row: its pairs, and the category."""

    couples: list[tuple[Sample, Sample]]
    subset: str


def _pair_rows(dataset: Dataset, options: RmEvalOptions) -> list[_PairRow]:
    layout = pair_layout(dataset, options.columns)
    rows = []
    for place, row in readable_rows(dataset, options.limit):
        sides = [_side(row.get(name)) for name in ("chosen", "rejected")]
        couples = [
            couple(layout, {**row, "chosen": good, "rejected": bad}, f"{place} {i}.{j}")
            for i, good in enumerate(sides[0])
            for j, bad in enumerate(sides[1])
        ]
        rows.append(_PairRow(couples, str(row.get(options.subset) or "")))
    if not any(row.couples for row in rows):
        raise DataError(f"{dataset.name}: no pair to compare")
    return rows


def _side(value: Any) -> list[Any]:
    """The answers of one side: one, or several as RewardBench 2 has them."""
    messages = isinstance(value, list) and value and all(isinstance(m, Mapping) for m in value)
    return list(value) if isinstance(value, list) and not messages else [value]


def _measure_pairs(judge: Judge, rows: Sequence[_PairRow]) -> dict[str, JSON]:
    flat = [couple for row in rows for couple in row.couples]
    [said] = [judged_pairs(judge, scorer, flat) for scorer in judge.passes()]
    pairs = iter(said)
    by_row = [[next(pairs) for _ in row.couples] for row in rows]
    found: dict[str, JSON] = {**pair_measures(said), **_rows_right(by_row)}
    subsets: dict[str, list[JudgedPair]] = {}
    for row, own in zip(rows, by_row, strict=True):
        if row.subset:
            subsets.setdefault(row.subset, []).extend(own)
    if subsets:
        parts = {name: _part(own) for name, own in sorted(subsets.items())}
        shares = [
            p["accuracy"]["rate"] for p in parts.values() if p["accuracy"]["rate"] is not None
        ]
        found |= {"subsets": parts, "mean_of_subsets": fmean(shares) if shares else None}
    return {**found, **judge.facts([[]])}


def _part(pairs: Sequence[JudgedPair]) -> dict[str, Any]:
    whole = pair_measures(pairs)
    kept = ("pairs", "judged", "accuracy", "accuracy_of_decided", "ties")
    return {name: whole[name] for name in kept} | {"matched": whole["length"]["matched"]}


def _rows_right(by_row: Sequence[Sequence[JudgedPair]]) -> dict[str, JSON]:
    """Rows of several answers whose every good one wins against every bad one."""
    if all(len(pairs) == 1 for pairs in by_row):
        return {}
    said = [[pair.outcome() for pair in pairs] for pairs in by_row]
    judged = [row for row in said if row and all(one is not None for one in row)]
    right = sum(all(one == 1 for one in row) for row in judged)
    return {"rows_right": Rate(right, len(judged)).to_json()}


# groups with truths ------------------------------------------------------------------------


def _truth_column(names: Sequence[str], wanted: str | None, where: str) -> str:
    known = [name for name in ([wanted] if wanted else _TRUTHS) if name in names]
    if known:
        return known[0]
    raise ConfigError(
        f"{where}: needs chosen and rejected, or answers with a truth each (columns:"
        f" {', '.join(names)}); name that with --truth COLUMN"
    )


def _answers(dataset: Dataset, truth: str, options: RmEvalOptions) -> list[tuple[Sample, float]]:
    names = [name for name in dataset.names() if name != truth]
    layout = find_layout(names, options.columns, dataset.name)
    found = []
    for place, row in readable_rows(dataset, options.limit):
        rest = {name: value for name, value in row.items() if name != truth}
        found.append((placed(layout, rest, place), read_label(row.get(truth), truth, place)))
    if not found:
        raise DataError(f"{dataset.name}: holds no answer")
    return found


def _measure_groups(judge: Judge, answers: Sequence[tuple[Sample, float]]) -> dict[str, JSON]:
    samples = [sample for sample, _ in answers]
    [said] = [judge.ask(scorer, samples, [None] * len(samples)) for scorer in judge.passes()]
    groups: dict[str, list[tuple[float, float]]] = {}
    for (sample, truth), verdict in zip(answers, said, strict=True):
        if verdict.score is not None:
            groups.setdefault(sample.group_key, []).append((verdict.score, truth))
    judged = list(groups.values())
    return {
        "answers": len(answers),
        "judged": sum(map(len, judged)),
        "unjudged": _unjudged(said),
        "prompts": len(judged),
        **_order(judged),
        "best_of": best_of_curve(judged),
        **judge.facts([[]]),
    }


def _unjudged(said: Sequence[Verdict]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for verdict in said:
        if verdict.score is None:
            counts[verdict.status.value] = counts.get(verdict.status.value, 0) + 1
    return counts


def _order(groups: Sequence[Sequence[tuple[float, float]]]) -> dict[str, JSON]:
    """Every two answers to a prompt of different truth: whether the better one scores more."""
    right = ties = total = 0
    for group in groups:
        for score, truth in group:
            for other, less in group:
                if truth > less:
                    total += 1
                    right += score > other
                    ties += score == other
    return {
        "accuracy": Rate(right, total).to_json(),
        "accuracy_of_decided": Rate(right, total - ties).to_json(),
        "ties": Rate(ties, total).to_json(),
    }


def best_of_curve(groups: Sequence[Sequence[tuple[float, float]]]) -> list[dict[str, JSON]]:
    """What the best of n by score is truly worth, for n = 1, 2, 4... over prompts with so many.

    ``groups``: (score, truth) of the answers to each prompt. ``share``: of the way from a random
    choice to the oracle's; ``kl``: log n - (n - 1)/n, how far the best of n is from the policy at
    most (Stiennon et al. 2020; Gao et al. 2022, arXiv 2210.10760); where truth falls while score
    rises along it, the proxy is over-optimised.
    """
    found: list[dict[str, JSON]] = []
    n = 1
    while groups and n <= max(map(len, groups)):
        wide = [group for group in groups if len(group) >= n]
        columns = [([s for s, _ in g], [t for _, t in g]) for g in wide]
        truth = fmean(best_of_n(scores, truths, n) for scores, truths in columns)
        oracle = fmean(best_of_n(truths, truths, n) for _, truths in columns)
        random = fmean(fmean(truths) for _, truths in columns)
        found.append(
            {
                "n": n,
                "score": fmean(best_of_n(scores, scores, n) for scores, _ in columns),
                "truth": truth,
                "oracle": oracle,
                "random": random,
                "share": (truth - random) / (oracle - random) if oracle > random else None,
                "kl": math.log(n) - (n - 1) / n,
                "prompts": len(wide),
            }
        )
        n *= 2
    return found
