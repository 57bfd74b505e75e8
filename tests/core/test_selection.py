"""Selection: what is kept, paired and labelled, and what order, faults and ties cannot do to it."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.errors import ConfigError, DataError
from assay.core.records import record
from assay.core.selection import (
    KeepRule,
    LabelRule,
    PairRule,
    ScoredRow,
    census,
    distinct_rows,
    keep_rows,
    label_rows,
    label_weights,
    make_pairs,
    row_of_record,
    rows_of,
)
from assay.core.settings import read_settings
from assay.core.types import Reward, Sample, Status


def row(
    text: str,
    value: float | None,
    passed: bool | None = None,
    *,
    prompt: str = "p",
    truncated: bool = False,
    uid: str = "",
) -> ScoredRow:
    return ScoredRow(
        id=uid or f"{prompt}/{text}",
        group=prompt,
        prompt=prompt,
        completion=text,
        value=value,
        passed=passed,
        truncated=truncated,
    )


def texts(rows: list[ScoredRow]) -> list[str]:
    return [found.completion for found in rows]


MIXED = [
    row("right", 1.1, True),
    row("right, plain", 1.0, True),
    row("wrong", 0.1, False),
    row("rubbish", 0.0, False),
    row("unsaid", 0.6, None),
    row("fault", None, None),
]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        pytest.param({}, ["right", "right, plain"], id="all-passed"),
        pytest.param({"cap_per_prompt": 1}, ["right"], id="cap-keeps-the-best"),
        pytest.param({"rule": "best_per_prompt"}, ["right"], id="best"),
        pytest.param({"rule": "top_k", "k": 3}, ["right", "right, plain", "unsaid"], id="top-3"),
        pytest.param({"rule": "top_k", "k": 3, "cap_per_prompt": 2}, ["right", "right, plain"]),
        pytest.param(
            {"rule": "top_k", "k": 9, "failed": True, "cap_per_prompt": None},
            ["right", "right, plain", "unsaid", "wrong", "rubbish"],
            id="faults-are-never-kept",
        ),
        pytest.param({"rule": "threshold", "at_least": 1.0}, ["right", "right, plain"]),
        pytest.param({"rule": "threshold", "at_least": 0.0}, ["right", "right, plain", "unsaid"]),
        pytest.param({"rule": "threshold", "at_least": 1.05}, ["right"], id="threshold"),
        pytest.param({"rule": "top_k", "k": 4, "at_least": 0.7}, ["right", "right, plain"]),
        pytest.param({"rule": "threshold", "at_least": 2.0}, [], id="nothing"),
    ],
)
def test_kept(rule: dict[str, Any], kept: list[str]) -> None:
    assert texts(keep_rows(MIXED, KeepRule(**rule))) == kept


@pytest.mark.parametrize("rule", ["all_passed", "top_k", "best_per_prompt", "threshold"])
def test_a_prompt_that_nobody_solved_gives_no_examples(rule: Any) -> None:
    failed = [row("wrong", 0.1, False), row("rubbish", 0.0, False), row("fault", None)]
    assert keep_rows(failed, KeepRule(rule=rule, at_least=-1.0)) == []


def test_easy_prompts_do_not_dominate() -> None:
    easy = [row(f"way {n}", 1.0, True, prompt="easy") for n in range(50)]
    hard = [row("the way", 1.0, True, prompt="hard"), row("no", 0.0, False, prompt="hard")]
    kept = keep_rows([*easy, *hard], KeepRule(cap_per_prompt=2))
    assert [found.group for found in kept] == ["easy", "easy", "hard"]


@pytest.mark.parametrize(
    ("allowed", "kept"), [(False, []), (True, ["cut off"])], ids=["left-out", "asked-for"]
)
def test_a_completion_that_was_cut_off_is_no_example(allowed: bool, kept: list[str]) -> None:
    rows = [row("cut off", 1.0, True, truncated=True)]
    assert texts(keep_rows(rows, KeepRule(truncated=allowed))) == kept


def test_equal_completions_count_once_and_a_lucky_verdict_does_not() -> None:
    rows = [
        row("a", 1.0, True, uid="1"),
        row("a", 0.2, False, uid="2"),
        row("b", 0.5, True, uid="3"),
    ]
    assert [found.id for found in distinct_rows(rows)] == ["2", "3"]
    assert texts(keep_rows(rows, KeepRule())) == ["b"]
    assert texts(keep_rows(rows, KeepRule(distinct=False))) == ["a", "b"]


def test_a_faulty_verdict_does_not_hide_its_equal() -> None:
    rows = [row("a", None, uid="1"), row("a", 1.0, True, uid="2")]
    assert [found.id for found in keep_rows(rows, KeepRule())] == ["2"]


def test_ties_favour_neither_length_nor_place() -> None:
    short_first = 0
    for n in range(200):
        rows = [row(f"{n}", 1.0, True), row(f"{n}" * 9, 1.0, True)]
        best = keep_rows(rows, KeepRule(rule="best_per_prompt"))
        assert best == keep_rows(rows[::-1], KeepRule(rule="best_per_prompt"))
        short_first += best[0].completion == f"{n}"
    assert 70 < short_first < 130  # a fair coin leaves this range once in 30 000 times


@pytest.mark.parametrize(
    ("rule", "pairs"),
    [
        pytest.param({}, [("right", "rubbish")], id="best-and-worst"),
        pytest.param({"margin": 1.1}, [("right", "rubbish")], id="margin-reached"),
        pytest.param({"margin": 1.2}, [], id="margin-missed"),
        pytest.param(
            {"pairing": "all", "margin": 0.95},
            [("right", "rubbish"), ("right", "wrong"), ("right, plain", "rubbish")],
            id="all-widest-first",
        ),
        pytest.param({"pairing": "all", "cap_per_prompt": 1}, [("right", "rubbish")], id="cap"),
    ],
)
def test_pairs(rule: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    found = make_pairs(MIXED, PairRule(**rule))
    named = [(pair.chosen.completion, pair.rejected.completion) for pair in found]
    assert named[:1] == pairs[:1]
    assert sorted(named) == sorted(pairs)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([row("a", 1.0, True)], id="one-completion"),
        pytest.param([row("a", 1.0, True), row("b", 1.0, True)], id="equal-values"),
        pytest.param([row("a", 1.0, True), row("b", None)], id="against-a-fault"),
        pytest.param([row("a", 1.0, True), row("b", 0.0, False, prompt="q")], id="two-prompts"),
        pytest.param([row("a", 1.0, True, uid="1"), row("a", 0.0, False, uid="2")], id="same-text"),
        pytest.param(
            [row("a", 1.0, True, truncated=True), row("b", 0.0, False)], id="best-was-cut-off"
        ),
        pytest.param([], id="nothing"),
    ],
)
@pytest.mark.parametrize("pairing", ["best_worst", "all"])
def test_no_pair(rows: list[ScoredRow], pairing: Any) -> None:
    assert make_pairs(rows, PairRule(pairing=pairing)) == []


def test_one_group_with_two_prompts_makes_no_pair_of_them() -> None:
    first = ScoredRow(id="1", group="g", prompt="p", completion="a", value=1.0)
    second = ScoredRow(id="2", group="g", prompt="q", completion="b", value=0.0)
    assert make_pairs([first, second], PairRule()) == []


@pytest.mark.parametrize(("demanded", "n"), [(False, 1), (True, 0)], ids=["partial", "passed-only"])
def test_the_better_of_two_failures_is_chosen_unless_a_pass_is_demanded(
    demanded: bool, n: int
) -> None:
    rows = [row("half", 0.5, False), row("none", 0.0, False)]
    assert len(make_pairs(rows, PairRule(chosen_passed=demanded))) == n


def test_a_cap_on_equal_pairs_is_not_taken_up_by_one_completion() -> None:
    rows = [row(f"good {n}", 1.0, True) for n in range(6)]
    rows += [row(f"bad {n}", 0.0, False) for n in range(6)]
    pairs = make_pairs(rows, PairRule(pairing="all", cap_per_prompt=12))
    assert len({pair.chosen.completion for pair in pairs}) >= 4
    assert len({pair.rejected.completion for pair in pairs}) >= 4


@pytest.mark.parametrize(
    ("rule", "labels"),
    [
        pytest.param(
            {},
            [("right", True), ("right, plain", True), ("wrong", False), ("rubbish", False)],
            id="passed-says",
        ),
        pytest.param({"cap_per_label": 1}, [("right", True), ("wrong", False)], id="cap"),
        pytest.param(
            {"at_least": 0.6, "cap_per_label": None},
            [
                ("right", True),
                ("right, plain", True),
                ("unsaid", True),
                ("wrong", False),
                ("rubbish", False),
            ],
            id="value-says",
        ),
    ],
)
def test_labels(rule: dict[str, Any], labels: list[tuple[str, bool]]) -> None:
    found = label_rows(MIXED, LabelRule(**rule))
    assert [(label.row.completion, label.desirable) for label in found] == labels


def test_a_completion_that_was_cut_off_is_undesirable_at_most() -> None:
    rows = [row("a", 1.0, True, truncated=True), row("b", 0.0, False, truncated=True)]
    found = label_rows(rows, LabelRule())
    assert [(label.row.completion, label.desirable) for label in found] == [("b", False)]


@pytest.mark.parametrize(
    ("labels", "weights"),
    [
        pytest.param([True, False], (1.0, 1.0), id="even"),
        pytest.param([True, False, False, False], (3.0, 1.0), id="few-desirable"),
        pytest.param([True, True, True, True, False], (1.0, 4.0), id="few-undesirable"),
        pytest.param([True, True], (1.0, 1.0), id="one-label-only"),
        pytest.param([], (1.0, 1.0), id="none"),
    ],
)
def test_label_weights(labels: list[bool], weights: tuple[float, float]) -> None:
    assert label_weights(labels) == weights


@given(st.lists(st.booleans()).filter(lambda labels: len(set(labels)) == 2))
def test_weighted_labels_are_even(labels: list[bool]) -> None:
    good, bad = label_weights(labels)
    weighted = good * sum(labels) / (bad * (len(labels) - sum(labels)))
    assert weighted == pytest.approx(1.0)  # within the [1, 4/3] of the paper
    assert min(good, bad) == 1.0


ROWS = st.lists(
    st.builds(
        row,
        text=st.sampled_from("abcdef"),
        value=st.none() | st.sampled_from([0.0, 0.5, 1.0]),
        passed=st.none() | st.booleans(),
        prompt=st.sampled_from("pq"),
        truncated=st.booleans(),
        uid=st.uuids().map(str),
    ),
    max_size=24,
)
RULES = [
    KeepRule(),
    KeepRule(rule="top_k", failed=True, cap_per_prompt=None),
    KeepRule(rule="threshold", at_least=0.5, distinct=False),
    PairRule(),
    PairRule(pairing="all", margin=0.5),
    LabelRule(),
    LabelRule(at_least=0.5),
]


def select(rows: list[ScoredRow], rule: Any) -> list[Any]:
    if isinstance(rule, KeepRule):
        return list(keep_rows(rows, rule))
    if isinstance(rule, PairRule):
        return list(make_pairs(rows, rule))
    return list(label_rows(rows, rule))


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, seed=st.randoms(use_true_random=False), rule=st.sampled_from(RULES))
def test_order_means_nothing(rows: list[ScoredRow], seed: Any, rule: Any) -> None:
    shuffled = list(rows)
    seed.shuffle(shuffled)
    one, other = ({repr(found) for found in select(given, rule)} for given in (rows, shuffled))
    assert one == other


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, rule=st.sampled_from(RULES))
def test_prompts_do_not_touch_each_other(rows: list[ScoredRow], rule: Any) -> None:
    together = {repr(found) for found in select(rows, rule)}
    apart = [select([r for r in rows if r.group == prompt], rule) for prompt in "pq"]
    assert together == {repr(found) for found in itertools.chain(*apart)}


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, rule=st.sampled_from(RULES))
def test_what_is_chosen_is_judged_whole_and_better(rows: list[ScoredRow], rule: Any) -> None:
    for found in select(rows, rule):
        if isinstance(rule, KeepRule):
            assert found.value is not None
            assert not found.truncated
        elif isinstance(rule, PairRule):
            assert found.margin > 0
            assert found.margin >= rule.margin
            assert found.chosen.completion != found.rejected.completion
            assert found.chosen.prompt == found.rejected.prompt
        else:
            assert found.row.value is not None


@pytest.mark.parametrize(
    ("model", "given_settings", "words"),
    [
        pytest.param(KeepRule, {"rule": "threshold"}, ["at_least"], id="threshold-without-one"),
        pytest.param(KeepRule, {"rule": "best"}, ["rule", "best_per_prompt"], id="unknown-rule"),
        pytest.param(KeepRule, {"cap": 3}, ["cap", "cap_per_prompt"], id="unknown-key"),
        pytest.param(PairRule, {"margin": -1}, ["margin", "-1"], id="negative-margin"),
        pytest.param(LabelRule, {"cap_per_label": 0}, ["cap_per_label", "0"], id="no-labels"),
    ],
)
def test_wrong_rules_are_refused(
    model: Any, given_settings: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        read_settings(model, given_settings, "rounds.keep")
    assert all(word in str(error.value) for word in words)


def test_rows_come_from_rewards_and_from_records_alike() -> None:
    chat = [{"role": "user", "content": "2+2?"}]
    said = [{"role": "assistant", "content": "4"}]
    sample = Sample(prompt=chat, completion=said, group="g", extra={"completion_tokens": 3})
    reward = Reward(value=1.0, unshaped=1.0, passed=True, status=Status.SCORED, verdicts={})
    direct = rows_of([sample], [reward])
    assert direct == [row_of_record(record(sample, reward))]
    assert direct[0].completion == said
    assert direct[0].tokens == 3


@pytest.mark.parametrize("broken", [{}, {"prompt": "p"}], ids=["empty", "half"])
def test_a_row_of_something_else_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="not a row of a scored file"):
        row_of_record(broken)


def test_a_value_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        row("a", float("nan"))


def test_census() -> None:
    rows = [*MIXED, row("wrong", 0.1, False, uid="again"), row("yes", 1.0, True, prompt="q")]
    assert census(rows) == {
        "rows": 8,
        "judged": 7,
        "passed": 3,
        "truncated": 0,
        "distinct": 6,
        "prompts": 2,
        "solved": 2,
        "saturated": 1,
    }
