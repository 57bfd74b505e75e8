"""Which scored completions to learn from: rows to keep, pairs to compare, labels to give.

Pure rules over rows that are already scored; the trainers in rounds and the offline tools use the
same ones. Every rule works on one prompt at a time, so adding a prompt changes nothing for the
others, and the order of a prompt's rows means nothing.

Three rules hold everywhere. A row without a value is left out: a fault is never a label. Equal
completions of a prompt count once. And completions of equal value are ranked by a digest of their
text, not by length or place, so that a tie favours nobody.

Not covered: reading and writing files, and choosing prompts by their difficulty.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from .errors import DataError
from .records import sample_of_record
from .settings import Settings
from .types import Reward, Sample, canonical_json, digest

__all__ = [
    "KeepRule",
    "Label",
    "LabelRule",
    "Pair",
    "PairRule",
    "ScoredRow",
    "census",
    "distinct_rows",
    "keep_rows",
    "label_rows",
    "label_weights",
    "make_pairs",
    "row_of_record",
    "rows_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredRow:
    """One completion with what a recipe made of it."""

    id: str
    group: str
    """Completions of one prompt share it."""
    prompt: Any
    """Text or chat messages."""
    completion: Any
    """Text or chat messages, as the prompt."""
    value: float | None
    """The reward, finite; None: no judgement."""
    passed: bool | None = None
    truncated: bool = False
    """It hit its length limit, so where it ends is no example of how to end."""
    tokens: int | None = None
    """Length of the completion, where it is known."""

    def __post_init__(self) -> None:
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"ScoredRow.value: must be finite or None, got {self.value!r}")


def rows_of(samples: Sequence[Sample], rewards: Sequence[Reward]) -> list[ScoredRow]:
    """Scored samples as rows; raises ``ValueError`` when the lengths differ."""
    return [
        _row(sample, reward.value, reward.passed)
        for sample, reward in zip(samples, rewards, strict=True)
    ]


def row_of_record(record: Mapping[str, Any]) -> ScoredRow:
    """A row of a scored file, as ``core.records.record`` makes them; raises ``DataError``."""
    sample = sample_of_record(record)
    try:
        value, passed = record["value"], record["passed"]
        return _row(sample, None if value is None else float(value), passed)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"not a row of a scored file: {type(error).__name__}: {error}") from None


def _row(sample: Sample, value: float | None, passed: bool | None) -> ScoredRow:
    return ScoredRow(
        id=sample.id,
        group=sample.group_key,
        prompt=sample.prompt,
        completion=sample.completion,
        value=value,
        passed=passed,
        truncated=sample.truncated,
        tokens=sample.extra.get("completion_tokens"),
    )


# what all rules share ----------------------------------------------------------------------


def distinct_rows(rows: Iterable[ScoredRow]) -> list[ScoredRow]:
    """The rows of one prompt, each completion once, in order of first appearance.

    Where a source gave equal completions different values, the lowest counts: a lucky verdict is
    no reason to learn from a text.
    """
    worst: dict[str, ScoredRow] = {}
    for row in rows:
        key = canonical_json(row.completion)
        worst[key] = min(worst.get(key, row), row, key=_caution)
    return list(worst.values())


def _caution(row: ScoredRow) -> tuple[float, int, int, str]:
    """Lowest first: the value, then failed before unjudged before passed, then cut off."""
    value = math.inf if row.value is None else row.value
    verdict = {False: 0, None: 1, True: 2}[row.passed]
    return value, verdict, int(not row.truncated), row.id


def _place(row: ScoredRow) -> tuple[str, str]:
    """A place among rows of equal value that depends on nothing but the row itself."""
    return digest(row.completion), row.id


def _value(row: ScoredRow) -> float:
    assert row.value is not None  # rows without one are left out before
    return row.value


def _ranked(rows: Iterable[ScoredRow]) -> list[ScoredRow]:
    """Best first."""
    return sorted(rows, key=lambda row: (-_value(row), _place(row)))


def _prompts(rows: Iterable[ScoredRow], distinct: bool) -> list[list[ScoredRow]]:
    """Judged rows by prompt, in order of first appearance.

    Rows that share a group but not a prompt are two prompts: they cannot be compared.
    """
    found: dict[tuple[str, str], list[ScoredRow]] = {}
    for row in rows:
        if row.value is not None:
            found.setdefault((row.group, canonical_json(row.prompt)), []).append(row)
    return [distinct_rows(group) if distinct else group for group in found.values()]


# rows to imitate -----------------------------------------------------------------------------


class KeepRule(Settings):
    """Which completions become examples for supervised fine-tuning.

    Sources: rejection sampling keeps the top one or few of a prompt (STaR, Zelikman et al. 2022);
    expert iteration keeps all that the verifier passed.
    """

    rule: Literal["all_passed", "top_k", "best_per_prompt", "threshold"] = "all_passed"
    """``all_passed``: all that passed. ``top_k``: the ``k`` of highest value of each prompt.
    ``best_per_prompt``: the one. ``threshold``: all with a value of ``at_least`` or more."""
    k: int = Field(default=2, ge=1)
    """For ``top_k``."""
    at_least: float | None = None
    """No row of a lower value is kept, whatever the rule; ``threshold`` needs it."""
    cap_per_prompt: int | None = Field(default=4, ge=1)
    """Most rows of one prompt, the best first, so that easy prompts do not dominate. Ours: half of
    the usual eight completions. None: no cap."""
    distinct: bool = True
    """Equal completions of a prompt count once."""
    failed: bool = False
    """Whether a row that is known to have failed may be kept, if it is the best there is."""
    truncated: bool = False
    """Whether a completion that was cut off may be kept; it would teach to stop there."""

    @model_validator(mode="after")
    def _threshold_has_one(self) -> KeepRule:
        if self.rule == "threshold" and self.at_least is None:
            raise ValueError("rule 'threshold' needs at_least, the lowest value that is kept")
        return self


def keep_rows(rows: Iterable[ScoredRow], rule: KeepRule) -> list[ScoredRow]:
    """The rows that a rule keeps, prompt by prompt, the best of each first."""
    kept: list[ScoredRow] = []
    for group in _prompts(rows, rule.distinct):
        fit = [row for row in _ranked(group) if _may_keep(row, rule)]
        kept += fit[: _most_kept(rule)]
    return kept


def _may_keep(row: ScoredRow, rule: KeepRule) -> bool:
    if row.truncated and not rule.truncated:
        return False
    if rule.at_least is not None and _value(row) < rule.at_least:
        return False
    if rule.rule == "all_passed":
        return row.passed is True
    return rule.failed or row.passed is not False


def _most_kept(rule: KeepRule) -> int | None:
    own = {"top_k": rule.k, "best_per_prompt": 1}.get(rule.rule)
    return min((n for n in (own, rule.cap_per_prompt) if n is not None), default=None)


# pairs to compare ----------------------------------------------------------------------------


class PairRule(Settings):
    """Which two completions of a prompt become ``chosen`` and ``rejected``.

    Source: online direct alignment pairs the best with the worst of N (Llama 2 and 3 report it).
    """

    pairing: Literal["best_worst", "all"] = "best_worst"
    """``best_worst``: one pair of each prompt. ``all``: every two that differ enough."""
    margin: float = Field(default=0.0, ge=0)
    """Smallest difference of the two values; equal values never make a pair."""
    cap_per_prompt: int | None = Field(default=4, ge=1)
    """Most pairs of one prompt, the widest margins first. None: no cap."""
    distinct: bool = True
    """Equal completions of a prompt count once."""
    chosen_passed: bool = False
    """Whether the chosen one must have passed. Otherwise the better of two failures may be chosen,
    which teaches partial credit."""
    truncated: bool = False
    """Whether a completion that was cut off may be chosen. It may always be rejected."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two completions of one prompt, the first better."""

    chosen: ScoredRow
    rejected: ScoredRow

    @property
    def margin(self) -> float:
        """How much better: positive."""
        return _value(self.chosen) - _value(self.rejected)


def make_pairs(rows: Iterable[ScoredRow], rule: PairRule) -> list[Pair]:
    """The pairs of a rule, prompt by prompt, the widest margin of each first."""
    pairs: list[Pair] = []
    for group in _prompts(rows, rule.distinct):
        ranked = _ranked(group)
        fit = [row for row in ranked if _may_choose(row, rule)]
        if rule.pairing == "best_worst":
            found = [Pair(fit[0], ranked[-1])] if fit else []
        else:
            found = [Pair(*two) for two in itertools.product(fit, ranked)]
        wide = [pair for pair in found if pair.margin > 0 and pair.margin >= rule.margin]
        pairs += sorted(wide, key=_pair_place)[: rule.cap_per_prompt]
    return pairs


def _may_choose(row: ScoredRow, rule: PairRule) -> bool:
    if row.truncated and not rule.truncated:
        return False
    return row.passed is True or not rule.chosen_passed


def _pair_place(pair: Pair) -> tuple[float, str]:
    """Widest first; equals in an order in which no single completion leads."""
    return -pair.margin, digest([_place(pair.chosen), _place(pair.rejected)])


# labels ----------------------------------------------------------------------------------------


class LabelRule(Settings):
    """Which completions become desirable and undesirable examples (KTO)."""

    at_least: float | None = None
    """Values of this or more are desirable, lower ones are not. None: ``passed`` says; rows that
    neither passed nor failed are left out."""
    cap_per_label: int | None = Field(default=4, ge=1)
    """Most rows of one prompt with one label. None: no cap."""
    distinct: bool = True
    """Equal completions of a prompt count once."""
    truncated: bool = False
    """Whether a completion that was cut off may be desirable. It may always be undesirable."""


@dataclass(frozen=True, slots=True)
class Label:
    """A completion, and whether it is desirable."""

    row: ScoredRow
    desirable: bool


def label_rows(rows: Iterable[ScoredRow], rule: LabelRule) -> list[Label]:
    """The labelled rows of a rule, prompt by prompt; of each, the best desirable ones first."""
    labels: list[Label] = []
    for group in _prompts(rows, rule.distinct):
        good = [row for row in _ranked(group) if _says(row, rule) is True]
        bad = [row for row in _ranked(group) if _says(row, rule) is False]
        whole = [row for row in good if rule.truncated or not row.truncated]
        labels += [Label(row, True) for row in whole[: rule.cap_per_label]]
        labels += [Label(row, False) for row in bad[: rule.cap_per_label]]
    return labels


def _says(row: ScoredRow, rule: LabelRule) -> bool | None:
    return row.passed if rule.at_least is None else _value(row) >= rule.at_least


def label_weights(labels: Iterable[bool]) -> tuple[float, float]:
    """Weights (desirable, undesirable) that balance the two; the rarer label weighs more.

    Source: KTO (Ethayarajh et al. 2024, arXiv 2402.01306), Eq. 8: λ_D n_D / (λ_U n_U) within
    [1, 4/3]. Ours: exactly 1, and (1, 1) where one label does not occur.
    """
    given = list(labels)
    good = sum(given)
    bad = len(given) - good
    if good == 0 or bad == 0:
        return 1.0, 1.0
    return max(1.0, bad / good), max(1.0, good / bad)


# counts ------------------------------------------------------------------------------------------


def census(rows: Iterable[ScoredRow]) -> dict[str, int]:
    """What there was to choose from, as counts.

    ``rows``, ``judged`` (with a value), ``passed``, ``truncated``, ``distinct`` (judged, equal
    completions of a prompt once), ``prompts``, ``solved`` (prompts with a pass), ``saturated``
    (prompts without a failure: nothing to compare there).
    """
    given = list(rows)
    groups = _prompts(given, distinct=False)
    count: Callable[[Iterable[bool]], int] = sum
    return {
        "rows": len(given),
        "judged": sum(map(len, groups)),
        "passed": count(row.passed is True for row in given),
        "truncated": count(row.truncated for row in given),
        "distinct": sum(len(distinct_rows(group)) for group in groups),
        "prompts": len({(row.group, canonical_json(row.prompt)) for row in given}),
        "solved": count(any(row.passed for row in group) for group in groups),
        "saturated": count(all(row.passed for row in group) for group in groups),
    }
