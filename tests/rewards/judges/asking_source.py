"""A source that asks a judge about each sample by itself, so that several workers ask at a time."""

from __future__ import annotations

from assay import Sample, source
from assay.core.settings import Settings
from assay.rewards.judges.client import open_judge
from assay.rewards.judges.contract import Ask, Scale
from assay.rewards.judges.scoring import ask_for_score
from assay.rewards.judges.settings import JudgeSettings


class Asking(Settings):
    """Who is asked."""

    judge: JudgeSettings


@source("probe.asks", version="1", scale="unit", deterministic=False)
class Asks:
    """The grade that the judge gives to the answer."""

    def __init__(self, settings: Asking) -> None:
        self.judge = open_judge(settings.judge)

    async def __call__(self, sample: Sample) -> float:
        scale = Scale()
        messages = ({"role": "user", "content": sample.text},)
        ask = Ask(messages=messages, schema=scale.schema(), max_tokens=20)
        return (await ask_for_score(self.judge, ask, scale)).score.score
