"""The contract of a TRL reward function: right length, finite or None, never raises, picklable."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import assay.bridges.trl as bridge
from assay.bridges.scorers import close_scorers
from assay.bridges.trl import TrlReward, reward_func, reward_funcs, reward_weights
from assay.core.errors import ConfigError, EngineError
from assay.core.recipe import Recipe
from assay.core.types import Reward, Sample, Status, Verdict

PLUGIN = str(Path(__file__).with_name("demo_sources.py"))
RECIPE = {"name": "demo", "plugins": [PLUGIN], "sources": ["demo.equal"]}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    bridge._said.clear()
    bridge._names.clear()
    yield
    close_scorers()


def call(reward: TrlReward, completions: list[Any], **more: Any) -> list[float | None]:
    """The function as TRL calls it, with one prompt for all."""
    return reward(prompts=["p"] * len(completions), completions=completions, **more)


def demo(*sources: Any, **recipe: Any) -> dict[str, Any]:
    return {"name": "demo", "plugins": [PLUGIN], "sources": list(sources), **recipe}


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param("4", id="text"),
        pytest.param([{"role": "assistant", "content": "4"}], id="chat"),
        pytest.param(
            [
                {"role": "assistant", "content": "5"},
                {"role": "tool", "content": "no"},
                {"role": "assistant", "content": [{"type": "text", "text": "4"}]},
            ],
            id="multi-turn-parts",
        ),
    ],
)
def test_right_and_wrong(completion: Any) -> None:
    reward = reward_func(RECIPE)
    assert call(reward, [completion, completion], solution=["4", "5"]) == [1.0, 0.0]


def test_recipes_come_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "arithmetic.yaml"
    path.write_text("sources: [math.exact]\n", encoding="utf-8")
    for spec in (path, str(path), "math.exact", ["math.exact"], {"sources": "math.exact"},
                 Recipe.read("math.exact")):  # fmt: skip
        reward = reward_func(spec)
        assert call(reward, ["\\boxed{4}", "3"], answer=["4", "4"]) == [1.0, 0.0]
    assert reward_func(path).__name__ == "arithmetic"


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        pytest.param({"sources": ["math.exat"]}, {}, "did you mean 'math.exact'", id="source"),
        pytest.param({"sources": ["math.exact"], "shap": []}, {}, "unknown key 'shap'", id="key"),
        pytest.param({"sources": ["math.exact"], "compose": "sum"}, {}, "'sum'", id="composer"),
        pytest.param("absent.yaml", {}, "absent.yaml", id="no-file"),
        pytest.param(demo("demo.equal", on_fault="raise"), {}, "never raises", id="on-fault"),
        pytest.param(RECIPE, {"columns": {"answer": "x"}}, "unknown field 'answer'", id="columns"),
    ],
)
def test_a_broken_recipe_raises_at_construction(
    spec: Any, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        reward_func(spec, **settings)


def test_on_fault_of_the_caller_counts() -> None:
    spec = demo({"use": "demo.perilous", "workers": 1}, on_fault="raise")
    reward = reward_func(spec, on_fault="exclude")
    assert call(reward, ["good", "bad"]) == [1.0, 0.0]


def test_one_fault_costs_its_own_reward_only() -> None:
    """The text that kills its judge twice is paid as wrong: being left out is no refuge."""
    reward = reward_func(demo({"use": "demo.perilous", "workers": 1}))
    metrics: dict[str, float] = {}
    values = call(reward, ["good", "die", "bad"], log_metric=metrics.__setitem__)
    assert values == [1.0, 0.0, 0.0]
    assert metrics["assay/sample_faults"] == 1
    assert metrics["assay/demo.perilous/fault_rate"] == pytest.approx(1 / 3)
    offline = reward_func(demo({"use": "demo.perilous", "workers": 1}, on_sample_fault="exclude"))
    assert call(offline, ["good", "die", "bad"]) == [1.0, None, 0.0]


class Broken:
    """A scorer that does what ``how`` says."""

    def __init__(self, how: str) -> None:
        self.how = how

    def score(self, samples: list[Sample]) -> list[Reward]:
        match self.how:
            case "raises":
                raise RuntimeError("boom")
            case "engine":
                raise EngineError("no workers")
            case "too few":
                return []
            case "memory":
                raise MemoryError
        raise AssertionError(self.how)


@pytest.mark.parametrize("how", ["raises", "engine", "too few", "memory"])
def test_a_fault_at_run_time_is_none_for_all(
    how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reward = reward_func(RECIPE)
    monkeypatch.setattr(bridge, "scorer_for", lambda *_: Broken(how))
    metrics: dict[str, float] = {}
    columns: dict[str, list[Any]] = {}
    seen: list[Any] = []
    reward = bridge.replace(reward, sink=lambda *batch: seen.append(batch))
    values = call(reward, ["4", "5"], solution=["4", "4"],
                  log_metric=metrics.__setitem__, log_extra=columns.__setitem__)  # fmt: skip
    assert values == [None, None]
    assert metrics["assay/broken_calls"] == 1
    assert columns["demo/status"] == ["failed", "failed"]
    assert not seen
    assert "scoring broke" in caplog.text


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"prompts": [], "completions": ["a"]}, id="no-prompts"),
        pytest.param({"prompts": ["p"], "completions": ["a"], "completion_ids": []}, id="no-ids"),
        pytest.param({"prompts": ["p"], "completions": [None]}, id="none-completion"),
        pytest.param({"prompts": ["p"], "completions": [[{"content": "x"}, 3]]}, id="bad-messages"),
        pytest.param({"prompts": [object()], "completions": ["a"]}, id="odd-prompt"),
        pytest.param({"prompts": ["p"], "completions": ["a"], "solution": [object()]}, id="truth"),
        pytest.param({"prompts": ["p"], "completions": ["a"], "solution": "short"}, id="column"),
    ],
)
def test_never_raises_and_keeps_the_length(arguments: dict[str, Any]) -> None:
    values = reward_func(RECIPE)(**arguments)
    assert values == [None]


@pytest.mark.parametrize("text", ["", "\x00", "\ud800", "{" * 50_000, "9" * 50_000, "\u202e4"])
def test_hostile_text_is_judged(text: str) -> None:
    assert call(reward_func("math.exact"), [text], answer=["4"]) == [0.0]


def test_an_unreadable_row_costs_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    columns: dict[str, list[Any]] = {}
    values = call(reward_func(RECIPE), ["4", "4", "4"], solution=["4", object(), None],
                  log_extra=columns.__setitem__)  # fmt: skip
    assert values == [1.0, None, None]
    assert columns["demo/status"] == ["scored", "bad_reference", "bad_reference"]
    assert "not a JSON value" in columns["demo/reason"][1]
    assert "no ground truth" in columns["demo/reason"][2]


def test_a_value_beyond_float32_is_a_fault() -> None:
    """TRL would turn 1e39 into inf and, without a word, the whole group's gradient into zero."""
    columns: dict[str, list[Any]] = {}
    reward = reward_func(demo("demo.huge"))
    values = call(reward, ["huge", "fine"], log_extra=columns.__setitem__)
    assert values == [None, 2.5]
    assert columns["demo/status"] == ["failed", "scored"]
    assert "float32" in columns["demo/reason"][0]
    edge = bridge.FLOAT32_MAX
    most = Reward(value=edge, unshaped=edge, passed=None, status=Status.SCORED, verdicts={})
    largest, _ = bridge._payable(most)
    torch = pytest.importorskip("torch", reason="needs the train extra")
    assert math.isfinite(torch.tensor(largest.value, dtype=torch.float32).item())


def test_metrics_and_columns() -> None:
    metrics: dict[str, float] = {}
    columns: dict[str, list[Any]] = {}
    reward = reward_func(
        demo({"use": "demo.equal", "when": {"task": "sum"}}, "demo.short"), max_completion_length=3
    )
    values = reward(
        prompts=["p", "p", "q", "q"],
        completions=["4", "5", "6", "6"],
        completion_ids=[[1], [1, 2, 3], [1], [1]],
        solution=["4", "4", "6", "6"],
        task=["sum", "sum", "other", "other"],
        trainer_state=object(),
        log_metric=metrics.__setitem__,
        log_extra=columns.__setitem__,
    )
    assert values == [2.0, 1.0, 1.0, 1.0]
    seconds = {k: metrics.pop(k) for k in list(metrics) if k.endswith("seconds")}
    assert set(seconds) == {
        "assay/call_seconds", "assay/demo.equal/seconds", "assay/demo.short/seconds"
    }  # fmt: skip
    assert all(value >= 0 for value in seconds.values())
    assert metrics == {
        "assay/pass_rate": 0.75,
        "assay/left_out_rate": 0.0,
        "assay/truncated_rate": 0.25,
        "assay/sample_faults": 0.0,
        "assay/zero_variance_groups": 0.5,
        "assay/cache_hit_rate": 0.0,
        "assay/broken_calls": 0.0,
        "assay/sink_failures": 0.0,
        "assay/demo.equal/mean": 0.5,
        "assay/demo.equal/pass_rate": 0.5,
        "assay/demo.equal/fault_rate": 0.0,
        "assay/demo.equal/abstain_rate": 0.0,
        "assay/demo.equal/bad_reference_rate": 0.0,
        "assay/demo.short/mean": 1.0,
        "assay/demo.short/pass_rate": 1.0,
        "assay/demo.short/fault_rate": 0.0,
        "assay/demo.short/abstain_rate": 0.0,
        "assay/demo.short/bad_reference_rate": 0.0,
    }
    assert {name: len(column) for name, column in columns.items()} == {
        "demo/status": 4, "demo/reason": 4
    }  # fmt: skip


def test_nothing_to_count_is_no_metric() -> None:
    metrics: dict[str, float] = {}
    assert call(reward_func(RECIPE), [], log_metric=metrics.__setitem__) == []
    assert call(reward_func(RECIPE), ["4"], log_metric=metrics.__setitem__) == [None]
    assert "assay/demo.equal/mean" not in metrics
    assert "assay/zero_variance_groups" not in metrics
    assert all(math.isfinite(value) for value in metrics.values())


@pytest.mark.parametrize("which", ["log_metric", "log_extra", "sink"])
def test_callbacks_that_fail_cost_nothing(which: str, caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    metrics: dict[str, float] = {}
    reward = reward_func(RECIPE, sink=fail if which == "sink" else None)
    more: dict[str, Any] = {} if which == "sink" else {which: fail}
    values = call(reward, ["4"], solution=["4"], **{"log_metric": metrics.__setitem__, **more})
    assert values == [1.0]
    assert "disk full" in caplog.text
    if which == "sink":
        assert metrics["assay/sink_failures"] == 1


def test_the_sink_gets_every_batch() -> None:
    seen: list[tuple[list[Sample], list[Reward], Any]] = []
    reward = reward_func(RECIPE, sink=lambda *batch: seen.append(batch))
    call(reward, ["4", "5"], solution=["4", object()], trainer_state="state", id=["a", "b"])
    ((samples, rewards, state),) = seen
    assert state == "state"
    assert [s.completion for s in samples] == ["4", "5"]
    assert [r.value for r in rewards] == [1.0, None]
    assert rewards[1].status is Status.BAD_REFERENCE
    assert isinstance(rewards[0].verdicts["demo.equal"], Verdict)


def test_inputs_are_not_changed() -> None:
    prompts = [[{"role": "user", "content": "q"}]]
    completions = [[{"role": "assistant", "content": "4"}]]
    columns = {"solution": ["4"], "notes": [{"a": [1]}]}
    before = copy.deepcopy((prompts, completions, columns))
    reward_func(RECIPE)(prompts=prompts, completions=completions, **columns)
    assert (prompts, completions, columns) == before


# names ----------------------------------------------------------------------------------------


def test_names_are_unique() -> None:
    """TRL merges the metrics of functions of one name without a word."""
    first, again = reward_func(demo("demo.equal")), reward_func(demo("demo.equal"))
    other = reward_func(demo("demo.short"))
    assert first.__name__ == again.__name__ == "demo"
    assert other.__name__.startswith("demo_")
    assert reward_func(demo("demo.short")).__name__ == other.__name__
    assert reward_func(demo("demo.equal"), name="mine").__name__ == "mine"
    assert TrlReward.__name__ == "TrlReward"


def test_one_function_for_each_source() -> None:
    spec = demo(
        {"use": "demo.equal", "weight": 2.0, "when": {"task": "sum"}},
        {"use": "demo.short", "role": "cost", "weight": 0.5},
        {"use": "demo.short", "as": "again", "weight": 0.0},
    )
    functions, metrics = reward_funcs(spec), {}
    assert [f.__name__ for f in functions] == ["demo.equal", "demo.short", "again"]
    assert reward_weights(spec) == [2.0, -0.5, 0.0]
    rows = {"solution": ["4", "4"], "task": ["sum", "other"]}
    values = [call(f, ["4", "4"], log_metric=metrics.__setitem__, **rows) for f in functions]
    assert values == [[1.0, None], [1.0, 1.0], [1.0, 1.0]]
    assert metrics["assay/demo.equal/left_out_rate"] == 0.5
    assert metrics["assay/again/left_out_rate"] == 0.0
    assert not [name for name in metrics if name.count("/") == 1]
    whole = call(reward_func(spec), ["4", "4"], **rows)
    weighted = [
        sum(w * v[i] for w, v in zip(reward_weights(spec), values, strict=True) if v[i] is not None)
        for i in range(2)
    ]
    assert whole == pytest.approx(weighted)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        pytest.param({"compose": "gate"}, "compose: gate", id="gate"),
        pytest.param(
            {"compose": {"use": "weighted_sum", "normalize": True}}, "weighted_sum", id="normalized"
        ),
        pytest.param(
            {"shape": [{"use": "length.soft_overlong", "max_tokens": 9, "buffer_tokens": 3}]},
            "shape: length.soft_overlong",
            id="shape",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(more: dict[str, Any], message: str) -> None:
    for cut in (reward_funcs, reward_weights):
        with pytest.raises(ConfigError, match=message):
            cut(demo("demo.equal", **more))
