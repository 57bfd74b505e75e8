"""Whole datasets in: folders, Zstandard, N completions to a row, parts of a run."""

from __future__ import annotations

import json
import random

import pytest

from assay.core.errors import AssayError, ConfigError, DataError
from assay.core.recipe import Recipe
from assay.core.scorer import Scorer
from assay.offline.auto import read_recipe
from assay.offline.compare import compare
from assay.offline.estimate import estimate
from assay.offline.read import open_dataset
from assay.offline.score import ScoreOptions, part_path, score_file
from assay.offline.stream import Part

LENGTH = Recipe.read("probe.length")


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def many(n, completions=3):
    return [
        {"question": f"{i}+1?", "answer": f"#### {i + 1}",
         "responses": [f"\\boxed{{{i + k}}}" for k in range(completions)]}
        for i in range(n)
    ]  # fmt: skip


def break_off(patch, after):
    stream = Scorer.stream

    def cut(self, samples):
        for n, reward in enumerate(stream(self, samples)):
            if n == after:
                raise AssayError("stopped on purpose")
            yield reward

    patch.setattr(Scorer, "stream", cut)


def test_zstandard_and_a_folder_of_shards(tmp_path, make_file) -> None:
    import pyarrow as pa

    make_file([{"prompt": f"p{i}", "completion": "c"} for i in range(5)], "a-1.jsonl")
    second = make_file([{"prompt": f"q{i}", "completion": "c"} for i in range(3)], "b.jsonl")
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "a-1.jsonl").rename(folder / "a-1.jsonl")
    with pa.output_stream(str(folder / "a-2.jsonl.zst"), compression="zstd") as out:
        out.write(second.read_bytes() + b"not JSON\n")
    (folder / "out.run.json").write_text("{}")
    (folder / "README.md").write_text("no data")
    alone = open_dataset(str(folder / "a-2.jsonl.zst"))
    assert [row["prompt"] for _, row in list(alone.rows(1))[:2]] == ["q1", "q2"]
    (folder / "x.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"several kinds \(.json, .jsonl\)"):
        open_dataset(str(folder))
    (folder / "x.json").unlink()
    dataset = open_dataset(str(folder))
    for start in (0, 4, 5, 6):
        rows = list(dataset.rows(start))
        assert len(rows) == 9 - start
    assert rows[0][0] == "a-2.jsonl.zst:2"
    assert dataset.identity() == open_dataset(str(folder)).identity()
    with pytest.raises(DataError, match=r"row a-2.jsonl.zst:4: is not JSON"):
        score_file(str(folder), Recipe.read("text.exact"), str(tmp_path / "out.jsonl"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="holds no file of a known kind"):
        open_dataset(str(tmp_path / "empty"))


@pytest.mark.parametrize("after", [0, 4, 17])
def test_n_completions_to_a_row_are_groups_and_resume_in_the_middle_of_one(
    tmp_path, make_file, monkeypatch, after
) -> None:
    source, exact = make_file(many(8)), Recipe.read("math.exact")
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    summary = score_file(str(source), exact, str(whole)).summary
    assert (summary["rows"], summary["groups"], summary["pass_rate"]) == (24, 8, 1 / 3)
    with monkeypatch.context() as patch:
        break_off(patch, after)
        with pytest.raises(AssayError, match="on purpose"):
            score_file(str(source), exact, str(out), ScoreOptions(shard_rows=2))
    again = score_file(str(source), exact, str(out), ScoreOptions(shard_rows=2)).summary
    assert again["resumed_at"] == after
    assert out.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("n", "kind"),
    [(1, "flat"), (2, "flat"), (7, "flat"), (50, "flat"), (3, "many"), (13, "many"), (5, "gz")],
)
def test_the_parts_of_a_run_are_the_whole_and_cut_no_group(
    tmp_path, make_file, plugin, *, n, kind
) -> None:
    import gzip

    rng = random.Random(n)
    flat = [
        {"prompt": f"p{g}", "completion": "x" * rng.randrange(9)}
        for g in range(12)
        for _ in range(rng.randrange(1, 5))
    ]
    flat[5:5] = [{"prompt": "p", "completion": None}]
    source = make_file(many(10) if kind == "many" else flat)
    if kind == "gz":
        packed = tmp_path / "in.jsonl.gz"
        packed.write_bytes(gzip.compress(source.read_bytes().rstrip(b"\n")))
        source = packed
    recipe, whole = Recipe.read("probe.rank"), tmp_path / "whole.jsonl"
    options = {"plugins": (plugin(),), "bad_rows": "skip"}
    score_file(str(source), recipe, str(whole), ScoreOptions(**options))
    found = []
    for i in range(1, n + 1):
        part = Part(i, n)
        out = tmp_path / "parts" / "out.jsonl"
        score_file(str(source), recipe, str(out), ScoreOptions(**options, part=part))
        found += lines(part_path(out, part))
    assert found == lines(whole)


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "a/b", "-1/2"])
def test_words_of_the_shard_option(text) -> None:
    with pytest.raises(ConfigError, match="must be I/N with 1 <= I <= N"):
        Part.read(text)


def test_batches_cannot_be_parted(tmp_path, make_file, plugin) -> None:
    options = ScoreOptions(plugins=(plugin(),), part=Part(1, 2))
    with pytest.raises(ConfigError, match="a source judges whole batches"):
        score_file(
            str(make_file(4)), Recipe.read("probe.place"), str(tmp_path / "o.jsonl"), options
        )


def test_auto_takes_the_source_of_the_task_and_counts_what_has_none(tmp_path, make_file) -> None:
    rows = [
        {"question": "p", "answer": "#### 4", "response": "\\boxed{4}"},
        {"question": "p", "answer": "#### 4", "response": "\\boxed{4}", "task": "poetry"},
    ]
    out = tmp_path / "out.jsonl"
    summary = score_file(str(make_file(rows)), read_recipe("auto"), str(out)).summary
    assert [row["passed"] for row in lines(out)] == [True, None]
    assert summary["unrouted"] == 1


def test_a_recipe_says_how_rows_are_read(tmp_path, make_file) -> None:
    rows = [{"question": "p", "answer": "#### 4", "out": "\\boxed{5}", "gold": "5"}]
    said = {"adapter": "gsm8k", "columns": {"completion": "out", "ground_truth": "gold"}}
    recipe = Recipe.read({"sources": ["math.exact"], "input": said})
    out = tmp_path / "out.jsonl"
    assert score_file(str(make_file(rows)), recipe, str(out)).summary["pass_rate"] == 1.0
    over = ScoreOptions(columns={"ground_truth": "answer"}, overwrite=True)
    assert score_file(str(make_file(rows)), recipe, str(out), over).summary["pass_rate"] == 0.0


def test_an_estimate_is_near_the_time_it_takes(make_file, plugin) -> None:
    source = make_file(400)
    found = estimate(str(source), LENGTH, ScoreOptions(plugins=(plugin(seconds=0.002),)), rows=64)
    assert found["rows"] == 400
    assert found["timed_rows"] == 64
    assert 0.8 <= found["seconds"] <= 400 * 0.02  # 2 ms each at least; a busy machine takes more
    assert found["seconds_low"] <= found["seconds"] <= found["seconds_high"]


def test_sources_are_compared_and_disagreements_shown(tmp_path, make_file) -> None:
    rows = [
        {"prompt": "p", "completion": "\\boxed{1/2}", "ground_truth": "0.5"},
        {"prompt": "p", "completion": "\\boxed{x+1}", "ground_truth": "1+x"},
        {"prompt": "p", "completion": "\\boxed{7}", "ground_truth": "8"},
        {"prompt": "p", "completion": "\\boxed{7}", "ground_truth": None},
    ]
    source, out = make_file(rows), tmp_path / "differ.jsonl"
    recipe = tmp_path / "inline.yaml"  # no workers to wait for
    recipe.write_text("sources: [{use: math.symbolic, runs: inline, deadline_s: null}]")
    found = compare(str(source), ("math.exact", str(recipe)), ScoreOptions(), output=out)
    assert [found[k] for k in ("both_pass", "both_fail", "only_a_passes", "only_b_passes")] == [
        1,
        1,
        0,
        1,
    ]
    assert (found["unjudged"], found["agreement"]) == (1, 2 / 3)
    assert found["kappa"] == pytest.approx(0.4)
    (example,) = found["examples"]
    assert (example["a"]["passed"], example["b"]["passed"]) == (False, True)
    assert [row["ground_truth"] for row in lines(out)] == ["1+x"]


def test_a_version_is_compared_by_the_file_it_left(tmp_path, make_file) -> None:
    source, old = make_file(30), tmp_path / "old.parquet"
    score_file(str(source), Recipe.read("math.exact"), str(old))
    found = compare(str(source), (str(old), "math.exact"), ScoreOptions())
    assert (found["rows"], found["agreement"], found["examples"]) == (30, 1.0, [])
    other = make_file(31, "other.jsonl")
    with pytest.raises(ConfigError, match="was not made of this input"):
        compare(str(other), ("math.exact", str(old)), ScoreOptions())
    with pytest.raises(ConfigError, match="both sides are scored files"):
        compare(str(source), (str(old), str(old)), ScoreOptions())
