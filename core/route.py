"""One source of a recipe, bound: which samples reach it, as what, and what comes back.

It applies ``when``, ``view`` and ``needs``, makes units of work by the source's arity, spares
equal work inside a batch, and asks the cache.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from .batch import Batch
from .cache import Cache, cache_key
from .engine.unit import Sink, Unit
from .errors import ConfigError
from .judging import OpenSource, fault_of
from .recipe import SourceEntry
from .source import Runs, Source
from .types import Sample, Status, Verdict, View

__all__ = ["Route"]

_FIELDS = ("task", "group", "id", "truncated")


class Route:
    """A recipe's entry together with its source.

    Raises ``ConfigError`` for settings the source refuses and for a ``runs`` it cannot follow.
    """

    def __init__(self, entry: SourceEntry, source: Source) -> None:
        self.entry = entry
        self.source = source
        self.name = entry.name
        where = f"source {self.name}"
        source.read(entry.settings, where)
        self.version = source.version_with(entry.settings)
        self.runs: Runs = _runs(entry, source, where)
        self.inline = self.runs == "inline"
        self.deadline_s: float | None = _said(entry, source, "deadline_s")
        self.memory_bytes: int | None = _said(entry, source, "memory_bytes")
        self.workers: int | None = _said(entry, source, "workers")
        self.view: View = entry.view or source.view
        self.pool = -1
        """The number of its pool in the engine."""
        self._other_needs = tuple(sorted(source.needs - {"ground_truth"}))
        self._needs_truth = "ground_truth" in source.needs
        self._when = [(key, _allowed(value)) for key, value in entry.when.items()]
        self._lock = threading.Lock()
        self._open: OpenSource | None = None

    # which samples ------------------------------------------------------------------------

    def applies(self, sample: Sample) -> bool:
        """Whether the recipe's ``when`` sends this sample here."""
        for key, allowed in self._when:
            value = getattr(sample, key) if key in _FIELDS else sample.extra.get(key)
            if value not in allowed:
                return False
        return True

    def lack(self, sample: Sample) -> Verdict | None:
        """The verdict of a sample that does not carry what the source needs."""
        if self._needs_truth and sample.ground_truth is None:
            return self._unscored(Status.BAD_REFERENCE, "the sample has no ground truth")
        for need in self._other_needs:
            if sample.extra.get(need) is None:
                return self._unscored(Status.ABSTAINED, f"the sample carries no {need}")
        return None

    def failed(self, sample: Sample, reason: str) -> Verdict | None:
        """The verdict of a sample that was lost on its way, if the source applies to it."""
        if not self.applies(sample):
            return None
        return self.lack(sample) or self._unscored(Status.FAILED, reason)

    def _unscored(self, status: Status, reason: str) -> Verdict:
        return Verdict.unscored(status, reason, source=self.name, version=self.version)

    # work for the engine ------------------------------------------------------------------

    def work(
        self, index: int, batch: Batch, cache: Cache | None, places: Iterable[int]
    ) -> list[Unit]:
        """Units for the places that need one; the batch expects their verdicts.

        What is known at once (a missing ground truth, a cached verdict) goes into the batch.
        """
        row = batch.verdicts[index]
        ready: list[tuple[int, Sample]] = []
        for place in places:
            sample = batch.samples[place]
            if not self.applies(sample):
                continue
            lack = self.lack(sample)
            if lack is not None:
                row[place] = lack
            else:
                ready.append((place, sample.view(self.view)))
        bundles = self._bundles(ready)
        if cache is not None and self.source.deterministic:
            bundles = self._known(index, batch, cache, bundles)
        return self._units(index, batch, bundles)

    def _bundles(self, ready: list[tuple[int, Sample]]) -> list[list[tuple[int, Sample]]]:
        """Samples that one call judges together."""
        if self.source.arity == "batch":
            return [ready] if ready else []
        if self.source.arity == "group":
            groups: dict[str, list[tuple[int, Sample]]] = {}
            for item in ready:
                groups.setdefault(item[1].group_key, []).append(item)
            return list(groups.values())
        size = self.entry.batch_size if self.source.batched else 1
        return [ready[start : start + size] for start in range(0, len(ready), size)]

    def _known(
        self, index: int, batch: Batch, cache: Cache, bundles: list[list[tuple[int, Sample]]]
    ) -> list[list[tuple[int, Sample]]]:
        """Fill in what the cache knows; the bundles that are left."""
        keys = [cache_key(self.source.name, self.version, [s for _, s in b]) for b in bundles]
        found = cache.get(keys)
        left = []
        for key, bundle in zip(keys, bundles, strict=True):
            verdicts = found.get(key)
            if verdicts is None or len(verdicts) != len(bundle):
                left.append(bundle)
                batch.keys[index][bundle[0][0]] = key, [place for place, _ in bundle]
                continue
            for (place, _), verdict in zip(bundle, verdicts, strict=True):
                batch.verdicts[index][place] = verdict
        return left

    def _units(
        self, index: int, batch: Batch, bundles: list[list[tuple[int, Sample]]]
    ) -> list[Unit]:
        def sink(places: Sequence[int], verdicts: Sequence[Verdict]) -> None:
            batch.take(index, places, verdicts)

        if self.source.deterministic and not self.source.takes_many:
            units = _shared_units(bundles, sink)
        else:
            units = [Unit([s for _, s in b], [p for p, _ in b], sink) for b in bundles]
        batch.expect(sum(len(bundle) for bundle in bundles))
        return units

    def remember(self, cache: Cache, batch: Batch, index: int) -> None:
        """Put a batch's new verdicts into the cache."""
        row = batch.verdicts[index]
        cache.put(
            {
                key: [verdict for place in places if (verdict := row[place]) is not None]
                for key, places in batch.keys[index].values()
            }
        )

    # work in this thread ------------------------------------------------------------------

    def judge_inline(self, index: int, batch: Batch, places: Iterable[int] | None = None) -> None:
        """Judge the samples of a batch here and now."""
        row = batch.verdicts[index]
        opened = self._opened()
        if isinstance(opened, Verdict):
            for place, sample in enumerate(batch.samples):
                if self.applies(sample):
                    row[place] = opened
            return
        if self.source.takes_many:
            self._judge_bundles(opened, row, batch, places)
            return
        judge, routed = opened.judge_one, bool(self._when)
        plain = self.view == "all"
        for place in range(len(batch.samples)) if places is None else places:
            sample = batch.samples[place]
            if routed and not self.applies(sample):
                continue
            row[place] = self.lack(sample) or judge(sample if plain else sample.view(self.view))

    def _judge_bundles(
        self,
        opened: OpenSource,
        row: list[Verdict | None],
        batch: Batch,
        places: Iterable[int] | None,
    ) -> None:
        ready = []
        for place in range(len(batch.samples)) if places is None else places:
            sample = batch.samples[place]
            if not self.applies(sample):
                continue
            lack = self.lack(sample)
            row[place] = lack
            if lack is None:
                ready.append((place, sample.view(self.view)))
        for bundle in self._bundles(ready):
            verdicts = opened.judge([sample for _, sample in bundle])
            for (place, _), verdict in zip(bundle, verdicts, strict=True):
                row[place] = verdict

    def _opened(self) -> OpenSource | Verdict:
        """The source, opened once in this process; or the verdict that says why it is not."""
        with self._lock:
            if self._open is None:
                opened = OpenSource(
                    self.source, self.entry.settings, self.name, retries=self.entry.retries
                )
                try:
                    opened.opened()
                except Exception as error:  # noqa: BLE001 - a plugin's constructor may raise anything
                    reason = f"the source could not be opened: {fault_of(error).reason}"
                    return self._unscored(Status.FAILED, reason)
                self._open = opened
            return self._open

    def close(self) -> None:
        """Close the source if it was opened here."""
        if self._open is not None:
            self._open.close()
            self._open = None


def _runs(entry: SourceEntry, source: Source, where: str) -> Runs:
    runs = entry.runs or source.runs
    if source.is_async != (runs == "async"):
        kind = "an async" if source.is_async else "a plain"
        raise ConfigError(f"{where}: runs: {runs} does not go with {kind} function; leave runs out")
    return runs


def _said(entry: SourceEntry, source: Source, key: str) -> Any:
    """A key of the recipe's, or what the source means where the recipe does not say."""
    if key not in entry.model_fields_set and key in source.host:
        return source.host[key]
    return getattr(entry, key)


def _allowed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _shared_units(bundles: list[list[tuple[int, Sample]]], sink: Sink) -> list[Unit]:
    """One unit for all samples with the same content; its verdict goes to each of them."""
    units: dict[bytes, tuple[Unit, list[int]]] = {}
    made: list[Unit] = []
    for ((place, sample),) in bundles:
        key = _content(sample)
        known = units.get(key) if key is not None else None
        if known is not None:
            known[1].append(place)
            continue
        places = [place]
        unit = Unit([sample], places, sink)
        if key is not None:
            units[key] = unit, places
        made.append(unit)
    for unit in made:
        if len(unit.places) > 1:
            unit.sink = _fan_out(sink)
    return made


def _fan_out(sink: Sink) -> Callable[[Sequence[int], Sequence[Verdict]], None]:
    def give_to_all(places: Sequence[int], verdicts: Sequence[Verdict]) -> None:
        sink(places, [verdicts[0]] * len(places))

    return give_to_all


def _content(sample: Sample) -> bytes | None:
    """What a verdict may depend on, as bytes; None when it cannot be pickled (found out later)."""
    try:
        return pickle.dumps(
            (
                sample.completion,
                sample.prompt,
                sample.ground_truth,
                sample.task,
                sample.truncated,
                dict(sample.extra),
            ),
            protocol=5,
        )
    except Exception:  # noqa: BLE001 - the sample's own values run code here; sending it tells why
        return None
