"""The pretraining term of PPO-ptx: log-likelihood of texts that must not be forgotten."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import torch

from ...core.errors import ConfigError, DataError
from .settings import PtxSettings

__all__ = ["PtxTexts"]


class PtxTexts:
    """Texts, drawn by step; the same for a step whenever it is asked.

    Raises ``ConfigError`` for a file without usable columns, ``DataError`` for one that cannot be
    read.
    """

    def __init__(self, settings: PtxSettings, tokenizer: Any, seed: int) -> None:
        self.weight = settings.weight
        self._settings = settings
        self._tokenizer = tokenizer
        self._seed = seed
        self._texts = _texts(settings.path)

    def loss(self, model: Any, step: int) -> torch.Tensor:
        """Mean negative log-likelihood a token over the batch of a step; with gradient.

        Source: survey, eq. 14 (minus its last term, divided by the number of tokens).
        """
        from ..estimators.losses import ptx

        rng = random.Random(self._seed * 1_000_003 + step)  # noqa: S311 - a step must repeat
        chosen = rng.choices(self._texts, k=self._settings.batch_size)
        made = self._tokenizer(
            chosen,
            return_tensors="pt",
            padding=True,
            padding_side="right",
            truncation=True,
            max_length=self._settings.max_tokens,
        )
        device = next(model.parameters()).device
        ids, mask = made["input_ids"].to(device), made["attention_mask"].to(device)
        logits = model(input_ids=ids, attention_mask=mask).logits[:, :-1]
        logps = torch.log_softmax(logits.float(), dim=-1)
        taken = logps.gather(2, ids[:, 1:].unsqueeze(2)).squeeze(2)
        return ptx(taken, mask[:, 1:], "tokens")


def _texts(path: str) -> list[str]:
    import pandas as pd

    read: dict[str, Any] = {
        ".jsonl": lambda p: pd.read_json(p, lines=True),
        ".parquet": pd.read_parquet,
    }
    suffix = Path(path).suffix
    if suffix not in read:
        raise ConfigError(f"trainer.ptx.path: must end in .jsonl or .parquet, got {path!r}")
    try:
        rows = read[suffix](path)
    except (OSError, ValueError) as error:
        raise DataError(f"trainer.ptx.path {path}: cannot be read: {error}") from error
    if "text" in rows:
        texts = rows["text"].tolist()
    elif {"prompt", "completion"} <= set(rows):
        texts = [f"{a}{b}" for a, b in zip(rows["prompt"], rows["completion"], strict=True)]
    else:
        raise ConfigError(
            f"trainer.ptx.path {path}: needs a column text, or prompt and completion; it has"
            f" {sorted(rows)}"
        )
    found = [text for text in texts if isinstance(text, str) and text]
    if not found:
        raise ConfigError(f"trainer.ptx.path {path}: holds no text")
    return found
