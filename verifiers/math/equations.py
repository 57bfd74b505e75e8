"""``math.equations``: the equations between numbers that a completion writes are true.

Covered: ``4-7=-3``, decimals, any minus, ``×``, ``·``, ``*``, ``÷``, ``/`` and their LaTeX, chains.
Numbers are exact fractions: ``1/3=0.333`` is false. A chain (``2+3=5=5``) is one equation, true
when all its sides are equal: ``2+3=5+1=6`` is false. A comma or a line break ends an equation.
Not covered, and left unread, which neither pays nor costs: brackets, powers, per cents, letters,
units between numbers, thousands separators (``15,154`` may be two numbers, so neither neighbour of
such a comma is read). A decimal comma is taken for the end of an equation.

Where it can be gamed: nothing says that an equation has to do with the question. What is not paid:
a true equation without an operation (``1=1``), or whose operations change nothing (``5+0=5``); a
repeated one (``2+1=3`` after ``1+2=3``); true ones beyond ``most``. What is paid: other true
equations, and false ones that are left out or written so that they are not read. So give the
outcome a say too: ``answer``, or a source of its own.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeAlias

from pydantic import Field

from ...core.settings import Settings
from ...core.source import source
from ...core.types import Sample, Status, Step, Verdict
from .answers import AnswerSettings, Open, find_answer
from .reference import compare_plainly

__all__ = ["Equation", "EquationSettings", "equations_in", "math_equations"]

MAX_CHARS = 64_000
MAX_EQUATIONS = 1_000
"""A text with more of either scores 0: nothing is paid unread. Ours."""
_MAX_DIGITS = 40
_MAX_NUMBERS = 64
"""In one equation; with ``_MAX_DIGITS`` they bound the fractions."""
_MAX_TOKENS = 3 * _MAX_NUMBERS


class EquationSettings(Settings):
    """What counts."""

    absent: Literal["zero", "abstain"] = "zero"
    """A completion without an equation that counts scores 0, or is left to other sources."""
    most: int | None = Field(default=None, ge=1)
    """True equations that count, from the start of the text; false ones always do. None: no
    limit. Where the number of steps is known, it keeps padding from being paid."""
    answer: bool = False
    """Add a step for the final answer, as ``math.exact`` finds and judges it; it needs a ground
    truth. It is in ``steps`` only, for trainers that learn from steps: the score stays that of the
    equations."""


@dataclass(frozen=True, slots=True)
class Equation:
    """One equation as written."""

    start: int
    end: int
    """Its span in the text."""
    true: bool
    trivial: bool
    """True, and no operation in it changes anything."""
    key: frozenset[_Key]
    """Equal for equations that differ in spelling or order only."""


@source("math.equations", version="1", scale="unit", runs="inline")
def math_equations(sample: Sample, settings: EquationSettings) -> Verdict:
    """The share of the equations in the completion that are true; passes when all are.

    One step for each equation that counts, 1 or 0. ``parts``: ``equations`` that count, ``true``.
    With ``answer``, a ground truth that cannot be read is ``bad_reference``. Leave ``view`` at
    ``all``: the spans of steps are those of the text seen.
    """
    text = sample.text
    short = text if len(text) <= MAX_CHARS else ""
    found = list(itertools.islice(equations_in(short), MAX_EQUATIONS + 1))
    if len(text) > MAX_CHARS or len(found) > MAX_EQUATIONS:
        reason = f"over {MAX_CHARS} characters or {MAX_EQUATIONS} equations: not read"
        return Verdict.scored(0.0, passed=False, reason=reason)
    last = _answer_step(sample) if settings.answer else None
    if isinstance(last, Verdict):
        return last
    counted = list(_counted(found, settings.most))
    steps = [_step(text, equation) for equation in counted] + ([last] if last else [])
    steps.sort(key=lambda step: step.end)
    if not counted:
        return _without(settings, steps)
    true = sum(equation.true for equation in counted)
    return Verdict.scored(
        true / len(counted),
        passed=true == len(counted),
        reason=f"{true} of {len(counted)} equations are true",
        parts={"equations": len(counted), "true": true},
        steps=tuple(steps),
    )


def _without(settings: EquationSettings, steps: Sequence[Step]) -> Verdict:
    reason = "no equation with an operation that changes something"
    if settings.absent == "abstain":
        return Verdict.unscored(Status.ABSTAINED, reason, steps=tuple(steps))
    return Verdict.scored(0.0, passed=False, reason=reason, steps=tuple(steps))


def _counted(found: Sequence[Equation], most: int | None) -> Iterator[Equation]:
    """Each equation once, without the trivial ones, and the true ones up to ``most``."""
    seen: set[frozenset[_Key]] = set()
    true = 0
    for equation in found:
        full = equation.true and most is not None and true >= most
        if equation.trivial or full or equation.key in seen:
            continue
        seen.add(equation.key)
        true += equation.true
        yield equation


def _step(text: str, equation: Equation) -> Step:
    reason = f"{text[equation.start : equation.end][:80]} is {'true' if equation.true else 'false'}"
    return Step(start=equation.start, end=equation.end, score=float(equation.true), reason=reason)


_ANSWERS = AnswerSettings()


def _answer_step(sample: Sample) -> Step | Verdict:
    """The final answer as a step; where there is none, an empty step at the end of the text.

    A Verdict where the ground truth cannot be read.
    """
    text, seen = sample.text, sample.view("answer")
    judged = find_answer(seen, _ANSWERS)
    if isinstance(judged, Open):
        match = compare_plainly(judged.found.text, judged.reference)
        right, reason, span = match.equal, match.reason, judged.found.span
    elif judged.score is None:
        return judged
    else:
        right, reason, span = judged.score == 1.0, judged.reason, judged.evidence.get("span")
    before = len(text) - len(seen.text) if "</think>" in text else 0
    start, end = (before + span[0], before + span[1]) if span else (len(text), len(text))
    return Step(start=start, end=end, score=float(right), reason=f"the answer: {reason}")


# reading ----------------------------------------------------------------------------------

_SPELLINGS = {
    **dict.fromkeys("‐‑‒–−﹣－", "-"),
    **dict.fromkeys("×·⋅∙∗＊", "*"),
    **dict.fromkeys("÷⁄∕／", "/"),
    **dict.fromkeys("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\n"),
    "＝": "=",
    "＋": "+",
    "．": ".",
}


class _Characters(dict[int, str]):
    """One character for each character, so that places stay."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        digit = unicodedata.decimal(char, None)
        blank = " " if char.isspace() and char != "\n" else char
        self[code] = out = _SPELLINGS.get(char, blank if digit is None else str(digit))
        return out


_TABLE = _Characters()

_NUMBER = r"(?:[0-9]++(?:\.[0-9]++)?+|\.[0-9]++)"
_TIMES = r"\\(?:times|cdot|div)(?![A-Za-z])"
_RUN = re.compile(rf"(?:[-+/= ]|(?<!\*)\*(?!\*)|{_NUMBER}|{_TIMES})++")
"""Numbers, signs and blanks on one line; ``**`` is a power or bold type, and ends it."""
_TOKEN = re.compile(rf"{_NUMBER}|\\[a-z]+|[-+*/=]")
_SIDE = re.compile(rf"[+-]?{_NUMBER}(?:[-+*/][+-]?{_NUMBER})*+")
_FACTOR = re.compile(rf"([-+*/]?)([+-]?)({_NUMBER})")

_LETTERS = "A-Za-z_\u0370-\u03ff"
_SCRIPTS = "²³¹\u2070-\u209f½¼¾⅓⅔"
_TOUCHED = re.compile(rf"(?:[{_LETTERS}{_SCRIPTS}^)\]}}%°√\\]|[0-9)\]}}]\*\*)\Z")
"""What stands right before a number that is not the first of its expression."""
_TERM_BEFORE = re.compile(rf"(?:[)\]}}%°{_SCRIPTS}]|(?<![A-Za-z])[A-Za-z]) *\Z")
"""What makes a minus behind it an operation and no sign: ``(2) -3=4``, ``x -3=4``."""
_GOES_ON = re.compile(
    rf"[{_LETTERS}{_SCRIPTS}°√({{\[]|\\[A-Za-z%]|\*\*[-+0-9(.]|,[0-9]{{3}}(?![0-9])| *[\^%]"
    r"| *(?:\\(?:[dt]?frac|sqrt|left|%)|hundred|thousand|million|billion|trillion|dozen|percent)"
)
"""What stands behind a number that is not the last of its expression, or not all of it."""

_Term: TypeAlias = list[tuple[str, Fraction]]
_Key: TypeAlias = tuple[tuple[tuple[str, Fraction], ...], ...]


def equations_in(text: str) -> Iterator[Equation]:
    """The equations of a text in order, those without an operator left out; linear in the text."""
    plain = text.translate(_TABLE)
    for run in _RUN.finditer(plain):
        if "=" in run.group():
            equation = _read(plain, run)
            if equation is not None:
                yield equation


def _read(plain: str, run: re.Match[str]) -> Equation | None:
    """The equation that a run is, if it is one from end to end."""
    opens_line = run.start() == 0 or plain[run.start() - 1] == "\n"
    first = list(itertools.islice(_TOKEN.finditer(plain, *run.span()), _MAX_TOKENS + 1))
    if len(first) > _MAX_TOKENS:
        return None
    tokens = _trimmed(first, opens_line=opens_line)
    if len(tokens) < 3 or not _stands_alone(plain, tokens):
        return None
    sides: list[list[str]] = [[]]
    for token in tokens:
        if token.group() == "=":
            sides.append([])
        else:
            sides[-1].append(token.group())
    read = [_side(words) for words in sides]
    known = [side for side in read if side is not None]
    if len(known) < max(len(read), 2) or sum(side.numbers for side in known) > _MAX_NUMBERS:
        return None
    if all(side.numbers == 1 for side in known):
        return None
    values = {side.value for side in known}
    true = len(values) == 1 and None not in values
    trivial = true and not any(side.works for side in known)
    key = frozenset(side.key for side in known)
    return Equation(tokens[0].start(), tokens[-1].end(), true, trivial, key)


def _trimmed(tokens: list[re.Match[str]], *, opens_line: bool) -> list[re.Match[str]]:
    """Without the mark of a list, and without signs of equality at the ends (``x = 3+4 = 7``)."""
    first, last = 0, len(tokens)
    if opens_line and last > 1 and tokens[0].group() in "+-*":
        first = int(tokens[0].end() < tokens[1].start())
    while first < last and tokens[first].group() == "=":
        first += 1
    while last > first and tokens[last - 1].group() == "=":
        last -= 1
    return tokens[first:last]


def _stands_alone(plain: str, tokens: Sequence[re.Match[str]]) -> bool:
    """Whether nothing around the tokens belongs to their equation."""
    first, last = tokens[0], tokens[-1]
    before = plain[max(0, first.start() - 8) : first.start()]
    if _TOUCHED.search(before) or _GOES_ON.match(plain, last.end()):
        return False
    if first.group() == "-":
        return first.end() == tokens[1].start() and not _TERM_BEFORE.search(before)
    thousands = len(first.group()) == 3 and before[-1:] == "," and before[-2:-1].isdigit()
    return first.group()[-1].isdigit() and not thousands


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of an equation."""

    value: Fraction | None
    """None where it divides by 0."""
    numbers: int
    works: bool
    """An operation in it changes something."""
    key: _Key


def _side(words: Sequence[str]) -> _Side | None:
    """The side that words make; None for what is no expression, or has too long a number."""
    joined = "".join(_OPERATORS.get(word, word) for word in words)
    glued = any(a[-1].isdigit() and b[-1].isdigit() for a, b in itertools.pairwise(words))
    if glued or not _SIDE.fullmatch(joined) or max(map(len, words)) > _MAX_DIGITS:
        return None
    found = _FACTOR.findall(joined)
    if len(found) > _MAX_NUMBERS:
        return None
    terms: list[_Term] = []
    for operator, sign, digits in found:
        number = -Fraction(digits) if sign == "-" else Fraction(digits)
        if operator in ("*", "/"):
            terms[-1].append((operator, number))
        else:
            terms.append([("*", -number if operator == "-" else number)])
    return _valued(terms, len(found))


_OPERATORS = {"\\times": "*", "\\cdot": "*", "\\div": "/"}


def _valued(terms: Sequence[_Term], numbers: int) -> _Side:
    """What terms add up to, and what is left of them without zeros and factors of one."""
    values = [_product(term) for term in terms]
    exact = [value for value in values if value is not None]
    total = sum(exact, Fraction(0)) if len(exact) == len(values) else None
    kept = [
        tuple(sorted(factor for factor in term if factor[1] != 1))
        for term, value in zip(terms, values, strict=True)
        if value != 0
    ]
    works = len(kept) > 1 or any(len(factors) > 1 for factors in kept)
    return _Side(total, numbers, works, tuple(sorted(kept)))


def _product(term: _Term) -> Fraction | None:
    value = Fraction(1)
    for operator, number in term:
        if operator == "*":
            value *= number
        elif number == 0:
            return None
        else:
            value /= number
    return value
