"""From scores to probabilities, fitted where labels exist: Platt's sigmoid, isotonic regression.

And how far probabilities are from what happened: the expected calibration error, Brier's score.
Plain Python: fitting 100,000 scores takes a second or two. Not covered: more than two classes,
temperature scaling, intervals.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, model_validator

from .errors import ConfigError
from .settings import Settings

__all__ = [
    "Calibrator",
    "Isotonic",
    "Platt",
    "brier",
    "expected_calibration_error",
    "fit_isotonic",
    "fit_platt",
    "sigmoid",
]

_NEWTON_STEPS = 100
_FLAT = 1e-10
"""A gradient, per sample, that counts as none."""


def sigmoid(x: float) -> float:
    """``1 / (1 + exp(-x))``, for any finite x."""
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    raised = math.exp(x)
    return raised / (1.0 + raised)


class Platt(Settings):
    """``σ(slope score + intercept)``: two numbers, for a few hundred labels and more."""

    kind: Literal["platt"] = "platt"
    slope: float = Field(allow_inf_nan=False)
    intercept: float = Field(allow_inf_nan=False)

    def __call__(self, score: float) -> float:
        """The probability of a score, in [0, 1]."""
        return sigmoid(self.slope * score + self.intercept)


class Isotonic(Settings):
    """A rising broken line through knots, flat beyond them: for a thousand labels and more."""

    kind: Literal["isotonic"] = "isotonic"
    scores: tuple[float, ...] = Field(min_length=1)
    values: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _rises(self) -> Isotonic:
        if len(self.scores) != len(self.values):
            raise ValueError("scores and values must be equally many")
        for name, row in (("scores", self.scores), ("values", self.values)):
            if any(not a <= b for a, b in pairwise(row)):
                raise ValueError(f"{name} must not fall")
        return self

    def __call__(self, score: float) -> float:
        """The probability of a score, in [0, 1]; linear between knots."""
        at = bisect_left(self.scores, score)
        if at == 0:
            return self.values[0]
        if at == len(self.scores):
            return self.values[-1]
        low, high = self.scores[at - 1], self.scores[at]
        share = (score - low) / (high - low)
        return self.values[at - 1] + share * (self.values[at] - self.values[at - 1])


Calibrator: TypeAlias = Annotated[Platt | Isotonic, Field(discriminator="kind")]


def fit_platt(scores: Sequence[float], labels: Sequence[bool]) -> Platt:
    """The sigmoid of largest likelihood, with Platt's targets: (n₊ + 1)/(n₊ + 2) and 1/(n₋ + 2).

    Raises ``ConfigError`` unless there are finite scores of both labels.
    Source: Platt 1999; the safe Newton steps are Lin, Lin and Weng's (2007). Differs: scores are
    standardised while fitting.
    """
    _check("fit_platt", scores, labels)
    mean = math.fsum(scores) / len(scores)
    spread = math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / len(scores)) or 1.0
    positive = sum(map(bool, labels))
    high, low = (positive + 1.0) / (positive + 2.0), 1.0 / (len(labels) - positive + 2.0)
    targets = [high if label else low for label in labels]
    slope, intercept = _newton([(s - mean) / spread for s in scores], targets)
    return Platt(slope=slope / spread, intercept=intercept - slope * mean / spread)


def _newton(xs: Sequence[float], targets: Sequence[float]) -> tuple[float, float]:
    a, b = 0.0, math.log(math.fsum(targets) / math.fsum(1.0 - t for t in targets))
    loss = _loss(a, b, xs, targets)
    for _ in range(_NEWTON_STEPS):
        chances = [sigmoid(a * x + b) for x in xs]
        slack = [p - t for p, t in zip(chances, targets, strict=True)]
        ga, gb = math.fsum(map(float.__mul__, slack, xs)), math.fsum(slack)
        if max(abs(ga), abs(gb)) <= _FLAT * len(xs):
            break
        step = _direction(xs, [p * (1.0 - p) for p in chances], ga, gb)
        size = 1.0
        while size > 1e-10:
            tried = _loss(a - size * step[0], b - size * step[1], xs, targets)
            if tried <= loss:
                break
            size /= 2.0
        else:
            break  # no step makes it better: the sums are as exact as floats are
        a, b, loss = a - size * step[0], b - size * step[1], tried
    return a, b


def _direction(
    xs: Sequence[float], weights: Sequence[float], ga: float, gb: float
) -> tuple[float, float]:
    """Newton's step: the 2 by 2 Hessian's inverse times the gradient."""
    haa = math.fsum(w * x * x for w, x in zip(weights, xs, strict=True)) + 1e-12
    hab = math.fsum(map(float.__mul__, weights, xs))
    hbb = math.fsum(weights) + 1e-12
    area = haa * hbb - hab * hab
    return (hbb * ga - hab * gb) / area, (haa * gb - hab * ga) / area


def _loss(a: float, b: float, xs: Sequence[float], targets: Sequence[float]) -> float:
    """Cross-entropy, without taking the logarithm of what may be 0."""

    def one(x: float, target: float) -> float:
        z = a * x + b
        return max(z, 0.0) - z * target + math.log1p(math.exp(-abs(z)))

    return math.fsum(map(one, xs, targets))


def fit_isotonic(scores: Sequence[float], labels: Sequence[bool]) -> Isotonic:
    """The rising function of least squares, by pooling adjacent violators; ties are pooled first.

    Raises ``ConfigError`` unless there are finite scores of both labels.
    Source: Barlow et al. 1972; Zadrozny and Elkan 2002 for calibration. Differs: nothing.
    """
    _check("fit_isotonic", scores, labels)
    blocks: list[list[float]] = []  # [lowest score, highest score, sum of labels, count]
    rows = sorted(zip(scores, map(bool, labels), strict=True))
    for score, ties in groupby(rows, key=lambda row: row[0]):
        found = [label for _, label in ties]
        blocks.append([score, score, float(sum(found)), float(len(found))])
        while len(blocks) > 1 and blocks[-2][2] * blocks[-1][3] >= blocks[-1][2] * blocks[-2][3]:
            _, high, total, count = blocks.pop()
            last = blocks[-1]
            last[1:] = [high, last[2] + total, last[3] + count]
    knots = [
        (score, total / count)
        for low, high, total, count in blocks
        for score in ((low,) if low == high else (low, high))
    ]
    return Isotonic(scores=tuple(s for s, _ in knots), values=tuple(v for _, v in knots))


def expected_calibration_error(
    probabilities: Sequence[float], labels: Sequence[bool], bins: int = 10
) -> float:
    """``Σ |B|/n |mean label - mean probability|`` over ``bins`` equal parts of [0, 1]; in [0, 1].

    0 is perfect. It grows with ``bins`` on few samples: compare equal settings only. Raises
    ``ConfigError`` for probabilities outside [0, 1], none at all, or ``bins`` below 1.
    Source: Guo et al. 2017 (arXiv 1706.04599), Eq. 3, for two classes. Differs: nothing.
    """
    _check_probabilities("expected_calibration_error", probabilities, labels)
    if bins < 1:
        raise ConfigError(f"expected_calibration_error.bins: must be >= 1, got {bins}")
    gaps = [0.0] * bins
    for probability, label in zip(probabilities, labels, strict=True):
        gaps[min(int(probability * bins), bins - 1)] += float(bool(label)) - probability
    return math.fsum(map(abs, gaps)) / len(labels)


def brier(probabilities: Sequence[float], labels: Sequence[bool]) -> float:
    """The mean squared distance of probabilities and labels: [0, 1], 0 is perfect.

    Raises ``ConfigError`` as ``expected_calibration_error`` does. Source: Brier 1950.
    """
    _check_probabilities("brier", probabilities, labels)
    pairs = zip(probabilities, labels, strict=True)
    return math.fsum((p - float(bool(label))) ** 2 for p, label in pairs) / len(labels)


def _check(where: str, scores: Sequence[float], labels: Sequence[bool]) -> None:
    if len(scores) != len(labels):
        raise ConfigError(f"{where}: scores and labels must be equally many,"
                          f" got {len(scores)} and {len(labels)}")  # fmt: skip
    if not all(map(math.isfinite, scores)):
        raise ConfigError(f"{where}: scores must be finite; leave unscored samples out")
    if len(set(map(bool, labels))) < 2:
        raise ConfigError(f"{where}: needs samples of both labels, got {len(labels)} of one")


def _check_probabilities(
    where: str, probabilities: Sequence[float], labels: Sequence[bool]
) -> None:
    if not probabilities or len(probabilities) != len(labels):
        raise ConfigError(f"{where}: needs as many probabilities as labels, and some,"
                          f" got {len(probabilities)} and {len(labels)}")  # fmt: skip
    wrong = next((p for p in probabilities if not 0.0 <= p <= 1.0), None)
    if wrong is not None:
        raise ConfigError(f"{where}: probabilities must lie in [0, 1], got {wrong}")
