"""Judges that reply what a test says, and the pieces of replies.

Not covered: the judge that obeys what it is told; it is part of the package
(``assay.rewards.rubrics.audit.obedient``).
"""

from __future__ import annotations

import json
import re

from assay.rewards.judges.contract import Ask, JudgeError, Reply


class ScriptedJudge:
    """Replies what a function of the ask says; an exception is raised."""

    model = "scripted"
    version = "1"

    def __init__(self, script: object) -> None:
        self.script = script
        self.asks: list[Ask] = []
        self.forgotten: list[Ask] = []

    async def ask(self, ask: Ask) -> Reply:
        self.asks.append(ask)
        said = self.script(ask)
        if isinstance(said, Exception):
            raise said
        return reply(said) if isinstance(said, str) else said

    def forget(self, ask: Ask) -> None:
        self.forgotten.append(ask)


def reply(text: str, **more: object) -> Reply:
    """A reply that costs 10 + 5 tokens and 0.25 of money."""
    fields = {"tokens_in": 10, "tokens_out": 5, "money": 0.25, "seconds": 0.0, "cached": False}
    return Reply(**{"text": text, "finish": "stop", **fields, **more})


def score_text(score: float, confidence: float = 1.0, reasoning: str = "so it is") -> str:
    """A reply's text, in the form that is asked for."""
    return json.dumps({"reasoning": reasoning, "score": score, "confidence": confidence})


def item_of(ask: Ask) -> str:
    """The item or atom that an ask is about, from the form at its end."""
    found = re.search(r'on "?(\w+)"? alone', ask.messages[1]["content"])
    assert found is not None
    return found[1]


def broken(transient: bool = True) -> JudgeError:
    """A judge that could not be reached, after 7 billed tokens."""
    return JudgeError("judge server: status 500", transient=transient, tokens_in=7, money=0.1)
