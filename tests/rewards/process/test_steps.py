"""Adding up, shaping, labels by roll-outs, pairs of steps, and the audit list."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import Reward, Sample, Scorer, Status, Verdict, source
from assay.core.errors import ConfigError
from assay.core.splitters import split
from assay.core.step_pairs import Candidate, step_pairs
from assay.core.types import Step
from assay.rewards.process.adding import added_up, potential_steps
from assay.rewards.process.audit import doubtful
from assay.rewards.process.rollouts import label_steps, stepwise_row, verdicts_of


@pytest.mark.parametrize(
    ("how", "score"), [("last", 0.5), ("min", 0.2), ("product", 0.08), ("mean", 0.5)]
)
def test_added_up(how: str, score: float) -> None:
    assert added_up([0.8, 0.2, 0.5], how) == pytest.approx(score)  # type: ignore[arg-type]


@pytest.mark.parametrize(("scores", "how"), [([], "min"), ([0.5, 1.5], "product")])
def test_added_up_refuses(scores: list[float], how: str) -> None:
    with pytest.raises(ConfigError, match="added_up"):
        added_up(scores, how)  # type: ignore[arg-type]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(-5, 5), st.floats(-5, 5))
def test_shaping_adds_no_reward(scores: list[float], outcome: float, start: float) -> None:
    steps = potential_steps(scores, outcome=outcome, start=start)
    assert len(steps) == len(scores)
    assert sum(steps) == pytest.approx(outcome - start, abs=1e-9)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(0, 1), st.floats(-5, 5))
def test_the_discounted_return_moves_by_the_start_alone(
    scores: list[float], gamma: float, start: float
) -> None:
    steps = potential_steps(scores, gamma, start=start)
    assert sum(gamma**t * r for t, r in enumerate(steps)) == pytest.approx(-start, abs=1e-9)


def test_golden_shaping() -> None:
    assert potential_steps([0.5, 0.75, 0.9], 0.9, outcome=1.0) == pytest.approx(
        [0.45, 0.9 * 0.75 - 0.5, 1.0 - 0.75]
    )
    assert potential_steps([]) == []
    with pytest.raises(ConfigError, match="gamma"):
        potential_steps([1.0], 1.5)


# roll-outs ---------------------------------------------------------------------------------


def going_on(samples: Sequence[Sample], n: int) -> list[list[str]]:
    """A policy that ends well in half of its attempts, unless a wrong step stands there."""
    return [
        [("x" if "bad" in s.text else "ok" if i % 2 else "x") + f"{i}" for i in range(n)]
        for s in samples
    ]


def ends_well(samples: Sequence[Sample]) -> list[bool | None]:
    return [None if s.text.endswith("3") else "ok" in s.text for s in samples]


ANSWER = Sample(prompt="q", completion="good\nbad\nok")


def test_labels_count_continuations() -> None:
    spans = [split(ANSWER.text, "lines")]
    [labels] = label_steps([ANSWER], spans, going_on, ends_well, n=4)
    assert [(label.passed, label.judged) for label in labels] == [(1, 3), (0, 3), (1, 1)]
    assert [label.soft for label in labels] == [pytest.approx(1 / 3), 0.0, 1.0]
    assert [label.hard for label in labels] == [True, False, True]
    row = stepwise_row(ANSWER, labels)
    assert row["completions"] == ["good\n", "bad\n", "ok"]
    assert row["labels"] == [True, False, True]


def test_what_nobody_judged_has_no_label() -> None:
    spans = [split(ANSWER.text, "lines")]
    [labels] = label_steps([ANSWER], spans, going_on, lambda s: [None] * len(s), n=2)
    assert [(label.soft, label.hard) for label in labels] == [(None, None)] * 3
    assert stepwise_row(ANSWER, labels)["labels"] == []


def test_a_recipe_verifies() -> None:
    @source("demo.even", version="1", scale="binary", runs="inline")
    def even(sample: Sample) -> Verdict:
        if "?" in sample.text:
            return Verdict.unscored(Status.FAILED, "cannot tell")
        good = len(sample.text) % 2 == 0
        return Verdict.scored(float(good), good)

    with Scorer(even) as scorer:
        said = verdicts_of(scorer)([Sample(completion=text) for text in ("aa", "a", "?")])
    assert said == [True, False, None]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"spans": []}, "spans", id="spans"),
        pytest.param({"n": 0}, "n: must be >= 1", id="n"),
        pytest.param({"generate": lambda s, n: [["a"]]}, "generate: must give", id="written"),
        pytest.param({"verify": lambda s: []}, "verify: gave 0", id="said"),
    ],
)
def test_wrong_counts_are_refused(change: dict[str, object], words: str) -> None:
    given_ = {
        "samples": [ANSWER],
        "spans": [split(ANSWER.text, "lines")],
        "generate": going_on,
        "verify": ends_well,
    }
    with pytest.raises(ConfigError, match=words):
        label_steps(**(given_ | change))  # type: ignore[arg-type]


# pairs and audit ---------------------------------------------------------------------------


def test_step_pairs_are_the_best_against_the_worst() -> None:
    found = step_pairs(
        "q",
        "a\n",
        [Candidate("1", 0.9), Candidate("2", 0.5), Candidate("3", 0.1), Candidate("3", 0.8)],
        each=1,
    )
    assert found == [
        {"prompt": "q", "chosen": "a\n1", "rejected": "a\n3", "margin": pytest.approx(0.8)}
    ]
    chat = [{"role": "user", "content": "q"}]
    [pair] = step_pairs(chat, "", [Candidate("1", 1.0), Candidate("2", 0.0)])
    assert pair["chosen"] == [{"role": "assistant", "content": "1"}]


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from([0.0, 0.5, 1.0])), max_size=8),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.6]),
)
def test_pairs_differ_and_are_in_order(
    given_: list[tuple[str, float]], each: int, margin: float
) -> None:
    found = step_pairs("q", "", [Candidate(*one) for one in given_], each=each, margin=margin)
    assert len(found) <= each * each
    for pair in found:
        assert pair["chosen"] != pair["rejected"]
        assert pair["margin"] > 0
        assert pair["margin"] >= margin


def reward(passed: bool | None, score: float | None, steps: list[float]) -> Reward:
    outcome = Verdict.scored(float(bool(passed)), passed)
    placed = [Step(start=i, end=i + 1, score=s) for i, s in enumerate(steps)]
    process = (
        Verdict.unscored(Status.FAILED, "no")
        if score is None
        else Verdict.scored(score, steps=placed)
    )
    return Reward(
        value=1.0,
        unshaped=1.0,
        passed=passed,
        status=Status.SCORED,
        verdicts={"right": outcome, "prm": process},
    )


def test_right_answers_with_doubtful_steps_come_lowest_first() -> None:
    rewards = [
        reward(True, 0.4, [0.9, 0.4]),
        reward(True, 0.9, [0.9]),
        reward(False, 0.1, [0.1]),
        reward(True, 0.1, [0.1, 0.2]),
        reward(True, None, []),
    ]
    samples = [Sample(completion=f"{n}") for n in range(5)]
    found = doubtful(samples, rewards, outcome="right", process="prm")
    assert [(d.place, d.score, d.worst) for d in found] == [(3, 0.1, (0, 1)), (0, 0.4, (1, 2))]
    with pytest.raises(ConfigError, match="no source 'prn'"):
        doubtful(samples, rewards, outcome="right", process="prn")
