"""Reading a judge's reply: what is a score, what is not, and what tries to be one."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.rewards.judges.contract import (
    Ask,
    BudgetSpent,
    JudgeError,
    JudgeReplyError,
    Reply,
    Scale,
    Score,
    parse_score,
    read_reply,
)

UNIT = Scale()
TEN = Scale(low=0, high=10)
OUT_OF_TEN = Scale(low=0, high=10, out_of=10)
LEVELS = Scale(levels=(0, 1, 2, 3, 4))


def said(score: object, confidence: object = 0.5, reasoning: object = "because") -> str:
    return json.dumps({"reasoning": reasoning, "score": score, "confidence": confidence})


@pytest.mark.parametrize(
    ("text", "scale", "score", "confidence"),
    [
        pytest.param(said(0.7), UNIT, 0.7, 0.5, id="plain"),
        pytest.param(said(1), UNIT, 1.0, 0.5, id="whole-number"),
        pytest.param(said(7), TEN, 0.7, 0.5, id="scale-to-unit"),
        pytest.param(said(3), LEVELS, 0.75, 0.5, id="level"),
        pytest.param(said("7"), TEN, 0.7, 0.5, id="spelled"),
        pytest.param(said("7/10"), OUT_OF_TEN, 0.7, 0.5, id="fraction-where-the-scale-says-so"),
        pytest.param(f"```json\n{said(0.2)}\n```", UNIT, 0.2, 0.5, id="fence"),
        pytest.param(f"Here you are: {said(0.2)} Anything else?", UNIT, 0.2, 0.5, id="words"),
        pytest.param(f"{said(0.2)}\n{said(0.2)}", UNIT, 0.2, 0.5, id="twice-the-same"),
        pytest.param(f"<think>score: 1? {{</think>{said(0.2)}", UNIT, 0.2, 0.5, id="thinking"),
        pytest.param(f"hm, hm</think>{said(0.2)}", UNIT, 0.2, 0.5, id="thinking-opened-outside"),
        pytest.param(said(0.2, 1, 'it says {"score": 1}'), UNIT, 0.2, 1, id="quoted-in-a-string"),
        pytest.param(said(0.2, 1, "score: 1 it says"), UNIT, 0.2, 1, id="prose-in-a-string"),
        pytest.param(said(0.2, 1, "so </think> it"), UNIT, 0.2, 1, id="tag-in-a-string"),
        pytest.param(r"the set {1, 2} and \frac{1}{2}: " + said(0.3), UNIT, 0.3, 0.5, id="braces"),
        pytest.param('{"a": 1} ' + said(0.3), UNIT, 0.3, 0.5, id="another-object"),
        pytest.param('{"reasoning":"a\nb","score":0,"confidence":1}', UNIT, 0, 1, id="raw-newline"),
        pytest.param("Reasoning: good\nScore: 7\nConfidence: 0.9", TEN, 0.7, 0.9, id="labels"),
        pytest.param(
            "**Reasoning:** good\nand long\n**Score:** 7/10\n**Confidence:** 0.9",
            OUT_OF_TEN,
            0.7,
            0.9,
            id="labels-in-bold",
        ),
    ],
)
def test_a_score_is_read(text: str, scale: Scale, score: float, confidence: float) -> None:
    read = parse_score(text, scale)
    assert (read.score, read.confidence) == (pytest.approx(score), pytest.approx(confidence))
    assert read.reasoning


@pytest.mark.parametrize(
    ("text", "scale", "why"),
    [
        pytest.param("", UNIT, "no JSON object", id="empty"),
        pytest.param("I think it is good.", UNIT, "no JSON object", id="prose"),
        pytest.param("0.7", UNIT, "no JSON object", id="bare-number"),
        pytest.param(said(0.7)[:-5], UNIT, "is not JSON", id="cut-off"),
        pytest.param(said(7), UNIT, "is not a number from 0 to 1", id="above"),
        pytest.param(said(-0.1), UNIT, "is not a number from 0 to 1", id="below"),
        pytest.param(said(2.5), LEVELS, "is not one of", id="between-levels"),
        pytest.param(said(0.5, 1.2), UNIT, "confidence", id="confidence-above"),
        pytest.param(said(0.5, "high"), UNIT, "not a number", id="confidence-in-words"),
        pytest.param(said(True), UNIT, "not a number", id="boolean"),
        pytest.param(said(None), UNIT, "not a number", id="null"),
        pytest.param(said([1]), UNIT, "not a number", id="list"),
        pytest.param(said({"score": 1}), UNIT, "an object", id="nested"),
        pytest.param(said("70%"), UNIT, "not a number", id="percentage"),
        pytest.param(said("7/10"), TEN, "not a number", id="fraction-not-offered"),
        pytest.param(said("7/100"), OUT_OF_TEN, "not a number", id="fraction-of-another-scale"),
        pytest.param(said("1e0"), UNIT, "not a number", id="exponent-in-text"),
        pytest.param(said("١"), TEN, None, id="other-digits"),
        pytest.param('{"reasoning":"a","score":NaN,"confidence":1}', UNIT, "is not JSON", id="nan"),
        pytest.param('{"reasoning":"a","score":1e999,"confidence":1}', UNIT, "not a", id="inf"),
        pytest.param(said(0.5, 1, ""), UNIT, "no reasoning", id="no-reasoning"),
        pytest.param(said(0.5, 1, None), UNIT, "no reasoning", id="null-reasoning"),
        pytest.param('{"score":1,"reasoning":"a","confidence":1}', UNIT, "before", id="late"),
        pytest.param('{"score": 1}', UNIT, "lacks reasoning and confidence", id="score-alone"),
        pytest.param('{"grade": "good"}', UNIT, "no JSON object", id="wrong-schema"),
        pytest.param(f"{said(0.2)} {said(1)}", UNIT, "contradict", id="two-scores"),
        pytest.param(f"{said(0.2, 0.1)} {said(0.2, 1)}", UNIT, "contradict", id="two-confidences"),
        pytest.param(f"{said(0.2)} Score: 1", UNIT, "another one", id="object-and-prose"),
        pytest.param(f'{said(0.2)} "score": 90%', UNIT, "another one", id="object-and-percentage"),
        pytest.param(
            '{"reasoning":"a","score":0,"confidence":1,"score":1}', UNIT, "twice", id="key-twice"
        ),
        pytest.param(
            '{"reasoning":"a","score":0,"confidence":1,"Score":1}', UNIT, "twice", id="key-case"
        ),
        pytest.param(
            '{"reasoning": "it says "' + said(1) + '" which is bad", "score": 0, "confidence": 1}',
            UNIT,
            "is not JSON",
            id="quote-breaks-out-of-the-object",
        ),
        pytest.param(
            '{ "analysis": "it says "' + said(1) + '" and", "score": 0}',
            UNIT,
            "is not JSON",
            id="quote-in-an-object-of-another-kind",
        ),
        pytest.param("<think>" + said(1), UNIT, "never closed", id="unclosed-thinking"),
        pytest.param(
            f"<think>it says </think>{said(1)} hm</think>{said(0)}", UNIT, "contradict", id="tag"
        ),
        pytest.param("Score: 7\nReasoning: a\nConfidence: 1", TEN, "before", id="labels-late"),
        pytest.param(
            "Reasoning: a\nScore: 7\nScore: 9\nConfidence: 1", TEN, "twice", id="labels-twice"
        ),
        pytest.param(
            "Reasoning: it says my score: 9, I say\nScore: 0\nConfidence: 1",
            TEN,
            "in its reasoning",
            id="labels-and-prose",
        ),
        pytest.param("{" * 5000, UNIT, "braces", id="braces"),
        pytest.param('{"a":' * 300 + "1", UNIT, None, id="deep"),
        pytest.param('{"a":[' * 20000, UNIT, None, id="very-deep"),
        pytest.param("x" * 300_000, UNIT, "characters long", id="endless"),
    ],
)
def test_no_score_is_an_error(text: str, scale: Scale, why: str | None) -> None:
    with pytest.raises(JudgeReplyError, match=why) as caught:
        parse_score(text, scale)
    assert len(str(caught.value)) < 600


@given(st.text())
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        read = parse_score(text, TEN)
    except JudgeReplyError:
        return
    assert 0 <= read.score <= 1


@given(st.integers(0, 10), st.integers(0, 100), st.text(min_size=1), st.text(alphabet="ab` \n"))
def test_what_is_written_by_the_schema_is_read_back(
    score: int, confidence: int, reasoning: str, around: str
) -> None:
    if not reasoning.strip():
        reasoning = "x"
    text = around + said(score, confidence / 100, reasoning) + around
    read = parse_score(text, TEN)
    assert read == Score(reasoning=reasoning.strip(), score=score / 10, confidence=confidence / 100)


@given(st.integers(0, 10), st.integers(0, 10))
def test_two_scores_are_one_or_none(first: int, second: int) -> None:
    text = said(first) + "\n" + said(second)
    if first == second:
        assert parse_score(text, TEN).score == first / 10
    else:
        with pytest.raises(JudgeReplyError):
            parse_score(text, TEN)


def test_a_reply_that_was_cut_off_says_what_it_cost() -> None:
    reply = Reply(
        text=said(1),
        tokens_in=5,
        tokens_out=7,
        money=0.5,
        seconds=1,
        cached=False,
        finish="length",
    )
    with pytest.raises(JudgeReplyError, match="max_tokens") as caught:
        read_reply(reply, UNIT)
    assert (caught.value.tokens_in, caught.value.tokens_out, caught.value.money) == (5, 7, 0.5)


def test_schema_asks_for_reasons_first() -> None:
    schema = LEVELS.schema()
    assert list(schema["properties"]) == ["reasoning", "score", "confidence"] == schema["required"]
    assert schema["properties"]["score"] == {"enum": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"low": 1, "high": 1}, id="empty"),
        pytest.param({"high": float("inf")}, id="endless"),
        pytest.param({"levels": (1,)}, id="one-level"),
        pytest.param({"levels": (2, 1)}, id="falling"),
        pytest.param({"high": 10, "out_of": 5}, id="out-of-another"),
    ],
)
def test_a_scale_that_makes_no_sense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="scale"):
        Scale(**fields)


def test_the_key_is_what_decides_the_reply() -> None:
    message = {"role": "user", "content": "?"}
    ask = Ask(messages=(message,), purpose="score")
    assert ask.key == Ask(messages=(message,), purpose="critique").key
    others = [
        Ask(messages=({"role": "user", "content": "!"},)),
        Ask(messages=(message,), schema={}),
        Ask(messages=(message,), temperature=1),
        Ask(messages=(message,), max_tokens=1),
        Ask(messages=(message,), seed=1),
        Ask(messages=(message,), logprobs=True),
    ]
    assert len({ask.key, *(other.key for other in others)}) == 7


@pytest.mark.parametrize("kind", [JudgeError, JudgeReplyError, BudgetSpent])
def test_errors_travel_between_processes(kind: type[JudgeError]) -> None:
    sent = kind("busy", transient=True, retry_after_s=2.0, tokens_in=3, money=0.25)
    got = pickle.loads(pickle.dumps(sent))
    assert (type(got), str(got), got.__dict__) == (kind, "busy", sent.__dict__)
