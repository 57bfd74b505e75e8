"""A scored sample as one flat row, and a row of a dataset as a sample.

``record`` is what ``assay score`` writes and what the trainer logs: the same columns in the same
order, whatever the format. It holds no clock readings unless asked to, so that two runs over one
file compare equal. ``sample_of_record`` reads such a row back as the sample it was made of.

Not covered: which column of a foreign dataset means what (``assay.offline.columns``), and files
(``assay.offline.read``, ``assay.offline.write``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from .errors import DataError
from .types import JSON, Message, Reward, Sample, Verdict

__all__ = [
    "FIELDS",
    "RECORD_COLUMNS",
    "arrow_schema",
    "column_names",
    "json_text",
    "record",
    "row_line",
    "sample_of_fields",
    "sample_of_record",
    "sample_of_row",
    "value_at",
]

RECORD_COLUMNS: Mapping[str, str] = {
    "id": "string",
    "group": "string",
    "task": "string",
    "prompt": "string",
    "completion": "string",
    "ground_truth": "string",
    "truncated": "bool",
    "extra": "string",
    "value": "double",
    "unshaped": "double",
    "passed": "bool",
    "status": "string",
}
"""The columns every record starts with, and their Arrow types. ``prompt`` and ``completion`` are
the text, or the messages as JSON text; ``ground_truth`` and ``extra`` are always JSON text."""

FIELDS = ("prompt", "completion", "ground_truth", "task", "group", "id", "truncated", "options")
"""What a column of a dataset may stand for; all other columns go into ``Sample.extra``."""

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

# what orjson would write in its own way is left to ``_plain``
_OPTIONS = (
    orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)


def json_text(value: JSON) -> str:
    """A value as JSON text that any file takes: valid JSON, valid Unicode.

    What JSON cannot hold is put in words rather than lost: NaN becomes null, infinities and
    unknown objects become text. A lone surrogate is escaped, which JSON reads back unchanged.
    """
    try:
        fast = orjson.dumps(value, option=_OPTIONS)
    except TypeError:  # a large integer, a lone surrogate, keys or objects that JSON has not
        fast = b"null"
    if b"null" not in fast:  # which is what orjson makes of infinities too
        return fast.decode()
    try:
        text = _encode(value)
    except (TypeError, ValueError):
        text = _encode(_plain(value))
    return _unicode(text)


def row_line(row: Mapping[str, Any]) -> bytes:
    """A row of ``record`` as a line of JSON, with its end."""
    try:
        return orjson.dumps(row, option=_OPTIONS | orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # an integer of more than 64 bits
        return (_encode(row) + "\n").encode()


def _plain(value: Any) -> JSON:
    """The nearest JSON value of any object."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


def _unicode(text: str) -> str:
    """The text with lone surrogates written as ``\\udXXX``: UTF-8 has no place for them."""
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def _chat_text(value: str | Sequence[Message]) -> str:
    return _unicode(value) if isinstance(value, str) else json_text(value)


def record(sample: Sample, reward: Reward, *, timings: bool = False) -> dict[str, Any]:
    """One flat row: the sample, its reward, and what every source said.

    Args:
        timings: add the column ``seconds`` (wall time of all sources together) and keep
            ``seconds`` and ``cached`` in the verdicts. They differ from run to run.
    """
    row: dict[str, Any] = {
        "id": _unicode(sample.id),
        "group": _unicode(sample.group_key),
        "task": None if sample.task is None else _unicode(sample.task),
        "prompt": _chat_text(sample.prompt),
        "completion": _chat_text(sample.completion),
        "ground_truth": json_text(sample.ground_truth),
        "truncated": sample.truncated,
        "extra": json_text(sample.extra if type(sample.extra) is dict else dict(sample.extra)),
        "value": reward.value,
        "unshaped": reward.unshaped,
        "passed": reward.passed,
        "status": reward.status._value_,  # as ``value``, without its call
    }
    for name, verdict in reward.verdicts.items():
        row[f"{name}.score"] = verdict.score
        row[f"{name}.status"] = verdict.status._value_
        row[f"{name}.reason"] = _unicode(verdict.reason)
    row["verdicts"] = json_text({n: _said(v, timings) for n, v in reward.verdicts.items()})
    if timings:
        row["seconds"] = sum(verdict.seconds for verdict in reward.verdicts.values())
    return row


def _said(verdict: Verdict, timings: bool) -> dict[str, JSON]:
    """A verdict as JSON, without what a clock or a cache put there unless asked for."""
    said = verdict.to_dict()
    if not timings:
        del said["seconds"], said["cached"]
    return said


def column_names(source_names: Iterable[str], *, timings: bool = False) -> list[str]:
    """The columns of ``record``, in order, for sources of these names."""
    of_sources = [f"{n}.{part}" for n in source_names for part in ("score", "status", "reason")]
    return [*RECORD_COLUMNS, *of_sources, "verdicts", *(["seconds"] if timings else [])]


def arrow_schema(
    source_names: Iterable[str],
    extra_fields: Iterable[tuple[str, Any]] = (),
    *,
    timings: bool = False,
) -> Any:
    """The ``pyarrow.Schema`` of ``record``, followed by ``extra_fields`` as (name, Arrow type)."""
    import pyarrow as pa

    kinds = {"string": pa.string(), "bool": pa.bool_(), "double": pa.float64()}
    fields = []
    for name in column_names(source_names, timings=timings):
        kind = RECORD_COLUMNS.get(name)
        if kind is None:
            kind = "double" if name.endswith(".score") or name == "seconds" else "string"
        fields.append(pa.field(name, kinds[kind]))
    return pa.schema([*fields, *(pa.field(name, kind) for name, kind in extra_fields)])


def sample_of_row(row: Mapping[str, Any], columns: Mapping[str, str]) -> Sample:
    """A row of a dataset as a sample.

    Args:
        columns: field of ``FIELDS`` -> the column it is read from. A name with dots that is no
            column itself is a path into nested columns (``reward_model.ground_truth``).

    Columns that no field takes whole go into ``extra``. Raises ``DataError`` naming the column
    when a value has the wrong type.
    """
    extra = dict(row)
    found: dict[str, Any] = {}
    for field, column in columns.items():
        if column in row:
            found[field] = row[column]
            extra.pop(column, None)
        else:
            found[field] = value_at(row, column)
    return sample_of_fields(found, extra, columns)


def sample_of_fields(
    fields: Mapping[str, Any], extra: dict[str, Any], columns: Mapping[str, str]
) -> Sample:
    """A sample of values that were found already, checked as ``sample_of_row`` checks them.

    Args:
        fields: of ``FIELDS``; those that are missing get the defaults of ``Sample``.
        extra: becomes the sample's; ``options`` is put into it.
        columns: what a field is called in messages, where that is not its own name.

    Raises ``DataError``.
    """
    found = dict(fields)
    options = found.pop("options", None)
    if options is not None:
        extra["options"] = options
    try:
        for field, value in found.items():
            if type(value) is not str or field == "truncated":  # text is text in all others
                found[field] = _read(field, value, columns.get(field, field))
        return Sample(**found, extra=extra)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from None


def value_at(row: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; None where any part of it is missing."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def _read(field: str, value: Any, column: str) -> Any:
    """A column's value as the type its field has; raises ``DataError``."""
    match field:
        case "prompt":
            return "" if value is None else value
        case "completion" if value is None:
            raise DataError(f"column {column!r}: a completion must be there, got null")
        case "id":
            return "" if value is None else _name(value, column)
        case "group" | "task":
            return None if value is None else _name(value, column)
        case "truncated":
            return _flag(value, column)
        case _:
            return value


def _name(value: Any, column: str) -> str:
    if isinstance(value, (str, int)):
        return str(value)
    raise DataError(f"column {column!r}: must be text or an integer, got {value!r:.80}")


def _flag(value: Any, column: str) -> bool:
    if value is None or value in (False, "", "false", "False", "0"):
        return False
    if value in (True, "true", "True", "1"):
        return True
    raise DataError(f"column {column!r}: must be true or false, got {value!r:.80}")


def sample_of_record(row: Mapping[str, Any]) -> Sample:
    """The sample that ``record`` made this row of; its reward and verdicts are left behind.

    A text that is itself the JSON of a list of messages comes back as messages. Raises
    ``DataError``.
    """
    try:
        return Sample(
            prompt=_chat(row["prompt"]),
            completion=_chat(row["completion"]),
            ground_truth=json.loads(row["ground_truth"] or "null"),
            task=row["task"] or None,
            group=row["group"] or None,
            id=row["id"] or "",
            truncated=_flag(row["truncated"], "truncated"),
            extra=json.loads(row["extra"] or "{}"),
        )
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"not a row of a scored file: {type(error).__name__}: {error}") from None


def _chat(text: Any) -> str | list[Message]:
    if text is None:
        return ""
    if not isinstance(text, str):
        raise TypeError(f"must be text, got {text!r:.80}")
    if not text.startswith('[{"'):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    messages = all(isinstance(m, dict) and "role" in m for m in value)
    return value if messages else text
