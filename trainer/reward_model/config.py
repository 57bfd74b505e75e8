"""Settings of training a reward model (``trainer.reward_model``). No torch here.

The rows come from the recipe's ``data``: a file, a dataset or a task. What it shares with every
algorithm is set in the trainer section: ``learning_rate``, ``per_device_train_batch_size`` (rows),
``gradient_accumulation_steps``, ``save_steps``, and ``trl`` for other fields of TRL's
``RewardConfig``.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from ...core.settings import Settings

__all__ = ["Loss", "RewardModelConfig"]

Loss: TypeAlias = Literal["bradley_terry", "plackett_luce", "regression"]


class RewardModelConfig(Settings):
    """What a reward model learns, and what is measured and fitted afterwards.

    ``trainer.max_steps`` does not count here: an epoch does.
    """

    loss: Loss = "bradley_terry"
    """``bradley_terry``: pairs, and all pairs of a ranking in one batch. ``plackett_luce``: a
    ranking as one choice after another; the same as Bradley-Terry for two. ``regression``: the
    squared distance to ratings."""
    epochs: float = Field(default=1.0, gt=0)
    """One: reward models overfit in more (Ouyang et al. 2022, C.2)."""
    steps: int | None = Field(default=None, ge=1)
    """Optimizer steps, in place of ``epochs``."""
    centring: float | None = Field(default=None, ge=0)
    """Weight of ``(r_chosen + r_rejected)²`` in the loss, which draws scores to 0; 0.01 is what
    TRL recommends (Eisenstein et al. 2023, arXiv 2312.09244, Eq. 2). None: no such term."""
    max_tokens: int | None = Field(default=None, ge=8)
    """Of a text; more are cut off, and told. None: the model's positions."""
    truncate: Literal["left", "right"] = "left"
    """Which end is cut off."""
    append_eos: bool | None = None
    """As in ``rm.bradley_terry``, which must then be told the same. None: an end token only where
    the tokenizer has no chat template."""
    slices: str = "subset"
    """The column by which accuracy is cut, where the rows have it."""
    raters: str = "rater"
    """The column that says who compared, where the rows have it."""
    leave_one_rater_out: bool = False
    """Train once more without each rater, and report what that changes for the others. Costs a
    training for each rater."""
    anchors: str | None = None
    """A file of ``prompt`` and ``completion`` whose scores give level and unit (SFT answers, say).
    None: the answers of the training rows."""
    n_anchors: int = Field(default=512, ge=2)
    """Most anchors that are scored. Ours."""
    unit_variance: bool = True
    """Else scores are only centred."""
    calibrator: Literal["platt", "isotonic"] | None = "platt"
    """Fitted on held-out answers: the chance that an answer is the better one of its pair.
    ``isotonic`` from a thousand pairs. None, and for ratings: no calibrator."""
