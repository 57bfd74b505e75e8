"""What a source is audited with: right answers, wrong answers and attacks, as a table.

A table is a generator of ``AuditCase`` under ``@audit_table``. It is registered when the plugin is
loaded and read when somebody audits or checks the source, so it may open files of the package.
Not covered: judging the cases and counting what went wrong (``audit``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, TypeAlias

from .errors import PluginError
from .types import Sample

__all__ = ["AuditCase", "AuditTable", "CaseKind", "audit_table"]

CaseKind: TypeAlias = Literal["right", "wrong", "attack"]
"""What an answer is. An attack is wrong too, and written to look right or to break the source."""

_NAME_CHARS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditCase:
    """An answer and what it is owed. ``right``, ``wrong`` and ``attack`` make several at once."""

    sample: Sample
    kind: CaseKind
    category: str
    """What it tries; results are counted by it."""
    name: str = ""
    """By default the beginning of the answer."""
    known: str = ""
    """Why the source gets it wrong today; such an error is counted and fails nothing."""
    clean: Sample | None = None
    """Of an attack on a grade: the same answer without it. Both must be graded alike, and then
    the attack may be part of an answer that passes."""
    beside: tuple[Sample, ...] = ()
    """For sources that judge groups: the other completions of its prompt."""

    def __post_init__(self) -> None:
        if self.kind not in ("right", "wrong", "attack"):
            raise ValueError(f"AuditCase.kind: must be right, wrong or attack, got {self.kind!r}")
        if self.clean is not None and self.kind != "attack":
            raise ValueError(f"AuditCase.clean: goes with kind 'attack', got {self.kind!r}")
        if not self.name:
            object.__setattr__(self, "name", _beginning(self.sample.text) or "(nothing)")

    @property
    def id(self) -> str:
        """``category: name``."""
        return f"{self.category}: {self.name}"

    @classmethod
    def right(cls, category: str, *completions: Any, **fields: Any) -> tuple[Self, ...]:
        """A right answer for each completion; ``fields`` are those of ``Sample``."""
        return cls._each("right", category, completions, fields)

    @classmethod
    def wrong(cls, category: str, *completions: Any, **fields: Any) -> tuple[Self, ...]:
        """A wrong answer for each completion."""
        return cls._each("wrong", category, completions, fields)

    @classmethod
    def attack(cls, category: str, *completions: Any, **fields: Any) -> tuple[Self, ...]:
        """An attack for each completion."""
        return cls._each("attack", category, completions, fields)

    @classmethod
    def _each(
        cls, kind: CaseKind, category: str, completions: Iterable[Any], fields: Mapping[str, Any]
    ) -> tuple[Self, ...]:
        more = {key: fields[key] for key in ("known", "beside") if key in fields}
        rest = {key: value for key, value in fields.items() if key not in more}
        return tuple(
            cls(sample=Sample(completion=text, **rest), kind=kind, category=category, **more)
            for text in completions
        )


def _beginning(text: str) -> str:
    """The first characters, on one line and printable."""
    cut = text if len(text) <= _NAME_CHARS else text[: _NAME_CHARS - 3] + "..."
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)


class AuditTable:
    """The cases of one source, under a name. Make one with ``@audit_table``."""

    def __init__(
        self,
        target: Callable[[], Iterable[AuditCase]],
        source: str,
        *,
        name: str | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.target = target
        self.source = source
        self.name = name or source
        self.settings = dict(settings or {})
        """The source's entry in a recipe, without ``use``."""
        self.module: str = getattr(target, "__module__", "") or ""
        self.doc = inspect.getdoc(target) or ""

    def __repr__(self) -> str:
        return f"<audit table {self.name} of {self.source} from {self.module}>"

    @cached_property
    def cases(self) -> tuple[AuditCase, ...]:
        """All cases, read once. Raises ``PluginError`` for something that is no case."""
        made = tuple(self.target())
        for case in made:
            if not isinstance(case, AuditCase):
                raise PluginError(
                    f"audit table {self.name!r} in {self.module}: must yield AuditCase objects,"
                    f" got {type(case).__name__}; AuditCase.right(...) gives several: yield from it"
                )
        return made


def audit_table(
    source: str, *, name: str | None = None, settings: Mapping[str, Any] | None = None
) -> Callable[[Callable[[], Iterable[AuditCase]]], AuditTable]:
    """Register a generator of cases as an audit table.

    Args:
        source: whose cases they are.
        name: of the table; by default the source's. A second table of a source needs its own.
        settings: what the source is opened with: its entry in a recipe, without ``use``.
    """
    return lambda target: AuditTable(target, source, name=name, settings=settings)
