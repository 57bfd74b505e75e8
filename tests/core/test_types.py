"""The nouns are checked at birth, and survive pickling and JSON."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import Reward, Sample, Status, Step, Verdict
from assay.core.types import canonical_json, digest


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        pytest.param("plain", "plain", id="text"),
        pytest.param([], "", id="no-messages"),
        pytest.param([{"role": "assistant", "content": "hi"}], "hi", id="one-message"),
        pytest.param(
            [
                {"role": "assistant", "content": "call"},
                {"role": "tool", "content": "7"},
                {"role": "assistant", "content": "it is 7"},
            ],
            "it is 7",
            id="last-assistant",
        ),
        pytest.param(
            [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}],
            "a",
            id="user-spoke-last",
        ),
        pytest.param(
            [{"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "image"}]}],
            "x",
            id="parts",
        ),
        pytest.param([{"role": "assistant", "content": None}], "", id="no-content"),
    ],
)
def test_text_is_the_last_assistant_text(completion: object, text: str) -> None:
    assert Sample(completion=completion).text == text


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>why</think>42", "why", "42"),
        ("why</think>42", "why", "42"),
        ("42", "", "42"),
        ("<think>never closed", "never closed", ""),
        ("a<think>b</think>c</think>d", "b</think>c", "d"),
        ("", "", ""),
    ],
)
def test_views(text: str, reasoning: str, answer: str) -> None:
    sample = Sample(completion=text)
    assert sample.view("reasoning").text == reasoning
    assert sample.view("answer").text == answer
    assert sample.view("all") is sample


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"prompt": 3}, "Sample.prompt: must be text", id="prompt"),
        pytest.param({"completion": ["x"]}, "Sample.completion: must be text", id="completion"),
        pytest.param({"extra": []}, "Sample.extra: must be a mapping", id="extra"),
        pytest.param({"ground_truth": object()}, "must be JSON values", id="truth"),
    ],
)
def test_a_bad_sample_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        Sample(**fields)  # type: ignore[arg-type]


def test_id_is_a_digest_of_the_content() -> None:
    one = Sample(prompt="p", completion="c", ground_truth=1)
    assert one.id == Sample(prompt="p", completion="c", ground_truth=1, extra={"x": 1}).id
    assert one.id != Sample(prompt="p", completion="d", ground_truth=1).id
    assert Sample(id="mine").id == "mine"


def test_lone_surrogates_do_not_hurt() -> None:
    sample = Sample(completion="\ud800")
    assert pickle.loads(pickle.dumps(sample)) == sample
    assert sample.id


@pytest.mark.parametrize(
    ("status", "score", "ok"),
    [
        (Status.SCORED, 1.0, True),
        (Status.SCORED, None, False),
        (Status.SCORED, float("nan"), False),
        (Status.SCORED, float("inf"), False),
        (Status.FAILED, None, True),
        (Status.FAILED, 0.0, False),
        (Status.ABSTAINED, 1.0, False),
    ],
)
def test_a_score_goes_with_scored_and_is_finite(
    status: Status, score: float | None, ok: bool
) -> None:
    if ok:
        assert Verdict(status=status, score=score).score == score
        return
    with pytest.raises(ValueError, match="Verdict"):
        Verdict(status=status, score=score)


def test_confidence_and_steps_are_checked() -> None:
    with pytest.raises(ValueError, match="confidence"):
        Verdict.scored(1.0, confidence=1.5)
    with pytest.raises(ValueError, match="start <= end"):
        Step(start=3, end=2, score=0.0)
    with pytest.raises(ValueError, match="finite"):
        Reward(value=float("inf"), unshaped=0.0, passed=None, status=Status.SCORED, verdicts={})


def test_a_verdict_survives_json_and_pickle() -> None:
    verdict = Verdict.scored(
        0.5,
        False,
        "half",
        parts={"a": 0.5},
        steps=(Step(start=0, end=3, score=1.0, reason="x"),),
        evidence={"seen": ["1", None]},
        source="a.b",
        version="1+x",
        cost={"tokens": 3.0},
    )
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict
    assert pickle.loads(pickle.dumps(verdict)) == verdict


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_digest_is_of_the_value(value: object) -> None:
    again = json.loads(canonical_json(value))
    assert digest(again) == digest(value)
