"""Sources that behave, one for each way to run."""

from __future__ import annotations

import asyncio

from assay import Sample, Settings, Status, Verdict, source


class Threshold(Settings):
    at_least: int = 3
    """Characters from which a text passes."""


@source("demo.palindrome", version="1", scale="binary")
def palindrome(sample: Sample) -> bool:
    return sample.text == sample.text[::-1]


@source("demo.inline", version="1", scale="binary", runs="inline")
def inline(sample: Sample) -> bool:
    return sample.text == sample.text[::-1]


@source("demo.length", version="2", scale="unit", pass_at=0.5)
def length(sample: Sample, settings: Threshold) -> float:
    return min(len(sample.text) / settings.at_least, 1.0)


@source("demo.opened", version="1", scale="unit")
class Opened:
    """A class with settings and a close."""

    def __init__(self, settings: Threshold) -> None:
        self.settings = settings

    def __call__(self, sample: Sample) -> float:
        return float(len(sample.text) >= self.settings.at_least)


@source("demo.truth", version="1", scale="binary", needs=["ground_truth"])
def truth(sample: Sample) -> bool:
    return sample.text == sample.ground_truth


@source("demo.waits", version="1", scale="unit")
async def waits(sample: Sample) -> float:
    await asyncio.sleep(0.05)
    return float(sample.text == "right")


@source("demo.group_best", version="1", scale="binary", arity="group")
def group_best(samples: list[Sample]) -> list[bool]:
    best = max(len(s.text) for s in samples)
    return [len(s.text) == best for s in samples]


@source("demo.batch_rank", version="1", scale="real", arity="batch")
def batch_rank(samples: list[Sample]) -> list[float]:
    order = sorted(len(s.text) for s in samples)
    return [float(order.index(len(s.text))) for s in samples]


@source("demo.device", version="1", scale="real", runs="device", batched=True)
def device(samples: list[Sample]) -> list[float]:
    return [float(len(s.text)) for s in samples]


@source("demo.opinion", version="1", scale="unit")
def opinion(sample: Sample) -> Verdict | None:
    if sample.text == "none":
        return None
    if sample.text == "bad":
        return Verdict.unscored(Status.BAD_REFERENCE, "the reference is no number")
    return Verdict.scored(
        0.25, False, "a quarter", parts={"a": 1.0}, evidence={"seen": sample.text}
    )


@source("demo.counted", version="1", scale="unit")
class Counted:
    """Counts its own calls in this worker: shows what was spared."""

    calls = 0

    def __call__(self, sample: Sample) -> Verdict:
        self.calls += 1
        return Verdict.scored(1.0, evidence={"calls": self.calls})
