"""A scored sample as a row, and back."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import DataError
from assay.core.records import (
    arrow_schema,
    column_names,
    json_text,
    record,
    sample_of_record,
    sample_of_row,
)
from assay.core.types import Reward, Sample, Status, Verdict


def reward(seconds: float = 0.0, cached: bool = False) -> Reward:
    verdict = Verdict.scored(1.0, True, "equal", seconds=seconds, cached=cached, source="a.b")
    return Reward(
        value=1.0, unshaped=1.0, passed=True, status=Status.SCORED, verdicts={"a.b": verdict}
    )


def test_a_row_has_the_columns_it_promises_in_order() -> None:
    row = record(Sample(prompt="p", completion="c", ground_truth=[1]), reward())
    assert list(row) == column_names(["a.b"])
    assert row["ground_truth"] == "[1]"
    assert row["a.b.status"] == "scored"
    assert row["group"] == Sample(prompt="p").group_key


def test_clock_readings_are_written_only_when_asked_for() -> None:
    sample = Sample(prompt="p", completion="c")
    assert record(sample, reward(0.5, True)) == record(sample, reward(0.1, False))
    timed = record(sample, reward(0.5, True), timings=True)
    assert timed["seconds"] == 0.5
    assert json.loads(timed["verdicts"])["a.b"]["cached"] is True
    assert list(timed) == column_names(["a.b"], timings=True)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"a": float("nan")}, {"a": None}, id="nan-is-null"),
        pytest.param([float("inf")], ["inf"], id="infinity-in-words"),
        pytest.param({"a": {1}}, {"a": [1]}, id="sets-are-lists"),
        pytest.param({1: b"\xff"}, {"1": "\\xff"}, id="bytes-and-keys-are-text"),
        pytest.param("\ud800", "\ud800", id="lone-surrogate"),
        pytest.param("naïve 中", "naïve 中", id="unicode-stays-readable"),
        pytest.param(object, str(object), id="objects-in-words"),
    ],
)
def test_json_text_takes_anything(value, expected) -> None:
    text = json_text(value)
    text.encode("utf-8")
    assert json.loads(text) == expected


def test_lone_surrogates_of_a_model_reach_any_file() -> None:
    row = record(Sample(prompt="\udfff", completion="a\ud800b", task="\ud800"), reward())
    pa = pytest.importorskip("pyarrow")
    batch = pa.RecordBatch.from_pylist([row], schema=arrow_schema(["a.b"]))
    assert batch.to_pylist()[0]["completion"] == "a\\ud800b"


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=6,
)
texts = st.text(st.characters(exclude_categories=["Cs"]))
messages = st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": texts}), min_size=1)


@given(texts | messages, texts | messages, json_values, st.booleans())
def test_a_record_reads_back_as_its_sample(prompt, completion, truth, truncated) -> None:
    sample = Sample(
        prompt=prompt,
        completion=completion,
        ground_truth=truth,
        truncated=truncated,
        extra={"k": truth},
    )
    if isinstance(completion, str) and completion.startswith('[{"'):
        return
    if isinstance(prompt, str) and prompt.startswith('[{"'):
        return
    back = sample_of_record(record(sample, reward()))
    assert (back.prompt, back.completion, back.ground_truth) == (prompt, completion, truth)
    assert (back.id, back.group_key, back.truncated) == (sample.id, sample.group_key, truncated)
    assert back.extra == {"k": truth}


def test_columns_and_paths_and_extra() -> None:
    row = {"q": "2+2", "r": "4", "reward_model": {"ground_truth": "4", "style": "rule"}, "n": 3}
    columns = {
        "prompt": "q",
        "completion": "r",
        "ground_truth": "reward_model.ground_truth",
        "id": "n",
    }
    sample = sample_of_row(row, columns)
    assert (sample.prompt, sample.completion, sample.ground_truth) == ("2+2", "4", "4")
    assert sample.id == "3"
    assert sample.extra == {"reward_model": {"ground_truth": "4", "style": "rule"}}


def test_options_go_into_extra() -> None:
    sample = sample_of_row({"c": "A", "choices": ["x"]}, {"completion": "c", "options": "choices"})
    assert sample.extra == {"options": ["x"]}


@pytest.mark.parametrize(
    ("row", "message"),
    [
        pytest.param({"c": None}, "column 'c': a completion must be there, got null", id="null"),
        pytest.param({"c": 3}, "Sample.completion: must be text", id="number"),
        pytest.param({"c": ["a"]}, "Sample.completion: must be text", id="list-of-text"),
        pytest.param({"c": "a", "t": 2}, "column 't': must be true or false", id="flag"),
        pytest.param({"c": "a", "i": [1]}, "column 'i': must be text or an integer", id="id"),
        pytest.param({"c": "a", "g": {1, 2}}, "must be JSON values", id="truth-is-not-json"),
    ],
)
def test_wrong_types_name_the_column(row, message) -> None:
    columns = {"completion": "c", "truncated": "t", "id": "i", "ground_truth": "g"}
    with pytest.raises(DataError, match=message.split("'")[0]):
        sample_of_row(row, columns)


@pytest.mark.parametrize("row", [{}, {"prompt": 1}, {"ground_truth": "{"}])
def test_a_row_that_is_no_record_is_refused(row) -> None:
    with pytest.raises(DataError, match="not a row of a scored file"):
        sample_of_record(row)


def test_the_schema_follows_the_columns() -> None:
    pa = pytest.importorskip("pyarrow")
    schema = arrow_schema(["a.b"], [("step", pa.int64())])
    assert schema.names == [*column_names(["a.b"]), "step"]
    assert schema.field("a.b.score").type == pa.float64()
    assert math.isclose(schema.field("value").type.bit_width, 64)
