"""Which prompts the next batch is made of: TRL's order, easy to hard, E2H, or adaptive.

``CurriculumSampler`` gives the same stream of row numbers as TRL's ``RepeatSampler``: batches of
distinct rows, each row ``mini_repeat_count`` times in a row, each batch ``repeat_count`` times.
Only the choice of the rows differs.

A choice depends on the settings, the seed, the number of the batch, the memory when the batch was
drawn, and (``easy_to_hard``) on what the epoch has had. So all ranks choose alike, when their
memories are alike. A data loader draws ahead of training, so a resumed run could not work out what
had been drawn with which memory: the rows drawn are part of ``state_dict``, and are given again.

Not covered: iterable datasets, which have no row numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Sampler

from ...core.errors import ConfigError, DataError, did_you_mean
from ...core.types import Sample
from .curriculum_config import CurriculumConfig
from .pass_rates import PassRates

__all__ = [
    "CurriculumSampler",
    "adaptive_weight",
    "bands_of",
    "cosine_bands",
    "gaussian_bands",
    "measured",
]

Floats = NDArray[np.float64]

_EPOCHS_KEPT = 2
"""With worker processes a loader may begin an epoch while the one before is still trained on."""


def cosine_bands(progress: float, bands: int, floor: float = 0.0) -> list[float]:
    """E2H-C: probabilities of the bands, easiest first, at ``progress`` t/T in [0, 1].

    Source: E2H Reasoner (arXiv 2506.06632), as its authors' code has it (divelab/E2H-Reasoning,
    src/trainer.py at 5c4b452): p_k = α (K-k)/Z + (1-α) (k+1)/Z with α = (1 + cos(πt/T))/2,
    k = 0..K-1 and Z = K(K+1)/2. Differs: the floor is mixed in as in the Gaussian form.
    """
    alpha, total = 0.5 * (1 + math.cos(math.pi * progress)), bands * (bands + 1) / 2
    found = [(alpha * (bands - k) + (1 - alpha) * (k + 1)) / total for k in range(bands)]
    return [floor + (1 - bands * floor) * share for share in found]


def gaussian_bands(
    progress: float, bands: int, *, pace: float = 0.5, sigma: float = 0.5, floor: float = 0.0
) -> list[float]:
    """E2H-G: probabilities of the bands, easiest first, at ``progress`` t/T in [0, 1].

    Source: as ``cosine_bands``: q_k ∝ exp(-(k-μ)²/2σ²) with μ = (t/T)^pace (K-1);
    p_k = floor + (1 - K·floor) q_k. Differs: nothing.
    """
    centre = progress**pace * (bands - 1)
    heights = [-((k - centre) ** 2) / (2 * sigma**2) for k in range(bands)]
    top = max(heights)  # a narrow width must not make every term 0
    raised = [math.exp(height - top) for height in heights]
    return [floor + (1 - bands * floor) * height / sum(raised) for height in raised]


def adaptive_weight(
    rate: float | None, *, target: float = 0.5, sharpness: float = 2.0, floor: float = 0.05
) -> float:
    """The weight of a prompt with a pass rate in [0, 1]: 1 at ``target``, ``floor`` at 0 and 1.

    floor + (1-floor) (p/τ)^(cτ) ((1-p)/(1-τ))^(c(1-τ)): a Beta density scaled to 1 at its mode τ;
    τ = 1/2 and c = 2 give 4p(1-p), the variance of a binary reward. Ours. Unknown (None): 1.
    """
    if rate is None:
        return 1.0
    rising = math.pow(rate / target, sharpness * target)
    falling = math.pow((1 - rate) / (1 - target), sharpness * (1 - target))
    return floor + (1 - floor) * min(rising * falling, 1.0)


def bands_of(difficulty: Floats, bands: int) -> NDArray[np.int64]:
    """The band of each prompt, 0 the easiest.

    Levels stay whole: where there are no more distinct values than bands, each is a band (spread
    over the scale). Otherwise bands have equally many prompts, as far as ties allow.
    """
    levels, place = np.unique(difficulty, return_inverse=True)
    if len(levels) <= bands:
        found: NDArray[np.int64] = place * (bands - 1) // max(len(levels) - 1, 1)
        return found
    below = np.searchsorted(np.sort(difficulty), difficulty, side="left")
    return np.minimum(below * bands // len(difficulty), bands - 1)


def measured(problems: Sequence[Sample], config: CurriculumConfig) -> list[float | None] | None:
    """The column's values as ``config.column_is`` says, None where a prompt has none.

    None in place of the list when no column is asked for. Raises ``ConfigError`` for a column that
    is not there or does not hold such numbers.
    """
    if config.column is None:
        return None
    names = sorted({name for problem in problems for name in problem.extra})
    if config.column not in names:
        raise ConfigError(
            f"trainer.curriculum.column: the data has no column"
            f" {config.column!r}{did_you_mean(config.column, names)}"
        )
    values = [problem.extra.get(config.column) for problem in problems]
    return [_number(value, row, config) for row, value in enumerate(values)]


def _number(value: Any, row: int, config: CurriculumConfig) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and math.isfinite(value):
        number = float(value)
        if config.column_is == "difficulty" or 0 <= number <= 1:
            return number
    rule = "in [0, 1]" if config.column_is == "pass_rate" else "a finite number"
    raise ConfigError(
        f"trainer.curriculum.column: {config.column!r} must be {rule}, got {value!r} in training"
        f" row {row}"
    )


class CurriculumSampler(Sampler[int]):
    """Row numbers for GRPOTrainer's data loader; see the module."""

    def __init__(
        self,
        ids: Sequence[str],
        config: CurriculumConfig,
        *,
        mini_repeat_count: int,
        batch_size: int,
        repeat_count: int,
        seed: int,
        total_batches: int,
        memory: PassRates | None = None,
        column: Sequence[float | None] | None = None,
    ) -> None:
        """A sampler over the prompts ``ids``, one for each row of the dataset.

        Args:
            mini_repeat_count, batch_size, repeat_count, seed: those of TRL's ``RepeatSampler``.
            total_batches: batches of distinct prompts in the whole run; E2H's T.
            memory: pass rates, read each time a batch is drawn; updated by the trainer.
            column: what ``measured`` gives.

        Raises ``ConfigError`` for fewer prompts than a batch holds.
        """
        if len(ids) < batch_size:
            raise ConfigError(
                f"data.n_train: a batch needs {batch_size} distinct prompts, got {len(ids)}; give"
                " more, or make generation_batch_size / num_generations smaller"
            )
        self.ids, self.config = tuple(ids), config
        self.mini_repeat_count, self.batch_size = mini_repeat_count, batch_size
        self.repeat_count, self.seed = repeat_count, seed
        self.total_batches = max(total_batches, 1)
        self.memory = PassRates(config.smoothing) if memory is None else memory
        self.column = None if column is None else list(column)
        self.epoch = 0
        self._drawn: dict[int, list[list[int]]] = {}
        self._order: tuple[int, list[int]] | None = None

    @classmethod
    def for_trl(
        cls,
        problems: Sequence[Sample],
        config: CurriculumConfig,
        arguments: Any,
        memory: PassRates | None = None,
    ) -> CurriculumSampler:
        """The sampler that stands in for ``GRPOTrainer._get_train_sampler``.

        ``arguments`` is a ``GRPOConfig`` with ``max_steps`` set; the numbers are those of TRL 1.16.
        """
        repeats = arguments.num_iterations * arguments.steps_per_generation
        passes = arguments.max_steps * arguments.gradient_accumulation_steps
        return cls(
            [problem.id for problem in problems],
            config,
            mini_repeat_count=arguments.num_generations,
            batch_size=arguments.generation_batch_size // arguments.num_generations,
            repeat_count=repeats,
            seed=arguments.seed,
            total_batches=math.ceil(passes / repeats),
            memory=memory,
            column=measured(problems, config),
        )

    @property
    def batches(self) -> int:
        """Batches of distinct prompts in an epoch; what is left over is dropped, as by TRL."""
        return len(self.ids) // self.batch_size

    def __len__(self) -> int:
        return self.batches * self.batch_size * self.mini_repeat_count * self.repeat_count

    def set_epoch(self, epoch: int) -> None:
        """What accelerate calls before it iterates; what was drawn of that epoch is kept."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        epoch = self.epoch
        for position in range(self.batches):
            rows = self._rows(epoch, position)
            for _ in range(self.repeat_count):
                for row in rows:
                    yield from [row] * self.mini_repeat_count
        if self.epoch == epoch:  # like RepeatSampler, whose next pass is a new one
            self.epoch = epoch + 1

    def _rows(self, epoch: int, position: int) -> list[int]:
        """The distinct rows of a batch: those drawn already, or a new choice."""
        drawn = self._drawn.setdefault(epoch, [])
        for old in sorted(self._drawn)[:-_EPOCHS_KEPT]:
            del self._drawn[old]
        while len(drawn) <= position:
            drawn.append(self._choose(epoch, len(drawn), drawn))
        return drawn[position]

    def state_dict(self) -> dict[str, Any]:
        """The epoch and what was drawn of it, as JSON; without the memory, which has its own."""
        rows = {str(epoch): [list(rows) for rows in drawn] for epoch, drawn in self._drawn.items()}
        return {"epoch": self.epoch, "prompts": len(self.ids), "drawn": rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint; raises ``DataError`` when it is of other data."""
        try:
            epoch, prompts = int(state["epoch"]), int(state["prompts"])
            drawn = {int(e): [list(map(int, b)) for b in bs] for e, bs in state["drawn"].items()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"curriculum: the checkpoint's state cannot be read: {type(error).__name__}:"
                f" {error}; it was not written by CurriculumSampler.state_dict"
            ) from error
        if prompts != len(self.ids):
            raise DataError(
                f"curriculum: the checkpoint was made with {prompts} prompts, the data has"
                f" {len(self.ids)}; resume with the same data"
            )
        self.epoch, self._drawn = epoch, drawn

    # rules --------------------------------------------------------------------------------

    def _choose(self, epoch: int, position: int, drawn: Sequence[Sequence[int]]) -> list[int]:
        number = epoch * self.batches + position
        # a generator for each batch: no choice depends on how many were made before
        rng = np.random.default_rng([self.seed, number])
        if self.config.rule == "uniform":
            start = position * self.batch_size
            return self._permuted(epoch)[start : start + self.batch_size]
        if self.config.rule == "easy_to_hard":
            return self._easiest(rng, drawn)
        weights = self._band_weights(number) if self.config.rule == "e2h" else self._near_target()
        return self._weighted(rng, weights)

    def _permuted(self, epoch: int) -> list[int]:
        """The order of ``RepeatSampler`` in its pass number ``epoch``."""
        if self._order is None or self._order[0] != epoch:
            generator = torch.Generator().manual_seed(self.seed)
            passes = [torch.randperm(len(self.ids), generator=generator) for _ in range(epoch + 1)]
            self._order = epoch, passes[-1].tolist()
        return self._order[1]

    def _difficulty(self) -> Floats:
        """Each prompt's, as known now; -inf or inf where it is not known."""
        unknown = -math.inf if self.config.unseen == "first" else math.inf
        if self.column is None:
            known = [self.memory.difficulty(prompt_id) for prompt_id in self.ids]
        else:
            sign = -1.0 if self.config.column_is == "pass_rate" else 1.0
            known = [None if value is None else sign * value for value in self.column]
        return np.array([unknown if value is None else value for value in known], dtype=np.float64)

    def _easiest(self, rng: np.random.Generator, drawn: Sequence[Sequence[int]]) -> list[int]:
        """The easiest rows that this epoch has not had; ties in random order."""
        left = np.ones(len(self.ids), dtype=bool)
        left[[row for rows in drawn for row in rows]] = False
        # sorted last by what np.lexsort is given last: first those left, then by difficulty
        order = np.lexsort((rng.random(len(self.ids)), self._difficulty(), ~left))
        return [int(row) for row in order[: self.batch_size]]

    def _band_weights(self, number: int) -> Floats:
        config = self.config
        progress = min(number / self.total_batches, 1.0)
        if config.schedule == "cosine":
            chances = cosine_bands(progress, config.bands, config.band_floor)
        else:
            chances = gaussian_bands(
                progress,
                config.bands,
                pace=config.pace,
                sigma=config.sigma,
                floor=config.band_floor,
            )
        bands = bands_of(self._difficulty(), config.bands)
        sizes = np.bincount(bands, minlength=config.bands)
        return np.array(chances)[bands] / sizes[bands]

    def _near_target(self) -> Floats:
        rates = self.column or [self.memory.rate(prompt_id) for prompt_id in self.ids]
        config = self.config
        return np.array(
            [
                adaptive_weight(
                    rate, target=config.target, sharpness=config.sharpness, floor=config.floor
                )
                for rate in rates
            ]
        )

    def _weighted(self, rng: np.random.Generator, weights: Floats) -> list[int]:
        """Distinct rows, each next one drawn in proportion to the weights of those left.

        Source: Efraimidis and Spirakis 2006, by their exponential keys. Rows of weight 0 come last.
        """
        with np.errstate(divide="ignore"):
            keys = rng.exponential(size=len(weights)) / weights
        order = np.lexsort((rng.random(len(weights)), keys))
        return [int(row) for row in order[: self.batch_size]]
