"""Read the ground truth of a mathematical question, and compare an answer with it cheaply.

Covered: ground truths as text (LaTeX or plain; with a ``\\boxed`` or ``#### N`` inside, that part),
as int or float, and letters or options of multiple-choice questions. Comparison in three stages:
choice, normalised text, exact number.
Not covered: mathematics; see ``compare``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

from .boxes import boxed
from .extract import Strategy, extract
from .normalise import MAX_ANSWER_CHARS, normalise
from .number import Exact, read_number

__all__ = ["Match", "Reference", "compare_plainly", "letter_of", "read_options", "read_reference"]

_MARKED: tuple[Strategy, ...] = ("hope", "boxed", "hash", "whole")


@dataclass(frozen=True, slots=True)
class Reference:
    """A ground truth, read once."""

    text: str
    """As written, without what surrounds it."""
    normal: str
    name: str
    """``x`` of ``x = 5`` or ``f(x)`` of ``f(x) = 5``; empty for a bare value."""
    value: str
    """``normal`` without the name, and without a degree sign."""
    number: Exact | None
    percent: bool = False
    """Written with a percent sign."""


@dataclass(frozen=True, slots=True)
class Match:
    """Whether an answer equals a reference, and what decided it."""

    equal: bool
    stage: Literal["choice", "type", "text", "number", "undecided"]
    """``undecided``: the texts differ, and not both are numbers; ``type``: see ``expects``."""
    reason: str


_NAMED = re.compile(r"([A-Za-z](?:_[A-Za-z0-9])?(?:\([A-Za-z]\))?)=([^=<>]+)")


@lru_cache(maxsize=4096)
def _reference_of(text: str) -> Reference | None:
    if len(text) > 16 * MAX_ANSWER_CHARS:
        return None
    found = (boxed(text, alternatives=True) if "box" in text else None) or extract(text, _MARKED)
    if found.percent:
        found = replace(found, text=found.text + "\\%")
    normal = "" if found.fault else normalise(found.text)
    if not normal:
        return None
    name, value = _split_name(normal)
    if read_number(bare := value.removesuffix("°")) is not None:
        value = bare
    number = None if _LOOSE.search(found.text) else read_number(value)
    percent = "%" in normal or "percent" in normal
    return Reference(found.text, normal, name, value, number, percent)


def read_reference(truth: Any) -> Reference | None:
    """The ground truth as a Reference; None for one that cannot be read.

    Unreadable: None, an empty text, a bool, a number that is not finite, a list of more than one
    value (all of them, or any?), a mapping, a text over ``MAX_ANSWER_CHARS``.
    """
    if isinstance(truth, str):
        return _reference_of(truth)
    if isinstance(truth, list | tuple) and len(truth) == 1:
        return None if isinstance(truth[0], list | tuple) else read_reference(truth[0])
    if isinstance(truth, bool) or not isinstance(truth, int | float):
        return None
    if isinstance(truth, float) and not math.isfinite(truth):
        return None
    try:
        return _reference_of(str(truth))
    except ValueError:  # an int beyond the limit of str()
        return None


def _split_name(normal: str) -> tuple[str, str]:
    named = _NAMED.fullmatch(normal) if "=" in normal else None
    return (named.group(1), named.group(2)) if named else ("", normal)


def compare_plainly(answer: str, reference: Reference, *, unit_words: bool = True) -> Match:
    """The text and number stages. ``answer`` is text as extracted.

    A bare value equals ``x = value`` and the reverse; ``y = value`` does not equal ``x = value``.
    ``unit_words``: words after a number ("42 apples") do not count where the reference has none,
    and a degree sign never does.
    """
    normal = normalise(answer)
    if normal == reference.normal or _same_word(normal, reference.normal):
        return Match(equal=True, stage="text", reason="the texts are equal")
    if _same_letters(normal, reference.normal):
        return Match(equal=True, stage="choice", reason="the same options")
    name, value = _split_name(normal)
    if name and reference.name and name != reference.name:
        if (
            _are_names(value, reference)
            or name.partition("(")[0] == reference.name.partition("(")[0]
        ):
            return Match(equal=False, stage="undecided", reason="the names differ")
        reason = f"the answer is about {name}, not {reference.name}"
        return Match(equal=False, stage="text", reason=reason)
    if unit_words and read_number(bare := value.removesuffix("°")) is not None:
        value = bare
    if _LOOSE.search(answer) or _other_unit(answer, normal, reference):
        return Match(equal=False, stage="undecided", reason="the texts differ")
    if value == reference.value:
        return Match(equal=True, stage="text", reason="the texts are equal")
    number = read_number(value)
    if number is None and unit_words and reference.number is not None:
        number = _before_words(value)
    if number is None or reference.number is None:
        return Match(equal=False, stage="undecided", reason="the texts differ")
    equal = number == reference.number
    reason = "the numbers are equal" if equal else "the numbers differ"
    return Match(equal=equal, stage="number", reason=reason)


def _are_names(value: str, reference: Reference) -> bool:
    """``x = y`` and ``y = x``: neither side is a value."""
    return value.isalpha() and reference.value.isalpha()


_LOOSE = re.compile(r"[0-9],\s+[0-9]")
"""A list: ``32, 349`` is not 32349."""
_MARKED_UNIT = re.compile(r"\\\$|[€£¥₹¢]|\A\$[^$]*\Z|°|\\circ|\\degree")


_CURRENCY = re.compile(r"[€£¥₹¢]|\\\$")


def _other_unit(answer: str, normal: str, reference: Reference) -> bool:
    """Whether units must be compared before numbers are."""
    if not _MARKED_UNIT.search(reference.text):
        return False
    if any(char.isalpha() for char in normal) or _CURRENCY.search(answer):
        return True
    degrees = ("°" in normal) != ("°" in reference.normal)
    return degrees and bool(_MARKED_UNIT.search(answer))


def _same_word(one: str, other: str) -> bool:
    """Words compare without case; single letters do not: they are variables."""
    return len(one) == len(other) > 1 and other.isalpha() and one.casefold() == other.casefold()


_COUNTED = re.compile(
    r"([+-]?[£€¥₹]?[0-9][0-9,./]{0,60})[ -]?([^\W\d_]{2,30}(?:[ '’-]{1,2}[^\W\d_]{1,30}){0,8})"
)
_STOP_WORDS = (
    "or nor either plus minus times over mod base percent pct percentage not squared cubed"
    " factorial th st nd rd"
    " pi ln log sin cos tan sqrt inf infinity xy xyz than half halves third thirds quarter quarters"
    " dozen dozens hundred hundreds thousand thousands million millions billion billions trillion"
    " trillions one two three four five six seven eight nine ten eleven twelve twenty thirty"
)
_NOT_UNITS = frozenset(_STOP_WORDS.split())
"""Words that change what a number means."""


def _same_letters(one: str, other: str) -> bool:
    """``AC`` and ``A and C`` name the options of ``A, C``; one side has to part them."""
    if not _SEVERAL.fullmatch(other) or not _SEVERAL.fullmatch(one):
        return False
    parted = any(mark in one or mark in other for mark in (",", ";", "&", "and"))
    letters = [sorted(char for char in side if char.isupper()) for side in (one, other)]
    return parted and letters[0] == letters[1]


def _before_words(value: str) -> Exact | None:
    match = _COUNTED.fullmatch(value)
    if match is None or not _NOT_UNITS.isdisjoint(re.split("[ '’-]+", match.group(2).casefold())):
        return None
    return read_number(match.group(1))


# --- multiple choice -------------------------------------------------------------------------

_LETTER = re.compile(r"(?:(?:option|choice|Option|Choice) ?)?[(\[]?([A-Za-z])[)\]]?[.:]?")
_SMALL_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
"""Alone, and with options that are only assumed, a small letter is a variable."""
_SEVERAL = re.compile(r"[(\[]?[A-Z](?:(?:,|;| and |and|&| )?[A-Z]){1,7}[)\]]?")
_LETTER_AND_TEXT = re.compile(r"\s*[(\[*]{0,3}([A-Z])(?:[)\].:]{1,2}\*{0,2}|\*\*)\s*(\S[\s\S]*)")
_LETTER_AND_REASON = re.compile(r"\(?([A-Z])\)?,? (?:because|since|as|which)\b[\s\S]*")


def read_options(options: Any) -> dict[str, str] | None:
    """Letter -> normalised text, from a list of texts or a mapping; None where there are none."""
    if isinstance(options, Mapping):
        items = {str(key).strip().upper(): text for key, text in options.items()}
    elif isinstance(options, list | tuple) and len(options) <= 26:
        items = {chr(ord("A") + place): text for place, text in enumerate(options)}
    else:
        return None
    return {key: normalise(_without_letter(str(text), key)) for key, text in items.items()} or None


def _without_letter(text: str, letter: str) -> str:
    """AQuA writes its options as ``A)21``."""
    match = _LETTER_AND_TEXT.fullmatch(text)
    return match.group(2) if match is not None and match.group(1) == letter else text


def letter_of(text: str, options: Mapping[str, str]) -> str | None:
    """The one option that a text names: by letter, by letter and text, or by text alone.

    None when it names none, or when letter and text disagree.
    """
    normal = normalise(text)
    bare = _LETTER.fullmatch(normal)
    if bare is not None and bare.group(1).upper() in options:
        small = bare.group() in _SMALL_LETTERS and options is LETTERS
        return None if small else bare.group(1).upper()
    reasoned = _LETTER_AND_REASON.fullmatch(normal)
    if reasoned is not None and reasoned.group(1) in options:
        return reasoned.group(1)
    both = _LETTER_AND_TEXT.fullmatch(normal)
    if both is not None and both.group(1) in options:
        named = _letters_with(normalise(both.group(2)), options)
        return both.group(1) if not named or both.group(1) in named else None
    named = _letters_with(normal, options)
    return named[0] if len(named) == 1 else None


def _letters_with(normal: str, options: Mapping[str, str]) -> list[str]:
    """The options with this text, or this number."""
    number = read_number(normal)
    return [
        letter
        for letter, text in options.items()
        if text == normal or (number is not None and number == read_number(text))
    ]


LETTERS = {chr(code): "" for code in range(ord("A"), ord("Z") + 1)}
"""Options whose texts are not known: the reference alone is a letter."""


def compare_choice(answer: str, reference: Reference, options: Mapping[str, str]) -> Match | None:
    """The choice stage; None when the reference names none of the options."""
    wanted = letter_of(reference.text, options)
    if wanted is None:
        return None
    given = letter_of(answer, options)
    if given is None:
        return Match(equal=False, stage="choice", reason="the answer names no single option")
    reason = f"option {given} was chosen, {wanted} is right"
    return Match(equal=given == wanted, stage="choice", reason=reason)
