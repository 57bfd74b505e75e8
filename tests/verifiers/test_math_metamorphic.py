"""Random expressions rewritten into equal and unequal ones: math.symbolic must tell them apart.

Expressions are small trees over integers and three letters, written as LaTeX or plain text. Equal
rewrites commute, expand, factor out, scale fractions and change the notation; unequal ones change
a digit, a sign, an exponent, the order of a tuple or a bracket. A rewrite that is meant to change
the value is checked against exact rational arithmetic first. Not covered: functions, radicals.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assay.core.judging import OpenSource
from assay.core.types import Sample
from assay.verifiers.math.symbolic import math_symbolic

OPENED = OpenSource(math_symbolic, {}, "math.symbolic")
MANY = settings(max_examples=150, deadline=None, derandomize=True)
LETTERS = "abx"
POINTS = (
    {"a": Fraction(3, 7), "b": Fraction(-5, 3), "x": Fraction(11, 13)},
    {"a": Fraction(-2, 9), "b": Fraction(17, 5), "x": Fraction(-7, 4)},
)


@dataclass(frozen=True)
class Tree:
    """A sum, product, quotient or power of trees, or a number or letter (then no ``parts``)."""

    mark: str
    parts: tuple[Tree, ...] = ()


def leaf(value: int | str) -> Tree:
    return Tree(str(value))


LEAVES = st.one_of(st.integers(1, 9).map(leaf), st.sampled_from(LETTERS).map(leaf))
POWERS = st.tuples(st.sampled_from(LETTERS).map(leaf), st.integers(2, 4).map(leaf))


def _grow(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.tuples(st.sampled_from("+-*"), pairs).map(lambda drawn: Tree(*drawn)),
        st.tuples(inner, st.integers(2, 9).map(leaf)).map(lambda pair: Tree("/", pair)),
        POWERS.map(lambda pair: Tree("^", pair)),
    )


TREES = st.recursive(LEAVES, _grow, max_leaves=7).filter(lambda tree: bool(tree.parts))


def value(tree: Tree, at: dict[str, Fraction]) -> Fraction:
    if not tree.parts:
        return at[tree.mark] if tree.mark in at else Fraction(tree.mark)
    left, right = (value(part, at) for part in tree.parts)
    match tree.mark:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case _:
            return Fraction(left ** int(right))


def differs(one: Tree, other: Tree) -> bool:
    return any(value(one, at) != value(other, at) for at in POINTS)


def latex(tree: Tree) -> str:
    if not tree.parts:
        return tree.mark
    left, right = map(latex, tree.parts)
    if tree.mark == "/":
        return f"\\frac{{{left}}}{{{right}}}"
    if tree.mark == "^":
        return f"{left}^{{{right}}}"
    if tree.mark == "*":
        return f"\\left({left}\\right)\\cdot\\left({right}\\right)"
    return f"{left} + {right}" if tree.mark == "+" else f"{left} - \\left({right}\\right)"


def plain(tree: Tree) -> str:
    if not tree.parts:
        return tree.mark
    left, right = map(plain, tree.parts)
    return f"({left}){tree.mark}({right})"


def equal_rewrite(tree: Tree, dice: random.Random) -> Tree:
    """Another way to write ``tree``: every part may commute, expand or be scaled."""
    if not tree.parts:
        return tree
    if tree.mark == "^":
        base, exponent = tree.parts
        smaller = leaf(int(exponent.mark) - 1)
        return Tree("*", (base, Tree("^", (base, smaller)))) if dice.random() < 0.5 else tree
    left, right = (equal_rewrite(part, dice) for part in tree.parts)
    if tree.mark == "/":
        factor = leaf(dice.choice((2, 3, 5)))
        return Tree("/", (Tree("*", (left, factor)), leaf(int(right.mark) * int(factor.mark))))
    if tree.mark == "-":
        return Tree("+", (Tree("*", (leaf(-1), right)), left))
    if tree.mark == "*" and right.mark in "+-" and right.parts:
        first, second = right.parts
        return Tree(right.mark, (Tree("*", (left, first)), Tree("*", (left, second))))
    return Tree(tree.mark, (right, left))


def unequal_rewrite(tree: Tree, dice: random.Random) -> Tree:
    """``tree`` with one digit, letter, sign or exponent changed, somewhere."""
    if not tree.parts:
        if tree.mark in LETTERS:
            return leaf(dice.choice([letter for letter in LETTERS if letter != tree.mark]))
        return leaf(int(tree.mark) % 9 + 1)
    if tree.mark in "+-" and dice.random() < 0.4:
        return Tree("-" if tree.mark == "+" else "+", tree.parts)
    if tree.mark == "^":
        return Tree("^", (tree.parts[0], leaf(int(tree.parts[1].mark) + 1)))
    place = dice.randrange(2)
    parts = list(tree.parts)
    parts[place] = unequal_rewrite(parts[place], dice)
    return Tree(tree.mark, tuple(parts))


def accepts(answer: str, gold: str) -> bool:
    sample = Sample(completion=f"\\boxed{{{answer}}}", ground_truth=gold)
    return OPENED.judge([sample])[0].passed is True


DICE = st.integers(0, 10**6).map(random.Random)
BULK = 2_000


def grown(dice: random.Random, depth: int = 3) -> Tree:
    """A random tree without hypothesis, for tests of thousands; it has parts."""
    if depth == 0:
        return leaf(dice.choice(LETTERS) if dice.random() < 0.5 else dice.randint(1, 9))
    mark = dice.choice("+-*/^")
    if mark == "^":
        return Tree(mark, (leaf(dice.choice(LETTERS)), leaf(dice.randint(2, 4))))
    left = grown(dice, dice.randrange(depth))
    right = leaf(dice.randint(2, 9)) if mark == "/" else grown(dice, dice.randrange(depth))
    return Tree(mark, (left, right))


def test_thousands_of_equal_rewrites() -> None:
    dice = random.Random(20)
    pairs = [(latex(equal_rewrite(tree, dice)), latex(tree)) for tree in _bulk(dice)]
    assert [pair for pair in pairs if not accepts(*pair)] == []


def test_thousands_of_unequal_rewrites() -> None:
    dice = random.Random(21)
    both = [(unequal_rewrite(tree, dice), tree) for tree in _bulk(dice)]
    pairs = [(latex(other), latex(tree)) for other, tree in both if differs(tree, other)]
    assert len(pairs) > BULK * 0.9
    assert [pair for pair in pairs if accepts(*pair)] == []


def _bulk(dice: random.Random) -> list[Tree]:
    return [grown(dice) for _ in range(BULK)]


@MANY
@given(TREES, DICE)
def test_equal_rewrites_pass(tree: Tree, dice: random.Random) -> None:
    other = equal_rewrite(tree, dice)
    assert not differs(tree, other), "the rewrite itself is wrong"
    assert accepts(latex(other), latex(tree))
    assert accepts(latex(tree), latex(other))


@MANY
@given(TREES)
def test_notation_does_not_matter(tree: Tree) -> None:
    assert accepts(plain(tree), latex(tree))
    assert accepts(latex(tree), plain(tree))
    respelt = latex(tree).replace("\\frac", "\\dfrac").replace("\\left", "").replace("\\right", "")
    assert accepts(respelt, latex(tree))


@MANY
@given(TREES, DICE)
def test_unequal_rewrites_fail(tree: Tree, dice: random.Random) -> None:
    other = unequal_rewrite(tree, dice)
    assume(differs(tree, other))
    assert not accepts(latex(other), latex(tree))
    assert not accepts(latex(tree), latex(other))
    assert not accepts(plain(other), latex(tree))


@MANY
@given(TREES)
def test_adding_something_fails(tree: Tree) -> None:
    for more in (" + 1", " - x", " + \\frac{1}{10^{9}}"):
        assert not accepts(latex(tree) + more, latex(tree))


@MANY
@given(TREES, TREES)
def test_tuples_keep_their_order(one: Tree, other: Tree) -> None:
    gold = f"({latex(one)}, {latex(other)})"
    assert accepts(f"\\left({plain(one)},{plain(other)}\\right)", gold)
    assume(differs(one, other))
    assert not accepts(f"({latex(other)}, {latex(one)})", gold)
    assert not accepts(f"({latex(one)})", gold)
    assert accepts(f"\\{{{latex(other)}, {latex(one)}\\}}", f"\\{{{latex(one)}, {latex(other)}\\}}")


@MANY
@given(st.integers(-50, 50), st.integers(1, 50), st.sampled_from(["[]", "[)", "(]", "()"]), DICE)
def test_brackets_matter(low: int, width: int, kind: str, dice: random.Random) -> None:
    gold = f"{kind[0]}{low},{low + width}{kind[1]}"
    assume(kind != "()")  # "(1,2)" may be a point
    assert accepts(f"\\left{kind[0]} {low}.0 , {low + width} \\right{kind[1]}", gold)
    others = [other for other in ("[]", "[)", "(]", "()") if other != kind]
    wrong = dice.choice(others)
    assert not accepts(f"{wrong[0]}{low},{low + width}{wrong[1]}", gold)


@MANY
@given(st.fractions(max_denominator=10**6), st.integers(2, 99))
def test_fractions_scale(number: Fraction, factor: int) -> None:
    top, bottom = number.numerator, number.denominator
    gold = f"\\frac{{{top}}}{{{bottom}}}"
    assert accepts(f"\\frac{{{top * factor}}}{{{bottom * factor}}}", gold)
    assert accepts(f"{top}/{bottom}", gold)
    assert accepts(f"{top * factor}/{bottom * factor}", gold)
    assert not accepts(f"\\frac{{{top + 1}}}{{{bottom}}}", gold)
    assert not accepts(f"{top * factor + 1}/{bottom * factor}", gold)
    if top:
        assert not accepts(f"-({top}/{bottom})", gold)


@MANY
@given(TREES, TREES)
def test_verdicts_are_symmetric(one: Tree, other: Tree) -> None:
    assert accepts(latex(one), latex(other)) == accepts(latex(other), latex(one))
    assert accepts(latex(one), latex(one))
