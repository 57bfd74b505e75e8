"""Held-out problems asked and scored by the recipe that trains: greedy and sampled pass rates.

Scored by the Scorer that the reward function uses, so an evaluation says what training would have
paid. Not covered: pass@k, and evaluating on several processes (the main one does it alone).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from ..bridges.metrics import measure
from ..core.scorer import Scorer
from ..core.statistics import wilson
from ..core.types import Reward, Sample, digest
from .config import EvaluationConfig
from .generate import complete

__all__ = ["Evaluator", "Outcome", "rate", "wilson"]


def rate(rewards: Sequence[Reward]) -> dict[str, float]:
    """``pass_rate`` with its 95 % interval over the ``n`` samples that were judged.

    A sample without a judgement (``passed`` is None) is no failure: it is counted in ``unjudged``.
    """
    judged = [reward.passed for reward in rewards if reward.passed is not None]
    passed, n = sum(judged), len(judged)
    low, high = wilson(passed, n)
    share = passed / n if n else 0.0
    return {"pass_rate": share, "low": low, "high": high, "n": n, "unjudged": len(rewards) - n}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Held-out problems, answered and scored."""

    samples: list[Sample]
    rewards: list[Reward]

    def metrics(self) -> dict[str, float]:
        """What the training log says of a batch, under the same names."""
        paid = [reward.value for reward in self.rewards if reward.value is not None]
        lengths = [float(sample.extra["completion_tokens"]) for sample in self.samples]
        found = measure(self.samples, self.rewards, prefix="assay", own="assay")
        found.pop("assay/zero_variance_groups", None)  # an evaluation has no groups
        found["completions/mean_length"] = fmean(lengths)
        return found | ({"reward": fmean(paid)} if paid else {})


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Asks a model the held-out problems."""

    problems: Sequence[Sample]
    scorer: Scorer
    tokenizer: Any
    settings: EvaluationConfig
    max_completion_length: int
    seed: int
    asked: Callable[[Sample], Any] | None = None
    """The prompt that a problem is put in; None: its own. The sources see its own."""

    def ask(self, model: Any, *, sampled: bool = False) -> Outcome:
        """One answer to each problem, greedy or sampled, with its reward."""
        written = complete(
            model,
            self.tokenizer,
            [self._prompt(problem) for problem in self.problems],
            max_new_tokens=self.max_completion_length,
            temperature=self.settings.temperature if sampled else None,
            seed=self.seed,
            batch_size=self.settings.batch_size,
        )
        samples = [
            _answered(problem, completion.text, completion.tokens, completion.truncated)
            for problem, completion in zip(self.problems, written, strict=True)
        ]
        return Outcome(samples, self.scorer.score(samples))

    def _prompt(self, problem: Sample) -> Any:
        return problem.prompt if self.asked is None else self.asked(problem)

    def report(self, model: Any) -> tuple[dict[str, Any], Outcome]:
        """One half of ``evaluation.json``, and the greedy answers behind it.

        ``mean_reward``, ``mean_tokens`` and ``sources`` are those of the greedy answers.
        """
        greedy, sampled = self.ask(model), self.ask(model, sampled=True)
        metrics = greedy.metrics()
        found = {
            "greedy": rate(greedy.rewards),
            "sampled": rate(sampled.rewards),
            "mean_reward": metrics.get("reward"),
            "mean_tokens": metrics["completions/mean_length"],
            "sources": {name: _of_source(metrics, name) for name in self.scorer.names},
        }
        return found, greedy


def _of_source(metrics: dict[str, float], name: str) -> dict[str, float | None]:
    keys = ("pass_rate", "mean", "fault_rate")
    return {key: metrics.get(f"assay/{name}/{key}") for key in keys}


def _answered(problem: Sample, text: str, tokens: int, truncated: bool) -> Sample:
    chat = not isinstance(problem.prompt, str)
    completion = [{"role": "assistant", "content": text}] if chat else text
    extra = {k: v for k, v in problem.extra.items() if k != "demonstration"}
    return replace(
        problem,
        completion=completion,
        truncated=truncated,
        extra={**extra, "completion_tokens": tokens},
        id=digest([problem.id, text, "held-out"]),
        group=problem.id,
    )
