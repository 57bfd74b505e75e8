"""Judges with known failings, for ``assay judge-eval``."""

from __future__ import annotations

import json
from collections.abc import Sequence

from assay import Sample, Verdict, source
from assay.core.errors import StopRun
from assay.core.settings import Settings
from assay.rewards.judges.contract import Ask, Reply


@source("probe.word", version="1", scale="unit", runs="inline")
def word(sample: Sample) -> Verdict:
    """The number that the answer claims; a fault where it claims none."""
    if sample.extra.get("label") is not None:
        raise RuntimeError("the label was shown to the judge")
    score = float(sample.text.split()[-1])
    return Verdict.scored(score, score >= 0.5, confidence=0.8, cost={"tokens": 7.0, "asks": 1.0})


@source("probe.first", version="1", scale="unit", arity="group", runs="inline")
def first(samples: Sequence[Sample]) -> list[float]:
    """The first answer wins, unless one says GOOD."""
    good = [i for i, sample in enumerate(samples) if "GOOD" in sample.text]
    wins = good[0] if good else 0
    return [float(i == wins) for i in range(len(samples))]


class Seeded(Settings):
    """``seed``: odd ones doubt long answers."""

    seed: int = 0


@source("probe.moody", version="1", scale="binary", runs="inline", deterministic=False)
def moody(sample: Sample, settings: Seeded) -> bool:
    """Yes to everything but, with an odd seed, to long answers."""
    return not (settings.seed % 2 and len(sample.text) > 8)


@source("probe.spent", version="1", scale="unit", runs="inline")
def spent(sample: Sample) -> float:
    """Ends the run."""
    raise StopRun("nothing is left")


class Generous:
    """A judge for ``judge.rubric``: 9 for everything on style, what the answer says on the rest."""

    model, version = "generous", "1"

    async def ask(self, ask: Ask) -> Reply:
        shown = ask.messages[-1]["content"]
        score = 9 if '"style"' in shown else int(shown.partition("GRADE=")[2][:1] or "0")
        text = {"reasoning": "r", "score": score, "confidence": 0.3 if score == 9 else 0.9}
        return Reply(
            text=json.dumps(text),
            tokens_in=10,
            tokens_out=5,
            money=0.001,
            seconds=0.0,
            cached=False,
            finish="stop",
        )


def generous() -> Generous:
    """For ``judge_from``."""
    return Generous()
