"""``judge.reference``: grades, faults, and answers nobody need ask about."""

from __future__ import annotations

from typing import Any

import pytest

from assay import Sample, Status
from assay.core.errors import ConfigError
from assay.rewards.inquiry.silence import says_nothing
from assay.rewards.judges.contract import BudgetSpent
from assay.rewards.reference import ReferenceJudge

from .judges import (
    NONE,
    QUESTION,
    RIGHT,
    WRONG,
    PaidRule,
    ScriptedJudge,
    broken,
    judged,
    reply,
    said,
)


def sample(completion: str, truth: Any = "42", **more: Any) -> Sample:
    return Sample(prompt=QUESTION, completion=completion, ground_truth=truth, **more)


@pytest.mark.parametrize(
    ("grades", "wanted"),
    [("binary", [1.0, 0.0, 0.0]), ("graded", [1.0, 0.5, 0.0])],
)
def test_grades(grades: str, wanted: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    judge = PaidRule()
    if grades == "binary":
        judge.grade = lambda ask, outside, blocks: int("42" in blocks["answer"])
    verdicts = judged(
        monkeypatch, ReferenceJudge, judge, [sample(t) for t in (RIGHT, WRONG, NONE)], grades=grades
    )
    assert [v.score for v in verdicts] == wanted
    assert [v.passed for v in verdicts] == [True, False, False]
    assert verdicts[0].confidence == 0.5
    assert verdicts[0].cost == {"asks": 1.0, "tokens": 15.0, "money": 0.25}
    assert verdicts[0].evidence["reasoning"] == "by the rule"
    assert verdicts[0].evidence["judge"] == "rule 1"
    assert len(judge.asks) == 3


def test_what_the_judge_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(lambda ask: said(1))
    judged(monkeypatch, ReferenceJudge, judge, [sample("<think>plan</think>It is 42.")])
    judged(
        monkeypatch,
        ReferenceJudge,
        judge,
        [sample("<think>plan</think>It is 42.", {"value": 42})],
        view="all",
        instructions="Units do not matter.",
    )
    hidden, shown = ("\n".join(m["content"] for m in ask.messages) for ask in judge.asks)
    assert "plan" not in hidden
    assert "plan" in shown
    assert '"value": 42' in shown
    assert "Units do not matter." in judge.asks[1].messages[0]["content"]


FAULTS = {
    "transport": broken(),
    "own error": ValueError("boom"),
    "no json": "1",
    "not on offer": said(3),
    "between": said(0.5),
    "true": '{"reasoning": "r", "score": true, "confidence": 1}',
    "contradiction": said(1) + said(0),
    "cut off": reply(said(1), finish="length"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_never_a_grade(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(lambda ask: FAULTS[name])
    [verdict] = judged(monkeypatch, ReferenceJudge, judge, [sample(RIGHT)])
    assert verdict.status is Status.FAILED
    assert verdict.score is None
    assert verdict.reason
    assert "stop" not in verdict.evidence


def test_a_spent_budget_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(lambda ask: BudgetSpent("the budget is spent"))
    [verdict] = judged(monkeypatch, ReferenceJudge, judge, [sample(RIGHT)])
    assert verdict.status is Status.FAILED
    assert verdict.evidence["stop"] == "the budget is spent"
    assert verdict.cost["asks"] == 0


def test_the_last_of_equal_verdicts_counts_and_a_reread_is_billed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replies = iter(["hm", said(1) + "\n" + said(1)])
    judge = ScriptedJudge(lambda ask: next(replies))
    [verdict] = judged(monkeypatch, ReferenceJudge, judge, [sample(RIGHT)])
    assert verdict.score == 1.0
    assert verdict.cost["asks"] == 2.0
    assert verdict.evidence["unreadable_replies"] == 1
    assert judge.forgotten == judge.asks[:1]


@pytest.mark.parametrize(
    ("text", "reference", "silent"),
    [
        pytest.param("", "42", True, id="empty"),
        pytest.param(" \n\t", "42", True, id="blanks"),
        pytest.param(":", "42", True, id="colon"),
        pytest.param("\u200b\u202e", "42", True, id="invisible"),
        pytest.param("Thought process:", "42", True, id="opener"),
        pytest.param("Let’s solve this problem step by step.", "42", True, id="opener-typographic"),
        pytest.param("解", "42", True, id="opener-japanese"),
        pytest.param("Solution", "solution?", True, id="not-quite-the-reference"),
        pytest.param("Solution", "Solution", False, id="the-reference-itself"),
        pytest.param("!", "!", False, id="punctuation-that-is-the-reference"),
        pytest.param("∅", "the empty set", False, id="a-symbol-is-content"),
        pytest.param("Solution: 42", "42", False, id="opener-with-content"),
        pytest.param("0", "0", False, id="zero"),
        pytest.param("\u0301\u0316" * 300_000, "42", False, id="many-combining-marks"),
        pytest.param("." * 600_000, "42", True, id="many-dots"),
        pytest.param("Ｓｏｌｕｔｉｏｎ：", "42", True, id="fullwidth-opener"),
        pytest.param("Sol\u200bution", "42", True, id="opener-with-something-hidden"),
    ],
)
def test_who_says_nothing(text: str, reference: str, silent: bool) -> None:
    assert says_nothing(text, reference) is silent


def test_nobody_is_asked_about_nothing_or_without_a_reference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = ScriptedJudge(lambda ask: said(1))
    samples = [sample("<think>42</think>"), sample(":"), sample(RIGHT, None), sample(RIGHT, " ")]
    empty, colon, missing, blank = judged(monkeypatch, ReferenceJudge, judge, samples)
    assert (empty.score, colon.score, empty.passed) == (0.0, 0.0, False)
    assert {missing.status, blank.status} == {Status.BAD_REFERENCE}
    assert judge.asks == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({}, "give judge", id="no-judge"),
        pytest.param({"judge_from": "a:b", "judge": {"model": "m"}}, "not both", id="two"),
        pytest.param({"judge_from": "nowhere"}, "module:name", id="place"),
        pytest.param({"judge_from": "a:b", "grade": "binary"}, "did you mean 'grades'", id="typo"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ReferenceJudge.read(settings)
    assert words in str(caught.value)


def test_a_judge_that_cannot_be_loaded_says_so() -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        ReferenceJudge.open({"judge_from": "no_such_module:make"})
