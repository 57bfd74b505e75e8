"""The Scorer: routing, order, policies, streams, processes and loops."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assay import ConfigError, EngineError, Sample, Scorer, ScoringError, Source, source
from assay.core.engine.board import Board

HEALTHY = {"plugins": ["healthy_plugin"]}


def texts(*values: str) -> list[Sample]:
    return [Sample(completion=v) for v in values]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("demo.palindrome", [1.0, 0.0, 1.0]),
        ("demo.inline", [1.0, 0.0, 1.0]),
        ("demo.length", [1.0, 2 / 3, 1 / 3]),
        ("demo.opened", [1.0, 0.0, 0.0]),
        ("demo.waits", [0.0, 0.0, 0.0]),
        ("demo.device", [3.0, 2.0, 1.0]),
        ("demo.batch_rank", [2.0, 1.0, 0.0]),
    ],
)
def test_every_way_to_run(name: str, values: list[float]) -> None:
    with Scorer({**HEALTHY, "sources": [name]}) as scorer:
        rewards = scorer.score(texts("aba", "ab", "a"))
    assert [r.value for r in rewards] == values
    assert all(r.verdicts[name].source == name for r in rewards)
    assert all("+" in r.verdicts[name].version for r in rewards)


@pytest.mark.parametrize("runs", ["inline", "process"])
def test_inline_and_process_agree(runs: str) -> None:
    entry = {"use": "demo.length", "runs": runs, "at_least": 5}
    with Scorer({**HEALTHY, "sources": [entry]}) as scorer:
        rewards = scorer.score(texts("abc", "abcdef"))
    assert [r.value for r in rewards] == [0.6, 1.0]
    assert [r.passed for r in rewards] == [True, True]


def test_groups_are_judged_together() -> None:
    samples = [
        Sample(completion="x" * n, group=str(g)) for n, g in ((1, 0), (2, 1), (3, 0), (1, 1))
    ]
    with Scorer({**HEALTHY, "sources": ["demo.group_best"]}) as scorer:
        assert [r.value for r in scorer.score(samples)] == [0.0, 1.0, 1.0, 0.0]
        streamed = scorer.stream(sorted(samples, key=lambda s: s.group or ""))
        assert [r.value for r in streamed] == [0.0, 1.0, 1.0, 0.0]


def test_when_routes_by_task_and_extra() -> None:
    recipe = {
        **HEALTHY,
        "sources": [
            {"use": "demo.inline", "when": {"task": "a"}},
            {"use": "demo.inline", "as": "other", "when": {"task": ["b", "c"], "level": 3}},
        ],
    }
    samples = [
        Sample(completion="x", task="a"),
        Sample(completion="x", task="b", extra={"level": 3}),
        Sample(completion="x", task="b"),
    ]
    with Scorer(recipe) as scorer:
        rewards = scorer.score(samples)
    assert [set(r.verdicts) for r in rewards] == [{"demo.inline"}, {"other"}, set()]
    assert rewards[2].value is None
    assert rewards[2].status.value == "abstained"


@pytest.mark.parametrize(
    ("text", "truth", "value", "status"),
    [
        pytest.param("a", "a", 1.0, "scored", id="right"),
        pytest.param("b", "a", 0.0, "scored", id="wrong"),
        pytest.param("a", None, None, "bad_reference", id="no-truth"),
    ],
)
def test_a_missing_ground_truth_is_the_datas_fault(
    text: str, truth: str | None, value: float | None, status: str
) -> None:
    with Scorer({**HEALTHY, "sources": ["demo.truth"]}) as scorer:
        (reward,) = scorer.score([Sample(completion=text, ground_truth=truth)])
    assert (reward.value, reward.status.value) == (value, status)


def test_abstentions_and_bad_references_from_the_source() -> None:
    with Scorer({**HEALTHY, "sources": ["demo.opinion", "demo.inline"]}) as scorer:
        none, bad, other = scorer.score(texts("none", "bad", "other"))
    assert none.value == 0.0  # the abstention is left out, the other source stands
    assert bad.value is None
    assert bad.status.value == "bad_reference"
    assert other.value == 0.25
    assert other.verdicts["demo.opinion"].evidence == {"seen": "other"}
    assert other.passed is False


@pytest.mark.parametrize(
    ("policy", "values"),
    [("exclude", [1.0, None]), ("zero", [1.0, 0.0]), ("retry", [1.0, None])],
)
def test_on_fault(policy: str, values: list[float | None]) -> None:
    recipe = {"plugins": ["faulty_plugin"], "sources": ["fault.some"], "on_fault": policy}
    with Scorer(recipe) as scorer:
        assert [r.value for r in scorer.score(texts("fine", "raises"))] == values


def test_on_fault_raise_names_the_sample() -> None:
    recipe = {"plugins": ["faulty_plugin"], "sources": ["fault.some"], "on_fault": "raise"}
    bad = Sample(completion="raises", id="row-7")
    with Scorer(recipe) as scorer, pytest.raises(ScoringError, match=r"row-7.*boom"):
        scorer.score([bad])


def test_mapping_weights_and_passed_by() -> None:
    recipe = {
        **HEALTHY,
        "sources": [
            {"use": "demo.inline", "weight": 2.0, "map": {"value_if_failed": -1.0}},
            {"use": "demo.length", "weight": 0.5, "map": {"clip": [0.0, 0.4]}},
        ],
        "passed_by": ["demo.inline"],
    }
    with Scorer(recipe) as scorer:
        right, wrong = scorer.score(texts("aba", "abc"))
    assert (right.value, right.passed) == (2.0 + 0.5 * 0.4, True)
    assert (wrong.value, wrong.passed) == (-2.0 + 0.5 * 0.4, False)


def test_equal_work_is_done_once() -> None:
    with Scorer({**HEALTHY, "sources": ["demo.counted"]}, workers=1) as scorer:
        rewards = scorer.score(texts(*["same"] * 50, *["other"] * 50))
    calls = [r.verdicts["demo.counted"].evidence["calls"] for r in rewards]
    assert max(calls) == 2
    assert [r.value for r in rewards] == [1.0] * 100


def test_results_do_not_depend_on_batches_or_workers() -> None:
    samples = texts(*(f"{i:b}" for i in range(500)))
    wanted = None
    for workers, size in ((1, 500), (2, 7), (3, 100)):
        with Scorer({**HEALTHY, "sources": ["demo.palindrome"]}, workers=workers) as scorer:
            parts = [samples[i : i + size] for i in range(0, 500, size)]
            got = [r.value for part in parts for r in scorer.score(part)]
        wanted = wanted or got
        assert got == wanted


def test_stream_is_in_order_and_reads_only_a_little_ahead() -> None:
    read = 0

    def endless() -> Iterator[Sample]:
        nonlocal read
        for i in itertools.count():
            read += 1
            yield Sample(completion=f"{i:b}")

    with Scorer({**HEALTHY, "sources": ["demo.palindrome"]}) as scorer:
        taken = list(itertools.islice(scorer.stream(endless()), 5000))
    assert [r.passed for r in taken] == [f"{i:b}" == f"{i:b}"[::-1] for i in range(5000)]
    assert read < 5000 + 4 * 2048


def test_many_threads_and_loops_share_one_scorer() -> None:
    with Scorer({**HEALTHY, "sources": ["demo.palindrome", "demo.waits"]}) as scorer:

        def check(k: int) -> None:
            rewards = scorer.score(texts(*(f"{i * k:b}" for i in range(50))))
            got[k] = [r.verdicts["demo.palindrome"].passed for r in rewards]

        async def many() -> list[list[float | None]]:
            lists = await asyncio.gather(*(scorer.ascore(texts("aba", "ab")) for _ in range(20)))
            return [[r.value for r in rewards] for rewards in lists]

        got: dict[int, list[bool | None]] = {}
        threads = [threading.Thread(target=check, args=(k,)) for k in range(1, 6)]
        for thread in threads:
            thread.start()
        assert asyncio.run(many()) == [[1.0, 0.0]] * 20
        for thread in threads:
            thread.join()
    for k, passed in got.items():
        assert passed == [f"{i * k:b}" == f"{i * k:b}"[::-1] for i in range(50)]


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("math.exat", "did you mean 'math.exact'"),
        ({"sources": [{"use": "math.exact", "wieght": 2}]}, "did you mean 'weight'|unknown key"),
        ({"sources": []}, "at least 1"),
        ({"sources": ["math.exact"], "compose": "wighted_sum"}, "did you mean 'weighted_sum'"),
        ({"sources": ["math.exact"], "shape": ["length.soft"]}, "no shaper 'length.soft'"),
        ({"sources": ["math.exact", "math.exact"]}, "appear twice"),
        ({"sources": ["math.exact"], "passed_by": ["x.y"]}, "passed_by"),
        ({"sources": [{"use": "math.exact", "deadline_s": -1}]}, "deadline_s.*greater than 0"),
        ({"sources": [{"use": "math.exact", "runs": "async"}]}, "runs: async"),
        ("nowhere.yaml", "nowhere.yaml: cannot be read"),
    ],
)
def test_wrong_recipes_are_refused_with_a_way_out(recipe: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Scorer(recipe)  # type: ignore[arg-type]


def test_a_closed_scorer_says_so() -> None:
    scorer = Scorer({**HEALTHY, "sources": ["demo.palindrome"]})
    scorer.score(texts("a"))
    scorer.close()
    with pytest.raises(EngineError, match="closed"):
        scorer.score(texts("a"))


def test_a_sample_that_cannot_be_sent_fails_alone() -> None:
    odd = Sample(completion="x", extra={"lock": threading.Lock()})
    with Scorer({**HEALTHY, "sources": ["demo.palindrome"]}) as scorer:
        rewards = scorer.score([*texts("aba", "ab"), odd, *texts("a")])
    assert [r.value for r in rewards] == [1.0, 0.0, None, 1.0]
    assert "cannot be sent" in rewards[2].verdicts["demo.palindrome"].reason


def test_not_a_sample() -> None:
    with Scorer("math.exact") as scorer, pytest.raises(TypeError, match=r"assay\.Sample"):
        scorer.score(["text"])  # type: ignore[list-item]


def _child_scores(scorer: Scorer, queue: multiprocessing.Queue[list[float | None]]) -> None:
    queue.put([r.value for r in scorer.score(texts("aba", "ab"))])
    scorer.close()


def test_it_works_in_a_forked_child_and_still_in_the_parent() -> None:
    context = multiprocessing.get_context("fork")
    with Scorer({**HEALTHY, "sources": ["demo.palindrome"]}) as scorer:
        assert [r.value for r in scorer.score(texts("aba"))] == [1.0]
        queue: multiprocessing.Queue[list[float | None]] = context.Queue()
        child = context.Process(target=_child_scores, args=(scorer, queue))
        child.start()
        assert queue.get(timeout=30) == [1.0, 0.0]
        child.join(10)
        assert [r.value for r in scorer.score(texts("ab", "aba"))] == [0.0, 1.0]


SCRIPT = """
import asyncio, sys
sys.path.insert(0, {plugins!r})
from assay import Sample, Scorer, source

@source("here.even", version="1", scale="binary")
def even(sample):
    return limit(len(sample.text))

def limit(n):
    return n % 2 == 0

async def main():
    with Scorer(even) as scorer:
        print([r.value for r in scorer.score([Sample(completion="ab"), Sample(completion="a")])])
        print([r.value for r in await scorer.ascore([Sample(completion="ab")])])

asyncio.run(main())
"""


def test_sources_of_a_script_or_notebook_work_in_workers(root: Path) -> None:
    # read from stdin: a __main__ without a file, with a running loop, as in a notebook
    script = SCRIPT.format(plugins=str(root / "tests" / "plugins"))
    run = subprocess.run(
        [sys.executable, "-"], input=script, capture_output=True, text=True, check=False, cwd="/"
    )
    assert run.stdout == "[1.0, 0.0]\n[1.0]\n", run.stderr


ORPHANS = """
import sys, time
sys.path.insert(0, {plugins!r})
from assay import Sample, Scorer
scorer = Scorer({{"plugins": ["faulty_plugin"], "sources": [{{"use": "fault.some"}}]}})
scorer.start()
import psutil, threading
samples = [Sample(completion=t) for t in ("hang_python", "forks", "detaches", "hang_sleep", "fine")]
threading.Thread(target=scorer.score, args=(samples,), daemon=True).start()
time.sleep(1.5)
print(*[p.pid for p in psutil.Process().children(recursive=True)], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_no_orphan_outlives_a_killed_parent(sig: signal.Signals, root: Path) -> None:
    script = ORPHANS.format(plugins=str(root / "tests" / "plugins"))
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) >= 3
    parent.send_signal(sig)
    parent.wait(10)
    parent.stdout.close()
    until = time.monotonic() + 5
    while (alive := [p for p in pids if psutil.pid_exists(p)]) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive


def test_a_killed_zygote_is_replaced() -> None:
    with Scorer({**HEALTHY, "sources": ["demo.palindrome"]}) as scorer:
        scorer.score(texts("a"))
        zygote = scorer.engine()._zygote
        assert zygote is not None
        os.kill(zygote.pid, signal.SIGKILL)
        assert [r.value for r in scorer.score(texts("aba", "ab"))] == [1.0, 0.0]


def test_board_reads_are_consistent(tmp_path: Path) -> None:
    path = tmp_path / "board"
    path.write_bytes(bytes(Board.size()))
    with path.open("r+b") as file:
        board = Board(file.fileno())
    board.reset()
    assert board.running(1) is None
    board.cells[Board.SERIAL] = 1
    board.cells[Board.STARTED] = 99
    board.cells[Board.CURRENT] = 3
    assert board.running(1) == (3, 99)
    assert board.running(2) is None
    board.close()


def test_sources_pickle() -> None:
    import healthy_plugin

    assert isinstance(healthy_plugin.palindrome, Source)
    again = pickle.loads(pickle.dumps(healthy_plugin.length))
    assert again.name == "demo.length"


def test_a_source_object_needs_no_registration() -> None:
    @source("here.inline", version="1", scale="binary", runs="inline")
    def here(sample: Sample) -> bool:
        return sample.text == "yes"

    with Scorer(here) as scorer:
        assert [r.value for r in scorer.score(texts("yes", "no"))] == [1.0, 0.0]


def test_a_rule_that_breaks_costs_its_sample_alone() -> None:
    recipe = {
        "plugins": ["healthy_plugin", "rules_plugin"],
        "sources": ["demo.inline"],
        "shape": ["broken.sometimes"],
    }
    with Scorer(recipe) as scorer:
        rewards = scorer.score(texts("aba", "raise", "nan", "a"))
    assert [r.value for r in rewards] == [1.0, None, None, 1.0]
    assert rewards[1].status.value == "failed"
    assert "ZeroDivisionError" in rewards[1].reason
    assert rewards[2].verdicts["demo.inline"].score == 1.0


def test_rules_that_cannot_work_are_refused_at_once() -> None:
    recipe = {**HEALTHY, "sources": [{"use": "demo.inline", "weight": -1}], "compose": "min"}
    with pytest.raises(ConfigError, match="weight"):
        Scorer(recipe)


def test_source_objects_reach_workers_from_wherever_they_live() -> None:
    import healthy_plugin

    @source("here.closed", version="1", scale="binary")
    def closed(sample: Sample) -> bool:
        return sample.text == wanted

    wanted = "yes"
    for given in (healthy_plugin.palindrome, closed, module_level):
        with Scorer(given) as scorer:
            assert [r.value for r in scorer.score(texts("yes", "abba"))] == (
                [0.0, 1.0] if given is healthy_plugin.palindrome else [1.0, 0.0]
            )


@source("here.module_level", version="1", scale="binary")
def module_level(sample: Sample) -> bool:
    return sample.text == "yes"
