"""How one item of one sample gets its score: verifiable in one call, critique in two, atoms.

A judge that fails, or whose reply is not clearly a score, makes a finding without a score; nothing
here turns that into a number. Source: Patel 2025 (GRAPE), section 6, artefact 5 (a) and (b); the
reply is asked again ``rereads`` times when it cannot be read (ours).

Not covered: items that a registered source scores (``item_sources``).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ...core.errors import StopRun
from ...core.types import JSON, Status
from ..judges.contract import Ask, Judge, JudgeError, JudgeReplyError, Score, read_reply
from ..judges.counting import Counted, Spent
from ..judges.expected import expected_score
from ..judges.scoring import ask_for_score
from .asking import Material, Point, Wording
from .fence import Fenced
from .schema import Atom, Category, Item, Rubric, Shown

__all__ = ["Finding", "Flows", "Spent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is known of one item: (Ψ, τ, φ), or why there is no score."""

    status: Status
    score: float | None = None
    """τ, polarity applied; in [0, 1] from a judge, any finite number from a source."""
    confidence: float | None = None
    """φ, in [0, 1]."""
    asked: bool = True
    """False where the score needed nobody; its confidence is then no part of φ̄."""
    why: str = ""
    """Why there is no score; empty when there is one."""
    stop: str = ""
    """Why the run is to end: a budget is spent; empty otherwise."""
    evidence: Mapping[str, JSON] = field(default_factory=dict)
    """Reasoning, critique, prompts, and what was neutralised or cut."""
    parts: Mapping[str, float] = field(default_factory=dict)
    """Scores of the atoms."""
    spent: Spent = field(default_factory=Spent)


class Flows:
    """Asks one judge about items. One object serves one event loop.

    Args:
        judge: who is asked.
        rubric: whose prompts are used.
        wording: how asks are made.
        at_once: asks under way at a time.
        rereads: further asks after a reply that cannot be read.
    """

    def __init__(
        self, judge: Judge, rubric: Rubric, wording: Wording, *, at_once: int, rereads: int
    ) -> None:
        self.judge = judge
        self.rubric = rubric
        self.wording = wording
        self.rereads = rereads
        self._slots = asyncio.Semaphore(at_once)

    async def item(self, category: Category, item: Item, material: Material) -> Finding:
        """The finding on an item; raises nothing that a judge may cause."""
        if not material.answer.strip():
            return _empty()
        asks = [self._atom(category, item, atom, material) for atom in item.atoms]
        if item.asks_itself:
            asks.append(self._whole(category, item, material))
        found = await asyncio.gather(*asks)
        if not item.atoms:
            return found[0]
        return _joined(item, found)

    async def _whole(self, category: Category, item: Item, material: Material) -> Finding:
        """The item's own flow: one call, or a critique and then a score."""
        texts = _texts(material, item.shows_reference)
        if not texts:
            return _no_reference(item.name)
        matter = _Matter(category=category, point=Point.of(item), texts=texts)
        critique = item.critique_prompt if item.kind == "critique" else None
        return await self._finding(matter, item.score_prompt, critique)

    async def _atom(
        self, category: Category, item: Item, atom: Atom, material: Material
    ) -> Finding:
        texts = _texts(material, atom.reference)
        if not texts:
            return _no_reference(f"{item.name}.{atom.name}")
        negative = item.extensions.polarity == "negative"
        point = Point(name=atom.name, description=atom.description, negative=negative)
        return await self._finding(
            _Matter(category=category, point=point, texts=texts), atom.prompt, None
        )

    async def _finding(self, matter: _Matter, prompt: str, critique: str | None) -> Finding:
        try:
            if critique is not None:
                matter.texts["critique"] = await self._critique(matter, critique)
            return matter.scored(await self._score(matter, prompt))
        except JudgeError as error:
            return matter.failed(error)

    async def _critique(self, matter: _Matter, name: str) -> str:
        """The critique's text. Raises ``JudgeError``; a critique cut off is one that failed."""
        judge, ask = Counted(self.judge, self._slots, matter.spent), self._worded(matter, name)
        reply = await judge.ask(ask)
        text = reply.text.strip()
        if not text or reply.finish == "length":
            judge.forget(ask)
            what = "is empty" if not text else "was cut off; raise critique_tokens"
            raise JudgeReplyError(f"judge reply: the critique {what}")
        matter.evidence["critique"] = text
        return text

    async def _score(self, matter: _Matter, name: str) -> Score:
        """(Ψ, τ, φ). Raises ``JudgeError`` when no reply can be read."""
        scored = await ask_for_score(
            Counted(self.judge, self._slots, matter.spent),
            self._worded(matter, name),
            self.wording.scale,
            reasks=self.rereads,
            read=expected_score if self.wording.logprobs else read_reply,
        )
        if scored.asked > 1:
            matter.evidence["unreadable_replies"] = scored.asked - 1
        return scored.score

    def _worded(self, matter: _Matter, name: str) -> Ask:
        prompt = self.rubric.prompts[name]
        ask, fenced = self.wording.ask(prompt, matter.category, matter.point, matter.texts)
        matter.note(name, prompt.version, fenced)
        return ask


def _texts(material: Material, reference: Shown) -> dict[str, str]:
    """What is shown; nothing at all where a reference is required and missing."""
    texts = {"question": material.question, "answer": material.answer}
    if reference == "hidden":
        return texts
    if not material.reference.strip():
        return {} if reference == "required" else texts
    return {**texts, "reference": material.reference}


@dataclass(slots=True, kw_only=True)
class _Matter:
    """One point of one sample while it is being judged."""

    category: Category
    point: Point
    texts: dict[str, str]
    spent: Spent = field(default_factory=Spent)
    evidence: dict[str, JSON] = field(default_factory=dict)

    def note(self, prompt: str, version: str, fenced: Fenced) -> None:
        """Keep what was asked with, and what had to be done to the texts."""
        self.evidence.setdefault("prompts", {})[prompt] = version
        if fenced.changed:
            changed = {name: dict(what) for name, what in fenced.changed.items()}
            self.evidence["neutralised"] = changed
        if fenced.cut:
            self.evidence["cut"] = {name: dict(what) for name, what in fenced.cut.items()}

    def scored(self, score: Score) -> Finding:
        """A finding with a score, the point's polarity applied."""
        return Finding(
            status=Status.SCORED,
            score=1.0 - score.score if self.point.negative else score.score,
            confidence=score.confidence,
            evidence={**self.evidence, "reasoning": score.reasoning},
            spent=self.spent,
        )

    def failed(self, error: JudgeError) -> Finding:
        """A finding without one."""
        what = {"error": type(error).__name__, "transient": error.transient}
        return Finding(
            status=Status.FAILED,
            why=f"{error}"[:500],
            stop=f"{error}"[:500] if isinstance(error, StopRun) else "",
            evidence={**self.evidence, **what},
            spent=self.spent,
        )


def _no_reference(name: str) -> Finding:
    return Finding(
        status=Status.BAD_REFERENCE,
        why=f"{name} compares with a ground truth, and the sample has none",
    )


def _empty() -> Finding:
    """Nothing was written: that is judged without a judge, and never well."""
    return Finding(
        status=Status.SCORED,
        score=0.0,
        confidence=1.0,
        asked=False,
        evidence={"reasoning": "the answer is empty; no judge was asked"},
    )


def _joined(item: Item, found: Sequence[Finding]) -> Finding:
    """An item of atoms: scores and confidences weighed by their shares."""
    names = [atom.name for atom in item.atoms] + ["residual"][: int(item.asks_itself)]
    shares = [atom.share for atom in item.atoms] + [item.residual or 0.0]
    spent = Spent()
    for finding in found:
        spent.add(finding.spent)
    evidence = {
        "atoms": {
            name: {"score": f.score, "confidence": f.confidence, **f.evidence}
            for name, f in zip(names, found, strict=True)
        }
    }
    lacking = next((f for f in found if f.status is not Status.SCORED), None)
    if lacking is not None:
        stop = next((f.stop for f in found if f.stop), "")
        return Finding(
            status=Status.FAILED if stop else lacking.status,
            why=stop or lacking.why,
            stop=stop,
            evidence=evidence,
            spent=spent,
        )
    pairs = list(zip(shares, found, strict=False))  # a residual of 0 was not asked
    return Finding(
        status=Status.SCORED,
        score=min(math.fsum(share * (f.score or 0.0) for share, f in pairs), 1.0),
        confidence=min(math.fsum(share * (f.confidence or 0.0) for share, f in pairs), 1.0),
        evidence=evidence,
        parts={name: f.score for name, f in zip(names, found, strict=True) if f.score is not None},
        spent=spent,
    )
