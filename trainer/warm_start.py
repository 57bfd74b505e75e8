"""A short supervised start: the model imitates demonstrations before it meets a reward.

Plain next-token loss on the completions, prompts masked, AdamW, one process. A few hundred steps
of a small model; for real supervised fine-tuning use TRL's SFTTrainer.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .config import WarmStartConfig
from .generate import prompt_ids

__all__ = ["warm_start"]

_IGNORED = -100
_FLOOR = 0.05
"""The learning rate falls to this share of the highest."""


def warm_start(
    model: Any,
    tokenizer: Any,
    pairs: Iterator[tuple[Any, str]],
    settings: WarmStartConfig,
    on_step: Callable[[int, float], None],
) -> None:
    """Train ``model`` in place on (prompt, completion) pairs.

    ``on_step(step, loss)`` is called after every optimizer step.
    """
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: _rate(n, settings))
    model.train()
    for step in range(1, settings.steps + 1):
        batch = list(itertools.islice(pairs, settings.batch_size))
        loss = model(**_tensors(tokenizer, batch, model.device)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.max_grad_norm)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        on_step(step, float(loss.detach()))


def _rate(done: int, settings: WarmStartConfig) -> float:
    """The share of the learning rate after ``done`` steps: up, then linearly down."""
    rise = min(1.0, (done + 1) / max(settings.warmup_steps, 1))
    return rise * max(_FLOOR, 1.0 - done / settings.steps)


def _tensors(tokenizer: Any, batch: Sequence[tuple[Any, str]], device: Any) -> dict[str, Any]:
    """Left-padded inputs, and labels for the completions and their end token only."""
    import torch

    rows = []
    for prompt, completion in batch:
        asked = prompt_ids(tokenizer, prompt)
        said = tokenizer(completion, add_special_tokens=False)["input_ids"]
        rows.append((asked, [*said, tokenizer.eos_token_id]))
    width = max(len(asked) + len(said) for asked, said in rows)
    ids, labels, mask = [], [], []
    for asked, said in rows:
        space = width - len(asked) - len(said)
        ids.append([tokenizer.eos_token_id] * space + asked + said)
        labels.append([_IGNORED] * (space + len(asked)) + said)
        mask.append([0] * space + [1] * (len(asked) + len(said)))
    named = {"input_ids": ids, "labels": labels, "attention_mask": mask}
    return {name: torch.tensor(values, device=device) for name, values in named.items()}
