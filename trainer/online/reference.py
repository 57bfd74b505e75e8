"""The reference model becomes the policy every so many steps (ProRL's reference reset)."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from ...core.errors import ConfigError

__all__ = ["ReferenceReset"]


class ReferenceReset(TrainerCallback):
    """Copies the policy's weights into the trainer's reference model.

    The optimizer keeps its state: ProRL also resets that, which TRL's loop cannot do in the middle
    of a run without losing its schedule. A resumed run starts from the reference of its recipe
    until the next reset.
    """

    def __init__(self, trainer: Any, every: int) -> None:
        if trainer.ref_model is None:
            raise ConfigError(
                "trainer.reference.reset_every: this run has no reference model of its own (beta is"
                " 0, or the model is an adapter, whose reference is the model without it)"
            )
        self._trainer, self._every = trainer, every
        self.resets = 0

    def on_step_end(
        self,
        args: Any,  # noqa: ARG002 - transformers gives it
        state: Any,
        control: Any,  # noqa: ARG002 - transformers gives it
        **_: Any,
    ) -> None:
        """Reset when it is time."""
        if state.global_step % self._every:
            return
        unwrap = self._trainer.accelerator.unwrap_model
        policy, reference = unwrap(self._trainer.model), unwrap(self._trainer.ref_model)
        weights = policy.state_dict()
        reference.load_state_dict({name: weights[name] for name in reference.state_dict()})
        self.resets += 1
        self._trainer.note("reference/resets", self.resets)
