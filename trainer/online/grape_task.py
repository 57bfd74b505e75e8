"""The embedded task of ``recipes/grape.yaml``: two categories of sums, with habits to unlearn.

``grape.sums``: problems of ``math.arithmetic`` in named categories. Each has a right text and one
by a teacher with a bad habit (drops the minus sign; works everything out twice). For a warm start
it also gives drafts and what a reader of their critique makes of them. ``step_judge`` is the judge
of the recipe: a rule that reads the working, names the first false step, and says how sure it is.
Load it by ``plugins: [assay.trainer.online.grape_task]``.

Not covered: other tasks; the judge is no model and only reads such workings.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from ...core.registry import Registry
from ...core.settings import Settings
from ...core.tasks import task
from ...core.types import Sample
from ...rewards.judges.contract import Ask, Reply

__all__ = ["StepJudge", "Sums", "grape_sums", "step_judge"]

_STEP = re.compile(r"(-?\d{1,6})([+-]\d{1,6})=(-?\d{1,6})")
_BLOCK = re.compile(r"<<<DATA (\w+) answer [^\n]*>>>\n(.*?)\n<<<END \1 answer>>>", re.DOTALL)
_THOUGHT = re.compile(r"<think>(.*?)</think>", re.DOTALL)


class Part(Settings):
    """One category of the task."""

    arithmetic: dict[str, Any] = Field(default_factory=dict)
    """Settings of ``math.arithmetic``."""
    prefix: str = ""
    """Stands before each question."""
    habit: Literal["careless", "wordy"] = "careless"
    """Of the bad teacher: drops minus signs, or writes the working twice."""


class Sums(Settings):
    """Which categories are asked, and how the teachers of a warm start behave."""

    parts: dict[str, Part] = Field(min_length=1)
    """Category -> its questions; each is asked equally often."""
    bad: float = Field(default=0.0, ge=0, le=1)
    """Share of demonstrations by the teacher with the habit."""
    drafts: bool = False
    """Give ``draft`` and ``mended`` too."""
    bad_drafts: float = Field(default=0.7, ge=0, le=1)
    """Share of drafts by the teacher with the habit."""
    mends: float = Field(default=1.0, ge=0, le=1)
    """Share of drafts that are answered with the right text; the others are repeated."""


@task("grape.sums")
def grape_sums(rng: random.Random, settings: Sums) -> Iterator[Sample]:
    """Sums in categories (``task`` names them), with demonstrations."""
    streams = {
        name: _pairs(part, rng.getrandbits(32)) for name, part in sorted(settings.parts.items())
    }
    while True:
        name = rng.choice(sorted(streams))
        problem, good, bad = next(streams[name])
        extra = {"demonstration": bad if rng.random() < settings.bad else good}
        if settings.drafts:
            draft = bad if rng.random() < settings.bad_drafts else good
            mended = good if rng.random() < settings.mends else draft
            extra |= {"draft": draft, "mended": mended}
        yield replace(problem, task=name, extra=extra)


def _pairs(part: Part, seed: int) -> Iterator[tuple[Sample, str, str]]:
    """(problem, right text, text of the bad teacher)."""
    arithmetic = Registry.load().tasks["math.arithmetic"]
    habits = {"careless": 1.0 if part.habit == "careless" else 0.0}
    # one seed gives one stream of problems, whatever the teacher
    right = arithmetic.stream(seed, {**part.arithmetic, "careless": 0.0})
    other = arithmetic.stream(seed, {**part.arithmetic, **habits})
    for problem, same in zip(right, other, strict=False):
        good, bad = problem.extra["demonstration"], same.extra["demonstration"]
        asked = Sample(prompt=part.prefix + problem.prompt_text, ground_truth=problem.ground_truth)
        yield asked, good, _wordy(bad) if part.habit == "wordy" else bad


def _wordy(text: str) -> str:
    return _THOUGHT.sub(lambda found: f"<think>{found[1]},{found[1]}</think>", text)


class StepJudge:
    """A judge that follows a rule: asked about a working, it checks every step of it.

    About an item ``brief`` it looks for steps that stand there twice. It is sure (0.9) of a
    working that it can read to the end, and unsure (0.4) of any other.
    """

    model = "step-judge"
    version = "1"

    async def ask(self, ask: Ask) -> Reply:
        """A critique in a few words, or a score out of ten with a confidence."""
        shown = "\n".join(message["content"] for message in ask.messages)
        block = _BLOCK.search(shown)
        answer = "" if block is None else block.group(2)
        judged = _brief if re.search(r'on "?brief"? alone', shown) else _sound
        score, confidence, critique = judged(answer)
        text = critique
        if ask.schema is not None:
            said = {"reasoning": critique, "score": round(10 * score), "confidence": confidence}
            text = json.dumps(said)
        return Reply(
            text=text,
            tokens_in=len(shown),
            tokens_out=len(text),
            money=0.0,
            seconds=0.0,
            cached=False,
            finish="stop",
        )

    def forget(self, ask: Ask) -> None:
        """It has no cache."""


def step_judge() -> StepJudge:
    """For ``judge_from: assay.trainer.online.grape_task:step_judge``."""
    return StepJudge()


def _sound(answer: str) -> tuple[float, float, str]:
    """The share of true steps; the critique names the first false one."""
    steps = list(_STEP.finditer(answer))
    if not steps:
        return 0.0, 0.4, "no step"
    false = [step for step in steps if int(step[1]) + int(step[2]) != int(step[3])]
    share = 1.0 - len(false) / len(steps)
    if false:
        return share, 0.9, f"{false[0][1]}{false[0][2]} is not {false[0][3]}"
    return share, 0.9, "all true"


def _brief(answer: str) -> tuple[float, float, str]:
    """1 where no step stands there twice."""
    steps = [step.group() for step in _STEP.finditer(answer)]
    if not steps:
        return 0.0, 0.4, "no step"
    return (1.0, 0.9, "brief") if len(set(steps)) == len(steps) else (0.0, 0.9, "twice")
