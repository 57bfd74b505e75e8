"""A reward model that trains in seconds."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

Make = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def small() -> Make:
    """``small(data, **reward_model)``: a recipe on a model of some thousand weights."""

    def make(
        data: dict[str, Any] | None = None, *, trainer: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, Any]:
        world = {"task": {"use": "preferences.letters", "unit": 2.0}, "n_train": 96, "n_eval": 60}
        tiny = {"layers": 1, "hidden": 16, "heads": 2, "feed_forward": 32, "positions": 64}
        return {
            "name": "small",
            "model": {"tiny": tiny},
            "data": data or world,
            "trainer": {
                "algorithm": "reward_model",
                "learning_rate": 5e-3,
                "per_device_train_batch_size": 16,
                "logging_steps": 1,
                "threads": 1,
                "reward_model": more,
            }
            | (trainer or {}),
        }

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Sequence[dict[str, Any]]], Path]:
    """Rows as a JSONL file."""

    def to_file(rows: Sequence[dict[str, Any]], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return to_file
