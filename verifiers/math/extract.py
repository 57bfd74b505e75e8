"""Find the answer in what a model wrote. One named strategy for each way answers are marked.

Strategies are tried in a configured order; the first that finds its mark decides, also when what
it found is no answer (an unterminated box, a hedge): text after a spoilt answer is not searched
for a better one. Which strategy decided is part of the result.

``boxed``        the last ``\\boxed{...}``; see ``boxes``
``answer_tag``   the last complete ``<answer>...</answer>``
``hash``         the number after the last ``####`` (GSM8K)
``answer_is``    after the last "answer is", "Answer:", "final answer ="
``choice``       the last "(B)", "option B", or a last line such as "B." (multiple choice only)
``last_number``  the last number in the text
``whole``        the whole text, for completions that are nothing but the answer

Not covered: mathematics without any mark (``so x^2+1`` on the last line), units of time.

Every strategy is linear in the text: marks are found from the end with ``rfind``, at most
``MAX_MARKS`` of them, and what follows a mark is cut to ``MAX_ANSWER_CHARS``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, TypeAlias

from .boxes import HEDGE, boxed
from .found import MAX_MARKS, Extracted
from .normalise import MAX_ANSWER_CHARS, normalise, plain_characters
from .number import read_number

__all__ = ["DEFAULT_ORDER", "Extracted", "Strategy", "extract"]

Strategy: TypeAlias = Literal[
    "boxed", "answer_tag", "hash", "answer_is", "choice", "last_number", "whole"
]
DEFAULT_ORDER: tuple[Strategy, ...] = (
    "boxed", "answer_tag", "hash", "answer_is", "choice", "last_number",
)  # fmt: skip

_TOO_LONG = f"what is marked as the answer is longer than {MAX_ANSWER_CHARS} characters"


def extract(text: str, order: Sequence[Strategy], *, letters: bool = False) -> Extracted:
    """The answer in a text, by the first strategy whose mark is there. Never raises.

    ``letters``: the right answer is a letter, so ``choice`` is tried.
    """
    for name in order:
        if name == "choice" and not letters:
            continue
        found = _STRATEGIES[name](text)
        if found is not None:
            return found
    return Extracted("", "none", "no answer was found")


def _answer_tag(text: str) -> Extracted | None:
    end = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, end) if end >= 0 else -1
    if start < 0:
        return None
    inside = text[start + len("<answer>") : end].strip()
    if not inside:
        return Extracted("", "answer_tag", "the answer tag is empty")
    if len(inside) > MAX_ANSWER_CHARS:
        return Extracted("", "answer_tag", _TOO_LONG)
    return _phrase(inside, "answer_tag")


def _hash(text: str) -> Extracted | None:
    """A ``####`` followed by anything but a number is a heading, not an answer."""
    start = text.rfind("####")
    if start < 0:
        return None
    line = text[start + 4 : start + 4 + MAX_ANSWER_CHARS].strip().partition("\n")[0].strip()
    if read_number(normalise(line)) is None:
        return None
    return Extracted(line, "hash")


_ANCHOR = re.compile(
    r"answers?[\s*_`]{0,8}(?:(?:is|are)\b|:|=|\n)(?:\s{1,3}therefore\b)?[\s*_`:]{0,8}",
    re.IGNORECASE,
)
_WORDS = ("answer", "Answer", "ANSWER")


def _answer_is(text: str) -> Extracted | None:
    end = len(text)
    words = [word for word in _WORDS if word in text]
    for _ in range(MAX_MARKS if words else 0):
        start = -1
        for word in words:  # each only looked for beyond the one found before
            start = max(start, text.rfind(word, max(start, 0), end))
        if start < 0:
            return None
        if anchor := _ANCHOR.match(text, start):
            rest = text[anchor.end() : anchor.end() + MAX_ANSWER_CHARS]
            if line := rest.strip().partition("\n")[0].strip():
                return _phrase(line, "answer_is")
        end = start
    return None


_SENTENCE = re.compile(r"[.!?](?=\s)")
_LEADING = re.compile(
    r"(?:[A-Za-z]\s?=\s?)?[+-]?(?:\\?\$)?[+-]?"
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)?(?:/[0-9]+)?(?:\s?\\?%)?"
)
_ENDS = frozenset("0123456789%")
_MATHS = re.compile(r"\$([^$\n]+)\$|\\\((.+?)\\\)")


def _phrase(text: str, strategy: str) -> Extracted:
    """The answer in a sentence: all of it if it reads as a number, else its one maths or number."""
    sentence = _SENTENCE.split(text, maxsplit=1)[0].strip()
    if read_number(normalise(sentence)) is not None:
        return Extracted(sentence, strategy)
    if "\\boxed" in text and (box := boxed(text)) is not None:
        return Extracted(box.text, strategy, box.fault)
    if HEDGE.search(sentence):
        return Extracted("", strategy, "a hedge: the answer offers more than one value")
    maths = [a or b for a, b in _MATHS.findall(sentence)]
    if len(maths) == 1 and sentence[0] in "$\\":
        return Extracted(maths[0], strategy)
    leading = _LEADING.match(plain_characters(sentence))
    if leading is not None and leading.group()[-1:] in _ENDS and _goes_on(sentence, leading.end()):
        return Extracted(leading.group(), strategy)
    return Extracted(sentence, strategy)


def _goes_on(sentence: str, end: int) -> bool:
    """Whether a number at the start of a sentence is followed by words that explain it."""
    rest = sentence[end:].lstrip(" *)")
    if rest[:1] == "," and not any(char.isdigit() for char in rest):
        return True
    return rest.startswith(("because", "since", "as ", "so "))


_LETTER = re.compile(
    r"(?:\b(?:option|choice)\s{0,3}[(*]{0,3}([A-Za-z])\b)|\(([A-Z])\)", re.IGNORECASE
)
_LETTER_LINE = re.compile(r"[\s*(\[]{0,8}([A-Z])[)\].:*]{0,4}(?:\s.*)?", re.DOTALL)
_CHOICE_CHARS = 400


def _choice(text: str) -> Extracted | None:
    tail = text[-_CHOICE_CHARS:].rstrip()
    line = tail.rpartition("\n")[2].strip()
    if match := _LETTER_LINE.fullmatch(line):
        bare = line.strip("*()[].: ")
        if len(bare) == 1 or line[match.end(1) : match.end(1) + 1] in (")", ".", ":", "]"):
            return Extracted(line, "choice")
    letters = [a or b for a, b in _LETTER.findall(line)]
    if not letters:
        return None
    if len(set(letters)) > 1 and HEDGE.search(line):
        return Extracted("", "choice", "a hedge: more than one option is offered")
    return Extracted(letters[-1], "choice")


_DIGIT = re.compile(r"\d")
_SIGN = r"(?:(?<![\w)\]}])[+-])?"
_NUMBER = re.compile(
    rf"{_SIGN}(?:[0-9]{{1,6}}\s?)?\\[dt]?frac\{{[+-]?[0-9]+\}}\{{[+-]?[0-9]+\}}"
    rf"|{_SIGN}(?:\\?[$£€¥₹]\s?)?{_SIGN}"
    r"(?:(?:[0-9]{1,3}(?:(?:,|\{,\}| )[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:[eE][+-]?[0-9]{1,4}(?!\w))?(?:/[0-9]+)?(?:\s?\\?%|\s?percent\b)?"
)
_OR_BEFORE = re.compile(r"\d\S{0,8}\s{1,3}or\s{1,3}\S{0,2}\Z", re.IGNORECASE)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""Controls that show digits in another order than they are written."""
_WINDOW = 512


def _after_last_digit(text: str) -> int:
    if text.isascii():
        return 1 + max(map(text.rfind, "0123456789"))
    last = _DIGIT.search(text[::-1])
    return 0 if last is None else len(text) - last.start()


def _last_number(text: str) -> Extracted | None:
    end = _after_last_digit(text)
    if end == 0:
        return None
    start = max(0, end - _WINDOW)
    window = plain_characters(text[start : end + 16])
    match = _last(_NUMBER.finditer(window))
    if match is None or (match.start() == 0 and start > 0) or _BIDI.search(window):
        return Extracted("", "last_number", "the last number is too long, or not readable")
    if window[: match.start()].removesuffix("{")[-1:] in ("^", "_"):
        return Extracted("", "last_number", "the last number is an exponent or an index")
    if _OR_BEFORE.search(window, max(0, match.start() - 24), match.start()):
        return Extracted("", "last_number", "a hedge: two numbers joined by 'or'")
    return Extracted(match.group(), "last_number")


def _last(matches: Iterator[re.Match[str]]) -> re.Match[str] | None:
    found = None
    for match in matches:
        found = match
    return found


def _whole(text: str) -> Extracted:
    text = text.strip()
    if len(text) > MAX_ANSWER_CHARS:
        return Extracted("", "whole", _TOO_LONG)
    return Extracted(text, "whole", "" if text else "the text is empty")


_STRATEGIES: dict[Strategy, Callable[[str], Extracted | None]] = {
    "boxed": boxed,
    "answer_tag": _answer_tag,
    "hash": _hash,
    "answer_is": _answer_is,
    "choice": _choice,
    "last_number": _last_number,
    "whole": _whole,
}
