"""``judge.debate``: transcripts, masks, orders, and who is paid."""

from __future__ import annotations

from typing import Any

import pytest

from assay import Sample, Status
from assay.rewards.comparing.debate import DebateJudge
from assay.rewards.comparing.transcript import read_debate
from assay.rewards.inquiry.audit.judges import RuleJudge
from assay.rewards.rubrics.audit.obedient import outside_and_blocks

from .judges import (
    QUESTION,
    RIGHT,
    WRONG,
    FirstJudge,
    PaidRule,
    ScriptedJudge,
    broken,
    judged,
    said,
)


def turn(speaker: str, text: str) -> dict[str, str]:
    return {"speaker": speaker, "text": text}


def debate(side: str = "Ann", completion: Any = "", **extra: Any) -> Sample:
    turns = [turn("Ann", RIGHT), turn("Bob", WRONG)]
    return Sample(
        prompt=QUESTION, completion=completion, extra={"side": side, "transcript": turns, **extra}
    )


def test_what_the_two_sides_are_paid_sums_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for judge in (PaidRule(), FirstJudge()):
        ann, bob = judged(monkeypatch, DebateJudge, judge, [debate("Ann"), debate("Bob")])
        assert ann.score + bob.score == 1.0
        if isinstance(judge, PaidRule):
            assert (ann.score, ann.passed, bob.passed) == (1.0, True, False)
            assert ann.cost["asks"] == 2.0
            assert ann.evidence["sides"] == {"paid": "Ann", "other": "Bob"}
            assert ann.evidence["votes"][0]["swapped"]["reasoning"] == "by the rule"
        else:
            assert (ann.score, ann.passed) == (0.5, False)


def shown(judge: ScriptedJudge) -> list[tuple[str, dict[str, str]]]:
    return [outside_and_blocks(ask) for ask in judge.asks]


def test_names_are_masked_and_rounds_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [
        turn("Ann", "I, Ann, say ann's case; Annabel is no debater"),
        turn("Bob", "BOB disagrees with Ann"),
        turn("Ann", "second of Ann"),
        turn("Bob", "second of Bob"),
    ]
    sample = debate(transcript=turns, stands={"Ann": "yes", "Bob": "no"})
    judge = ScriptedJudge(lambda ask: said(2))
    judged(monkeypatch, DebateJudge, judge, [sample])
    (one_outside, one), (two_outside, two) = shown(judge)
    assert "ann" not in " ".join(one.values()).lower().replace("annabel", "")
    assert one["turn_1"] == "I, Debater 1, say Debater 1's case; Annabel is no debater"
    assert one["turn_2"] == "Debater 2 disagrees with Debater 1"
    assert two["turn_1"] == "Debater 1 disagrees with Debater 2"
    assert two["turn_2"].startswith("I, Debater 2, ")
    assert [one[f"turn_{n}"] for n in (3, 4)] == ["second of Debater 1", "second of Debater 2"]
    assert (one["position_1"], two["position_1"]) == ("yes", "no")
    assert one_outside.count("Debater 1 says:") == two_outside.count("Debater 1 says:") == 2


def test_a_sequential_debate_keeps_its_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(lambda ask: said(2))
    judged(monkeypatch, DebateJudge, judge, [debate()], turns="sequential")
    (_, one), (two_outside, two) = shown(judge)
    assert one["turn_1"] == two["turn_1"] == RIGHT
    assert two_outside.index("Debater 2 says:") < two_outside.index("Debater 1 says:")


@pytest.mark.parametrize(
    ("sample", "turns"),
    [
        pytest.param(debate(completion="and so"), ["Ann", "Bob", "Ann"], id="one-more-turn"),
        pytest.param(debate(completion="<think>x</think> "), ["Ann", "Bob"], id="only-thought"),
        pytest.param(
            Sample(
                prompt=QUESTION,
                completion=[
                    {"role": "assistant", "name": "Bob", "content": "<think>lie</think>b"},
                    {"role": "assistant", "name": "Ann", "content": "a"},
                ],
                extra={"side": "Ann"},
            ),
            ["Bob", "Ann"],
            id="chat-messages",
        ),
        pytest.param(
            Sample(completion="a", extra={"side": "Ann", "stands": {"Ann": "x", "Bob": "y"}}),
            ["Ann"],
            id="an-opening-alone",
        ),
    ],
)
def test_transcripts_are_read(sample: Sample, turns: list[str]) -> None:
    found = read_debate(sample)
    assert [turn.speaker for turn in found.turns] == turns
    assert found.sides == ("Ann", "Bob")
    assert "lie" not in " ".join(turn.text for turn in found.turns)


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        pytest.param(Sample(completion="x"), "extra.side", id="no-side"),
        pytest.param(debate(side="Cleo"), "two speakers", id="a-third"),
        pytest.param(Sample(completion="x", extra={"side": "a"}), "two speakers", id="alone"),
        pytest.param(debate(transcript="x"), "list of turns", id="text"),
        pytest.param(debate(transcript=[]), "list of turns", id="empty"),
        pytest.param(debate(transcript=[{"text": "x"}]), "speaker and text", id="unnamed"),
        pytest.param(debate(transcript=["x"]), "speaker and text", id="not-a-turn"),
        pytest.param(debate(stands={"Ann": 1}), "extra.stands", id="stands"),
        pytest.param(
            debate(completion=[{"role": "assistant", "content": "x"}]), "one too", id="two-of-them"
        ),
    ],
)
def test_data_without_a_debate_is_the_datas_fault(
    sample: Sample, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [verdict] = judged(monkeypatch, DebateJudge, RuleJudge(), [sample])
    assert verdict.status is Status.BAD_REFERENCE
    assert words in verdict.reason


def test_silence_loses_without_a_call_and_a_fault_is_no_grade(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    judge = ScriptedJudge(lambda ask: broken())
    rows = [[turn("Ann", ""), turn("Bob", "b")], [turn("Ann", "a"), turn("Bob", " ")]]
    rows.append([turn("Ann", ""), turn("Bob", "")])
    samples = [debate(transcript=row) for row in rows]
    verdicts = judged(monkeypatch, DebateJudge, judge, [*samples, debate()])
    assert [v.score for v in verdicts] == [0.0, 1.0, 0.5, None]
    assert verdicts[3].status is Status.FAILED
    assert len(judge.asks) == 2
