"""Settings of the algorithms that learn from completions they have just written.

Defaults name their source, or say that they are ours. This module imports neither torch nor trl.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from ...core.settings import Settings

__all__ = [
    "CostSettings",
    "DynamicSamplingSettings",
    "PPOSettings",
    "PrimeSettings",
    "PtxSettings",
    "ReferenceSettings",
    "ReinforceSettings",
]


class PPOSettings(Settings):
    """PPO with a critic; ``num_iterations`` of the trainer section are its epochs."""

    gamma: float = Field(default=1.0, ge=0, le=1)
    """Discount. 1.0: a completion is one short episode (lectures, part 3.5)."""
    lam: float = Field(default=0.95, ge=0, le=1)
    """GAE's λ. 0.95 (lectures, part 3.5)."""
    whiten: bool = True
    """Advantages to mean 0 and standard deviation 1 over all tokens of the batch, all ranks."""
    minibatches: int = Field(default=1, ge=1)
    """Optimizer steps in one pass over a batch of completions (TRL's ``steps_per_generation``)."""
    value_coef: float = Field(default=0.5, ge=0)
    """Weight of the critic's loss, c1 of eq. 2.13 (lectures)."""
    value_clip: float | None = Field(default=0.2, gt=0)
    """How far a value may move from the rollout's before its loss is clipped. None: no clipping.
    0.2 is ours: the texts give no number."""
    critic: Literal["own", "shared"] = "own"
    """``own``: a model of its own. ``shared``: a head on the policy's last hidden states."""
    critic_path: str | None = None
    """Where an own critic starts: a reward model's folder or name. None: the policy's start."""
    critic_learning_rate: float | None = Field(default=None, gt=0)
    """None: that of the policy."""
    critic_warmup_steps: int = Field(default=0, ge=0)
    """Optimizer steps at the start in which the critic learns and the policy does not."""
    kl: Literal["k1", "full"] = "k1"
    """The penalty inside the reward: of the sampled token, or over the whole vocabulary."""
    kl_credit: Literal["to_go", "immediate"] = "to_go"
    """``to_go``: a token is charged with its own and all later penalties, as GAE over token rewards
    gives it. ``immediate``: with its own only (eq. 12 of the GRAPE paper, read literally)."""
    kl_target: float | None = Field(default=None, gt=0)
    """Adaptive coefficient: halved below 2/3 of this KL a token, doubled above 3/2 of it
    (survey, eq. 32). None: ``beta`` stays as it is."""
    bootstrap_truncated: bool = True
    """A completion cut off by the length limit goes on with the critic's value, not with 0."""

    @model_validator(mode="after")
    def _one_start(self) -> PPOSettings:
        if self.critic == "shared" and self.critic_path is not None:
            raise ValueError("critic_path: a shared critic starts with the policy; leave it out")
        return self


class ReinforceSettings(Settings):
    """REINFORCE, REINFORCE++ and MDLOO."""

    baseline: Literal["group", "batch", "none"] = "batch"
    """Of ``reinforce``: the mean reward of the prompt's group, or of the whole batch."""
    gamma: float = Field(default=1.0, ge=0, le=1)
    """Discount of ``reinforce_pp``'s return."""
    step_size: float = Field(default=10.0, gt=0)
    """t_k of ``mdloo``: the KL to the sampling policy weighs 1/t_k. Ours."""


class PrimeSettings(Settings):
    """PRIME: a process reward model learned from outcomes while the policy trains."""

    beta: float = Field(default=0.05, gt=0)
    """β of r(y_t) = β log π_φ/π_ref. 0.05: PRIME (arXiv 2502.01456), section 4."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """Of the process reward model. Ours, for small models; PRIME takes 1e-6 for 7 billion."""
    process_weight: float = Field(default=1.0, ge=0)
    """Of the process returns beside the outcome's advantage."""
    warmup_steps: int = Field(default=10, ge=0)
    """Batches in which the model is fitted, but not yet paid by. Ours."""


class DynamicSamplingSettings(Settings):
    """Prompts whose completions all earn the same are replaced (DAPO, arXiv 2503.14476, 3.2)."""

    max_refills: int = Field(default=3, ge=1)
    """Further batches that may be generated for one; what is missing then is filled with groups
    that teach nothing. Ours."""


class ReferenceSettings(Settings):
    """The reference model may follow the policy; needs ``beta`` above 0."""

    reset_every: int | None = Field(default=None, ge=1)
    """Steps after which the reference becomes the policy (ProRL; the text gives no number)."""
    mix_every: int | None = Field(default=None, ge=1)
    """Steps after which the reference moves towards the policy (TRL's ``sync_ref_model``)."""
    mix: float = Field(default=0.6, gt=0, le=1)
    """Share of the policy in such a move (TRL's ``ref_model_mixup_alpha``)."""


class PtxSettings(Settings):
    """PPO-ptx: the log-likelihood of texts that must not be forgotten (survey, eq. 14)."""

    weight: float = Field(gt=0)
    """λ of that equation."""
    path: str
    """JSONL or Parquet with a column ``text``, or ``prompt`` and ``completion``."""
    batch_size: int = Field(default=8, ge=1)
    """Texts in a forward pass."""
    max_tokens: int = Field(default=512, ge=2)


class CostSettings(Settings):
    """Safe RLHF: reward and cost with a Lagrange multiplier that is learned.

    The sources with ``role: cost`` make the cost; their weighted sum, less ``limit``, should not
    exceed 0 on average.
    """

    limit: float = 0.0
    """What the mean cost may be."""
    multiplier: float = Field(default=1.0, gt=0)
    """λ at the start. Ours."""
    rate: float = Field(default=0.1, gt=0)
    """α of ln λ' = ln λ + α λ J_C (tutorial, 2.9). Ours."""
