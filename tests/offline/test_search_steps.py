"""Beams, looking ahead, revising, and steps cut from whole answers: small tables by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from search_tables import Table, more, scorer

from assay import Sample, Scorer
from assay.core.errors import ConfigError
from assay.offline.search import (
    Limits,
    Stepwise,
    Wanted,
    Written,
    beam,
    best_of_n,
    lookahead,
    revise,
)

ASKED = Sample(prompt="q", ground_truth="4")
# The first step "a" looks better than "b", and leads nowhere good.
TRAP = {
    "": [more("a"), more("b")],
    "a": [Written("x"), Written("y")],
    "b": [Written("x"), Written("y")],
}
TRAP_SCORES = {"a": 0.9, "b": 0.2, "ax": 0.1, "ay": 0.3, "bx": 0.8, "by": 0.4}


def beginnings(table: Table) -> Counter[str]:
    return Counter(want.beginning for want in table.wanted if not want.greedy)


# beams ---------------------------------------------------------------------------------------


def test_a_beam_keeps_the_best_beginnings() -> None:
    steps = {
        "": [more("a"), more("b"), more("c"), more("d")],
        "b": [Written("1"), Written("2")],
        "d": [Written("1"), more("2")],
        "d2": [Written("!")],
    }
    scores = {"a": 0.1, "b": 0.6, "c": 0.3, "d": 0.9, "b1": 0.5, "b2": 0.2, "d1": 0.4, "d2": 0.7}
    table = Table(steps)
    with scorer({**scores, "d2!": 0.8}) as judge:
        found = beam(ASKED, table, judge, n=4, width=2)
    # N = 4, M = 2: "b" and "d" of four are kept, then "d2" and the finished "b1" of four
    assert beginnings(table) == {"": 4, "b": 2, "d": 2, "d2": 2}
    assert (found.text, found.score) == ("d2!", 0.8)
    assert {c.text for c in found.candidates} == {"b1", "b2", "d1", "d2!"}
    assert (found.spent.calls, found.spent.judged, found.spent.batches) == (10, 9, 3)


def test_looking_ahead_sees_what_a_beam_cannot() -> None:
    with scorer(TRAP_SCORES) as judge:
        near = beam(ASKED, Table(TRAP), judge, n=2, width=2)
        far = lookahead(ASKED, Table(TRAP), judge, n=2, width=2, steps=1)
        same = lookahead(ASKED, Table(TRAP), judge, n=2, width=2, steps=0)
    assert (near.text, near.score) == ("ay", 0.3)
    assert (far.text, far.score) == ("bx", 0.8)
    assert (same.text, same.records()) == (near.text, near.records())
    # two first steps, each looked ahead of by one, then two ways on that are finished
    assert far.spent.calls == 6


def test_looking_ahead_is_greedy_and_thrown_away() -> None:
    table = Table({"": [more("a")], "a": [more("b")], "ab": [more("c")], "abc": [Written("!")]})
    with scorer({"abc!": 1.0}) as judge:
        found = lookahead(ASKED, table, judge, n=1, width=1, steps=2)
    wanted = [(w.beginning, w.greedy) for w in table.wanted]
    assert wanted[:4] == [("", False), ("a", True), ("ab", True), ("a", False)]
    assert found.text == "abc!"


@pytest.mark.parametrize(
    ("scores", "text", "left_out"),
    [
        pytest.param({"a": "fault", "b": 0.1, "bx": 0.2}, "bx", {"failed": 1}, id="some"),
        pytest.param({"a": "fault", "b": "fault"}, None, {"failed": 2}, id="all"),
        pytest.param(
            {"a": 0.5, "b": 0.1, "ax": "fault", "ay": "fault"}, "a", {"failed": 2}, id="at-the-end"
        ),
    ],
)
def test_a_beam_leaves_faults_out(scores, text, left_out) -> None:
    with scorer(scores) as judge:
        found = beam(ASKED, Table(TRAP), judge, n=2, width=2)
    assert found.text == text
    assert found.left_out == left_out
    assert (found.reason == "") == (text is not None)
    if text == "a":
        assert not found.chosen.finished


def test_equal_beginnings_count_once_and_ties_do_not_depend_on_order() -> None:
    twice = {"": [more("a"), more("a"), more("b"), more("b")]}
    ends = {"a": [Written("1")], "b": [Written("1")]}
    turned = {"": list(reversed(twice[""]))}
    with scorer({}, default=0.5) as judge:
        one = beam(ASKED, Table({**twice, **ends}), judge, n=4, width=4)
        other = beam(ASKED, Table({**turned, **ends}), judge, n=4, width=4)
    assert one.text == other.text
    assert one.spent.judged == 2 + 1


@pytest.mark.parametrize(
    "limits",
    [Limits(max_calls=n) for n in range(1, 11)] + [Limits(max_judged=n) for n in range(1, 8)],
    ids=str,
)
def test_beams_stay_within_limits(limits: Limits) -> None:
    table = Table(TRAP)
    with scorer(TRAP_SCORES) as judge:
        found = lookahead(ASKED, table, judge, n=4, width=2, steps=1, limits=limits)
    assert found.spent.calls == len(table.wanted) <= (limits.max_calls or 99)
    assert found.spent.judged <= (limits.max_judged or 99)
    assert found.chosen is not None


def test_steps_that_say_nothing_end_the_answer() -> None:
    with scorer({}, default=0.5) as judge:
        found = beam(ASKED, Table({"": [more("a")], "a": [more("")]}), judge, n=1, width=1)
        bare = beam(ASKED, Table({"": ["a"], "a": [" "]}), judge, n=1, width=1)
    assert (found.text, found.spent.calls) == ("a", 2)
    assert (bare.text, bare.chosen.finished) == ("a ", True)


def test_answers_that_never_end() -> None:
    with scorer({}, default=0.5) as judge:
        found = beam(ASKED, lambda wanted: ["x"] * len(wanted), judge, n=1, width=1, rounds=5)
    assert (found.text, found.chosen.finished, found.spent.calls) == ("xxxxx", False, 5)


@pytest.mark.parametrize(
    ("search", "options", "words"),
    [
        pytest.param(beam, {"n": 6, "width": 4}, "width must divide n", id="does-not-divide"),
        pytest.param(beam, {"n": 0, "width": 1}, "both be >= 1", id="no-beginnings"),
        pytest.param(beam, {"rounds": 0}, "rounds: must be >= 1", id="no-rounds"),
        pytest.param(lookahead, {"steps": -1}, "steps: must be >= 0", id="looking-back"),
        pytest.param(revise, {"rounds": 0}, "rounds: must be >= 1", id="no-answer"),
    ],
)
def test_settings_that_make_no_sense(search, options, words) -> None:
    with scorer({}) as judge, pytest.raises(ConfigError, match=words):
        search(ASKED, Table(TRAP), judge, **options)


# revising ------------------------------------------------------------------------------------


def test_reasons_go_back_until_an_answer_passes() -> None:
    prompts = []

    def generate(wanted):
        prompts.extend(want.prompt for want in wanted)
        return [f"answer {len(prompts)}"]

    scores = {"answer 1": 0.2, "answer 2": 0.1, "answer 3": 0.9}
    with scorer(scores, bar=0.5) as judge:
        found = revise(ASKED, generate, judge, rounds=9)
        cut = revise(ASKED, Table(ends={"": ["answer 1", "answer 2"]}), judge, rounds=2)
    assert (found.text, found.passed, found.spent.calls) == ("answer 3", True, 3)
    assert prompts[0] == "q"
    assert "answer 1" in prompts[1]
    assert "it has 0.2" in prompts[1]
    assert "answer 1" not in prompts[2]
    assert cut.text == "answer 1", "the best is kept, not the last"
    assert cut.candidates[1].sample.prompt == "q", "what is judged is the question as it was asked"


def test_a_chat_gets_messages_and_a_fault_says_nothing() -> None:
    chat = [{"role": "user", "content": "q"}]
    table = Table(ends={"": ["broken", "poor", "good"]})
    with scorer({"broken": "fault", "poor": 0.1, "good": 0.7}) as judge:
        found = revise(Sample(prompt=chat), table, judge, stop_at=0.7, rounds=9)
    assert found.text == "good"
    assert found.left_out == {"failed": 1}
    assert [len(want.prompt) for want in table.wanted] == [1, 1, 3]
    assert table.wanted[2].prompt[1] == {"role": "assistant", "content": "poor"}


@pytest.mark.parametrize(
    ("truth", "reason", "shown"),
    [
        pytest.param("4", "5 is not 4", "5 is not [...]", id="alone"),
        pytest.param("4", "14 is not 4.", "14 is not [...].", id="inside-a-number"),
        pytest.param(4, "expected 4, got 5", "expected [...], got 5", id="a-number"),
        pytest.param("x+1", "'x' is not 'x+1'", "'x' is not '[...]'", id="not-a-pattern"),
        pytest.param("a  b", "5 is not\na b", "5 is not [...]", id="blanks"),
        pytest.param("7" * 600, "not " + "7" * 600, "not [...]", id="longer-than-what-is-shown"),
        pytest.param(None, "5 is not 4", "5 is not 4", id="no-truth"),
        pytest.param(True, "True is said", "True is said", id="a-flag"),
    ],
)
def test_the_truth_is_blotted_out_of_reasons(truth, reason, shown) -> None:
    from assay import Reward, Status, Verdict
    from assay.offline.search import Candidate
    from assay.offline.search.revising import reasons_of

    verdict = Verdict.scored(0.0, False, reason)
    reward = Reward(
        value=0.0, unshaped=0.0, passed=False, status=Status.SCORED, verdicts={"v": verdict}
    )
    assert reasons_of(Candidate(sample=ASKED, reward=reward), truth) == [shown]


def test_a_real_source_does_not_tell_its_truth() -> None:
    table = Table(ends={"": [r"\boxed{5}"]})
    with Scorer("math.symbolic") as judge:
        asked = Sample(prompt="q", ground_truth="374")
        revise(asked, table, judge, rounds=3)
    assert len(table.wanted) == 3
    assert not any("374" in str(want.prompt) for want in table.wanted)


# steps of whole answers ----------------------------------------------------------------------


def test_whole_answers_are_cut_into_steps() -> None:
    whole = "one\n\ntwo\n\nthree"

    def generate(wanted):
        assert all(want.until == "end" for want in wanted)
        return [Written(whole[len(want.beginning) :], tokens=3) for want in wanted]

    steps = Stepwise(generate, "paragraphs")
    [first] = steps([Wanted(prompt="q", until="step")])
    assert first == Written("one\n\n", finished=False, tokens=3)
    [last] = steps([Wanted(prompt="q", beginning="one\n\ntwo\n\n", until="step")])
    assert last == Written("three", finished=True, tokens=3)
    with scorer({}, default=0.5) as judge:
        found = beam(ASKED, steps, judge, n=1, width=1)
        assert best_of_n(ASKED, steps, judge, n=1).text == whole
    assert (found.text, found.spent.calls, found.spent.tokens) == (whole, 3, 9)
    with pytest.raises(ConfigError, match="must give 1 continuations"):
        Stepwise(lambda wanted: [])([Wanted(prompt="q")])
