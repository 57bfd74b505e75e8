"""Losses from ratios, advantages, values and log-probabilities. Everything here is to be MINIMISED.

Covered: surrogates for each token or sequence (the negatives of the papers' objectives), the value
loss, entropy, how tokens become one number, mixing terms, and what to log of a step. Not covered:
preference losses (``preferences``), KL estimators (``kl``), the advantages themselves.

Shapes: B = sequences, T = completion tokens, V = vocabulary. Advantages of shape (B,) are spread
over the tokens of (B, T). Gradients flow through ``logps``, ``values`` and ``logits`` only.
"""

# ruff: noqa: N803, N806 -- shape suffixes are capitals, as in the legend above
from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from ...core.errors import ConfigError, did_you_mean
from . import kl as divergences

__all__ = [
    "How",
    "aggregate",
    "clipped",
    "cpi",
    "entropy",
    "kl_penalised",
    "mirror",
    "old_to_new_kl",
    "ptx",
    "ratio",
    "reinforce",
    "safe_rl",
    "sequence_ratio",
    "value_loss",
]

How: TypeAlias = Literal["tokens", "sequences", "sum_per_sequence", "dr_grpo"]


def ratio(logps: Tensor, old_logps: Tensor) -> Tensor:
    """``π(a|s) / π_old(a|s)``, from the difference of logarithms; same shape."""
    return torch.exp(logps - old_logps.detach())


def sequence_ratio(
    logps_B_T: Tensor, old_logps_B_T: Tensor, mask_B_T: Tensor, normalise: bool = True
) -> Tensor:
    """The ratio of whole sequences, (B,): the mean over tokens of the logs, or their plain sum.

    ``normalise`` True is GSPO's geometric mean (Zheng et al. 2025, arXiv 2507.18071); False
    is GRAPE's Eq. 17, ``π(text)/π_old(text)``, whose clip binds far less on each token, so that the
    policy may collapse: an experiment. A sequence without tokens has ratio 1.
    """
    apart_B_T = torch.where(mask_B_T.bool(), logps_B_T - old_logps_B_T.detach(), 0.0)
    sums_B = apart_B_T.sum(dim=1)
    if normalise:
        sums_B = sums_B / mask_B_T.sum(dim=1).clamp(min=1)
    return torch.exp(sums_B)


def cpi(ratio: Tensor, advantages: Tensor) -> Tensor:
    """``-ρ A``: the negative of L^CPI. Source: Schulman et al. 2017 (arXiv 1707.06347), Eq. 6."""
    return -ratio * _spread(advantages, ratio)


def clipped(
    ratio: Tensor, advantages: Tensor, low: float = 0.2, high: float | None = None
) -> Tensor:
    """``-min(ρ A, clip(ρ, 1 - low, 1 + high) A)``: the negative of L^CLIP; never below ``cpi``.

    ``high`` None is ``low``. A larger one is DAPO's clip-higher (Yu et al. 2025, arXiv 2503.14476,
    section 3.1; 0.28 there). For A < 0 a large ρ is not capped. Raises ``ConfigError`` below 0.
    Source: Schulman et al. 2017 (arXiv 1707.06347), Eq. 7. Differs: the sign, the second bound.
    """
    high = low if high is None else high
    if not (low >= 0 and high >= 0):
        raise ConfigError(f"clipped: the bounds must be >= 0, got {low} and {high}")
    advantages = _spread(advantages, ratio)
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - low, 1 + high) * advantages)


def kl_penalised(ratio: Tensor, advantages: Tensor, kl: Tensor, beta: float) -> Tensor:
    """``-(ρ A - β KL[π_old, π])``, with a fixed β or ``kl.AdaptiveKL``'s.

    ``kl`` is old to new, such as ``kl.k3(old_logps, logps)`` or ``kl.full(..., "forward")``; it is
    not the KL to the reference. Source: Schulman et al. 2017, Eq. 8. Differs: the sign.
    """
    return cpi(ratio, advantages) + beta * kl


def reinforce(logps: Tensor, advantages: Tensor) -> Tensor:
    """``-A log π(a|s)`` for each token, or sequence. Source: Williams 1992."""
    return -logps * _spread(advantages, logps)


def value_loss(
    values: Tensor, old_values: Tensor, targets: Tensor, clip: float | None = None
) -> Tensor:
    """``(V - target)²`` for each token, without a factor 1/2.

    With ``clip``: ``max((V - target)², (clip(V, V_old ± clip) - target)²)``, which never rewards a
    value for leaving the band. Raises ``ConfigError`` for a clip of 0 or less.
    Source: Schulman et al. 2017, Eq. 9; the clip is that of PPO implementations.
    """
    targets, old_values = targets.detach(), old_values.detach()
    plain = (values - targets).square()
    if clip is None:
        return plain
    if not clip > 0:
        raise ConfigError(f"value_loss.clip: must be > 0, or None for no clipping, got {clip}")
    near = old_values + (values - old_values).clamp(-clip, clip)
    return torch.maximum(plain, (near - targets).square())


def entropy(logits: Tensor) -> Tensor:
    """``-Σ p log p`` over the last dimension, in nats, within [0, log V]; -inf adds nothing."""
    logp = torch.log_softmax(logits, -1)
    p = logp.exp()
    return -(p * torch.where(p > 0, logp, 0.0)).sum(dim=-1)


def aggregate(
    loss_B_T: Tensor, mask_B_T: Tensor, how: How = "tokens", max_length: int | None = None
) -> Tensor:
    """Token losses (or a (B, 1) column of sequence losses) as one number; 0 without any token.

    - ``tokens``: mean over all tokens (DAPO): long answers weigh more
    - ``sequences``: mean over a sequence, then over sequences (GRPO's 1/|o|)
    - ``sum_per_sequence``: sum over a sequence, mean over sequences (PPO and GRAPE as printed)
    - ``dr_grpo``: sum over all, by B times ``max_length``, a constant (Dr. GRPO)

    Means over sequences count those with a token, where TRL divides by B. Raises ``ConfigError``.
    """
    mask = mask_B_T.bool()
    sums_B = torch.where(mask, loss_B_T, 0.0).sum(dim=1)
    counts_B = mask.sum(dim=1)
    if how == "tokens":
        return sums_B.sum() / counts_B.sum().clamp(min=1)
    if how == "sequences":
        return (sums_B / counts_B.clamp(min=1)).sum() / (counts_B > 0).sum().clamp(min=1)
    if how == "sum_per_sequence":
        return sums_B.sum() / (counts_B > 0).sum().clamp(min=1)
    if how == "dr_grpo":
        if max_length is None or max_length < 1:
            raise ConfigError(f"aggregate.max_length: dr_grpo needs it >= 1, got {max_length}")
        return sums_B.sum() / (max(len(mask), 1) * max_length)
    raise ConfigError(f"aggregate.how: got {how!r}{did_you_mean(str(how), get_args(How))}")


def ptx(logps_B_T: Tensor, mask_B_T: Tensor, how: How = "sum_per_sequence") -> Tensor:
    """``-E[log π(x)]`` of pretraining or demonstration text: the term PPO-ptx adds with a weight.

    Source: Ouyang et al. 2022 (arXiv 2203.02155), Eq. 2. Differs: the sign; ``how`` may be
    ``tokens``, a common choice.
    """
    return aggregate(-logps_B_T, mask_B_T, how)


def mirror(
    logps: Tensor,
    old_logps: Tensor,
    step_size: float,
    samples: Literal["old", "current"] = "old",
) -> Tensor:
    """MDLOO's mirror term ``KL(π ‖ π_old) / t_k``, estimated at each token (or sequence).

    What must be right is the gradient, ∇KL(π ‖ π_old) = E_π[log ρ ∇log π], ρ = π/π_old, with the
    samples held fixed:

    - ``old``: samples of π_old, as the formula has it. ∇KL = E_old[ρ log ρ ∇log π], and that is the
      gradient of ``ρ log ρ - ρ + 1`` (∇ρ = ρ ∇log π), whose value is unbiased and never negative.
    - ``current``: samples of π. k2 = (log ρ)²/2 has the gradient log ρ ∇log π. k1 would give 0, and
      k3 that of KL(π_old ‖ π).

    At ρ = 1 both agree to second order. On tokens the states visited count as given (as in TRPO);
    on sums over a sequence, shape (B,), the KL is that of whole sequences, with more variance.
    Source: Tomar et al. 2020 (MDPO, arXiv 2005.09814). Differs: the estimators are ours.
    """
    if not step_size > 0:
        raise ConfigError(f"mirror.step_size: must be > 0, got {step_size}")
    log_ratio = logps - old_logps.detach()
    if samples == "current":
        return divergences.k2(logps, old_logps.detach()) / step_size
    if samples != "old":
        raise ConfigError(f"mirror.samples: must be 'old' or 'current', got {samples!r}")
    return (log_ratio.exp() * log_ratio - torch.expm1(log_ratio)) / step_size


def safe_rl(loss_reward: Tensor, loss_cost: Tensor, multiplier: float) -> Tensor:
    """``(L_R - λ L_C) / (1 + λ)`` of two surrogate losses, one with each role's advantages.

    Raises ``ConfigError`` for a multiplier below 0.
    Source: Dai et al. 2023 (Safe RLHF, arXiv 2310.12773). Differs: nothing.
    """
    if not multiplier >= 0:
        raise ConfigError(f"safe_rl.multiplier: must be >= 0, got {multiplier}")
    return (loss_reward - multiplier * loss_cost) / (1.0 + multiplier)


def old_to_new_kl(logps: Tensor, old_logps: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """TRPO's quantity KL[π_old, π], for the log: mean and largest over the real tokens, in nats.

    Each token's estimate is k3, from samples of π_old; never negative, without gradient.
    """
    seen = mask.bool()
    kl = torch.where(seen, divergences.k3(old_logps.detach(), logps.detach()), 0.0)
    largest = kl.max() if kl.numel() else kl.new_zeros(())
    return kl.sum() / seen.sum().clamp(min=1), largest


def _spread(advantages: Tensor, like: Tensor) -> Tensor:
    """Advantages without gradient; (B,) becomes a column under (B, T), or T = B would hide it."""
    advantages = advantages.detach()
    return advantages.unsqueeze(1) if like.dim() == 2 and advantages.dim() == 1 else advantages
