"""Completions of a model for a list of prompts, for the evaluations and nothing else.

Covered: text and chat prompts, greedy and sampled decoding, one process. Not covered: the rollouts
of training, which are TRL's, and sharded models.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Completion", "complete", "prompt_ids"]


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model wrote for one prompt."""

    text: str
    tokens: int
    """Its length, the end token included."""
    truncated: bool
    """It ran into the length limit."""


def prompt_ids(tokenizer: Any, prompt: Any) -> list[int]:
    """The token ids of a text, or of chat messages by the model's template, as TRL makes them."""
    if isinstance(prompt, str):
        return list(tokenizer(prompt)["input_ids"])
    rendered = tokenizer.apply_chat_template(
        list(prompt), add_generation_prompt=True, tokenize=True, return_dict=True
    )
    return list(rendered["input_ids"])


def complete(
    model: Any,
    tokenizer: Any,
    prompts: Sequence[Any],
    *,
    max_new_tokens: int,
    temperature: float | None,
    seed: int,
    batch_size: int,
) -> list[Completion]:
    """A completion for each prompt, in order; ``temperature`` None is greedy.

    The random state outside is left as it was, so that an evaluation does not change what is
    trained after it.
    """
    import torch

    devices = [model.device] if model.device.type == "cuda" else []
    was_training = model.training
    model.eval()
    try:
        with torch.random.fork_rng(devices=devices), torch.no_grad():
            torch.manual_seed(seed)
            settings = _settings(tokenizer, max_new_tokens, temperature)
            return list(_batches(model, tokenizer, prompts, settings, batch_size))
    finally:
        model.train(was_training)


def _settings(tokenizer: Any, max_new_tokens: int, temperature: float | None) -> Any:
    from transformers import GenerationConfig

    make: Any = GenerationConfig  # its constructor has no annotations
    sampled = {} if temperature is None else {"temperature": temperature, "top_k": 0, "top_p": 1.0}
    return make(
        max_new_tokens=max_new_tokens,
        do_sample=temperature is not None,
        pad_token_id=_pad(tokenizer),
        eos_token_id=tokenizer.eos_token_id,
        **sampled,
    )


def _pad(tokenizer: Any) -> int:
    return int(tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id)


def _batches(
    model: Any, tokenizer: Any, prompts: Sequence[Any], settings: Any, batch_size: int
) -> Iterator[Completion]:
    for start in range(0, len(prompts), batch_size):
        rows = [prompt_ids(tokenizer, prompt) for prompt in prompts[start : start + batch_size]]
        ids, mask = _left_padded(rows, _pad(tokenizer), model.device)
        written = model.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
        for row in written[:, ids.shape[1] :].tolist():
            yield _completion(tokenizer, row)


def _left_padded(rows: Sequence[Sequence[int]], pad: int, device: Any) -> tuple[Any, Any]:
    import torch

    width = max(map(len, rows))
    ids = [[pad] * (width - len(row)) + list(row) for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _completion(tokenizer: Any, row: list[int]) -> Completion:
    end = tokenizer.eos_token_id
    ended = end in row
    kept = row[: row.index(end) + 1] if ended else row
    text = tokenizer.decode(kept, skip_special_tokens=True)
    return Completion(text, len(kept), truncated=not ended)
