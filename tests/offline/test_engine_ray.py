"""The engine ray says what the engine local says, row for row, whoever dies on the way."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from assay.core.errors import AssayError, ConfigError, EngineError
from assay.core.recipe import Recipe
from assay.core.scorer import WINDOW_ROWS, Scorer
from assay.core.types import Sample, Status
from assay.offline.compare import compare
from assay.offline.engines import EngineOptions
from assay.offline.engines.feed import Feed, Past
from assay.offline.estimate import estimate
from assay.offline.score import ScoreOptions, score_file

pytestmark = [
    pytest.mark.timeout(180),
    # Ray Data warns of settings that it sets itself
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context"),
]

RAY = EngineOptions(name="ray", actors=2)
ONE = EngineOptions(name="ray", actors=1)


@pytest.fixture(scope="module")
def marks(tmp_path_factory) -> Iterator[Path]:
    """Where ``deadly_sources`` note that they have killed; known to Ray's processes."""
    folder = tmp_path_factory.mktemp("marks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_TEST_MARKS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def ray(marks) -> Iterator[None]:
    """One small cluster for all tests of this file; the engine uses what is running."""
    from assay.offline.engines.cluster import cluster

    with cluster(None, cores=2):
        yield


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def files(out):
    """All that a run leaves: scored rows, what is beside them, and the summary but its times."""
    beside = [out.with_name(f"{out.name}.{kind}.jsonl") for kind in ("failed", "bad")]
    summary = json.loads(out.with_name(f"{out.name}.run.json").read_text())["summary"]
    for source in summary["sources"].values():
        del source["seconds"]
    told = {k: v for k, v in summary.items() if k not in {"seconds", "resumed_at", "output"}}
    del told["slowest_source"]
    return [path.read_text().splitlines() for path in (out, *beside) if path.exists()], told


# the same rows -----------------------------------------------------------------------------------

FAULTS = ("raises", "raises_base", "leaves", "nan", "inf", "text", "list", "above", "negative",
          "evidence", "huge", "exits", "segfault", "hang_sleep")  # fmt: skip
TEXTS = ("\u202e42\u202c", "\ud800 \\boxed{1}", "<think>x", "", "ÿ" * 3000, "\\boxed{½}", "\x00")
MIXED = {
    "sources": [
        {"use": "math.exact", "when": {"task": "math"}},
        {"use": "fault.some", "deadline_s": 1.0, "retries": 0, "when": {"task": "fault"}},
        {"use": "probe.rank", "weight": 0.1},
    ],
    "on_fault": "exclude",
}


def mixed_rows():
    """Right, wrong, odd and faulty answers, answers without a reference, and a row without one."""
    for i in range(400):
        row = {"prompt": f"prompt {i // 4}", "task": "math", "ground_truth": str(i // 4), "n": i}
        row["completion"] = f"so \\boxed{{{i // 4 + i % 2}}}"
        if i % 40 == 3:
            row["completion"] = TEXTS[i // 40 % len(TEXTS)]
        if i % 40 == 8:
            row["completion"] = [{"role": "assistant", "content": f"\\boxed{{{i // 4}}}"}]
        if i % 40 == 13:
            row["ground_truth"] = None
        if i % 20 == 2:
            row.update(task="fault", completion=FAULTS[i // 20 % len(FAULTS)])
        if i == 101:
            row["completion"] = None
        yield row


class Stop(AssayError):
    pass


def begun(monkeypatch, after, *run):
    """Begin a run with the engine local, and break it off."""
    stream = Scorer.stream

    def cut(self, samples):
        for n, reward in enumerate(stream(self, samples)):
            if n == after:
                raise Stop("stopped on purpose")
            yield reward

    with monkeypatch.context() as patch:
        patch.setattr(Scorer, "stream", cut)
        with pytest.raises(Stop):
            score_file(*run)


def test_the_rows_are_those_of_the_local_engine_also_where_it_was_broken_off(
    tmp_path, make_file, plugin, monkeypatch, ray
) -> None:
    source, recipe = str(make_file(mixed_rows())), Recipe.read(MIXED)
    options = {"plugins": (plugin(), "faulty_plugin"), "bad_rows": "skip", "shard_rows": 50}
    local, out = tmp_path / "local.jsonl", tmp_path / "ray.jsonl"
    score_file(source, recipe, str(local), ScoreOptions(**options))
    begun(monkeypatch, 70, source, recipe, str(out), ScoreOptions(**options))
    summary = score_file(source, recipe, str(out), ScoreOptions(**options, engine=RAY)).summary
    assert summary["resumed_at"] > 0
    assert files(out) == files(local)
    failed, bad = (lines(tmp_path / f"ray.jsonl.{kind}.jsonl") for kind in ("failed", "bad"))
    assert {row["status"] for row in failed} == {"failed", "timed_out", "scored"}  # whole groups
    assert {row["status"] for row in lines(out)} == {"scored", "bad_reference"}
    assert len(lines(out)) + len(failed) + len(bad) == 400 == summary["rows_in"]
    numbers = [json.loads(row["extra"])["n"] for row in [*lines(out), *failed]]
    numbers += [json.loads(row["row"])["n"] for row in bad]
    assert sorted(numbers) == list(range(400)), "each row is in exactly one place"


# deaths ------------------------------------------------------------------------------------------


def test_who_dies_costs_no_row_but_the_one_that_kills_and_a_retry_takes_that_up(
    tmp_path, make_file, marks, ray, capfd
) -> None:
    texts = [f"text {i}" for i in range(300)]
    deadly = {10: "kill once", 70: "kill", 200: "kill reader once"}
    for place, text in deadly.items():
        texts[place] = text
    source = str(make_file({"prompt": f"p{i}", "completion": t} for i, t in enumerate(texts)))
    out, recipe = tmp_path / "out.jsonl", Recipe.read("deadly.some")
    options = {"plugins": ("deadly_sources",)}
    summary = score_file(source, recipe, str(out), ScoreOptions(**options, engine=RAY)).summary
    assert {path.name for path in marks.iterdir()} == {"actor", "reader"}
    assert (summary["rows_in"], summary["written"], summary["failed"]) == (300, 299, 1)
    (failed,) = lines(tmp_path / "out.jsonl.failed.jsonl")
    assert (failed["index"], failed["status"], failed["value"]) == (70, "failed", None)
    assert "its actor died over it" in failed["deadly.some.reason"]
    assert [row["completion"] for row in lines(out)] == [t for t in texts if t != "kill"]
    assert capfd.readouterr() == ("", ""), "rows may go to standard output: Ray writes nothing"
    (marks / "tame").touch()
    again = score_file(source, recipe, str(out), ScoreOptions(**options, retry=True)).summary
    assert (again["retried"], again["recovered"], again["failed"]) == (1, 1, 0)
    assert [row["completion"] for row in lines(out)] == texts


def test_batches_are_the_same_and_a_run_that_lost_its_feed_goes_on(
    tmp_path, make_file, plugin, marks, ray
) -> None:
    rows = [{"prompt": f"p{i}", "completion": f"text {i}"} for i in range(WINDOW_ROWS * 5 + 10)]
    rows[-5]["completion"] = "kill feed once"
    source, recipe = str(make_file(rows)), Recipe.read(["probe.place", "deadly.some"])
    local, out = tmp_path / "local.jsonl", tmp_path / "ray.jsonl"
    options = {"plugins": (plugin(), "deadly_sources"), "shard_rows": 1000}
    with pytest.raises(EngineError, match="--engine ray: "):
        score_file(source, recipe, str(out), ScoreOptions(**options, engine=ONE))
    assert (marks / "feed").exists()
    summary = score_file(source, recipe, str(out), ScoreOptions(**options)).summary
    assert summary["resumed_at"] > 0
    score_file(source, recipe, str(local), ScoreOptions(**options))
    assert files(out) == files(local)


def test_the_feed_blames_the_place_at_which_an_actor_died() -> None:
    async def story() -> list[Past]:
        feed, found = Feed(), []
        await feed.put(0, b"window", done=0)
        assert await feed.take(0) == b"window"
        found.append(await feed.begin(0))  # dies at once: nobody knows where
        found.append(await feed.begin(0))
        await feed.reach(0, 3)
        await feed.reach(0, 7)
        found.append(await feed.begin(0))  # died at 7
        await feed.put(1, b"next", done=1)
        assert await feed.take(0) == b"", "its rewards are in; only its place counts"
        assert await feed.take(1) == b"next"
        return found

    nobody = frozenset()
    assert asyncio.run(story()) == [Past(0, nobody), Past(1, nobody), Past(2, frozenset({7}))]


@pytest.mark.parametrize(
    ("past", "judged"),
    [
        pytest.param(Past(1, frozenset()), range(6), id="one-death-blames-nobody"),
        pytest.param(Past(2, frozenset({2})), {0, 1, 3, 4, 5}, id="one-blamed"),
        pytest.param(Past(5, frozenset({1, 3})), {0, 2}, id="given-up-behind-the-last-blamed"),
        pytest.param(Past(10, frozenset({1, 3})), set(), id="given-up"),
    ],
)
def test_after_deaths_an_actor_leaves_out_what_kills(monkeypatch, past, judged) -> None:
    from assay.offline.engines import judge as module

    class Reached:
        def remote(self, number, place):
            return place

    class Handle:
        reach = Reached()

    monkeypatch.setattr(module.ray, "get", lambda value: value)
    order = module.Order(recipe=Recipe.read("demo.inline"), plugins=("healthy_plugin",), cache=None,
                         workers=1, folder="/", search=(), settings={})  # fmt: skip
    monkeypatch.setattr(module.os, "chdir", lambda folder: None)
    judge = module.Judge(order, Handle())
    samples = [Sample(completion=str(i)) for i in range(6)]
    with judge._scorer as scorer:
        rewards = list(judge._carefully(scorer, 0, samples, past))
    statuses = [reward.status for reward in rewards]
    assert [i for i, s in enumerate(statuses) if s is Status.SCORED] == sorted(judged)
    assert {s for s in statuses if s is not Status.SCORED} <= {Status.FAILED}


# a cluster of its own ----------------------------------------------------------------------------


def of_run(folder: Path) -> list[psutil.Process]:
    """Processes that were started with this folder for their temporary files."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder) and process.pid != os.getpid():
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_for(what, seconds=60.0):
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def test_control_c_ends_the_cluster_that_nobody_else_can_reach(tmp_path, make_file, plugin) -> None:
    source, out = make_file(4000), tmp_path / "out.jsonl"
    temporary = Path(tempfile.mkdtemp(prefix="t", dir="/tmp"))  # short, for sockets lie in it
    slow = plugin(seconds=0.005)
    words = ["score", str(source), "-r", "probe.length", "-p", slow, "-o", str(out), "--json", "-q"]
    command = [sys.executable, "-m", "assay", *words, "--shard-rows", "50"]
    process = subprocess.Popen(
        [*command, "--engine", "ray", "--actors", "1"],
        env={**os.environ, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert wait_for(lambda: list(tmp_path.glob("out.jsonl.parts/*-*.jsonl")))
    listening = [
        connection.laddr.ip.removeprefix("::ffff:")
        for one in of_run(temporary)
        for connection in one.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}
    process.send_signal(signal.SIGINT)
    said = process.communicate()
    assert process.returncode == 130, said
    assert said[0] == ""
    assert "the same command goes on from there" in said[1]
    assert len(said[1].splitlines()) == 1, "Ray says nothing"
    assert wait_for(lambda: not of_run(temporary)), of_run(temporary)
    temporary.rmdir()  # nothing is left in it
    plugin(seconds=0.0)
    done = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert done["resumed_at"] > 0
    assert len({row["id"] for row in lines(out)}) == done["rows"] == 4000


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
SLEEPER = f"{STUBBORN}print(1, flush=True); time.sleep(60)"
STARTER = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {SLEEPER!r}])\n"


def test_who_is_stuck_in_its_end_goes_with_what_it_started(monkeypatch) -> None:
    from assay.offline.engines import cluster

    monkeypatch.setattr(cluster, "_END_S", 0.3)
    command = [sys.executable, "-c", f"{STUBBORN}{STARTER}time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        root = psutil.Process(process.pid)
        [child] = root.children()
        with cluster.gone([root]):
            process.terminate()
        assert process.wait() == -signal.SIGKILL
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


# what is refused ---------------------------------------------------------------------------------


def test_without_ray_the_error_says_how_to_get_it(tmp_path, make_file, monkeypatch) -> None:
    for name in [n for n in sys.modules if n.startswith("assay.offline.engines.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    out = tmp_path / "out.jsonl"
    with pytest.raises(ConfigError, match=r"Ray is not installed.*pip install 'assay-rlvr\[ray\]'"):
        score_file(str(make_file(4)), Recipe.read("math.exact"), str(out), ScoreOptions(engine=RAY))
    assert not out.exists()


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        pytest.param({"actors": 2}, "belong to --engine ray", id="actors-without-ray"),
        pytest.param({"address": "auto"}, "belong to --engine ray", id="address-without-ray"),
        pytest.param(
            {"name": "ray", "actors": 99}, r"99 of 1 cores each do not fit.*of 2 cores", id="many"
        ),
    ],
)
def test_options_that_cannot_be(tmp_path, make_file, ray, engine, message) -> None:
    options = ScoreOptions(engine=EngineOptions(**engine))
    with pytest.raises(ConfigError, match=message):
        score_file(
            str(make_file(4)), Recipe.read("math.exact"), str(tmp_path / "out.jsonl"), options
        )


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("ray://head:10001", "must be HOST:PORT of a cluster"),
        ("127.0.0.1:1", "127.0.0.1:1: no cluster answers: .*refused"),
    ],
)
def test_addresses_that_cannot_be(address, message) -> None:
    from assay.offline.engines.cluster import _joined

    with pytest.raises(ConfigError, match=f"--ray-address.*{message}"), _joined(address):
        pytest.fail("it joined")


@pytest.mark.parametrize(
    ("source", "has", "workers", "actors"),
    [
        pytest.param("demo.inline", {"CPU": 8.0}, 1, 8, id="a-core-each"),
        pytest.param("demo.inline", {"CPU": 8.0, "GPU": 2.0}, 3, 2, id="workers-take-cores"),
        pytest.param("demo.device", {"CPU": 8.0, "GPU": 3.0}, 1, 3, id="a-gpu-each"),
        pytest.param("demo.device", {"CPU": 8.0}, 1, 8, id="no-gpu-there"),
    ],
)
def test_there_are_as_many_actors_as_there_is_room_for(source, has, workers, actors) -> None:
    from assay.offline.engines.on_ray import RayEngine

    with (
        Scorer(source, plugins=["healthy_plugin"]) as scorer,
        RayEngine(scorer, EngineOptions(name="ray"), workers=workers) as engine,
    ):
        assert engine._fitting(has) == actors
        with pytest.raises(ConfigError, match="do not fit"):
            engine._fitting({"CPU": 0.0})


def test_estimates_and_comparisons_are_of_this_machine(make_file) -> None:
    source, options = str(make_file(4)), ScoreOptions(engine=RAY)
    with pytest.raises(ConfigError, match="leave out --engine"):
        estimate(source, Recipe.read("math.exact"), options)
    with pytest.raises(ConfigError, match="score one side with --engine ray first"):
        compare(source, ("math.exact", "math.symbolic"), options)
