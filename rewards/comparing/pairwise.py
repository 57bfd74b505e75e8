"""``judge.pairwise``: the win rate of an answer against the others of its prompt.

Sources: SPO (Swamy et al. 2024, arXiv 2401.04056): the reward is the mean preference over a queue
of earlier answers, or over the rest of the group; SPPO (Wu et al. 2024, arXiv 2405.00675) and DNO
(Rosset et al. 2024, arXiv 2404.03715) use the same number, P(y > π). So preferences that go in
circles, which no reward model can hold, can be learned from.

Only answers to one prompt are compared. Win rates lie in [0, 1] with mean 1/2 over a group, so
nothing is learned from their level. Not covered: groups spread over several processes (the trainer
gathers them), the losses of SPPO, Nash-MD and INPO (trainers).
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...core.source import source
from ...core.types import JSON, Sample, Status, Verdict, canonical_json, digest
from ..judges.counting import Spent
from ..judges.places import object_at
from ..rubrics.detect import signs_of
from .comparators import ByJudge, ByModel, ByScores, Comparator
from .opponents import Queue
from .orders import Comparison
from .pairing import pairs_of
from .preferences import Table, bradley_terry, preference_table, win_rates
from .settings import PairwiseSettings

__all__ = ["PairwiseJudge"]


@source(
    "judge.pairwise",
    version="1",
    scale="real",
    arity="group",
    runs="async",
    deterministic=False,
    view="answer",
    keeps_children=True,
)
class PairwiseJudge:
    """How far each answer is preferred to the others of its prompt: win rate, or strength.

    Comparisons are antisymmetric: a judge is asked in both orders. One that fails is left out; a
    sample with none left is ``failed``; one with nobody to be compared with abstains. ``parts``:
    ``win_rate``, ``opponents``; ``evidence``: every comparison with the reasoning in both orders.
    With ``opponents: queue`` earlier answers are kept in the memory of this process.
    """

    def __init__(self, settings: PairwiseSettings) -> None:
        self.settings = settings
        self.comparator = _comparator(settings)
        self.queue = Queue(settings.queue_length, settings.queue_prompts)

    async def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """A verdict for each sample, in order."""
        prompts: dict[str, list[int]] = {}
        for place, sample in enumerate(samples):
            prompts.setdefault(canonical_json(sample.prompt), []).append(place)
        verdicts: dict[int, Verdict] = {}
        judged = [self._prompt([samples[p] for p in places]) for places in prompts.values()]
        found = await asyncio.gather(*judged)
        for places, of_prompt in zip(prompts.values(), found, strict=True):
            verdicts |= dict(zip(places, of_prompt, strict=True))
        return [verdicts[place] for place in range(len(samples))]

    def close(self) -> None:
        """End the workers of a source that scores."""
        self.comparator.close()

    async def _prompt(self, samples: list[Sample]) -> list[Verdict]:
        """The verdicts on answers to one prompt."""
        key = digest(samples[0].prompt)
        queued = self.settings.opponents == "queue"
        earlier = self.queue.of(key) if queued else []
        pairs = self._pairs(samples, len(earlier))
        players = [*samples, *earlier]
        said = await self.comparator.compare(players, pairs)
        if queued:
            self.queue.push(key, samples)
        match = _Match(players, len(samples), dict(zip(pairs, said, strict=True)))
        table = match.table()
        rates = win_rates(table)
        values = rates if self.settings.reward == "win_rate" else bradley_terry(table)
        return [
            self._verdict(match, place, rates[place], values[place])
            for place in range(len(samples))
        ]

    def _pairs(self, samples: Sequence[Sample], earlier: int) -> list[tuple[int, int]]:
        size, settings = len(samples), self.settings
        if earlier:  # SPO: against the queue alone
            return list(itertools.product(range(size), range(size, size + earlier)))
        keys = [digest([s.text, s.id]) for s in samples]
        return pairs_of(keys, settings.pairs, rivals=settings.rivals, seed=settings.seed or 0)

    def _verdict(
        self, match: _Match, place: int, rate: float | None, value: float | None
    ) -> Verdict:
        own = match.own(place)
        if not own:
            return Verdict.unscored(Status.ABSTAINED, "no other answer to compare with")
        more = {"evidence": self._evidence(match, place), "cost": match.cost(place)}
        if rate is None or value is None:
            why = f"no comparison succeeded: {next(iter(own.values())).why}"
            return Verdict.unscored(Status.FAILED, why[:500], **more)
        made = [c for c in own.values() if c.preference is not None]
        bar = self.settings.pass_at
        return Verdict.scored(
            value,
            None if bar is None else value >= bar,
            f"preferred to {len(made)} others by {rate:.3f} on average",
            confidence=math.fsum(c.confidence for c in made) / len(made),
            parts={"win_rate": rate, "opponents": float(len(made))},
            **more,
        )

    def _evidence(self, match: _Match, place: int) -> dict[str, JSON]:
        own = match.own(place)
        evidence: dict[str, JSON] = {
            "judge": self.comparator.name,
            "comparisons": [match.row(pair, place) for pair in own],
            **next((c.stop for c in own.values() if c.stop), {}),
        }
        signs = signs_of(match.players[place].text)
        return {**evidence, "addressed_to_judge": signs} if signs else evidence


@dataclass(frozen=True, slots=True)
class _Match:
    """All comparisons of one prompt."""

    players: Sequence[Sample]
    size: int
    """How many of the players are judged, the first; the others are earlier answers."""
    found: Mapping[tuple[int, int], Comparison]

    def table(self) -> Table:
        """The preferences among all players."""
        known = {pair: c.preference for pair, c in self.found.items()}
        return preference_table(len(self.players), known)

    def own(self, place: int) -> Mapping[tuple[int, int], Comparison]:
        """The comparisons of one player."""
        return {pair: c for pair, c in self.found.items() if place in pair}

    def cost(self, place: int) -> dict[str, float]:
        """What a sample bears: half of each comparison, all of one with an earlier answer."""
        spent = Spent()
        for pair, comparison in self.own(place).items():
            spent.bear(comparison.spent, 1.0 if max(pair) >= self.size else 0.5)
        return spent.cost()

    def row(self, pair: tuple[int, int], place: int) -> dict[str, JSON]:
        """A comparison as the evidence of one of its two; in ``straight`` the first is first."""
        comparison, first = self.found[pair], pair[0] == place
        row: dict[str, JSON] = {
            "with": self.players[pair[1] if first else pair[0]].id,
            "preference": comparison.preference if first else comparison.of_second(),
            "shown": "first" if first else "second",
            "votes": list(comparison.evidence),
        }
        return {**row, "why": comparison.why} if comparison.why else row


def _comparator(settings: PairwiseSettings) -> Comparator:
    """Who compares; raises ``ConfigError`` for a place where there is nothing."""
    if settings.preference_from is not None:
        model = object_at(settings.preference_from, "preference_from")
        return ByModel(model, settings.preference_from)
    if settings.scores_from is not None:
        return ByScores(settings.scores_from, settings.score_temperature, settings.plugins)
    return ByJudge(
        settings.asker(),
        settings.criterion,
        levels=settings.levels,
        votes=settings.votes,
        disagreement=settings.on_disagreement,
    )
