"""How TRL's preference trainers tell a run's records what happens."""

from __future__ import annotations

from typing import Any

from ..records.callbacks import RunCallback

__all__ = ["PreferenceCallback"]

_SHOWN = (
    ("loss", "loss", "{:.4f}"),
    ("rewards/accuracies", "pairs in order", "{:.1%}"),
    ("rewards/margins", "margin", "{:.3f}"),
    ("kl", "KL", "{:.3f}"),
)
"""Metric, its name on the display, and its form."""


class PreferenceCallback(RunCallback):
    """Shows losses and margins, where an online trainer shows rewards."""

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        """A line of TRL's log becomes a line of ours, and facts on the display."""
        super().on_log(args, state, control, logs, **more)
        found = [(name, (logs or {}).get(key), form) for key, name, form in _SHOWN]
        said = [f"{name} {form.format(value)}" for name, value, form in found if value is not None]
        if said and "loss" in (logs or {}):
            self._records.display.facts(state.global_step, "  ".join(said))
