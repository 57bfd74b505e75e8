"""Rows that ``assay score`` wrote, read back: their rewards and verdicts.

Covered: rows of every output format; in CSV all cells are text, and empty ones are None.
Not covered: the samples in them, see ``core.records.sample_of_record``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..core.errors import DataError
from ..core.types import Reward, Status, Verdict

__all__ = ["flag_of", "number_of", "reward_of_record"]


def number_of(cell: Any) -> float | None:
    """A number that may be text, or None; raises ``ValueError``."""
    return None if cell is None or cell == "" else float(cell)


def flag_of(cell: Any) -> bool | None:
    """True, false, or None, also as text."""
    if cell is None or cell == "":
        return None
    return cell is True or cell in {"True", "true"}


def reward_of_record(row: Mapping[str, Any]) -> Reward:
    """The reward that ``core.records.record`` wrote into a row; raises ``DataError``."""
    try:
        said = json.loads(row["verdicts"])
        return Reward(
            value=number_of(row["value"]),
            unshaped=number_of(row["unshaped"]),
            passed=flag_of(row["passed"]),
            status=Status(row["status"]),
            verdicts={name: Verdict.from_dict(verdict) for name, verdict in said.items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"not a row of a scored file: {type(error).__name__}: {error}") from None
