"""Batches of like length within a budget of tokens, and what to do when memory runs out.

Padding is computed and thrown away, so texts of like length go together; the longest first, so that
a budget which is too large shows at once. Not covered: packing without padding.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

__all__ = ["Batcher", "OutOfMemory", "plan"]

log = logging.getLogger("assay")
T = TypeVar("T")


def plan(lengths: Sequence[int], tokens: int) -> list[list[int]]:
    """Indices in batches whose longest length times their number stays within ``tokens``.

    A text longer than that goes alone. The longest batch comes first.
    """
    batches: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        last = batches[-1] if batches else []
        if last and (len(last) + 1) * lengths[last[0]] <= tokens:
            last.append(index)
        else:
            batches.append([index])
    return batches


class OutOfMemory(str):
    """In place of a result: the text does not fit even alone; says so."""

    __slots__ = ()


class Batcher(Generic[T]):
    """Runs a forward pass over texts of any lengths, and learns how much fits.

    Args:
        tokens: of one forward pass, padding included.
        release: called after memory ran out, to give back what is held.
    """

    def __init__(self, tokens: int, release: Callable[[], None]) -> None:
        self.tokens = tokens
        self.halved = 0
        """How often memory ran out and the budget was halved."""
        self._release = release

    def run(
        self, lengths: Sequence[int], forward: Callable[[list[int]], Sequence[T]]
    ) -> list[T | OutOfMemory]:
        """A result for each length, in order; ``forward`` gets the indices of one batch.

        Raises what ``forward`` raises, but for a lack of memory.
        """
        results: dict[int, T | OutOfMemory] = {}
        batches = plan(lengths, self.tokens)
        while batches:
            batch = batches.pop(0)
            found = self._tried(batch, forward)
            if found is not None:
                results.update(zip(batch, found, strict=True))
            elif len(batch) == 1:
                results[batch[0]] = OutOfMemory(
                    f"a text of {lengths[batch[0]]} tokens does not fit into memory even alone;"
                    " lower max_tokens, or take a smaller model or dtype"
                )
            else:
                self._halve(lengths[batch[0]] * len(batch))
                left = [i for i in range(len(lengths)) if i not in results]
                batches = [
                    [left[i] for i in again]
                    for again in plan([lengths[i] for i in left], self.tokens)
                ]
        return [results[i] for i in range(len(lengths))]

    def _tried(
        self, batch: list[int], forward: Callable[[list[int]], Sequence[T]]
    ) -> Sequence[T] | None:
        try:
            return forward(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # outside of the handler: its traceback holds the tensors that are to be released
        self._release()
        return None

    def _halve(self, used: int) -> None:
        self.tokens = max(min(self.tokens, used) // 2, 1)
        self.halved += 1
        log.warning("memory ran out in a batch of %d tokens: from now on %d", used, self.tokens)


def is_out_of_memory(error: Any) -> bool:
    """Whether an error says that memory ran out: torch's own, of a GPU or of its CPU allocator."""
    name, text = type(error).__name__, str(error)
    return (
        isinstance(error, MemoryError)
        or name == "OutOfMemoryError"
        or "out of memory" in text.lower()
        or "DefaultCPUAllocator: can't allocate memory" in text
    )
