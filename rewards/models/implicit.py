"""``rm.implicit``: the reward that two language models imply, for answers, steps and tokens.

``r(y) = β log π(y|x) / π_ref(y|x)``: what DPO's policy believes of an answer, and what implicit
process reward models learn from outcomes alone. It lacks the prompt's own constant β log Z(x), so
scores compare answers to one prompt and nothing else; a group-relative advantage (GRPO, RLOO) does
just that.

Source: Rafailov et al. 2023 (arXiv 2305.18290), Eq. 5; Yuan et al. 2024 (arXiv 2412.01981);
Cui et al. 2025 (arXiv 2502.01456). Differs: steps are half-open, so that a boundary token counts
once and steps add up to the answer's score; ``length_normalised`` is ours.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from ...core.source import source
from ...core.types import Sample, Status, Step, Verdict
from .batches import OutOfMemory
from .log_ratios import LogRatios, Rollout
from .settings import LocalSettings, OneModel
from .texts import TemplateFault

__all__ = ["ImplicitReward", "ImplicitSettings"]

_CUTS = {"paragraphs": re.compile(r"\n[ \t\r]*\n\s*"), "lines": re.compile(r"\n\s*")}


class ImplicitSettings(LocalSettings):
    """Settings of ``rm.implicit``."""

    policy: OneModel
    """The model that was trained on preferences or outcomes."""
    reference: OneModel
    """The one it was trained from, with the same tokenizer."""
    beta: float = Field(default=0.05, gt=0, allow_inf_nan=False)
    """As in its training. Yuan et al. 2024 and PRIME: 0.05."""
    steps: Literal["paragraphs", "lines", "tokens", "whole"] = "paragraphs"
    """What has a score of its own in ``Verdict.steps``."""
    length_normalised: bool = False
    """Divide by the number of tokens: the mean log-ratio, for which long answers are not further
    from 0."""
    pass_at: float | None = None
    """The score from which a sample passes; None: it has no bar."""
    batch_tokens: int = Field(default=8192, ge=1)
    """Tokens of one forward pass, padding included. The probabilities of the whole vocabulary are
    held for those of completions. Halved for good when memory runs out."""

    @property
    def unanchored(self) -> str:
        """Why scores cannot be added to those of others as they are."""
        return (
            "its scores are log-ratios that lack the constant of their prompt (β log Z), so their"
            " level differs from prompt to prompt"
        )


@source("rm.implicit", version="1", scale="real", arity="batch", runs="device")
class ImplicitReward:
    """β times the log-ratio of a policy and its reference, summed over the completion's tokens.

    ``steps``: their sum is the score. ``parts``: ``log_ratio`` before β, and ``tokens``. The text
    scored is the last assistant message; what came before it is the prompt. An end token counts
    with the last step, unless the sample is ``truncated``. Scores compare within a prompt.
    """

    def __init__(self, settings: ImplicitSettings) -> None:
        self.settings = settings
        self._models = LogRatios(settings.policy, settings.reference, settings)
        self._shown = {
            name: {"path": model.path, "fingerprint": model.fingerprint}
            for name, model in (("policy", settings.policy), ("reference", settings.reference))
        }

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """A verdict for each sample, in order."""
        read = [self._rollout(sample) for sample in samples]
        found = iter(self._models.of([r for r in read if isinstance(r, Rollout)]))
        return [
            self._verdict(sample, rollout, next(found))
            if isinstance(rollout, Rollout)
            else Verdict.unscored(Status.FAILED, rollout)
            for sample, rollout in zip(samples, read, strict=True)
        ]

    def _rollout(self, sample: Sample) -> Rollout | str:
        try:
            rollout = self._models.rollout(sample)
        except TemplateFault as fault:
            return str(fault)
        return rollout if rollout.completion else "an empty text, and no end token to score"

    def _verdict(
        self, sample: Sample, rollout: Rollout, ratios: list[float] | OutOfMemory
    ) -> Verdict:
        evidence = self._evidence(rollout)
        if isinstance(ratios, OutOfMemory):
            return Verdict.unscored(Status.FAILED, str(ratios), evidence=evidence)
        if not all(map(math.isfinite, ratios)):
            why = "a log-ratio is not finite; float16 overflows where bfloat16 does not"
            return Verdict.unscored(Status.FAILED, why, evidence=evidence)
        settings, count = self.settings, len(ratios)
        unit = settings.beta / count if settings.length_normalised else settings.beta
        score = unit * math.fsum(ratios)
        cuts = _boundaries(sample.text[: rollout.chars], rollout.starts, settings.steps)
        steps = _steps(cuts, rollout, [unit * ratio for ratio in ratios])
        mean = ", mean of its tokens" if settings.length_normalised else ""
        return Verdict.scored(
            score,
            None if settings.pass_at is None else score >= settings.pass_at,
            f"{score:.4g} over {count} tokens in {len(steps)} steps{mean}",
            parts={"log_ratio": math.fsum(ratios), "tokens": float(count)},
            steps=steps,
            evidence=evidence,
            cost={"tokens": float(2 * (len(rollout.context) + count))},
        )

    def _evidence(self, rollout: Rollout) -> dict[str, Any]:
        shown = {
            "comparable": "within a prompt",
            "truncated": rollout.truncated,
            "special_text": rollout.guarded,
            "models": self._shown,
            "weight_bytes": self._models.weight_bytes,
        }
        if self._models.batcher.halved:
            shown["memory_ran_out"] = self._models.batcher.halved
        return shown


def _boundaries(text: str, starts: Sequence[int], how: str) -> list[int]:
    """Where steps begin in the text; the first is 0."""
    if how == "whole":
        return [0]
    if how == "tokens":
        begun = {start for start in starts if 0 < start < len(text)}
    else:
        begun = {m.end() for m in _CUTS[how].finditer(text) if 0 < m.end() < len(text)}
    return [0, *sorted(begun)]


def _steps(cuts: Sequence[int], rollout: Rollout, rewards: Sequence[float]) -> list[Step]:
    """Each token counts in the step in which it begins; the end token in the last."""
    inside: list[list[float]] = [[] for _ in cuts]
    for start, reward in zip(rollout.starts, rewards, strict=True):
        inside[bisect_right(cuts, start) - 1].append(reward)
    ends = [*cuts[1:], rollout.chars]
    return [
        Step(start=start, end=end, score=math.fsum(found))
        for start, end, found in zip(cuts, ends, inside, strict=True)
    ]
