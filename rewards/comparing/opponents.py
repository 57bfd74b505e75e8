"""Earlier answers to a prompt, kept as opponents: SPO's queue.

Source: Swamy et al. 2024 (SPO, arXiv 2401.04056): a queue of the last B trajectories;
one that comes in pushes the oldest out. Kept in the memory of one process and lost with it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

from ...core.types import Sample, digest

__all__ = ["Queue"]


class Queue:
    """For each prompt the last ``length`` answers; the prompts used longest ago are forgotten.

    Args:
        length: answers of a prompt.
        prompts: prompts remembered.
    """

    def __init__(self, length: int, prompts: int) -> None:
        self.length = length
        self.prompts = prompts
        self._kept: OrderedDict[str, deque[Sample]] = OrderedDict()

    def of(self, key: str) -> list[Sample]:
        """The answers kept for a prompt, oldest first."""
        return list(self._kept.get(key, ()))

    def push(self, key: str, answers: Sequence[Sample]) -> None:
        """Keep answers. Those that come together are put in an order that no place decides."""
        queue = self._kept.setdefault(key, deque(maxlen=self.length))
        self._kept.move_to_end(key)
        for sample in sorted(answers, key=lambda s: digest(s.text)):
            if sample.text.strip():
                queue.append(Sample(prompt=sample.prompt, completion=sample.text, id=sample.id))
        while len(self._kept) > self.prompts:
            self._kept.popitem(last=False)
