"""Small statistics of pass rates: intervals, pass@k, memorisation, correlation.

Covered: what a report or a training log needs, in plain Python, one definition for all of it. Not
covered: anything on tensors (``trainer/estimators``), tests of significance, bootstrap intervals.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .errors import ConfigError

__all__ = ["best_of_n", "limem", "pass_at_k", "pass_at_k_bound", "pearson", "wilson"]

_Z95 = 1.959963984540054
"""The 97.5 % point of the standard normal distribution."""


def wilson(passed: int, n: int, z: float = _Z95) -> tuple[float, float]:
    """The score interval of a proportion; (0, 1) when nothing was counted.

    Source: Wilson 1927, JASA 22, 209-212, without continuity correction. Differs: nothing.
    """
    if n == 0:
        return 0.0, 1.0
    share, spread = passed / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread)
    # at 0 and n the ends are exact; rounding must not put them beside the rate itself
    low = 0.0 if passed == 0 else max(0.0, middle - half)
    return low, 1.0 if passed == n else min(1.0, middle + half)


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of ``k`` answers passes, from ``c`` passes among ``n``: [0, 1].

    Unbiased: ``1 - C(n-c, k) / C(n, k)``, as a product that does not overflow. Average it over the
    prompts. Raises ``ConfigError`` unless 0 <= c <= n and 1 <= k <= n.
    Source: Chen et al. 2021 (arXiv 2107.03374), Eq. 1. Differs: nothing.
    """
    if not 0 <= c <= n:
        raise ConfigError(f"pass_at_k.c: must lie in [0, n], got {c} of n = {n}")
    if not 1 <= k <= n:
        raise ConfigError(
            f"pass_at_k.k: must lie in [1, n], got {k} of n = {n}; sample at least k answers"
        )
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


def pass_at_k_bound(mean: float, variance: float, k: int) -> float:
    """The most that the mean of pass@k over prompts can be: ``1 - [(1-mean)^2 + variance]^(k/2)``.

    ``mean`` and ``variance`` (population) are those of the success probabilities of the prompts.
    Raises ``ConfigError`` for k < 2, where the bound is false as soon as the variance is positive,
    and for moments that no probability in [0, 1] has.
    Source: Liu et al. 2025 (ProRL, arXiv 2505.24864), the bound on pass@k. Differs: k = 1 refused.
    """
    if k < 2:
        raise ConfigError(f"pass_at_k_bound.k: must be >= 2, got {k}; it does not hold for one")
    if not 0.0 <= mean <= 1.0:
        raise ConfigError(f"pass_at_k_bound.mean: must lie in [0, 1], got {mean}")
    if not 0.0 <= variance <= mean * (1.0 - mean) + 1e-12:
        raise ConfigError(
            "pass_at_k_bound.variance: must lie in [0, mean (1 - mean)] and be the population's,"
            f" got {variance} for mean {mean}"
        )
    return 1.0 - math.pow(min((1.0 - mean) ** 2 + variance, 1.0), k / 2)


def limem(accuracy: float, consistency_ratio: float) -> float:
    """How far accuracy is memory: ``accuracy * (1 - consistency_ratio)``, in [0, 1].

    ``consistency_ratio``: the share of solved problems still solved after a perturbation.
    Raises ``ConfigError`` for values outside [0, 1].
    Source: Xie et al. 2024 (arXiv 2410.23123), LiMem; used in Logic-RL. Differs: nothing.
    """
    for name, value in (("accuracy", accuracy), ("consistency_ratio", consistency_ratio)):
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"limem.{name}: must lie in [0, 1], got {value}")
    return accuracy * (1.0 - consistency_ratio)


def best_of_n(proxy: Sequence[float], truth: Sequence[float], n: int) -> float:
    """The mean truth of the answer that a proxy likes best among ``n`` of these answers.

    Over all subsets of size n, without replacement; answers of equal proxy are drawn alike. With
    the truth as its own proxy it is the oracle's; n = 1 is a random choice. Raises ``ConfigError``
    unless there are as many truths as proxies and 1 <= n <= their number.
    Source: the unbiased estimator of Nakano et al. 2021 (WebGPT, arXiv 2112.09332), appendix I.
    Differs: ties share.
    """
    total = len(proxy)
    if len(truth) != total or not 1 <= n <= total:
        raise ConfigError(
            f"best_of_n: needs as many truths as proxies ({total}) and 1 <= n <= {total}, got"
            f" {len(truth)} and n = {n}"
        )
    order = sorted(range(total), key=proxy.__getitem__)
    of_equal: dict[float, list[float]] = {}
    for score, true in zip(proxy, truth, strict=True):
        of_equal.setdefault(score, []).append(true)
    subsets = math.comb(total, n)
    means = {score: math.fsum(found) / len(found) for score, found in of_equal.items()}
    return math.fsum(
        math.comb(below, n - 1) / subsets * means[proxy[i]] for below, i in enumerate(order)
    )


def pearson(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """The correlation of two columns in [-1, 1]; None below two rows or where one does not vary.

    Raises ``ConfigError`` for columns of different length. NaN in, NaN out.
    """
    if len(xs) != len(ys):
        raise ConfigError(f"pearson: the columns must be equally long, got {len(xs)} and {len(ys)}")
    if len(xs) < 2 or min(xs) == max(xs) or min(ys) == max(ys):
        return None
    x, y = _centred(xs), _centred(ys)
    scale = math.hypot(*x) * math.hypot(*y)
    if scale == 0.0:  # they vary by less than a float can square
        return None
    found = math.fsum(a * b for a, b in zip(x, y, strict=True)) / scale
    return min(1.0, max(-1.0, found)) if math.isfinite(found) else math.nan


def _centred(values: Sequence[float]) -> list[float]:
    mean = math.fsum(values) / len(values)
    return [value - mean for value in values]
