"""The workers of one source: who gets which units, and what a slow or dead worker means.

Rules that keep the promises of the design:

- A worker that is stuck on one unit gives the units behind it back at once, and a fresh worker
  takes its place, so a hang costs only its own sample.
- Half-way to its deadline a stuck unit is also given to a fresh worker. If that one returns, its
  verdict counts: the first worker was to blame. If both are still stuck at the deadline, both are
  killed, and the sample is to blame (``evidence.sample_fault``): all within one deadline.
- A unit whose worker dies is tried once more, alone, in a fresh worker; a second death is the
  sample's fault too.

Only the engine's thread calls in here.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..types import FAULTS, Status
from .breaker import Breaker, Circuit
from .contract import Counters, Host, PoolSettings
from .handout import chunk_size, missing
from .remote import RemoteWorker, State
from .unit import Unit
from .watch import MAX_STUCK, culprit_of, how_it_ended, is_running, look_at, under_way
from .wire import read_verdicts
from .worker import OPEN_FAILED, READY

__all__ = ["Pool"]

log = logging.getLogger("assay.engine")
_MAX_JUDGED = 50_000
"""A worker is replaced after so many units, against slow leaks."""
_MAX_OPEN_DEATHS = 3
_OPEN_LIMIT_S = 600.0


class Pool:
    """Workers for one source, its queue, and its circuit breaker."""

    def __init__(self, index: int, settings: PoolSettings, host: Host) -> None:
        self.index = index
        self.settings = settings
        self.host = host
        self.queue: deque[Unit] = deque()
        self.alone: deque[Unit] = deque()
        """Units that go to a fresh worker of their own."""
        self.workers: set[RemoteWorker] = set()
        self.units: dict[int, Unit] = {}
        self.breaker = Breaker()
        self.counters = Counters()
        self.broken: str | None = None
        """Why the source cannot be opened at all."""
        self.open_deaths = 0
        self.unit_s = 0.0
        """Running mean of the seconds one unit takes."""
        self.slowest_s = 0.0
        """The longest a unit took of late; fades with every verdict."""
        self.probes: set[Unit] = set()
        """What the circuit breaker has sent out to see whether the source still works."""

    # what comes in ------------------------------------------------------------------------

    def submit(self, units: Iterable[Unit]) -> None:
        """Take units in; their sinks hear of every one of them, whatever happens."""
        for unit in units:
            self.units[unit.id] = unit
            self.queue.append(unit)
        self.pump()

    def on_frame(self, worker: RemoteWorker, payload: bytes) -> None:
        """A worker said something."""
        if payload == READY:
            self._on_ready(worker)
        elif payload.startswith(OPEN_FAILED):
            self._break(payload[len(OPEN_FAILED) :].decode(errors="replace"))
        else:
            self._on_results(worker, payload)

    def on_exit(self, worker: RemoteWorker, code: int, why: str) -> None:
        """A worker process ended; everything it started has ended too."""
        was_starting = worker.state is State.STARTING
        suspect = culprit_of(self, worker)
        self.workers.discard(worker)
        rest = worker.release()
        if worker.first is not None and was_starting and not worker.first.done:
            rest.append(worker.first)
        if was_starting and why not in {"spare", "closing"}:
            self._on_death_while_opening(code, why)
        blameless = was_starting or why in {"spare", "closing"}
        culprit = suspect if suspect in rest and not blameless else None
        if rest and not blameless:
            self._died(culprit, code, why)
        for unit in rest:
            if unit is not culprit and not unit.done and not unit.holders:
                doubtful = unit.kills or (
                    culprit is None and not blameless and self.settings.concurrency
                )
                (self.alone if doubtful else self.queue).appendleft(unit)
        self.pump()

    def tick(self) -> None:
        """Look at the clock: stalls, second tries, deadlines."""
        for worker in list(self.workers):
            if worker.state is State.BUSY:
                look_at(self, worker)
            elif worker.state is State.STARTING and time.monotonic() - worker.since > _OPEN_LIMIT_S:
                self.host.kill(worker, "opening")
        if self.units and not (self.queue or self.alone or self.workers):
            # cannot be; but a batch must never wait for work that nobody has
            log.error("source %s: %d units were lost", self.settings.name, len(self.units))
            self.queue.extend(self.units.values())
        if self.queue:
            self.pump()

    @property
    def busy(self) -> bool:
        """Whether the clock must be watched."""
        return bool(self.units) or any(
            w.state in {State.BUSY, State.STARTING, State.LEAVING} for w in self.workers
        )

    # handing out --------------------------------------------------------------------------

    def pump(self) -> None:
        """Hand out what can be handed out, and start the workers that are missing."""
        if self.broken is not None or self.breaker.is_open():
            self._refuse_waiting()
            return
        self._start_lonely()
        if self.breaker.state is Circuit.PROBING:
            return
        while self.queue:
            worker = self._free_worker()
            if worker is None:
                self._start_missing()
                return
            self._give(worker, self._next_chunk(worker))

    def _free_worker(self) -> RemoteWorker | None:
        room = self.settings.concurrency
        for worker in self.workers:
            if worker.state is State.IDLE and not worker.lowered:
                return worker
            if room and worker.state is State.BUSY and under_way(worker) < room:
                return worker
        return None

    def _next_chunk(self, worker: RemoteWorker) -> list[Unit]:
        count = chunk_size(self.settings, self.unit_s, len(self.queue), under_way(worker))
        return [self.queue.popleft() for _ in range(min(count, len(self.queue)))]

    def _give(self, worker: RemoteWorker, units: list[Unit]) -> None:
        units = [unit for unit in units if not unit.done]
        if not units:
            return
        try:
            worker.give(units, beside=bool(self.settings.concurrency))
        except Exception as error:  # noqa: BLE001 - pickling runs the code of the sample's own values
            self._give_one_by_one(worker, units, error)
            return
        if worker.unsent:
            self.host.wants_to_write(worker)

    def _give_one_by_one(self, worker: RemoteWorker, units: list[Unit], error: Exception) -> None:
        """One sample of a chunk cannot be sent: find it, and put the others back."""
        if len(units) > 1:
            self.queue.extendleft(reversed(units[1:]))
            self._give(worker, units[:1])
        else:
            why = f"the sample cannot be sent to a worker process: {type(error).__name__}: {error}"
            self._finish_unscored(units[0], Status.FAILED, why[:500])

    def _start_missing(self) -> None:
        for _ in range(missing(self.settings, self.workers, len(self.queue), self.breaker.proven)):
            self.start_worker(None)

    def _start_lonely(self) -> None:
        lonely = sum(w.first is not None for w in self.workers)
        while self.alone and lonely <= MAX_STUCK:
            unit = self.alone.popleft()
            if not unit.done:
                self.start_worker(unit)
                lonely += 1

    def start_worker(self, unit: Unit | None) -> None:
        """Start a worker, for one unit alone or for whatever comes."""
        worker = RemoteWorker()
        worker.first = unit
        if unit is not None:
            unit.holders.add(worker)
        self.workers.add(worker)
        self.host.spawn(worker, self)

    def _on_ready(self, worker: RemoteWorker) -> None:
        self.open_deaths = 0
        if worker.state is State.STARTING:
            worker.state = State.IDLE
        unit = worker.first
        if unit is None:
            self.pump()
        elif unit.done:
            self._idle(worker)
        else:
            self._give(worker, [unit])
            if not worker.chunk:  # it could not be sent
                self._idle(worker)

    # results ------------------------------------------------------------------------------

    def _on_results(self, worker: RemoteWorker, payload: bytes) -> None:
        settings = self.settings
        chunk_done = False
        try:
            results: list[tuple[int, list[Any]]] = json.loads(payload)
            for number, rows in results:
                if number == -1:
                    chunk_done = True
                    continue
                unit = self.units.get(number)
                if unit is None:  # done elsewhere, or taken back and done
                    continue
                verdicts = read_verdicts(rows, settings.name, settings.version)
                if len(verdicts) != len(unit.samples):
                    raise ValueError(f"{len(verdicts)} verdicts for {len(unit.samples)} samples")
                self._finish(unit, verdicts, worker)
        except (ValueError, TypeError, KeyError) as error:
            log.warning("source %s: a worker sent rubbish (%s); it is ended", settings.name, error)
            self.host.kill(worker, "rubbish")
            return
        if settings.concurrency:
            self._async_progress(worker)
        elif chunk_done:
            self._chunk_done(worker)

    def _chunk_done(self, worker: RemoteWorker) -> None:
        for unit in worker.release():  # skipped by the worker: nothing was said of them
            if not unit.holders:
                self.queue.appendleft(unit)
        self._idle(worker)

    def _async_progress(self, worker: RemoteWorker) -> None:
        if not under_way(worker):
            worker.chunk = []
            self._idle(worker)
        elif self.queue:
            self.pump()

    def _idle(self, worker: RemoteWorker) -> None:
        """A worker has nothing to do: give it more, or let it go when there are too many."""
        worker.state = State.IDLE
        worker.stalled = False
        worker.first = None
        others = sum(
            w.state is not State.LEAVING and not w.stalled and w.first is None for w in self.workers
        )
        if worker.lowered or worker.judged > _MAX_JUDGED or others > self.settings.size:
            worker.state = State.LEAVING
            self.host.hang_up(worker)
        self.pump()

    def _finish(self, unit: Unit, verdicts: list[Any], worker: RemoteWorker) -> None:
        seconds = sum(v.seconds for v in verdicts)
        self.unit_s = 0.9 * self.unit_s + 0.1 * seconds if self.unit_s else max(seconds, 1e-6)
        worker.judged += 1
        self.counters.judged += 1
        fault = next((v for v in verdicts if v.status in FAULTS), None)
        if fault is None:
            self.slowest_s = max(0.98 * self.slowest_s, seconds)
            self.breaker.success()
            self.probes.clear()
        elif fault.status is Status.TIMED_OUT or fault.evidence.get("transient"):
            self._count_fault(fault.status)
        self._close(unit, worker)
        unit.finish(verdicts)

    def _finish_unscored(self, unit: Unit, status: Status, reason: str, **evidence: object) -> None:
        self._close(unit, None)
        unit.finish_unscored(
            status, reason, name=self.settings.name, version=self.settings.version, **evidence
        )

    def _close(self, unit: Unit, winner: RemoteWorker | None) -> None:
        """The unit is decided: end the other workers that are still stuck on it."""
        self.units.pop(unit.id, None)
        for holder in list(unit.holders):
            unit.holders.discard(holder)
            running = holder.running() if holder.state is State.BUSY else None
            alone = holder.first is unit or (running is not None and running[0] is unit)
            if holder is not winner and alone and not self.settings.concurrency:
                self.host.kill(holder, "spare")

    # what goes wrong ----------------------------------------------------------------------

    def _died(self, culprit: Unit | None, code: int, why: str) -> None:
        """A worker was killed, or died by itself, with work in its hands."""
        late = why == "deadline"
        self.counters.kills += bool(why)
        self.counters.deaths += not why
        if culprit is None:
            return
        culprit.kills += 1
        tried = any(is_running(w, culprit) for w in culprit.holders)
        if late and self.settings.elastic:
            self._give_up(
                culprit,
                Status.TIMED_OUT,
                how_it_ended(code, why, self.settings.deadline_s),
                followed=tried,
            )
        elif culprit.holders:
            return  # another worker is still trying
        elif culprit.kills > 1:
            status = Status.TIMED_OUT if late else Status.FAILED
            self._give_up(
                culprit, status, how_it_ended(code, why, self.settings.deadline_s), followed=True
            )
        elif len(culprit.samples) > 1 and self.settings.may_split:
            self.units.pop(culprit.id, None)
            self.submit(culprit.split())
        else:
            self.alone.append(culprit)

    def _give_up(self, unit: Unit, status: Status, story: str, *, followed: bool) -> None:
        evidence: dict[str, object] = {"killed": True}
        followed = followed or unit.kills > 1
        if followed:
            evidence["sample_fault"] = True
            story += "; the same in a fresh worker: the sample is to blame"
            self.counters.sample_faults += 1
        log.warning("source %s, sample %s: %s", self.settings.name, unit.samples[0].id, story)
        self._finish_unscored(unit, status, story, **evidence)
        self._count_fault(status)
        self.probe_failed(unit)

    def _count_fault(self, status: Status) -> None:
        """A costly fault: it may be time to see whether the source works at all."""
        if not self.breaker.fault(status) or not self.queue:
            return
        if self.settings.concurrency:
            self._open_circuit()
            return
        self.breaker.state = Circuit.PROBING
        count = min(self.breaker.threshold, len(self.queue))
        self.probes = {self.queue.popleft() for _ in range(count)}
        for unit in self.probes:
            self.start_worker(unit)

    def probe_failed(self, unit: Unit) -> None:
        """A probe is stuck, or was given up; the last one opens the circuit."""
        if unit not in self.probes:
            return
        self.probes.discard(unit)
        if not self.probes and self.breaker.state is Circuit.PROBING:
            self._open_circuit()

    def _open_circuit(self) -> None:
        self.breaker.open()
        log.warning("source %s: %s", self.settings.name, self.breaker.reason())
        self._refuse_waiting()
        if self.settings.concurrency:
            return
        for unit in list(self.units.values()):  # stuck, every one of them
            self._refuse(unit)

    def _refuse(self, unit: Unit) -> None:
        self.counters.refused += 1
        self._finish_unscored(unit, self.breaker.last, self.breaker.reason(), circuit_open=True)

    def _on_death_while_opening(self, code: int, why: str) -> None:
        self.open_deaths += 1
        if self.open_deaths >= _MAX_OPEN_DEATHS:
            story = how_it_ended(code, why, self.settings.deadline_s)
            self._break(f"{story} while it was opened, {self.open_deaths} times")

    def _break(self, reason: str) -> None:
        """The source cannot be opened: nothing will ever come of it."""
        self.broken = f"the source could not be opened: {reason}"
        log.warning("source %s: %s", self.settings.name, self.broken)
        self._refuse_waiting()

    def _refuse_waiting(self) -> None:
        """Fail everything that no worker has."""
        for unit in [*self.queue, *self.alone, *self.units.values()]:
            if unit.done or (unit.holders and self.broken is None):
                continue
            if self.broken is not None:
                self._finish_unscored(unit, Status.FAILED, self.broken)
            else:
                self._refuse(unit)
        self.queue.clear()
        self.alone.clear()
