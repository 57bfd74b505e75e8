"""Files in: formats, columns, and rows that cannot be read."""

from __future__ import annotations

import gzip
import itertools
import json
import sys

import pytest

from assay.core.errors import ConfigError, DataError
from assay.offline.columns import find_layout, parse_columns
from assay.offline.read import Unreadable, open_dataset

ROWS = [
    {"prompt": f"p{i}", "completion": "c", "n": i, "m": {"ground_truth": "x"}} for i in range(700)
]


def write(path, rows):
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import feather

    lines = "".join(json.dumps(row) + "\n" for row in rows)
    match "".join(path.suffixes):
        case ".jsonl" | ".ndjson":
            path.write_text(lines)
        case ".jsonl.gz":
            path.write_bytes(gzip.compress(lines.encode()))
        case ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=150)
        case ".feather":
            feather.write_feather(pa.Table.from_pylist(rows), path, chunksize=150)
        case ".arrow":  # a stream, as Hugging Face writes it
            table = pa.Table.from_pylist(rows)
            with path.open("wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
                writer.write_table(table, max_chunksize=150)
    return path


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.ndjson", "a.jsonl.gz", "a.parquet", "a.feather", "a.arrow"]
)
@pytest.mark.parametrize("start", [0, 1, 149, 150, 699, 700])
def test_every_format_gives_the_same_rows_from_any_start(tmp_path, name, start) -> None:
    dataset = open_dataset(str(write(tmp_path / name, ROWS)))
    assert list(dataset.rows(start)) == [(i + 1, ROWS[i]) for i in range(start, 700)]
    assert dataset.names() == ["prompt", "completion", "n", "m", "m.ground_truth"]
    assert dataset.identity() == open_dataset(str(tmp_path / name)).identity()


@pytest.mark.parametrize(("name", "separator"), [("a.csv", ","), ("a.tsv", "\t")])
def test_csv_cells_may_hold_line_breaks_and_quotes(tmp_path, name, separator) -> None:
    path = tmp_path / name
    text = 'prompt,completion\np0,"two\nlines, ""quoted"""\np1,\n'.replace(",", separator)
    path.write_text(text.replace(f"lines{separator}", "lines,"))
    dataset = open_dataset(str(path))
    rows = [(number, row) for number, row in dataset.rows()]
    assert rows == [
        (3, {"prompt": "p0", "completion": 'two\nlines, "quoted"'}),
        (4, {"prompt": "p1", "completion": None}),
    ]
    assert list(dataset.rows(1)) == rows[1:]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(b"{", "is not JSON", id="cut-off"),
        pytest.param(b"[1]", "must be a JSON object, got list", id="list"),
        pytest.param(b"3", "must be a JSON object, got int", id="number"),
        pytest.param(b'{"a": Infinity}', "Infinity is not JSON", id="infinity"),
        pytest.param(b'{"a": "\xff"}', "is not JSON", id="not-utf-8"),
        pytest.param(b'{"a":' * 100_000, "is nested too deeply", id="nested"),
        pytest.param(b'{"a": ' + b"9" * 5000 + b"}", "is not JSON", id="huge-integer"),
    ],
)
def test_a_line_that_cannot_be_read_has_its_number_and_a_reason(tmp_path, line, why) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n\n' + line + b'\n{"a": NaN}\n')
    (first, bad, last) = list(open_dataset(str(path)).rows())
    assert first == (1, {"a": 1})
    assert bad[0] == 3
    assert isinstance(bad[1], Unreadable)
    assert why in bad[1].why
    assert last == (4, {"a": None})


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        pytest.param("a.json", b"[\n{}]", DataError, "holds a JSON array", id="json-array"),
        pytest.param("a.parquet", b"no", DataError, "is not a Parquet file", id="parquet"),
        pytest.param("a.arrow", b"no", DataError, "is not an Arrow file", id="arrow"),
        pytest.param("a.jsonl.gz", b"\x1f\x8b no", DataError, "cannot be read to its end", id="gz"),
        pytest.param("a.csv", b"a,a\n1,2\n", DataError, "appear twice", id="csv-header"),
        pytest.param("a.txt", b"", ConfigError, "not known by its suffix", id="suffix"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path, name, content, error, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        list(itertools.chain(open_dataset(str(tmp_path / name)).names()))


def test_a_truncated_gzip_gives_what_it_holds_and_then_an_error(tmp_path) -> None:
    path = write(tmp_path / "a.jsonl.gz", ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    rows = open_dataset(str(path)).rows()
    with pytest.raises(DataError, match="cannot be read to its end"):
        list(rows)


def test_a_missing_file_and_a_plain_folder(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        open_dataset(str(tmp_path / "a.jsonl"))
    with pytest.raises(ConfigError, match="no such file or folder"):
        open_dataset(str(tmp_path / "a b"))
    with pytest.raises(ConfigError, match="not a dataset saved with save_to_disk"):
        open_dataset(str(tmp_path))


def test_a_file_that_changes_under_our_eyes_is_noticed(tmp_path) -> None:
    path = write(tmp_path / "a.jsonl", ROWS)
    dataset = open_dataset(str(path))
    path.write_text("{}\n")
    with pytest.raises(DataError, match="was changed while it was read"):
        dataset.check_unchanged()


def test_datasets_on_disk_and_their_splits(tmp_path) -> None:
    datasets = pytest.importorskip("datasets")
    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": one, "test": one.select(range(3))}).save_to_disk(
        str(tmp_path / "two")
    )
    assert [r for _, r in open_dataset(str(tmp_path / "one")).rows(650)] == ROWS[650:]
    assert len(list(open_dataset(str(tmp_path / "two"), split="test").rows())) == 3
    with pytest.raises(ConfigError, match="--split must be one of test, train"):
        open_dataset(str(tmp_path / "two"))
    with pytest.raises(ConfigError, match="got 'dev'"):
        open_dataset(str(tmp_path / "two"), split="dev")


def test_without_the_package_datasets_the_error_says_how_to_get_it(tmp_path, monkeypatch) -> None:
    (tmp_path / "state.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    for spec in (str(tmp_path), "owner/name"):
        with pytest.raises(ConfigError, match=r"pip install 'assay-rlvr\[train\]'"):
            open_dataset(spec)


@pytest.mark.parametrize(
    ("names", "chosen", "columns"),
    [
        pytest.param(
            ["question", "response", "answer"],
            {},
            {"prompt": "question", "completion": "response", "ground_truth": "answer"},
            id="synonyms",
        ),
        pytest.param(
            ["prompt", "question", "completion", "output"],
            {},
            {"prompt": "prompt", "completion": "completion"},
            id="our-own-names-win",
        ),
        pytest.param(
            ["data_source", "prompt", "reward_model", "reward_model.ground_truth", "response"],
            {},
            {
                "prompt": "prompt",
                "completion": "response",
                "ground_truth": "reward_model.ground_truth",
                "task": "data_source",
            },
            id="verl",
        ),
        pytest.param(
            ["problem", "answer", "solution", "out"],
            {"completion": "out", "ground_truth": "answer"},
            {"prompt": "problem", "completion": "out", "ground_truth": "answer"},
            id="chosen",
        ),
        pytest.param(
            ["question", "answer", "gold"],
            {"completion": "answer", "ground_truth": "gold"},
            {"prompt": "question", "completion": "answer", "ground_truth": "gold"},
            id="a-chosen-column-is-not-found-twice",
        ),
        pytest.param(
            ["completion", "choices", "uuid"],
            {},
            {"completion": "completion", "id": "uuid", "options": "choices"},
            id="options-and-id",
        ),
    ],
)
def test_columns_are_found(names, chosen, columns) -> None:
    layout = find_layout(names, chosen, "f")
    assert layout.columns == columns
    taken = set(columns.values())
    assert layout.extra == tuple(n for n in names if n not in taken and "." not in n)


@pytest.mark.parametrize(
    ("names", "chosen", "message"),
    [
        pytest.param(
            ["problem", "answer", "solution", "response"],
            {},
            "--columns ground_truth=answer or --columns ground_truth=solution",
            id="two-references",
        ),
        pytest.param(
            ["question", "answer"], {}, "no column for the completion", id="no-completion"
        ),
        pytest.param([], {}, "among none", id="no-columns"),
        pytest.param(["response"], {"prompt": "q"}, "no such column", id="missing"),
    ],
)
def test_columns_that_cannot_be_told_are_an_error_with_the_way_out(names, chosen, message) -> None:
    with pytest.raises(ConfigError, match=message):
        find_layout(names, chosen, "f")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["prompt"], "must be field=column"),
        (["prompt="], "must be field=column"),
        (["promt=q"], "did you mean 'prompt'"),
    ],
)
def test_words_of_the_columns_option(words, message) -> None:
    assert parse_columns(["prompt=q, completion=a", "id=n"]) == {
        "prompt": "q",
        "completion": "a",
        "id": "n",
    }
    with pytest.raises(ConfigError, match=message):
        parse_columns(words)
