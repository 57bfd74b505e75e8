"""A generator that writes whole answers, as one that writes steps.

Covered: cutting what it writes after the first step. Not covered: saving the tokens behind the cut;
a generator that stops at the end of a step by itself is cheaper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ...core.generation import Generator, Wanted, Written, as_many
from ...core.splitters import Splitter, split

__all__ = ["Stepwise"]


class Stepwise:
    """Writes what is wanted by ``generate``, and cuts it after the first step where one is wanted.

    Args:
        generate: writes answers to their end, whatever ``Wanted.until`` says.
        how: what a step is.

    The step that the answer ends with is ``finished``. ``tokens`` stay those that were written.
    """

    def __init__(self, generate: Generator, how: Splitter = "paragraphs") -> None:
        self.generate = generate
        self.how: Splitter = how

    def __call__(self, wanted: Sequence[Wanted]) -> list[Written | None]:
        """As many as were wanted."""
        given = as_many(self.generate([replace(want, until="end") for want in wanted]), wanted)
        return [self._cut(want, text) for want, text in zip(wanted, given, strict=True)]

    def _cut(self, want: Wanted, given: Written | str | None) -> Written | None:
        written = Written(given) if isinstance(given, str) else given
        if written is None or want.until == "end":
            return written
        spans = split(written.text, self.how)
        if len(spans) < 2:
            return written
        return replace(written, text=written.text[: spans[0][1]], finished=False, truncated=False)
