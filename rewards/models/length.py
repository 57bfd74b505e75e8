"""How much of a score is the answer's length, and the score without that part.

Length is ``log(1 + characters)`` of the answer: lengths are spread like log-normals, and an answer
of twice the length then counts the same at any length. Not covered: other surface features, and
whether a longer answer is better (it may be: read the correlation among answers of equal worth).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from pydantic import Field

from ...core.errors import ConfigError
from ...core.settings import Settings
from ...core.statistics import pearson

__all__ = ["LengthBias", "LengthControl", "fit_length_control", "length_bias", "log_length"]


def log_length(text: str) -> float:
    """``log(1 + characters)``; 0 for an empty text."""
    return math.log1p(len(text))


class LengthControl(Settings):
    """``score - slope (length - centre)``: what is left when length is regressed out."""

    slope: float = Field(allow_inf_nan=False)
    """Score for each unit of ``log_length``."""
    centre: float = Field(allow_inf_nan=False)
    """The mean length of the anchors: a text of that length keeps its score."""
    n: int = Field(ge=2)

    def removes(self, text: str) -> float:
        """What is taken off the score of a text."""
        return self.slope * (log_length(text) - self.centre)


def fit_length_control(
    scores: Sequence[float], texts: Sequence[str], groups: Sequence[Hashable] | None = None
) -> LengthControl:
    """Least squares of scores on lengths; within ``groups`` (prompts) where they are given, so that
    hard prompts with long answers do not count as length.

    Raises ``ConfigError`` for columns of different length and for lengths that do not differ.
    Source: Dubois et al. 2024 (arXiv 2404.04475) control win rates for length by a regression.
    Differs: scores in place of win rates, linear.
    """
    lengths = _lengths("fit_length_control", scores, texts)
    x, y = _centred(lengths, groups), _centred(scores, groups)
    square = math.fsum(a * a for a in x)
    if not square > 1e-12:
        raise ConfigError("fit_length_control: the texts do not differ in length; give others")
    slope = math.fsum(a * b for a, b in zip(x, y, strict=True)) / square
    return LengthControl(slope=slope, centre=math.fsum(lengths) / len(lengths), n=len(lengths))


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthBias:
    """Correlations of score and length in [-1, 1]; None where one of them does not vary."""

    overall: float | None
    within_groups: float | None
    """Among the answers to one prompt, over all prompts together; None without groups."""
    within_labels: dict[bool, tuple[float | None, int]]
    """Among answers that are equally right: label -> (correlation, how many). The part of the bias
    that worth cannot explain. Within groups too, where they are given."""
    n: int


def length_bias(
    scores: Sequence[float],
    texts: Sequence[str],
    groups: Sequence[Hashable] | None = None,
    labels: Sequence[bool] | None = None,
) -> LengthBias:
    """How a model's scores go with length: overall, and on matched subsets.

    Args:
        scores: of any scale, one for each text.
        texts: the answers.
        groups: which prompt an answer belongs to.
        labels: whether it is right.

    Raises ``ConfigError`` for columns of different length.
    """
    lengths = _lengths("length_bias", scores, texts)
    for name, column in (("groups", groups), ("labels", labels)):
        if column is not None and len(column) != len(scores):
            raise ConfigError(
                f"length_bias.{name}: must be as many as scores ({len(scores)}), got {len(column)}"
            )
    matched = {}
    for label in (False, True) if labels is not None else ():
        rows = [i for i, found in enumerate(labels or ()) if bool(found) is label]
        inner = None if groups is None else [groups[i] for i in rows]
        x, y = [lengths[i] for i in rows], [scores[i] for i in rows]
        matched[label] = (pearson(_centred(x, inner), _centred(y, inner)), len(rows))
    within = None
    if groups is not None:
        within = pearson(_centred(lengths, groups), _centred(scores, groups))
    return LengthBias(
        overall=pearson(lengths, scores),
        within_groups=within,
        within_labels=matched,
        n=len(scores),
    )


def _lengths(where: str, scores: Sequence[float], texts: Sequence[str]) -> list[float]:
    if len(scores) != len(texts) or len(scores) < 2:
        raise ConfigError(
            f"{where}: needs as many texts as scores, and two at least,"
            f" got {len(texts)} and {len(scores)}"
        )
    return [log_length(text) for text in texts]


def _centred(values: Sequence[float], groups: Sequence[Hashable] | None) -> list[float]:
    """The values less the mean of their group, or less the mean of all."""
    keys = groups if groups is not None else [None] * len(values)
    rows: dict[Hashable, list[float]] = defaultdict(list)
    for key, value in zip(keys, values, strict=True):
        rows[key].append(value)
    means = {key: math.fsum(found) / len(found) for key, found in rows.items()}
    return [value - means[key] for key, value in zip(keys, values, strict=True)]
