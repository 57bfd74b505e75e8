"""``format.json``: the completion is one JSON value, and fits a JSON schema.

Covered: JSON Schema (2020-12, or the draft that ``$schema`` names), from the settings or the ground
truth; duplicate keys, NaN and infinities, text around the value, code fences, size and depth.
Not covered: remote ``$ref`` (refused), ``format`` assertions (ignored, as the standard's default),
``unevaluatedProperties`` together with ``patternProperties`` (refused).

Bounds: size and depth are capped; patterns run in RE2; ``uniqueItems`` compares by digest, not
pair by pair.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, field_validator

from ...core.settings import Settings
from ...core.source import source
from ...core.types import Sample, Status, Verdict
from .schemas import Schema, SchemaFault

__all__ = ["JsonSettings", "format_json"]


class JsonSettings(Settings):
    """Which JSON is asked for."""

    model_config = ConfigDict(populate_by_name=True)

    json_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    """The schema. None: any JSON value, or the ground truth's schema."""
    schema_from: Literal["settings", "ground_truth"] = "settings"
    """Where the schema is; ``ground_truth``: each sample brings its own."""
    fences: Literal["allow", "forbid", "require"] = "allow"
    """A Markdown code fence (three backticks, with or without ``json``) around the value."""
    max_chars: int = Field(default=100_000, ge=1, le=1_000_000)
    """Longer completions are wrong."""
    max_depth: int = Field(default=64, ge=1, le=100)
    """Objects and arrays in each other; deeper completions are wrong."""

    @field_validator("json_schema")
    @classmethod
    def _sound(cls, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is not None:
            try:
                Schema(schema)
            except SchemaFault as fault:
                raise ValueError(str(fault)) from None
        return schema


class _Unfit(Exception):  # noqa: N818 - not an error: the text is not the JSON asked for
    """Why a completion is not acceptable JSON."""


@source("format.json", version="1", scale="binary", runs="inline", view="answer")
class format_json:  # noqa: N801 - the decorator makes a Source of it
    """1 if the completion is one JSON value that fits the schema, else 0.

    With ``schema_from: ground_truth`` the ground truth is a schema; one that is not sound is
    ``bad_reference``.
    """

    def __init__(self, settings: JsonSettings) -> None:
        self._settings = settings
        self._schema = None if settings.json_schema is None else Schema(settings.json_schema)

    def __call__(self, sample: Sample) -> Verdict:
        try:
            own = self._settings.schema_from == "ground_truth"
            schema = Schema(sample.ground_truth) if own else self._schema
            value = _read(sample.text, self._settings)
            why = None if schema is None else schema.fault_of(value)
        except _Unfit as unfit:
            why = str(unfit)
        except SchemaFault as fault:
            # a schema that turns out unsound only now is never the completion's fault
            return Verdict.unscored(Status.BAD_REFERENCE, f"the schema: {fault}")
        if why is not None:
            return Verdict.scored(0.0, passed=False, reason=why)
        return Verdict.scored(1.0, passed=True, reason="the JSON is as asked")


def _read(text: str, settings: JsonSettings) -> Any:
    text = text.strip()
    if len(text) > settings.max_chars:
        raise _Unfit(f"longer than {settings.max_chars} characters")
    text = _unfenced(text, settings.fences)
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float
        )
    except json.JSONDecodeError as error:
        raise _Unfit(f"not JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:  # an integer with more digits than int() takes
        raise _Unfit(f"not JSON: {str(error)[:80]}") from None
    except RecursionError:
        raise _Unfit(f"nested deeper than {settings.max_depth}") from None
    if _deeper(value, settings.max_depth):
        raise _Unfit(f"nested deeper than {settings.max_depth}")
    return value


def _unfenced(text: str, fences: str) -> str:
    fenced = text.startswith("```") and text.endswith("```") and "\n" in text
    if not fenced:
        if fences == "require":
            raise _Unfit("no code fence around the value")
        return text
    if fences == "forbid":
        raise _Unfit("there is a code fence around the value")
    first, _, rest = text.partition("\n")
    if first[3:].strip().lower() not in ("", "json"):
        raise _Unfit("the code fence is marked as another language than JSON")
    return rest[:-3].strip()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise _Unfit("an object has the same key twice")
    return made


def _constant(name: str) -> float:
    raise _Unfit(f"{name} is not JSON")


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _Unfit("a number is too large")
    return number


def _deeper(value: Any, most: int) -> bool:
    """Whether containers are nested more than ``most`` deep; a stack, not recursion."""
    stack = [(value, 1)]
    while stack:
        item, depth = stack.pop()
        if not isinstance(item, dict | list):
            continue
        if depth > most:
            return True
        inside = item.values() if isinstance(item, Mapping) else item
        stack.extend((child, depth + 1) for child in inside)
    return False
