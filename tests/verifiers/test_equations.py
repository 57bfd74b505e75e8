"""math.equations: what is read as an equation, what of it is paid, and what padding earns."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.types import Sample, Status, Verdict
from assay.verifiers.math.equations import (
    MAX_CHARS,
    MAX_EQUATIONS,
    equations_in,
    math_equations,
)


def judge(completion: Any, truth: Any = None, **settings: Any) -> Verdict:
    verdict = math_equations.open(settings)(Sample(completion=completion, ground_truth=truth))
    assert isinstance(verdict, Verdict)
    return verdict


def read(text: str) -> list[tuple[str, bool]]:
    """Each equation as written, and whether it is true."""
    return [(text[found.start : found.end], found.true) for found in equations_in(text)]


TRUE = [
    pytest.param("4-7=-3", id="negative-result"),
    pytest.param("-3+5=2", id="negative-first"),
    pytest.param("3--8=11", id="minus-a-negative"),
    pytest.param("−3 – 5 = ﹣8", id="unicode-minus"),
    pytest.param("2\u00a0+\u20093=5", id="unicode-blanks"),
    pytest.param("２＋３＝５", id="full-width"),
    pytest.param("3×4=12", id="times"),
    pytest.param("3·4=2*6", id="dots-and-stars"),
    pytest.param(r"3\times4\div 2=2\cdot 3", id="latex"),
    pytest.param("6÷4=1.5", id="division"),
    pytest.param("6/4/3=.5", id="division-from-the-left"),
    pytest.param("2+3*4=14", id="products-before-sums"),
    pytest.param("0.1+0.2=0.3", id="decimals-are-exact"),
    pytest.param("7=10-3", id="result-first"),
    pytest.param("2+3=5.0=5", id="chain"),
    pytest.param("9999999999999999+1=10000000000000000", id="beyond-floats"),
]


@pytest.mark.parametrize("text", TRUE)
def test_true(text: str) -> None:
    assert read(text) == [(text, True)]
    verdict = judge(text)
    assert (verdict.score, verdict.passed) == (1.0, True)
    assert [(s.start, s.end, s.score) for s in verdict.steps] == [(0, len(text), 1.0)]


FALSE = [
    pytest.param("3-8=5", id="dropped-sign"),
    pytest.param("9999999999999999+1=9999999999999999", id="beyond-floats"),
    pytest.param("1/3=0.333", id="rounded"),
    pytest.param("2+3=5+1=6", id="running-on"),
    pytest.param("2+3=5=6", id="chain-that-ends-wrong"),
    pytest.param("5+0=6", id="nothing-added-and-wrong"),
    pytest.param("1/0=1/0", id="division-by-zero"),
    pytest.param("0/0=0", id="zero-by-zero"),
]


@pytest.mark.parametrize("text", FALSE)
def test_false(text: str) -> None:
    assert read(text) == [(text, False)]
    verdict = judge(text)
    assert (verdict.score, verdict.passed) == (0.0, False)
    assert [(s.start, s.end, s.score) for s in verdict.steps] == [(0, len(text), 0.0)]


FOUND = [
    pytest.param("7+8=15,15-4=11", [("7+8=15", True), ("15-4=11", True)], id="commas"),
    pytest.param("1+1=2. 2+2=5.", [("1+1=2", True), ("2+2=5", False)], id="sentences"),
    pytest.param("1+1=2\n2+2=5", [("1+1=2", True), ("2+2=5", False)], id="lines"),
    pytest.param("<think>3-8=-5</think>", [("3-8=-5", True)], id="tags"),
    pytest.param("x = 3+4 = 7", [("3+4 = 7", True)], id="named"),
    pytest.param("so -3+4=1", [("-3+4=1", True)], id="sign-behind-a-word"),
    pytest.param("is 3+4=<<3+4=7>>7", [("3+4=7", True)], id="calculator"),
    pytest.param(r"\(3+4=7\) and $1+1=2$", [("3+4=7", True), ("1+1=2", True)], id="latex-marks"),
    pytest.param("**3+4=7**", [("3+4=7", True)], id="bold"),
    pytest.param("- 3+4=7\n* 1+1=2", [("3+4=7", True), ("1+1=2", True)], id="list"),
    pytest.param("所以3+4=7。", [("3+4=7", True)], id="chinese"),
    pytest.param("at 5:123+1=124", [("123+1=124", True)], id="colon-before-three-digits"),
    pytest.param("3 + 4 = 7 apples", [("3 + 4 = 7", True)], id="words-behind"),
]


@pytest.mark.parametrize(("text", "found"), FOUND)
def test_found_in_a_text(text: str, found: list[tuple[str, bool]]) -> None:
    assert read(text) == found


UNREAD = [
    pytest.param("", id="empty"),
    pytest.param("no equation", id="words"),
    pytest.param("1=1", id="no-operation"),
    pytest.param("$1 = 100 cents", id="units-differ"),
    pytest.param("3+4=", id="no-result"),
    pytest.param("3-8=-", id="cut-off"),
    pytest.param("3+4==7", id="two-signs"),
    pytest.param("2+3!=6", id="unequal"),
    pytest.param("2+3<=6", id="at-most"),
    pytest.param("x+3+4=7", id="letter-before"),
    pytest.param("x -3+4=1", id="letter-and-blank-before"),
    pytest.param("3+4=7x", id="letter-behind"),
    pytest.param(r"3+4=7\text{ cm}", id="unit-behind"),
    pytest.param("2*500000=1 million", id="scale-behind"),
    pytest.param("2*(3+4)=14", id="brackets"),
    pytest.param("(2) -3=4", id="bracket-before"),
    pytest.param("3+4=1(7)", id="bracket-behind"),
    pytest.param("2^3+1=9", id="power"),
    pytest.param("2**3+1=9", id="power-of-stars"),
    pytest.param("1+3=2^2", id="power-behind"),
    pytest.param("1+3=2²", id="superscript-behind"),
    pytest.param("1+8=3**2", id="stars-behind"),
    pytest.param(r"\frac{1}{2} + 3 = 4", id="latex-fraction"),
    pytest.param("10%+5=6", id="per-cent"),
    pytest.param("1,000+5=1005", id="thousands"),
    pytest.param("5+995=1,000", id="thousands-behind"),
    pytest.param("7+8=15,154+1=155", id="thousands-or-two-numbers"),
    pytest.param("1 000+5=1005", id="blank-inside"),
    pytest.param("1.2.3+1=2", id="version"),
    pytest.param("9" * 41 + "+1=1", id="long-number"),
    pytest.param("1+" * 64 + "1=65", id="many-numbers"),
    pytest.param("1+" * 40 + "1=" + "1+" * 40 + "1", id="many-numbers-on-two-sides"),
    pytest.param("so - 3+4=1", id="minus-between-blanks"),
    pytest.param("so - 3+4=7", id="dash-between-blanks"),
    pytest.param("__import__('os').system('1')+1=1", id="code"),
    pytest.param("1+1\u202e=2", id="bidi-control"),
]


@pytest.mark.parametrize("text", UNREAD)
def test_what_is_not_read_is_neither_paid_nor_charged(text: str) -> None:
    assert read(text) == []
    verdict = judge(text)
    assert (verdict.score, verdict.passed, verdict.steps) == (0.0, False, ())
    assert "no equation" in verdict.reason
    assert judge(text, absent="abstain").status is Status.ABSTAINED
    assert judge(f"1+1=3\n{text}").score == 0.0


PADDED = [
    pytest.param("3-8=5", "1=1,2=2", id="no-operation"),
    pytest.param("3-8=5", "5+0=5,0+5=5,5*1=5,5/1=5,5-0=5,0*7=0", id="nothing-changed"),
    pytest.param("3-8=5,1+2=3", "2+1=3,1+2=3.0,3=1+2,1+2=3=3,1+2+0=3,01+02=03", id="repeated"),
    pytest.param("3-8=5", "3-8=5", id="repeated-and-false"),
]


@pytest.mark.parametrize(("text", "padding"), PADDED)
def test_padding_is_not_paid(text: str, padding: str) -> None:
    alone = judge(text)
    assert judge(f"{text},{padding}").score == alone.score
    assert judge(f"{text},{padding}").steps == alone.steps
    assert all(true for _, true in read(padding)) is (padding != "3-8=5")


def test_true_equations_beyond_the_most_do_not_count_and_false_ones_do() -> None:
    padded = "1+1=2,1+2=3,1+3=4,3-8=5,1+4=5"
    assert judge(padded).score == pytest.approx(4 / 5)
    verdict = judge(padded, most=2)
    assert verdict.score == pytest.approx(2 / 3)
    assert [step.score for step in verdict.steps] == [1.0, 1.0, 0.0]
    assert verdict.parts == {"equations": 3, "true": 2}


def test_the_share_of_what_is_true() -> None:
    verdict = judge("<think>3-8=5,5+9=14</think><answer>14</answer>")
    assert (verdict.score, verdict.passed) == (0.5, False)
    assert [(step.start, step.end, step.score) for step in verdict.steps] == [
        (7, 12, 0.0),
        (13, 19, 1.0),
    ]
    assert verdict.steps[0].reason == "3-8=5 is false"


def test_the_last_assistant_message_is_read() -> None:
    said = [{"role": "assistant", "content": "1+1=3"}, {"role": "assistant", "content": "1+1=2"}]
    assert judge(said).score == 1.0


ANSWERS = [
    pytest.param("<think>3-8=-5</think><answer>-5</answer>", (21, 40), 1.0, id="right"),
    pytest.param("<think>3-8=-5</think><answer>5</answer>", (21, 39), 0.0, id="wrong"),
    pytest.param("<think>3-8=-5</think>", (21, 21), 0.0, id="none"),
    pytest.param("<think>3-8=-5", (13, 13), 0.0, id="still-thinking"),
    pytest.param("3-8=-5, so \\boxed{-5}", (11, 21), 1.0, id="no-thoughts"),
    pytest.param("3-8=-5 \\boxed{-5} or \\boxed{5}", None, 0.0, id="hedge"),
]


@pytest.mark.parametrize(("text", "span", "score"), ANSWERS)
def test_the_answer_is_a_step(text: str, span: tuple[int, int] | None, score: float) -> None:
    verdict = judge(text, "-5", answer=True)
    *equations, answer = verdict.steps
    assert verdict.score == judge(text).score == 1.0  # the score is that of the equations
    assert equations == list(judge(text).steps)
    assert answer.score == score
    assert span is None or (answer.start, answer.end) == span
    assert answer.end <= len(text)


def test_steps_are_in_the_order_of_their_ends() -> None:
    verdict = judge("\\boxed{-5}, as 3-8=-5", "-5", answer=True)
    assert [(step.start, step.end) for step in verdict.steps] == [(0, 10), (15, 21)]


def test_an_answer_without_equations_is_a_step_all_the_same() -> None:
    verdict = judge("<answer>-5</answer>", "-5", answer=True)
    assert (verdict.score, [step.score for step in verdict.steps]) == (0.0, [1.0])


@pytest.mark.parametrize("truth", [None, "", {"a": 1}], ids=["none", "empty", "mapping"])
def test_an_answer_needs_a_ground_truth(truth: Any) -> None:
    assert judge("1+1=2", truth, answer=True).status is Status.BAD_REFERENCE
    assert judge("1+1=2", truth).score == 1.0


def test_settings_are_checked() -> None:
    with pytest.raises(ConfigError, match="most"):
        judge("", most=0)
    with pytest.raises(ConfigError, match="did you mean 'absent'"):
        judge("", abscent="zero")


LONG = [
    pytest.param("1+1=2," + "x" * MAX_CHARS, id="characters"),
    pytest.param("; ".join(f"{n}+1={n + 1}" for n in range(MAX_EQUATIONS + 1)), id="equations"),
]


@pytest.mark.parametrize("text", LONG)
def test_too_long_a_text_is_not_paid(text: str) -> None:
    verdict = judge(text)
    assert (verdict.score, verdict.passed, verdict.steps) == (0.0, False, ())
    assert "not read" in verdict.reason


HOSTILE = {
    "equations": "1+1=2," * 10_000,
    "long-sum": "1+" * 30_000 + "=1",
    "long-chain": "1=" * 32_000,
    "long-fractions": ("1" * 39 + "/" + "7" * 39 + "+1=1,") * 760,
    "big-products": ("9" * 39 + "*") * 1_500 + "9=9",
    "blanks": " " * 64_000,
    "stars": "*" * 64_000,
    "equals": "=" * 64_000,
    "minuses": "-" * 63_000 + "1=1",
    "bullets": "- 1+1=3;" * 8_000,
    "points": "1.1" * 20_000,
    "mixed": "=- " * 20_000,
    "commands": r"\times" * 10_000,
    "surrogates": "\ud800" * 64_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("answer", [False, True], ids=["equations", "answer"])
def test_hostile_texts_are_read_quickly(text: str, answer: bool) -> None:
    started = time.thread_time()
    verdict = judge(text, "42", answer=answer)
    assert time.thread_time() - started < 0.5  # loose: the machine may be busy
    assert verdict.passed is not True
    assert not any(step.score for step in verdict.steps)


SUMS = st.lists(st.lists(st.integers(-99, 99), min_size=1, max_size=3), min_size=1, max_size=4)


@given(SUMS, st.integers(-9, 9))
def test_sums_of_products_are_exact(sums: list[list[int]], more: int) -> None:
    working = "+".join("*".join(map(str, factors)) for factors in sums) + "-7"
    right = sum(map(math.prod, sums)) - 7
    assert read(f"{working}={right}") == [(f"{working}={right}", True)]
    assert [true for _, true in read(f"{working} = {right + more}")] == [more == 0]


@given(st.integers(1, 999), st.integers(1, 999), st.integers(1, 999))
def test_quotients_are_exact(a: int, b: int, c: int) -> None:
    assert [true for _, true in read(f"{a}/{b}={c}/{b}")] == [a == c]
    assert [true for _, true in read(f"{a}/{b}+{b}={a + b * b}/{b}")] == [True]


@given(st.text(alphabet="0123456789+-*/=., \n()x\\×−", max_size=60))
def test_any_text_is_read_and_spans_lie_in_it(text: str) -> None:
    verdict = judge(text, "42", answer=True)
    assert verdict.score is not None
    assert all(0 <= step.start <= step.end <= len(text) for step in verdict.steps)
    ends = [step.end for step in verdict.steps]
    assert ends == sorted(ends)
