"""``kill -9`` at any moment loses no row and repeats none."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.core.recipe import Recipe
from assay.offline.score import ScoreOptions, score_file

KILLS = 20


def command(source: Path, plugin: str, out: Path, *more: str) -> list[str]:
    words = ["score", str(source), "-r", "probe.length", "-p", plugin, "-o", str(out)]
    return [sys.executable, "-m", "assay", *words, *more]


def wait_until_writing(out: Path, process: subprocess.Popen[bytes], seconds: float = 20.0) -> None:
    """Wait for this process's own shard: a killed one leaves its last behind."""
    begun, shard = time.time(), out.with_name(f"{out.name}.parts") / "shard.tmp"
    while process.poll() is None and time.time() < begun + seconds:
        if _written(shard) >= begun:
            return
        time.sleep(0.005)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:  # renamed between two looks
        return 0.0


@pytest.mark.timeout(300)
def test_twenty_kills_at_random_moments_leave_the_output_of_an_undisturbed_run(
    tmp_path, make_file, plugin
) -> None:
    source, slow = make_file(6000), plugin(seconds=0.0004)
    undisturbed, out = tmp_path / "undisturbed.jsonl", tmp_path / "out.jsonl"
    score_file(
        str(source), Recipe.read("probe.length"), str(undisturbed), ScoreOptions(plugins=(slow,))
    )
    rng, parts, progress = random.Random(20), tmp_path / "out.jsonl.parts", set()
    killed = 0
    while killed < KILLS:
        process = subprocess.Popen(
            [*command(source, slow, out, "-q"), "--shard-rows", "100"], start_new_session=True
        )
        if killed % 4:  # most kills hit the work, some the start
            wait_until_writing(out, process)
        time.sleep(rng.uniform(0.0, 0.3))
        assert process.poll() is None, "finished before it could be killed: the file is too small"
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        killed += 1
        assert not out.exists()
        progress.add(len(list(parts.glob("*-*.jsonl"))))
    assert len(progress) > 5, "the kills must fall on different stages"
    done = subprocess.run(
        [*command(source, slow, out, "-q", "--json")], capture_output=True, check=True
    )
    summary = json.loads(done.stdout)
    assert out.read_bytes() == undisturbed.read_bytes()
    ids = [json.loads(line)["id"] for line in out.read_text().splitlines()]
    assert len(ids) == len(set(ids)) == summary["rows"] == 6000
    assert summary["resumed_at"] > 0
    assert not parts.exists()
    assert sorted(p.name for p in tmp_path.glob("*out*")) == ["out.jsonl", "out.jsonl.run.json"]


DRIVER = """
import hashlib, os, shutil, signal, sys
from pathlib import Path
from assay.core.recipe import Recipe
from assay.core.registry import Registry
from assay.offline.score import ScoreOptions, score_file

source, out, plugin, step = sys.argv[1:]
Registry.load([plugin])   # once, for all children
if out.endswith(".parquet"):
    import pyarrow.parquet
options = ScoreOptions(plugins=(plugin,), shard_rows=24, bad_rows="skip")

def run(deadly):
    count = 0
    def tick():
        nonlocal count
        count += 1
        if count == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
    def deadly_before(function):   # just after one operation is just before the next
        def call(*args, **kwargs):
            tick()
            return function(*args, **kwargs)
        return call
    for owner, name in [(Path, "replace"), (Path, "rename"), (Path, "unlink"), (Path, "mkdir"),
                        (os, "fsync"), (os, "unlink"), (os, "rmdir")]:
        setattr(owner, name, deadly_before(getattr(owner, name)))
    score_file(source, Recipe.read("probe.length"), out, options)

def content(path):
    if not path.endswith(".parquet"):
        return Path(path).read_bytes()
    return repr(pyarrow.parquet.read_table(path, use_threads=False).to_pydict()).encode()

deadly = 0
while True:   # each run in a process of its own, killed some operations later than the last
    deadly += int(step)
    for path in Path(out).parent.glob("*" + Path(out).name + "*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    child = os.fork()
    if child == 0:
        run(deadly)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    killed = os.WIFSIGNALED(status)
    assert killed or status == 0, status
    again = os.fork()
    if again == 0:
        score_file(source, Recipe.read("probe.length"), out, options)
        names = sorted(p.name for p in Path(out).parent.glob("*" + Path(out).name + "*"))
        found = hashlib.sha256(content(out) + content(out + ".bad.jsonl")).hexdigest()
        print(killed, names, found, flush=True)
        os._exit(0)
    assert os.waitpid(again, 0)[1] == 0
    if not killed:
        break
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "step", "least"),
    [
        pytest.param("out.jsonl", 1, 30, id="jsonl-at-every-file-operation"),
        pytest.param("out.parquet", 6, 5, id="parquet-at-every-sixth"),
    ],
)
def test_a_kill_between_two_file_operations(
    tmp_path, make_file, plugin, *, name, step, least
) -> None:
    source = make_file(50)
    lines = source.read_text().splitlines()
    source.write_text("\n".join([*lines[:20], "not JSON", *lines[20:], "{"]) + "\n")
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(source), str(work / name), plugin(), str(step)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = done.stdout.splitlines()
    assert len(results) >= least, "there are more file operations than that"
    outcomes = {line.partition(" ")[2] for line in results}
    assert len(outcomes) == 1, outcomes
    assert f"['{name}', '{name}.bad.jsonl', '{name}.run.json']" in outcomes.pop()


def test_control_c_says_how_to_go_on_and_it_does(tmp_path, make_file, plugin) -> None:
    source, slow, out = make_file(3000), plugin(seconds=0.001), tmp_path / "out.jsonl"
    process = subprocess.Popen(
        [*command(source, slow, out), "--shard-rows", "50"], stderr=subprocess.PIPE, text=True
    )
    wait_until_writing(out, process)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    quick = plugin(seconds=0.0)
    done = subprocess.run(
        [*command(source, quick, out), "--json", "-q"], capture_output=True, check=True
    )
    assert json.loads(done.stdout)["rows"] == 3000
    assert json.loads(done.stdout)["resumed_at"] > 0


def test_a_second_writer_is_refused_while_the_first_works(tmp_path, make_file, plugin) -> None:
    source, slow, out = make_file(3000), plugin(seconds=0.001), tmp_path / "out.jsonl"
    first = subprocess.Popen([*command(source, slow, out), "-q"])
    try:
        wait_until_writing(out, first)
        second = subprocess.run(
            command(source, slow, out), capture_output=True, text=True, check=False
        )
        assert second.returncode == 2
        assert "another process is writing this output" in second.stderr
    finally:
        first.kill()
        first.wait()
    third = subprocess.run(command(source, plugin(), out, "-q"), check=False)
    assert third.returncode == 0, "the lock of a killed process must not outlive it"
