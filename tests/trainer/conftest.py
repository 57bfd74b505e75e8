"""A run small enough for a test, and settings that must stand before torch is imported."""

from __future__ import annotations

import os
from typing import Any

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")


@pytest.fixture
def micro() -> dict[str, Any]:
    """A recipe that trains for two steps in a few seconds."""
    return {
        "name": "micro",
        "sources": [
            {"use": "math.exact"},
            {"use": "format.think_answer", "weight": 0.1, "scores": "zero_one"},
        ],
        "passed_by": ["math.exact"],
        "model": {
            "tiny": {"layers": 1, "hidden": 32, "heads": 2, "feed_forward": 64, "positions": 64},
            "warm_start": {"steps": 3, "batch_size": 4},
        },
        "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 12, "n_eval": 6},
        "trainer": {
            "max_steps": 2,
            "learning_rate": 1e-3,
            "per_device_train_batch_size": 8,
            "num_generations": 4,
            "max_completion_length": 12,
            "logging_steps": 1,
            "threads": 1,
        },
    }
