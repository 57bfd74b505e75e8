"""The Scorer: samples in, rewards out, whatever the plugins do.

It opens a recipe's sources where they say they run, hands them the samples they apply to, spares
equal work, asks and feeds the cache, and lets the ``Mixer`` make rewards. Inline sources run in
the caller's thread; all others in the killable workers of the ``Engine``.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from .batch import Batch
from .cache import Cache
from .carry import carried
from .closing import Closing
from .engine.contract import PoolSettings
from .engine.engine import Engine
from .engine.unit import Unit
from .engine.zygote import Plan, SourcePlan
from .errors import EngineError
from .mixing import Mixer
from .recipe import Recipe, RecipeSpec
from .registry import Registry
from .route import Route
from .source import Arity, Source
from .types import FAULTS, Reward, Sample, Verdict
from .windows import WINDOW_ROWS, Pace, cut_windows

__all__ = ["WINDOW_ROWS", "Scorer", "usable_cores"]

log = logging.getLogger("assay")

_WINDOWS_AHEAD = 2


class Scorer(Closing):
    """Scores samples by a recipe.

    Args:
        spec: a source's name, a list of names, a recipe's path, a mapping, or a ``Recipe``; also
            a ``Source`` object, which need not be registered.
        plugins: modules to load by name, besides the recipe's.
        workers: worker processes for each ``process`` source that does not say; by default the
            number of usable cores.
        cache: an SQLite file for verdicts, in place of the recipe's.
        on_sample_fault: what the recipe's ``on_sample_fault`` means when it is not set:
            ``exclude`` (default), or ``zero``, as trainers use it.

    Raises ``ConfigError`` and ``PluginError`` at once; ``EngineError`` when workers cannot start.
    It may be used from several threads and event loops at the same time, and after a fork. Close
    it, or use it in a ``with`` statement, to end its workers; they end with the process too.
    """

    def __init__(
        self,
        spec: RecipeSpec | Source,
        *,
        plugins: Sequence[str] = (),
        workers: int | None = None,
        cache: str | os.PathLike[str] | None = None,
        on_sample_fault: str = "exclude",
    ) -> None:
        self._given = given = {spec.name: spec} if isinstance(spec, Source) else {}
        self.recipe = Recipe.read(spec.name if isinstance(spec, Source) else spec)
        self.plugins = tuple(dict.fromkeys((*self.recipe.plugins, *plugins)))
        self.registry = Registry.load(self.plugins)
        self._workers = workers or usable_cores()
        self._routes = [
            Route(entry, given.get(entry.use) or self.registry.sources[entry.use])
            for entry in self.recipe.sources
        ]
        self.names = tuple(route.name for route in self._routes)
        """What the verdicts of each source are called, in recipe order."""
        self.arities: frozenset[Arity] = frozenset(route.source.arity for route in self._routes)
        """Whether its sources judge samples, groups or whole batches."""
        self.on_device = any(route.runs == "device" for route in self._routes)
        """Whether one of its sources holds a model that belongs on a GPU."""
        self.mixer = Mixer(
            self.recipe,
            self.registry,
            [route.source for route in self._routes],
            self.recipe.on_sample_fault or on_sample_fault,
        )
        self._cache = _cache_of(self.recipe, cache)
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in self.names}
        """For each source: how many verdicts of each status, and ``cached``, ``sample_fault``."""
        self.stopped = ""
        """Why a source wants the run to end (``errors.StopRun``); empty as long as none does. It is
        for the host of the run to act on: samples that are handed in are still scored."""

    # scoring ------------------------------------------------------------------------------

    def score(self, samples: Iterable[Sample]) -> list[Reward]:
        """A reward for each sample, in order. Never raises for what a source does.

        Raises ``ScoringError`` under ``on_fault: raise``, and ``EngineError`` when the worker
        processes cannot be started.
        """
        batch = self._begin(_checked(samples))
        self._run_inline(batch)
        batch.wait()
        if self.recipe.on_fault == "retry" and (again := self._retry(batch)):
            again.wait()
        return self._finish(batch)

    async def ascore(self, samples: Iterable[Sample]) -> list[Reward]:
        """``score`` for coroutines: the event loop goes on while sources work."""
        checked = _checked(samples)
        batch = await asyncio.to_thread(self._begin, checked)
        if any(route.inline for route in self._routes):
            await asyncio.to_thread(self._run_inline, batch)
        await batch.await_done()
        if self.recipe.on_fault == "retry":
            again = await asyncio.to_thread(self._retry, batch)
            if again is not None:
                await again.await_done()
        return self._finish(batch)

    def stream(self, samples: Iterable[Sample]) -> Iterator[Reward]:
        """Rewards of an endless iterable, in order, in bounded memory.

        It reads a few windows ahead of what is taken from it and no further. For sources that
        judge groups, samples of one group must follow each other. For ``batch`` sources a window
        is the batch.
        """
        ahead: deque[Batch] = deque()
        pace = Pace(self.arities)
        for window in cut_windows(samples, self.arities, pace):
            batch = self._begin(_checked(window))
            self._run_inline(batch)
            ahead.append(batch)
            if len(ahead) > _WINDOWS_AHEAD:
                yield from self._awaited(ahead.popleft())
                pace.step()
        while ahead:
            yield from self._awaited(ahead.popleft())

    def _awaited(self, batch: Batch) -> list[Reward]:
        batch.wait()
        if self.recipe.on_fault == "retry" and (again := self._retry(batch)):
            again.wait()
        return self._finish(batch)

    def unjudged(self, sample: Sample, reason: str) -> Reward:
        """The reward of a sample whose host died while it was judged: every source has failed."""
        verdicts = [route.failed(sample, reason) for route in self._routes]
        return self.mixer.reward(sample, verdicts)

    # the parts of it ----------------------------------------------------------------------

    def _begin(self, samples: list[Sample]) -> Batch:
        """Hand everything that runs elsewhere to the engine."""
        batch = Batch(samples, len(self._routes))
        batch.expect(1)  # held open until everything is handed out
        for index, route in enumerate(self._routes):
            if not route.inline:
                self._hand_out(route, route.work(index, batch, self._cache, range(len(samples))))
        batch.arrived(1)
        return batch

    def _hand_out(self, route: Route, work: list[Unit]) -> None:
        if work:
            engine = self.engine()
            random.Random(0).shuffle(work)  # noqa: S311 - no run of hostile neighbours blocks a pool
            engine.submit(route.pool, work)

    def _run_inline(self, batch: Batch) -> None:
        for index, route in enumerate(self._routes):
            if route.inline:
                route.judge_inline(index, batch)

    def _retry(self, batch: Batch) -> Batch | None:
        """``on_fault: retry``: give faulted samples one more try."""
        again = False
        batch.expect(1)
        for index, route in enumerate(self._routes):
            faulted = [
                place
                for place, verdict in enumerate(batch.verdicts[index])
                if verdict is not None and verdict.is_fault and not verdict.stop
            ]
            if not faulted:
                continue
            again = True
            if route.inline:
                route.judge_inline(index, batch, faulted)
            else:
                self._hand_out(route, route.work(index, batch, None, faulted))
        batch.arrived(1)
        return batch if again else None

    def _finish(self, batch: Batch) -> list[Reward]:
        engine = self._engine
        if engine is not None and engine.error is not None:
            raise engine.error
        for index, route in enumerate(self._routes):
            self._count(route.name, batch.verdicts[index])
            if self._cache is not None:
                route.remember(self._cache, batch, index)
        make = self.mixer.reward
        return [
            make(sample, verdicts)
            for sample, verdicts in zip(
                batch.samples, zip(*batch.verdicts, strict=True), strict=True
            )
        ]

    def _count(self, name: str, row: Sequence[Verdict | None]) -> None:
        counts = Counter(v.status.value for v in row if v is not None)
        cached = sum(v.cached for v in row if v is not None)
        at_fault = sum(
            bool(v.evidence.get("sample_fault"))
            for v in row
            if v is not None and v.status in FAULTS
        )
        stop = (
            next((v.stop for v in row if v is not None and v.stop), "") if counts["failed"] else ""
        )
        with self._lock:
            self.stopped = self.stopped or stop
            total = self.counts[name]
            total.update(counts)
            if cached:
                total["cached"] += cached
            if at_fault:
                total["sample_fault"] += at_fault

    # workers ------------------------------------------------------------------------------

    def engine(self) -> Engine:
        """The engine of this process, started on first use (and again after a fork)."""
        with self._lock:
            if self._closed:
                raise EngineError("the scorer was closed; make a new one")
            if self._engine is None or not self._engine.alive_here:
                self._engine = self._start_engine()
            return self._engine

    def _start_engine(self) -> Engine:
        routes = [route for route in self._routes if not route.inline]
        plans, pools = [], []
        for number, route in enumerate(routes):
            route.pool = number
            plans.append(_source_plan(route, given=route.entry.use in self._given))
            pools.append(_pool_settings(route, self._workers))
        plugins = [(name, _file_of(name)) for name in self.plugins]
        return Engine(Plan(list(sys.path), plugins, plans), pools)

    def start(self) -> Self:
        """Start the workers now rather than at the first sample."""
        if any(not route.inline for route in self._routes):
            self.engine()
        return self

    def close(self) -> None:
        """End the workers, with everything they started. Scoring afterwards is an error."""
        self._closed = True
        if self._engine is not None:
            self._engine.close()
        for route in self._routes:
            route.close()
        if self._cache is not None:
            self._cache.close()

    @property
    def pool_counters(self) -> Mapping[str, Mapping[str, int]]:
        """For each source with workers: kills, deaths, second tries, refusals..."""
        if self._engine is None:
            return {}
        return {
            pool.settings.name: {
                key: getattr(pool.counters, key) for key in pool.counters.__slots__
            }
            for pool in self._engine.pools
        }


def _checked(samples: Iterable[Sample]) -> list[Sample]:
    taken = list(samples)
    for sample in taken:
        if type(sample) is not Sample and not isinstance(sample, Sample):
            raise TypeError(f"samples must be assay.Sample objects, got {type(sample).__name__}")
    return taken


def _cache_of(recipe: Recipe, path: str | os.PathLike[str] | None) -> Cache | None:
    if path is not None:
        return Cache(Path(path))
    return None if recipe.cache is None else Cache(recipe.cache.path, recipe.cache.max_bytes)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _source_plan(route: Route, *, given: bool) -> SourcePlan:
    return SourcePlan(
        name=route.name,
        use=route.entry.use,
        settings=route.entry.settings,
        retries=route.entry.retries,
        deadline_s=route.deadline_s,
        memory_bytes=route.memory_bytes,
        preload=route.runs != "device",
        pickled=carried(route.source) if given or route.source.module == "__main__" else None,
    )


def _pool_settings(route: Route, workers: int) -> PoolSettings:
    entry, runs = route.entry, route.runs
    return PoolSettings(
        name=route.name,
        version=route.version,
        size=route.workers or (workers if runs == "process" else 1),
        deadline_s=route.deadline_s,
        concurrency=entry.concurrency if runs == "async" else 0,
        elastic=runs == "process",
        may_split=route.source.arity == "sample",
    )


def _file_of(name: str) -> str | None:
    """Where a plugin module was loaded from, for workers that cannot import it by its name."""
    module = sys.modules.get(name.removesuffix(".py").rpartition("/")[2])
    return getattr(module, "__file__", None)
