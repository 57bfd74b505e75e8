"""What an engine is to the rest of offline scoring: samples in, rewards out, in order.

Reading, writing, resuming and the side files are not the engine's: they see its rewards only, so
that every engine gives the same output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from ...core.types import Reward, Sample

__all__ = ["LOCAL", "Engine", "EngineName", "EngineOptions"]

EngineName: TypeAlias = Literal["local", "ray"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """Which engine, and what only Ray is told."""

    name: EngineName = "local"
    """On this machine, or by actors of ``ray``."""
    actors: int | None = None
    """How many; None: as many as the cluster has cores (and GPUs, where a source wants one) for."""
    address: str | None = None
    """Of a running cluster; None: RAY_ADDRESS, or a cluster of the run's own."""


LOCAL = EngineOptions()


class Engine(Protocol):
    """Judges samples. ``core.scorer.Scorer`` is one: the engine ``local``."""

    def stream(self, samples: Iterable[Sample]) -> Iterator[Reward]:
        """One reward for each sample, in order, in bounded memory; nothing is lost on the way.

        What cannot be judged has a reward that says so. Samples of one group follow each other, and
        are judged together where a source asks for it. It may be called again once its rewards
        have all been taken, or will never be.

        Raises ``ScoringError`` under ``on_fault: raise``, and ``EngineError`` when the engine
        itself broke: rewards given until then hold.
        """
        ...
