"""A source on the bench: every probe judged through the Scorer, in worker processes, once.

The rules look at what is found here. Nothing runs before the first rule asks for it.
Not covered: what a verdict should have been (``rules``).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..audit.measure import entry_of, tables_of
from ..audit_table import AuditTable
from ..judging import OpenSource
from ..registry import Registry
from ..scorer import Scorer
from ..source import HOST_KEYS, Source
from ..types import Verdict
from .probes import Probe, probes_of
from .quiet import Observed, observe
from .stuck import Ending, end_it

__all__ = ["Bench", "Judged", "Runs"]

_SLOW_TRIES = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """A probe and its verdict."""

    probe: Probe
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Runs:
    """The probes judged: all at once; the small ones again; and those one by one, backwards.

    What was a fault the first time is not tried again: a hang costs its deadline each time.
    """

    first: tuple[Judged, ...]
    again: tuple[Judged, ...]
    apart: tuple[Judged, ...]


class Bench:
    """One source with its plugin modules; ``deadline_s`` in place of its table's or the default."""

    def __init__(
        self, name: str, plugins: Sequence[str] = (), deadline_s: float | None = None
    ) -> None:
        self.plugins = tuple(plugins)
        registry = Registry.load(self.plugins)
        self.source: Source = registry.sources[name]
        self.tables: list[AuditTable] = tables_of(registry, name)
        self._deadline_s = deadline_s

    @property
    def entry(self) -> dict[str, Any]:
        """The source as a recipe has it: with its first table's settings, in a worker process."""
        settings = self.tables[0].settings if self.tables else {}
        limit = {} if self._deadline_s is None else {"deadline_s": self._deadline_s}
        return {**entry_of(self.source, settings), **limit}

    @cached_property
    def probes(self) -> tuple[Probe, ...]:
        """What it is handed, with ordinary samples from its first table."""
        return tuple(probes_of(self.tables[0].cases if self.tables else ()))

    @cached_property
    def runs(self) -> Runs:
        """All verdicts; the workers end with it."""
        recipe = {"sources": [self.entry]}
        with Scorer(recipe, plugins=self.plugins, workers=2) as scorer:
            first = self._together(scorer, self.probes)
            small = [j.probe for j in first if j.probe.is_small and not j.verdict.is_fault]
            again = self._together(scorer, small)
            apart = [judged for probe in small[::-1] for judged in _judge(scorer, [probe])]
        return Runs(tuple(first), tuple(again), tuple(apart[::-1]))

    def _together(self, scorer: Scorer, probes: Sequence[Probe]) -> list[Judged]:
        """In one batch; a source of batches would fail as a whole, so it gets them one by one."""
        if self.source.arity != "batch":
            return _judge(scorer, probes)
        return [judged for probe in probes for judged in _judge(scorer, [probe])]

    @cached_property
    def observed(self) -> Observed:
        """What a fresh process writes and imports when it loads, opens and uses the source."""
        settings = _settings(self.entry)
        kinds = ("ordinary", "messages")
        judged = [found for found in self.runs.first if not found.verdict.is_fault]
        few = [found.probe for found in judged if found.probe.kind in kinds]
        bundles = [[probe.sample, *probe.beside] for probe in few]
        return observe(self.source, settings, self.plugins, bundles)

    @cached_property
    def ending(self) -> Ending:
        """What became of a call that never returned."""
        probe = self.probes[0]
        bundle = [probe.sample, *probe.beside]
        return end_it(self.source, _settings(self.entry), self.plugins, bundle)

    def cpu_seconds(self, probe: Probe) -> float:
        """The least that it took of a few calls in this process: for inline sources only."""
        opened = OpenSource(self.source, _settings(self.entry), self.source.name)
        opened.opened()
        samples = [s.view(self.source.view) for s in (probe.sample, *probe.beside)]
        taken = []
        for _ in range(_SLOW_TRIES):
            begun = time.thread_time()
            opened.judge(samples)
            taken.append(time.thread_time() - begun)
        opened.close()
        return min(taken)


def _judge(scorer: Scorer, probes: Sequence[Probe]) -> list[Judged]:
    (name,) = scorer.names
    samples = [sample for probe in probes for sample in (probe.sample, *probe.beside)]
    verdicts = iter([reward.verdicts[name] for reward in scorer.score(samples)])
    return [Judged(probe, _first(verdicts, 1 + len(probe.beside))) for probe in probes]


def _first(verdicts: Iterable[Verdict], count: int) -> Verdict:
    """The next verdict, with those of the samples beside it taken too."""
    taken = iter(verdicts)
    verdict, *_ = [next(taken) for _ in range(count)]
    return verdict


def _settings(entry: dict[str, Any]) -> dict[str, Any]:
    """The keys of an entry that are the source's own."""
    return {key: value for key, value in entry.items() if key not in HOST_KEYS}
