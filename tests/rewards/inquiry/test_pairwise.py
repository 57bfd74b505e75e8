"""``judge.pairwise``: both orders, win rates, queues, stand-ins, and what failures leave."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import Any

import pytest

from assay import Sample, Status, Verdict
from assay.core.errors import ConfigError
from assay.rewards.comparing import comparators
from assay.rewards.comparing.orders import joined
from assay.rewards.comparing.pairwise import PairwiseJudge
from assay.rewards.inquiry.asker import Opinion
from assay.rewards.judges.contract import BudgetSpent
from assay.rewards.rubrics.audit.obedient import outside_and_blocks

from .judges import (
    NONE,
    QUESTION,
    RIGHT,
    WRONG,
    FirstJudge,
    PaidRule,
    ScriptedJudge,
    broken,
    judged,
    opened,
    said,
)


def group(*texts: str, prompt: str = QUESTION) -> list[Sample]:
    return [Sample(prompt=prompt, completion=text, id=f"{n}") for n, text in enumerate(texts)]


def scores(verdicts: list[Verdict]) -> list[float | None]:
    return [verdict.score for verdict in verdicts]


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_win_rates_and_their_evidence(levels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = PaidRule()
    verdicts = judged(monkeypatch, PairwiseJudge, judge, group(RIGHT, WRONG, NONE), levels=levels)
    assert scores(verdicts) == [1.0, 0.5, 0.0]
    assert len(judge.asks) == 6, "three pairs in both orders"
    first = verdicts[0]
    assert (first.passed, first.confidence) == (None, pytest.approx(0.5))
    assert first.parts == {"win_rate": 1.0, "opponents": 2.0}
    rows = first.evidence["comparisons"]
    assert [row["with"] for row in rows] == ["1", "2"]
    assert rows[0]["votes"][0]["straight"]["reasoning"] == "by the rule"
    assert rows[0]["votes"][0]["swapped"]["score"] == 0.0
    assert [row["preference"] for row in verdicts[2].evidence["comparisons"]] == [0.0, 0.0]
    # six asks of 15 tokens, shared by three samples
    assert sum(v.cost["tokens"] for v in verdicts) == pytest.approx(90.0)
    assert first.cost == {"asks": 2.0, "tokens": 30.0, "money": 0.5}


def test_a_judge_that_favours_a_place_favours_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = judged(monkeypatch, PairwiseJudge, FirstJudge(), group(RIGHT, WRONG, NONE))
    assert scores(verdicts) == [0.5, 0.5, 0.5]
    assert [v.confidence for v in verdicts] == [0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("straight", "swapped", "rule", "wanted", "sure"),
    [
        pytest.param(1.0, 0.0, "tie", 1.0, 1.0, id="agree"),
        pytest.param(0.75, 0.0, "tie", 0.875, 0.75, id="agree-on-the-winner"),
        pytest.param(1.0, 0.25, "tie", 0.875, 0.75, id="the-same-from-the-other-side"),
        pytest.param(1.0, 1.0, "tie", 0.5, 0.0, id="contrary"),
        pytest.param(0.75, 1.0, "tie", 0.5, 0.25, id="contrary-unequal"),
        pytest.param(0.75, 1.0, "average", 0.375, 0.25, id="contrary-averaged"),
        pytest.param(0.5, 0.0, "tie", 0.75, 0.5, id="a-tie-and-a-win"),
        pytest.param(0.5, 0.5, "tie", 0.5, 1.0, id="two-ties"),
    ],
)
def test_two_orders_come_to_one(
    straight: float, swapped: float, rule: Any, wanted: float, sure: float
) -> None:
    one, two = Opinion(score=straight), Opinion(score=swapped)
    found = joined([(one, two)], rule)
    assert (found.preference, found.confidence) == (wanted, sure)
    other = joined([(two, one)], rule)
    assert other.preference == 1.0 - wanted, "antisymmetric"


def test_votes_are_seeds_and_one_that_fails_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rule = PaidRule()

    def script(ask: Any) -> Any:
        outside, blocks = outside_and_blocks(ask)
        return broken() if ask.seed == 1007 else said(rule.grade(ask, outside, blocks))

    judge = ScriptedJudge(script)
    pair = group(RIGHT, WRONG)
    verdicts = judged(monkeypatch, PairwiseJudge, judge, pair, votes=3, temperature=0.5, seed=7)
    assert scores(verdicts) == [1.0, 0.0]
    assert sorted({ask.seed for ask in judge.asks}) == [7, 1007, 2007]
    assert len(verdicts[0].evidence["comparisons"][0]["votes"]) == 3
    split = joined(
        [(Opinion(score=1.0), Opinion(score=0.0)), (Opinion(score=0.0), Opinion(score=1.0))]
    )
    assert (split.preference, split.confidence) == (0.5, 0.0)


def test_equal_and_empty_answers_need_no_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(lambda ask: broken())
    texts = (RIGHT, f" {RIGHT}\n", "", "<think>all of it</think> ")
    verdicts = judged(monkeypatch, PairwiseJudge, judge, group(*texts))
    assert scores(verdicts) == pytest.approx([2.5 / 3, 2.5 / 3, 0.5 / 3, 0.5 / 3])
    assert judge.asks == []


def test_failed_comparisons_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = PaidRule()

    def script(ask: Any) -> Any:
        outside, blocks = outside_and_blocks(ask)
        about = set(blocks.values())
        return (
            broken()
            if any("cursed" in b for b in about)
            else said(rule.grade(ask, outside, blocks))
        )

    texts = (RIGHT, WRONG, "cursed")
    one, two, lost = judged(monkeypatch, PairwiseJudge, ScriptedJudge(script), group(*texts))
    assert (one.score, two.score) == (1.0, 0.0)
    assert one.parts["opponents"] == 1.0
    assert lost.status is Status.FAILED
    assert "status 500" in lost.reason
    assert lost.cost["tokens"] == pytest.approx(4 * 7 / 2)
    spent = ScriptedJudge(lambda ask: BudgetSpent("spent"))
    verdicts = judged(monkeypatch, PairwiseJudge, spent, group(RIGHT, WRONG))
    assert {v.status for v in verdicts} == {Status.FAILED}
    assert verdicts[0].evidence["stop"] == "spent"


def test_nobody_to_compare_with_and_two_prompts_in_one_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = [*group(RIGHT, WRONG), *group(NONE, prompt="Another question?")]
    one, two, alone = judged(monkeypatch, PairwiseJudge, PaidRule(), samples)
    assert (one.score, two.score) == (1.0, 0.0)
    assert alone.status is Status.ABSTAINED


def test_the_order_of_a_group_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [RIGHT, WRONG, NONE, "The answer is 40.", "So: 42", RIGHT + " Surely."]
    samples = group(*texts)
    for settings in ({}, {"pairs": "ring"}, {"pairs": "random", "rivals": 3}):
        wanted = judged(monkeypatch, PairwiseJudge, PaidRule(), samples, **settings)
        assert sum(v.score for v in wanted) == pytest.approx(3.0)
        for order in itertools.islice(itertools.permutations(range(6)), 1, 700, 173):
            moved = [samples[place] for place in order]
            got = judged(monkeypatch, PairwiseJudge, PaidRule(), moved, **settings)
            assert scores(got) == pytest.approx([wanted[place].score for place in order])


def test_preferences_that_go_in_circles_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    beats = {("rock", "scissors"), ("scissors", "paper"), ("paper", "rock")}

    def script(ask: Any) -> str:
        _, blocks = outside_and_blocks(ask)
        return said(4 if (blocks["first"], blocks["second"]) in beats else 0)

    names = group("rock", "paper", "scissors")
    verdicts = judged(monkeypatch, PairwiseJudge, ScriptedJudge(script), names)
    assert scores(verdicts) == [0.5, 0.5, 0.5]
    assert [v.confidence for v in verdicts] == [1.0, 1.0, 1.0]


def test_the_queue_holds_earlier_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    call = opened(monkeypatch, PairwiseJudge, PaidRule(), opponents="queue", queue_length=2)

    async def run() -> list[list[Verdict]]:
        other = group(NONE, WRONG, prompt="Another?")
        batches = [group(WRONG, NONE), group(RIGHT), other, group(WRONG, RIGHT, NONE)]
        unnamed = [[replace(sample, id="") for sample in batch] for batch in batches]
        return [await call(batch) for batch in unnamed]

    first, second, other, last = asyncio.run(run())
    assert scores(first) == [1.0, 0.0], "nothing earlier: among themselves"
    assert scores(second) == [1.0], "against the two before"
    assert second[0].cost["asks"] == 4.0, "borne alone"
    assert scores(other) == [0.0, 1.0], "another prompt has its own queue"
    # the queue now holds RIGHT and one of the first two
    kept = {row["with"] for row in last[0].evidence["comparisons"]}
    assert len(kept) == 2
    assert last[1].score == 0.75
    assert last[1].parts["opponents"] == 2.0


def test_strengths_in_place_of_win_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts = judged(
        monkeypatch, PairwiseJudge, PaidRule(), group(RIGHT, WRONG, NONE), reward="bradley_terry"
    )
    best, middle, worst = scores(verdicts)
    assert best == pytest.approx(-worst)
    assert middle == pytest.approx(0.0, abs=1e-9)
    assert best > 1.0
    assert verdicts[0].parts["win_rate"] == 1.0


def lopsided(prompt: str, first: str, second: str) -> float:
    """A preference model with a taste for the first place."""
    assert prompt == QUESTION
    return min(0.5 + 0.1 + 0.3 * (("42" in first) - ("42" in second)), 1.0)


async def broken_model(prompt: str, first: str, second: str) -> float:
    return 1.5


@pytest.mark.parametrize(
    ("model", "wanted"), [(lopsided, [0.8, 0.2]), (broken_model, [None, None])]
)
def test_a_preference_model_stands_in(
    model: Any, wanted: list[float | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "assay.rewards.comparing.pairwise.object_at"
    monkeypatch.setattr(place, lambda name, where: model)
    call = PairwiseJudge.open({"preference_from": "given:here"})
    verdicts = asyncio.run(call(group(RIGHT, WRONG)))
    assert scores(verdicts) == pytest.approx(wanted)
    if wanted[0] is None:
        assert {v.status for v in verdicts} == {Status.FAILED}
        assert "[0, 1]" in verdicts[0].reason


def test_a_source_stands_in_by_the_difference_of_its_scores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Given:
        async def ascore(self, samples: list[Sample]) -> list[Any]:
            class Row:
                def __init__(self, text: str) -> None:
                    good = Verdict.scored(float(len(text)), cost={"tokens": 6.0})
                    lost = Verdict.unscored(Status.FAILED, "no server")
                    self.verdicts = {"rm.length": lost if text == "lost" else good}

            return [Row(sample.text) for sample in samples]

        def close(self) -> None: ...

    monkeypatch.setattr(comparators.ByScores, "_open", lambda self: Given())
    call = PairwiseJudge.open({"scores_from": "rm.length", "score_temperature": 2.0})
    verdicts = asyncio.run(call(group("aaaa", "aa", "lost")))
    assert verdicts[0].score == pytest.approx(0.7310585786300049)  # σ((4 - 2) / 2)
    assert verdicts[1].score == pytest.approx(1 - 0.7310585786300049)
    assert verdicts[2].status is Status.FAILED
    assert "no server" in verdicts[2].reason


def test_a_registered_source_stands_in_in_its_own_workers() -> None:
    call = PairwiseJudge.open({"scores_from": {"use": "math.exact"}})
    samples = [
        Sample(prompt=QUESTION, completion=text, ground_truth="42")
        for text in (r"\boxed{42}", r"\boxed{41}")
    ]
    try:
        right, wrong = asyncio.run(call(samples))
    finally:
        call.close()
    assert right.score == pytest.approx(0.7310585786300049)
    assert right.score + wrong.score == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({}, "give judge", id="nobody"),
        pytest.param({"judge_from": "a:b", "scores_from": "rm.x"}, "give one of", id="two"),
        pytest.param({"preference_from": "x"}, "module:name", id="place"),
        pytest.param({"judge_from": "a:b", "votes": 3}, "temperature", id="votes"),
        pytest.param({"judge_from": "a:b", "levels": 4}, "levels", id="levels"),
        pytest.param({"judge_from": "a:b", "pairs": "al"}, "'all'", id="pairs"),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        PairwiseJudge.read(settings)
    assert words in str(caught.value)
