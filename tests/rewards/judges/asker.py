"""A process that asks a judge many questions, for the tests of what processes share.

``python asker.py '{"settings": {...}, "first": 0, "count": 100}'`` asks question n for the grade
n % 11 / 10, all at once, and prints for each ``[n, grade, error]``, one of the two null.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from assay.core.settings import read_settings
from assay.rewards.judges.client import Client, open_judge
from assay.rewards.judges.contract import Ask, JudgeError, Scale
from assay.rewards.judges.scoring import ask_for_score
from assay.rewards.judges.settings import JudgeSettings

UNIT = Scale()


async def one(client: Client, number: int, max_tokens: int) -> list[Any]:
    content = f"question {number}: GRADE={number % 11 / 10}"
    messages = ({"role": "user", "content": content},)
    ask = Ask(messages=messages, schema=UNIT.schema(), max_tokens=max_tokens)
    try:
        got = await ask_for_score(client, ask, UNIT, reasks=3)
    except JudgeError as error:
        return [number, None, type(error).__name__]
    return [number, got.score.score, None]


async def main(given: dict[str, Any]) -> None:
    settings = read_settings(JudgeSettings, given["settings"], "judge")
    numbers = range(given["first"], given["first"] + given["count"])
    async with open_judge(settings) as client:
        limit = given.get("max_tokens", 50)
        answers = await asyncio.gather(*(one(client, n, limit) for n in numbers))
    print(json.dumps(answers))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
