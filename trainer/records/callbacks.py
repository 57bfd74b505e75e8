"""How the trainer of TRL tells a run's own records what happens, in its main process only.

Other ranks have no such callback and write nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback

from ...core.types import Reward, Sample
from ..evaluate import Evaluator, rate
from ..health.log import HealthLog
from .metrics_log import MetricsLog
from .progress import Display, summary_of
from .rollouts import RolloutLog

__all__ = ["RunCallback", "RunRecords"]


@dataclass(frozen=True, slots=True)
class RunRecords:
    """Where the main process of a run writes and speaks."""

    metrics: MetricsLog
    rollouts: RolloutLog
    display: Display
    health: HealthLog | None = None

    def take(self, samples: list[Sample], rewards: list[Reward], state: Any) -> None:
        """The sink of the reward function: a scored batch goes to all who keep or watch it."""
        self.rollouts(samples, rewards, state)
        if self.health is not None:
            self.health(samples, rewards, state)

    def log(self, step: int, logs: dict[str, Any]) -> None:
        """A line of the trainer's log: written down, with what it says of the run's health."""
        if self.health is None:
            self.metrics.write(step, "train", logs)
            return
        warnings = self.health.observe(step, logs)
        self.metrics.write(step, "train", logs | self.health.metrics)
        for warning in warnings:
            self.display.note(f"warning: {warning.line}")


class RunCallback(TrainerCallback):
    """Writes metrics, moves the display, flushes rollouts at checkpoints, evaluates on the way."""

    def __init__(
        self,
        records: RunRecords,
        sources: Sequence[str],
        evaluator: Evaluator,
        every_steps: int | None,
    ) -> None:
        self._records = records
        self._sources = tuple(sources)
        self._evaluator = evaluator
        self._every = every_steps

    def on_log(
        self,
        args: Any,  # noqa: ARG002 - transformers gives it
        state: Any,
        control: Any,  # noqa: ARG002 - transformers gives it
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """A line of TRL's log becomes a line of ours."""
        if not logs:
            return
        self._records.log(state.global_step, logs)
        if "reward" in logs:
            facts = summary_of(logs, self._sources)
            self._records.display.facts(state.global_step, facts)

    def on_step_end(
        self,
        args: Any,  # noqa: ARG002 - transformers gives it
        state: Any,
        control: Any,  # noqa: ARG002 - transformers gives it
        model: Any = None,
        **_: Any,
    ) -> None:
        """Move the display; evaluate when it is time (the last step is evaluated by the run)."""
        step = state.global_step
        self._records.display.step(step)
        if self._every and step % self._every == 0 and step < state.max_steps:
            outcome = self._evaluator.ask(model)
            if self._evaluator.scorer.stopped:
                return  # half of the problems were not judged; the run ends after this step
            self._records.metrics.write(step, "eval", outcome.metrics())
            found = rate(outcome.rewards)
            self._records.display.note(
                f"step {step}: held-out accuracy {found['pass_rate']:.3f} (n={found['n']})"
            )

    def on_save(
        self,
        args: Any,  # noqa: ARG002 - transformers gives it
        state: Any,  # noqa: ARG002 - transformers gives it
        control: Any,  # noqa: ARG002 - transformers gives it
        **_: Any,
    ) -> None:
        """What a checkpoint holds need not be done again: keep its rollouts."""
        self._records.rollouts.flush()
