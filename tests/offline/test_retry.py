"""Faults go to a side file, nothing is lost, and a retry puts rows where they belong."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from assay.core.errors import ConfigError
from assay.core.recipe import Recipe
from assay.offline import swap
from assay.offline.score import ScoreOptions, score_file
from assay.offline.swap import complete_swap

FAULTY = '''
"""Breaks as the answer says, as long as a file called broken stands beside it."""
import os, time
from pathlib import Path
from assay import Sample, source

BROKEN = Path(__file__).with_name("broken")

def judged(text):
    if BROKEN.exists():
        if text.startswith("raise"):
            raise RuntimeError("broken on purpose")
        if text.startswith("exit"):
            os._exit(3)
        if text.startswith("hang"):
            while True:
                pass
        if text.startswith("nan"):
            return float("nan")
        if text.startswith("words"):
            return "a word"
    return float(len(text) % 2)

@source("faulty.each", version="1", scale="unit")
def each(sample: Sample) -> float:
    """One sample at a time."""
    return judged(sample.text)

@source("faulty.rank", version="1", scale="real", runs="inline", arity="group")
def rank(samples: list[Sample]) -> list[float]:
    """How many of the group are shorter."""
    lengths = [len(s.text) for s in samples]
    return [float(sum(m < n for m in lengths)) for n in lengths]
'''

FAULTS = ("raise", "exit", "hang", "nan", "words")


@pytest.fixture
def faulty(tmp_path):
    path = tmp_path / "faulty_sources.py"
    path.write_text(FAULTY)
    (tmp_path / "broken").touch()
    return path


def recipe(*names, runs="inline", deadline_s=1.0):
    first = {"use": names[0], "deadline_s": deadline_s, "retries": 0, "workers": 1, "runs": runs}
    return Recipe.read({"name": "r", "sources": [first, *names[1:]]})


def content(kind, n=24, every=5):
    return [
        {"prompt": f"p{i // 4}", "completion": f"{kind if i % every == 2 else 'right'} {i}"}
        for i in range(n)
    ]


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def score(source, out, faulty, *names, runs="inline", **more):
    options = ScoreOptions(plugins=(str(faulty),), shard_rows=5, **more)
    asked = recipe(*(names or ("faulty.each",)), runs=runs)
    return score_file(str(source), asked, str(out), options).summary


@pytest.mark.parametrize("kind", FAULTS)
def test_rows_in_are_rows_scored_and_rows_beside_for_every_fault(
    tmp_path, make_file, faulty, kind
) -> None:
    rows = content(kind, n=8)
    source, out = make_file(rows), tmp_path / "out.jsonl"
    runs = "process" if kind in {"exit", "hang"} else "inline"
    summary = score(source, out, faulty, runs=runs)
    beside = lines(tmp_path / "out.jsonl.failed.jsonl")
    wanted = [i for i, row in enumerate(rows) if row["completion"].startswith(kind)]
    assert [row["index"] for row in beside] == wanted
    assert [row["completion"] for row in beside] == [rows[i]["completion"] for i in wanted]
    scored = [row["completion"] for row in lines(out)]
    assert scored == [r["completion"] for i, r in enumerate(rows) if i not in wanted]
    assert (summary["rows_in"], summary["written"], summary["failed"]) == (
        len(rows),
        len(scored),
        len(wanted),
    )
    assert all(row["value"] is None and row["faulty.each.reason"] for row in beside)


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".csv"])
def test_a_retry_ends_in_the_output_of_a_run_without_faults(
    tmp_path, make_file, faulty, suffix
) -> None:
    rows = content("raise")
    rows[9:9] = [{"prompt": "p", "completion": None}]  # a bad row, which no retry mends
    source, out, whole = make_file(rows), tmp_path / f"out{suffix}", tmp_path / f"whole{suffix}"
    score(source, out, faulty, bad_rows="skip")
    again = score(source, out, faulty, bad_rows="skip", retry=True)
    assert (again["retried"], again["recovered"], again["failed"]) == (5, 0, 5)
    (tmp_path / "broken").unlink()
    mended = score(source, out, faulty, bad_rows="skip", retry=True)
    undisturbed = score(source, whole, faulty, bad_rows="skip")
    assert (mended["retried"], mended["recovered"], mended["failed"]) == (5, 5, 0)
    if suffix != ".parquet":
        assert out.read_bytes() == whole.read_bytes()
    else:
        import pyarrow.parquet as pq

        assert pq.read_table(out).equals(pq.read_table(whole))
    same = ("rows_in", "rows", "written", "bad_rows", "judged", "pass_rate", "mean_value", "groups")
    assert {k: mended[k] for k in same} == {k: undisturbed[k] for k in same}
    assert not (tmp_path / f"out{suffix}.failed.jsonl").exists()
    assert not (tmp_path / f"out{suffix}.retry").exists()
    assert score(source, out, faulty, bad_rows="skip", retry=True)["failed"] == 0


def test_a_group_waits_as_a_whole_for_its_failed_member(tmp_path, make_file, faulty) -> None:
    rows = content("raise", n=16, every=8)  # one failure in the first and in the third group
    source, out, whole = make_file(rows), tmp_path / "out.jsonl", tmp_path / "whole.jsonl"
    names = ("faulty.each", "faulty.rank")
    assert score(source, out, faulty, *names)["failed"] == 8
    assert [r["index"] for r in lines(tmp_path / "out.jsonl.failed.jsonl")] == [
        *range(4),
        *range(8, 12),
    ]
    (tmp_path / "broken").unlink()
    score(source, out, faulty, *names, retry=True)
    score(source, whole, faulty, *names)
    assert out.read_bytes() == whole.read_bytes()


def test_a_retry_may_change_deadlines_and_nothing_that_grades(tmp_path, make_file, faulty) -> None:
    source, out = make_file(content("raise")), tmp_path / "out.jsonl"
    with pytest.raises(ConfigError, match="no finished output"):
        score(source, out, faulty, retry=True)
    score(source, out, faulty)
    (tmp_path / "broken").unlink()
    options = ScoreOptions(plugins=(str(faulty),), retry=True)
    other = Recipe.read({"sources": [{"use": "faulty.each", "weight": 2.0}]})
    with pytest.raises(ConfigError, match=r"another recipe\.sources"):
        score_file(str(source), other, str(out), options)
    longer = recipe("faulty.each", deadline_s=7.0)
    assert score_file(str(source), longer, str(out), options).summary["failed"] == 0


RETRY = """
import json, os, signal, sys
from pathlib import Path
from assay.core.recipe import Recipe
from assay.core.registry import Registry
from assay.offline.score import ScoreOptions, score_file
from assay.offline.swap import complete_swap

source, out, plugin = sys.argv[1:]
broken, side = Path(plugin).with_name("broken"), Path(out + ".failed.jsonl")
recipe = Recipe.read({"name": "r", "sources": [{"use": "faulty.each", "runs": "inline"}]})
Registry.load([plugin])

def rows(path):
    return [json.loads(line)["completion"] for line in path.read_text().splitlines()]

def run(deadly=0, **options):
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    count = 0
    def deadly_before(function):
        def call(*args, **kwargs):
            nonlocal count
            count += 1
            if count == deadly:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)
        return call
    for owner, name in [(Path, "replace"), (Path, "unlink"), (Path, "mkdir"), (os, "fsync")]:
        setattr(owner, name, deadly_before(getattr(owner, name)))
    score_file(source, recipe, out, ScoreOptions(plugins=(plugin,), **options))
    os._exit(0)

killed, deadly = True, 0
while killed:
    deadly += 2
    broken.touch()
    assert run(overwrite=True) == 0
    broken.unlink()
    killed = run(deadly, retry=True) != 0
    complete_swap(Path(out))
    report = json.loads(Path(out + ".run.json").read_text())
    assert report["bytes"] == Path(out).stat().st_size
    failed = rows(side) if side.exists() else []
    assert report["summary"]["failed"] == len(failed)
    print(json.dumps([killed, len(failed), sorted(rows(Path(out)) + failed)]), flush=True)
"""


def test_a_retry_killed_at_every_second_file_operation_leaves_each_row_in_exactly_one_place(
    tmp_path, make_file, faulty
) -> None:
    source, out = make_file(content("raise", n=8)), tmp_path / "out.jsonl"
    words = [sys.executable, "-c", RETRY, str(source), str(out), str(faulty)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    whole = sorted(row["completion"] for row in content("raise", n=8))
    assert all(rows == whole for _, _, rows in found)
    assert len(found) > 5, "there are more file operations than that"
    assert {tuple(one[:2]) for one in found} == {(True, 2), (True, 0), (False, 0)}


def test_a_swap_cut_short_is_finished_by_whoever_comes_next(tmp_path, monkeypatch) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("old")
    (tmp_path / "side").write_text("old side")
    folder = swap.begin_swap(out)
    (folder / "out.jsonl").write_text("new")
    with monkeypatch.context() as patch:
        patch.setattr(swap, "complete_swap", lambda output: None)  # killed before the renames
        swap.finish_swap(out, ["out.jsonl"], removed=["side"])
    assert out.read_text() == "old"
    for _ in range(2):
        complete_swap(out)
        assert out.read_text() == "new"
        assert not (tmp_path / "side").exists()
    (swap.begin_swap(out) / "out.jsonl").write_text("half")  # not ready: rubbish
    complete_swap(out)
    assert out.read_text() == "new"
    assert not folder.exists()
