"""``judge.rubric``: flows, faults, costs, and the reward by GRAPE's formulas."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from assay import Registry, Sample, Status, Verdict
from assay.core.errors import ConfigError
from assay.rewards.judges.contract import Ask, BudgetSpent
from assay.rewards.rubrics.judge import RubricJudge

from .scripted import ScriptedJudge, broken, item_of, reply, score_text


def item(name: str, weight: float, kind: str = "critique", **more: Any) -> dict[str, Any]:
    return {"name": name, "weight": weight, "kind": kind, "description": f"About {name}.", **more}


def rubric(*items: dict[str, Any], **categories: list[dict[str, Any]]) -> dict[str, Any]:
    rows = {"c": list(items), **categories} if items else categories
    return {
        "name": "r",
        "version": "7",
        "description": "d",
        "categories": {n: {"description": "a task", "items": i} for n, i in rows.items()},
    }


def run(
    monkeypatch: pytest.MonkeyPatch,
    judge: ScriptedJudge,
    spec: dict[str, Any],
    *batches: list[Sample],
    **settings: Any,
) -> list[list[Verdict]]:
    place = "assay.rewards.rubrics.settings.RubricSettings.open_judge"
    monkeypatch.setattr(place, lambda self: judge)
    call = RubricJudge.open({"rubric": spec, "judge_from": "given:here", **settings})

    async def all_of_them() -> list[list[Verdict]]:
        return [await call(batch) for batch in batches]

    return asyncio.run(all_of_them())


def by_item(scores: dict[str, tuple[float, float]]) -> Callable[[Ask], str]:
    """Score (0 to 10) and confidence for each item or atom; a critique for the rest."""
    return lambda ask: (
        score_text(*scores[item_of(ask)]) if ask.schema else f"critique of {item_of(ask)}"
    )


ONE = [Sample(prompt="q", completion="a", ground_truth="t")]


def test_one_call_compares_and_two_calls_criticise_first(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(by_item({"v": (10, 1.0), "k": (5, 0.5)}))
    spec = rubric(item("v", 0.5, "verifiable"), item("k", 0.5))
    [[verdict]] = run(monkeypatch, judge, spec, ONE)
    purposes = sorted((item_of(ask), ask.purpose) for ask in judge.asks)
    assert purposes == [("k", "critique"), ("k", "score"), ("v", "score")]
    shown = {(item_of(a), a.purpose): a.messages[1]["content"] for a in judge.asks}
    assert " reference (" in shown["v", "score"]
    assert " reference (" not in shown["k", "score"]
    assert "critique of k" in shown["k", "score"]
    assert verdict.evidence["items"]["k"]["critique"] == "critique of k"
    assert verdict.evidence["items"]["v"]["reasoning"] == "so it is"
    assert verdict.evidence["rubric"]["version"] == "7"
    # barred with own confidences: 2 (.5*1*1 + .5*.5*.5) / 1.5
    assert verdict.score == pytest.approx(2 * 0.625 / 1.5, abs=1e-12)
    assert verdict.cost == {"asks": 3.0, "tokens": 45.0, "money": 0.75}
    assert verdict.confidence == pytest.approx(0.75)


TAU = [[1, 0.5, 0.8], [0, 0.9, 0.6], [1, 1, 0.4], [0.5, 0.2, 1]]
PHI = [[0.9, 0.6, 0.5], [1, 0.8, 0.3], [0.8, 0.7, 0.4], [0.9, 0.5, 0.6]]


@pytest.mark.parametrize(
    ("mode", "wanted"),
    [
        ("printed", [0.92925, 0.327857142857, 1.075263157895, 0.531]),
        ("barred", [0.92925, 0.34425, 1.0215, 0.531]),
        ("normalised", [0.842857, 0.312245, 0.926531, 0.481633]),
    ],
)
def test_the_golden_vectors_through_the_source(
    mode: str, wanted: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patel 2025, Eq. 15 and Lemma 8.1; values of spec 000, section 2.6."""

    def script(ask: Ask) -> str:
        if not ask.schema:
            return "c"
        row = int(ask.messages[1]["content"].split("row ")[1][0])
        column = "xyz".index(item_of(ask))
        return score_text(TAU[row][column], PHI[row][column])

    spec = rubric(item("x", 0.5), item("y", 0.3), item("z", 0.2))
    samples = [Sample(prompt="q", completion=f"row {n}") for n in range(4)]
    [verdicts] = run(monkeypatch, ScriptedJudge(script), spec, samples, mode=mode, levels=None)
    assert [v.score for v in verdicts] == pytest.approx(wanted, abs=1e-6)
    assert verdicts[0].evidence["mean_confidence"] == pytest.approx(
        {"x": 0.9, "y": 0.65, "z": 0.45}
    )


def test_atoms_weigh_by_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    atoms = [
        {"name": "p", "share": 0.3, "description": "P."},
        {"name": "s", "share": 0.2, "description": "S."},
    ]
    spec = rubric(item("k", 1.0, atoms=atoms, residual=0.5))
    judge = ScriptedJudge(by_item({"p": (10, 1.0), "s": (0, 0.5), "k": (6, 0.8)}))
    [[verdict]] = run(monkeypatch, judge, spec, ONE)
    assert verdict.score == pytest.approx(0.3 + 0.5 * 0.6)
    assert verdict.parts["k.p"] == 1.0
    assert verdict.parts["k:confidence"] == pytest.approx(0.3 + 0.1 + 0.4)
    assert len(judge.asks) == 4
    whole = rubric(
        item("k", 1.0, atoms=[{"name": "p", "share": 1.0, "description": "P."}], residual=0.0)
    )
    [[verdict]] = run(monkeypatch, ScriptedJudge(by_item({"p": (7, 1.0)})), whole, ONE)
    assert verdict.score == pytest.approx(0.7)


def test_a_negative_item_and_a_veto(monkeypatch: pytest.MonkeyPatch) -> None:
    fault = item(
        "fault", 0.5, extensions={"polarity": "negative", "veto": {"below": 0.5, "pays": -1}}
    )
    spec = rubric(fault, item("good", 0.5))
    [[mild]] = run(
        monkeypatch, ScriptedJudge(by_item({"fault": (2, 1.0), "good": (8, 1.0)})), spec, ONE
    )
    assert mild.score == pytest.approx(0.8)
    [[grave]] = run(
        monkeypatch, ScriptedJudge(by_item({"fault": (9, 1.0), "good": (8, 1.0)})), spec, ONE
    )
    assert grave.score == -1.0
    assert grave.evidence["vetoes"] == {"fault": -1.0}
    assert "veto by fault" in grave.reason


RUBBISH = {
    "transport": broken(),
    "a judge's own error": ValueError("boom"),
    "budget": BudgetSpent("the budget is spent"),
    "no json": "I think it deserves a 9.",
    "two scores": score_text(9) + score_text(1),
    "out of range": score_text(11),
    "cut off": reply(score_text(9), finish="length"),
    "nan": '{"reasoning": "x", "score": NaN, "confidence": 1}',
}


@pytest.mark.parametrize("name", RUBBISH)
def test_a_judge_s_fault_is_never_a_grade(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(ask: Ask) -> Any:
        bad = item_of(ask) == "x" and ask.schema and "answer-b" in ask.messages[1]["content"]
        return RUBBISH[name] if bad else score_text(6, 0.5) if ask.schema else "c"

    spec = rubric(item("x", 0.5), item("y", 0.5))
    samples = [Sample(prompt="q", completion=f"answer-{n}") for n in "abc"]
    [[a, b, c]] = run(monkeypatch, ScriptedJudge(script), spec, samples)
    assert (a.score, c.score) == (pytest.approx(0.6), pytest.approx(0.6))
    assert b.status is Status.FAILED
    assert b.score is None
    assert b.parts["y"] == 0.6
    assert b.reason.startswith("no score for x: ")
    [[_, b, _]] = run(monkeypatch, ScriptedJudge(script), spec, samples, on_judge_fault="drop")
    if name == "budget":  # the run ends here: that is no item to drop
        assert (b.score, b.stop) == (None, "the budget is spent")
        return
    assert b.score == pytest.approx(0.6)
    assert b.evidence["items"]["x"]["status"] == "failed"


def test_under_drop_a_veto_must_be_asked_and_something_must_be_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = ScriptedJudge(
        lambda ask: (broken() if item_of(ask) == "x" else score_text(9)) if ask.schema else "c"
    )
    veto = rubric(item("x", 0.0, extensions={"veto": {}}), item("y", 1.0))
    [[verdict]] = run(monkeypatch, script, veto, ONE, on_judge_fault="drop")
    assert verdict.status is Status.FAILED
    alone = rubric(item("x", 1.0), item("y", 0.0))
    [[verdict]] = run(monkeypatch, script, alone, ONE, on_judge_fault="drop")
    assert verdict.status is Status.FAILED


def test_an_unreadable_reply_is_forgotten_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replies = iter(["hm", score_text(8)])
    judge = ScriptedJudge(lambda ask: next(replies))
    [[verdict]] = run(monkeypatch, judge, rubric(item("v", 1.0, "verifiable")), ONE)
    assert verdict.score == pytest.approx(0.8)
    assert judge.forgotten == judge.asks[:1]
    assert verdict.cost["tokens"] == 30.0
    assert verdict.evidence["items"]["v"]["unreadable_replies"] == 1


def test_failed_asks_are_billed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(lambda ask: broken())
    [[verdict]] = run(monkeypatch, judge, rubric(item("v", 1.0, "verifiable")), ONE)
    assert verdict.cost == {"asks": 1.0, "tokens": 7.0, "money": 0.1}


def test_samples_nobody_need_ask_about(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = ScriptedJudge(by_item({"v": (10, 0.5)}))
    spec = rubric(m=[item("v", 1.0, "verifiable")], n=[item("v", 1.0, "verifiable")])
    samples = [
        Sample(prompt="q", completion="<think>long</think> \n", task="m", ground_truth="t"),
        Sample(prompt="q", completion="a", task="m"),
        Sample(prompt="q", completion="a", task="other", ground_truth="t"),
        Sample(prompt="q", completion="a", task="n", ground_truth="t"),
    ]
    [[empty, lacking, other, right]] = run(monkeypatch, judge, spec, samples)
    assert (empty.score, right.score) == (0.0, 1.0)
    assert lacking.status is Status.BAD_REFERENCE
    assert other.status is Status.ABSTAINED
    assert len(judge.asks) == 1
    [[chosen]] = run(monkeypatch, judge, spec, samples[2:3], category="m")
    assert chosen.score == 1.0


def test_where_mean_confidence_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    script = ScriptedJudge(
        lambda ask: (
            score_text(
                10 if item_of(ask) == "x" else 0,
                1.0 if "plainly" in ask.messages[1]["content"] else 0.5,
            )
            if item_of(ask) == "x"
            else score_text(0, 0.5)
        )
    )
    spec = rubric(item("x", 0.5, "verifiable"), item("y", 0.5, "verifiable"))
    sure = [Sample(prompt="q", completion="plainly", ground_truth="t")]
    [[first], [second]] = run(monkeypatch, script, spec, sure, ONE, means="ema", ema_decay=0.5)
    assert first.evidence["mean_confidence"] == {"x": 1.0, "y": 0.5}
    assert second.evidence["mean_confidence"] == {"x": 0.75, "y": 0.5}
    frozen = {"c": {"x": 0.2, "y": 0.6}}
    [[alone], [among, _]] = run(
        monkeypatch, script, spec, ONE, [*ONE, *sure], means="frozen", frozen_means=frozen
    )
    assert alone.score == among.score == pytest.approx(2 * 0.5 * 0.2 / 0.8)


def test_one_item_by_one_source_is_that_source_to_the_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """GRPO as the special case: ρ = 1, ω = 1, φ = 1, τ any number (spec 000, section 2.7)."""
    from assay.rewards.rubrics import item_sources

    scores = [0.1 + 0.2, -3.7, 12.5, 1e-9]

    class Given:
        async def ascore(self, samples: list[Sample]) -> list[Any]:
            class Row:
                def __init__(self, score: float) -> None:
                    self.verdicts = {"rm": Verdict.scored(score)}

            return [Row(scores[int(s.completion)]) for s in samples]

        def close(self) -> None: ...

    monkeypatch.setattr(item_sources.ItemSources, "_open", lambda self, items: Given())
    spec = rubric(item("rm", 1.0, "source", source="rm.bradley_terry"))
    samples = [Sample(prompt="q", completion=str(n)) for n in range(4)]
    for mode in ("barred", "printed", "normalised"):
        call = RubricJudge.open({"rubric": spec, "mode": mode})
        assert [v.score for v in asyncio.run(call(samples))] == scores


def test_registered_sources_score_items_in_their_own_workers() -> None:
    spec = rubric(
        item("exact", 0.75, "source", source={"use": "math.exact"}),
        item("boxed", 0.25, "source", source={"use": "math.symbolic", "map": {"scale": 0.5}}),
    )
    call = RubricJudge.open({"rubric": spec})
    samples = [
        Sample(prompt="q", completion=r"<think>x</think>\boxed{4}", ground_truth="4"),
        Sample(prompt="q", completion=r"\boxed{5}", ground_truth="4"),
        Sample(prompt="q", completion=r"\boxed{4}"),
    ]
    try:
        right, wrong, lacking = asyncio.run(call(samples))
    finally:
        call.close()
    assert right.parts["boxed"] == 0.5
    assert right.score == pytest.approx(0.875)
    assert wrong.score == 0.0
    assert lacking.status is Status.BAD_REFERENCE
    assert right.evidence["items"]["exact"]["source"] == "math.exact"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        pytest.param({}, "give judge (model, base_url), or judge_from", id="no-judge"),
        pytest.param({"judge_from": "somewhere"}, "module:name", id="place"),
        pytest.param({"judge_from": "a:b", "judge": {"model": "m"}}, "not both", id="two-judges"),
        pytest.param({"judge_from": "a:b", "category": "x"}, "not in the rubric", id="category"),
        pytest.param(
            {"judge_from": "a:b", "frozen_means": {"c": {}}}, "means: frozen", id="frozen"
        ),
        pytest.param({"judge_from": "a:b", "means": "frozen"}, "['x']", id="frozen-what"),
        pytest.param({"judge_from": "a:b", "logprobs": True}, "one digit each", id="logprobs"),
        pytest.param({"judge_from": "a:b", "mode": "bared"}, "'barred'", id="mode"),
        pytest.param(
            {"judge_from": "a:b", "limit_char": 1}, "did you mean 'limit_chars'", id="typo"
        ),
    ],
)
def test_settings_are_checked(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        RubricJudge.read({"rubric": rubric(item("x", 1.0)), **settings})
    assert words in str(caught.value)


def test_the_source_is_registered_and_its_version_follows_the_rubric() -> None:
    source = Registry.load().sources["judge.rubric"]
    assert (source.scale, source.arity, source.runs, source.deterministic) == (
        *("real", "batch", "async"),
        False,
    )
    one = source.version_with({"rubric": rubric(item("x", 1.0)), "judge_from": "a:b"})
    two = source.version_with({"rubric": rubric(item("y", 1.0)), "judge_from": "a:b"})
    assert one != two


def test_what_cannot_be_loaded_says_so() -> None:
    with pytest.raises(ConfigError, match="cannot be loaded"):
        RubricJudge.open({"rubric": rubric(item("x", 1.0)), "judge_from": "no_such_module:make"})
