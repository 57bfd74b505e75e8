"""What holds across processes: rates, the budget, the cache, and that no judgement is lost."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import EngineError
from assay.rewards.judges.budget import Budget
from assay.rewards.judges.contract import BudgetSpent
from assay.rewards.judges.rates import Rates
from assay.rewards.judges.shared import SharedNumbers

from .conftest import JudgeServer

ASKER = Path(__file__).with_name("asker.py")
PROCESSES = 4
PILED_S = 0.4
"""What left on time may pile up on its way for so long, on a busy machine."""
BREAKING = ("slow", "cut", "cut-in-body")
BROKEN = "no reply within|is it running"
"""What those faults, and broken connections of any other cause, look like in the record."""
FAULTS = ["429", "500", "slow", "cut", "cut-in-body", "invalid-json", "wrong-schema", "empty"]


def start(server: JudgeServer, first: int, count: int, **settings: Any) -> subprocess.Popen[bytes]:
    fast = {"backoff_s": 0.01, "longest_backoff_s": 0.1, "timeout_s": 10.0}
    judge = {"model": "rules", "base_url": server.url, **fast, **settings}
    given = json.dumps({"settings": judge, "first": first, "count": count})
    return subprocess.Popen([sys.executable, str(ASKER), given], stdout=subprocess.PIPE)


def ask_from_processes(server: JudgeServer, count: int, **settings: Any) -> dict[int, list[Any]]:
    """Number -> [grade, error], asked by four processes, each its quarter."""
    share = count // PROCESSES
    running = [start(server, i * share, share, **settings) for i in range(PROCESSES)]
    answers: dict[int, list[Any]] = {}
    for process in running:
        out, _ = process.communicate(timeout=100)
        assert process.returncode == 0
        answers |= {number: rest for number, *rest in json.loads(out)}
    return answers


def most_above(at: list[float], rate_s: float, sizes: list[float]) -> float:
    """By how much the busiest window exceeds ``rate_s`` times its length."""
    worst, level, last = 0.0, 0.0, at[0]
    for moment, size in sorted(zip(at, sizes, strict=True)):
        # a bucket that leaks at the rate: its highest level is the worst excess of any window
        level = max(0.0, level - (moment - last) * rate_s) + size
        worst, last = max(worst, level), moment
    return worst


def test_the_measure_of_windows_finds_a_burst() -> None:
    even = [i / 10 for i in range(20)]
    assert most_above(even, 10, [1.0] * 20) == pytest.approx(1)
    assert most_above([*even, 1.9, 1.9, 1.9], 10, [1.0] * 23) == pytest.approx(4)


def test_two_thousand_judgements_with_faults(server: JudgeServer, tmp_path: Path) -> None:
    rate_s, burst_s = 300.0, 0.25
    server.settings(faults=FAULTS, fault_share=0.2, slow_s=6.0, retry_after="0.02")
    answers = ask_from_processes(
        server,
        2000,
        folder=str(tmp_path / "run"),
        rates={
            "requests_per_minute": rate_s * 60,
            "burst_s": burst_s,
            "folder": str(tmp_path / "rates"),
        },
        timeout_s=3.0,
        retries=8,
        prices={"in_per_million": 1e6, "out_per_million": 3e6},
    )
    stats = server.stats()
    graded = sum(a[0] is not None for a in answers.values())
    assert set(stats["by_fault"]) == set(FAULTS)
    assert 0.15 < sum(stats["by_fault"].values()) / stats["requests"] < 0.25
    assert sorted(answers) == list(range(2000)), "none lost"
    wrong = {n: a for n, a in answers.items() if a[0] is not None and a[0] != n % 11 / 10}
    assert wrong == {}, "none graded wrongly"
    assert graded >= 1990, "retries bring nearly all"
    assert most_above(stats["at"], rate_s, [1.0] * len(stats["at"])) <= rate_s * (burst_s + PILED_S)
    record = (tmp_path / "run/judge_calls.jsonl").read_text()
    lines = [json.loads(line) for line in record.splitlines()]
    # on a busy machine some attempts break before the server reads them: they have a line too
    unseen = len(lines) - stats["requests"]
    broken = sum(bool(re.search(BROKEN, line["fault"] or "")) for line in lines)
    assert 0 <= unseen <= broken - sum(stats["by_fault"][kind] for kind in BREAKING)
    billed = stats["tokens_in"] + 3 * stats["tokens_out"]
    assert sum(line["money"] for line in lines) == pytest.approx(billed)
    spent = Budget(tmp_path / "run/judge_budget.bin").spent()
    assert spent.money == pytest.approx(billed)
    assert spent.tokens == stats["tokens_in"] + stats["tokens_out"]
    assert spent.replies == stats["replies"]


def test_a_rate_holds_for_all_processes_together(server: JudgeServer, tmp_path: Path) -> None:
    rates = {"requests_per_minute": 1800, "burst_s": 0.2, "folder": str(tmp_path)}
    ask_from_processes(server, 80, rates=rates)
    at = server.stats()["at"]
    assert len(at) == 80
    assert most_above(at, 30.0, [1.0] * 80) <= 6 + 1 + 30 * PILED_S
    assert at[-1] - at[0] < 2 * 80 / 30, "the rate is used"


def test_tokens_hold_for_all_processes_together(server: JudgeServer, tmp_path: Path) -> None:
    rates = {"tokens_per_minute": 60_000, "burst_s": 0.5, "folder": str(tmp_path)}
    ask_from_processes(server, 120, rates=rates)
    stats = server.stats()
    each = (stats["tokens_in"] + stats["tokens_out"]) / stats["replies"]
    assert most_above(stats["at"], 1000.0, [each] * 120) <= 500 + 1000 * PILED_S


def test_a_budget_ends_all_processes_within_a_request_each(
    server: JudgeServer, tmp_path: Path
) -> None:
    server.settings(latency_s=0.01)
    limit = 3000
    answers = ask_from_processes(
        server, 2000, folder=str(tmp_path), budget={"tokens": limit}, concurrency=8
    )
    stats = server.stats()
    spent = stats["tokens_in"] + stats["tokens_out"]
    each = spent / stats["replies"]
    assert limit <= spent <= limit + PROCESSES * each
    errors = [error for _, error in answers.values() if error]
    assert set(errors) == {"BudgetSpent"}
    assert len(errors) == 2000 - stats["replies"]


def test_processes_share_a_cache(server: JudgeServer, tmp_path: Path) -> None:
    first = ask_from_processes(server, 40, folder=str(tmp_path))
    with start(server, 0, 40, folder=str(tmp_path)) as process:
        out, _ = process.communicate(timeout=60)
    assert {n: rest for n, *rest in json.loads(out)} == first
    assert server.stats()["requests"] == 40


ADMIT_AND_DIE = """
import asyncio, os, pathlib, signal, sys
from assay.rewards.judges.budget import Budget
asyncio.run(Budget(pathlib.Path(sys.argv[1]), tokens=100).admit(60, 0.0))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_had_on_its_way_counts_as_spent(tmp_path: Path) -> None:
    path = tmp_path / "budget"
    died = subprocess.run([sys.executable, "-c", ADMIT_AND_DIE, str(path)], check=False)
    assert died.returncode == -signal.SIGKILL
    budget = Budget(path, tokens=100)
    assert budget.spent().tokens == 0, "nobody has looked yet"
    asyncio.run(budget.admit(50, 0.0))
    budget.settle((50, 0.0), (50, 0.0))
    assert (budget.spent().tokens, budget.spent().unknown) == (110, 1)
    with pytest.raises(BudgetSpent):
        asyncio.run(budget.admit(1, 0.0))


def test_a_budget_waits_for_what_is_on_its_way(tmp_path: Path) -> None:
    budget = Budget(tmp_path / "budget", tokens=100)

    async def run() -> list[str]:
        order: list[str] = []
        await budget.admit(80, 0.0)

        async def second() -> None:
            await budget.admit(80, 0.0)
            order.append("second")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0.05)
        order.append("first is over")
        budget.settle((80, 0.0), (10, 0.0))
        await waiting
        return order

    assert asyncio.run(run()) == ["first is over", "second"]


def rates(path: Path, **limits: Any) -> Rates:
    return Rates(path, **{"requests_per_minute": None, "tokens_per_minute": None, **limits})


def test_a_hold_stops_everyone(tmp_path: Path) -> None:
    one, other = (rates(tmp_path / "r", requests_per_minute=6000) for _ in range(2))
    assert other.take(1) == 0.0
    one.hold(30.0)
    assert 25 < other.take(1) <= 30
    one.hold(10**9)
    assert other.take(1) <= 60, "a server cannot silence us for ever"


def test_tokens_come_back_when_a_reply_is_shorter(tmp_path: Path) -> None:
    bucket = rates(tmp_path / "r", tokens_per_minute=60_000, burst_s=1.0)
    assert bucket.take(1000) == 0.0
    assert 0.85 < bucket.take(1000) <= 1.0
    bucket.settle(1000, 10)
    assert bucket.take(950) == 0.0


def test_a_request_larger_than_a_burst_goes_in_the_end(tmp_path: Path) -> None:
    bucket = rates(tmp_path / "r", tokens_per_minute=60, burst_s=1.0)
    assert bucket.take(1000) == 0.0
    assert bucket.take(1) > 900


def test_a_clock_that_jumped_does_not_stop_the_run(tmp_path: Path) -> None:
    SharedNumbers(tmp_path / "r", 3, "assayrat").change(
        lambda numbers: numbers.__setitem__(0, time.time() + 10**7)
    )
    assert rates(tmp_path / "r", requests_per_minute=60).take(1) == 0.0


@pytest.mark.parametrize("content", [b"x", b"assayrat" + b"\0" * 23, b"another " + b"\0" * 24])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "r").write_bytes(content)
    with pytest.raises(EngineError, match="remove it"):
        rates(tmp_path / "r", requests_per_minute=60).take(1)
    assert (tmp_path / "r").read_bytes() == content


def test_what_raises_changes_nothing(tmp_path: Path) -> None:
    numbers = SharedNumbers(tmp_path / "n", 2, "test")

    def spoil(values: Any) -> None:
        values[0] = 5.0
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        numbers.change(spoil)
    assert list(numbers.change(lambda values: values[:])) == [0.0, 0.0]


ADD_MANY = """
import os, pathlib, sys, time
from assay.rewards.judges.shared import SharedNumbers
numbers = SharedNumbers(pathlib.Path(sys.argv[1]), 1, "test")
numbers.change(lambda values: None)
os.fork()
time.sleep(max(0.0, float(sys.argv[2]) - time.time()))  # all at once
for _ in range(1000):
    numbers.change(lambda values: values.__setitem__(0, values[0] + 1))
"""


def test_no_change_is_lost_between_processes_and_forks(tmp_path: Path) -> None:
    path = tmp_path / "n"
    numbers = SharedNumbers(path, 1, "test")
    numbers.change(lambda values: values.__setitem__(0, 0.0))
    command = [sys.executable, "-c", ADD_MANY, str(path), str(time.time() + 1.0)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(3)]
    for process in running:
        process.communicate(timeout=60)  # the pipe closes when the fork is done too
    assert list(numbers.change(lambda values: values[:])) == [6000.0]
