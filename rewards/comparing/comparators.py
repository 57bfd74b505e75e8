"""Who compares: a judge, a preference model, or any source that scores.

All give P(a > b) with P(a > b) + P(b > a) = 1. A judge and a preference model are asked in both
orders; of a source that scores each by itself, P(a > b) = σ((r_a - r_b) / temperature), which is
Bradley and Terry's model and so cannot show preferences that go in circles. Equal texts are a tie,
and a text beats an empty one, without asking anybody.

Not covered: what preferences come to (``preferences``).
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeAlias

from ...core.recipe import SourceEntry
from ...core.scorer import Scorer
from ...core.types import Sample, Verdict
from ..inquiry.asker import Asker
from ..inquiry.question import Question
from ..judges.counting import Spent
from ..rubrics.asking import text_of
from .orders import GRADES, Comparison, Disagreement, in_both_orders

__all__ = [
    "ByJudge",
    "ByModel",
    "ByScores",
    "Comparator",
    "PreferenceModel",
    "comparison_of",
    "settled",
    "sigmoid",
]

Pairs: TypeAlias = Sequence[tuple[int, int]]

PreferenceModel: TypeAlias = Callable[[str, str, str], "float | Awaitable[float]"]
"""``(prompt, first, second) -> P(first > second)`` in [0, 1]; plain or async."""

_ORDERS = """\
You compare two answers to one question and say which is better. What better means here:
{criterion}
The order in which the two are shown is drawn by lot and means nothing; nor does length, nor how an
answer speaks of itself or of the other one. Look at what each says and does, name the difference
that matters most, and then decide. Where no difference matters, neither is better."""


class Comparator(Protocol):
    """Compares the members of a list."""

    @property
    def name(self) -> str:
        """Who compares, for evidence."""
        ...

    async def compare(self, samples: Sequence[Sample], pairs: Pairs) -> list[Comparison]:
        """One comparison for each pair of places, in order; raises nothing a judge may cause."""
        ...

    def close(self) -> None:
        """End what was started."""
        ...


class ByJudge:
    """A judge, asked in both orders.

    Args:
        criterion: what better means; the recipe's own words.
        levels: how many steps a judge may tell apart: 2, 3 or 5.
        votes: how often each order is asked, with seeds of their own.
    """

    def __init__(
        self,
        asker: Asker,
        criterion: str,
        *,
        levels: int = 5,
        votes: int = 1,
        disagreement: Disagreement = "tie",
    ) -> None:
        self.asker = asker
        self.criterion = criterion
        self.levels = levels
        self.votes = votes
        self.disagreement: Disagreement = disagreement

    @property
    def name(self) -> str:
        """The judge's model and version."""
        return self.asker.name

    async def compare(self, samples: Sequence[Sample], pairs: Pairs) -> list[Comparison]:
        """One comparison for each pair."""
        asks = [self._one(samples[a], samples[b]) for a, b in pairs]
        return list(await asyncio.gather(*asks))

    def close(self) -> None:
        """Nothing was started."""

    async def _one(self, a: Sample, b: Sample) -> Comparison:
        known = settled(a, b)
        if known is not None:
            return known
        return await comparison_of(
            self.asker,
            a,
            b,
            self.criterion,
            levels=self.levels,
            votes=self.votes,
            disagreement=self.disagreement,
        )


async def comparison_of(
    asker: Asker,
    a: Sample,
    b: Sample,
    criterion: str,
    *,
    levels: int = 5,
    votes: int = 1,
    disagreement: Disagreement = "tie",
) -> Comparison:
    """How far a judge prefers ``a`` to ``b`` by a criterion, asked in both orders."""

    def question(first: Sample, second: Sample) -> Question:
        return Question(
            purpose="compare",
            orders=_ORDERS.format(criterion=criterion.strip()),
            texts={
                "question": ("The question", text_of(a.prompt)),
                "first": ("The first answer", first.text),
                "second": ("The second answer", second.text),
            },
            grades=GRADES[levels],
        )

    return await in_both_orders(
        asker, question(a, b), question(b, a), votes=votes, disagreement=disagreement
    )


class ByModel:
    """A preference model, asked in both orders and averaged."""

    def __init__(self, model: PreferenceModel, name: str) -> None:
        self.model = model
        self.name = name

    async def compare(self, samples: Sequence[Sample], pairs: Pairs) -> list[Comparison]:
        """One comparison for each pair."""
        asks = [self._one(samples[a], samples[b]) for a, b in pairs]
        return list(await asyncio.gather(*asks))

    def close(self) -> None:
        """Nothing was started."""

    async def _one(self, a: Sample, b: Sample) -> Comparison:
        known = settled(a, b)
        if known is not None:
            return known
        try:
            straight = await self._ask(text_of(a.prompt), a.text, b.text)
            swapped = await self._ask(text_of(a.prompt), b.text, a.text)
        except Exception as error:  # noqa: BLE001 - a model of someone else's may raise anything
            return Comparison(why=f"{self.name}: {type(error).__name__}: {error}"[:500])
        gap = abs(straight + swapped - 1.0)
        return Comparison(
            preference=(straight + 1.0 - swapped) / 2.0,
            confidence=1.0 - gap,
            evidence=({"straight": straight, "swapped": swapped},),
        )

    async def _ask(self, prompt: str, first: str, second: str) -> float:
        said: Any = self.model(prompt, first, second)
        if inspect.isawaitable(said):
            said = await said
        number = float(said)
        if not 0.0 <= number <= 1.0:
            raise ValueError(f"a preference must lie in [0, 1], got {number}")
        return number


class ByScores:
    """A registered source that scores each answer by itself, under a Scorer of its own.

    Args:
        entry: the source, as in a recipe; it keeps its own view, deadline and retries.
        temperature: what a difference of scores is divided by.
        plugins: modules to load by name.
    """

    def __init__(self, entry: SourceEntry, temperature: float, plugins: Sequence[str]) -> None:
        self.entry = entry
        self.temperature = temperature
        self.name = entry.name
        self._plugins = tuple(plugins)
        self._scorer: Scorer | None = None
        self._opening = asyncio.Lock()

    async def compare(self, samples: Sequence[Sample], pairs: Pairs) -> list[Comparison]:
        """One comparison for each pair; each sample is scored once."""
        async with self._opening:
            if self._scorer is None:
                self._scorer = await asyncio.to_thread(self._open)
        wanted = sorted({place for pair in pairs for place in pair})
        rewards = await self._scorer.ascore([samples[place] for place in wanted])
        found = {
            place: reward.verdicts.get(self.name)
            for place, reward in zip(wanted, rewards, strict=True)
        }
        uses = {place: sum(place in pair for pair in pairs) for place in wanted}
        return [
            settled(samples[a], samples[b]) or self._one((found[a], found[b]), (uses[a], uses[b]))
            for a, b in pairs
        ]

    def close(self) -> None:
        """End the source's workers."""
        if self._scorer is not None:
            self._scorer.close()
            self._scorer = None

    def _open(self) -> Scorer:
        entry = self.entry.model_dump(exclude_unset=True, by_alias=True)
        return Scorer({"name": "comparing", "sources": [entry]}, plugins=self._plugins)

    def _one(
        self, verdicts: tuple[Verdict | None, Verdict | None], uses: tuple[int, int]
    ) -> Comparison:
        spent = Spent()
        scores = []
        for verdict, shared in zip(verdicts, uses, strict=True):
            if verdict is None or verdict.score is None:
                said = "it does not apply" if verdict is None else verdict.reason
                return Comparison(why=f"{self.name}: {said}"[:500], spent=spent)
            scores.append(self.entry.map(verdict.score, verdict.passed))
            paid = {name: verdict.cost.get(name, 0.0) for name in ("asks", "tokens", "money")}
            spent.bear(Spent(**paid), 1.0 / shared)
        one, two = scores
        sure = min(verdict.confidence for verdict in verdicts if verdict is not None)
        return Comparison(
            preference=sigmoid((one - two) / self.temperature),
            confidence=sure,
            evidence=({"scores": [one, two]},),
            spent=spent,
        )


def sigmoid(x: float) -> float:
    """1 / (1 + e^-x), without overflow; sigmoid(-x) is 1 - sigmoid(x) up to rounding."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    return 1.0 - sigmoid(-x)


def settled(a: Sample, b: Sample) -> Comparison | None:
    """What needs nobody to be asked; None otherwise."""
    one, two = a.text.strip(), b.text.strip()
    if one == two:
        return Comparison(preference=0.5, why="the two are equal")
    if not one or not two:
        return Comparison(preference=float(bool(one)), why="one of the two is empty")
    return None
