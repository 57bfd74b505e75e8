"""A judge for worker processes, loaded there by name: 8 of 10 for everything."""

from __future__ import annotations

from assay.rewards.judges.contract import Ask, Reply


class Eight:
    model = "eight"
    version = "1"

    async def ask(self, ask: Ask) -> Reply:
        text = '{"reasoning": "r", "score": 8, "confidence": 0.5}' if ask.schema else "a critique"
        return Reply(
            text=text,
            tokens_in=10,
            tokens_out=5,
            money=0.0,
            seconds=0.0,
            cached=False,
            finish="stop",
        )


def make() -> Eight:
    return Eight()
