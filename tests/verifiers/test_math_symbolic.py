"""math.symbolic: equal mathematics, near misses, and texts made to hang a parser."""

from __future__ import annotations

import time

import pytest

from assay.core.types import Sample, Status, Verdict
from assay.verifiers.math.symbolic import math_symbolic


def judge(answer: str, truth: object) -> Verdict:
    verdict = math_symbolic.open({})(
        Sample(completion="\\boxed{" + answer + "}", ground_truth=truth)
    )
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        pytest.param("42", "42", id="text"),
        pytest.param("0.5", r"\frac12", id="number"),
        pytest.param(r"2\sqrt{3}", r"\sqrt{12}", id="radical"),
        pytest.param("2*sqrt(3)", r"2\sqrt{3}", id="plain-notation"),
        pytest.param(r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", id="rationalised"),
        pytest.param("x+x", "2x", id="like-terms"),
        pytest.param("(x+1)^2", "x^2+2x+1", id="expanded"),
        pytest.param("0.25x", r"\frac{x}{4}", id="decimal-coefficient"),
        pytest.param("x^10", "x^{10}", id="plain-power"),
        pytest.param("2^{10}", "1024", id="power"),
        pytest.param("5!", "120", id="factorial"),
        pytest.param(r"\log_2 8", "3", id="logarithm"),
        pytest.param(r"e^{i\pi}", "-1", id="euler"),
        pytest.param("3+2i", "2i+3", id="complex"),
        pytest.param(r"\sin^2 x+\cos^2 x", "1", id="trigonometric-identity"),
        pytest.param(r"10\pi", r"\pi\cdot 10", id="constants"),
        pytest.param("(1, 2)", "(1,2)", id="tuple"),
        pytest.param(r"\left(3,\frac{\pi}{2}\right)", r"(3,\pi/2)", id="tuple-of-expressions"),
        pytest.param("2,1", "1,2", id="bare-list-is-unordered"),
        pytest.param(r"\{1,2\}", "2,1", id="set-and-list"),
        pytest.param("x=1 or x=2", "1,2", id="solutions"),
        pytest.param(r"\pm 2", "2,-2", id="plus-minus"),
        pytest.param(r"(-\infty,3]\cup[5,\infty)", r"[5,\infty)\cup(-\infty,3]", id="union"),
        pytest.param("x=5", "5", id="named-value"),
        pytest.param("y=2x+1", "2x-y+1=0", id="equation"),
        pytest.param("x>5", "5<x", id="inequality-turned"),
        pytest.param("-2x<-10", "x>5", id="inequality-scaled"),
        pytest.param(
            r"\begin{pmatrix}0.5\\2\end{pmatrix}",
            r"\begin{pmatrix} \frac{1}{2} \\ 2 \end{pmatrix}",
            id="matrix",
        ),
    ],
)
def test_equal(answer: str, truth: str) -> None:
    verdict = judge(answer, truth)
    assert (verdict.score, verdict.passed) == (1.0, True), verdict


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        pytest.param("1", "2", id="number"),
        pytest.param("x", "X", id="case"),
        pytest.param("5", "5x", id="variable"),
        pytest.param("|x|", "x", id="only-for-positive"),
        pytest.param("(2,1)", "(1,2)", id="tuple-order"),
        pytest.param("(2,1)", "(3,1)", id="falling-tuples-are-not-empty-intervals"),
        pytest.param("[1,2]", "(1,2)", id="bracket-kind"),
        pytest.param("1,2", "1", id="list-for-one"),
        pytest.param("1,1,2", "1,2,2", id="multiplicity"),
        pytest.param("3 or 4", "3", id="hedge"),
        pytest.param("3=2", "2", id="falsehood"),
        pytest.param("x^2=2", "2", id="right-side"),
        pytest.param("x=1", "y=1", id="names"),
        pytest.param("x>5", "x<5", id="direction"),
        pytest.param(r"x\geq 5", "x>5", id="strictness"),
        pytest.param("x+y-1=0", "x-y-1=0", id="equation"),
        pytest.param("0=0", "x-5=0", id="tautology"),
        pytest.param(r"e^{10x}+10^{-7}", "e^{10x}", id="small-difference"),
        pytest.param("2^{-99}", "2^{-98}", id="small-numbers"),
        pytest.param(r"\frac{665857}{470832}", r"\sqrt{2}", id="convergent"),
        pytest.param(r"e^{\pi\sqrt{163}}", "262537412640768744", id="ramanujan"),
        pytest.param("(x-1)^{599}", "(x-1)^{600}", id="large-powers"),
        pytest.param(r"\sqrt[3]{8}", r"\sqrt{8}", id="root-index"),
        pytest.param(r"\frac{0}{0}", "0", id="undefined"),
        pytest.param(r"\infty", r"-\infty", id="infinities"),
        pytest.param("5 cm", "5 m", id="units"),
    ],
)
def test_different(answer: str, truth: str) -> None:
    verdict = judge(answer, truth)
    assert (verdict.score, verdict.passed) == (0.0, False), verdict


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param("9^{9^{9^{9}}}", id="tower"),
        pytest.param("9^{99999999}", id="large-power"),
        pytest.param("10000000!", id="factorial"),
        pytest.param("(9^9)!", id="factorial-of-power"),
        pytest.param("5!!!!", id="repeated-factorial"),
        pytest.param("(" * 200 + "1" + ")" * 200, id="brackets"),
        pytest.param("x^{" * 50 + "x" + "}" * 50, id="nested-powers"),
        pytest.param(r"\frac{1}{" * 60 + "1" + "}" * 60, id="nested-fractions"),
        pytest.param(r"\binom{1000000000}{500000000}", id="binomial"),
        pytest.param(r"\sum_{n=1}^{10^9} n", id="sum"),
        pytest.param(r"\int_0^1 x^x dx", id="integral"),
        pytest.param("1+" * 900 + "1", id="many-operators"),
        pytest.param("1," * 900 + "1", id="many-items"),
        pytest.param("{" * 900 + "}" * 900, id="braces"),
        pytest.param("__import__('os').system('true')", id="code"),
        pytest.param("(lambda: 42)()", id="lambda"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param(r"i^{304}=\left(i^{4}\right)^{76}=1^{76}=1", id="chain-sympy-cannot-rebuild"),
        pytest.param(r"\tan 90^\circ", id="pole"),
        pytest.param("x<i", id="complex-in-order"),
    ],
)
def test_hostile_text_is_judged_quickly(answer: str) -> None:
    judge("x", "y+1")  # the first call loads flint
    started = time.process_time()
    verdict = judge(answer, "43")
    assert (verdict.status, verdict.score) == (Status.SCORED, 0.0)
    assert time.process_time() - started < 1.0


def test_unreadable_mathematics_falls_back_to_text() -> None:
    assert judge(r"\begin{cases}1 & x", r"\begin{cases}1 & x").passed
    assert judge(r"\begin{cases}2 & x", r"\begin{cases}1 & x").evidence["stage"] == "unread"


@pytest.mark.parametrize(
    ("answer", "truth", "passed"),
    [
        pytest.param(r"\sum_{n=1}^{\infty} \frac{1}{n^2}", r"\frac{\pi^2}{6}", True, id="series"),
        pytest.param(r"\int_0^1 x^2 dx", r"\frac13", True, id="integral"),
        pytest.param(r"\int_0^1 x^2 dx", r"\frac12", False, id="other-integral"),
        pytest.param(r"\lim_{x \to 0} \frac{\sin x}{x}", "1", True, id="limit"),
        pytest.param("x^2<4", "(-2,2)", True, id="inequality-in-disguise"),
        pytest.param("x^2<4", "(-2,3)", False, id="another-interval"),
    ],
)
def test_sympy_decides_what_is_left(answer: str, truth: str, passed: bool) -> None:
    verdict = judge(answer, truth)
    assert (verdict.passed, verdict.evidence["stage"]) == (passed, "sympy"), verdict


def test_undecided_is_abstained_and_says_why() -> None:
    verdict = math_symbolic.open({"sympy": False})(
        Sample(completion=r"\boxed{7}", ground_truth=r"\sum_{n=0}^{\infty} n x^n")
    )
    assert (verdict.status, verdict.score) == (Status.ABSTAINED, None)
    assert "undecided" in verdict.reason


def test_evidence_names_forms_and_the_point_of_difference() -> None:
    verdict = judge("2x+1", r"2\sin x")
    assert verdict.evidence["given"] == "((2*x)+1)"
    assert "differs at x =" in verdict.reason


@pytest.mark.parametrize(
    ("completion", "truth", "strategy", "passed"),
    [
        pytest.param(
            r"$\frac{\sqrt2}{2}$", r"\frac{1}{\sqrt2}", "last_line", True, id="maths-alone"
        ),
        pytest.param(r"So we get $\sqrt{17}$ in the end.", r"\sqrt{17}", "maths", True, id="last"),
        pytest.param(r"Hence \[ x = \frac{1}{2} \]", "1/2", "maths", True, id="display"),
        pytest.param(r"\sqrt{17}", "17", "last_line", False, id="root-is-not-its-number"),
        pytest.param("La respuesta es 12.", "12", "answer_is", True, id="spanish"),
        pytest.param("La réponse finale est : 12", "12", "answer_is", True, id="french"),
        pytest.param("Die Antwort lautet 12.", "12", "answer_is", True, id="german"),
        pytest.param("答案是12。", "12", "answer_is", True, id="chinese"),
        pytest.param("Ответ: 12", "12", "answer_is", True, id="russian"),
        pytest.param("It is definitely not 42.", "42", "last_number", False, id="negated"),
    ],
)
def test_extraction(completion: str, truth: str, strategy: str, passed: bool) -> None:
    verdict = math_symbolic.open({})(Sample(completion=completion, ground_truth=truth))
    assert (verdict.evidence["strategy"], verdict.passed) == (strategy, passed), verdict


def test_strict_mode_wants_a_mark() -> None:
    judge_strictly = math_symbolic.open({"mode": "strict"})
    assert judge_strictly(Sample(completion=r"\boxed{42}", ground_truth="42")).passed
    assert not judge_strictly(Sample(completion="the answer is 42", ground_truth="42")).passed
