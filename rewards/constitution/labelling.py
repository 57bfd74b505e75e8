"""Preference labels by a judge and principles: RLAIF's data, in TRL's layout.

Sources: Bai et al. 2022 (Constitutional AI, arXiv 2212.08073), section 4.1: the judge compares two
answers by one principle, drawn anew for each comparison, and its probability is the label; Lee et
al. 2024 (RLAIF, arXiv 2309.00267), section 2.1: both orders are asked and averaged. Ours: a
comparison that fails or ties makes no row, and both are counted.

Covered: groups and pairs, both orders, the soft label. Not covered: training on the rows
(``trainer.preferences``, ``RewardTrainer``), and choosing answers to compare.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from ...core.errors import ConfigError
from ...core.types import JSON, Sample, View, canonical_json, digest
from ..comparing.comparators import comparison_of, settled
from ..comparing.orders import Comparison, Disagreement
from ..comparing.pairing import Design, pairs_of
from ..inquiry.asker import Asker
from ..judges.contract import Judge
from ..judges.counting import Spent
from .principles import Constitution, Principle, load_constitution

__all__ = ["Labels", "label_pairs", "label_pairs_async"]

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Preference rows, and what did not become one. It iterates over its rows.

    A row: ``prompt``, ``chosen``, ``rejected`` (as the samples have them), ``p`` (that chosen is
    better; the soft label, above 1/2), ``margin`` (2 p - 1), ``confidence``, ``principle``,
    ``judge``, ``version`` (of the constitution and the judge), ``reasoning``, ``group``,
    ``chosen_id``, ``rejected_id``.
    """

    rows: tuple[Row, ...]
    ties: int
    """Comparisons without a winner, or with too small a margin."""
    failed: tuple[str, ...]
    """Why each comparison failed that did."""
    spent: Spent = field(default_factory=Spent)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def label_pairs(
    samples: Sequence[Sample],
    judge: Judge | Asker,
    principles: Constitution | str | dict[str, Any] = "general",
    **options: Any,
) -> Labels:
    """``label_pairs_async``, for a script without an event loop of its own."""
    return asyncio.run(label_pairs_async(samples, judge, principles, **options))


async def label_pairs_async(
    samples: Sequence[Sample],
    judge: Judge | Asker,
    principles: Constitution | str | dict[str, Any] = "general",
    *,
    pairs: Design = "all",
    rivals: int = 4,
    each: Literal["drawn", "every"] = "drawn",
    least_margin: float = 0.0,
    levels: int = 5,
    disagreement: Disagreement = "tie",
    view: View = "answer",
    seed: int = 0,
) -> Labels:
    """Compare the answers of each prompt by principles, in both orders, and label the pairs.

    Args:
        samples: completions; those of one group and prompt are compared, so a pair is two of them.
        judge: who is asked; an ``Asker`` says how, too.
        principles: a constitution, its name in the library, a path or a mapping.
        pairs, rivals: whom to compare; see ``comparing.pairing``.
        each: ``drawn``, one principle for each pair; ``every``, all of them, p averaged by weight.
        least_margin: the smallest 2 p - 1 that makes a row, in [0, 1).
        levels: how many steps the judge may tell apart: 2, 3 or 5.
        disagreement: what two orders that name different winners come to.
        view: what of the completion is compared; the row has it whole.
        seed: of the draws.

    Raises nothing that a judge may cause: see ``Labels.failed``. Raises ``ConfigError`` for
    principles that cannot be read, and options out of range.
    """
    if not 0.0 <= least_margin < 1.0 or levels not in (2, 3, 5):
        raise ConfigError(
            f"label_pairs: least_margin must lie in [0, 1) and levels be 2, 3 or 5, got"
            f" {least_margin} and {levels}"
        )
    labeller = _Labeller(
        asker=judge if isinstance(judge, Asker) else Asker(judge),
        constitution=load_constitution(principles),
        every=each == "every",
        levels=levels,
        disagreement=disagreement,
        view=view,
        seed=seed,
    )
    couples: list[tuple[Sample, Sample]] = []
    for group in _groups(samples):
        keys = [digest([sample.text, sample.id]) for sample in group]
        found = pairs_of(keys, pairs, rivals=rivals, seed=seed)
        couples += [(group[a], group[b]) for a, b in found]
    made = await asyncio.gather(*(labeller.label(a, b) for a, b in couples))
    return _counted(made, least_margin)


def _groups(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Samples of one group and prompt; equal completions once."""
    groups: dict[tuple[str, str], dict[str, Sample]] = {}
    for sample in samples:
        key = (sample.group_key, canonical_json(sample.prompt))
        groups.setdefault(key, {}).setdefault(canonical_json(sample.completion), sample)
    return [list(group.values()) for group in groups.values()]


@dataclass(frozen=True, slots=True)
class _Made:
    """A comparison of two samples, by whatever principles."""

    row: Row | None
    why: str
    spent: Spent


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labeller:
    """What all comparisons share."""

    asker: Asker
    constitution: Constitution
    every: bool
    levels: int
    disagreement: Disagreement
    view: View
    seed: int

    async def label(self, a: Sample, b: Sample) -> _Made:
        """The row of one pair, its preferred sample first; no row where a comparison failed."""
        chosen = self._principles(a, b)
        said = await asyncio.gather(*(self._compare(a, b, principle) for principle in chosen))
        spent = Spent()
        for comparison in said:
            spent.add(comparison.spent)
        lacking = next((c for c in said if c.preference is None), None)
        if lacking is not None:
            return _Made(None, lacking.why, spent)
        weights = [principle.weight for principle in chosen]
        p, sure = (
            math.fsum(w * value for w, value in zip(weights, values, strict=True)) / sum(weights)
            for values in ([c.preference or 0.0 for c in said], [c.confidence for c in said])
        )
        better, worse = (a, b) if p >= 0.5 else (b, a)
        row = self._row(better, worse, max(p, 1.0 - p), min(sure, 1.0))
        row["principle"] = "+".join(principle.name for principle in chosen)
        row["reasoning"] = {q.name: _said(c) for q, c in zip(chosen, said, strict=True)}
        return _Made(row, "", spent)

    def _principles(self, a: Sample, b: Sample) -> Sequence[Principle]:
        if self.every:
            return self.constitution.principles
        # the same draw whichever of the two comes first
        return [self.constitution.drawn(sorted([a.text, b.text]), self.seed)]

    async def _compare(self, a: Sample, b: Sample, principle: Principle) -> Comparison:
        one, two = a.view(self.view), b.view(self.view)
        return settled(one, two) or await comparison_of(
            self.asker,
            one,
            two,
            f"the better answer is {principle.prefer}.",
            levels=self.levels,
            disagreement=self.disagreement,
        )

    def _row(self, better: Sample, worse: Sample, p: float, confidence: float) -> Row:
        about = self.constitution.about
        return {
            "prompt": better.prompt,
            "chosen": better.completion,
            "rejected": worse.completion,
            "group": better.group_key,
            "chosen_id": better.id,
            "rejected_id": worse.id,
            "p": p,
            "margin": 2.0 * p - 1.0,
            "confidence": confidence,
            "judge": self.asker.judge.model,
            "version": f"{about['name']} {about['version']}+{about['digest']}"
            f" {self.asker.judge.version}",
        }


def _said(comparison: Comparison) -> JSON:
    return list(comparison.evidence) or comparison.why


def _counted(made: Sequence[_Made], least_margin: float) -> Labels:
    spent = Spent()
    for one in made:
        spent.add(one.spent)
    rows = [one.row for one in made if one.row is not None]
    wide = [row for row in rows if row["margin"] > 0.0 and row["margin"] >= least_margin]
    return Labels(
        rows=tuple(wide),
        ties=len(rows) - len(wide),
        failed=tuple(one.why for one in made if one.row is None),
        spent=spent,
    )
