"""GRAPE: from rubric scores and confidences to one reward for each sample of a batch.

Covered: the mean confidence of a category and item, and the reward in three forms. Not covered:
asking judges (``judge.rubric``), the advantage (Dr. GRPO's, or GRPO's) and the loss.

Source: Patel 2025 (GRAPE), section 6.1, Eq. 15 and Lemma 8.1. For sample i with items j, weight ω,
score τ, confidence φ and φ̄ the mean of φ over all samples of i's category (not of its question):

- ``barred``      R = ρ Σ ω τ φ̄ / Σ φ̄       Lemma 8.1's form, and the default
- ``printed``     R = ρ Σ ω τ φ̄ / Σ φ       Eq. 15 to the letter: no bar below
- ``normalised``  R = Σ ω τ φ̄ / Σ ω φ̄       ours: within [0, 1] where τ is

Why not the printed form: it is the barred one times Σφ̄ / Σφ, which grows as the judges of *this*
sample grow unsure, so that a policy is paid for confusing them. The lemma that justifies the
weighting needs the bar. The barred form may exceed 1: it is at most ρ max ω where τ is at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

from ..core.errors import ConfigError, did_you_mean

__all__ = ["Mode", "aggregate", "mean_confidence"]

Mode: TypeAlias = Literal["barred", "printed", "normalised"]
Cells: TypeAlias = Sequence[Sequence[float | None]]
"""Samples x items; None where a judge failed or abstained."""
Weights: TypeAlias = Mapping[str, Sequence[float]] | Sequence[float]

_MODES = ("barred", "printed", "normalised")


def aggregate(
    tau: Cells,
    phi: Cells,
    weights: Weights,
    category: Sequence[str],
    mode: Mode = "barred",
    *,
    means: Mapping[str, Sequence[float | None]] | None = None,
) -> list[float]:
    """The reward of every sample, in order; any finite number, or NaN for one that nobody judged.

    ``tau`` (scores: any finite number) and ``phi`` (confidences, in [0, 1]) hold a row for each
    sample and a column for each item of its category. A cell that is None in either is left out:
    ρ counts, and the weights are scaled to sum to one over, the items that are there. Where the
    confidences add up to 0 the reward is the plain Σ ω τ. ``weights`` sum to one: one sequence, or
    one for each category. ``means`` replaces the batch's own φ̄ (of a whole data set, or of all
    processes); see ``mean_confidence``.

    With one item of weight 1 and confidence 1 the reward is τ, exactly: GRPO is that special case.
    Raises ``ConfigError`` for weights, confidences or shapes that break these rules.
    """
    if mode not in _MODES:
        raise ConfigError(f"grape.mode: no form {mode!r}{did_you_mean(str(mode), _MODES)}")
    _check(tau, phi, category)
    omega = _by_category(weights, category)
    bars = mean_confidence(tau, phi, category) if means is None else means
    rewards = []
    for i, name in enumerate(category):
        if len(tau[i]) != len(omega[name]):
            raise ConfigError(
                f"grape.tau[{i}]: must hold one score for each of the {len(omega[name])} weights"
                f" of {name!r}, got {len(tau[i])}"
            )
        present = [j for j in range(len(tau[i])) if _judged(tau[i][j], phi[i][j])]
        rewards.append(_reward(tau[i], phi[i], omega[name], _bar(bars, name, present), mode))
    return rewards


def mean_confidence(
    tau: Cells, phi: Cells, category: Sequence[str]
) -> dict[str, list[float | None]]:
    """φ̄ for each category and item, in [0, 1]; None for an item that nobody judged.

    Low values point at items of the rubric that want a person's eye. Raises ``ConfigError``.
    """
    _check(tau, phi, category)
    seen: dict[str, list[list[float]]] = {}
    for scores, confidences, name in zip(tau, phi, category, strict=True):
        columns = seen.setdefault(name, [[] for _ in scores])
        if len(columns) != len(scores):
            raise ConfigError(
                f"grape.tau: every sample of {name!r} must have {len(columns)} items,"
                f" got one with {len(scores)}"
            )
        for column, score, confidence in zip(columns, scores, confidences, strict=True):
            if _judged(score, confidence) and confidence is not None:
                column.append(confidence)
    return {
        name: [math.fsum(column) / len(column) if column else None for column in columns]
        for name, columns in seen.items()
    }


def _reward(
    tau: Sequence[float | None],
    phi: Sequence[float | None],
    omega: Sequence[float],
    bar: Mapping[int, float],
    mode: Mode,
) -> float:
    """One sample's reward; ``bar`` holds φ̄ of exactly the items that count."""
    weight = _scaled({j: omega[j] for j in bar}, whole=len(bar) == len(omega))
    if weight is None:
        return math.nan
    paid = {j: weight[j] * float(tau[j] or 0.0) for j in bar}
    top = math.fsum(paid[j] * bar[j] for j in bar)
    if mode == "normalised":
        bottom = math.fsum(weight[j] * bar[j] for j in bar)
        return top / bottom if bottom > 0 else math.fsum(paid.values())
    below = bar if mode == "barred" else {j: float(phi[j] or 0.0) for j in bar}
    bottom = math.fsum(below.values())
    return len(bar) * top / bottom if bottom > 0 else math.fsum(paid.values())


def _scaled(weight: dict[int, float], *, whole: bool) -> dict[int, float] | None:
    """Weights that sum to one over the items that are there; None where they carry no weight."""
    total = math.fsum(weight.values())
    if total <= 0:
        return None
    # a whole row keeps its weights to the bit, though their sum is only nearly one
    return weight if whole else {j: value / total for j, value in weight.items()}


def _bar(
    bars: Mapping[str, Sequence[float | None]], name: str, present: Sequence[int]
) -> dict[int, float]:
    row = bars.get(name, ())
    found: dict[int, float] = {}
    for j in present:
        value = row[j] if j < len(row) else None
        if value is None or not 0.0 <= value <= 1.0:
            raise ConfigError(
                f"grape.means[{name!r}][{j}]: must be a mean confidence in [0, 1], got {value!r}"
            )
        found[j] = value
    return found


def _judged(score: float | None, confidence: float | None) -> bool:
    return score is not None and confidence is not None


def _check(tau: Cells, phi: Cells, category: Sequence[str]) -> None:
    if not len(tau) == len(phi) == len(category):
        raise ConfigError(
            "grape: tau, phi and category must have a row for each sample,"
            f" got {len(tau)}, {len(phi)} and {len(category)}"
        )
    for i, (scores, confidences) in enumerate(zip(tau, phi, strict=True)):
        if len(scores) != len(confidences):
            raise ConfigError(
                f"grape.phi[{i}]: must be as long as tau[{i}], got {len(confidences)}"
                f" for {len(scores)}"
            )
        for j, (score, confidence) in enumerate(zip(scores, confidences, strict=True)):
            if score is not None and not math.isfinite(score):
                raise ConfigError(f"grape.tau[{i}][{j}]: must be finite or None, got {score!r}")
            if confidence is not None and not 0.0 <= confidence <= 1.0:
                raise ConfigError(f"grape.phi[{i}][{j}]: must lie in [0, 1], got {confidence!r}")


def _by_category(weights: Weights, category: Sequence[str]) -> dict[str, Sequence[float]]:
    found: dict[str, Sequence[float]] = {}
    for name in dict.fromkeys(category):
        if isinstance(weights, Mapping) and name not in weights:
            raise ConfigError(f"grape.weights: no category {name!r}{did_you_mean(name, weights)}")
        row = weights[name] if isinstance(weights, Mapping) else weights
        if any(not weight >= 0 for weight in row) or abs(math.fsum(row) - 1.0) > 1e-6:
            raise ConfigError(
                f"grape.weights of {name!r}: must be >= 0 and sum to one, got {list(row)};"
                " divide them by their sum"
            )
        found[name] = row
    return found
