"""Changes to a composed value by how long or repetitive the completion is. Every shaper is pure.

Lengths are in tokens, counted by ``completion_tokens``.

Not covered: rules that compare lengths within a group (Kimi k1.5), language consistency,
potential-based shaping.
"""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from ..core.composition import Draft, shaper
from ..core.settings import Settings
from .lengths import PIECE, completion_tokens

__all__ = ["cosine", "linear", "ngram_repetition", "soft_overlong"]


class OverlongSettings(Settings):
    """Settings of ``length.soft_overlong``. DAPO trains with 20480 and 4096."""

    max_tokens: int = Field(gt=0)
    """L_max: from here on the whole penalty."""
    buffer_tokens: int = Field(gt=0)
    """L_cache: the penalty grows over this many tokens before ``max_tokens``."""
    penalty: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    """Times the paper's value in [-1, 0]; DAPO: 1."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.buffer_tokens > self.max_tokens:
            raise ValueError("buffer_tokens must be <= max_tokens")
        return self


class CosineSettings(Settings):
    """Settings of ``length.cosine``; names and defaults as in open-r1 and TRL."""

    max_tokens: int = Field(gt=0)
    """L_max: where the right value is lowest and the wrong one highest."""
    min_value_wrong: float = Field(default=-1.0, allow_inf_nan=False)
    """A wrong answer of length 0."""
    max_value_wrong: float = Field(default=-0.5, allow_inf_nan=False)
    """A wrong answer of length L_max or more."""
    min_value_correct: float = Field(default=0.5, allow_inf_nan=False)
    """A right answer of length L_max or more."""
    max_value_correct: float = Field(default=1.0, allow_inf_nan=False)
    """A right answer of length 0."""
    exceed_value: float | None = Field(default=None, allow_inf_nan=False)
    """Any answer of length L_max or more (the paper's r_e, -10 there); None: no exception."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        wrong = [self.min_value_wrong, self.max_value_wrong]
        values = [*wrong, self.min_value_correct, self.max_value_correct]
        if values != sorted(values):
            raise ValueError(
                "min and max, wrong and correct, must not fall: every right answer"
                " is worth at least every wrong one"
            )
        return self


class LinearSettings(Settings):
    """Settings of ``length.linear``."""

    max_tokens: int = Field(gt=0)
    """From here on the whole penalty."""
    free_tokens: int = Field(default=0, ge=0)
    """Up to here no penalty."""
    penalty: float = Field(default=1.0, ge=0.0, allow_inf_nan=False)
    """Taken off at ``max_tokens``."""
    applies_to: Literal["all", "passed"] = "all"
    """``passed``: a wrong answer is not made cheaper by being short."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.free_tokens >= self.max_tokens:
            raise ValueError("free_tokens must be < max_tokens")
        return self


class RepetitionSettings(Settings):
    """Settings of ``repetition.ngram``; defaults as in TRL."""

    ngram_size: int = Field(default=3, ge=1)
    max_penalty: float = Field(default=-1.0, le=0.0, allow_inf_nan=False)
    """Added when nearly every n-gram is a repeat."""
    unit: Literal["word", "piece"] = "word"
    """``word``: between white space, as published. ``piece``: short runs of letters, digits and
    single marks, which also sees repetition without blanks."""


@shaper("length.soft_overlong")
def soft_overlong(draft: Draft, settings: OverlongSettings) -> float:
    """The value minus up to ``penalty`` as the length runs through the buffer.

    Source: Yu et al. 2025 (DAPO, arXiv 2503.14476), Eq. 13. Differs from the paper: the factor
    ``penalty``.
    """
    over = completion_tokens(draft.sample) - (settings.max_tokens - settings.buffer_tokens)
    return draft.value - settings.penalty * min(max(over / settings.buffer_tokens, 0.0), 1.0)


@shaper("length.cosine")
def cosine(draft: Draft, settings: CosineSettings) -> float:
    """A value by correctness and length alone, in place of the one so far.

    Right answers earn less the longer they are, wrong ones lose less. A sample without a bar
    (``passed`` None) keeps its value. Source: Yeo et al. 2025 (arXiv 2502.03373), section 3.1;
    the settings are open-r1's. Differs from both: beyond L_max the value stays (their cosine turns
    back up).
    """
    if draft.passed is None:
        return draft.value
    progress = completion_tokens(draft.sample) / settings.max_tokens
    if progress >= 1.0 and settings.exceed_value is not None:
        return settings.exceed_value
    short, long = (
        (settings.max_value_correct, settings.min_value_correct)
        if draft.passed
        else (settings.min_value_wrong, settings.max_value_wrong)
    )
    return long + 0.5 * (short - long) * (1.0 + math.cos(min(progress, 1.0) * math.pi))


@shaper("length.linear")
def linear(draft: Draft, settings: LinearSettings) -> float:
    """The value minus ``penalty`` times the used share of ``free_tokens`` to ``max_tokens``."""
    if settings.applies_to == "passed" and draft.passed is not True:
        return draft.value
    over = completion_tokens(draft.sample) - settings.free_tokens
    share = over / (settings.max_tokens - settings.free_tokens)
    return draft.value - settings.penalty * min(max(share, 0.0), 1.0)


@shaper("repetition.ngram")
def ngram_repetition(draft: Draft, settings: RepetitionSettings) -> float:
    """The value plus ``max_penalty`` times the share of n-grams that are repeats, in [0, 1).

    Source: Yeo et al. 2025 (arXiv 2502.03373), appendix C.2, in the form of open-r1 and TRL: one
    number for the whole text, ``1 - distinct / all``, on lower-cased words. A text of fewer units
    than an n-gram has no repeats.
    """
    text = draft.sample.text.lower()
    units = text.split() if settings.unit == "word" else PIECE.findall(text)
    total = len(units) - settings.ngram_size + 1
    if total <= 0:
        return draft.value
    distinct = len(set(zip(*(units[i:] for i in range(settings.ngram_size)), strict=False)))
    return draft.value + settings.max_penalty * (1.0 - distinct / total)
