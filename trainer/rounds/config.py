"""Settings of training in rounds and of training on preferences.

What they share with every algorithm is set in the trainer section and nowhere else:
``learning_rate``, ``lr_scheduler_type``, ``warmup_steps``, ``per_device_train_batch_size``,
``gradient_accumulation_steps``, ``num_generations``, ``temperature``, ``max_completion_length``,
``beta``, and ``trl`` for any other field of TRL's ``SFTConfig``, ``DPOConfig`` or ``KTOConfig``.
This module imports neither torch nor trl.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from ...core.selection import KeepRule, LabelRule, PairRule
from ...core.settings import Settings

__all__ = ["PreferencesConfig", "RoundsConfig"]


class RoundsConfig(Settings):
    """``trainer.rounds``: write completions, score them, learn from some of them; again.

    ``trainer.max_steps`` does not count here: a round goes over what it selected.
    """

    rounds: int = Field(default=8, ge=1)
    """How often."""
    prompts: int | None = Field(default=128, ge=1)
    """Prompts of a round, each answered ``num_generations`` times; the training problems are gone
    through in an order drawn from the seed, and again from the start. None: all, every round."""
    keep: KeepRule = KeepRule()
    """For ``expert_iteration``: the examples."""
    pairs: PairRule = PairRule()
    """For ``online_dpo`` and ``online_ipo``: the pairs."""
    labels: LabelRule = LabelRule()
    """For ``online_kto``: the labels."""
    epochs: float = Field(default=1.0, gt=0)
    """Times a round goes over what it selected."""
    steps: int | None = Field(default=None, ge=1)
    """Optimizer steps of a round, in place of ``epochs``."""
    train_from: Literal["previous", "start"] = "previous"
    """The model a round trains: that of the round before, or the start model each time (as ReST-EM
    does, Singh et al. 2023, arXiv 2312.06585), which forgets less and learns more slowly."""
    reference: Literal["previous", "start"] = "previous"
    """The model that DPO, IPO and KTO stay near: that of the round before, which lets the policy
    go on from round to round, or the start model."""
    sampling_batch_size: int = Field(default=256, ge=1)
    """Completions written at once."""
    evaluate_every: int = Field(default=1, ge=1)
    """Rounds between greedy evaluations on the held-out problems; the last round always has one."""
    keep_models: int | None = Field(default=None, ge=1)
    """Model folders of the last rounds that stay on disk. None: all."""


class PreferencesConfig(Settings):
    """``trainer.preferences``: files of pairs or labels for ``dpo``, ``ipo`` and ``kto``."""

    paths: tuple[str, ...] = Field(min_length=1)
    """JSONL or Parquet. Pairs have the columns ``prompt``, ``chosen`` and ``rejected``; labels have
    ``prompt``, ``completion`` and ``label``. Texts, or chat messages (also as JSON text)."""
    limit: int | None = Field(default=None, ge=1)
    """Rows taken, from the front. None: all."""

    @field_validator("paths", mode="before")
    @classmethod
    def _one_is_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value
