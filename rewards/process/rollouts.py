"""Step labels by roll-outs: how often an answer that begins with these steps ends well.

``generate`` writes the rest of an answer, ``verify`` says of whole answers whether they are right:
any function, any recipe (``verdicts_of``). Nothing here loads a model.

Sources: Wang et al. 2024 (Math-Shepherd, arXiv 2312.08935), Eq. 3 and 4: hard and soft estimation.
Differs: the last step is verified itself and not rolled out; answers that no verifier could judge
are left out of the counts. Not covered: tree search (MCTS), and finding the first error by halves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ...core.errors import ConfigError
from ...core.scorer import Scorer
from ...core.splitters import Span
from ...core.types import Sample

__all__ = ["Generate", "StepLabel", "Verify", "label_steps", "stepwise_row", "verdicts_of"]

Generate: TypeAlias = Callable[[Sequence[Sample], int], Sequence[Sequence[str]]]
"""(samples whose completion is a beginning, n) -> n continuations of each, without the
beginning."""
Verify: TypeAlias = Callable[[Sequence[Sample]], Sequence[bool | None]]
"""Whole answers -> right or wrong; None: not judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLabel:
    """What roll-outs say of the answer up to the end of a step."""

    span: Span
    passed: int
    """Continuations that ended well."""
    judged: int
    """Continuations that were judged at all."""

    @property
    def soft(self) -> float | None:
        """The share that ended well, in [0, 1]; None where nothing was judged."""
        return self.passed / self.judged if self.judged else None

    @property
    def hard(self) -> bool | None:
        """Whether any ended well; None where nothing was judged."""
        return self.passed > 0 if self.judged else None


def label_steps(
    samples: Sequence[Sample],
    spans: Sequence[Sequence[Span]],
    generate: Generate,
    verify: Verify,
    n: int = 8,
) -> list[list[StepLabel]]:
    """A label for each step of each sample, in order.

    Args:
        samples: whole answers, as texts.
        spans: the steps of each, as ``split`` gives them.
        generate, verify: see their types; each is called once with everything.
        n: roll-outs of a step. 8 is Math-Shepherd's.

    Raises ``ConfigError`` for wrong counts.
    """
    _check(samples, spans, n)
    starts = [
        (row, step, replace(sample, completion=sample.text[:end], id=""))
        for row, (sample, steps) in enumerate(zip(samples, spans, strict=True))
        for step, (_, end) in enumerate(steps[:-1])
    ]
    written = generate([start for _, _, start in starts], n) if starts else []
    _check_written(written, len(starts), n)
    whole = [(row, len(steps) - 1) for row, steps in enumerate(spans) if steps]
    answers = [samples[row] for row, _ in whole]
    owners = list(whole)
    for (row, step, start), texts in zip(starts, written, strict=True):
        answers += [replace(start, completion=start.text + text, id="") for text in texts]
        owners += [(row, step)] * len(texts)
    said = list(verify(answers)) if answers else []
    if len(said) != len(answers):
        raise ConfigError(f"verify: gave {len(said)} verdicts of {len(answers)} answers")
    counts: dict[tuple[int, int], list[bool]] = {}
    for owner, right in zip(owners, said, strict=True):
        counts.setdefault(owner, []).extend([] if right is None else [right])
    return [
        [
            StepLabel(span=span, passed=sum(found), judged=len(found))
            for step, span in enumerate(steps)
            for found in [counts.get((row, step), [])]
        ]
        for row, steps in enumerate(spans)
    ]


def _check(samples: Sequence[Sample], spans: Sequence[Sequence[Span]], n: int) -> None:
    if len(samples) != len(spans):
        raise ConfigError(
            f"label_steps.spans: must be as many as samples ({len(samples)}), got {len(spans)}"
        )
    if n < 1:
        raise ConfigError(f"label_steps.n: must be >= 1, got {n}")


def _check_written(written: Sequence[Sequence[str]], starts: int, n: int) -> None:
    counts = {len(texts) for texts in written}
    if len(written) != starts or counts - {n}:
        raise ConfigError(
            f"generate: must give {n} continuations of each of {starts} beginnings, got"
            f" {len(written)} with {sorted(counts)}"
        )


def verdicts_of(scorer: Scorer) -> Verify:
    """A recipe as ``verify``: the reward's ``passed``; None for faults and for no bar."""
    return lambda samples: [
        None if reward.value is None else reward.passed for reward in scorer.score(samples)
    ]


def stepwise_row(sample: Sample, labels: Sequence[StepLabel]) -> dict[str, Any]:
    """``prompt``, ``completions`` (the steps) and ``labels`` (hard), TRL's stepwise layout; and
    ``soft``. A step that nothing was judged of ends the row: what follows it is left out."""
    kept = []
    for label in labels:
        if label.hard is None:
            break
        kept.append(label)
    return {
        "prompt": sample.prompt,
        "completions": [sample.text[start:end] for start, end in (label.span for label in kept)],
        "labels": [bool(label.hard) for label in kept],
        "soft": [label.soft for label in kept],
    }
