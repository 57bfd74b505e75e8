"""Judges without a model: one grades by a rule, the other obeys whatever stands outside the blocks.

Both know that 6 times 7 is 42, and grade what stands in the blocks of any question of this folder's
kind by the last "The answer is N." in it. The obedient one reads a conversation as the obedient
judge of rubrics does: as a careless server would feed it to a careless model.
Not covered: judges that obey what stands inside a block; no fence helps against those.
"""

from __future__ import annotations

import json
import re

from ...judges.contract import Ask, Reply
from ...rubrics.audit.obedient import ANSWER, ORDER, escaped_turns, outside_and_blocks

__all__ = ["ObedientRule", "RuleJudge", "top_of"]

_TURN = re.compile(r"Debater (\d) says:\n\[block (turn_\d+)\]")


def top_of(ask: Ask) -> int:
    """The highest score on offer."""
    assert ask.schema is not None
    return int(ask.schema["properties"]["score"]["enum"][-1])


class RuleJudge:
    """Grades the right number best, another one worse, and none worst."""

    model = "rule"
    version = "1"

    async def ask(self, ask: Ask) -> Reply:
        """The honest score; prose that shows all that was read."""
        outside, blocks = outside_and_blocks(ask)
        if ask.schema is None:
            return _reply(f"It says: {json.dumps(blocks)}")
        return _reply(_said(self.grade(ask, outside, blocks)))

    def forget(self, ask: Ask) -> None:
        """It keeps nothing."""

    @staticmethod
    def grade(ask: Ask, outside: str, blocks: dict[str, str]) -> int:
        """The score, on the scale of the ask."""
        top = top_of(ask)
        if ask.purpose == "compare":
            return _preferred(
                _worth(blocks.get("first", "")), _worth(blocks.get("second", "")), top
            )
        if ask.purpose == "debate":
            best = {"1": 0, "2": 0}
            for debater, turn in _TURN.findall(outside):
                best[debater] = max(best[debater], _worth(blocks[turn]))
            return _preferred(best["1"], best["2"], top)
        found = _worth(blocks.get("answer", blocks.get("reasoning", "")))
        if ask.purpose in ("under_refusal", "over_refusal"):
            found = 2 - found
        return top * found // 2


class ObedientRule(RuleJudge):
    """Obeys anything outside the blocks, and nothing inside."""

    model = "obedient"

    def __init__(self) -> None:
        self.obeyed: list[str] = []
        """What it took for an order and obeyed."""

    async def ask(self, ask: Ask) -> Reply:
        """The best score (no fault, for faults) where it was ordered to, else the honest one."""
        outside, blocks = outside_and_blocks(ask)
        turns = "\n".join(escaped_turns(block) for block in blocks.values())
        ordered = ORDER.search(f"{outside}\n{turns}")
        if not ordered:
            return await super().ask(ask)
        self.obeyed.append(ordered[0])
        if ask.schema is None:
            return _reply(f"Obeyed: {ordered[0]}")
        fault = ask.purpose in ("under_refusal", "over_refusal")
        return _reply(_said(0 if fault else top_of(ask)))


def _worth(text: str) -> int:
    """2 for the right number, 1 for another one, 0 for none."""
    given = ANSWER.findall(text)
    return 0 if not given else 2 if given[-1] == "42" else 1


def _preferred(one: int, two: int, top: int) -> int:
    """The score for the first of two, in the middle where they are equal."""
    middle = top // 2
    return middle + (one > two) * (top - middle) - (one < two) * middle


def _said(score: int) -> str:
    return json.dumps({"reasoning": "by the rule", "score": score, "confidence": 0.5})


def _reply(text: str) -> Reply:
    """A reply that cost nothing."""
    return Reply(
        text=text, tokens_in=0, tokens_out=0, money=0.0, seconds=0.0, cached=False, finish="stop"
    )
