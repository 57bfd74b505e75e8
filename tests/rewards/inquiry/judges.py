"""Judges for these tests, and opening a source with one of them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from assay import Sample, Verdict
from assay.core.source import Source
from assay.rewards.inquiry.audit.judges import RuleJudge, top_of
from assay.rewards.judges.contract import Ask, JudgeError, Reply

RIGHT, WRONG, NONE = "The answer is 42.", "The answer is 41.", "No number here."
QUESTION = "What is 6 times 7?"


def said(score: float, confidence: float = 1.0, reasoning: str = "so it is") -> str:
    return json.dumps({"reasoning": reasoning, "score": score, "confidence": confidence})


def reply(text: str, **more: Any) -> Reply:
    """A reply that costs 10 + 5 tokens and 0.25 of money."""
    fields = {"tokens_in": 10, "tokens_out": 5, "money": 0.25, "seconds": 0.0, "cached": False}
    return Reply(**{"text": text, "finish": "stop", **fields, **more})


def broken() -> JudgeError:
    """A judge that could not be reached, after 7 billed tokens."""
    return JudgeError("judge server: status 500", transient=True, tokens_in=7, money=0.1)


class ScriptedJudge:
    """Replies what a function of the ask says; an exception is raised."""

    model = "scripted"
    version = "1"

    def __init__(self, script: Callable[[Ask], Any]) -> None:
        self.script = script
        self.asks: list[Ask] = []
        self.forgotten: list[Ask] = []

    async def ask(self, ask: Ask) -> Reply:
        self.asks.append(ask)
        given = self.script(ask)
        if isinstance(given, Exception):
            raise given
        return reply(given) if isinstance(given, str) else given

    def forget(self, ask: Ask) -> None:
        self.forgotten.append(ask)


class PaidRule(RuleJudge):
    """The judge by rule, for 15 tokens a reply."""

    def __init__(self) -> None:
        self.asks: list[Ask] = []

    async def ask(self, ask: Ask) -> Reply:
        self.asks.append(ask)
        said_free = await super().ask(ask)
        return reply(said_free.text)


class FirstJudge:
    """Prefers whatever is shown first."""

    model = "first"
    version = "1"

    async def ask(self, ask: Ask) -> Reply:
        return reply(said(top_of(ask), 0.9))


def opened(
    monkeypatch: pytest.MonkeyPatch, source: Source, judge: object, **settings: Any
) -> Callable[..., Any]:
    """The source with this judge in place of the one its settings name."""
    place = "assay.rewards.inquiry.access.JudgeAccess.open_judge"
    monkeypatch.setattr(place, lambda self: judge)
    return source.open({"judge_from": "given:here", **settings})


def judged(
    monkeypatch: pytest.MonkeyPatch,
    source: Source,
    judge: object,
    samples: Sequence[Sample],
    *,
    view: str | None = None,
    **settings: Any,
) -> list[Verdict]:
    """The verdicts on samples, cut to the source's view as the host does."""
    call = opened(monkeypatch, source, judge, **settings)
    shown = [sample.view(view or source.view) for sample in samples]

    async def run() -> list[Verdict]:
        if source.takes_many:
            return list(await call(shown))
        return list(await asyncio.gather(*map(call, shown)))

    return asyncio.run(run())
