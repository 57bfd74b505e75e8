"""Verdicts are kept by digest, across processes, and a broken cache never breaks a run."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cache_writer
import pytest

from assay import Sample, Scorer, Status, Verdict
from assay.core.cache import Cache, cache_key


def scorer(path: Path, **entry: object) -> Scorer:
    source = {"use": "demo.counted", **entry}
    recipe = {"plugins": ["healthy_plugin"], "sources": [source], "cache": str(path)}
    return Scorer(recipe, workers=1)


def samples(n: int) -> list[Sample]:
    return [Sample(completion=str(i)) for i in range(n)]


def test_a_second_run_is_served_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "cache.sqlite"
    with scorer(path) as first:
        before = first.score(samples(20))
    with scorer(path) as second:
        after = second.score(samples(25))
        assert second.counts["demo.counted"]["cached"] == 20
    cached = [r.verdicts["demo.counted"].cached for r in after]
    assert cached == [True] * 20 + [False] * 5
    assert [r.value for r in after[:20]] == [r.value for r in before]


def test_the_key_holds_everything_a_verdict_depends_on() -> None:
    sample = Sample(prompt="p", completion="c", ground_truth=1)
    key = cache_key("a.b", "1+x", [sample])
    assert key == cache_key(
        "a.b", "1+x", [Sample(prompt="p", completion="c", ground_truth=1, id="z")]
    )
    for other in (
        cache_key("a.c", "1+x", [sample]),
        cache_key("a.b", "1+y", [sample]),
        cache_key("a.b", "1+x", [Sample(prompt="p", completion="d", ground_truth=1)]),
        cache_key("a.b", "1+x", [Sample(prompt="p", completion="c", ground_truth=2)]),
        cache_key(
            "a.b", "1+x", [Sample(prompt="p", completion="c", ground_truth=1, truncated=True)]
        ),
        cache_key("a.b", "1+x", [sample, sample]),
    ):
        assert other != key


def test_faults_are_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite")
    cache.put(
        {
            "good": [Verdict.scored(1.0)],
            "none": [Verdict.unscored(Status.ABSTAINED, "no opinion")],
            "bad": [Verdict.unscored(Status.FAILED, "crashed")],
            "late": [Verdict.unscored(Status.TIMED_OUT, "late")],
        }
    )
    assert set(cache.get(["good", "none", "bad", "late", "unknown"])) == {"good", "none"}
    cache.close()


def test_it_stays_below_its_size_and_keeps_what_is_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c.sqlite", max_bytes=2 * 2**20)
    big = Verdict.scored(1.0, evidence={"text": "x" * 10_000})
    cache.put({"old": [big]})
    for i in range(600):
        cache.put({f"k{i}": [big]})
        if i % 20 == 0:
            assert cache.get(["old"])
    cache._writes = 0
    cache.put({"last": [big]})
    kept = cache.get([f"k{i}" for i in range(600)])
    assert 0 < len(kept) < 300
    assert "k599" in kept
    assert "old" in cache.get(["old"])
    cache.close()


def test_a_damaged_file_is_switched_off_not_fatal(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is not a database" * 1000)
    with scorer(path) as broken:
        assert [r.value for r in broken.score(samples(3))] == [1.0] * 3
    assert "switched off" in caplog.text


def test_processes_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=cache_writer.write, args=(path, k * 50)) for k in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    cache = Cache(path)
    assert len(cache.get([f"k{i}" for i in range(150)])) == 150
    cache.close()


def test_it_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    code = (
        "import sys, itertools; from pathlib import Path; from assay import Verdict\n"
        "from assay.core.cache import Cache\n"
        f"cache = Cache(Path({str(path)!r}))\n"
        "for i in itertools.count():\n"
        "    cache.put({f'k{i}': [Verdict.scored(1.0)]}); print(i, flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for _ in range(200):
        last = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    time.sleep(0.1)
    cache = Cache(path)
    assert len(cache.get([f"k{i}" for i in range(last + 1)])) == last + 1
    cache.close()
