"""From scores to per-token rewards, returns, advantages by a critic, and their normalisation.

Covered: KL-shaped token rewards, potential shaping, returns to go, TD(0), k-step, GAE, λ-return,
value targets, and sums that processes can add up. Not covered: the critic itself and its loss
(``losses.value_loss``), estimators without a critic (``advantages``).

Shapes: B = sequences, T = completion tokens. ``mask_B_T`` is true at real tokens; padding, and
tokens that others wrote in the middle of a sequence, are skipped: "next" means the next real token.
Whatever stands outside the mask (NaN too) is never read, and results are 0 there. A sequence with a
NaN reward was not scored: it counts as one without tokens (``scored_mask`` takes it out early, so
that no mean sees it). ``last_values`` is the value after the last real token: V of a truncated
episode, 0 (the default) of one that ended. γ and λ lie in [0, 1]. Nothing carries a gradient.
"""

# ruff: noqa: N803, N806 -- shape suffixes are capitals, as in the legend above
from __future__ import annotations

import torch
from torch import Tensor

from ...core.errors import ConfigError

__all__ = [
    "gae",
    "k_step",
    "lambda_return",
    "masked_sums",
    "moments",
    "potential_shaping",
    "returns_to_go",
    "scored_mask",
    "standardise",
    "td0",
    "token_rewards",
    "value_targets",
]


def masked_sums(x: Tensor, mask: Tensor) -> Tensor:
    """``[count, sum, sum of squares]`` of the values in the mask, float64, shape (3,).

    NaN and infinite values are left out. Add these up over processes, then ``moments``.
    """
    seen = mask.bool() & torch.isfinite(x)
    kept = x.detach().masked_fill(~seen, 0.0).double()
    return torch.stack([seen.sum().double(), kept.sum(), kept.square().sum()])


def moments(sums: Tensor, ddof: int = 0) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation from ``masked_sums``; both 0 where nothing was counted.

    ``ddof`` 0 is the population's deviation, 1 the sample's (0 for a single value).
    """
    count, total, square = sums.unbind()
    mean = total / count.clamp(min=1)
    variance = (square - count * mean.square()).clamp(min=0) / (count - ddof).clamp(min=1)
    return mean, variance.sqrt()


def standardise(
    x: Tensor,
    mask: Tensor,
    sums: Tensor | None = None,
    *,
    shift: bool = True,
    eps: float = 1e-8,
) -> Tensor:
    """``(x - mean) / (std + eps)`` in the mask, 0 outside it (and for NaN); shape and dtype of x.

    ``sums`` (of all processes) replaces this tensor's own ``masked_sums``. ``shift`` False scales
    but keeps the mean: rewards are whitened so, advantages with the shift. Computed in float64.
    Source: advantage whitening as PPO implementations have it. Differs: std + eps, population std.
    """
    mean, std = moments(masked_sums(x, mask) if sums is None else sums)
    scaled = (x.detach().double() - mean) / (std + eps)
    seen = mask.bool() & torch.isfinite(x)
    return torch.where(seen, scaled if shift else scaled + mean, 0.0).to(x.dtype)


def scored_mask(mask_B_T: Tensor, scores_B: Tensor) -> Tensor:
    """The mask without the sequences whose score is NaN or infinite; bool, (B, T)."""
    return mask_B_T.bool() & torch.isfinite(scores_B).unsqueeze(1)


def token_rewards(scores_B: Tensor, kl_B_T: Tensor, beta: float, mask_B_T: Tensor) -> Tensor:
    """``-β KL_t`` at every real token, plus the score at the last one; (B, T).

    ``kl_B_T`` is the rollout's KL to the reference (``kl.k1`` or ``kl.full``), not the policy's of
    the moment. A sequence that was not scored is NaN at its last token, which everything here skips
    as a whole. Source: Ouyang et al. 2022 (arXiv 2203.02155), Eq. 2; Ziegler et al. 2019.
    """
    mask = mask_B_T.bool()
    shaped = torch.where(mask, -beta * kl_B_T.detach(), 0.0)
    last = mask & (_next_index(mask) == mask.shape[1])
    return shaped + torch.where(last, scores_B.detach().to(shaped.dtype).unsqueeze(1), 0.0)


def potential_shaping(
    rewards: Tensor, potentials: Tensor, gamma: float = 1.0, mask: Tensor | None = None
) -> Tensor:
    """``r_t + γ Φ(s_{t+1}) - Φ(s_t)`` with Φ = 0 after the last token; shape (T,) or (B, T).

    ``potentials[t]`` is Φ of the state *before* token t, so a process reward of the text up to and
    with token t is ``potentials[t + 1]``. The discounted return changes by exactly -Φ(s_0), which
    no action can move. Without Φ(terminal) = 0 the optimum would move.
    Source: Ng, Harada and Russell 1999. Differs: the terminal potential is forced to 0.
    """
    _check_unit(gamma=gamma)
    length = rewards.shape[-1]
    flat, levels = rewards.detach().reshape(-1, length), potentials.detach().reshape(-1, length)
    real = torch.ones_like(flat, dtype=torch.bool) if mask is None else mask.reshape(flat.shape)
    real = real.bool()
    after = _next(levels, real, levels.new_zeros(len(levels)))
    return torch.where(real, flat + gamma * after - levels, 0.0).reshape(rewards.shape)


def returns_to_go(rewards_B_T: Tensor, mask_B_T: Tensor, gamma: float = 1.0) -> Tensor:
    """``G_t = r_t + γ G_{t+1}``; (B, T). Source: Williams 1992."""
    _check_unit(gamma=gamma)
    real = _real(rewards_B_T, mask_B_T)
    return _discounted(_inside(rewards_B_T, real), real, gamma)


def td0(
    rewards_B_T: Tensor,
    values_B_T: Tensor,
    mask_B_T: Tensor,
    gamma: float = 1.0,
    last_values: Tensor | None = None,
) -> Tensor:
    """``δ_t = r_t + γ V_{t+1} - V_t``: GAE at λ = 0; (B, T). Low variance, the critic's bias."""
    _check_unit(gamma=gamma)
    real = _real(rewards_B_T, mask_B_T)
    return _deltas(rewards_B_T, values_B_T, real, gamma, last_values)


def k_step(
    rewards_B_T: Tensor,
    values_B_T: Tensor,
    mask_B_T: Tensor,
    k: int,
    gamma: float = 1.0,
    *,
    last_values: Tensor | None = None,
) -> Tensor:
    """``-V_t + r_t + ... + γ^{k-1} r_{t+k-1} + γ^k V_{t+k}``; (B, T).

    Near the end the sum stops at the last token, with the value after it. Raises ``ConfigError``
    for k < 1. Source: Schulman et al. 2016 (arXiv 1506.02438), Eq. 11 to 13. Differs: nothing.
    """
    if k < 1:
        raise ConfigError(f"k_step.k: must be >= 1, got {k}")
    _check_unit(gamma=gamma)
    real = _real(rewards_B_T, mask_B_T)
    deltas = _deltas(rewards_B_T, values_B_T, real, gamma, last_values)
    found, none = deltas, deltas.new_zeros(len(deltas))
    for _ in range(min(k, deltas.shape[1]) - 1):
        found = torch.where(real, deltas + gamma * _next(found, real, none), 0.0)
    return found


def gae(
    rewards_B_T: Tensor,
    values_B_T: Tensor,
    mask_B_T: Tensor,
    *,
    gamma: float = 1.0,
    lam: float = 0.95,
    last_values: Tensor | None = None,
) -> Tensor:
    """``A_t = δ_t + γ λ A_{t+1}``; (B, T). λ = 0 is ``td0``, λ = 1 is the return less the value.

    Source: Schulman et al. 2016 (arXiv 1506.02438), Eq. 16; λ 0.95 and γ 1 as RLHF uses them.
    Differs: nothing.
    """
    _check_unit(gamma=gamma, lam=lam)
    real = _real(rewards_B_T, mask_B_T)
    deltas = _deltas(rewards_B_T, values_B_T, real, gamma, last_values)
    return _discounted(deltas, real, gamma * lam)


def lambda_return(
    rewards_B_T: Tensor,
    values_B_T: Tensor,
    mask_B_T: Tensor,
    *,
    gamma: float = 1.0,
    lam: float = 0.95,
    last_values: Tensor | None = None,
) -> Tensor:
    """``G_t = r_t + γ [(1 - λ) V_{t+1} + λ G_{t+1}]``, with G = V after the last token; (B, T).

    The finite λ-return, whose last weight is λ^{T-t-1}; it equals ``value_targets`` of ``gae``.
    Source: Sutton and Barto, the episodic λ-return. Differs: nothing.
    """
    _check_unit(gamma=gamma, lam=lam)
    real = _real(rewards_B_T, mask_B_T)
    values = _inside(values_B_T, real)
    last = _last(values, last_values)
    # at the last token both V and G of what follows are ``last``
    following = _next(values, real, torch.zeros_like(last)) * (1 - lam)
    ends = real & (_next_index(real) == real.shape[1])
    following = following + torch.where(ends, last.unsqueeze(1), 0.0)
    steps = torch.where(real, _inside(rewards_B_T, real) + gamma * following, 0.0)
    return _discounted(steps, real, gamma * lam)


def value_targets(advantages_B_T: Tensor, values_B_T: Tensor) -> Tensor:
    """``A_t + V_old(s_t)``, from advantages before any whitening: the λ-return."""
    return advantages_B_T.detach() + values_B_T.detach()


def _deltas(
    rewards_B_T: Tensor, values_B_T: Tensor, real: Tensor, gamma: float, last_B: Tensor | None
) -> Tensor:
    values = _inside(values_B_T, real)
    after = _next(values, real, _last(values, last_B))
    return torch.where(real, _inside(rewards_B_T, real) + gamma * after - values, 0.0)


def _last(values_B_T: Tensor, last_values: Tensor | None) -> Tensor:
    if last_values is None:
        return values_B_T.new_zeros(len(values_B_T))
    return last_values.detach().to(values_B_T)


def _discounted(x_B_T: Tensor, real_B_T: Tensor, factor: float) -> Tensor:
    """``y_t = x_t + factor y_next(t)``, swept from the end; ``x`` is 0 outside ``real``."""
    if factor == 1.0:  # one kernel instead of three for every token
        return torch.where(real_B_T, x_B_T.flip(1).cumsum(1).flip(1), 0.0)
    found = torch.zeros_like(x_B_T)
    carry = x_B_T.new_zeros(len(x_B_T))
    for t in reversed(range(x_B_T.shape[1])):
        carry = torch.where(real_B_T[:, t], x_B_T[:, t] + factor * carry, carry)
        found[:, t] = carry
    return torch.where(real_B_T, found, 0.0)


def _next(x_B_T: Tensor, real_B_T: Tensor, last_B: Tensor) -> Tensor:
    """``x`` at the next real token of the sequence; ``last_B`` after the last one."""
    padded = torch.cat([x_B_T, last_B.to(x_B_T).unsqueeze(1)], dim=1)
    return padded.gather(1, _next_index(real_B_T))


def _next_index(real_B_T: Tensor) -> Tensor:
    """The index of the first real token after each position; T where there is none."""
    length = real_B_T.shape[1]
    places = torch.arange(length, device=real_B_T.device).expand_as(real_B_T)
    own = torch.where(real_B_T, places, length)
    after = torch.cat([own[:, 1:], own.new_full((len(own), 1), length)], dim=1)
    return after.flip(1).cummin(dim=1).values.flip(1) if length else after[:, :0]


def _real(rewards_B_T: Tensor, mask_B_T: Tensor) -> Tensor:
    """The mask as bool, without the sequences that have a reward which is no number."""
    mask = mask_B_T.bool()
    faulty_B = (mask & ~torch.isfinite(rewards_B_T)).any(dim=1)
    return mask & ~faulty_B.unsqueeze(1)


def _inside(x_B_T: Tensor, real_B_T: Tensor) -> Tensor:
    return x_B_T.detach().masked_fill(~real_B_T, 0.0)


def _check_unit(**values: float) -> None:
    for name, value in values.items():
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"returns.{name}: must lie in [0, 1], got {value}")
