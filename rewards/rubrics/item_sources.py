"""Items that a registered source scores: any verifier, judge or reward model, by its name.

The sources of a category run under a Scorer of their own, so that they keep every promise of the
host: in killable workers, with their own view, deadline and retries. A verdict's score is the
item's τ as it stands (a reward model's may be any number) and its confidence is φ.

Not covered: several sources in one item (make one of them a recipe of its own).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ...core.recipe import SourceEntry
from ...core.scorer import Scorer
from ...core.types import Sample, Status, Verdict
from .flows import Finding, Spent
from .schema import Category, Item

__all__ = ["ItemSources"]


class ItemSources:
    """The Scorers of a rubric's source items, opened on first use.

    Args:
        plugins: modules to load by name, for sources that are not installed as plugins.
        workers: worker processes for each such source that does not say.
    """

    def __init__(self, plugins: Sequence[str], workers: int) -> None:
        self._plugins = tuple(plugins)
        self._workers = workers
        self._scorers: dict[str, Scorer] = {}
        self._opening = asyncio.Lock()

    async def findings(
        self, name: str, category: Category, samples: Sequence[Sample]
    ) -> dict[str, list[Finding]]:
        """Item name -> a finding for each sample, for the items of kind ``source``."""
        items = [item for item in category.items if item.source is not None]
        if not items or not samples:
            return {}
        async with self._opening:
            if name not in self._scorers:
                self._scorers[name] = await asyncio.to_thread(self._open, items)
        rewards = await self._scorers[name].ascore(samples)
        return {
            item.name: [_finding(item, reward.verdicts.get(item.name)) for reward in rewards]
            for item in items
        }

    def close(self) -> None:
        """End their workers."""
        for scorer in self._scorers.values():
            scorer.close()
        self._scorers.clear()

    def _open(self, items: Sequence[Item]) -> Scorer:
        entries = [_entry(item) for item in items]
        return Scorer(
            {"name": "rubric_items", "sources": entries},
            plugins=self._plugins,
            workers=self._workers,
        )


def _entry(item: Item) -> dict[str, object]:
    entry: SourceEntry | None = item.source
    if entry is None:
        raise AssertionError("only items of kind source come here")
    given = entry.model_dump(exclude_unset=True, by_alias=True)
    given.pop("map", None)  # applied here, where the score is read
    return {**given, "as": item.name}


def _finding(item: Item, verdict: Verdict | None) -> Finding:
    if verdict is None or item.source is None:
        return Finding(status=Status.ABSTAINED, why=f"{item.name}: its source does not apply")
    spent = Spent(
        asks=int(verdict.cost.get("asks", 0)),
        tokens=int(verdict.cost.get("tokens", 0)),
        money=verdict.cost.get("money", 0.0),
    )
    evidence = {
        "reasoning": verdict.reason,
        "source": item.source.use,
        "version": verdict.version,
        "evidence": dict(verdict.evidence),
    }
    if verdict.score is None:
        why = f"{item.source.use}: {verdict.reason}"
        return Finding(
            status=verdict.status, why=why, stop=verdict.stop, evidence=evidence, spent=spent
        )
    score = item.source.map(verdict.score, verdict.passed)
    return Finding(
        status=Status.SCORED,
        score=1.0 - score if item.extensions.polarity == "negative" else score,
        confidence=verdict.confidence,
        evidence=evidence,
        spent=spent,
    )
