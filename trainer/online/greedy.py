"""ReMax's baseline: what the greedy completion of each prompt earns, by the same reward functions.

What generation and scoring log of these completions is thrown away: they are not the batch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from ...core.errors import ConfigError
from .rollout import Rollout

if TYPE_CHECKING:
    from .policy import PolicyTrainer

__all__ = ["greedy_rewards"]


def greedy_rewards(trainer: PolicyTrainer, rollout: Rollout) -> torch.Tensor:
    """(B,): the reward of the greedy completion of each prompt; NaN where it has none.

    A prompt is completed once, however many completions of it there are. Raises ``ConfigError``
    where vLLM generates.
    """
    prompts = [json.dumps(row["prompt"], default=str) for row in rollout.rows]
    distinct = list(dict.fromkeys(prompts))
    first = [rollout.rows[prompts.index(prompt)]["prompt"] for prompt in distinct]
    order = [distinct.index(prompt) for prompt in prompts]
    with _apart(trainer):
        _, ids, _, completions, *_ = trainer._generate(first)
        found: torch.Tensor = trainer._calculate_rewards(
            rollout.rows,
            [row["prompt"] for row in rollout.rows],
            [completions[place] for place in order],
            [ids[place] for place in order],
        )
    return trainer.summed(found)[rollout.own]


@contextmanager
def _apart(trainer: PolicyTrainer) -> Iterator[None]:
    """Greedy decoding; what is known of the batch, and what is logged, stays as it was."""
    if trainer.use_vllm:
        raise ConfigError("trainer.algorithm: remax needs generation by transformers, not vLLM")
    logs: list[Any] = [
        trainer._metrics["train"],
        trainer._pending_metrics,
        trainer._pending_extra_logs,
    ]
    kept = [{name: list(values) for name, values in log.items()} for log in logs]
    scored, settings = trainer.scored, trainer.generation_config
    said = None if scored is None else (scored.samples, scored.rewards)
    rewards, sampled, settings.do_sample = trainer.rewards_N_K, settings.do_sample, False
    if scored is not None:
        scored.muted = True
    try:
        yield
    finally:
        settings.do_sample, trainer.rewards_N_K = sampled, rewards
        for log, before in zip(logs, kept, strict=True):
            log.clear()
            log.update(before)
        if scored is not None and said is not None:
            scored.samples, scored.rewards = said
            scored.muted = False
