"""What is measured of a judge, against counts by hand; a missing score is never a wrong answer."""

from __future__ import annotations

from typing import Any

import pytest

from assay import Status, Verdict
from assay.offline.judge_measures import (
    Judged,
    JudgedPair,
    consistency,
    costs,
    decision,
    label_measures,
    outcomes,
    pair_measures,
)


def said(score: float, passed: bool | None = None, **more: Any) -> Verdict:
    return Verdict.scored(score, passed, **more)


FAULT = Verdict.unscored(Status.FAILED, "the server was down")
BAD_REFERENCE = Verdict.unscored(Status.BAD_REFERENCE, "no ground truth")


def judged(verdict: Verdict, label: float, chars: int = 10) -> Judged:
    return Judged(verdict=verdict, label=label, chars=chars)


@pytest.mark.parametrize(
    ("verdict", "bar", "accepts"),
    [
        pytest.param(said(0.9), None, True, id="from-one-half"),
        pytest.param(said(0.9, False), None, False, id="its-own-bar"),
        pytest.param(said(0.9, False), 0.8, True, id="a-given-bar-wins"),
        pytest.param(said(3.0), None, None, id="unbounded-has-no-bar"),
        pytest.param(said(3.0), 2.0, True, id="unbounded-with-a-bar"),
        pytest.param(FAULT, 0.0, None, id="fault"),
    ],
)
def test_decision(verdict: Verdict, bar: float | None, accepts: bool | None) -> None:
    assert decision(verdict, bar) is accepts


LABELLED = [
    judged(said(0.9, confidence=0.8), 1, 30),
    judged(said(0.8, confidence=0.8), 1, 20),
    judged(said(0.2, confidence=0.6), 1, 10),
    judged(said(0.6, confidence=0.6), 0, 25),
    judged(said(0.1, confidence=0.9), 0, 5),
    judged(FAULT, 0),
    judged(BAD_REFERENCE, 1),
]


def test_yes_and_no_against_labels() -> None:
    found = label_measures(LABELLED)
    assert (found["answers"], found["judged"]) == (7, 5)
    assert found["unjudged"] == {"faults": 1, "by_status": {"bad_reference": 1, "failed": 1}}
    made = found["decisions"]
    assert (made["accuracy"]["count"], made["accuracy"]["n"]) == (3, 5)
    assert (made["false_accepts"]["count"], made["false_accepts"]["n"]) == (1, 2)
    assert (made["false_rejects"]["count"], made["false_rejects"]["n"]) == (1, 3)
    assert made["kappa"] == pytest.approx((0.6 - 0.52) / 0.48)
    assert made["auroc"] == pytest.approx(5 / 6)
    # score as a chance: (.01 + .04 + .64 + .36 + .01) / 5; confidence: .04, .04, .36, .36, .01
    assert made["calibration_of_score"]["brier"] == pytest.approx(1.06 / 5)
    assert made["calibration_of_confidence"]["brier"] == pytest.approx(0.81 / 5)
    # bins .6 (0 of 2 right), .8 (2 of 2), .9 (1 of 1): (2 x .6 + 2 x .2 + .1) / 5
    assert made["calibration_of_confidence"]["error"] == pytest.approx(1.7 / 5)
    assert "grades" not in found
    assert found["length"]["correlation"] == pytest.approx(0.92695, abs=1e-5)


def test_faults_change_no_rate() -> None:
    clean, dirty = label_measures(LABELLED[:5]), label_measures([*LABELLED, judged(FAULT, 1)])
    assert clean["decisions"] == dirty["decisions"]
    assert clean["length"] == dirty["length"]


def test_a_judge_that_states_no_confidence_is_not_held_to_it() -> None:
    made = label_measures([judged(said(1.0), 1), judged(said(0.0), 0)])["decisions"]
    assert "calibration_of_confidence" not in made
    assert made["calibration_of_score"]["error"] == 0.0


def test_grades() -> None:
    rows = [(0.0, 1), (0.3, 2), (0.55, 3), (1.0, 4), (1.0, 5), (0.5, 5)]
    found = label_measures([judged(said(s), g) for s, g in rows], good_from=3)
    grades = found["grades"]
    assert grades["levels"] == [1.0, 2.0, 3.0, 4.0, 5.0]
    # stretched over 1 to 5: 1, 2.2, 3.2, 5, 5, 3
    assert (grades["exact"]["count"], grades["within_one"]["count"]) == (4, 5)
    assert grades["kappa_quadratic"] > grades["kappa_linear"] > grades["kappa"]
    assert (found["decisions"]["accuracy"]["count"], found["decisions"]["false_accepts"]["n"]) == (
        6,
        2,
    )


@pytest.mark.parametrize(
    ("scores", "labels", "levels"),
    [
        pytest.param([2.0, 4.0], [2, 4], [2, 3, 4], id="the-grades-own-scale"),
        pytest.param([0.2, 0.9], [0.0, 0.5], [0.0, 0.5], id="grades-inside-the-unit"),
        pytest.param([-3.0, 9.0], [1, 2], None, id="no-scale-in-common"),
        pytest.param([0.5, 0.5], [3, 3], None, id="one-grade"),
    ],
)
def test_which_grade_a_score_is(
    scores: list[float], labels: list[float], levels: list[float] | None
) -> None:
    rows = [judged(said(s), label) for s, label in zip(scores, labels, strict=True)]
    assert label_measures(rows)["grades"].get("levels") == levels


def test_nothing_judged_is_no_error() -> None:
    found = label_measures([judged(FAULT, 1)])
    assert (found["judged"], found["decisions"]["accuracy"]["rate"]) == (0, None)
    assert label_measures([judged(FAULT, 3)])["grades"]["spearman"] is None
    assert pair_measures([])["accuracy"]["n"] == 0


def pair(
    c: float, r: float, swapped: tuple[float, float] | None = None, chars: tuple[int, int] = (9, 9)
) -> JudgedPair:
    other = None if swapped is None else (said(swapped[0]), said(swapped[1]))
    return JudgedPair(chosen=said(c), rejected=said(r), swapped=other, chars=chars)


def test_pairs_without_an_order() -> None:
    pairs = [
        pair(0.9, 0.1, chars=(100, 95)),
        pair(0.5, 0.5, chars=(100, 100)),
        pair(0.8, 0.2, chars=(200, 100)),
        pair(0.2, 0.8, chars=(50, 100)),
        JudgedPair(chosen=said(0.9), rejected=FAULT, chars=(1, 1)),
    ]
    found = pair_measures(pairs)
    assert (found["pairs"], found["judged"]) == (5, 4)
    assert found["unjudged"] == {"faults": 1, "by_status": {"failed": 1}}
    assert (found["accuracy"]["count"], found["accuracy"]["n"]) == (2, 4)
    assert found["accuracy_of_decided"]["rate"] == pytest.approx(2 / 3)
    assert found["ties"]["count"] == 1
    assert "position" not in found
    length = found["length"]
    assert (length["matched"]["count"], length["matched"]["n"]) == (1, 2)
    assert (length["chosen_longer"]["rate"], length["rejected_longer"]["rate"]) == (1.0, 0.0)
    assert (length["prefers_longer"]["count"], length["prefers_longer"]["n"]) == (2, 2)
    assert length["correlation_unmatched"] == pytest.approx(1.0)


def test_position_bias() -> None:
    pairs = [
        pair(1.0, 0.0, swapped=(1.0, 0.0)),  # right in both
        pair(1.0, 0.0, swapped=(0.0, 1.0)),  # whichever is first
        pair(1.0, 0.0, swapped=(0.0, 1.0)),
        pair(0.0, 1.0, swapped=(1.0, 0.0)),  # whichever is last
        pair(0.5, 0.5, swapped=(1.0, 0.0)),  # a tie, then right: a flip, and right in sum
    ]
    found = pair_measures(pairs)
    assert (found["accuracy"]["count"], found["ties"]["count"]) == (2, 3)
    position = found["position"]
    assert (position["flips"]["count"], position["flips"]["n"]) == (4, 5)
    assert position["for_the_first"]["count"] == 2
    assert position["accuracy_chosen_first"]["count"] == 3
    assert position["accuracy_chosen_last"]["count"] == 3


def test_consistency_and_costs() -> None:
    runs = [outcomes([judged(v, 1) for v in row], None) for row in (
        [said(0.9), said(0.2), FAULT, said(7.0)],
        [said(0.7), said(0.8), said(0.5), said(7.5)],
    )]  # fmt: skip
    assert consistency(runs)["equal"]["count"] == 1
    assert consistency(runs)["equal"]["n"] == 3
    bills = [said(0.5, cost={"tokens": 30.0, "asks": 2.0}, seconds=0.5), FAULT]
    found = costs(bills, 4.0)
    assert found["per_thousand"] == {
        "asks": 1000.0, "tokens": 15_000.0, "money": 0.0, "judge_seconds": 250.0, "seconds": 2000.0,
    }  # fmt: skip
    assert costs([], 0.0)["per_thousand"]["tokens"] is None
