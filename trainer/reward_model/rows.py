"""What a reward model learns from: pairs, rankings and ratings, from files, datasets and tasks.

Columns, as TRL has them where it has them: ``prompt``, ``chosen``, ``rejected``, ``margin``; or
``prompt``, ``completions`` (best first, or any order with ``ranks``); or ``prompt``,
``completion``, ``rating``. Texts, or chat messages (also as JSON text). All rows of a prompt are on
one side, learned from or held out.

Not covered: images in messages; ranks that come from several raters (give each a row).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import ConfigError, DataError
from ...core.registry import Registry
from ...core.types import Sample, canonical_json
from ..config import TrainingRecipe
from ..data import open_rows
from ..rounds.rows import text_or_messages
from .config import RewardModelConfig

__all__ = ["Comparison", "Duel", "Split", "comparison_of", "load_split", "pairs_of"]

_LAYOUTS = {
    "bradley_terry": "chosen and rejected, or completions",
    "plackett_luce": "completions, or chosen and rejected",
    "regression": "completion and rating",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Answers to one prompt, and what somebody thought of them."""

    prompt: Any
    completions: tuple[Any, ...]
    worth: tuple[float, ...]
    """Higher is better: 1 and 0 for a pair, minus the rank, or the rating."""
    margin: float | None = None
    """By how much the chosen one is to win, for pairs."""
    subset: str = ""
    rater: str = ""

    @property
    def samples(self) -> list[Sample]:
        """The answers as samples, which is how a reward model reads them."""
        return [Sample(prompt=self.prompt, completion=text) for text in self.completions]

    @property
    def prompt_key(self) -> str:
        """Equal for equal prompts; of whole conversations, for equal first messages."""
        first = self.completions[0]
        asked = self.prompt or (first[:1] if isinstance(first, list) else "")
        return canonical_json(asked)


@dataclass(frozen=True, slots=True)
class Duel:
    """Two answers, each as (number of its row, place in it)."""

    better: tuple[int, int]
    worse: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Split:
    """Comparisons in two sets that share no prompt."""

    train: list[Comparison]
    held_out: list[Comparison]

    @property
    def raters(self) -> list[str]:
        """Everyone who compared, sorted."""
        return sorted({row.rater for row in (*self.train, *self.held_out) if row.rater})


def load_split(recipe: TrainingRecipe) -> Split:
    """The rows of ``data``: ``n_eval`` held out, then up to ``n_train`` to learn from.

    Raises ``ConfigError`` and ``DataError``, naming the row and the column.
    """
    data, seen = recipe.data, set[str]()
    rows = _rows(recipe)
    held_out = list(itertools.islice(rows, data.n_eval))
    seen = {row.prompt_key for row in held_out}
    fresh = (row for row in rows if row.prompt_key not in seen)
    train = list(itertools.islice(fresh, data.n_train))
    if len(held_out) < data.n_eval or not train:
        raise ConfigError(
            f"data: {len(held_out) + len(train)} rows are too few to hold out {data.n_eval} and"
            " learn from others with other prompts; lower n_eval, or give more"
        )
    _check_one_kind([*held_out, *train])
    return Split(train, held_out)


def _check_one_kind(rows: Sequence[Comparison]) -> None:
    with_margin = {row.margin is not None for row in rows}
    if len(with_margin) > 1:
        raise DataError("data: some rows have a margin and some have none; give all or none")


def _rows(recipe: TrainingRecipe) -> Iterator[Comparison]:
    """Those of a task in its order; those of a dataset prompt by prompt, prompts shuffled."""
    data, settings = recipe.data, recipe.trainer.reward_model
    if data.task is not None:
        task = Registry.load(recipe.plugins).tasks[data.task.use]
        stream = task.stream(recipe.seed, data.task.settings)
        place = f"task {data.task.use}: problem"
        raw: Iterable[Mapping[str, Any]] = ({"prompt": s.prompt, **s.extra} for s in stream)
        return _read(raw, settings, place)
    found = _read(open_rows(data), settings, f"data.path {data.path}: row")
    groups: dict[str, list[Comparison]] = {}
    for row in found:
        groups.setdefault(row.prompt_key, []).append(row)
    order = list(groups)
    random.Random(recipe.seed).shuffle(order)  # noqa: S311 - one seed must give one order
    return itertools.chain.from_iterable(groups[key] for key in order)


def _read(
    raw: Iterable[Mapping[str, Any]], settings: RewardModelConfig, place: str
) -> Iterator[Comparison]:
    for number, row in enumerate(raw, start=1):
        yield comparison_of(row, settings, f"{place} {number}")


def comparison_of(row: Mapping[str, Any], settings: RewardModelConfig, where: str) -> Comparison:
    """One row, checked; ``where`` begins the message of its ``DataError``."""
    ranked = settings.loss != "regression"
    names = {name for name, value in row.items() if value is not None}
    if ranked and {"chosen", "rejected"} <= names:
        completions, worth = _pair(row, where)
    elif ranked and "completions" in names:
        completions, worth = _ranking(row, settings, where)
    elif not ranked and {"completion", "rating"} <= names:
        completions = (text_or_messages(row["completion"], "completion", where),)
        worth = (_number(row["rating"], "rating", where),)
    else:
        raise DataError(
            f"{where}: loss {settings.loss} learns from {_LAYOUTS[settings.loss]}, and there are"
            f" {', '.join(sorted(names)) or 'no columns'}"
        )
    margin = row.get("margin") if len(completions) == 2 else None
    return Comparison(
        prompt=text_or_messages(row["prompt"], "prompt", where) if "prompt" in names else "",
        completions=completions,
        worth=worth,
        margin=None if margin is None else _number(margin, "margin", where),
        subset=str(row.get(settings.slices) or ""),
        rater=str(row.get(settings.raters) or ""),
    )


def _pair(row: Mapping[str, Any], where: str) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    chosen, rejected = (text_or_messages(row[name], name, where) for name in ("chosen", "rejected"))
    if chosen == rejected:
        raise DataError(f"{where}: chosen and rejected are equal, so nothing can be learned")
    return (chosen, rejected), (1.0, 0.0)


def _ranking(
    row: Mapping[str, Any], settings: RewardModelConfig, where: str
) -> tuple[tuple[Any, ...], tuple[float, ...]]:
    """Answers from the best on; equal ranks are ties, which Plackett-Luce does not have."""
    given = row["completions"]
    texts = (
        [text_or_messages(text, "completions", where) for text in given] if _is_list(given) else []
    )
    ranks = row.get("ranks")
    places = list(range(len(texts))) if ranks is None else list(ranks) if _is_list(ranks) else []
    if len(texts) < 2 or len(places) != len(texts):
        raise DataError(
            f"{where}: completions must be a list of two answers and more, with as many ranks where"
            f" there are ranks, got {len(texts)} and {len(places)}"
        )
    worth = [-_number(place, "ranks", where) for place in places]
    distinct = len(set(worth))
    if distinct < 2 or (settings.loss == "plackett_luce" and distinct < len(worth)):
        ties = "equal ranks, which plackett_luce does not have" if distinct > 1 else "equal ranks"
        raise DataError(f"{where}: {ties}; take bradley_terry, or leave the row out")
    order = sorted(range(len(texts)), key=lambda i: -worth[i])
    return tuple(texts[i] for i in order), tuple(worth[i] for i in order)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _number(value: Any, column: str, where: str) -> float:
    number = float(value) if isinstance(value, int | float) else math.nan
    if not math.isfinite(number):
        raise DataError(f"{where}: column {column!r}: must be a finite number, got {value!r:.80}")
    return number


# pairs among answers ------------------------------------------------------------------------


def pairs_of(rows: Sequence[Comparison]) -> list[Duel]:
    """Every two answers to one prompt of which one is known to be better.

    Within a row; ratings, which have a row each, within a prompt.
    """
    groups: dict[Any, list[tuple[int, int]]] = {}
    for number, row in enumerate(rows):
        key = row.prompt_key if len(row.completions) == 1 else number
        groups.setdefault(key, []).extend((number, i) for i in range(len(row.completions)))
    return [
        Duel(better=a, worse=b)
        for places in groups.values()
        for a, b in itertools.permutations(places, 2)
        if rows[a[0]].worth[a[1]] > rows[b[0]].worth[b[1]]
    ]
