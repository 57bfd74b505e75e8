"""Procedural tasks as plugins: endless problems with answers known by construction.

A task is a generator ``(rng, settings) -> Iterator[Sample]`` of samples without a completion. It
draws only from the ``random.Random`` it is given, so one seed gives one stream. Whoever takes
problems from it (the trainer, a benchmark) drops repeats by prompt and cuts the stream into
disjoint splits; see ``take_distinct``.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .composition import Rule
from .errors import ConfigError
from .types import Sample, canonical_json

__all__ = ["Task", "take_distinct", "task"]


class Task(Rule):
    """``(rng, settings) -> Iterator[Sample]``: problems, one after another."""

    kind = "task"

    def stream(self, seed: int, settings: Mapping[str, Any]) -> Iterator[Sample]:
        """The problems of one seed, in order; raises ``ConfigError`` for wrong settings."""
        config = self.read(settings, f"task {self.name}")
        # not for secrets: one seed must give one stream of problems
        return iter(self.target(random.Random(seed), config))  # noqa: S311


def task(name: str) -> Callable[[Callable[..., Iterator[Sample]]], Task]:
    """Register a generator ``(rng: random.Random, settings) -> Iterator[Sample]`` as a task."""
    return lambda target: Task(target, name)


def take_distinct(problems: Iterator[Sample], n: int, *, seen: set[str]) -> list[Sample]:
    """The next ``n`` problems whose prompts are not in ``seen``; adds them to it.

    Raises ``ConfigError`` when the task repeats itself too often to give so many.
    """
    taken: list[Sample] = []
    misses = 0
    for problem in problems:
        key = canonical_json(problem.prompt)
        if key in seen:
            misses += 1
            if misses > 1000 + 100 * n:
                break
            continue
        seen.add(key)
        taken.append(problem)
        if len(taken) == n:
            return taken
    raise ConfigError(
        f"data: asked for {n} distinct problems, but the task gave only {len(taken)} new ones;"
        " ask for fewer, or widen its settings"
    )
