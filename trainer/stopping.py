"""Ending a training run because a source says so: a judge's budget is spent.

A reward function cannot end a run, so a callback looks after each step whether a source asked for
it (``Scorer.stopped``), on any rank, and ends the run after the batch under way with a checkpoint.
In a script of one's own: ``GRPOTrainer(..., callbacks=[StopCallback(lambda: reward.stopped)])``.

Not covered: algorithms that learn in rounds; they raise ``RunStopped`` where they score.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback

__all__ = ["StopCallback"]


class StopCallback(TrainerCallback):
    """Ends training at the first step after which no completions of the batch are left.

    Args:
        stopped: why the run should end, as this process knows it; empty as long as it should not.

    ``reason`` says afterwards why it ended the run; empty when it did not.
    """

    def __init__(self, stopped: Callable[[], str]) -> None:
        self._stopped = stopped
        self.reason = ""

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        """Look, on all ranks alike; the trainer then saves and ends."""
        own = self._stopped()
        if state.global_step % _cycle(args) == 0 and _anywhere(bool(own), args):
            self.reason = own or "a source ended the run in another process"
            control.should_training_stop = control.should_save = True
        return control


def _cycle(args: Any) -> int:
    """Optimizer steps on one batch of completions: a checkpoint between them would be resumed with
    other completions."""
    steps = (getattr(args, "steps_per_generation", None) or 1) * getattr(args, "num_iterations", 1)
    return max(1, int(steps) // int(args.gradient_accumulation_steps))


def _anywhere(stop: bool, args: Any) -> bool:
    """Whether any rank wants to stop; a rank that stopped alone would leave the others waiting."""
    import torch

    distributed = torch.distributed
    if not (distributed.is_available() and distributed.is_initialized()):
        return stop
    flag = torch.tensor(float(stop), device=args.device)
    distributed.all_reduce(flag, op=distributed.ReduceOp.MAX)
    return bool(flag.item())
