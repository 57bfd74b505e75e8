"""The declared type of an answer, and the place in the text where it was found."""

from __future__ import annotations

import pytest

from assay.core.types import Sample, Status
from assay.verifiers.math.exact import math_exact
from assay.verifiers.math.symbolic import math_symbolic

RIGHT, WRONG, BAD = "right", "wrong", "bad reference"

CASES = [
    # expects, ground truth, answer, outcome, outcome without a declared type
    ("number", "5", "5", RIGHT, RIGHT),
    ("number", "5", "x = 5", RIGHT, RIGHT),
    ("number", "5", "x + 5", WRONG, WRONG),
    ("number", r"\frac{\pi}{2}", "pi/2", RIGHT, RIGHT),
    ("number", "x + 5", "x + 5", BAD, RIGHT),
    ("number", "(1, 2)", "(1, 2)", BAD, RIGHT),
    ("expression", "2x", "x + x", RIGHT, RIGHT),
    ("expression", "y = 2x", "x + x", RIGHT, RIGHT),
    ("expression", "2x", "2x < 3", WRONG, WRONG),
    ("expression", "x < 2", "x < 2", BAD, RIGHT),
    ("set", "1, 2", "2, 1", RIGHT, RIGHT),
    ("set", r"\{1, 2\}", "2, 1", RIGHT, RIGHT),
    ("set", "1, 2", "(2, 1)", WRONG, WRONG),
    ("set", "1, 2", "1, 2, 2", RIGHT, WRONG),
    ("set", "5", r"\{5\}", RIGHT, RIGHT),
    ("set", "(1, 2)", "(1, 2)", BAD, RIGHT),
    ("tuple", "1, 2", "1, 2", RIGHT, RIGHT),
    ("tuple", "1, 2", "2, 1", WRONG, RIGHT),
    ("tuple", "(1, 2)", "1, 2", RIGHT, WRONG),
    ("tuple", "(1, 2)", r"\{1, 2\}", WRONG, WRONG),
    ("tuple", "(1, 2)", r"\begin{pmatrix}1\\2\end{pmatrix}", RIGHT, RIGHT),
    ("tuple", "5", "5", BAD, RIGHT),
    ("interval", "(1, 2)", "1 < x < 2", RIGHT, RIGHT),
    ("interval", "(1, 2)", r"\{1, 2\}", WRONG, WRONG),
    ("interval", r"(-\infty, 2]", r"x \le 2", RIGHT, RIGHT),
    ("interval", "5", "5", BAD, RIGHT),
    (
        "matrix",
        r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
        r"\begin{bmatrix}1&2\\3&4\end{bmatrix}",
        RIGHT,
        RIGHT,
    ),
    ("matrix", r"\begin{pmatrix}1\\2\end{pmatrix}", "(1, 2)", WRONG, RIGHT),
    ("equation", "y = 2x + 1", "2x - y + 1 = 0", RIGHT, RIGHT),
    ("equation", "y = 2x + 1", "2x + 1", WRONG, RIGHT),
    ("equation", "2x + 1", "y = 2x + 1", BAD, RIGHT),
    ("choice", "B", "(B)", RIGHT, RIGHT),
    ("choice", "B", "A", WRONG, WRONG),
    ("choice", "12", "12", BAD, RIGHT),
    ("text", "Monday", "monday", RIGHT, RIGHT),
    ("text", "Monday", "5", WRONG, WRONG),
    ("text", "5", "5", BAD, RIGHT),
]


def judged(truth: str, answer: str, **settings: object) -> str:
    verdict = math_symbolic.open(settings)(
        Sample(completion=f"So \\boxed{{{answer}}}.", ground_truth=truth).view("answer")
    )
    if verdict.status is Status.BAD_REFERENCE:
        return BAD
    assert verdict.status is Status.SCORED, verdict
    return RIGHT if verdict.passed else WRONG


@pytest.mark.parametrize(("expects", "truth", "answer", "outcome", "bare"), CASES)
def test_the_declared_type_narrows_and_settles(
    expects: str, truth: str, answer: str, outcome: str, bare: str
) -> None:
    assert judged(truth, answer, expects=expects) == outcome
    assert judged(truth, answer) == bare


def test_a_letter_may_be_a_variable_where_an_expression_is_expected() -> None:
    assert judged("B", "1B", expects="expression") == RIGHT
    assert judged("B", "2B", expects="expression") == WRONG


MARKED = [
    ("First 3. So \\boxed{42} it is.", "\\boxed{42}"),
    ("So \\boxed{1} and \\boxed{2}.", "\\boxed{1} and \\boxed{2}"),
    ("either \\boxed{1} or \\boxed{2}", "\\boxed{1} or \\boxed{2}"),
    ("7 <answer> 42 </answer> 9", "<answer> 42 </answer>"),
    ("work 1+1\n#### 42\n", "#### 42"),
    ("42? No. The answer is 42 apples, I think.\nBye", "answer is 42 apples, I think."),
    ("We get\nx = 42\n", "x = 42"),
    ("We get $y = 42$ for all of them", "$y = 42$"),
    ("There are 1,042 of them", "1,042"),
    ("½ of them is −42 in all", "−42"),
    ("It covers 5 m^2 in all", "5"),
]


@pytest.mark.parametrize(("text", "marked"), MARKED)
def test_the_evidence_says_where_the_answer_stands(text: str, marked: str) -> None:
    verdict = math_exact.open({})(Sample(completion=text, ground_truth="42").view("answer"))
    assert verdict.evidence is not None
    start, end = verdict.evidence["span"]
    assert text[start:end] == marked


HEDGES = [
    r"\boxed{3} or \boxed{4}",
    r"Either \boxed{3} or perhaps \boxed{4}.",
    "The answer is 3 or 4.",
    "It is $3$ or $4$",
    "There may be 3 or 4",
]


@pytest.mark.parametrize("text", HEDGES)
def test_a_hedge_is_wrong_unless_the_recipe_says_so(text: str) -> None:
    for truth in ("3", "4"):
        sample = Sample(completion=text, ground_truth=truth).view("answer")
        assert not math_symbolic.open({})(sample).passed
        assert math_symbolic.open({"hedge": "last"})(sample).passed is (truth == "4")


@pytest.mark.parametrize(
    ("truth", "right", "wrong"),
    [
        (r"\boxed{4} or \boxed{6}", r"\{4, 6\}", "6"),
        (r"\boxed{4}; so in the end \boxed{6} and \boxed{9}", "6, 9", "4, 6, 9"),
        (r"either \boxed{4} or, wait, thus \boxed{6}", "6", "4, 6"),
    ],
)
def test_a_ground_truth_may_hold_several_boxes(truth: str, right: str, wrong: str) -> None:
    call = math_symbolic.open({})
    for answer, passed in ((right, True), (wrong, False)):
        sample = Sample(completion=f"\\boxed{{{answer}}}", ground_truth=truth).view("answer")
        assert call(sample).passed is passed, answer


def test_strict_mode_wants_a_mark() -> None:
    bare = Sample(completion="42", ground_truth="42").view("answer")
    assert math_symbolic.open({})(bare).passed
    assert not math_symbolic.open({"mode": "strict"})(bare).passed
