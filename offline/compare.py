"""Two ways of judging the same rows, and where they disagree.

Each side is a source's name, a recipe, ``auto``, or a file that ``assay score`` wrote over the same
input: so two sources are compared, and two versions of one, of which the older left its file.

Kappa is Cohen's (1960, Educational and Psychological Measurement 20, 37-46), of pass and fail.

Not covered: more than two sides; which of them is right, which only labels can say (``assay
judge-eval``).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.errors import ConfigError, DataError
from ..core.recipe import Recipe
from ..core.records import RECORD_COLUMNS, json_text
from ..core.scorer import Scorer
from ..core.types import JSON, Reward, Sample
from .auto import read_recipe
from .read import Unreadable, open_dataset
from .score import ScoreOptions, open_input
from .scored import reward_of_record
from .stream import RowStream

__all__ = ["Comparison", "compare"]

_AHEAD = 512
"""Samples given to both sides at a time."""

Judge = Callable[[list[Sample]], list[Reward]]


@dataclass(slots=True)
class Comparison:
    """What two sides said of the same samples."""

    names: tuple[str, str]
    shown: int = 10
    """Most disagreements kept as examples."""
    rows: int = 0
    table: Counter[str] = field(default_factory=Counter)
    """``both``, ``neither``, ``only_a``, ``only_b``, ``unjudged`` (at least one has no verdict)."""
    difference_sum: float = 0.0
    compared_values: int = 0
    examples: list[dict[str, JSON]] = field(default_factory=list)

    def add(self, sample: Sample, a: Reward, b: Reward) -> bool:
        """Count one sample; whether the two disagree about it."""
        self.rows += 1
        if a.value is not None and b.value is not None:
            self.compared_values += 1
            self.difference_sum += abs(a.value - b.value)
        cell = _cell(a.passed, b.passed)
        self.table[cell] += 1
        differ = cell in {"only_a", "only_b"} or (cell == "unjudged" and _differ(a, b))
        if differ and len(self.examples) < self.shown:
            self.examples.append(self.example(sample, a, b))
        return differ

    def example(self, sample: Sample, a: Reward, b: Reward) -> dict[str, JSON]:
        """A sample with what both sides say of it."""
        return {
            "id": sample.id,
            "task": sample.task,
            "prompt": sample.prompt,
            "completion": sample.completion,
            "ground_truth": sample.ground_truth,
            "a": _said(a),
            "b": _said(b),
        }

    def summary(self) -> dict[str, JSON]:
        """The table, agreement in [0, 1], kappa in [-1, 1], and the examples."""
        both, neither = self.table["both"], self.table["neither"]
        only_a, only_b = self.table["only_a"], self.table["only_b"]
        judged = both + neither + only_a + only_b
        values = self.compared_values
        return {
            "a": self.names[0],
            "b": self.names[1],
            "rows": self.rows,
            "both_pass": both,
            "both_fail": neither,
            "only_a_passes": only_a,
            "only_b_passes": only_b,
            "unjudged": self.table["unjudged"],
            "agreement": (both + neither) / judged if judged else None,
            "kappa": _kappa(both, neither, only_a, only_b),
            "mean_difference": self.difference_sum / values if values else None,
            "examples": list(self.examples),
        }


def _cell(a: bool | None, b: bool | None) -> str:
    if a is None or b is None:
        return "unjudged"
    return {(True, True): "both", (False, False): "neither", (True, False): "only_a"}.get(
        (a, b), "only_b"
    )


def _differ(a: Reward, b: Reward) -> bool:
    """Whether two rewards, of which one has no pass or fail, say different things."""
    if a.value is None or b.value is None:
        return a.status is not b.status
    return not math.isclose(a.value, b.value, rel_tol=1e-9, abs_tol=1e-9)


def _said(reward: Reward) -> dict[str, JSON]:
    reasons = {name: verdict.reason for name, verdict in reward.verdicts.items()}
    return {
        "value": reward.value,
        "passed": reward.passed,
        "status": reward.status.value,
        "reasons": reasons,
    }


def _kappa(both: int, neither: int, only_a: int, only_b: int) -> float | None:
    """Agreement beyond chance; None where one side always says the same."""
    n = both + neither + only_a + only_b
    if n == 0:
        return None
    a, b = (both + only_a) / n, (both + only_b) / n
    chance = a * b + (1 - a) * (1 - b)
    return None if chance == 1.0 else ((both + neither) / n - chance) / (1 - chance)


# the sides -----------------------------------------------------------------------------------


def compare(
    source: str,
    sides: tuple[str, str],
    options: ScoreOptions,
    *,
    output: Path | None = None,
    shown: int = 10,
) -> dict[str, JSON]:
    """Score a dataset by two sides; what they agree on, as JSON, with examples.

    Args:
        output: a JSON-lines file for every disagreement.
        shown: examples in the result.

    Raises ``ConfigError`` for a side that is no recipe and no scored file of this input,
    ``DataError`` for a row that cannot be read.
    """
    if options.engine.name != "local":
        raise ConfigError(
            "--compare: judges on this machine; score one side with --engine ray first, and name"
            " its output as that side"
        )
    dataset, reading = open_input(source, _recipe_of(sides), options)
    stream = RowStream(dataset, reading, options.bad_rows)
    found = Comparison(sides, shown)
    with (
        _judge(sides[0], options) as a,
        _judge(sides[1], options) as b,
        closing(_Lines(output)) as out,
    ):
        for samples in _windows(stream, dataset.name):
            for sample, one, other in zip(samples, a(samples), b(samples), strict=True):
                if found.add(sample, one, other):
                    out.write(found.example(sample, one, other))
    return found.summary()


def _recipe_of(sides: tuple[str, str]) -> Recipe:
    """The recipe whose ``input`` counts: the first side's that is one."""
    for side in sides:
        if not _is_scored(side):
            return read_recipe(side)
    raise ConfigError(
        "--compare: both sides are scored files; name the input's recipe as one of them, or compare"
        " the files row by row with a tool for tables"
    )


def _windows(stream: RowStream, where: str) -> Iterator[list[Sample]]:
    """Samples in windows that end where a group does, so that groups are judged whole."""
    window: list[Sample] = []
    for entry in stream.unscored():
        if isinstance(entry, dict):
            if stream.refuses_bad:
                raise DataError(f"{where}: row {entry['number']}: {entry['why']}")
            continue
        if len(window) >= _AHEAD and entry.group_key != window[-1].group_key:
            yield window
            window = []
        window.append(entry)
    if window:
        yield window


def _judge(side: str, options: ScoreOptions) -> AbstractContextManager[Judge]:
    return _file_judge(Path(side)) if _is_scored(side) else _recipe_judge(side, options)


def _is_scored(side: str) -> bool:
    """Whether a side names a file that ``assay score`` wrote."""
    path = Path(side)
    if path.suffix in {".yaml", ".yml"} or not path.is_file():
        return False
    return {*RECORD_COLUMNS, "verdicts"} <= set(open_dataset(side).names())


@contextmanager
def _recipe_judge(side: str, options: ScoreOptions) -> Iterator[Judge]:
    with Scorer(
        read_recipe(side), plugins=options.plugins, cache=options.cache, workers=options.workers
    ) as scorer:
        yield lambda samples: list(scorer.stream(samples))


@contextmanager
def _file_judge(path: Path) -> Iterator[Judge]:
    rows = _records(path)

    def judge(samples: list[Sample]) -> list[Reward]:
        return [_reward_for(sample, rows, path) for sample in samples]

    yield judge


def _records(path: Path) -> Iterator[Mapping[str, Any]]:
    for number, row in open_dataset(str(path)).rows():
        if isinstance(row, Unreadable):
            raise DataError(f"{path}: line {number}: {row.why}")
        yield row


def _reward_for(sample: Sample, rows: Iterator[Mapping[str, Any]], path: Path) -> Reward:
    row = next(rows, None)
    if row is None or row["id"] != sample.id:
        got = "its end" if row is None else f"the row {row['id']!r}"
        raise ConfigError(
            f"{path}: --compare: was not made of this input: expected the row {sample.id!r}, got"
            f" {got}; where rows failed, take them up with --retry first"
        )
    return reward_of_record(row)


class _Lines:
    """JSON lines to a file, or nowhere."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else path.open("w", encoding="utf-8")

    def write(self, row: Mapping[str, JSON]) -> None:
        """One line."""
        if self._file is not None:
            self._file.write(json_text(dict(row)) + "\n")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
