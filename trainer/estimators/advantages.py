"""Advantages: how much better than its siblings, or than its batch, a completion was.

Covered: the estimators that need rewards only (GRPO and its kin, leave-one-out, greedy and mean
baselines, step rewards, several sources, reward against cost). Not covered: those that need values
(``returns.gae``), and gathering groups that are split over processes: give whole groups.

Shapes: N = samples in group order (each run of ``group_size`` shares a prompt), K = sources,
T = tokens. A reward that is NaN or infinite was *not scored*: it is left out of every mean and its
advantage is 0. Rewards that are all equal carry no signal: their advantage is exactly 0, whatever
rounding says. Results keep the dtype of the rewards (half precision and integers become float32)
and carry no gradient.
"""

# ruff: noqa: N803, N806 -- shape suffixes are capitals, as in the legend above
from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from ...core.errors import ConfigError, did_you_mean

__all__ = [
    "Baseline",
    "Form",
    "batch_norm",
    "dr_grpo",
    "gdpo",
    "group_norm",
    "grpo",
    "lagrangian",
    "next_multiplier",
    "process",
    "reinforce",
    "remax",
    "rloo",
]

Form: TypeAlias = Literal["std_plus_eps", "sqrt_var_plus_eps", "sqrt_std_plus_eps"]
"""What divides: std + ε (usual, and TRL's), √(var + ε), or √std + ε (as one text prints it; it is
not invariant to the unit of the reward)."""

Baseline: TypeAlias = Literal["group", "batch", "none"]


def grpo(
    rewards_N: Tensor,
    group_size: int,
    *,
    ddof: int = 1,
    eps: float = 1e-4,
    form: Form = "std_plus_eps",
) -> Tensor:
    """``(r - mean) / (std + eps)`` within each group; shape (N,).

    ``ddof`` 1 divides the variance by the scored samples less one, 0 by all of them. The paper says
    neither, nor gives an ``eps``: the defaults are TRL's. Raises ``ConfigError``.
    Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.2. Differs: ``eps``, and a group
    without variance gives 0 where the paper has 0/0.
    """
    groups_P_G = _groups(rewards_N, group_size)
    return _standard(groups_P_G, ddof=ddof, eps=eps, form=form).flatten()


def dr_grpo(rewards_N: Tensor, group_size: int) -> Tensor:
    """``r - mean`` within each group; shape (N,). The sample itself is in the mean.

    Source: Liu et al. 2025 (arXiv 2503.20783); GRAPE (Patel 2025), Eq. 13.
    """
    return _centred(_groups(rewards_N, group_size)).flatten()


def rloo(rewards_N: Tensor, group_size: int) -> Tensor:
    """``r`` less the mean of its scored siblings; shape (N,). Without a scored sibling: 0.

    Computed as ``n / (n - 1) (r - mean)``, the same number. MDLOO uses this advantage too; its
    mirror term is ``losses.mirror``.
    Source: Ahmadian et al. 2024 (arXiv 2402.14740). Differs: nothing.
    """
    groups_P_G = _groups(rewards_N, group_size)
    n_P_1 = torch.isfinite(groups_P_G).sum(dim=1, keepdim=True).to(groups_P_G.dtype)
    return (_centred(groups_P_G) * (n_P_1 / (n_P_1 - 1).clamp(min=1))).flatten()


def reinforce(rewards_N: Tensor, group_size: int, baseline: Baseline = "group") -> Tensor:
    """``r`` less the mean of its group, of the whole batch, or less nothing; shape (N,).

    Source: Williams 1992. A baseline that contains the sample itself scales the gradient by
    ``1 - 1/n``; ``rloo`` is the estimator without that bias. Raises ``ConfigError``.
    """
    groups_P_G = _groups(rewards_N, group_size)
    if baseline == "group":
        return _centred(groups_P_G).flatten()
    if baseline == "batch":
        return _centred(groups_P_G.reshape(1, -1)).flatten()
    if baseline == "none":
        return _scored(groups_P_G).flatten()
    raise _unknown("reinforce.baseline", baseline, get_args(Baseline))


def remax(rewards_N: Tensor, greedy_N: Tensor) -> Tensor:
    """``r`` less the reward of the greedy answer to the same prompt; shape (N,).

    ``greedy_N`` repeats a prompt's greedy reward for each of its samples. Where either was not
    scored: 0. Raises ``ConfigError`` when the shapes differ.
    Source: Li et al. 2023 (ReMax, arXiv 2310.10505), Algorithm 1. Differs: nothing.
    """
    if rewards_N.shape != greedy_N.shape:
        raise ConfigError(
            "remax.greedy: must hold one reward for each sample,"
            f" got {tuple(greedy_N.shape)} for {tuple(rewards_N.shape)}"
        )
    return _scored(_floating(rewards_N) - _floating(greedy_N))


def gdpo(rewards_N_K: Tensor, weights_K: Tensor, group_size: int, eps: float = 1e-4) -> Tensor:
    """Each source normalised within its group, weighted, summed, normalised over the batch: (N,).

    A source that did not score a sample adds nothing to it; a sample that no source scored is out
    of the last normalisation and gets 0.
    Source: Liu et al. 2026 (GDPO), as TRL 1.16's ``normalize_then_sum``. Differs: a source without
    variance in a group adds exactly 0, where TRL adds its rounding noise divided by ``eps``.
    """
    if rewards_N_K.dim() != 2 or weights_K.shape != rewards_N_K.shape[1:]:
        raise ConfigError(
            "gdpo: rewards must be (N, K) and weights (K,),"
            f" got {tuple(rewards_N_K.shape)} and {tuple(weights_K.shape)}"
        )
    columns = [grpo(column_N, group_size, ddof=1, eps=eps) for column_N in rewards_N_K.unbind(1)]
    normal_N_K = torch.stack(columns, dim=1)
    # weights in the dtype of the advantages: a float64 weight must not promote the result
    summed_N = (normal_N_K * weights_K.to(normal_N_K)).sum(dim=1)
    nobody_N = ~torch.isfinite(_floating(rewards_N_K)).any(dim=1)
    return batch_norm(summed_N.masked_fill(nobody_N, math.nan), ddof=1, eps=eps)


def batch_norm(
    values: Tensor, mask: Tensor | None = None, *, ddof: int = 0, eps: float = 1e-8
) -> Tensor:
    """``(v - mean) / (std + eps)`` over all scored values where ``mask`` holds; 0 elsewhere.

    Any shape. For a batch that is split over processes use ``returns.standardise`` with summed
    sums. ``eps`` is ours.
    Source: Hu 2025 (REINFORCE++, arXiv 2501.03262). Differs: ``eps``, zero variance gives 0.
    """
    row_1_X = _masked(values, mask).reshape(1, -1)
    return _standard(row_1_X, ddof=ddof, eps=eps).reshape(values.shape)


def group_norm(
    values: Tensor,
    group_size: int,
    mask: Tensor | None = None,
    *,
    ddof: int = 1,
    eps: float = 1e-4,
) -> Tensor:
    """``batch_norm`` within each group: all values of its samples, shape (N,) or (N, T), pooled."""
    _check_groups(values, group_size)
    rows_P_X = _masked(values, mask).reshape(values.shape[0] // group_size, -1)
    return _standard(rows_P_X, ddof=ddof, eps=eps).reshape(values.shape)


def process(
    step_scores: Sequence[Sequence[float]],
    step_ends: Sequence[Sequence[int]],
    length: int,
    group_size: int,
    *,
    ddof: int = 0,
    eps: float = 0.0,
) -> Tensor:
    """GRPO with process supervision: the steps still to come, normalised over the group; (N, T).

    ``step_ends`` are the 0-based indices of the last token of each step, below ``length``
    (``steps.token_ends`` finds them), in any order; steps that end at one token add up. A token
    gets the sum of the normalised scores of its own and all later steps; tokens after the last step
    get 0. Mean and std are those of all scored steps of the group together. Returns
    float32 on the CPU. Raises ``ConfigError``.
    Source: Shao et al. 2024 (arXiv 2402.03300), section 4.1.3, where ends are 1-based. Differs:
    ``ddof`` and ``eps`` are open there; zero variance gives 0.
    """
    _check_steps(step_scores, step_ends, length)
    widest = max((len(scores) for scores in step_scores), default=0)
    padded = [[*scores, *[math.nan] * (widest - len(scores))] for scores in step_scores]
    scores_N_S = torch.tensor(padded, dtype=torch.float64).reshape(len(padded), widest)
    normal_N_S = group_norm(scores_N_S, group_size, ddof=ddof, eps=eps)
    placed_N_T = torch.zeros(len(padded), length, dtype=torch.float64)
    for row_S, row_T, ends in zip(normal_N_S, placed_N_T, step_ends, strict=True):
        row_T.index_add_(0, torch.tensor(ends, dtype=torch.long), row_S[: len(ends)])
    return placed_N_T.flip(1).cumsum(1).flip(1).to(torch.float32)


def lagrangian(reward_adv: Tensor, cost_adv: Tensor, multiplier: float) -> Tensor:
    """``(A_r - λ A_c) / (1 + λ)``; the scale stays that of one advantage as λ grows.

    Raises ``ConfigError`` for a multiplier below 0.
    Source: Dai et al. 2023 (Safe RLHF, arXiv 2310.12773). Differs: nothing.
    """
    if not multiplier >= 0:
        raise ConfigError(f"lagrangian.multiplier: must be >= 0, got {multiplier}")
    return (reward_adv - multiplier * cost_adv) / (1.0 + multiplier)


def next_multiplier(
    multiplier: float, cost_mean: float, rate: float, *, ceiling: float | None = None
) -> float:
    """λ after a step in log space: ``ln λ' = ln λ + rate λ J_C``; always above 0.

    ``cost_mean`` is J_C, the mean cost less what is allowed: above 0 the constraint is broken and λ
    grows. ``ceiling`` (ours; None: the largest float) bounds it. Raises ``ConfigError``.
    Source: Dai et al. 2023 (Safe RLHF, arXiv 2310.12773). Differs: the ceiling.
    """
    if not (multiplier > 0 and math.isfinite(multiplier)):
        raise ConfigError(
            f"next_multiplier.multiplier: must be finite and > 0, got {multiplier}; a step in log"
            " space never leaves 0, start small instead"
        )
    if not (math.isfinite(cost_mean) and math.isfinite(rate)):
        raise ConfigError(f"next_multiplier: cost and rate must be finite, got {cost_mean}, {rate}")
    highest = sys.float_info.max if ceiling is None else ceiling
    logarithm = math.log(multiplier) + rate * multiplier * cost_mean
    if logarithm >= math.log(highest):
        return highest
    return max(math.exp(logarithm), sys.float_info.min)


def _standard(rows_R_X: Tensor, *, ddof: int, eps: float, form: Form = "std_plus_eps") -> Tensor:
    """Rows less their mean, over their spread; 0 where not scored and in rows without variance."""
    if ddof not in {0, 1}:
        raise ConfigError(f"ddof: must be 0 (population) or 1 (sample), got {ddof!r}")
    if not eps >= 0:
        raise ConfigError(f"eps: must be >= 0, got {eps}")
    centred_R_X = _centred(rows_R_X)
    n_R_1 = torch.isfinite(rows_R_X).sum(dim=1, keepdim=True)
    square_R_1 = centred_R_X.square().sum(dim=1, keepdim=True)
    spread_R_1 = _spread(square_R_1 / (n_R_1 - ddof).clamp(min=1), eps, form)
    # a spread of 0 comes with deviations of 0, but for those whose squares underflow
    dead_R_1 = spread_R_1 == 0
    return (centred_R_X / spread_R_1.masked_fill(dead_R_1, 1.0)).masked_fill(dead_R_1, 0.0)


def _spread(variance: Tensor, eps: float, form: Form) -> Tensor:
    if form == "std_plus_eps":
        return variance.sqrt() + eps
    if form == "sqrt_var_plus_eps":
        return (variance + eps).sqrt()
    if form == "sqrt_std_plus_eps":
        return variance.sqrt().sqrt() + eps
    raise _unknown("form", form, get_args(Form))


def _centred(rows_R_X: Tensor) -> Tensor:
    """Rows less the mean of their scored values; exactly 0 where not scored or all are equal."""
    seen_R_X = torch.isfinite(rows_R_X)
    filled_R_X = _scored(rows_R_X)
    n_R_1 = seen_R_X.sum(dim=1, keepdim=True).clamp(min=1)
    mean_R_1 = filled_R_X.sum(dim=1, keepdim=True) / n_R_1
    # the mean of equal floats may miss them by a rounding, which a small std would blow up
    differ_R_1 = _extreme(rows_R_X, seen_R_X, largest=True) > _extreme(
        rows_R_X, seen_R_X, largest=False
    )
    return torch.where(seen_R_X & differ_R_1, filled_R_X - mean_R_1, 0.0)


def _extreme(rows_R_X: Tensor, seen_R_X: Tensor, *, largest: bool) -> Tensor:
    if rows_R_X.shape[1] == 0:
        return rows_R_X.new_zeros(rows_R_X.shape[0], 1)
    if largest:
        return rows_R_X.masked_fill(~seen_R_X, -math.inf).amax(dim=1, keepdim=True)
    return rows_R_X.masked_fill(~seen_R_X, math.inf).amin(dim=1, keepdim=True)


def _scored(values: Tensor) -> Tensor:
    return values.masked_fill(~torch.isfinite(values), 0.0)


def _masked(values: Tensor, mask: Tensor | None) -> Tensor:
    floats = _floating(values)
    return floats if mask is None else floats.masked_fill(~mask.bool(), math.nan)


def _floating(values: Tensor) -> Tensor:
    values = values.detach()
    return values if values.dtype in {torch.float32, torch.float64} else values.float()


def _groups(rewards_N: Tensor, group_size: int) -> Tensor:
    if rewards_N.dim() != 1:
        raise ConfigError(f"rewards: must be one-dimensional, got shape {tuple(rewards_N.shape)}")
    _check_groups(rewards_N, group_size)
    return _floating(rewards_N).reshape(-1, group_size)


def _check_groups(values: Tensor, group_size: int) -> None:
    if group_size < 1 or values.shape[0] % group_size:
        raise ConfigError(
            f"group_size: must be >= 1 and divide the {values.shape[0]} samples, got {group_size}"
        )


def _check_steps(
    step_scores: Sequence[Sequence[float]], step_ends: Sequence[Sequence[int]], length: int
) -> None:
    if len(step_scores) != len(step_ends):
        raise ConfigError(
            f"process: {len(step_scores)} samples have scores and {len(step_ends)} have ends"
        )
    for i, (scores, ends) in enumerate(zip(step_scores, step_ends, strict=True)):
        if len(scores) != len(ends):
            raise ConfigError(f"process: sample {i} has {len(scores)} scores for {len(ends)} ends")
        if any(not 0 <= end < length for end in ends):
            raise ConfigError(
                f"process.step_ends[{i}]: must lie within [0, {length}), got {list(ends)}"
            )


def _unknown(where: str, value: object, known: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"{where}: must be one of {', '.join(known)}, got {value!r}"
        f"{did_you_mean(str(value), known)}"
    )
