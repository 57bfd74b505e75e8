"""How often each prompt has been passed so far: the memory of a curriculum.

One entry for each prompt id: completions judged, completions passed, and a moving average of the
pass rate. A completion without a judgement (``passed`` is None: a fault, or no opinion) is no
failure and is not counted. What is remembered depends on which completions a batch held and not on
their order, so that ranks which gather a batch in any order remember the same.

Not covered: which batch a prompt was in, and prompts that left the data.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import DataError

__all__ = ["PassRates", "PromptRecord", "gathered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptRecord:
    """What is known of one prompt."""

    judged: int
    """Completions with a judgement, over the whole run; at least 1."""
    passed: int
    """Those of them that passed."""
    recent: float
    """The moving average of the batches' pass rates, in [0, 1]."""


class PassRates:
    """Pass rates by prompt id. ``state_dict`` is JSON, for checkpoints."""

    def __init__(self, smoothing: float = 0.5) -> None:
        """``smoothing``: the share of the newest batch in the moving average, in (0, 1].

        0.5 is ours: a policy moves on between two visits, and a group is a small sample.
        """
        if not 0 < smoothing <= 1:
            raise ValueError(f"smoothing must be in (0, 1], got {smoothing}")
        self.smoothing = smoothing
        self._records: dict[str, PromptRecord] = {}

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self._records

    def update(self, ids: Sequence[str], passed: Sequence[bool | None]) -> None:
        """Take in one batch, with one entry for each completion; all ranks must give the same.

        Raises ``ValueError`` when the lengths differ.
        """
        counts: dict[str, tuple[int, int]] = {}
        for prompt_id, verdict in zip(ids, passed, strict=True):
            if verdict is not None:
                judged, good = counts.get(prompt_id, (0, 0))
                counts[prompt_id] = judged + 1, good + bool(verdict)
        for prompt_id, (judged, good) in counts.items():
            self._records[prompt_id] = self._joined(prompt_id, judged, good)

    def _joined(self, prompt_id: str, judged: int, good: int) -> PromptRecord:
        share, before = good / judged, self._records.get(prompt_id)
        if before is None:
            return PromptRecord(judged=judged, passed=good, recent=share)
        recent = before.recent + self.smoothing * (share - before.recent)
        return PromptRecord(
            judged=before.judged + judged,
            passed=before.passed + good,
            recent=min(max(recent, 0.0), 1.0),  # rounding must not leave the interval
        )

    def record(self, prompt_id: str) -> PromptRecord | None:
        """The counts of a prompt; None when none of its completions was judged."""
        return self._records.get(prompt_id)

    def rate(self, prompt_id: str) -> float | None:
        """Its moving average, in [0, 1]; None when nothing is known."""
        known = self._records.get(prompt_id)
        return None if known is None else known.recent

    def difficulty(self, prompt_id: str) -> float | None:
        """1 - ``rate``: 0 is always passed, 1 never; None when nothing is known."""
        rate = self.rate(prompt_id)
        return None if rate is None else 1.0 - rate

    def summary(self) -> dict[str, float]:
        """For a log: prompts seen, and the shares of them never and always passed of late."""
        rates = [known.recent for known in self._records.values()]
        n = len(rates)
        return {
            "prompts_seen": float(n),
            "never_passed": sum(rate == 0.0 for rate in rates) / n if n else 0.0,
            "always_passed": sum(rate == 1.0 for rate in rates) / n if n else 0.0,
            "mean_pass_rate": sum(sorted(rates)) / n if n else 0.0,
        }

    def state_dict(self) -> dict[str, Any]:
        """Everything, as a JSON object with sorted ids."""
        rows = {
            prompt_id: [known.judged, known.passed, known.recent]
            for prompt_id, known in sorted(self._records.items())
        }
        return {"smoothing": self.smoothing, "prompts": rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the place of what is remembered; raises ``DataError`` for anything else's state."""
        try:
            smoothing = float(state["smoothing"])
            records = {str(key): _read(row) for key, row in state["prompts"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"pass rates: the checkpoint's memory cannot be read: {type(error).__name__}:"
                f" {error}; it was not written by PassRates.state_dict"
            ) from error
        self.smoothing, self._records = smoothing, records


def _read(row: Iterable[Any]) -> PromptRecord:
    judged, passed, recent = row
    known = PromptRecord(judged=int(judged), passed=int(passed), recent=float(recent))
    if not (0 <= known.passed <= known.judged and known.judged > 0 and 0 <= known.recent <= 1):
        raise ValueError(f"impossible counts {[judged, passed, recent]}")
    return known


def gathered(
    ids: Sequence[str], passed: Sequence[bool | None]
) -> tuple[list[str], list[bool | None]]:
    """The batch of all ranks, in the order of ranks; the same on each. Every rank must call it.

    In one process: what was given.
    """
    accelerate = importlib.import_module("accelerate.utils")  # it has no type information
    pairs = accelerate.gather_object(list(zip(ids, passed, strict=True)))
    return [prompt_id for prompt_id, _ in pairs], [verdict for _, verdict in pairs]
