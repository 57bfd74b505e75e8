"""Labelled rows to grade: our audit tables, JSONL files, golds against golds, hostile texts.

A JSONL row holds ``gold``, ``prediction``, ``expected`` and may hold ``category``, ``source``,
``disputed`` (such rows are left out) and ``form`` ("answer": put into a box; "response": as it is).
Not covered: peers' own tests; see ``peers``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

__all__ = ["Row", "audit_rows", "file_rows", "gold_rows", "hostile_rows"]

_TESTS = Path(__file__).resolve().parent.parent.parent / "tests" / "verifiers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One labelled pair; ``response`` is what a grader is given."""

    gold: str
    response: str
    expected: bool
    category: str = ""
    origin: str = ""


def audit_rows() -> list[Row]:
    """The tables of ``tests/verifiers/audit``."""
    if str(_TESTS) not in sys.path:
        sys.path.append(str(_TESTS))
    from audit.cases import cases

    return [
        Row(gold=c.gold, response=c.completion, expected=c.right, category=c.category)
        for c in cases()
    ]


def hostile_rows() -> list[Row]:
    """The texts of ``tests/verifiers/audit/hostile.py``; none of them should pass."""
    audit_rows()
    from audit.hostile import hostile

    return [
        Row(gold=c.gold, response=c.completion, expected=c.right, category=c.category)
        for c in hostile()
    ]


def file_rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as lines:
        return [_row(row) for row in map(json.loads, lines) if not row.get("disputed")]


def _row(row: dict[str, Any]) -> Row:
    said = row["prediction"]
    return Row(
        gold=row["gold"],
        response=said if row.get("form") == "response" else f"\\boxed{{{said}}}",
        expected=bool(row["expected"]),
        category=row.get("category", ""),
        origin=row.get("source", ""),
    )


def gold_rows(folder: Path, *, following: bool) -> dict[str, list[Row]]:
    """By file: every gold in a box against itself or, ``following``, against the next row's."""
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        golds = list(_golds(path))
        pairs = pairwise(golds) if following else zip(golds, golds, strict=True)
        found[path.stem] = [
            Row(
                gold=gold,
                response=f"\\boxed{{{said}}}",
                expected=gold.strip() == said.strip(),
                category=path.stem,
            )
            for gold, said in pairs
        ]
    return {name: rows for name, rows in found.items() if rows}


_FIELDS = ("final_answer", "expected_answer", "answer", "Answer", "correct", "target")


def _golds(path: Path) -> Iterator[str]:
    from math_grading.graders import boxed

    lines = path.read_text(encoding="utf-8").split("\n")  # splitlines would split at U+2028 too
    for row in map(json.loads, filter(None, lines)):
        value = next((row[field] for field in _FIELDS if row.get(field) is not None), None)
        if value is None:
            value = boxed(row.get("solution", ""))
        if isinstance(value, list):
            value = value[0] if value else ""
        text = str(value).rpartition("####")[2].strip()
        if text:
            yield text
