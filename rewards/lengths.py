"""How long a completion is, in tokens, with or without a tokenizer.

Not covered: running a tokenizer. Trainers know the token ids and pass them in ``Sample.extra``.
"""

from __future__ import annotations

import re
from collections.abc import Sized

from ..core.types import Sample

__all__ = ["PIECE", "completion_tokens"]

PIECE = re.compile(r"[^\W\d_]{1,12}|\d{1,3}|[^\w\s]|_")
"""Pieces that stand in for tokens: up to 12 letters, up to 3 digits (as many tokenizers group
them), or one other mark that is not white space. Linear: every alternative is bounded."""


def completion_tokens(sample: Sample) -> int:
    """Length of the completion in tokens, from the first of these that is there.

    ``extra["completion_tokens"]`` (a whole number >= 0), the length of
    ``extra["completion_ids"]``, or the number of ``PIECE`` matches in the text, which is only
    near what a tokenizer would count.
    """
    count = sample.extra.get("completion_tokens")
    if isinstance(count, int) and not isinstance(count, bool) and count >= 0:
        return count
    ids = sample.extra.get("completion_ids")
    if isinstance(ids, Sized) and not isinstance(ids, str | bytes):
        return len(ids)
    return sum(1 for _ in PIECE.finditer(sample.text))
