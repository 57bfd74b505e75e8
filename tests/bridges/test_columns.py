"""Dataset columns into samples: which column counts, what is carried, what is refused."""

from __future__ import annotations

import copy
import datetime as dt
import threading
from typing import Any

import numpy as np
import pytest

from assay.bridges.columns import ColumnMap
from assay.core.errors import ConfigError
from assay.core.types import Sample


def one(columns: dict[str, Any], /, completion: Any = "x", **settings: Any) -> Sample:
    """The sample of one row whose columns hold ``columns``."""
    ids = settings.pop("ids", None)
    read = ColumnMap.read(**settings)
    batch = read.batch(
        ["p"], [completion], None if ids is None else [ids], {k: [v] for k, v in columns.items()}
    )
    assert not batch.unreadable, batch.unreadable
    return batch.samples[0]


@pytest.mark.parametrize(
    ("columns", "truth", "extra"),
    [
        pytest.param({"ground_truth": "4"}, "4", {}, id="own-name"),
        pytest.param({"solution": "s", "answer": "a"}, "s", {"answer": "a"}, id="solution-first"),
        pytest.param({"solution": None, "answer": "a"}, "a", {"solution": None}, id="none-passes"),
        pytest.param(
            {"reward_model": {"style": "rule", "ground_truth": "7"}},
            "7",
            {"reward_model": {"style": "rule", "ground_truth": "7"}},
            id="verl-nested",
        ),
        pytest.param({"target": 0}, 0, {}, id="zero-is-a-value"),
        pytest.param({"label": False}, False, {}, id="false-is-a-value"),
        pytest.param({"answer": ["1", "2"]}, ["1", "2"], {}, id="list"),
        pytest.param({"answer": {"a": None}}, {"a": None}, {}, id="null-inside-stays"),
        pytest.param({"answer": np.int64(3)}, 3, {}, id="numpy-scalar"),
        pytest.param({"answer": np.array([1.5, 2.0])}, [1.5, 2.0], {}, id="numpy-array"),
        pytest.param({"tests": [1]}, None, {"tests": [1]}, id="no-ground-truth"),
    ],
)
def test_ground_truth(columns: dict[str, Any], truth: Any, extra: dict[str, Any]) -> None:
    sample = one(columns)
    assert sample.ground_truth == truth
    assert type(sample.ground_truth) is type(truth)
    assert dict(sample.extra) == extra


@pytest.mark.parametrize(
    ("columns", "field", "value"),
    [
        pytest.param({"task": "math", "data_source": "gsm8k"}, "task", "math", id="task"),
        pytest.param({"data_source": "gsm8k"}, "task", "gsm8k", id="verl-task"),
        pytest.param({"id": 17}, "id", "17", id="id-becomes-text"),
        pytest.param({"group": "g"}, "group", None, id="group-column-is-not-a-group"),
        pytest.param({"truncated": True}, "truncated", True, id="truncated-column"),
    ],
)
def test_fields(columns: dict[str, Any], field: str, value: Any) -> None:
    assert getattr(one(columns), field) == value


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        pytest.param({"options": ["a", "b"]}, ["a", "b"], id="list"),
        pytest.param({"choices": {"A": "x"}}, {"A": "x"}, id="mapping"),
        pytest.param(
            {"choices": {"text": ["x", "y"], "label": ["A", "B"]}}, {"A": "x", "B": "y"}, id="arc"
        ),
    ],
)
def test_options(columns: dict[str, Any], options: Any) -> None:
    assert one(columns).extra["options"] == options


def test_columns_can_be_named() -> None:
    columns = {"ground_truth": "no", "gold": {"value": "yes"}, "batch": "b"}
    sample = one(columns, columns={"ground_truth": "gold.value", "group": ["none", "batch"]})
    assert (sample.ground_truth, sample.group) == ("yes", "b")
    assert sample.extra["ground_truth"] == "no"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        pytest.param({"columns": {"ground_thruth": "a"}}, "did you mean 'ground_truth'", id="typo"),
        pytest.param({"columns": {"task": [3]}}, "columns.task: must be", id="not-a-name"),
        pytest.param({"max_completion_length": 0}, "must be >= 1, got 0", id="length"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ColumnMap.read(**settings)


@pytest.mark.parametrize(
    ("settings", "ids", "truncated"),
    [
        pytest.param({}, [5, 6, 7], False, id="nothing-known"),
        pytest.param({"max_completion_length": 3}, [5, 6, 7], True, id="at-the-limit"),
        pytest.param({"max_completion_length": 3}, [5, 2], False, id="below-the-limit"),
        pytest.param({"eos_token_id": 2}, [5, 6], True, id="no-eos"),
        pytest.param({"eos_token_id": [1, 2]}, [5, 1], False, id="one-of-two-eos"),
        pytest.param({"eos_token_id": 2}, [], False, id="empty"),
        pytest.param(
            {"eos_token_id": 2, "max_completion_length": 3}, [5, 6, 2], False, id="eos-at-the-limit"
        ),
        pytest.param(
            {"eos_token_id": 2, "max_completion_length": 3}, [5, 6], False, id="stopped-otherwise"
        ),
    ],
)
def test_truncation(settings: dict[str, Any], ids: list[int], truncated: bool) -> None:
    sample = one({}, ids=ids, **settings)
    assert sample.truncated is truncated
    assert sample.extra["completion_tokens"] == len(ids)


def test_group_is_the_prompt_and_the_id() -> None:
    batch = ColumnMap().batch(
        ["p", "p", "p", "q"], ["a", "b", "c", "d"], None, {"id": [1, 1, 2, 1]}
    )
    first, twin, other_id, other_prompt = (sample.group_key for sample in batch.samples)
    assert first == twin
    assert len({first, other_id, other_prompt}) == 3
    plain = ColumnMap().batch(["p", "p", "q"], ["a", "b", "c"], None, {}).samples
    assert plain[0].group_key == plain[1].group_key != plain[2].group_key


class Picture:
    """Stands for an image in a message."""


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        pytest.param("plain", "plain", id="text"),
        pytest.param([{"role": "assistant", "content": "said"}], "said", id="chat"),
        pytest.param(
            [
                {"role": "assistant", "content": "first"},
                {"role": "tool", "content": "42"},
                {"role": "assistant", "content": "last"},
            ],
            "last",
            id="multi-turn",
        ),
        pytest.param(
            [{"role": "assistant", "content": [{"type": "text", "text": "part"}]}],
            "part",
            id="parts",
        ),
        pytest.param(
            [
                {"role": "user", "content": [{"type": "image", "image": Picture()}]},
                {"role": "assistant", "content": "seen", "tool_calls": None},
            ],
            "seen",
            id="image-and-null",
        ),
        pytest.param("\ud800 \x00", "\ud800 \x00", id="hostile-text"),
    ],
)
def test_completions(completion: Any, text: str) -> None:
    assert one({}, completion=completion).text == text


def test_a_row_without_a_sample_costs_only_itself() -> None:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    batch = ColumnMap().batch(["p"] * 3, ["a", "b", 7], None, {"answer": ["1", moment, "3"]})
    assert sorted(batch.unreadable) == [1, 2]
    assert "datetime is not a JSON value" in batch.unreadable[1]
    assert batch.samples[0].ground_truth == "1"
    assert len(batch.samples) == 3


def test_what_cannot_travel_is_left_out() -> None:
    columns = {
        "environments": [threading.Lock()],  # trl's live objects: no data, no warning
        "lock": [threading.Lock()],
        "too_long": [1, 2],
        "scalar": 5,
        "text": "one string is no column",
        "fine": [dt.date(2026, 1, 1)],
    }
    batch = ColumnMap().batch(["p"], ["a"], None, columns)
    assert batch.ignored == {"lock", "too_long", "scalar", "text"}
    assert dict(batch.samples[0].extra) == {"fine": dt.date(2026, 1, 1)}


def test_arguments_are_not_changed() -> None:
    prompts = [[{"role": "user", "content": "q"}]]
    completions = [[{"role": "assistant", "content": "a", "tool_calls": None}]]
    columns = {"answer": [{"a": [1]}], "other": [[1, 2]]}
    before = copy.deepcopy((prompts, completions, columns))
    sample = ColumnMap().batch(prompts, completions, None, columns).samples[0]
    assert (prompts, completions, columns) == before
    sample.ground_truth["a"].append(2)
    assert columns["answer"] == [{"a": [1]}]
