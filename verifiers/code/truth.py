"""The ground truth of a code task, as checked models.

The format is ``{"language", "tests", "limits", "compare"}`` with tests of five kinds. Values are
JSON; what JSON cannot say is written ``{"$py": "(1, 2)"}``, a Python literal. The spellings of
well-known datasets are read by ``spellings``.

Not covered: whether the tests are any good. Tests without a single assertion, call or case are
refused as a bad reference.
"""

from __future__ import annotations

import ast
import json
from functools import lru_cache
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, ValidationError, field_validator, model_validator

from ...core.settings import Settings
from ...core.types import canonical_json
from .compare import Compare
from .languages import LANGUAGES, language_named
from .spellings import BadReference, spelled

__all__ = [
    "AssertTests",
    "BadReference",
    "Call",
    "CallTests",
    "CheckTests",
    "StdioCase",
    "StdioTests",
    "SuiteTests",
    "Task",
    "Tests",
    "WantedLimits",
    "read_task",
]

_LITERAL_CHARS = 1 << 22


class WantedLimits(Settings):
    """What one run may use; where a field is missing, the source's settings hold."""

    time_s: float | None = Field(default=None, gt=0, le=3600)
    memory_mb: int | None = Field(default=None, ge=16)
    output_kb: int | None = Field(default=None, ge=1)
    pids: int | None = Field(default=None, ge=1)
    disk_mb: int | None = Field(default=None, ge=1)


class Call(Settings):
    """One call of the entry point and the value it must give."""

    args: list[Any] = Field(default_factory=list)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    expected: Any
    compare: Compare | None = None

    @field_validator("args", "kwargs", "expected", mode="before")
    @classmethod
    def _python(cls, value: Any) -> Any:
        return unquoted(value)

    @field_validator("args", mode="before")
    @classmethod
    def _literal(cls, value: Any) -> Any:
        """A text is the Python literal of the tuple of arguments; a tuple is its list."""
        value = literal(value) if isinstance(value, str) else value
        return list(value) if isinstance(value, tuple) else value


class CallTests(Settings):
    """Calls with expected values."""

    kind: Literal["function"]
    entry_point: str = Field(min_length=1, max_length=200)
    setup: str = ""
    calls: list[Call] = Field(min_length=1)


class StdioCase(Settings):
    """One run: what it reads and what it must write."""

    stdin: str = ""
    stdout: str
    compare: Compare | None = None


class StdioTests(Settings):
    """Runs with expected output."""

    kind: Literal["stdio"]
    cases: list[StdioCase] = Field(min_length=1)
    any_status: bool = False
    """Whether an exit status other than 0 is accepted."""
    setup: str = ""
    """For SQL: statements executed before the answer's."""


class AssertTests(Settings):
    """Python statements, mostly ``assert``, about names that the program defines."""

    kind: Literal["asserts"]
    asserts: list[str] = Field(min_length=1)
    setup: str = ""
    """Test code before the first of them; imports, values, objects of the program's classes."""
    entry_point: str | None = None

    @field_validator("asserts", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class SuiteTests(Settings):
    """A Python module of ``unittest`` cases."""

    kind: Literal["unittest"]
    code: str = Field(min_length=1)
    setup: str = ""


class CheckTests(Settings):
    """HumanEval's: a module with ``check(candidate)``."""

    kind: Literal["check"]
    test: str = Field(min_length=1)
    entry_point: str = Field(min_length=1, max_length=200)
    setup: str = ""


class CheckerCase(Settings):
    """One input for a program whose output a checker judges."""

    stdin: str = ""
    answer: str | None = None
    """What the checker gets as ``answer``, if it wants one."""


class CheckerTests(Settings):
    """A trusted Python program decides: JSON ``{input, output, answer}`` in, status 0 for right."""

    kind: Literal["checker"]
    checker: str = Field(min_length=1)
    cases: list[CheckerCase] = Field(min_length=1)


Tests: TypeAlias = Annotated[
    CallTests | StdioTests | AssertTests | SuiteTests | CheckTests | CheckerTests,
    Field(discriminator="kind"),
]


class Task(Settings):
    """A whole ground truth."""

    language: str = "python"
    tests: Tests
    limits: WantedLimits = WantedLimits()
    compare: Compare = "exact"
    """How values are compared, where a test does not say."""

    @field_validator("language", mode="before")
    @classmethod
    def _known(cls, value: Any) -> Any:
        if isinstance(value, str) and language_named(value) is None:
            raise ValueError(f"must be one of {', '.join(sorted(LANGUAGES))}")
        return LANGUAGES[found].name if (found := _name_of(value)) else value

    @model_validator(mode="after")
    def _fits(self) -> Task:
        if self.language != "python" and self.tests.kind not in ("stdio", "checker"):
            raise ValueError(
                f"tests of kind {self.tests.kind!r} are for python; {self.language} takes 'stdio'"
            )
        return self


def _name_of(value: Any) -> str | None:
    found = language_named(value) if isinstance(value, str) else None
    return found.name if found else None


def read_task(truth: Any) -> Task:
    """The task of a ground truth, kept for the samples that share it.

    Raises ``BadReference`` with place, rule and value.
    """
    if isinstance(truth, str):
        return _read(truth, True)
    try:
        return _read(canonical_json(_with_calls_quoted(truth)), False)
    except (TypeError, RecursionError) as error:
        raise BadReference(f"ground_truth: holds what is no plain value: {error}") from None


def _with_calls_quoted(truth: Any) -> Any:
    """The same, with what our text of it would lose quoted: tuples, and the order of mappings."""
    tests = truth.get("tests", truth) if isinstance(truth, dict) else None
    if not isinstance(tests, dict) or not isinstance(tests.get("calls"), list):
        return truth
    calls = [_quoted_call(call) if isinstance(call, dict) else call for call in tests["calls"]]
    quoted = {**tests, "calls": calls}
    return quoted if tests is truth else {**truth, "tests": quoted}


def _quoted_call(call: dict[str, Any]) -> dict[str, Any]:
    quoted = {**call}
    if isinstance(call.get("args"), list | tuple):
        quoted["args"] = [_quoted(arg) for arg in call["args"]]
    if isinstance(call.get("kwargs"), dict):
        quoted["kwargs"] = {name: _quoted(value) for name, value in call["kwargs"].items()}
    if "expected" in call:
        quoted["expected"] = _quoted(call["expected"])
    return quoted


def _quoted(value: Any) -> Any:
    """``{"$py": text}`` for a value that our text would change, if it is a literal of Python."""
    if _is_json(value):
        return value
    text = repr(value)
    try:
        known = ast.literal_eval(text) == value
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        known = False
    return {"$py": text} if known else value


def _is_json(value: Any) -> bool:
    kind = type(value)
    if kind is list:
        return all(map(_is_json, value))
    if kind is dict:
        plain = all(type(key) is str for key in value) and all(map(_is_json, value.values()))
        return plain and list(value) == sorted(value)  # the text has them in that order
    return kind in (str, int, float, bool, type(None))


@lru_cache(maxsize=256)
def _read(text: str, was_text: bool) -> Task:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        rule = "must be a mapping with 'tests', or its JSON text"
        raise BadReference(f"ground_truth: {rule}, got {text[:60]!r}") from None
    if was_text and not isinstance(data, dict | list):
        raise BadReference(f"ground_truth: must be a mapping with 'tests', got {text[:60]!r}")
    try:
        return Task.model_validate(spelled(data))
    except ValidationError as error:
        raise BadReference(_told(error)) from None
    except RecursionError:
        raise BadReference("ground_truth: is nested too deep") from None


def _told(error: ValidationError) -> str:
    fault = error.errors(include_url=False)[0]
    kinds = {"function", "stdio", "asserts", "unittest", "check", "checker"}
    place = ".".join(["ground_truth", *(str(p) for p in fault["loc"] if p not in kinds)])
    rule = fault["msg"][:1].lower() + fault["msg"][1:]
    given = "" if fault["type"] == "missing" else f", got {repr(fault['input'])[:80]}"
    return f"{place}: {rule.removeprefix('value error, ')}{given}"


def unquoted(value: Any) -> Any:
    """A JSON value with every ``{"$py": text}`` in it read as a Python literal."""
    if isinstance(value, dict):
        if value.keys() == {"$py"}:
            return literal(value["$py"])
        return {key: unquoted(item) for key, item in value.items()}
    return [unquoted(item) for item in value] if isinstance(value, list) else value


def literal(text: Any) -> Any:
    """A Python literal. Raises ``ValueError``, which pydantic reports with its place."""
    if not isinstance(text, str) or len(text) > _LITERAL_CHARS:
        raise ValueError("$py must be the text of a Python literal")
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"is not a Python literal ({type(error).__name__})") from None
