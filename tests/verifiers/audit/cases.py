"""The audit tables as cases, read once: the package's own, and the larger ones that lie here.

Covered: ``verifiers/audits/math.txt`` and ``tables/*.txt``, in the format of
``assay.core.audit.rows``. Not covered: hostile inputs made by code; see ``hostile``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from assay.core.audit import Row, read_rows

__all__ = ["TABLES", "Case", "cases"]

TABLES = Path(__file__).resolve().parent / "tables"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A ground truth, an answer, and whether it should pass."""

    category: str
    gold: str
    answer: str
    """As the table has it; ``completion`` is what a source is given."""
    right: bool
    is_response: bool = False
    """``answer`` is a whole response, not the inside of a box."""
    known: str = ""
    """Why ``math.symbolic`` gets it wrong today."""

    @property
    def completion(self) -> str:
        return self.answer if self.is_response else "\\boxed{" + self.answer + "}"

    @property
    def id(self) -> str:
        """Unique within the tables."""
        return f"{self.category}: {self.gold} {'+' if self.right else '-'} {self.answer}"


@cache
def cases() -> tuple[Case, ...]:
    """Every case of every table: the package's, then those here in the order of their names."""
    paths = [files("assay.verifiers.audits") / "math.txt", *sorted(TABLES.glob("*.txt"))]
    return tuple(_case(row) for path in paths for row in read_rows(path))


def _case(row: Row) -> Case:
    return Case(
        category=row.category,
        gold=row.truth,
        answer=row.answer,
        right=row.kind == "right",
        is_response=row.is_response,
        known=row.known,
    )
