"""The cascade: each type of tree, each policy, and the laws that a comparison must keep."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.core.types import Sample, Status
from assay.verifiers.math.decide import Rules, decide
from assay.verifiers.math.multiple_choice import math_multiple_choice
from assay.verifiers.math.reader import Unreadable, read_answer
from assay.verifiers.math.reader.nodes import key
from assay.verifiers.math.tolerance import math_tolerance

READ = [
    (r"\frac12", "1/2"),
    (r"2\frac{1}{3}", "7/3"),
    ("1 1/4", "5/4"),
    ("0.\\overline{3}", "1/3"),
    ("204_5", "54"),
    (r"204_{\text{five}}", "54"),
    ("1,234,567", "1234567"),
    ("7.425 million", "(1000000*297/40)"),
    (r"\sin^2 x", "(sin[x]^2)"),
    ("sinx", "sin[x]"),
    (r"\tan^{-1} x", "arctan[x]"),
    (r"\log_2 8", "((ln[2]^-1)*ln[8])"),
    ("x^10", "(x^10)"),
    ("x²³", "(x^23)"),
    ("1/2x", "(1/2*x)"),
    (r"\sqrt2\sqrt3", "(root[2,2]*root[3,2])"),
    (r"\left\lfloor x \right\rfloor", "floor[x]"),
    ("|x|+|y|", "(abs[x]+abs[y])"),
    (r"{n \choose 2}", "binom[n,2]"),
    (r"{3 \over 4}", "3/4"),
    ("(1,2]", "(1,2]"),
    (r"\{1,2\}", r"\{1,2\}"),
    ("[3, 1; 1, 5]", "[3,1;1,5]"),
    (r"\begin{array}{cc}1&2\\3&4\end{array}", "[1,2;3,4]"),
    ("x=1 or x=2", "x = 1 or x = 2"),
    ("12:30", "(12:30)"),
    ("No solution", "'no solution'"),
    (r"90^\circ", "(90*\\deg)"),
    ("5 hours 30 minutes", "((30*<minutes>)+(5*<hours>))"),
    (r"\sum_{k=1}^{4} k", "sum[k,1,4,k]"),
]


@pytest.mark.parametrize(("text", "form"), READ)
def test_every_type_is_read(text: str, form: str) -> None:
    assert key(read_answer(text)) == form


@pytest.mark.parametrize(
    "text",
    ["", "1 2", "(1}", "x^", r"\frac{1}", "2 +", "=", r"\foo x", "(" * 60 + "1" + ")" * 60,
     "\ud800", "print(0)", r"\sqrt[3", "1__2", "\x00", "3 if n even, 4 otherwise", "x_"],
)  # fmt: skip
def test_everything_else_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(Unreadable, match=r"\S"):
        read_answer(text)


EQUAL = [
    (r"(-\infty,3]\cup[5,\infty)", r"[5,\infty)\cup(-\infty,3]"),
    ("1<x\\le 2", "(1,2]"),
    (r"\{x|-2\leq x < 1\}", "[-2,1)"),
    (r"x\ne 0", r"(-\infty,0)\cup(0,\infty)"),
    (r"\mathbb{R}\setminus\{1\}", r"x \ne 1"),
    ("x<1 or x>3", r"(-\infty,1)\cup(3,\infty)"),
    ("|x|>8", r"(-\infty,-8)\cup(8,\infty)"),
    ("500\\text{ cm}", "5 \\mathrm{~m}"),
    ("5 km/h", "5000 m/h"),
    (r"9.8\text{ m s}^{-2}", r"9.8\text{ m/s}^2"),
    ("5", r"5\text{ cm}"),
    ("45 degrees", r"45^\circ"),
    (r"\frac{\pi}{2}", r"90^\circ"),
    ("x^2/2+K", r"\frac12 x^2+C"),
    (r"2\ln|2x|+C", r"2\ln|x|+C"),
    ("C_1e^x+C_2e^{-x}", "c_1 e^{-x}+c_2 e^x"),
    ("xy=1", "y=1/x"),
    ("2x+4y=6", "x+2y-3=0"),
    ("x=2,y=1", "(2,1)"),
    ("(x,y)=(1,2)", "y=2,x=1"),
    ("2:4", "1:2"),
    ("3 to 4", "3:4"),
    ("3:4", "3/4"),
    (r"1\pm\sqrt2", r"1+\sqrt2, 1-\sqrt2"),
    ("no solution", r"\emptyset"),
    ("blue, red", r"\text{red, blue}"),
    ("7:15 PM", r"7:15\text{ p.m.}"),
    ("1.4142135623731", r"\sqrt2"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2"),
    (r"\sqrt[3]{x^3}", "x"),
    (r"\frac{(2n)!}{(n!)^2}", r"\binom{2n}{n}"),
    (r"\sqrt[10]{ab}", "(ab)^{1/10}"),
    (r"2\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{pmatrix}2\\4\end{pmatrix}"),
    ("AB=4", "4"),
    ("cosech(x)", r"\frac{1}{\sinh x}"),
]
DIFFERENT = [
    ("|x|", "x"),
    (r"\sqrt{x^2}", "x"),
    (r"\ln x", r"\ln|x|"),
    ("|x+10|-10", "|x+11|-11"),
    (r"\sqrt2+10^{-200}", r"\sqrt2"),
    ("5+2305843009213693951x", "5"),
    ("(x-a)^{5999}", "(x-a)^{6000}"),
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
    ("0", "5x-7y+11z+4=0"),
    ("3x-y+13=0", "3x+4y+14=0"),
    ("x=1,y=2", "x=2,y=1"),
    ("x<-1 and x>4", "x<-1 or x>4"),
    (r"\pm2", "[-2,2]"),
    (r"\{\{1\},2\}", r"\{1,2\}"),
    (r"\{\emptyset\}", r"\emptyset"),
    ("12:30", "12/30"),
    ("20 cents", r"\$20"),
    ("€20", r"\$20"),
    (r"45\text{ radians}", r"45^\circ"),
    (r"45^{\circ}\text{C}", r"45^\circ"),
    (r"\frac{\pi}{3}^\circ", r"\frac{\pi}{3}"),
    ("5 kg", "5 cm"),
    ("1.42", r"\sqrt2"),
    ("2.54", "2.5"),
    ("262537412640768743.99999999", r"e^{\pi\sqrt{163}}"),
    ("204_6", "204_5"),
    ("32, 349", "32349"),
    ("1=1", "2=2"),
    ("x", "x^2/x+1"),
]


@pytest.mark.parametrize(("one", "other"), EQUAL)
def test_equal_both_ways(one: str, other: str) -> None:
    assert decide(one, other).verdict == "equal", decide(one, other)
    assert decide(other, one).verdict == "equal", decide(other, one)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_both_ways(one: str, other: str) -> None:
    assert decide(one, other).verdict == "different", decide(one, other)
    assert decide(other, one).verdict == "different", decide(other, one)


def test_a_missing_unit_can_be_refused() -> None:
    rules = Rules(missing_unit=False)
    assert decide("5", r"5\text{ cm}", rules).verdict == "different"
    assert decide("50 mm", r"5\text{ cm}", rules).verdict == "equal"


def test_a_long_list_is_matched_in_any_order() -> None:
    numbers = [str(n) for n in range(1500)]
    shuffled = random.Random(1).sample(numbers, len(numbers))
    given, wanted = (r"\{" + ",".join(part) + r"\}" for part in (shuffled, numbers))
    assert len(given) > 4096, "longer than an answer may be: compared as trees"
    from assay.verifiers.math.equal import same

    assert same(read_answer(given), read_answer(wanted))


def test_threads_agree() -> None:
    pairs = [*EQUAL, *DIFFERENT]
    wanted = [decide(*pair).verdict for pair in pairs]
    got: list[list[str]] = []

    def work() -> None:
        got.append([decide(f"{one} ", other).verdict for one, other in pairs])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [wanted] * 4


# --- laws ------------------------------------------------------------------------------------

_ATOMS = st.sampled_from(["x", "y", "2", "3", "7", r"\pi", r"\sqrt{2}", r"\frac{1}{3}", "x^2"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        pair.map(lambda p: f"({p[0]}+{p[1]})"),
        pair.map(lambda p: f"{{{p[0]}}}\\cdot{{{p[1]}}}"),
        pair.map(lambda p: f"({p[0]}-{p[1]})"),
        inner.map(lambda a: f"({a})^2"),
        inner.map(lambda a: f"\\sin({a})"),
    )


EXPRESSIONS = st.recursive(_ATOMS, _grown, max_leaves=6)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS)
def test_every_expression_equals_itself_rewritten(text: str) -> None:
    for other in (f"{text}+0", f"1\\cdot({text})", f"\\frac{{2({text})}}{{2}}", f"({text})+5-5"):
        assert decide(other, text).verdict == "equal", (other, text)


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, st.integers(1, 9))
def test_no_expression_equals_itself_moved(text: str, step: int) -> None:
    assert decide(f"({text})+{step}", text).verdict == "different"
    assert decide(f"({text})+\\frac{{{step}}}{{10^{{12}}}}", text).verdict == "different"


@settings(max_examples=150, deadline=None)
@given(EXPRESSIONS, EXPRESSIONS)
def test_comparison_is_symmetric(one: str, other: str) -> None:
    assert decide(one, other).verdict == decide(other, one).verdict


@settings(max_examples=300, deadline=None)
@given(st.text("0123456789xyei+-*/^_=<>()[]{}|,.;:!%°\\$& abcdfrqstpm", max_size=40))
def test_any_text_is_judged(text: str) -> None:
    assert decide(text, "x+1").verdict in ("equal", "different", "undecided")


# --- the other sources -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "truth", "more", "passed"),
    [
        pytest.param("3.1416", r"\pi", {}, True, id="relative"),
        pytest.param("3.15", r"\pi", {}, False, id="too-far"),
        pytest.param("3.15", r"\pi", {"absolute": 0.01}, True, id="absolute"),
        pytest.param("50 cm", r"0.5\text{ m}", {}, True, id="units"),
        pytest.param("50 kg", r"0.5\text{ m}", {}, False, id="other-units"),
        pytest.param("x", "1", {}, False, id="no-number"),
    ],
)
def test_tolerance(answer: str, truth: str, more: dict[str, float], passed: bool) -> None:
    sample = Sample(completion="\\boxed{" + answer + "}", ground_truth=truth)
    assert math_tolerance.open(more)(sample).passed is passed


def test_tolerance_needs_a_number() -> None:
    verdict = math_tolerance.open({})(Sample(completion=r"\boxed{1}", ground_truth="x+1"))
    assert verdict.status is Status.BAD_REFERENCE


@pytest.mark.parametrize(
    ("completion", "truth", "passed"),
    [
        ("The correct option is B.", "B", True),
        (r"\boxed{\text{B}}", r"\text{(B)}", True),
        ("The best answer is B because A fails.", "B", True),
        (r"\boxed{A}", "(B)", False),
    ],
)
def test_multiple_choice(completion: str, truth: str, passed: bool) -> None:
    sample = Sample(completion=completion, ground_truth=truth)
    assert math_multiple_choice.open({})(sample).passed is passed


def test_multiple_choice_needs_a_letter_or_options() -> None:
    verdict = math_multiple_choice.open({})(Sample(completion=r"\boxed{1}", ground_truth="1"))
    assert verdict.status is Status.BAD_REFERENCE
