"""What a person, or another trusted rater, said of an answer: where it stands and what it means.

Not covered: which grade is good enough; that is for the user to say.
"""

from __future__ import annotations

import math
from typing import Any

from ..core.errors import DataError

__all__ = ["LABEL_NAMES", "read_label"]

LABEL_NAMES = ("label", "labels", "human_label", "human_score", "rating")
"""Columns that hold labels in the datasets of the field."""
_YES = frozenset({"true", "yes", "good", "correct", "right", "pass", "passed", "y"})
_NO = frozenset({"false", "no", "bad", "incorrect", "wrong", "fail", "failed", "n"})


def read_label(value: Any, column: str, place: str) -> float:
    """1 for yes, 0 for no, or the grade; raises ``DataError``."""
    word = value.strip().lower() if isinstance(value, str) else value
    if isinstance(word, str) and word in _YES | _NO:
        return float(word in _YES)
    try:
        number = float(word)
    except (TypeError, ValueError):
        number = math.nan
    if math.isfinite(number):
        return number
    raise DataError(
        f"{place}: column {column!r}: a label is yes, no or a number, got {value!r:.80}"
    )
