"""How TRL's RewardTrainer tells a run's records what happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

from ...core.agreement import Rate
from ..records.metrics_log import MetricsLog
from ..records.progress import Display

__all__ = ["RewardCallback"]

_SHOWN = (
    ("loss", "loss", "{:.4f}"),
    ("accuracy", "pairs in order", "{:.1%}"),
    ("margin", "margin", "{:.3f}"),
)
"""Metric, its name on the display, and its form."""


class RewardCallback(TrainerCallback):
    """Writes metrics, moves the display, and measures held-out pairs on the way.

    Args:
        measure: accuracy of the model on held-out pairs.
        every_steps: when; None: never.
    """

    def __init__(
        self,
        metrics: MetricsLog,
        display: Display,
        measure: Callable[[Any], Rate],
        every_steps: int | None,
    ) -> None:
        self._metrics = metrics
        self._display = display
        self._measure = measure
        self._every = every_steps

    def on_log(
        self,
        args: Any,  # noqa: ARG002 - transformers gives it
        state: Any,
        control: Any,  # noqa: ARG002 - transformers gives it
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """A line of TRL's log becomes a line of ours, and facts on the display."""
        if not logs:
            return
        self._metrics.write(state.global_step, "train", logs)
        found = [(name, logs.get(key), form) for key, name, form in _SHOWN]
        said = [f"{name} {form.format(value)}" for name, value, form in found if value is not None]
        if "loss" in logs:
            self._display.facts(state.global_step, "  ".join(said))

    def on_step_end(
        self,
        args: Any,  # noqa: ARG002 - transformers gives it
        state: Any,
        control: Any,  # noqa: ARG002 - transformers gives it
        model: Any = None,
        **_: Any,
    ) -> None:
        """Move the display; measure when it is time (the last step is measured by the run)."""
        step = state.global_step
        self._display.step(step)
        if self._every and step % self._every == 0 and step < state.max_steps:
            rate = self._measure(model)
            self._metrics.write(step, "eval", {"accuracy": rate.share})
            self._display.note(f"step {step}: held-out pairs {rate.share or 0.0:.3f} (n={rate.n})")
