"""What a dry run found: good news, remarks and problems, all of them and not just the first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeVar

from ...core.errors import AssayError
from .memory import MemoryEstimate

__all__ = ["DryRun", "Finding", "Findings", "ScoredRow"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence about one part of the run."""

    about: str
    """``recipe``, ``data``, ``rows``, ``tokenizer``, ``model``, ``trainer``, ``memory``..."""
    level: Literal["ok", "note", "problem"]
    """A run with a problem would fail or teach nothing; a note is worth a look."""
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """A text that was scored as if the model had written it."""

    prompt: str
    """The start of it."""
    kind: str
    """Where the text is from: ``demonstration``, ``ground truth, boxed``, ``no answer``..."""
    text: str
    """The start of it."""
    right: bool
    """It should pass."""
    value: float | None
    passed: bool | None
    status: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """Everything a dry run found."""

    recipe: Mapping[str, Any]
    """As resolved, with all defaults."""
    findings: tuple[Finding, ...]
    rows: tuple[ScoredRow, ...] = ()
    memory: MemoryEstimate | None = None
    rests_on: Mapping[str, Any] = field(default_factory=dict)
    """The numbers that the memory estimate was made from."""

    @property
    def problems(self) -> list[str]:
        """``about: sentence`` of each problem."""
        return [f"{f.about}: {f.says}" for f in self.findings if f.level == "problem"]

    def to_json(self) -> dict[str, Any]:
        """All of it, as a JSON object; ``ok`` is whether there is no problem."""
        return {
            "ok": not self.problems,
            "problems": self.problems,
            "findings": [asdict(finding) for finding in self.findings],
            "rows": [asdict(row) for row in self.rows],
            "memory": None if self.memory is None else self.memory.to_json(),
            "rests_on": dict(self.rests_on),
            "recipe": dict(self.recipe),
        }


class Findings:
    """Collects findings; a check that raises is a problem, and the next one goes on."""

    def __init__(self) -> None:
        self.found: list[Finding] = []

    def ok(self, about: str, says: str) -> None:
        """Something is as it should be."""
        self.found.append(Finding(about, "ok", says))

    def note(self, about: str, says: str) -> None:
        """Something is worth a look."""
        self.found.append(Finding(about, "note", says))

    def problem(self, about: str, says: str) -> None:
        """The run would fail, or teach nothing."""
        self.found.append(Finding(about, "problem", says))

    def attempt(self, about: str, check: Callable[[], T], way_out: str = "") -> T | None:
        """What the check returns; None where it raises, which is a problem.

        ``way_out`` ends the sentence for errors that are not ours and offer none.
        """
        try:
            return check()
        except AssayError as error:
            for line in str(error).splitlines():
                self.problem(about, line)
        except Exception as error:  # noqa: BLE001 - libraries raise anything; the run would end too
            lines = str(error).strip().splitlines() or [""]
            self.problem(about, f"{type(error).__name__}: {lines[0]}{way_out}")
        return None
