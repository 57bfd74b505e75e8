"""Principles, ``judge.constitution``, preference labels, critique and revision."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from assay import Sample, Status
from assay.core.errors import ConfigError
from assay.rewards.constitution.judge import ConstitutionJudge
from assay.rewards.constitution.labelling import label_pairs
from assay.rewards.constitution.principles import constitutions, load_constitution
from assay.rewards.constitution.revising import revise, revised_rows
from assay.rewards.inquiry.asker import Asker
from assay.rewards.judges.contract import JudgeError
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
    reply,
    said,
)

GENERAL = load_constitution("general")


def sample(text: Any, n: int = 0, **more: Any) -> Sample:
    return Sample(**{"prompt": QUESTION, "completion": text, "id": f"{n}", **more})


def principle(name: str, **more: Any) -> dict[str, Any]:
    words = {key: f"{key} of {name}" for key in ("prefer", "critique", "revise")}
    return {"name": name, **words, **more}


def two(**more: Any) -> dict[str, Any]:
    rows = [principle("kind", weight=3.0), principle("brief")]
    return {"name": "two", "version": "1", "principles": rows, **more}


@pytest.mark.parametrize("name", list(constitutions()))
def test_the_library_can_be_read_and_has_words_for_all(name: str) -> None:
    found = load_constitution(name)
    assert {"helpful", "honest", "harmless"} <= {p.name for p in found.principles}
    assert sum(found.shares().values()) == pytest.approx(1.0)
    assert len(found.digest) == 12


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        pytest.param("genral", "did you mean 'general'", id="typo"),
        pytest.param(3, "name, a path or a mapping", id="number"),
        pytest.param("missing.yaml", "cannot be read", id="path"),
        pytest.param(two(principles=[]), "principles", id="none"),
        pytest.param(two(principles=[principle("a"), principle("a")]), "twice", id="twice"),
        pytest.param(two(principles=[principle("a", weight=0)]), "weight", id="weight"),
    ],
)
def test_what_is_no_constitution_is_refused(spec: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_constitution(spec)
    assert words in str(caught.value)


def test_draws_depend_on_the_key_alone() -> None:
    drawn = {GENERAL.drawn(f"key {n}").name for n in range(60)}
    assert drawn == {p.name for p in GENERAL.principles}
    assert GENERAL.drawn("a") is GENERAL.drawn("a")
    assert sorted(p.name for p in GENERAL.order("a")) == sorted(drawn)


# the source ------------------------------------------------------------------------------------


def by_principle(scores: dict[str, Any]) -> ScriptedJudge:
    def script(ask: Any) -> Any:
        system = ask.messages[0]["content"]
        return next(value for name, value in scores.items() if f"prefer of {name}" in system)

    return ScriptedJudge(script)


@pytest.mark.parametrize(("combine", "wanted"), [("mean", 0.875), ("min", 0.5)])
def test_principles_are_asked_one_by_one_and_weighed(
    combine: str, wanted: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = by_principle({"kind": said(4, 0.9), "brief": said(2, 0.4)})
    [verdict] = judged(
        monkeypatch, ConstitutionJudge, judge, [sample("a")], principles=two(), combine=combine
    )
    assert verdict.score == pytest.approx(wanted)
    assert verdict.parts == {"kind": 1.0, "brief": 0.5}
    assert verdict.confidence == 0.4
    assert verdict.cost == {"asks": 2.0, "tokens": 30.0, "money": 0.5}
    assert verdict.evidence["constitution"]["name"] == "two"
    assert verdict.evidence["principles"]["kind"]["reasoning"] == "so it is"
    [only] = judged(
        monkeypatch, ConstitutionJudge, judge, [sample("a")], principles=two(), only=["brief"]
    )
    assert (only.score, only.passed) == (0.5, False)


def test_drawn_principles_are_those_of_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = [sample("a"), sample("b"), *(sample("c", prompt=f"q{n}") for n in range(12))]
    verdicts = judged(monkeypatch, ConstitutionJudge, PaidRule(), samples, draw=1)
    asked = [tuple(v.parts) for v in verdicts]
    assert asked[0] == asked[1]
    assert len(set(asked)) > 1
    assert {len(one) for one in asked} == {1}


def test_one_principle_without_a_score_fails_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = by_principle({"kind": said(4), "brief": broken()})
    lost, empty = judged(
        monkeypatch, ConstitutionJudge, judge, [sample("a"), sample(" ")], principles=two()
    )
    assert lost.status is Status.FAILED
    assert lost.reason.startswith("no score for brief: ")
    assert lost.parts == {"kind": 1.0}
    assert (empty.score, empty.cost) == (0.0, {})


# labels ----------------------------------------------------------------------------------------


def test_rows_in_the_layout_of_preference_training(tmp_path: Path) -> None:
    from assay.trainer.rounds.rows import read_rows

    samples = [sample(f"<think>{NONE}</think>{RIGHT}", 0), sample(WRONG, 1), sample(WRONG, 2)]
    judge = PaidRule()
    labels = label_pairs(samples, judge, "general")
    [row] = labels
    assert (row["prompt"], row["chosen"], row["rejected"]) == (
        QUESTION,
        samples[0].completion,
        WRONG,
    )
    assert (row["p"], row["margin"], row["confidence"]) == (1.0, 1.0, 0.5)
    assert (row["chosen_id"], row["rejected_id"]) == ("0", "1")
    assert row["judge"] == "rule"
    assert GENERAL.digest in row["version"]
    assert row["principle"] in {p.name for p in GENERAL.principles}
    votes = row["reasoning"][row["principle"]]
    assert votes[0]["straight"]["reasoning"] == votes[0]["swapped"]["reasoning"] == "by the rule"
    assert labels.spent.cost() == {"asks": 2.0, "tokens": 30.0, "money": 0.5}
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in labels))
    assert read_rows([path], "dpo") == [
        {"prompt": QUESTION, "chosen": samples[0].completion, "rejected": WRONG}
    ]


def test_the_soft_label_is_of_the_chosen_one_and_no_order_matters() -> None:
    def script(ask: Any) -> str:
        _, blocks = outside_and_blocks(ask)
        return said({"strong": 4, "weak": 1}[blocks["first"]])

    both = [sample("weak", 1), sample("strong", 2)]
    for samples in (both, both[::-1]):
        [row] = label_pairs(samples, ScriptedJudge(script), "general")
        assert (row["chosen"], row["p"], row["margin"]) == ("strong", 0.875, 0.75)
    assert len(label_pairs(both, ScriptedJudge(script), "general", least_margin=0.8)) == 0


def test_every_principle_and_one_for_each_pair() -> None:
    def script(ask: Any) -> str:
        _, blocks = outside_and_blocks(ask)
        system = ask.messages[0]["content"]
        liked = "a" if "prefer of kind" in system else "b"
        return said(4 if blocks["first"] == liked else 0)

    pair = [sample("a", 1), sample("b", 2)]
    [row] = label_pairs(pair, ScriptedJudge(script), two(), each="every")
    assert (row["chosen"], row["p"], row["principle"]) == ("a", 0.75, "kind+brief")
    chosen = {
        label_pairs(pair, ScriptedJudge(script), two(), seed=seed).rows[0]["principle"]
        for seed in range(12)
    }
    assert chosen == {"kind", "brief"}


def test_ties_and_failures_make_no_row_and_are_counted() -> None:
    ties = label_pairs([sample(RIGHT, 0), sample(WRONG, 1)], FirstJudge(), "general")
    assert (len(ties), ties.ties, ties.failed) == (0, 1, ())
    lost = label_pairs([sample("a", 0), sample("b", 1)], ScriptedJudge(lambda ask: broken()))
    assert (len(lost), lost.ties, len(lost.failed)) == (0, 0, 1)
    assert "status 500" in lost.failed[0]
    assert lost.spent.tokens == 14
    other = [sample("a", 0), sample("b", 1, prompt="Another?")]
    assert len(label_pairs(other, ScriptedJudge(lambda ask: broken())).failed) == 0


def test_labels_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="least_margin"):
        label_pairs([], PaidRule(), least_margin=1.0)
    with pytest.raises(ConfigError, match="levels"):
        label_pairs([], PaidRule(), levels=4)


# revision --------------------------------------------------------------------------------------


def editor(ask: Any) -> str:
    """Criticises, and writes the next draft."""
    _, blocks = outside_and_blocks(ask)
    if ask.purpose == "critique":
        return f"<think>hm</think>critique of {blocks['answer']}"
    assert blocks["critique"] == f"critique of {blocks['answer']}"
    return f"{blocks['answer']}+"


def test_rounds_build_on_each_other() -> None:
    judge = ScriptedJudge(editor)
    made = revise(QUESTION, "draft", judge, two(), rounds=3, seed=1)
    assert [r.response for r in made] == ["draft+", "draft++", "draft+++"]
    assert [r.before for r in made] == ["draft", "draft+", "draft++"]
    assert made[0].critique == "critique of draft"
    assert {made[0].principle, made[1].principle} == {"kind", "brief"}
    assert made[2].principle == made[0].principle
    wording = [ask.messages[0]["content"] for ask in judge.asks]
    assert f"critique of {made[0].principle}" in wording[0]
    assert f"revise of {made[0].principle}" in wording[1]


def test_a_callable_may_write() -> None:
    async def write(messages: Any) -> str:
        assert messages[0]["role"] == "system"
        return "rewritten"

    [made] = revise(QUESTION, "draft", ScriptedJudge(editor), "general", writer=write)
    assert (made.critique, made.response) == ("critique of draft", "rewritten")
    assert revise(QUESTION, "draft", lambda messages: "x", "general")[0].response == "x"
    with pytest.raises(JudgeError, match="not text"):
        revise(QUESTION, "draft", lambda messages: 3, "general")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(broken(), id="transport"),
        pytest.param(reply("cut", finish="length"), id="cut-off"),
        pytest.param(reply(" "), id="empty"),
        pytest.param(reply("<think>all of it"), id="only-thought"),
        pytest.param(ValueError("boom"), id="own-error"),
    ],
)
def test_a_fault_is_no_revision(fault: Any) -> None:
    judge = ScriptedJudge(lambda ask: fault if ask.purpose == "revision" else "a critique")
    with pytest.raises(JudgeError):
        revise(QUESTION, "draft", judge, "general")


@pytest.mark.parametrize(("response", "rounds"), [("draft", 0), (" ", 1)])
def test_there_is_something_to_revise(response: str, rounds: int) -> None:
    with pytest.raises(ConfigError, match="rounds must be >= 1"):
        revise(QUESTION, response, ScriptedJudge(editor), "general", rounds)


def test_rows_for_supervised_training_and_what_failed() -> None:
    def script(ask: Any) -> Any:
        _, blocks = outside_and_blocks(ask)
        return broken() if "cursed" in blocks["answer"] else editor(ask)

    chat = [{"role": "user", "content": QUESTION}]
    samples = [
        sample("<think>x</think>draft", 0),
        sample("cursed", 1),
        sample("", 2),
        sample("draft", 3, prompt=chat),
    ]
    judge = Asker(ScriptedJudge(script), reply_tokens=99)
    rows = asyncio.run(revised_rows(samples, judge, two(), 2))
    text, messages = rows
    assert (text["prompt"], text["completion"]) == (QUESTION, "draft++")
    assert text["original"] == "<think>x</think>draft"
    assert sorted(text["principles"]) == ["brief", "kind"]
    assert messages["completion"] == [{"role": "assistant", "content": "draft++"}]
    assert text["writer"] == "scripted 1"
    assert [why.partition(":")[0] for why in rows.failed] == ["1", "2"]
    assert rows.spent.asks == 9
    assert {ask.max_tokens for ask in judge.judge.asks} == {99}
