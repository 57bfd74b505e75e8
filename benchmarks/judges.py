"""How fast judges are asked: against a server that answers in 200 ms, and from the cache.

    python benchmarks/judges.py      # 64 slots, 1,280 judgements, then the same from the cache

The server is the one of the tests, in a process of its own. The ideal is slots / latency. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from assay.rewards.judges.client import open_judge
from assay.rewards.judges.contract import Ask, Scale
from assay.rewards.judges.scoring import ask_for_score
from assay.rewards.judges.settings import JudgeSettings

SERVER = Path(__file__).parent.parent / "tests/rewards/judges/judge_server.py"
SCALE = Scale()


def asks(count: int, chars: int) -> list[Ask]:
    """Questions with prompts of so many characters."""
    text = "x" * chars
    return [
        Ask(
            messages=({"role": "user", "content": f"{n} GRADE={n % 11 / 10} {text}"},),
            schema=SCALE.schema(),
        )
        for n in range(count)
    ]


async def judgements_per_s(settings: JudgeSettings, questions: list[Ask]) -> tuple[float, float]:
    """Ask them all at once; every grade is checked. By the clock, and by this process's CPU."""
    async with open_judge(settings) as judge:
        await judge.ask(Ask(messages=({"role": "user", "content": "GRADE=1"},), schema={}))
        started, cpu = time.perf_counter(), time.process_time()
        got = await asyncio.gather(*(ask_for_score(judge, ask, SCALE) for ask in questions))
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    assert [g.score.score for g in got] == [n % 11 / 10 for n in range(len(questions))]
    return len(questions) / seconds, len(questions) / cpu


async def replies_per_s(settings: JudgeSettings, questions: list[Ask]) -> float:
    """The cache alone: ``ask`` one after the other, replies not read."""
    async with open_judge(settings) as judge:
        started = time.perf_counter()
        for ask in questions:
            assert (await judge.ask(ask)).cached
        return len(questions) / (time.perf_counter() - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--latency-s", type=float, default=0.2)
    parser.add_argument("--count", type=int, default=1280)
    parser.add_argument("--chars", type=int, default=2000)
    given = parser.parse_args()
    server = subprocess.Popen(
        [sys.executable, str(SERVER), json.dumps({"latency_s": given.latency_s})],
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    port = int(server.stdout.readline())
    questions = asks(given.count, given.chars)
    with tempfile.TemporaryDirectory() as folder:
        settings = JudgeSettings(
            model="rules",
            base_url=f"http://127.0.0.1:{port}/v1",
            concurrency=given.slots,
            folder=Path(folder),
        )
        first, first_cpu = asyncio.run(judgements_per_s(settings, questions))
        second, second_cpu = asyncio.run(judgements_per_s(settings, questions))
        replies = asyncio.run(replies_per_s(settings, questions))
    server.terminate()
    server.wait(10)
    ideal = given.slots / given.latency_s
    print(
        f"ideal {ideal:.0f}/s; asked {first:.0f}/s, {first / ideal:.1%} of it,"
        f" {first_cpu:.0f} per CPU s"
    )
    print(
        f"again, from the cache: {second:.0f} judgements/s, {second_cpu:.0f} per CPU s;"
        f" the replies alone {replies:.0f}/s"
    )
    names = ("ideal", "first", "share", "cached_judgements", "cached_replies")
    values = (ideal, first, first / ideal, second, replies)
    print(json.dumps({k: round(v, 4) for k, v in zip(names, values, strict=True)}))


if __name__ == "__main__":
    main()
