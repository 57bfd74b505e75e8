"""What the tests of offline scoring share: small files, and plugins written on the spot."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

PLUGIN = '''
"""Sources for tests."""
import time
from assay import Sample, source

@source("probe.length", version="1", scale="real", runs="inline")
def length(sample: Sample) -> float:
    """The length of the answer, in characters."""
    time.sleep({seconds})
    return float(len(sample.text))

@source("probe.rank", version="1", scale="real", runs="inline", arity="group")
def rank(samples: list[Sample]) -> list[float]:
    """How many of the group are shorter."""
    lengths = [len(s.text) for s in samples]
    return [float(sum(m < n for m in lengths)) for n in lengths]

@source("probe.place", version="1", scale="real", runs="inline", arity="batch")
def place(samples: list[Sample]) -> list[float]:
    """The place in the batch."""
    return [float(n) for n in range(len(samples))]

@source("probe.broken", version="1", scale="unit", runs="inline")
def broken(sample: Sample) -> float:
    """Always fails."""
    raise RuntimeError("broken on purpose")
'''


def rows(n: int) -> list[dict[str, Any]]:
    """Questions of which every third is answered wrong, four completions to a prompt."""
    return [
        {
            "prompt": f"What is {i // 4} + 1?",
            "completion": f"{'so ' * (i % 7)}\\boxed{{{i // 4 + 1 + (i % 3 == 0)}}}",
            "ground_truth": str(i // 4 + 1),
            "level": i % 5,
        }
        for i in range(n)
    ]


@pytest.fixture
def make_file(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as JSON lines; gives the path."""

    def make(content: Iterable[Mapping[str, Any]] | int, name: str = "in.jsonl") -> Path:
        content = rows(content) if isinstance(content, int) else content
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in content))
        return path

    return make


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., str]:
    """Write the sources for tests into a module; gives its path."""

    def make(seconds: float = 0.0, name: str = "probe_sources") -> str:
        path = tmp_path / f"{name}.py"
        path.write_text(PLUGIN.replace("{seconds}", str(seconds)))
        return str(path)

    return make
