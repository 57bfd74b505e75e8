"""``assay score`` beyond one file in one run, and ``assay select``, as a user types them."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from assay.cli.main import app


@pytest.fixture
def assay(tmp_path, monkeypatch):
    """``assay(*words)`` in an empty folder and in this process; gives what it said and its code."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, words)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def generations(tmp_path):
    """Three questions, four answers to each."""
    path = tmp_path / "generations.jsonl"
    rows = [
        {
            "question": f"{n}+1?",
            "answer": f"#### {n + 1}",
            "responses": [f"\\boxed{{{n + k}}}" for k in range(4)],
        }
        for n in range(3)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_from_generations_to_pairs_without_an_option_too_many(assay, generations, tmp_path) -> None:
    done = assay("score", "generations.jsonl", "-r", "math.exact", "-o", "scored.parquet")
    assert done.exit_code == 0, done.stderr
    assert "completion=responses (gsm8k: GSM8K" in done.stderr
    assert "12 rows, pass rate 0.2500" in done.stderr
    done = assay("select", "scored.parquet", "-o", "pairs.jsonl", "--make", "dpo", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["written"] == 3
    assert [row["chosen"] for row in lines(tmp_path / "pairs.jsonl")] == [
        f"\\boxed{{{n + 1}}}" for n in range(3)
    ]
    told = assay("select", "scored.parquet", "-o", "none.jsonl", "--pass-rate", "0.5:1")
    assert "prompts left out: 3 other pass rate" in told.stdout
    wrong = assay("select", "scored.parquet", "-o", "none.jsonl", "--pass-rate", "2")
    assert (wrong.exit_code, "must be LOW:HIGH" in wrong.stderr) == (2, True)


def test_parts_estimates_and_comparisons(assay, generations, tmp_path) -> None:
    for part in ("1/2", "2/2"):
        words = ("score", "generations.jsonl", "-r", "math.exact", "-o", "out.jsonl", "-q")
        assert assay(*words, "--shard", part).exit_code == 0
    names = sorted(path.name for path in tmp_path.glob("out-*.jsonl"))
    assert names == ["out-00001-of-00002.jsonl", "out-00002-of-00002.jsonl"]
    assert sum(len(lines(tmp_path / name)) for name in names) == 12
    told = assay("score", "generations.jsonl", "-r", "math.exact", "--estimate")
    assert told.exit_code == 0, told.stderr
    assert "generations.jsonl: 3 rows will take about" in told.stdout
    words = ("score", "generations.jsonl", "--compare", "math.exact,text.exact")
    told = assay(*words)
    assert told.exit_code == 0, told.stderr
    assert "both pass 0, both fail 9, only A passes 3, only B passes 0" in told.stdout
    assert "ground truth" in told.stdout
    alone = assay("score", "generations.jsonl", "--compare", "math.exact")
    assert (alone.exit_code, "must be A,B" in alone.stderr) == (2, True)


def test_gold_stands_in_and_a_dataset_without_completions_says_how(assay, tmp_path) -> None:
    rows = [{"question": f"{n}?", "answer": f"so\n#### {n}"} for n in range(5)]
    (tmp_path / "gsm.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    bare = assay("score", "gsm.jsonl", "-r", "math.exact", "-o", "o.jsonl")
    assert bare.exit_code == 2
    assert "the shape is gsm8k" in bare.stderr
    for whose, rate in (("own", 1.0), ("next", 0.0)):
        words = ("score", "gsm.jsonl", "-r", "math.exact", "--gold", whose, "-q", "--json")
        done = assay(*words, "-o", f"{whose}.jsonl")
        assert json.loads(done.stdout)["pass_rate"] == rate


def test_faults_stand_beside_and_a_retry_is_the_same_command(assay, generations, tmp_path) -> None:
    (tmp_path / "moody.py").write_text(
        "from pathlib import Path\n"
        "from assay import Sample, source\n"
        '@source("moody.one", version="1", scale="binary", runs="inline")\n'
        "def one(sample: Sample) -> bool:\n"
        '    """Fails while a file called down is there."""\n'
        '    if Path("down").exists() and "2" in sample.text:\n'
        '        raise RuntimeError("down")\n'
        "    return True\n"
    )
    (tmp_path / "down").touch()
    words = ("score", "generations.jsonl", "-r", "moody.one", "-p", "moody", "-o", "o.jsonl")
    first = assay(*words)
    assert first.exit_code == 0, first.stderr
    assert "failed: 3, in o.jsonl.failed.jsonl; try them again with --retry" in first.stderr
    assert len(lines(tmp_path / "o.jsonl")) == 9
    (tmp_path / "down").unlink()
    assert assay(*words, "--retry").exit_code == 0
    assert len(lines(tmp_path / "o.jsonl")) == 12
    assert not (tmp_path / "o.jsonl.failed.jsonl").exists()
    assert "nothing failed" in assay(*words, "--retry").stderr
