"""What runs in an actor of Ray: a warm scorer that is given windows, and outlives none of them.

A source that runs inline may take its process down, which here is the actor. Ray starts the actor
again and hands it the window once more. The window is then judged in small pieces, each announced
to the feed, so that the piece that kills is known at the next start and left out, as failed. After
``MOST_TRIES`` what lies behind the last such piece is given up. Sources that run in workers need
none of this: their scorer survives them.
"""

from __future__ import annotations

import itertools
import os
import pickle
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray

from ...core.errors import AssayError
from ...core.recipe import Recipe
from ...core.scorer import Scorer
from ...core.types import Reward, Sample
from .feed import Past

__all__ = ["MOST_TRIES", "Answer", "Judge", "Order"]

MOST_TRIES = 5
"""How often a window is begun before what is left of it is given up, and twice that before all of
it is. Ours: four places that kill, after the first death, which blames nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What an actor needs to make the scorer that the driver has."""

    recipe: Recipe
    plugins: tuple[str, ...]
    cache: Path | None
    workers: int
    folder: str
    """The driver's current folder, which relative paths of recipes and plugins start from."""
    search: tuple[str, ...]
    """Where the driver imports modules from."""
    settings: Mapping[str, str]
    """The driver's environment, as far as it is meant for Assay."""

    def scorer(self) -> Scorer:
        """The scorer, with its workers started."""
        os.environ.update(self.settings)
        if Path(self.folder).is_dir():  # another machine may not have it, nor need it
            os.chdir(self.folder)
        sys.path += [place for place in self.search if place not in sys.path]
        return Scorer(
            self.recipe, plugins=self.plugins, cache=self.cache, workers=self.workers
        ).start()


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a window."""

    rewards: list[Reward]
    seconds: float
    error: AssayError | None = None
    """Why there are no rewards: what the scorer raised."""


class Judge:
    """A callable for ``Dataset.map_batches``: tables of one window in, tables of one answer out."""

    def __init__(self, order: Order, feed: Any) -> None:
        self._feed = feed
        self._scorer: Scorer | None = None
        self._error: AssayError | None = None
        try:
            self._scorer = order.scorer()
        except AssayError as error:  # told with the first window, where the driver can raise it
            self._error = error

    def __call__(self, batch: pa.Table) -> pa.Table:
        number, content = batch["number"][0].as_py(), batch["window"][0].as_py()
        answer = pickle.dumps(self._answer(number, content), protocol=5)
        answers = pa.array([answer], pa.large_binary())
        return pa.table({"number": batch["number"], "answer": answers})

    def _answer(self, number: int, content: bytes) -> Answer:
        if self._scorer is None:
            return Answer([], 0.0, self._error)
        if not content:
            return Answer([], 0.0)  # it was judged before: its answer is not asked for again
        samples: list[Sample] = pickle.loads(content)  # noqa: S301 - the driver, our own code, wrote it
        past: Past = ray.get(self._feed.begin.remote(number))
        begun = time.monotonic()
        try:
            if past.tries:
                rewards = list(self._carefully(self._scorer, number, samples, past))
            else:
                rewards = self._scorer.score(samples)
        except AssayError as error:
            return Answer([], 0.0, error)
        return Answer(rewards, time.monotonic() - begun)

    def _carefully(
        self, scorer: Scorer, number: int, samples: list[Sample], past: Past
    ) -> Iterator[Reward]:
        """The rewards of a window over which actors died, piece by piece."""
        survived = max(past.blamed, default=-1) if past.tries < 2 * MOST_TRIES else -1
        for place, piece in enumerate(_pieces(scorer, samples)):
            given_up = past.tries >= MOST_TRIES and place > survived
            if place in past.blamed or given_up:
                why = f"its actor died over it; its window was begun {past.tries} times"
                yield from (scorer.unjudged(sample, why) for sample in piece)
            else:
                ray.get(self._feed.reach.remote(number, place))
                yield from scorer.score(piece)


def _pieces(scorer: Scorer, samples: list[Sample]) -> Iterator[list[Sample]]:
    """The smallest lists that may be judged apart from each other."""
    if "batch" in scorer.arities:
        yield samples
    elif "group" in scorer.arities:
        for _, group in itertools.groupby(samples, key=lambda sample: sample.group_key):
            yield list(group)
    else:
        yield from ([sample] for sample in samples)
