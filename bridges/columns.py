"""Dataset columns, as a trainer hands them over (one list per column), into Samples.

Covered: where the ground truth, task, id, group, options and truncation of a row are found, by an
ordered list of column names that the user may replace; text, chat and multi-turn completions;
mixed datasets whose columns hold None; numpy values; images in messages (named, not carried).
Not covered: ground truths that are JSON inside a string: reading them is their source's business.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import ConfigError, did_you_mean
from ..core.types import Sample, digest

__all__ = ["COLUMNS", "Batch", "ColumnMap"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "ground_truth": (
        "ground_truth",
        "solution",
        "answer",
        "reward_model.ground_truth",
        "target",
        "gold",
        "label",
    ),
    "task": ("task", "data_source"),
    "id": ("id",),
    "group": (),
    "options": ("options", "choices"),
    "truncated": ("truncated",),
}
"""Field of the Sample -> the columns it is looked for in. In each row the first that is not None
counts; a dot goes into a nested mapping. ``group`` is read from no column unless the user names
one: a dataset's own ``group`` seldom means "completions of one prompt"."""

_LIVE = frozenset({"environments"})
"""Columns that hold objects of the trainer, not data."""

_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Batch:
    """The samples of one call, one for each completion, in order."""

    samples: list[Sample]
    unreadable: dict[int, str] = field(default_factory=dict)
    """Place -> why that row made no sample; a stand-in lies in ``samples``. Not to be scored."""
    ignored: frozenset[str] = frozenset()
    """Columns left out of ``extra``: of another length, or not picklable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMap:
    """Which column feeds which field, and what tells that a generation was cut off.

    Whether a completion was truncated cannot be known from its text. It is taken from a
    ``truncated`` column; else, when ``max_completion_length`` is given, a completion of that many
    tokens is; else, when ``eos_token_ids`` are given, one that does not end in such a token is.
    With both, both must hold (a completion may end exactly at the limit). With neither, no
    sample is called truncated.
    """

    fields: tuple[tuple[str, tuple[str, ...]], ...] = tuple(COLUMNS.items())
    max_completion_length: int | None = None
    eos_token_ids: tuple[int, ...] = ()

    @classmethod
    def read(
        cls,
        columns: Mapping[str, str | Sequence[str]] | None = None,
        *,
        max_completion_length: int | None = None,
        eos_token_id: int | Iterable[int] | None = None,
    ) -> ColumnMap:
        """``COLUMNS`` with the user's choices in place; raises ``ConfigError``."""
        if max_completion_length is not None and max_completion_length < 1:
            raise ConfigError(f"max_completion_length: must be >= 1, got {max_completion_length}")
        eos = (eos_token_id,) if isinstance(eos_token_id, int) else tuple(eos_token_id or ())
        chosen = {**COLUMNS, **{name: _names(name, c) for name, c in (columns or {}).items()}}
        return cls(
            fields=tuple(chosen.items()),
            max_completion_length=max_completion_length,
            eos_token_ids=eos,
        )

    def batch(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None,
        columns: Mapping[str, Any],
    ) -> Batch:
        """A sample for each completion; the arguments are read, never changed.

        A row that makes no sample (its ground truth is not JSON, say) is set down as unreadable:
        it must not cost the others their rewards.
        """
        usable = {n: v for n, v in columns.items() if n not in _LIVE and _fits(v, len(completions))}
        stuck = {name for name, values in usable.items() if not all(map(_sendable, values))}
        batch = Batch([], {}, frozenset(columns) - _LIVE - (set(usable) - stuck))
        for i, completion in enumerate(completions):
            row = {name: values[i] for name, values in usable.items()}
            ids = completion_ids[i] if completion_ids is not None else None
            try:
                sample = self._sample(prompts[i], completion, row, ids, stuck)
            except (TypeError, ValueError, RecursionError) as error:
                batch.unreadable[i] = f"the row makes no sample: {error}"
                text = completion if isinstance(completion, str) else ""
                sample = Sample(completion=text, id=f"unreadable-{i}")
            batch.samples.append(sample)
        return batch

    def _sample(
        self,
        prompt: Any,
        completion: Any,
        row: dict[str, Any],
        ids: Sequence[int] | None,
        stuck: AbstractSet[str],
    ) -> Sample:
        found = {name: self._take(names, row) for name, names in self.fields}
        prompt = _plain(prompt, images=True)
        group, row_id = found["group"], found["id"]
        if group is None and row_id is not None:
            group = f"{row_id}@{digest(prompt, length=8)}"  # ids of mixed datasets may collide
        extra = {name: value for name, value in row.items() if name not in stuck}
        if found["options"] is not None:
            extra["options"] = _options(found["options"])
        if ids is not None:
            extra["completion_tokens"] = len(ids)
        cut_off = found["truncated"]
        return Sample(
            prompt=prompt,
            completion=_plain(completion, images=True),
            ground_truth=_plain(found["ground_truth"]),
            task=None if found["task"] is None else str(found["task"]),
            group=None if group is None else str(group),
            id="" if row_id is None else str(row_id),
            truncated=self._truncated(ids) if cut_off is None else bool(cut_off),
            extra=extra,
        )

    def _take(self, names: tuple[str, ...], row: dict[str, Any]) -> Any:
        """The first value that is not None, taken out of the row (nested ones stay in it)."""
        for name in names:
            value = _look_up(row, name)
            if value is not None:
                row.pop(name, None)
                return value
        return None

    def _truncated(self, ids: Sequence[int] | None) -> bool:
        if ids is None or len(ids) == 0:
            return False
        limit, ends = self.max_completion_length, self.eos_token_ids
        if limit is None and not ends:
            return False
        full = limit is None or len(ids) >= limit
        return full and not (ends and int(ids[-1]) in ends)


def _names(name: str, columns: str | Sequence[str]) -> tuple[str, ...]:
    if name not in COLUMNS:
        raise ConfigError(f"columns: unknown field {name!r}{did_you_mean(name, COLUMNS)}")
    names = (columns,) if isinstance(columns, str) else tuple(columns)
    if not all(isinstance(n, str) for n in names):
        raise ConfigError(f"columns.{name}: must be a column name or a list of them, got {columns}")
    return names


def _fits(values: Any, n: int) -> bool:
    sized = isinstance(values, Sequence) and not isinstance(values, str | bytes)
    return (sized or hasattr(values, "tolist")) and len(values) == n


def _look_up(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    head, _, rest = name.partition(".")
    inner = row.get(head)
    return _look_up(inner, rest) if rest and isinstance(inner, Mapping) else None


def _plain(value: Any, *, images: bool = False) -> Any:
    """A copy made of JSON values. With ``images``, other objects become their type's name."""
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, Mapping):
        # datasets fill the keys that a message lacks with None
        pairs = ((k, v) for k, v in value.items() if v is not None or not images)
        return {str(k): _plain(v, images=images) for k, v in pairs}
    if isinstance(value, list | tuple):
        return [_plain(v, images=images) for v in value]
    if hasattr(value, "tolist"):  # numpy, torch
        return _plain(value.tolist(), images=images)
    if images:
        return f"<{type(value).__name__}>"
    raise TypeError(f"a {type(value).__name__} is not a JSON value")


def _options(options: Any) -> Any:
    """A list, or letter -> text; ``{"text": [...], "label": [...]}`` (ARC) becomes the latter."""
    plain = _plain(options)
    if isinstance(plain, dict) and plain.keys() == {"text", "label"}:
        return dict(zip(plain["label"], plain["text"], strict=True))
    return plain


def _sendable(value: Any) -> bool:
    """Whether a value can travel to a worker process."""
    if isinstance(value, _SCALARS):
        return True
    try:
        pickle.dumps(value)
    except Exception:  # noqa: BLE001 - a foreign __reduce__ may raise anything
        return False
    return True
