"""Audit tables as plain text, one answer or a few on a line.

::

    # fraction                  a category; "# name responses": whole responses, as JSON strings
    = \\frac{3}{4}               a ground truth
    + 3/4 ;; 0.75               right answers
    - 4/3 ;; 0.7                wrong answers
    ! __import__("os")          attacks
    ? why                       the next line's answers are judged wrongly today, and why

Not covered: what else a sample holds; whoever reads the rows makes samples of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources.abc import Traversable

from ..audit_table import CaseKind
from ..errors import DataError

__all__ = ["Row", "read_rows"]

_BETWEEN = " ;; "
_KINDS: dict[str, CaseKind] = {"+": "right", "-": "wrong", "!": "attack"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One answer of a table."""

    category: str
    truth: str
    answer: str
    kind: CaseKind
    is_response: bool
    """``answer`` is a whole response, not an answer alone."""
    known: str = ""
    """Why it is judged wrongly today."""

    @property
    def name(self) -> str:
        """Unique within a category."""
        return f"{self.truth} {'+' if self.kind == 'right' else '-'} {self.answer}"


def read_rows(path: Traversable) -> Iterator[Row]:
    """The rows of a file in order. Raises ``DataError`` for a line that is none of the above."""
    category, truth, known, responses = "", "", "", False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if mark == "#":
            category, _, kind = rest.partition(" ")
            responses = kind == "responses"
        elif mark == "=":
            truth = rest
        elif mark == "?":
            known = rest
        elif mark in _KINDS:
            for answer in [json.loads(rest)] if responses else rest.split(_BETWEEN):
                yield Row(
                    category=category,
                    truth=truth,
                    answer=answer,
                    kind=_KINDS[mark],
                    is_response=responses,
                    known=known,
                )
            known = ""
        elif line:
            raise DataError(f"{path.name}:{number}: must start with one of # = + - ! ?, got {mark}")
