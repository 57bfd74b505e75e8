"""Reward functions for TRL: GRPOTrainer, RLOOTrainer, AsyncGRPOTrainer, ``trl grpo``.

    trainer = GRPOTrainer(reward_funcs=assay.bridges.trl.reward_func("recipe.yaml"), ...)
    trl grpo --reward_funcs assay.bridges.trl.recipe       # reads the path in ASSAY_RECIPE
    trl grpo --reward_funcs assay.bridges.trl.math_exact   # the source math.exact, as it comes

TRL's contract (1.16): a reward function is called with lists and must return one float or None for
each completion. An exception ends the training, an infinite reward silently makes a whole group's
gradient zero, and functions with one name merge in the log. So what is returned from here is
always a finite float32 or None, of the right number, whatever happens; a broken recipe raises at
construction, before anything has been spent.

Not covered: gathering a group that is split across ranks. A rank scores the completions it holds,
which is right for sources that judge one sample; for those that compare the members of a group a
warning is given when there is more than one rank. This module does not import trl.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ..core.errors import ConfigError, EngineError, did_you_mean
from ..core.recipe import OnFault, Recipe, RuleEntry
from ..core.registry import Registry
from ..core.source import Source
from ..core.types import Reward, Sample, Status, digest
from .columns import ColumnMap
from .metrics import measure
from .scorers import close_scorers, frozen_recipe, scorer_for

__all__ = ["RecipeLike", "Sink", "TrlReward", "reward_func", "reward_funcs", "reward_weights"]

RecipeLike: TypeAlias = str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | Recipe
"""A recipe's path, a source's name, a mapping, a list of names, or a Recipe."""

Sink: TypeAlias = Callable[[list[Sample], list[Reward], Any], None]
"""``(samples, rewards, trainer_state)``: given every scored batch. When it raises, that is warned
about and counted (``assay/sink_failures``), and training goes on: a full disk costs no run."""

FLOAT32_MAX = (2 - 2**-23) * 2.0**127
"""Largest float32; TRL holds rewards in that type."""

_REASON_CHARS = 300
_log = logging.getLogger(__name__)
_said: set[tuple[str, str]] = set()
_names: dict[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrlReward:
    """A recipe as a TRL reward function. Make one with ``reward_func`` or ``reward_funcs``.

    It holds names and text only, so it can be pickled, sent to a spawned process and called from
    any thread; each process opens its workers on the first call and closes them at its exit.
    """

    name: str
    """What TRL's metrics call it: ``rewards/<name>/mean``."""
    recipe: str = field(repr=False)
    """The recipe as JSON text."""
    plugins: tuple[str, ...] = ()
    columns: ColumnMap = field(default_factory=ColumnMap, repr=False)
    prefix: str = "assay"
    """Its metrics start with this: ``assay/pass_rate``, ``assay/<source>/mean``."""
    whole: bool = True
    """It stands for a whole recipe. Those made by ``reward_funcs`` do not: their rewards' metrics
    start with ``assay/<source>`` too, so that they do not merge."""
    compares: tuple[str, ...] = ()
    """Sources that look at a whole group or batch: a rank shows them its slice only."""
    sink: Sink | None = None
    """Must be picklable where the reward function is pickled."""

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(
        self,
        *,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None = None,
        trainer_state: Any = None,
        log_extra: Callable[[str, list[Any]], None] | None = None,
        log_metric: Callable[[str, float], None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        """One finite float, or None (leave it out), for each completion. Never raises.

        When scoring itself breaks, all are None, the error is logged, and ``assay/broken_calls``
        counts it.
        """
        started = time.perf_counter()
        samples: list[Sample] = []
        rewards = [_without(Status.FAILED)] * len(completions)
        notes: dict[int, str] = {}
        broken = False
        try:
            samples, rewards, notes = self._score(prompts, completions, completion_ids, columns)
        except Exception as error:  # noqa: BLE001 - TRL would end the training; logged and counted
            broken = True
            if isinstance(error, EngineError):
                self.close()  # the next call starts new workers
            _log.exception("%s: scoring broke; no completion of this call is paid", self.name)
        failures = 0 if broken else self._feed(samples, rewards, trainer_state)
        own = {
            "call_seconds": time.perf_counter() - started,
            "broken_calls": float(broken),
            "sink_failures": float(failures),
        }
        self._guarded(self._log_metrics, log_metric, samples, rewards, own)
        self._guarded(self._log_columns, log_extra, rewards, notes)
        return [reward.value for reward in rewards]

    @property
    def stopped(self) -> str:
        """Why a source wants the run to end (its budget is spent), empty as long as none does: a
        reward function cannot end a run, so a callback of the trainer has to look here."""
        return scorer_for(self.recipe, self.plugins).stopped

    def close(self) -> None:
        """End this process's workers for this recipe; the next call starts new ones."""
        close_scorers(self.recipe)

    def _score(
        self,
        prompts: Sequence[Any],
        completions: Sequence[Any],
        completion_ids: Sequence[Sequence[int]] | None,
        columns: Mapping[str, Any],
    ) -> tuple[list[Sample], list[Reward], dict[int, str]]:
        self._warn_of_split_groups()
        batch = self.columns.batch(prompts, completions, completion_ids, columns)
        for column in sorted(batch.ignored):
            self._once(column, f"column {column!r} is left out: not one picklable value each")
        for why in batch.unreadable.values():
            self._once("unreadable", why)
        readable = [s for i, s in enumerate(batch.samples) if i not in batch.unreadable]
        scorer = scorer_for(self.recipe, self.plugins)
        scored = scorer.score(readable)
        if scorer.stopped:
            self._once("stopped", f"the run should end: {scorer.stopped}")
        if len(scored) != len(readable):
            raise RuntimeError(f"{len(scored)} rewards for {len(readable)} samples")
        notes, rewards, given = dict(batch.unreadable), [], iter(scored)
        for place in range(len(batch.samples)):
            if place in batch.unreadable:
                rewards.append(_without(Status.BAD_REFERENCE))
                continue
            reward, note = _payable(next(given))
            rewards.append(reward)
            if note:
                notes[place] = note
                self._once("overflow", note)
        return batch.samples, rewards, notes

    def _feed(self, samples: list[Sample], rewards: list[Reward], state: Any) -> int:
        """Hand the batch to the sink; the number of failures."""
        if self.sink is None:
            return 0
        try:
            self.sink(samples, rewards, state)
        except Exception:  # noqa: BLE001 - a user's callback may raise anything; see ``Sink``
            _log.exception("%s: the sink failed; training goes on without it", self.name)
            return 1
        return 0

    def _guarded(self, report: Callable[..., None], log: Any, *what: Any) -> None:
        """Run a report where the trainer takes one; a log must not cost the rewards."""
        if log is None:
            return
        try:
            report(log, *what)
        except Exception:  # noqa: BLE001 - whatever the trainer's callback raises
            _log.exception("%s: the trainer's log refused a value; the rewards stand", self.name)

    def _log_metrics(
        self,
        log: Callable[[str, float], None],
        samples: Sequence[Sample],
        rewards: Sequence[Reward],
        own: Mapping[str, float],
    ) -> None:
        start = self.prefix if self.whole else f"{self.prefix}/{self.name}"
        found = measure(samples, rewards, prefix=self.prefix, own=start) if samples else {}
        found |= {f"{start}/{key}": value for key, value in own.items()}
        for name in sorted(found):
            log(name, found[name])

    def _log_columns(
        self,
        log: Callable[[str, list[Any]], None],
        rewards: Sequence[Reward],
        notes: Mapping[int, str],
    ) -> None:
        log(f"{self.name}/status", [reward.status.value for reward in rewards])
        log(f"{self.name}/reason", [_reason(r, notes.get(i, "")) for i, r in enumerate(rewards)])

    def _warn_of_split_groups(self) -> None:
        ranks = _world_size() if self.compares else 1
        if ranks > 1:
            self._once(
                "split groups",
                f"{', '.join(self.compares)} compares the completions of a group, but each of the"
                f" {ranks} ranks scores only those it holds; make per_device_train_batch_size a"
                " multiple of num_generations, so that no group is split",
            )

    def _once(self, kind: str, message: str) -> None:
        """Log a warning of a kind the first time it comes up in this process."""
        if (self.name, kind) not in _said:
            _said.add((self.name, kind))
            _log.warning("%s: %s (said once)", self.name, message)


def reward_func(
    recipe: RecipeLike,
    *,
    name: str | None = None,
    plugins: Iterable[str] = (),
    columns: Mapping[str, str | Sequence[str]] | None = None,
    max_completion_length: int | None = None,
    eos_token_id: int | Iterable[int] | None = None,
    on_fault: OnFault | None = None,
    prefix: str = "assay",
    sink: Sink | None = None,
) -> TrlReward:
    """A whole recipe (its weights, gates, shaping and fault policy) as one reward function.

    Args:
        recipe: a path, a source's name, a mapping, a list of names, or a Recipe.
        name: its name in TRL's log; by default the recipe's, with a digest where another recipe
            of this process has taken that name.
        plugins: modules to load by name, as ``plugins:`` in the recipe.
        columns: field of the Sample -> dataset column, or a list of columns to look in, where the
            defaults (``assay.bridges.columns.COLUMNS``) do not fit.
        max_completion_length, eos_token_id: how a truncated completion is told; see ``ColumnMap``.
        on_fault: in place of the recipe's.
        prefix: starts the names of its metrics; give each whole-recipe function of one trainer
            its own.
        sink: given every scored batch; see ``Sink``.

    Raises ``ConfigError`` or ``PluginError`` for a recipe that cannot work.
    """
    read = _read(recipe, on_fault)
    extra = tuple(plugins)
    frozen = frozen_recipe(read)
    scorer_for(frozen, extra)  # opens no worker, but checks names and settings
    return TrlReward(
        name=name or _free_name(read.name, frozen),
        recipe=frozen,
        plugins=extra,
        columns=ColumnMap.read(
            columns, max_completion_length=max_completion_length, eos_token_id=eos_token_id
        ),
        prefix=prefix,
        compares=_comparing(read, extra),
        sink=sink,
    )


def reward_funcs(recipe: RecipeLike, **settings: Any) -> list[TrlReward]:
    """One reward function for each source of a recipe, for TRL to weigh, log and route.

    Give ``reward_weights(recipe)`` to the trainer's configuration; with
    ``multi_objective_aggregation="normalize_then_sum"`` TRL then computes GDPO. ``settings`` are
    those of ``reward_func`` except ``name``: a function has the name of its source.

    Raises ``ConfigError`` for recipes that more than weigh and add: a gate, a product or a shaper
    needs all verdicts of a sample at once, so it takes ``reward_func``.
    """
    read = _separable(_read(recipe, None))
    made = []
    for entry in read.sources:
        alone = read.model_copy(
            update={
                "name": entry.name,
                "sources": (entry.model_copy(update={"weight": 1.0, "role": "reward"}),),
                "compose": RuleEntry(use="weighted_sum"),
                "passed_by": None,
            }
        )
        one = reward_func(alone, name=entry.name, **settings)
        made.append(replace(one, whole=False))
    return made


def reward_weights(recipe: RecipeLike) -> list[float]:
    """The weights that go with ``reward_funcs(recipe)``; those of costs are negative."""
    read = _separable(_read(recipe, None))
    return [-entry.weight if entry.role == "cost" else entry.weight for entry in read.sources]


def __getattr__(name: str) -> TrlReward:
    """``recipe`` (the path in ASSAY_RECIPE), or a source's name with ``_`` for its dots."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "recipe":
        path = os.environ.get("ASSAY_RECIPE")
        if not path:
            raise AttributeError("assay.bridges.trl.recipe: set ASSAY_RECIPE to a recipe's path")
        return reward_func(path)
    known = {s: s.replace(".", "_") for s in Registry.load().sources}
    found = [source for source, spelt in known.items() if spelt == name]
    if len(found) != 1:
        what = f"is the spelling of {found}" if found else "is no source"
        hint = did_you_mean(name, known.values())
        raise AttributeError(f"assay.bridges.trl.{name}: {name!r} {what}{hint}")
    return reward_func(found[0], name=found[0])


def _read(recipe: RecipeLike, on_fault: OnFault | None) -> Recipe:
    if isinstance(recipe, Source):
        raise ConfigError(
            f"recipe: must be a name, a path or settings, so that other processes can read it, got"
            f" {recipe!r}; give its name, and its module in plugins="
        )
    read = Recipe.read(recipe)
    if on_fault is not None:
        read = read.model_copy(update={"on_fault": on_fault})
    if read.on_fault == "raise":
        raise ConfigError(
            f"recipe {read.name!r}: on_fault: a reward function for TRL never raises, got 'raise';"
            ' give on_fault="exclude", "zero" or "retry"'
        )
    return read


def _separable(recipe: Recipe) -> Recipe:
    rule = recipe.compose
    adds = rule.use in {"weighted_sum", "normalize_then_sum"} and not any(rule.settings.values())
    if not adds or recipe.shape:
        what = f"compose: {rule.use}" if not adds else f"shape: {recipe.shape[0].use}"
        raise ConfigError(
            f"recipe {recipe.name!r}: {what} needs all verdicts of a sample at once, so it cannot"
            " be cut into one function for each source; use reward_func"
        )
    return recipe


def _comparing(recipe: Recipe, plugins: tuple[str, ...]) -> tuple[str, ...]:
    """The sources of a recipe that look at more than one sample."""
    sources = Registry.load((*recipe.plugins, *plugins)).sources
    return tuple(e.name for e in recipe.sources if sources[e.use].arity != "sample")


def _free_name(name: str, frozen: str) -> str:
    """The recipe's name, or one with a digest where another recipe of this process has it."""
    owner = _names.setdefault(name, frozen)
    return name if owner == frozen else f"{name}_{digest(frozen, length=6)}"


def _payable(reward: Reward) -> tuple[Reward, str]:
    """The reward with a value that a float32 holds, and a note when it had another."""
    value = reward.value
    if value is None or abs(value) <= FLOAT32_MAX:
        return (reward if value is None else replace(reward, value=float(value))), ""
    note = f"the recipe's value {value!r} does not fit a float32; it is left out"
    return replace(reward, value=None, status=Status.FAILED), note


def _without(status: Status) -> Reward:
    return Reward(value=None, unshaped=None, passed=None, status=status, verdicts={})


def _reason(reward: Reward, note: str) -> str:
    said = [f"{name}: {v.reason}" for name, v in reward.verdicts.items() if v.reason]
    return "; ".join([note, *said] if note else said)[:_REASON_CHARS]


def _world_size() -> int:
    """Ranks of this run, as torch knows them; 1 where torch is not in use."""
    distributed = getattr(sys.modules.get("torch"), "distributed", None)
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return 1
    return int(distributed.get_world_size())
