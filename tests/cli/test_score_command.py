"""``assay score`` as a user types it."""

from __future__ import annotations

import json

import pytest

PLUGIN = '''
from assay import Sample, source

@source("probe.fails", version="1", scale="unit", runs="inline")
def fails(sample: Sample) -> float:
    raise RuntimeError("broken on purpose")

@source("probe.shouts", version="1", scale="binary", runs="inline")
def shouts(sample: Sample) -> bool:
    """1 if the answer is in capitals."""
    return sample.text.isupper()
'''


def test_a_file_is_scored_and_summed_up(assay, answers, tmp_path) -> None:
    done = assay("score", str(answers), "-r", "math.exact", "-o", "out.jsonl")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "columns prompt=question, completion=response, ground_truth=answer" in done.stderr
    assert "4 rows, pass rate 0.7500, mean value 0.7500" in done.stderr
    assert "1 of 2 groups have no variance" in done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["passed"] for row in rows] == [True, False, True, True]
    again = assay("score", str(answers), "-r", "math.exact", "-o", "out.jsonl")
    assert again.returncode == 0
    assert "is complete already" in again.stderr


def test_quiet_says_nothing_and_json_is_the_summary(assay, answers) -> None:
    done = assay("score", str(answers), "-r", "math.exact", "-o", "out.parquet", "-q", "--json")
    assert done.stderr == ""
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["pass_rate"]) == (4, 0.75)
    assert summary["sources"]["math.exact"]["statuses"] == {"scored": 4}
    assert summary["already_complete"] is False


def test_pipes_in_and_out(assay, answers) -> None:
    done = assay("score", "-", "-r", "math.exact", "-o", "-", "-q", stdin=answers.read_text())
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["value"] for line in done.stdout.splitlines()] == [1.0, 0.0, 1.0, 1.0]
    summed = assay("score", "-", "-r", "math.exact", "-o", "-", "-q", "--json", stdin="")
    assert (summed.returncode, summed.stdout) == (2, "")
    assert "no column for the completion" in summed.stderr


def test_standard_input_into_a_file_cannot_be_resumed(assay, answers, tmp_path) -> None:
    text = answers.read_text() + "not JSON\n"
    command = ("score", "-", "-r", "math.exact", "-o", "out.jsonl")
    assert assay(*command, stdin=text).returncode == 4
    again = assay(*command, "--bad-rows", "skip", stdin=text)
    assert again.returncode == 2
    assert "cannot be read a second time; begin anew with --restart" in again.stderr
    anew = assay(*command, "--bad-rows", "skip", "--restart", stdin=text)
    assert anew.returncode == 0, anew.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 4


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(["-r", "math.exact"], 2, "Missing option", id="no-output"),
        pytest.param(["-r", "math.exat", "-o", "o.csv"], 2, "did you mean 'math.exact'", id="name"),
        pytest.param(["-r", "no.yaml", "-o", "o.csv"], 2, "no.yaml: cannot be read", id="recipe"),
        pytest.param(["-r", "math.exact", "-o", "o.txt"], 2, "told by the suffix", id="suffix"),
        pytest.param(
            ["-r", "math.exact", "-o", "o.csv", "--columns", "prompt=nope"],
            2,
            "no such column",
            id="column",
        ),
        pytest.param(
            ["-r", "math.exact", "-o", "o.csv", "-p", "nope"], 4, "no plugin module", id="plugin"
        ),
        pytest.param(
            ["-r", "probe.fails", "-p", "probe", "-o", "o.csv"],
            3,
            "no row could be judged",
            id="faults",
        ),
        pytest.param(
            ["-r", "math.exact", "-o", "o.csv", "--columns", "ground_truth=nothing"],
            3,
            "no row could be judged",
            id="bad-references",
        ),
        pytest.param(
            ["-r", "raise.yaml", "-o", "o.csv"], 4, "broken on purpose", id="on-fault-raise"
        ),
    ],
)
def test_exit_codes_and_one_line_errors(assay, answers, tmp_path, *, words, code, said) -> None:
    (tmp_path / "probe.py").write_text(PLUGIN)
    (tmp_path / "raise.yaml").write_text(
        "plugins: [probe]\nsources: [probe.fails]\non_fault: raise\n"
    )
    rows = [{**json.loads(x), "nothing": None} for x in answers.read_text().splitlines()]
    answers.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = assay("score", "answers.jsonl", *words)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_row_names_file_and_line(assay, answers) -> None:
    answers.write_text(answers.read_text() + "\n{\n")
    command = ("score", "answers.jsonl", "-r", "math.exact", "-o", "out.csv")
    done = assay(*command)
    assert done.returncode == 4
    assert "answers.jsonl: line 6: is not JSON" in done.stderr
    skipped = assay(*command, "--bad-rows", "skip")
    assert skipped.returncode == 0, skipped.stderr
    assert "bad rows: 1, in out.csv.bad.jsonl" in skipped.stderr


def test_a_plugin_of_the_current_folder_cannot_shadow_the_library(assay, answers, tmp_path) -> None:
    (tmp_path / "probe.py").write_text(PLUGIN)
    (tmp_path / "json.py").write_text("raise RuntimeError('shadowed')")
    script = ("score", "answers.jsonl", "-r", "probe.shouts", "-p", "probe", "-o", "-", "-q")
    import os
    import subprocess
    import sys

    code = f"import sys; sys.argv = ['assay', *{script!r}]; from assay.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4


def test_whoever_closes_the_pipe_early_gets_no_traceback(answers, tmp_path) -> None:
    import subprocess
    import sys

    lines = answers.read_text() * 3000
    (tmp_path / "many.jsonl").write_text(lines)
    words = ["score", "many.jsonl", "-r", "math.exact", "-o", "-", "-q"]
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 4
    assert said == ""
