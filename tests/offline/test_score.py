"""Files through a scorer: formats out, resuming, bad rows, groups, summaries."""

from __future__ import annotations

import csv
import json
import random

import pytest

from assay.core.errors import AssayError, ConfigError, DataError
from assay.core.recipe import Recipe
from assay.core.scorer import WINDOW_ROWS, Scorer
from assay.offline import ledger as ledger_module
from assay.offline.columns import find_layout
from assay.offline.read import open_dataset
from assay.offline.score import ScoreOptions, score_file

EXACT = Recipe.read("math.exact")


def read(path):
    import pyarrow.parquet as pq
    from pyarrow import feather

    match path.suffix:
        case ".jsonl":
            return [json.loads(line) for line in path.read_text().splitlines()]
        case ".csv":
            with path.open(newline="") as file:
                return list(csv.DictReader(file))
        case ".parquet":
            return pq.read_table(path).to_pylist()
        case _:
            return feather.read_table(path).to_pylist()


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", ".arrow", ".feather", ".csv"])
def test_every_output_holds_the_same_rows_and_can_be_scored_again(
    tmp_path, make_file, suffix
) -> None:
    source, plain = make_file(60), tmp_path / "plain.jsonl"
    score_file(str(source), EXACT, str(plain))
    out = tmp_path / f"out{suffix}"
    summary = score_file(str(source), EXACT, str(out), ScoreOptions(shard_rows=7)).summary
    expected = read(plain)
    if suffix == ".csv":
        expected = [{k: "" if v is None else str(v) for k, v in row.items()} for row in expected]
    assert read(out) == expected
    assert summary["rows"] == 60
    again = tmp_path / "again.jsonl"
    score_file(str(out), EXACT, str(again))
    assert again.read_bytes() == plain.read_bytes()


def test_a_scored_row_says_what_the_scorer_says(tmp_path, make_file) -> None:
    source, out = make_file(30), tmp_path / "out.jsonl"
    score_file(str(source), EXACT, str(out))
    dataset = open_dataset(str(source))
    layout = find_layout(dataset.names(), {}, "f")
    samples = [layout.sample(row) for _, row in dataset.rows()]
    with Scorer(EXACT) as scorer:
        rewards = scorer.score(samples)
    for row, sample, reward in zip(read(out), samples, rewards, strict=True):
        assert (row["id"], row["value"], row["passed"]) == (sample.id, reward.value, reward.passed)
        assert json.loads(row["extra"]) == dict(sample.extra)


def test_the_summary_counts_what_is_in_the_file(tmp_path, make_file) -> None:
    out = tmp_path / "out.jsonl"
    summary = score_file(str(make_file(64)), EXACT, str(out)).summary
    rows = read(out)
    passed = [row["passed"] for row in rows]
    assert summary["pass_rate"] == sum(passed) / 64
    assert summary["mean_value"] == sum(row["value"] for row in rows) / 64
    groups = [passed[i : i + 4] for i in range(0, 64, 4)]
    assert summary["groups"] == 16
    assert summary["zero_variance_groups"] == sum(len(set(g)) == 1 for g in groups)
    assert summary["statuses"] == {"scored": 64}
    assert summary["slowest_source"] == "math.exact"


class Stop(AssayError):
    pass


def broken_off(monkeypatch, after):
    """Make the next run end after so many rows, as a crash of the engine would."""
    stream = Scorer.stream

    def cut(self, samples):
        for n, reward in enumerate(stream(self, samples)):
            if n == after:
                raise Stop("stopped on purpose")
            yield reward

    monkeypatch.setattr(Scorer, "stream", cut)


@pytest.mark.parametrize("after", [0, 1, 7, 20, 59])
@pytest.mark.parametrize("name", ["probe.length", "probe.rank"])
def test_a_run_broken_off_goes_on_to_the_same_output(
    tmp_path, make_file, plugin, monkeypatch, *, after, name
) -> None:
    source, options = make_file(60), ScoreOptions(plugins=(plugin(),), shard_rows=5)
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    one = score_file(str(source), Recipe.read(name), str(whole), options)
    with monkeypatch.context() as patch:
        broken_off(patch, after)
        with pytest.raises(Stop):
            score_file(str(source), Recipe.read(name), str(out), options)
    two = score_file(str(source), Recipe.read(name), str(out), options)
    assert out.read_bytes() == whole.read_bytes()
    timed = {"seconds", "resumed_at", "output", "sources"}
    assert {k: v for k, v in two.summary.items() if k not in timed} == {
        k: v for k, v in one.summary.items() if k not in timed
    }
    kept = two.summary["resumed_at"]
    assert (
        kept == after
        if name == "probe.length"
        else kept in {after - after % 4, (after - 1) // 4 * 4}
    )


def test_a_batch_source_sees_the_same_batches_after_a_restart(
    tmp_path, make_file, plugin, monkeypatch
) -> None:
    source = make_file(WINDOW_ROWS * 2 + 10)
    options = ScoreOptions(plugins=(plugin(),), shard_rows=100)
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    score_file(str(source), Recipe.read("probe.place"), str(whole), options)
    with monkeypatch.context() as patch:
        broken_off(patch, WINDOW_ROWS + 500)
        with pytest.raises(Stop):
            score_file(str(source), Recipe.read("probe.place"), str(out), options)
    assert (
        score_file(str(source), Recipe.read("probe.place"), str(out), options).summary["resumed_at"]
        == WINDOW_ROWS
    )
    assert out.read_bytes() == whole.read_bytes()


@pytest.fixture
def spoiled(make_file):
    """60 rows; lines 11 and 12 cannot be read, nor the last."""
    path = make_file(60)
    lines = path.read_text().splitlines()
    lines[10:10] = ["{not JSON", json.dumps({"prompt": "p", "completion": None})]
    path.write_text("\n".join([*lines, '"text"']) + "\n")
    return path


def test_a_bad_row_stops_the_run_names_the_line_and_keeps_the_rest(tmp_path, spoiled) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(DataError, match=r"in.jsonl: line 11: is not JSON.*--bad-rows skip"):
        score_file(str(spoiled), EXACT, str(out))
    assert not out.exists()
    summary = score_file(str(spoiled), EXACT, str(out), ScoreOptions(bad_rows="skip")).summary
    assert (summary["resumed_at"], summary["rows"], summary["bad_rows"]) == (10, 60, 3)
    bad = [json.loads(x) for x in (tmp_path / "out.jsonl.bad.jsonl").read_text().splitlines()]
    assert [row["number"] for row in bad] == [11, 12, 63]
    assert bad[0]["row"] == "{not JSON"
    assert "a completion must be there" in bad[1]["why"]


def test_a_side_file_of_an_earlier_run_does_not_stay(tmp_path, spoiled, make_file) -> None:
    out, skip = tmp_path / "out.jsonl", ScoreOptions(bad_rows="skip", overwrite=True)
    score_file(str(spoiled), EXACT, str(out), skip)
    score_file(str(make_file(5, "good.jsonl")), EXACT, str(out), skip)
    assert not (tmp_path / "out.jsonl.bad.jsonl").exists()


def test_a_file_of_nothing_but_bad_rows_and_an_empty_one(tmp_path, make_file) -> None:
    path = make_file(1)
    path.write_text(path.read_text() + "x\n" * 5)
    summary = score_file(
        str(path), EXACT, str(tmp_path / "a.parquet"), ScoreOptions(bad_rows="skip", shard_rows=2)
    ).summary
    assert (summary["rows"], summary["bad_rows"]) == (1, 5)
    assert len(read(tmp_path / "a.parquet")) == 1


def test_the_same_command_leaves_a_finished_output_alone(tmp_path, make_file) -> None:
    source, out = make_file(20), tmp_path / "out.parquet"
    first = score_file(str(source), EXACT, str(out))
    stamp = out.stat().st_mtime_ns
    second = score_file(str(source), EXACT, str(out))
    assert second.already_complete
    assert second.summary == first.summary
    assert out.stat().st_mtime_ns == stamp
    assert not score_file(
        str(source), EXACT, str(out), ScoreOptions(overwrite=True)
    ).already_complete


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"recipe": "math.symbolic"}, "recipe.sources", id="recipe"),
        pytest.param({"columns": {"ground_truth": "level"}}, "columns.ground_truth", id="columns"),
        pytest.param({"timings": True}, "timings", id="timings"),
        pytest.param({"rows": 21}, "input.bytes", id="input"),
    ],
)
@pytest.mark.parametrize("finished", [True, False], ids=["finished", "unfinished"])
def test_other_work_is_not_mixed_into_an_output(
    tmp_path, make_file, monkeypatch, *, change, named, finished
) -> None:
    source, out = make_file(20), tmp_path / "out.jsonl"
    with monkeypatch.context() as patch:
        if not finished:
            broken_off(patch, 10)
        try:
            score_file(str(source), EXACT, str(out))
        except Stop:
            assert not finished
    before = sorted(p.name for p in tmp_path.iterdir())
    if "rows" in change:
        make_file(change["rows"])
    recipe = Recipe.read(change.get("recipe", "math.exact"))
    options = ScoreOptions(columns=change.get("columns"), timings=change.get("timings", False))
    with pytest.raises(ConfigError, match=f"{named}.*--{'overwrite' if finished else 'restart'}"):
        score_file(str(source), recipe, str(out), options)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_restart_gives_up_the_rows_of_another_run(tmp_path, make_file, monkeypatch) -> None:
    source, out = make_file(20), tmp_path / "out.jsonl"
    with monkeypatch.context() as patch:
        broken_off(patch, 10)
        with pytest.raises(Stop):
            score_file(str(source), Recipe.read("text.exact"), str(out))
    summary = score_file(str(source), EXACT, str(out), ScoreOptions(restart=True)).summary
    assert (summary["resumed_at"], summary["rows"]) == (0, 20)


def test_a_changed_output_and_a_file_of_somebody_else_are_not_touched(tmp_path, make_file) -> None:
    source, out = make_file(5), tmp_path / "out.jsonl"
    score_file(str(source), EXACT, str(out))
    for content in (out.read_text() + "\n", "mine"):
        out.write_text(content)
        with pytest.raises(ConfigError, match="--overwrite"):
            score_file(str(source), EXACT, str(out))
        assert out.read_text() == content


def test_a_moved_and_touched_input_is_still_the_same(tmp_path, make_file, monkeypatch) -> None:
    source, out = make_file(20), tmp_path / "out.jsonl"
    with monkeypatch.context() as patch:
        broken_off(patch, 10)
        with pytest.raises(Stop):
            score_file(str(source), EXACT, str(out))
    moved = source.rename(tmp_path / "moved.jsonl")
    moved.touch()
    assert score_file(str(moved), EXACT, str(out)).summary["resumed_at"] == 10


def test_a_row_longer_than_a_batch_and_shards_by_time(tmp_path, make_file, monkeypatch) -> None:
    monkeypatch.setattr(ledger_module, "SHARD_SECONDS", 0.0)
    rows = [{"prompt": "p", "completion": "x" * n} for n in (5_000_000, 1, 5_000_000)]
    out = tmp_path / "out.parquet"
    score_file(str(make_file(rows)), Recipe.read("text.exact"), str(out))
    assert [len(row["completion"]) for row in read(out)] == [5_000_000, 1, 5_000_000]


@pytest.mark.parametrize(
    ("output", "message"),
    [("out.txt", "the format is told by the suffix"), ("", "is a folder")],
)
def test_an_output_that_cannot_be(tmp_path, make_file, output, message) -> None:
    with pytest.raises(ConfigError, match=message):
        score_file(str(make_file(1)), EXACT, str(tmp_path / output))


def test_groups_are_whole_whatever_the_shards(tmp_path, make_file, plugin) -> None:
    rng = random.Random(3)
    rows = [
        {"prompt": f"p{g}", "completion": "x" * rng.randrange(9)}
        for g in range(40)
        for _ in range(rng.randrange(1, 6))
    ]
    source, outs = make_file(rows), []
    for shard_rows in (1, 3, 1000):
        outs.append(tmp_path / f"{shard_rows}.jsonl")
        options = ScoreOptions(plugins=(plugin(),), shard_rows=shard_rows)
        score_file(str(source), Recipe.read("probe.rank"), str(outs[-1]), options)
    assert len({out.read_bytes() for out in outs}) == 1
