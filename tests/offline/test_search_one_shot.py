"""Best of N, votes, the limits and counts that all searches share, and hostile generators."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_tables import Table, scorer

from assay import Sample, Scorer
from assay.core.errors import ConfigError
from assay.offline import search
from assay.offline.search import (
    Limits,
    Written,
    best_of_n,
    majority,
    weighted_best_of_n,
)
from assay.offline.select.run import SelectOptions, select_file

ASKED = Sample(prompt="2+2?", ground_truth="4")
CHAT = Sample(prompt=[{"role": "user", "content": "2+2?"}], ground_truth="4")


def answers(*texts):
    return Table(ends={"": texts})


# best of N -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        pytest.param({"a": 0.1, "b": 0.9, "c": 0.5}, "b", id="the-highest"),
        pytest.param({"a": -3.0, "b": -1.0, "c": -2.0}, "b", id="negative-scores"),
        pytest.param({"a": "fault", "b": 0.0, "c": "abstain"}, "b", id="a-zero-before-no-score"),
        pytest.param({"a": 1.0, "b": "fault", "c": 1.0}, "a", id="tie-by-digest"),
    ],
)
def test_best_of_n(scores, chosen) -> None:
    with scorer(scores) as judge:
        found = best_of_n(ASKED, answers("a", "b", "c"), judge, n=3)
        turned = best_of_n(ASKED, answers("c", "b", "a"), judge, n=3)
    assert found.text == turned.text == chosen
    assert found.score == scores[chosen]
    assert [c.text for c in found.candidates] == ["a", "b", "c"]
    assert (found.spent.calls, found.spent.judged, found.spent.batches) == (3, 3, 1)
    assert found.candidates[0].verdicts["table.scores"].source == "table.scores"


def test_what_has_no_score_is_left_out_and_counted() -> None:
    with scorer({"a": "fault", "b": 0.3, "c": "abstain"}) as judge:
        found = best_of_n(ASKED, answers("a", "b", "c"), judge, n=3)
        assert found.left_out == {"failed": 1, "abstained": 1}
        nothing = best_of_n(ASKED, answers("a", "c"), judge, n=4)
    assert nothing.chosen is nothing.text is nothing.score is None
    assert nothing.reason == "nothing that was written has a value (abstained 2, failed 2)"
    assert len(nothing.candidates) == 4


def test_results_are_frozen_and_repeat() -> None:
    with Scorer("math.exact") as judge:
        runs = [best_of_n(ASKED, seeded, judge, n=6, seed=seed) for seed in (1, 1, 2)]
    assert runs[0].records() == runs[1].records() != runs[2].records()
    with pytest.raises(AttributeError):
        runs[0].method = "other"


def seeded(wanted):
    return [Written(rf"\boxed{{{want.seed % 7}}}", tokens=1) for want in wanted]


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=12), st.integers(0, 3))
def test_more_answers_are_never_worse(scores: list[float], seed: int) -> None:
    texts = {str(i): score for i, score in enumerate(scores)}

    def generate(wanted):
        return [str(want.seed % len(texts)) for want in wanted]

    with scorer(texts) as judge:
        found = [best_of_n(ASKED, generate, judge, n=n, seed=seed) for n in range(1, 9)]
    best = [result.score for result in found]
    assert best == sorted(best)
    for few, many in itertools.pairwise(found):
        assert [c.text for c in many.candidates][:-1] == [c.text for c in few.candidates]


def test_candidates_are_rows_that_select_reads(tmp_path) -> None:
    table = answers(r"\boxed{4}", r"\boxed{5}", "none", r"so \boxed{4}")
    with Scorer("math.exact") as judge:
        found = best_of_n(CHAT, table, judge, n=4)
    assert found.chosen.sample.completion[0]["role"] == "assistant"
    path, out = tmp_path / "scored.jsonl", tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in found.records()))
    select_file(str(path), out, SelectOptions(make="dpo"))
    [pair] = [json.loads(line) for line in out.read_text().splitlines()]
    assert "4" in pair["chosen"][0]["content"]
    assert "4" not in pair["rejected"][0]["content"]


# votes ---------------------------------------------------------------------------------------


def last(text: str) -> str | None:
    return text[-1] if text and text[-1].isalpha() else None


@pytest.mark.parametrize(
    ("scores", "majority_is", "weighted_is"),
    [
        pytest.param({"1a": 0.2, "2a": 0.2, "3b": 0.9}, "a", "b", id="they-differ"),
        pytest.param({"1a": 0.5, "2a": 0.5, "3b": 0.9}, "a", "a", id="the-sum-wins"),
        pytest.param({"1a": 0.1, "2b": 0.8, "3c": "fault"}, "b", "b", id="tie-goes-to-values"),
        pytest.param({"1a": "fault", "2a": "fault", "3b": 0.1}, "b", "b", id="faults-do-not-vote"),
        pytest.param({"1a": 0.0, "2a": 0.0, "3b": 0.0}, "a", "a", id="no-weights-at-all"),
    ],
)
def test_votes(scores, majority_is, weighted_is) -> None:
    with scorer(scores) as judge:
        most = majority(ASKED, answers(*scores), judge, n=3, answer=last)
        sums = weighted_best_of_n(ASKED, answers(*scores), judge, n=3, answer=last)
    assert (last(most.text), last(sums.text)) == (majority_is, weighted_is)


def test_sums_and_the_best_of_the_winner() -> None:
    with scorer({"1a": 0.25, "2a": 0.5, "3b": 0.7}) as judge:
        found = weighted_best_of_n(ASKED, answers("1a", "2a", "3b", "4?"), judge, n=4, answer=last)
    assert found.votes == {"a": 0.75, "b": 0.7}
    assert (found.text, found.score) == ("2a", 0.5)


@given(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=12), st.sampled_from([0.5, 0.25, 1.0])
)
def test_equal_weights_are_a_majority(letters: list[str], weight: float) -> None:
    texts = [f"{i}{letter}" for i, letter in enumerate(letters)]
    with scorer({}, default=weight) as judge:
        sums = weighted_best_of_n(ASKED, answers(*texts), judge, n=len(texts), answer=last)
        most = majority(ASKED, answers(*texts), judge, n=len(texts), answer=last)
    assert last(sums.text) == last(most.text)


def test_answers_as_the_verdicts_have_them() -> None:
    texts = (r"\boxed{4}", r"\boxed{5}", r"\boxed{ 4 }")
    with Scorer("math.exact") as judge:
        found = majority(Sample(prompt="?", ground_truth="5"), answers(*texts), judge, n=3)
    assert found.votes == {"4": 2.0, "5": 1.0}
    with Scorer("consensus.majority") as judge:
        found = majority(Sample(prompt="?"), answers(r"\boxed{1/2}", r"\boxed{3}", r"\boxed{0.5}"),
                         judge, n=3)  # fmt: skip
    assert sorted(found.votes.values()) == [1.0, 2.0]
    assert "3" not in found.text


def test_a_majority_needs_no_scorer_but_then_answers() -> None:
    found = majority(ASKED, answers("1a", "2b", "3a"), n=3, answer=last)
    assert last(found.text) == "a"
    assert found.score is None
    assert found.spent.judged == 0
    with pytest.raises(ConfigError, match="needs a scorer, or answer"):
        majority(ASKED, answers("1a"), n=1)
    unread = majority(ASKED, answers("1", "2"), n=2, answer=last)
    assert unread.reason == "no completion has a final answer that can be read"


# limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "calls", "judged", "stopped"),
    [
        pytest.param({}, 8, 8, "", id="no-limit"),
        pytest.param({"max_calls": 8}, 8, 8, "", id="just-enough"),
        pytest.param({"max_calls": 5}, 5, 5, "max_calls", id="calls"),
        pytest.param({"max_judged": 3}, 8, 3, "max_judged", id="judged"),
        pytest.param({"max_tokens": 25, "tokens_each": 10}, 2, 2, "max_tokens", id="tokens"),
        pytest.param({"max_tokens": 7, "tokens_each": 10}, 1, 1, "max_tokens", id="what-is-left"),
    ],
)
def test_limits_are_hard(limits, calls, judged, stopped) -> None:
    def generate(wanted):
        return [Written(str(want.seed), tokens=want.max_tokens) for want in wanted]

    with scorer({}) as judge:
        found = best_of_n(ASKED, generate, judge, n=8, limits=Limits(**limits))
    assert (found.spent.calls, found.spent.judged, found.spent.stopped) == (calls, judged, stopped)
    assert found.spent.tokens <= limits.get("max_tokens", 10**9)
    assert found.left_out.get("unjudged", 0) == calls - judged
    assert found.chosen is not None


@pytest.mark.parametrize(
    ("generate", "words"),
    [
        pytest.param(lambda wanted: ["a"], "must give 4 continuations", id="too-few"),
        pytest.param(lambda wanted: ["a"] * 5, "got 5", id="too-many"),
        pytest.param(
            lambda wanted: [7] * 4, "must give text, Written or None, got int", id="no-text"
        ),
        pytest.param(
            lambda wanted: [Written("a", tokens=9)] * 4, "gave 9 tokens where at most 8", id="long"
        ),
        pytest.param(lambda wanted: ["a"] * 4, "max_tokens = 99 can only be held", id="no-count"),
    ],
)
def test_generators_that_break_their_contract(generate, words) -> None:
    limits = Limits(max_tokens=99, tokens_each=8)
    with scorer({}) as judge, pytest.raises(ConfigError, match=words):
        best_of_n(ASKED, generate, judge, n=4, limits=limits)


def test_continuations_that_cannot_be_had_are_lost() -> None:
    with scorer({"a": 0.5}) as judge:
        found = best_of_n(ASKED, answers("a", None), judge, n=4)
        nothing = best_of_n(ASKED, answers(None), judge, n=4)
    assert (found.text, found.spent.calls, found.spent.lost) == ("a", 4, 2)
    assert nothing.reason == "the generator gave none of 4 continuations"


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "9" * 3_000_000, "\\boxed{" * 9_000])
def test_hostile_answers_do_not_win(text) -> None:
    with Scorer("math.exact") as judge:
        found = best_of_n(ASKED, answers(text, text, r"\boxed{4}"), judge, n=3)
    assert found.text == r"\boxed{4}"
    assert all(len(c.text) <= 1 << 20 for c in found.candidates)
    assert found.candidates[0].sample.truncated == (len(text) > 1 << 20)


@pytest.mark.parametrize("method", [best_of_n, majority, weighted_best_of_n])
def test_n_must_be_one_at_least(method) -> None:
    with scorer({}) as judge, pytest.raises(ConfigError, match="n: must be >= 1, got 0"):
        method(ASKED, answers("a"), judge, n=0)


# documentation -------------------------------------------------------------------------------


def run(*arguments, cwd):
    return subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, check=True, cwd=cwd
    ).stdout


def test_the_page_prints_what_it_says_and_names_everything(root, tmp_path) -> None:
    page = (root / "docs/search.md").read_text()
    code, output = re.search(r"```python\n(.*?)```\s*```text\n(.*?)```", page, re.DOTALL).groups()
    (tmp_path / "example.py").write_text(code)
    assert run("example.py", cwd=tmp_path) == output
    functions = [
        name for name in search.__all__ if name.islower() and name not in ("uct", "worth_of")
    ]
    settings = [*Limits.model_fields, *search.TreeSettings.model_fields]
    shown = {"tokens_each", "chars_each"}
    assert not [name for name in {*functions, *settings} - shown if name not in page]


def test_the_example_writes_pairs(root, tmp_path) -> None:
    printed = run(root / "examples/search.py", "--out", "pairs.jsonl", cwd=tmp_path)
    pairs = [json.loads(line) for line in (tmp_path / "pairs.jsonl").read_text().splitlines()]
    assert f"{len(pairs)} pairs of steps" in printed
    assert pairs
    assert all(pair["margin"] > 0 for pair in pairs)
