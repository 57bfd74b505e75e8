"""The fault table: whatever a source does, it costs its own verdicts and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import psutil
import pytest
from faulty_plugin import FAILS, HANGS, HARMLESS

from assay import Reward, Sample, Scorer

DEADLINE_S = 2.0
N = 1000

EXPECTED = {
    **dict.fromkeys(HANGS, "timed_out"),
    **dict.fromkeys(FAILS, "failed"),
    **dict.fromkeys(HARMLESS, "scored"),
    "eats_memory": "failed",
}


def in_main_thread(scorer: Scorer, samples: list[Sample]) -> list[Reward]:
    return scorer.score(samples)


def in_other_thread(scorer: Scorer, samples: list[Sample]) -> list[Reward]:
    rewards: list[Reward] = []
    thread = threading.Thread(target=lambda: rewards.extend(scorer.score(samples)))
    thread.start()
    thread.join()
    return rewards


def in_event_loop(scorer: Scorer, samples: list[Sample]) -> list[Reward]:
    async def both() -> list[Reward]:
        beats = 0

        async def beat() -> None:
            nonlocal beats
            while True:
                beats += 1
                await asyncio.sleep(0.02)

        heart = asyncio.create_task(beat())
        rewards = await scorer.ascore(samples)
        heart.cancel()
        assert beats > 10  # the loop went on all the while
        return rewards

    return asyncio.run(both())


def blocking_in_event_loop(scorer: Scorer, samples: list[Sample]) -> list[Reward]:
    async def main() -> list[Reward]:
        return scorer.score(samples)  # as in a notebook cell

    return asyncio.run(main())


def descendants() -> list[str]:
    # the resource tracker and the like belong to the test runner
    children = psutil.Process().children(recursive=True)
    return [" ".join(p.cmdline())[:80] for p in children if p.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(in_main_thread, id="main-thread"),
        pytest.param(in_other_thread, id="other-thread"),
        pytest.param(in_event_loop, id="event-loop"),
        pytest.param(blocking_in_event_loop, id="blocking-in-event-loop"),
    ],
)
def test_fault_table(way: Callable[[Scorer, list[Sample]], list[Reward]]) -> None:
    kinds = list(EXPECTED)
    places = {(i + 1) * N // (len(kinds) + 1): kind for i, kind in enumerate(kinds)}
    samples = [Sample(completion=places.get(i, f"fine {i}")) for i in range(N)]
    entry = {"use": "fault.some", "deadline_s": DEADLINE_S, "memory_bytes": "160MiB"}
    recipe = {"plugins": ["faulty_plugin"], "sources": [entry]}
    before = set(descendants())
    with Scorer(recipe) as scorer:
        scorer.score([Sample(completion="fine")])
        started = time.monotonic()
        rewards = way(scorer, samples)
        took = time.monotonic() - started
        statuses = {}
        for i, reward in enumerate(rewards):
            verdict = reward.verdicts["fault.some"]
            if i in places:
                statuses[places[i]] = verdict.status.value
                assert (reward.value is None) == (verdict.score is None), places[i]
                assert verdict.reason or verdict.score is not None, places[i]
            else:
                assert reward.value == 1.0, (i, verdict)
    assert statuses == EXPECTED
    assert took < DEADLINE_S + 2.0
    assert set(descendants()) <= before


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("fault.hang_python", "timed_out"),
        ("fault.hang_power", "timed_out"),
        ("fault.hang_regex", "timed_out"),
        ("fault.exits", "failed"),
        ("fault.raises", "failed"),
        ("fault.too_few", "failed"),
        ("fault.cannot_open", "failed"),
        ("fault.dies_opening", "failed"),
    ],
)
def test_a_source_that_always_fails_costs_its_own_verdicts(name: str, status: str) -> None:
    recipe = {
        "plugins": ["faulty_plugin", "healthy_plugin"],
        "sources": [
            {"use": name, "deadline_s": 1.0},
            {"use": "demo.palindrome", "deadline_s": 1.0},
            {"use": "demo.inline"},
        ],
    }
    samples = [Sample(completion=f"abba{i % 2 * 'x'}", group=str(i // 4)) for i in range(N)]
    with Scorer(recipe) as scorer:
        scorer.start()
        started = time.monotonic()
        rewards = scorer.score(samples)
        took = time.monotonic() - started
    assert took < 3.0
    assert {r.verdicts[name].status.value for r in rewards} == {status}
    for healthy in ("demo.palindrome", "demo.inline"):
        assert [r.verdicts[healthy].passed for r in rewards] == [i % 2 == 0 for i in range(N)]
    assert {r.value for r in rewards} == {None}


def test_refusals_say_so() -> None:
    recipe = {
        "plugins": ["faulty_plugin"],
        "sources": [{"use": "fault.hang_python", "deadline_s": 0.5}],
    }
    with Scorer(recipe) as scorer:
        rewards = scorer.score([Sample(completion=str(i)) for i in range(200)])
        verdicts = [r.verdicts["fault.hang_python"] for r in rewards]
        refused = [v for v in verdicts if v.evidence.get("circuit_open")]
        assert len(refused) > 150
        assert "circuit breaker" in refused[0].reason
        assert scorer.pool_counters["fault.hang_python"]["refused"] == len(refused)


@pytest.mark.parametrize("kind", ["hang_python", "exits", "segfault"])
def test_a_kill_that_follows_the_sample_is_the_samples_fault(kind: str) -> None:
    entry = {"use": "fault.some", "deadline_s": 0.6}
    base = {"plugins": ["faulty_plugin"], "sources": [entry]}
    samples = [Sample(completion="fine"), Sample(completion=kind)]
    for policy, value in (("exclude", None), ("zero", 0.0)):
        with Scorer({**base, "on_sample_fault": policy}) as scorer:
            fine, bad = scorer.score(samples)
            assert fine.value == 1.0
            assert bad.verdicts["fault.some"].evidence["sample_fault"] is True
            assert bad.verdicts["fault.some"].score is None
            assert bad.value == value
            assert scorer.counts["fault.some"]["sample_fault"] == 1


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("waits", "timed_out"),
        ("hang_python", "timed_out"),
        ("cancels", "failed"),
        ("raises", "failed"),
        ("nan", "failed"),
        ("exits", "failed"),
    ],
)
def test_async_sources_are_held_to_the_same_table(text: str, status: str) -> None:
    recipe = {
        "plugins": ["faulty_plugin"],
        "sources": [{"use": "fault.async_some", "deadline_s": 1.0}],
    }
    samples = [Sample(completion=text if i == 50 else f"fine {i}") for i in range(100)]
    with Scorer(recipe) as scorer:
        scorer.start()
        started = time.monotonic()
        rewards = scorer.score(samples)
        took = time.monotonic() - started
    assert rewards[50].verdicts["fault.async_some"].status.value == status
    assert all(r.value == 1.0 for i, r in enumerate(rewards) if i != 50)
    assert took < 3.0


def test_a_batched_source_finds_the_sample_that_kills() -> None:
    recipe = {"plugins": ["faulty_plugin"], "sources": [{"use": "fault.batched", "batch_size": 8}]}
    samples = [Sample(completion="exits" if i == 13 else f"fine {i}") for i in range(40)]
    with Scorer(recipe) as scorer:
        rewards = scorer.score(samples)
    assert [i for i, r in enumerate(rewards) if r.value is None] == [13]
    assert rewards[13].verdicts["fault.batched"].evidence["sample_fault"] is True


def test_transient_faults_are_retried_then_failed() -> None:
    entry = {"use": "fault.some", "retries": 1}
    with Scorer({"plugins": ["faulty_plugin"], "sources": [entry]}) as scorer:
        started = time.monotonic()
        (reward,) = scorer.score([Sample(completion="transient")])
    assert time.monotonic() - started > 0.05  # it paused before the second try
    verdict = reward.verdicts["fault.some"]
    assert verdict.status.value == "failed"
    assert verdict.evidence["transient"] is True


def test_what_a_failing_source_printed_is_kept() -> None:
    recipe = {"plugins": ["printing_plugin"], "sources": ["fault.prints_then_raises"]}
    with Scorer(recipe) as scorer:
        (reward,) = scorer.score([Sample(completion="x")])
    assert "the last words" in reward.verdicts["fault.prints_then_raises"].evidence["output"]


def test_memory_of_the_parent_stays_flat() -> None:
    recipe = {"plugins": ["faulty_plugin"], "sources": [{"use": "fault.some", "deadline_s": 1.0}]}
    me = psutil.Process()
    with Scorer(recipe) as scorer:
        texts = ["raises", "exits", "prints", "huge"]
        batch = [Sample(completion=texts[i % 50] if i % 50 < 4 else f"{i}") for i in range(200)]
        scorer.score(batch)
        before = me.memory_info().rss
        for _ in range(5):
            scorer.score(batch)
        assert me.memory_info().rss - before < 30 * 2**20


@pytest.mark.parametrize(
    "kind", [k for k in FAILS if k not in {"exits", "segfault", "raises_base"}]
)
def test_inline_sources_fail_alone_too(kind: str) -> None:
    entry = {"use": "fault.some", "runs": "inline"}
    with Scorer({"plugins": ["faulty_plugin"], "sources": [entry]}) as scorer:
        fine, bad, again = scorer.score([Sample(completion=t) for t in ("fine", kind, "fine too")])
    assert (fine.value, again.value) == (1.0, 1.0)
    if kind != "huge":  # nothing has to travel, so nothing is too long
        assert bad.verdicts["fault.some"].status.value == "failed"
        assert bad.value is None


def test_ctrl_c_reaches_the_user_through_an_inline_source() -> None:
    entry = {"use": "fault.some", "runs": "inline"}
    with (
        Scorer({"plugins": ["faulty_plugin"], "sources": [entry]}) as scorer,
        pytest.raises(KeyboardInterrupt),
    ):
        scorer.score([Sample(completion="raises_base")])
