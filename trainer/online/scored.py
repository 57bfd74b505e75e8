"""The reward function of our own trainers: it keeps what was said of the last batch.

TRL's reward functions give one number a completion. Process rewards, GDPO, costs and schedules
need the verdicts behind it, so the trainer reads them here after each call. Where a source compares
the completions of a group (``consensus.majority``) and there are several ranks, the main one is
shown the whole batch and scores it, so that a group split across ranks is judged as one.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ...bridges.trl import FLOAT32_MAX, Sink, TrlReward, reward_func
from ...core.errors import ConfigError
from ...core.recipe import Recipe
from ...core.types import Reward, Sample

__all__ = ["ScoredBatch", "WeightSchedule", "schedule_of"]


class WeightSchedule:
    """Weights of sources that change with the step, in straight lines between given points.

    Args:
        points: source name -> (step, weight) pairs in rising order of steps; constant outside.
        weights: source name -> (its weight in the recipe, 1 for rewards and -1 for costs).
    """

    def __init__(
        self,
        points: Mapping[str, Sequence[tuple[int, float]]],
        weights: Mapping[str, tuple[float, float]],
    ) -> None:
        self.points = {name: tuple(line) for name, line in points.items()}
        self.weights = dict(weights)

    def weight(self, name: str, step: int) -> float:
        """Of a scheduled source at a step (0 before the first update)."""
        line = self.points[name]
        if step <= line[0][0]:
            return line[0][1]
        for (before, low), (after, high) in itertools.pairwise(line):
            if step <= after:
                return low + (high - low) * (step - before) / (after - before)
        return line[-1][1]

    def paid(self, reward: Reward, step: int) -> float | None:
        """The value of a reward under the weights of a step; None where it has none."""
        if reward.value is None:
            return None
        value = reward.value
        for name in self.points:
            if name in reward.values:
                own, sign = self.weights[name]
                value += sign * (self.weight(name, step) - own) * reward.values[name]
        return min(max(value, -FLOAT32_MAX), FLOAT32_MAX)


def schedule_of(
    recipe: Recipe, points: Mapping[str, Sequence[tuple[int, float]]]
) -> WeightSchedule | None:
    """The schedule of a recipe, or None; raises ``ConfigError`` where it does not fit."""
    if not points:
        return None
    entries = {entry.name: entry for entry in recipe.sources}
    unknown = sorted(set(points) - set(entries))
    if unknown:
        raise ConfigError(f"trainer.weight_schedule: {unknown} are no sources of this recipe")
    plain = recipe.compose.use == "weighted_sum" and not any(recipe.compose.settings.values())
    if not plain or recipe.shape:
        raise ConfigError(
            "trainer.weight_schedule: weights can move only in a plain weighted sum without shape,"
            f" got compose {recipe.compose.use!r} and {len(recipe.shape)} shapers"
        )
    signs = {"reward": 1.0, "cost": -1.0}
    weights = {name: (entry.weight, signs[entry.role]) for name, entry in entries.items()}
    return WeightSchedule(points, weights)


class ScoredBatch:
    """A whole recipe as TRL's reward function, with the last batch at hand.

    ``samples`` and ``rewards`` are those of this rank's last call; both are empty when scoring
    broke, and then no completion was paid.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        sink: Sink | None = None,
        schedule: WeightSchedule | None = None,
        **settings: Any,
    ) -> None:
        self.samples: list[Sample] = []
        self.rewards: list[Reward] = []
        self.muted = False
        """Whether batches are kept from the sink: they are not the policy's own."""
        self._sink = sink
        self._schedule = schedule
        made = reward_func(recipe, sink=self._keep, **settings)
        self._compares = bool(made.compares)
        self.function: TrlReward = replace(made, compares=())  # whole groups are seen here
        self.__name__ = made.name

    def __call__(self, *, trainer_state: Any = None, **columns: Any) -> list[float | None]:
        """One finite float, or None, for each completion."""
        self.samples, self.rewards = [], []
        ranks = int(os.environ.get("WORLD_SIZE", "1"))
        if self._compares and ranks > 1:
            values = self._everywhere(trainer_state, columns)
        else:
            values = self.function(trainer_state=trainer_state, **columns)
        if self._schedule is None or not self.rewards:
            return values
        step = int(getattr(trainer_state, "global_step", 0))
        return [self._schedule.paid(reward, step) for reward in self.rewards]

    def _everywhere(self, state: Any, columns: Mapping[str, Any]) -> list[float | None]:
        """This rank's share of what the main rank says of all ranks' completions."""
        from accelerate.utils import broadcast_object_list, gather_object

        lists = {key: column for key, column in columns.items() if isinstance(column, list)}
        size, rank = len(columns["completions"]), int(os.environ["RANK"])
        whole: dict[str, Any] = {key: gather_object(lists[key]) for key in sorted(lists)}
        logs: dict[str, Any] = {key: value for key, value in columns.items() if key not in lists}
        said: list[Any] = [None]
        if rank == 0:
            logs.pop("log_extra", None)  # it takes a column as long as this rank's batch
            values = self.function(trainer_state=state, **logs, **whole)
            said = [(values, self.samples, self.rewards)]
        broadcast_object_list(said, from_process=0)
        values, samples, rewards = said[0]
        own = slice(rank * size, (rank + 1) * size)
        self.samples, self.rewards = samples[own], rewards[own]
        return list(values[own])

    def _keep(self, samples: list[Sample], rewards: list[Reward], state: Any) -> None:
        self.samples, self.rewards = samples, rewards
        if self._sink is not None and not self.muted:
            self._sink(samples, rewards, state)
