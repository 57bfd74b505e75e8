"""The engine ``ray``: windows of samples go through Ray Data to a pool of actors, and come back.

Each actor holds a warm scorer of the run's recipe. Ray Data keeps the order, moves the windows, and
starts an actor again that died, with the window it had; how many windows are under way is bounded
here, which is the back-pressure. A window is what one call of a scorer judges without Ray too:
whole groups, and for sources that judge batches always as many samples: so the rewards are equal.

Not covered: reading and writing on the machines of the cluster. Both are the driver's; where one
driver is too slow, several runs of ``--shard`` share the work.
"""

from __future__ import annotations

import os
import pickle
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ...core.closing import Closing
from ...core.errors import ConfigError, EngineError
from ...core.scorer import Scorer, usable_cores
from ...core.types import Reward, Sample
from ...core.windows import Pace, cut_windows
from .cluster import cluster
from .contract import EngineOptions
from .feed import Feed
from .judge import Answer, Order
from .pipeline import lay_out

__all__ = ["RayEngine"]

_AHEAD_PER_ACTOR = 3
"""Windows under way: one that an actor judges, one that waits for it, and one whose rewards wait
for those before."""


class RayEngine(Closing):
    """Judges samples with actors of Ray; see ``contract.Engine``.

    Nothing is started before the first sample. Raises ``ConfigError`` when the cluster is too small
    for the actors that were asked for.
    """

    def __init__(
        self,
        scorer: Scorer,
        options: EngineOptions,
        *,
        workers: int | None = None,
        cache: Path | None = None,
    ) -> None:
        self._scorer, self._cache, self._workers = scorer, cache, workers or 1
        self._asked, self._address = options.actors, options.address
        self.actors = options.actors or 1
        """How many there are, once started: as asked for, or as the cluster has room for."""
        self._pace = Pace(scorer.arities)
        self._open = ExitStack()
        self._feed: Any = None
        self._answers: Iterator[Any] | None = None
        self._data: Any = None
        self._sent = self._taken = 0

    def stream(self, samples: Iterable[Sample]) -> Iterator[Reward]:
        """One reward for each sample, in order."""
        ahead: deque[tuple[int, int]] = deque()
        for window in cut_windows(samples, self._scorer.arities, self._pace):
            ahead.append((self._send(window), len(window)))
            if len(ahead) > _AHEAD_PER_ACTOR * self.actors:
                yield from self._receive(*ahead.popleft())
        while ahead:
            yield from self._receive(*ahead.popleft())

    def start(self) -> None:
        """Connect to the cluster, or start one, and lay out the work; actors start with it."""
        if self._feed is not None:
            return
        cores = max(self.actors * self._workers, usable_cores())
        has = self._open.enter_context(cluster(self._address, cores))
        self.actors = self._fitting(has)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        made = ray.remote(Feed).options(num_cpus=0, scheduling_strategy=here)
        self._feed = made.remote()
        self._data = lay_out(
            self._feed,
            self._order(),
            actors=self.actors,
            gpus=int(self._scorer.on_device and bool(has.get("GPU"))),
        )

    def _fitting(self, has: Any) -> int:
        """How many actors the cluster has room for; raises ``ConfigError`` for more."""
        room = int(has.get("CPU", 0)) // self._workers
        if self._scorer.on_device and has.get("GPU"):
            room = min(room, int(has["GPU"]))
        if room < self.actors:
            raise ConfigError(
                f"--actors: {self.actors} of {self._workers} cores each do not fit into a"
                f" cluster of {has.get('CPU', 0):.0f} cores and {has.get('GPU', 0):.0f} GPUs"
            )
        return self._asked or room

    def _order(self) -> Order:
        return Order(
            recipe=self._scorer.recipe,
            plugins=self._scorer.plugins,
            cache=self._cache and self._cache.absolute(),
            workers=self._workers,
            folder=os.getcwd(),  # noqa: PTH109 - text, for another process
            search=tuple(sys.path),
            settings={k: v for k, v in os.environ.items() if k.startswith("ASSAY_")},
        )

    def _send(self, window: list[Sample]) -> int:
        self.start()
        content = pickle.dumps(window, protocol=5)
        try:
            ray.get(self._feed.put.remote(self._sent, content, self._taken))
        except RayError as error:
            raise _broken(error) from error
        self._sent += 1
        return self._sent - 1

    def _receive(self, number: int, count: int) -> list[Reward]:
        """The rewards of a window; answers to older ones, which nobody took, are passed over."""
        answer = Answer([], 0.0)
        while self._taken <= number:
            self._taken, answer = self._next()
        if answer.error is not None:
            raise answer.error
        if self._taken != number + 1 or len(answer.rewards) != count:
            raise EngineError(
                f"--engine ray: window {number} of {count} samples: the next answer is"
                f" {len(answer.rewards)} rewards of window {self._taken - 1}"
            )
        self._pace.took(answer.seconds)
        return answer.rewards

    def _next(self) -> tuple[int, Answer]:
        """The next answer that comes in, and the number of the window after it."""
        try:
            if self._answers is None:  # which waits for the first, so it has to be sent by now
                self._answers = iter(self._data.iter_internal_ref_bundles())
            bundle = next(self._answers, None)
            if bundle is None:
                raise EngineError("--engine ray: the actors ended before the input did")
            (table,) = ray.get(list(bundle.block_refs))
        except RayError as error:
            raise _broken(error) from error
        answer: Answer = pickle.loads(table["answer"][0].as_py())  # noqa: S301 - our own actor wrote it
        return table["number"][0].as_py() + 1, answer

    def close(self) -> None:
        """End the actors, and the cluster if it is ours."""
        with self._open:
            self._answers = self._data = None  # which ends the actors
            if self._feed is not None:
                with suppress(RayError):  # what broke was told before
                    ray.kill(self._feed)
                self._feed = None


def _broken(error: RayError) -> EngineError:
    return EngineError(f"--engine ray: {error}")
