"""Problems for training and for evaluation, and demonstrations for the warm start.

Held-out problems are taken first; no prompt is in both sets, and none is demonstrated. One seed
gives one set, on any machine.
Not covered: streaming datasets, and images in prompts.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bridges.columns import COLUMNS
from ..core.errors import ConfigError, DataError
from ..core.records import FIELDS, sample_of_row
from ..core.registry import Registry
from ..core.tasks import take_distinct
from ..core.types import Sample, canonical_json
from .config import DataConfig, TrainingRecipe

__all__ = ["Problems", "dataset_of", "demonstrations", "load_problems", "open_rows"]

_PROMPTS = ("prompt", "question", "problem", "query", "input")
_LOADERS = {".jsonl": "json", ".json": "json", ".parquet": "parquet", ".csv": "csv"}
_DEMONSTRATION = "demonstration"


@dataclass(frozen=True, slots=True)
class Problems:
    """Samples without completions, in two sets that share no prompt."""

    train: list[Sample]
    held_out: list[Sample]


def load_problems(recipe: TrainingRecipe) -> Problems:
    """The problems of a recipe; raises ``ConfigError`` and ``DataError``."""
    data, seen = recipe.data, set[str]()
    stream = _problems(recipe, {}, recipe.seed)
    held_out = take_distinct(stream, data.n_eval, seen=seen)
    return Problems(take_distinct(stream, data.n_train, seen=seen), held_out)


def demonstrations(recipe: TrainingRecipe, problems: Problems) -> Iterator[tuple[Any, str]]:
    """Endless (prompt, completion) pairs for the warm start, none of them on a held-out prompt.

    Raises ``ConfigError`` when the data has no demonstrations.
    """
    warm = recipe.model.warm_start
    apart = {canonical_json(problem.prompt) for problem in problems.held_out}
    if recipe.data.path is not None:
        return _again(_pairs(recipe, problems.train[: warm.examples]), recipe.seed)
    stream = _problems(recipe, warm.task, 1_000_003 * (recipe.seed + 1))
    fresh = (problem for problem in stream if canonical_json(problem.prompt) not in apart)
    if warm.examples is None:
        return _pairs(recipe, fresh)
    return _again(_pairs(recipe, take_distinct(fresh, warm.examples, seen=set())), recipe.seed)


def _pairs(recipe: TrainingRecipe, problems: Iterable[Sample]) -> Iterator[tuple[Any, str]]:
    """(prompt, completion) of problems; GRAPE's are of both its ways."""
    if recipe.trainer.algorithm != "grape":
        return map(_pair, problems)
    from .online.grape_lessons import lessons

    return lessons(recipe, problems)


def _problems(recipe: TrainingRecipe, more: Mapping[str, Any], seed: int) -> Iterator[Sample]:
    """The stream of a task, with some settings replaced, or the rows of a dataset, shuffled."""
    data = recipe.data
    if data.task is not None:
        task = Registry.load(recipe.plugins).tasks[data.task.use]
        return task.stream(seed, {**data.task.settings, **more})
    rows = list(_samples(data))
    random.Random(seed).shuffle(rows)  # noqa: S311 - one seed must give one order
    return iter(rows)


def _pair(problem: Sample) -> tuple[Any, str]:
    shown = problem.extra.get(_DEMONSTRATION)
    if not isinstance(shown, str):
        raise ConfigError(
            "model.warm_start: the data has no demonstrations (a text in extra['demonstration'],"
            f" or a column of that name), got {shown!r}; set steps to 0, or add them"
        )
    return problem.prompt, shown


def _again(pairs: Iterable[tuple[Any, str]], seed: int) -> Iterator[tuple[Any, str]]:
    """Some demonstrations again and again, in a new order each time."""
    pairs = list(pairs)
    rng = random.Random(seed)  # noqa: S311 - one seed must give one order
    while True:
        yield from rng.sample(pairs, len(pairs))


# datasets ---------------------------------------------------------------------------------


def _samples(data: DataConfig) -> Iterator[Sample]:
    rows = open_rows(data)
    columns = _columns(data, rows.column_names)
    for number, row in enumerate(rows):
        try:
            yield sample_of_row(row, columns)
        except DataError as error:
            raise DataError(f"data.path {data.path}: row {number}: {error}") from error


def open_rows(data: DataConfig) -> Any:
    """The dataset at a path or of a name; raises ``DataError``."""
    import datasets

    assert data.path is not None  # the caller has asked
    path = Path(data.path)
    try:
        if path.is_dir() and (path / "dataset_dict.json").exists():
            return datasets.load_from_disk(str(path))[data.split]
        if path.is_dir() and (path / "dataset_info.json").exists():
            return datasets.load_from_disk(str(path))
        loader = _LOADERS.get(path.suffix)
        if loader is not None:
            return datasets.load_dataset(loader, data_files=str(path), split="train")
        return datasets.load_dataset(data.path, data.subset, split=data.split)
    except Exception as error:  # loaders raise whatever their formats raise
        raise DataError(
            f"data.path {data.path}: cannot be read: {type(error).__name__}: {error}"
        ) from error


def _columns(data: DataConfig, names: Sequence[str]) -> dict[str, str]:
    """Field of a Sample -> column: as the recipe says, else the first usual name that is there."""
    usual: dict[str, tuple[str, ...]] = {f: COLUMNS.get(f, (f,)) for f in FIELDS}
    usual |= {"prompt": _PROMPTS, "completion": ()}
    found = {f: next((n for n in given if n in names), None) for f, given in usual.items()}
    columns = {f: n for f, n in found.items() if n is not None} | data.columns
    absent = sorted({c.partition(".")[0] for c in columns.values()} - set(names))
    if absent or "prompt" not in columns:
        raise ConfigError(
            f"data.columns: {absent or 'prompt'} not found; {data.path} has the columns"
            f" {sorted(names)}"
        )
    return columns


class _Rows:
    """Row numbers to rows, as ``datasets`` calls a transform.

    Values stay Python objects: in Arrow, ground truths that are mappings would all get the keys of
    all the others.
    """

    def __init__(self, problems: Sequence[Sample], columns: Sequence[str]) -> None:
        self.problems, self.columns = problems, columns

    def __call__(self, batch: Mapping[str, Sequence[int]]) -> dict[str, list[Any]]:
        chosen = [self.problems[place] for place in batch["row"]]
        fields: dict[str, Callable[[Sample], Any]] = {
            "prompt": lambda p: p.prompt,
            "ground_truth": lambda p: p.ground_truth,
            "task": lambda p: p.task,
            "id": lambda p: p.id,
        }
        rows = {name: [read(p) for p in chosen] for name, read in fields.items()}
        return rows | {name: [p.extra.get(name) for p in chosen] for name in self.columns}


def dataset_of(problems: Sequence[Sample]) -> Any:
    """A ``datasets.Dataset`` as GRPOTrainer and RLOOTrainer take it; its columns feed the bridge.

    What is in ``extra`` becomes a column of its own, apart from demonstrations and from names that
    the reward function or a Sample already uses.
    """
    import datasets

    taken = {*FIELDS, "prompts", "completions", "completion_ids", "row", _DEMONSTRATION}
    names = set(itertools.chain.from_iterable(problem.extra for problem in problems))
    rows = _Rows(problems, sorted(names - taken | names & {"options"}))
    return datasets.Dataset.from_dict({"row": range(len(problems))}).with_transform(rows)
