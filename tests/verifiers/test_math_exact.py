"""math.exact: right, wrong and spoilt answers, by how they are marked and how they are written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.types import Sample, Status, Verdict
from assay.verifiers.math.exact import math_exact
from assay.verifiers.math.normalise import normalise
from assay.verifiers.math.number import read_number


def judge(
    completion: str, truth: Any, extra: dict[str, Any] | None = None, **settings: Any
) -> Verdict:
    sample = Sample(completion=completion, ground_truth=truth, extra=extra or {})
    verdict = math_exact.open(settings)(sample)
    assert isinstance(verdict, Verdict)
    return verdict


RIGHT = [
    # how the answer is marked
    pytest.param(r"So \boxed{42}.", "42", "boxed", id="boxed"),
    pytest.param(r"\fbox{7}", "7", "boxed", id="fbox"),
    pytest.param(r"\boxed 42", "42", "boxed", id="boxed-without-braces"),
    pytest.param(r"\boxed{\boxed{42}}", "42", "boxed", id="boxed-twice"),
    pytest.param(r"first \boxed{10} and then \boxed{42}", "42", "boxed", id="last-box-revises"),
    pytest.param("\\boxed{1}\n\nso \\boxed{42}", "42", "boxed", id="last-box-of-lines"),
    pytest.param(r"\boxed{42}, not \boxed{41}", "42", "boxed", id="negated-box-is-passed-over"),
    pytest.param(r"\boxed{1}, \boxed{2}", "1,2", "boxed", id="boxes-side-by-side-are-a-list"),
    pytest.param(
        r"\boxed{0.5} or \boxed{\frac12}", "1/2", "boxed", id="one-value-twice-is-no-hedge"
    ),
    pytest.param("<answer>42</answer>", "42", "answer_tag", id="answer-tag"),
    pytest.param("<answer>1</answer><answer>42</answer>", "42", "answer_tag", id="last-answer-tag"),
    pytest.param(r"<answer>so $\boxed{42}$</answer>", "42", "boxed", id="box-in-answer-tag"),
    pytest.param("9 * 2 = 18\n#### 18", "18", "hash", id="hash"),
    pytest.param(
        "#### Step 2\nThe answer is 18.", "18", "answer_is", id="hash-heading-is-no-answer"
    ),
    pytest.param("The answer is 42.", "42", "answer_is", id="answer-is"),
    pytest.param("**Final Answer:** $\\frac{1}{2}$", "1/2", "answer_is", id="final-answer"),
    pytest.param("Final answer\n\n42", "42", "answer_is", id="answer-on-next-line"),
    pytest.param(
        "The answer is $18 every day at the farmers' market.", "18", "answer_is", id="words"
    ),
    pytest.param("The answer is 42, I hope it is correct.", "42", "answer_is", id="i-hope"),
    pytest.param("so it is 1,024", "1024", "last_number", id="last-number"),
    pytest.param("10-3=7", "7", "last_number", id="minus-between-numbers-is-no-sign"),
    pytest.param("it is 3/4 of it", "0.75", "last_number", id="last-fraction"),
    pytest.param(r"= \frac{3}{4}$", "0.75", "last_number", id="last-latex-fraction"),
    # how the value is written
    pytest.param(r"\boxed{1{,}024}", "1024", "boxed", id="latex-thousands"),
    pytest.param(r"\boxed{1\,024}", "1024", "boxed", id="thin-space-thousands"),
    pytest.param("\\boxed{1\u202f024}", "1024", "boxed", id="unicode-space-thousands"),
    pytest.param(r"\boxed{11,\! 880}", "11880", "boxed", id="minerva-thousands"),
    pytest.param(r"\boxed{\dfrac{3}{4}}", "0.75", "boxed", id="dfrac"),
    pytest.param(r"\boxed{\frac12}", r"\frac{1}{2}", "boxed", id="short-frac"),
    pytest.param(r"\boxed{-\frac{1}{2}}", "-0.5", "boxed", id="negative-fraction"),
    pytest.param(r"\boxed{2\frac{1}{3}}", "7/3", "boxed", id="mixed-number"),
    pytest.param(r"\boxed{1 1/4}", "5/4", "boxed", id="plain-mixed-number"),
    pytest.param(r"\boxed{5e3}", "5000", "boxed", id="exponent"),
    pytest.param(r"\boxed{5 \times 10^{3}}", "5000", "boxed", id="times-ten-to"),
    pytest.param(r"\boxed{50\%}", "0.5", "boxed", id="percent-is-a-hundredth"),
    pytest.param(r"\boxed{\$1,234.50}", "1234.5", "boxed", id="currency"),
    pytest.param("\\boxed{−5}", "-5", "boxed", id="unicode-minus"),
    pytest.param("\\boxed{１２}", "12", "boxed", id="full-width-digits"),
    pytest.param("\\boxed{½}", "0.5", "boxed", id="vulgar-fraction"),
    pytest.param(r"\boxed{42.}", "42", "boxed", id="trailing-period"),
    pytest.param(r"\boxed{.5}", "0.5", "boxed", id="leading-point"),
    pytest.param(r"\boxed{042}", "42", "boxed", id="leading-zero"),
    pytest.param(r"\boxed{42.0}", "42", "boxed", id="trailing-zero"),
    pytest.param(r"\boxed{x = 5}", "5", "boxed", id="named-value"),
    pytest.param(r"\boxed{5}", "x=5", "boxed", id="bare-value-of-named-truth"),
    pytest.param(r"\boxed{5\text{ cm}}", "5", "boxed", id="unit-beside-bare-truth"),
    pytest.param(r"\boxed{90^\circ}", "90", "boxed", id="degree-sign"),
    pytest.param(r"\boxed{\text{Evelyn}}", "evelyn", "boxed", id="word-without-case"),
    pytest.param(r"\boxed{\left( 1, 2 \right)}", "(1,2)", "boxed", id="spacing"),
    pytest.param(r"\boxed{x^{2}+1}", "x^2 + 1", "boxed", id="braces"),
    # how the ground truth is given
    pytest.param(r"\boxed{42}", 42, "boxed", id="int-truth"),
    pytest.param(r"\boxed{0.1}", 0.1, "boxed", id="float-truth"),
    pytest.param(r"\boxed{42}", ["42"], "boxed", id="list-of-one"),
    pytest.param(r"\boxed{18}", "9 * 2 = 18\n#### 18", "boxed", id="solution-with-hash"),
    pytest.param(r"\boxed{18}", r"thus $\boxed{18}$", "boxed", id="solution-with-box"),
]


@pytest.mark.parametrize(("completion", "truth", "strategy"), RIGHT)
def test_right(completion: str, truth: Any, strategy: str) -> None:
    verdict = judge(completion, truth)
    assert (verdict.score, verdict.passed) == (1.0, True), verdict
    assert verdict.evidence["strategy"] == strategy


WRONG = [
    pytest.param("", "42", id="empty"),
    pytest.param("no number here", "42", id="no-answer"),
    pytest.param(r"\boxed{25}", "5", id="suffix-is-not-equality"),
    pytest.param(r"\boxed{4", "4", id="unterminated-box"),
    pytest.param("\\boxed{42}\nAnd so \\boxed{4", "42", id="unterminated-last-box"),
    pytest.param(r"\boxed{}", "42", id="empty-box"),
    pytest.param(r"not \boxed{3}", "3", id="only-a-negated-box"),
    pytest.param(r"\boxed{3} or \boxed{4}", "3", id="hedge-or-first"),
    pytest.param(r"\boxed{3} or \boxed{4}", "4", id="hedge-or-last"),
    pytest.param("\\boxed{3}\nor\n\\boxed{4}", "4", id="hedge-over-lines"),
    pytest.param(r"a: \boxed{3}, b: \boxed{4}", "4", id="hedge-on-one-line"),
    pytest.param(r"\boxed{1}, \boxed{2}", "2", id="list-is-not-its-last"),
    pytest.param(r"\boxed{3 or 4}", "3", id="hedge-in-box"),
    pytest.param("The answer is 3 or 4.", "4", id="hedge-in-sentence"),
    pytest.param("The answer is 3, 4.", "3", id="list-in-sentence"),
    pytest.param("it is 3 or 4", "4", id="hedge-of-numbers"),
    pytest.param("<answer></answer> 42", "42", id="empty-answer-tag"),
    pytest.param(r"\boxed{50\%}", "50", id="percent-is-never-free"),
    pytest.param(r"\boxed{50}", "50%", id="bare-for-percent"),
    pytest.param(r"\boxed{0.333}", "1/3", id="rounded"),
    pytest.param(r"\boxed{123456789012345679}", "123456789012345678", id="beyond-float"),
    pytest.param(r"\boxed{1,23}", "123", id="no-thousands"),
    pytest.param(r"\boxed{1 2}", "12", id="blank-between-digits"),
    pytest.param(r"\boxed{12:30}", "12/30", id="time-is-no-ratio"),
    pytest.param(r"\boxed{5^2}", "52", id="power-is-no-digit"),
    pytest.param("\\boxed{5²}", "52", id="superscript-is-no-digit"),
    pytest.param("10^{5}", "5", id="exponent-is-not-the-last-number"),
    pytest.param(r"\boxed{3=2}", "2", id="right-side-of-falsehood"),
    pytest.param(r"\boxed{2x=2}", "2", id="right-side-of-equation"),
    pytest.param(r"\boxed{y=5}", "x=5", id="another-name"),
    pytest.param(r"\boxed{X}", "x", id="case-of-variables"),
    pytest.param(r"\boxed{5\text{ cm}}", r"5\text{ m}", id="another-unit"),
    pytest.param(r"\boxed{3 \text{ million}}", "3", id="scale-word"),
    pytest.param(r"\boxed{1/0}", "1", id="division-by-zero"),
    pytest.param(r"\boxed{1,2,3,\ldots}", "1,2,3", id="ellipsis-counts"),
    pytest.param("\\boxed{9e999999999}", "9", id="huge-exponent"),
    pytest.param("\\boxed{" + "9" * 10_000 + "}", "9", id="long-digits"),
    pytest.param("\u202e42\u202c", "42", id="bidi-override"),
]


@pytest.mark.parametrize(("completion", "truth"), WRONG)
def test_wrong(completion: str, truth: str) -> None:
    verdict = judge(completion, truth)
    assert (verdict.score, verdict.passed) == (0.0, False), verdict
    assert verdict.reason


SOLUTIONS = [
    ("She bakes 3 trays of 12 rolls, 3*12 = <<3*12=36>>36 rolls.\n#### 36", "36"),
    ("He pays $1,250 in two parts of $625 each, 2*625 = $<<2*625=1250>>1250.\n#### 1,250", "1,250"),
    ("The temperature falls by 9 from 4, so 4-9 = -5 degrees.\n#### -5", "-5"),
    ("Half of 5 litres is 5/2 = <<5/2=2.5>>2.5 litres.\n#### 2.5", "2.5"),
    ("That is 20% of 40, which is .2*40 = <<.2*40=8>>8 books.\n#### 8", "8"),
]
"""In the manner of GSM8K; ours."""


@pytest.mark.parametrize("order", [("boxed", "hash"), ("last_number",)])
def test_worked_solutions_pass_with_their_own_answer_and_with_no_other(
    order: tuple[str, ...],
) -> None:
    for row, (solution, _) in enumerate(SOLUTIONS):
        passed = [judge(solution, truth, extract=order).passed for _, truth in SOLUTIONS]
        assert passed == [row == other for other in range(len(SOLUTIONS))]


OPTIONS = {"options": ["A) 21", "B) 42", "C) 1/2", "D) none"]}


@pytest.mark.parametrize(
    ("completion", "truth", "extra", "passed"),
    [
        pytest.param("The answer is (B).", "B", OPTIONS, True, id="letter"),
        pytest.param(r"\boxed{42}", "B", OPTIONS, True, id="text-of-the-option"),
        pytest.param(r"\boxed{0.5}", "C", OPTIONS, True, id="number-of-the-option"),
        pytest.param("B", "42", OPTIONS, True, id="truth-is-the-text"),
        pytest.param(r"\boxed{\textbf{(B)}\ 42}", "B", OPTIONS, True, id="letter-and-text"),
        pytest.param("I choose option C", "C", OPTIONS, True, id="option-c"),
        pytest.param("so:\n**B.** 42", "B", OPTIONS, True, id="last-line"),
        pytest.param("Answer: B", "B", {"options": {"A": "x", "B": "y"}}, True, id="mapping"),
        pytest.param("Answer: (B)", "B", {}, True, id="letter-without-options"),
        pytest.param("The answer is (A).", "B", OPTIONS, False, id="other-letter"),
        pytest.param("Answer: B) 21", "B", OPTIONS, False, id="letter-and-text-disagree"),
        pytest.param("The answer is A or B.", "B", OPTIONS, False, id="hedge"),
        pytest.param("Answer: A, B", "B", OPTIONS, False, id="two-letters"),
        pytest.param(
            "A good question, nothing more", "A", OPTIONS, False, id="article-is-no-letter"
        ),
    ],
)
def test_choice(completion: str, truth: str, extra: dict[str, Any], passed: bool) -> None:
    assert judge(completion, truth, extra).passed is passed


@pytest.mark.parametrize(
    ("truth", "extra"),
    [
        pytest.param(None, {}, id="none"),
        pytest.param("", {}, id="empty"),
        pytest.param("  \n", {}, id="blank"),
        pytest.param("$ $", {}, id="only-delimiters"),
        pytest.param(True, {}, id="bool"),
        pytest.param(float("inf"), {}, id="infinite"),
        pytest.param(["1", "2"], {}, id="all-or-any"),
        pytest.param([["1"]], {}, id="list-in-list"),
        pytest.param({"answer": "1"}, {}, id="mapping"),
        pytest.param("x" * 30_000, {}, id="too-long"),
        pytest.param("99", OPTIONS, id="none-of-the-options"),
    ],
)
def test_bad_reference(truth: Any, extra: dict[str, Any]) -> None:
    verdict = judge(r"\boxed{1}", truth, extra)
    assert (verdict.status, verdict.score) == (Status.BAD_REFERENCE, None)


@pytest.mark.parametrize(
    ("order", "completion", "passed"),
    [
        pytest.param(["last_number"], r"\boxed{41} 42", True, id="only-last-number"),
        pytest.param(["boxed"], "The answer is 42", False, id="only-boxed"),
        pytest.param(
            ["answer_is", "boxed"], r"answer: 42 \boxed{41}", False, id="first-mark-decides"
        ),
        pytest.param(["whole"], " 42 ", True, id="whole"),
        pytest.param(["whole"], "it is 42", False, id="whole-is-all-of-it"),
    ],
)
def test_order_of_strategies(order: list[str], completion: str, passed: bool) -> None:
    assert judge(completion, "42", extract=order).passed is passed


@pytest.mark.parametrize("order", [["box"], [], ["boxed", "boxed"]])
def test_wrong_order_is_refused(order: list[str]) -> None:
    with pytest.raises(ConfigError, match="extract"):
        math_exact.open({"extract": order})


def test_unit_words_can_be_refused() -> None:
    assert judge(r"\boxed{42 apples}", "42").passed
    assert not judge(r"\boxed{42 apples}", "42", unit_words=False).passed


@given(st.integers(-(10**30), 10**30))
def test_every_spelling_of_an_integer_is_read(number: int) -> None:
    for text in (str(number), f"{number:,}", f"{number}.0", f"{number}.", f"${number}$"):
        assert read_number(normalise(text)) == number


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_every_spelling_of_a_fraction_is_equal(above: int, below: int) -> None:
    assert judge(rf"\boxed{{\frac{{{above}}}{{{below}}}}}", f"{above}/{below}").passed


@given(st.integers(), st.integers())
def test_numbers_are_equal_only_to_themselves(one: int, other: int) -> None:
    if len(str(one)) < 300 and len(str(other)) < 300:
        assert judge(f"\\boxed{{{one}}}", str(other)).passed is (one == other)


@given(st.text(st.characters(exclude_characters="\\{"), max_size=200))
def test_normalising_plain_text_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    if "\\" not in once:  # symbols such as π are written as commands
        assert normalise(once) == once
