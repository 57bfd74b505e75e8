"""Losses of pairs and labels, on log-ratios ``log π(y|x) - log π_ref(y|x)`` summed over the answer.

Covered: one loss for each pair or answer, to be minimised; take the mean. Not covered: making the
pairs (``assay select``), the log-probabilities, and training, which TRL does. Not length-normalised
(TRL normalises its IPO).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from ...core.errors import ConfigError

__all__ = [
    "all_pairs",
    "bradley_terry",
    "cpo",
    "dpo",
    "implicit_cross_entropy",
    "ipo",
    "kto",
    "plackett_luce",
]


def dpo(chosen: Tensor, rejected: Tensor, beta: float = 0.1) -> Tensor:
    """``-log σ(β (chosen - rejected))`` of log-ratios; above 0, log 2 where they are equal.

    ``beta`` > 0 (0.1: the paper's). Source: Rafailov et al. 2023 (arXiv 2305.18290), Eq. 7.
    """
    return -logsigmoid(_positive("dpo.beta", beta) * (chosen - rejected))


def ipo(chosen: Tensor, rejected: Tensor, tau: float = 0.1) -> Tensor:
    """``(chosen - rejected - 1 / (2 τ))²`` of log-ratios: stops at a finite gap.

    Source: Azar et al. 2023 (arXiv 2310.12036), Eq. 17. Differs: nothing; tau 0.1 is ours.
    """
    return (chosen - rejected - 1 / (2 * _positive("ipo.tau", tau))).square()


def kto(
    log_ratios: Tensor,
    desirable: Tensor,
    z_ref: Tensor | float,
    beta: float = 0.1,
    *,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
) -> Tensor:
    """``w (1 - σ(r - z))`` where desirable and ``w (1 - σ(z - r))`` where not, r = β log-ratio.

    ``z_ref`` is ``β KL(π ‖ π_ref)`` over other prompts, already times β, and gets no gradient; the
    weights times the counts of their labels should be as 1 to 1, up to 3 to 2 for the desirable.
    Source: Ethayarajh et al. 2024 (arXiv 2402.01306, version 1). Differs: nothing.
    """
    reference = torch.as_tensor(z_ref).detach()
    apart = _positive("kto.beta", beta) * log_ratios - reference
    good = desirable.bool()
    weight = torch.where(good, desirable_weight, undesirable_weight).to(apart)
    return weight * torch.sigmoid(torch.where(good, -apart, apart))


def cpo(chosen: Tensor, rejected: Tensor, beta: float = 0.1, *, nll_weight: float = 1.0) -> Tensor:
    """``-log σ(β (chosen - rejected)) - nll_weight chosen`` of LOG-PROBABILITIES, not ratios.

    Dropping the reference is exact only for answers of equal length. ``nll_weight`` 1: the paper's.
    Source: Xu et al. 2024 (arXiv 2401.08417). Differs: nothing.
    """
    return -logsigmoid(_positive("cpo.beta", beta) * (chosen - rejected)) - nll_weight * chosen


def bradley_terry(chosen: Tensor, rejected: Tensor, margin: Tensor | float = 0.0) -> Tensor:
    """``-log σ(r_chosen - r_rejected - margin)`` of reward-model scores.

    Adding one number to all scores changes nothing: their level is not learned.
    Source: Bradley and Terry 1952; Ouyang et al. 2022 (arXiv 2203.02155), Eq. 1. Differs: no
    1/C(K, 2) over a ranking's pairs; margin 0 is the paper's.
    """
    return -logsigmoid(chosen - rejected - margin)


def all_pairs(scores: Tensor, worth: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of (better, worse) of every two answers to one prompt whose worth differs.

    ``scores`` and ``worth``: (K,), higher worth is better. Two tensors of the C(K, 2) pairs less
    the ties, for ``bradley_terry``; their mean loss is InstructGPT's with its 1/C(K, 2).
    Source: Ouyang et al. 2022 (arXiv 2203.02155), Eq. 1: all pairs of a ranking in one batch.
    """
    better, worse = torch.nonzero(worth.unsqueeze(1) > worth.unsqueeze(0), as_tuple=True)
    return scores[better], scores[worse]


def plackett_luce(scores: Tensor) -> Tensor:
    """``Σ_k logsumexp(r_k .. r_K) - r_k`` of scores (..., K), best first; shape (...).

    The best is chosen among all, the second among the others, and so on. For K = 2 it is
    ``bradley_terry``; log K! where all are equal.
    Source: Plackett 1975; Rafailov et al. 2023 (arXiv 2305.18290), Eq. 18. Differs: nothing.
    """
    left = torch.logcumsumexp(scores.flip(-1), -1).flip(-1)
    return (left - scores).sum(-1)


def implicit_cross_entropy(rewards: Tensor, labels: Tensor) -> Tensor:
    """``-l log σ(r) - (1 - l) log σ(-r)``, r = Σ_t β log(π_φ/π_ref): PRIME's update of its model.

    ``labels`` in [0, 1] are the verifier's outcomes; a NaN one was not scored and gives 0, without
    gradient (divide by the scored ones). Trains step rewards from outcomes alone.
    Source: Cui et al. 2025 (PRIME, arXiv 2502.01456); Yuan et al. 2024 (arXiv 2412.01981).
    """
    scored = torch.isfinite(labels.to(rewards.dtype))
    label = torch.where(scored, labels.detach().to(rewards.dtype), 0.0)
    loss = -label * logsigmoid(rewards) - (1 - label) * logsigmoid(-rewards)
    return torch.where(scored, loss, 0.0)


def _positive(where: str, value: float) -> float:
    if not value > 0:
        raise ConfigError(f"{where}: must be > 0, got {value}")
    return value
