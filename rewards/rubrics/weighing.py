"""From the findings on a batch to verdicts: mean confidences, GRAPE's reward, vetoes, faults.

Pure functions of the findings, but for the running means of ``ema``. Not covered: getting the
findings (``flows``, ``item_sources``) and the formulas themselves (``assay.rewards.grape``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...core.types import JSON, Sample, Status, Verdict
from ..grape import aggregate, mean_confidence
from .asking import Material
from .detect import signs_of
from .flows import Finding, Spent
from .schema import Category, Item
from .settings import RubricSettings

__all__ = ["Case", "Weighing"]

Means = Mapping[str, Sequence[float | None]]

_WORST = (Status.FAILED, Status.TIMED_OUT, Status.BAD_REFERENCE, Status.ABSTAINED)
"""Of several causes why a sample has no score, the first of these is given."""


@dataclass(slots=True, kw_only=True)
class Case:
    """One sample, its category, and what was found of each item."""

    sample: Sample
    name: str
    category: Category
    material: Material
    found: dict[str, Finding] = field(default_factory=dict)

    def row(self, what: str) -> list[float | None]:
        """``score`` or ``confidence`` of every item, in the rubric's order."""
        return [getattr(self.found[item.name], what) for item in self.category.items]

    def lacking(self) -> list[tuple[Item, Finding]]:
        """The items without a score."""
        pairs = [(item, self.found[item.name]) for item in self.category.items]
        return [(item, found) for item, found in pairs if found.status is not Status.SCORED]


class Weighing:
    """Makes verdicts of cases by the settings; keeps the running means of ``ema``."""

    def __init__(self, settings: RubricSettings, judge: str) -> None:
        self.settings = settings
        self.judge = judge
        rubric = settings.rubric
        self._about = {"name": rubric.name, "version": rubric.version, "digest": rubric.digest}
        self._running: dict[str, list[float | None]] = {}

    def verdicts(self, cases: Sequence[Case]) -> list[Verdict]:
        """One verdict for each case, in order."""
        means = self._means(cases)
        ready = [case for case in cases if self._blocking(case) is None]
        rewards = aggregate(
            [case.row("score") for case in ready],
            [case.row("confidence") for case in ready],
            {name: c.weights for name, c in self.settings.rubric.categories.items()},
            [case.name for case in ready],
            self.settings.mode,
            means=means,
        )
        paid = dict(zip(map(id, ready), rewards, strict=True))
        return [self._verdict(case, paid.get(id(case)), means) for case in cases]

    def _means(self, cases: Sequence[Case]) -> Means:
        """φ̄ for each category and item, by ``means``."""
        if self.settings.means == "frozen":
            return {
                name: [self.settings.frozen_means[name][item.name] for item in category.items]
                for name, category in self.settings.rubric.categories.items()
            }
        asked = [case for case in cases if all(found.asked for found in case.found.values())]
        means = mean_confidence(
            [case.row("score") for case in asked],
            [case.row("confidence") for case in asked],
            [case.name for case in asked],
        )
        if self.settings.means == "batch":
            return _filled(means, cases)
        for name, row in means.items():
            old = self._running.get(name, [None] * len(row))
            self._running[name] = [
                _moved(a, b, self.settings.ema_decay) for a, b in zip(old, row, strict=True)
            ]
        return _filled(self._running, cases)

    def _blocking(self, case: Case) -> Finding | None:
        """The finding that keeps a sample from a score; None where there is a score."""
        lacking = case.lacking()
        stopped = next((found for _, found in lacking if found.stop), None)
        if stopped is not None:
            return stopped  # what nobody may ask any more is no item to drop
        if self.settings.on_judge_fault == "drop":
            weight = math.fsum(i.weight for i in case.category.items) - math.fsum(
                item.weight for item, _ in lacking
            )
            if weight > 1e-9:  # something is left to weigh, and no veto goes unasked
                lacking = [pair for pair in lacking if pair[0].extensions.veto is not None]
        found = [finding for _, finding in lacking]
        return min(found, key=lambda finding: _WORST.index(finding.status), default=None)

    def _verdict(self, case: Case, reward: float | None, means: Means) -> Verdict:
        evidence, cost = self._evidence(case, means), _cost(case)
        blocking = self._blocking(case)
        if blocking is not None or reward is None:
            names = ", ".join(item.name for item, _ in case.lacking())
            why = f"no score for {names}: {blocking.why}" if blocking else "nothing was scored"
            status = blocking.status if blocking else Status.FAILED
            if blocking and blocking.stop:
                evidence["stop"] = blocking.stop
            return Verdict.unscored(
                status, why[:500], evidence=evidence, cost=cost, parts=_parts(case)
            )
        vetoes = _vetoes(case)
        if vetoes:
            reward = min([reward, *vetoes.values()])
            evidence["vetoes"] = vetoes
        bar = self.settings.pass_at
        return Verdict.scored(
            reward,
            None if bar is None else reward >= bar,
            _reason(case, vetoes),
            confidence=_confidence(case),
            parts=_parts(case),
            evidence=evidence,
            cost=cost,
        )

    def _evidence(self, case: Case, means: Means) -> dict[str, JSON]:
        names = [item.name for item in case.category.items]
        evidence: dict[str, JSON] = {
            "rubric": self._about,
            "category": case.name,
            "mode": self.settings.mode,
            "mean_confidence": dict(zip(names, means.get(case.name, ()), strict=False)),
            "items": {i.name: _shown(i, case.found[i.name]) for i in case.category.items},
        }
        if self.judge:
            evidence["judge"] = self.judge
            signs = signs_of(case.material.answer)
            if signs:
                evidence["addressed_to_judge"] = signs
        return evidence


def _filled(means: Means, cases: Sequence[Case]) -> Means:
    """Means with 1 where nobody was asked: there every score is 0, or of a source alone."""
    return {
        name: [1.0 if mean is None else mean for mean in means.get(name, [None] * len(c.items))]
        for name, c in {case.name: case.category for case in cases}.items()
    }


def _moved(old: float | None, new: float | None, decay: float) -> float | None:
    if old is None or new is None:
        return new if old is None else old
    return decay * old + (1.0 - decay) * new


def _vetoes(case: Case) -> dict[str, float]:
    """Item -> what its veto leaves of the reward at most."""
    found: dict[str, float] = {}
    for item in case.category.items:
        veto, score = item.extensions.veto, case.found[item.name].score
        if veto is not None and score is not None and score < veto.below:
            found[item.name] = veto.pays
    return found


def _reason(case: Case, vetoes: Mapping[str, float]) -> str:
    scores = [(item.name, case.found[item.name].score) for item in case.category.items]
    said = ", ".join(f"{name} {score:.3g}" for name, score in scores if score is not None)
    veto = f"; veto by {', '.join(vetoes)}" if vetoes else ""
    return f"{case.name}: {said}{veto}"


def _confidence(case: Case) -> float:
    """Σ ω φ over the items that were scored, in [0, 1]; 1 where those carry no weight."""
    pairs = [
        (item.weight, phi)
        for item, phi in zip(case.category.items, case.row("confidence"), strict=True)
        if phi is not None
    ]
    total = math.fsum(weight for weight, _ in pairs)
    if total <= 0:
        return 1.0
    return min(max(math.fsum(w * phi for w, phi in pairs) / total, 0.0), 1.0)


def _parts(case: Case) -> dict[str, float]:
    """``item``, ``item:confidence`` and ``item.atom`` -> number."""
    parts: dict[str, float] = {}
    for name, found in case.found.items():
        if found.score is not None and found.confidence is not None:
            parts[name] = found.score
            parts[f"{name}:confidence"] = found.confidence
        parts |= {f"{name}.{atom}": score for atom, score in found.parts.items()}
    return parts


def _shown(item: Item, found: Finding) -> dict[str, JSON]:
    shown: dict[str, JSON] = {"kind": item.kind}
    shown |= {"score": found.score, "confidence": found.confidence}
    if found.why:
        shown |= {"status": found.status.value, "why": found.why}
    return {**shown, **found.evidence}


def _cost(case: Case) -> dict[str, float]:
    spent = Spent()
    for found in case.found.values():
        spent.add(found.spent)
    return {"asks": float(spent.asks), "tokens": float(spent.tokens), "money": spent.money}
