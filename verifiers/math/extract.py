"""Find the answer in what a model wrote. One named strategy for each way answers are marked.

Strategies are tried in a configured order; the first that finds its mark decides, also when what
it found is no answer (an unterminated box, a hedge): text after a spoilt answer is not searched
for a better one. Which strategy decided is part of the result.

``boxed``        the last ``\\boxed{...}``; see ``boxes``
``answer_tag``   the last complete ``<answer>...</answer>``
``hash``         the number after the last ``####`` (GSM8K)
``answer_is``    after the last "answer is", "Answer:", "final answer ="
``choice``       the last "(B)", "option B", or a last line such as "B." (multiple choice only)
``last_line``    the last line, if all of it is mathematics and no true or false statement
``maths``        the last ``$...$``, ``\\(...\\)`` or ``\\[...\\]``, if no number comes after it
``last_number``  the last number in the text
``whole``        the whole text, for completions that are nothing but the answer

The phrases of ``answer_is`` are also read in Chinese, Japanese, Korean, Spanish, French, German,
Italian, Portuguese, Russian, Turkish and Indonesian. Not covered: units of time.

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
from .reader.answer import read_answer
from .reader.nodes import Relation, Sym, Text, Unreadable, walk

__all__ = ["DEFAULT_ORDER", "STRICT_ORDER", "Extracted", "Strategy", "extract"]

Strategy: TypeAlias = Literal[
    "boxed",
    "answer_tag",
    "hash",
    "answer_is",
    "choice",
    "last_line",
    "maths",
    "last_number",
    "whole",
]
DEFAULT_ORDER: tuple[Strategy, ...] = (
    "boxed", "answer_tag", "hash", "answer_is", "choice", "last_line", "maths", "last_number",
)  # fmt: skip
STRICT_ORDER: tuple[Strategy, ...] = ("boxed", "answer_tag", "hash")
"""Only what is marked on purpose."""

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
    r"answers?[\s*_`]{0,8}(?:(?:is|are)\b|:|=|\n)(?:\s{1,3}therefore\b)?[\s*_`:]{0,8}"
    r"|(?:答案|答え|정답|답)[\s*_`]{0,4}(?:是|为|為|は|은|:|：)[\s*_`:：]{0,8}"
    r"|(?:respuesta|r[ée]ponse|risposta|resposta|antwort|ответ|cevap|jawaban(?:nya)?)"
    r"(?:\s{1,3}(?:final|finale|correcta|correcte|corretta))?[\s*_`]{0,8}"
    r"(?:(?:es|est|è|é|ist|lautet|adalah)(?!\w)|:|=|\n)[\s*_`:]{0,8}",
    re.IGNORECASE,
)
_WORDS = ("answer", "Answer", "ANSWER")
_FOREIGN = (
    "答案", "答え", "정답", "답", "respuesta", "Respuesta", "réponse", "Réponse", "reponse",
    "risposta", "Risposta", "resposta", "Resposta", "Antwort", "antwort", "ответ", "Ответ",
    "cevap", "Cevap", "jawaban", "Jawaban",
)  # fmt: skip


def _answer_is(text: str) -> Extracted | None:
    end = len(text)
    words = [word for word in _WORDS if word in text]
    words = words or [word for word in _FOREIGN if word in text]
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


_SENTENCE = re.compile(r"[.!?](?=\s)|[。！？]")
_HOPE = re.compile(r",?\s{0,3}I hope it is correct\.?.{0,400}\Z", re.DOTALL | re.IGNORECASE)
_IS = re.compile(r"\b(?:is|are|equals|be)\s{1,3}(?:equal to\s{1,3})?")
_TWISTED = re.compile(
    r"\b(?:not|times|plus|minus|half|twice|squared|cubed|if|when|otherwise|per|thousand|million)\b"
    r"|n't|[=<>^\\]",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"(?:[A-Za-z]\s?=\s?)?[+-]?(?:\\?\$)?[+-]?"
    r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]+)?(?:/[0-9]+)?(?:\s?\\?%)?"
)
_ENDS = frozenset("0123456789%")
_MATHS = re.compile(r"\$([^$\n]+)\$|\\\((.+?)\\\)")


def _phrase(text: str, strategy: str) -> Extracted:
    """The answer in a sentence: all of it if it reads as a number, else its one maths or number."""
    sentence = _SENTENCE.split(_HOPE.sub("", text), maxsplit=1)[0].strip() or text
    if read_number(normalise(sentence)) is not None:
        return Extracted(sentence, strategy)
    if "\\boxed" in text and (box := boxed(text)) is not None:
        return Extracted(box.text, strategy, box.fault)
    if HEDGE.search(sentence) and sentence.count("=") < 2:
        return Extracted("", strategy, "a hedge: the answer offers more than one value")
    maths = [a or b for a, b in _MATHS.findall(sentence)]
    if len(maths) == 1 and sentence[0] in "$\\":
        return Extracted(maths[0], strategy)
    leading = _LEADING.match(plain_characters(sentence))
    if leading is not None and leading.group()[-1:] in _ENDS and _goes_on(sentence, leading.end()):
        return Extracted(leading.group(), strategy)
    return Extracted(_within_words(sentence), strategy)


def _within_words(sentence: str) -> str:
    """The value in a sentence that is no mathematics: behind "is", or its one number."""
    if _reads(sentence):
        return sentence
    tail = _IS.split(sentence)[-1].strip()
    if tail != sentence and _reads(tail):
        return tail
    if not _TWISTED.search(sentence):
        numbers = {match.group() for match in _NUMBER.finditer(plain_characters(sentence))}
        if len(numbers) == 1:
            return numbers.pop()
    return sentence


def _reads(text: str) -> bool:
    try:
        read_answer(text)
    except Unreadable:
        return False
    return True


def _goes_on(sentence: str, end: int) -> bool:
    """Whether a number at the start of a sentence is followed by words that explain it."""
    rest = sentence[end:].lstrip(" *)")
    if rest[:1] == "," and not any(char.isdigit() for char in rest):
        return True
    return rest.startswith(("because", "since", "as ", "so "))


_LETTER = re.compile(
    r"(?:\b(?:option|choice)\s{0,3}(?:is\s{1,3})?[(*]{0,3}([A-Za-z])\b)|\(([A-Z])\)",
    re.IGNORECASE,
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


_LINE_CHARS = 600


def _last_line(text: str) -> Extracted | None:
    """Of one line that is all mathematics. Statements between numbers are working, not answers."""
    line = text[-_LINE_CHARS:].rstrip().rpartition("\n")[2].strip(" *_`")
    if not line or len(line) >= _LINE_CHARS - 1:
        return None
    try:
        node = read_answer(line)
    except Unreadable:
        return None
    if isinstance(node, Text) or (isinstance(node, Relation) and not _has_symbol(node)):
        return None
    return Extracted(line, "last_line")


def _has_symbol(node: Relation) -> bool:
    return any(isinstance(part, Sym) for part in walk(node))


_ANY_MATHS = re.compile(
    r"\$\$([^$]{1,1000})\$\$|\$([^$\n]{1,500})\$|\\\(((?:(?!\\[()])[\s\S]){1,500})\\\)"
    r"|\\\[((?:(?!\\[\[\]])[\s\S]){1,1000})\\\]"
)
_TAIL = 2000


def _last_maths(text: str) -> Extracted | None:
    tail = text[-_TAIL:]
    if "$" not in tail and "\\)" not in tail and "\\]" not in tail:
        return None
    match = _last(_ANY_MATHS.finditer(tail))
    if match is None or any(char.isdigit() for char in tail[match.end() :]):
        return None
    inside = next(filter(None, match.groups()), "").strip()
    try:
        node = read_answer(inside)
    except Unreadable:
        return None
    if isinstance(node, Relation) and set(node.operators) <= {"=", "~"} and not _has_symbol(node):
        inside = re.split(r"=|\\approx", inside)[-1].strip()  # 2+3=5: the result is the answer
    if HEDGE.search(tail, max(0, match.start() - 24), match.start()):
        return Extracted("", "maths", "a hedge: two values joined by 'or'")
    return Extracted(inside, "maths") if inside else None


_DIGIT = re.compile(r"\d")
_SIGN = r"(?:(?<![\w)\]}])[+-])?"
_NUMBER = re.compile(
    rf"{_SIGN}(?:[0-9]{{1,6}}\s?)?\\[dt]?frac\{{[+-]?[0-9]+\}}\{{[+-]?[0-9]+\}}"
    rf"|{_SIGN}(?:\\?[$£€¥₹]\s?)?{_SIGN}"
    r"(?:(?:[0-9]{1,3}(?:(?:,|\{,\}| )[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
    r"(?:[eE][+-]?[0-9]{1,4}(?!\w))?(?:/[0-9]+)?(?:\s?\\?%|\s?percent\b)?"
)
_AREA = re.compile(r"([0-9]\s?(?:[kcdm]?m|ft|in|mi|yd))\^\{?[23]\}?")
_NOT_BEFORE = re.compile(r"(?:\bnot|n't)\s{1,2}\S{0,2}\Z", re.IGNORECASE)
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
    window = _AREA.sub(r"\1", plain_characters(text[start : end + 16]))
    match = _last(_NUMBER.finditer(window))
    if match is None or (match.start() == 0 and start > 0) or _BIDI.search(window):
        return Extracted("", "last_number", "the last number is too long, or not readable")
    if window[: match.start()].removesuffix("{")[-1:] in ("^", "_"):
        return Extracted("", "last_number", "the last number is an exponent or an index")
    if _NOT_BEFORE.search(window, max(0, match.start() - 16), match.start()):
        return Extracted("", "last_number", "the last number is negated")
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
    "last_line": _last_line,
    "maths": _last_maths,
    "last_number": _last_number,
    "whole": _whole,
}
