"""Find the answer in what a model wrote. One named strategy for each way answers are marked.

Strategies are tried in a configured order; the first that finds its mark decides, also when what
it found is no answer (an unterminated box, a hedge): text after a spoilt answer is not searched
for a better one. Which strategy decided is part of the result.

``hope``         "The final answer is X. I hope it is correct." behind the last box (Minerva)
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
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from .boxes import HEDGE, boxed
from .found import MAX_MARKS, Extracted
from .last import NUMBER, last_line, last_maths, last_number, line_span
from .normalise import MAX_ANSWER_CHARS, normalise, plain_characters
from .number import read_number
from .reader.answer import read_answer
from .reader.nodes import Unreadable

__all__ = ["DEFAULT_ORDER", "STRICT_ORDER", "Extracted", "Strategy", "extract"]

Strategy: TypeAlias = Literal[
    "boxed",
    "answer_tag",
    "hope",
    "hash",
    "answer_is",
    "choice",
    "last_line",
    "maths",
    "last_number",
    "whole",
]
DEFAULT_ORDER: tuple[Strategy, ...] = (
    "hope", "boxed", "answer_tag", "hash", "answer_is", "choice", "last_line", "maths",
    "last_number",
)  # fmt: skip
STRICT_ORDER: tuple[Strategy, ...] = ("hope", "boxed", "answer_tag", "hash")
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


_HOPE_MARK = "I hope it is correct"
_FINAL = re.compile(r"(?:final|Final|FINAL)\s{1,3}[aA]nswer\s{1,3}(?:is|:)[\s:]{0,4}")
_FINAL_CHARS = 600


def _hope(text: str) -> Extracted | None:
    """A mark as deliberate as a box, so the later one of the two decides."""
    end = text.rfind(_HOPE_MARK)
    if end < 0 or text.rfind("\\boxed") > end:
        return None
    found = None
    for match in _FINAL.finditer(text, max(0, end - _FINAL_CHARS), end):
        found = match
    if found is None or "\\boxed" in text[found.end() : end]:
        return None
    inside = text[found.end() : end].strip(" .,\n")
    return _phrase(inside, "hope").at(found.start(), end) if inside else None


def _answer_tag(text: str) -> Extracted | None:
    end = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, end) if end >= 0 else -1
    if start < 0:
        return None
    inside = text[start + len("<answer>") : end].strip()
    if not inside:
        found = Extracted("", "answer_tag", "the answer tag is empty")
    elif len(inside) > MAX_ANSWER_CHARS:
        found = Extracted("", "answer_tag", _TOO_LONG)
    else:
        found = _phrase(inside, "answer_tag")
    return found.at(start, end + len("</answer>"))


def _hash(text: str) -> Extracted | None:
    """A ``####`` followed by anything but a number is a heading, not an answer."""
    start = text.rfind("####")
    if start < 0:
        return None
    line = text[start + 4 : start + 4 + MAX_ANSWER_CHARS].strip().partition("\n")[0].strip()
    if read_number(normalise(line)) is None:
        return None
    return Extracted(line, "hash").at(start, text.find(line, start) + len(line))


_ANCHOR = re.compile(
    r"answers?[\s*_`]{0,8}(?:(?:is|are)\b|:|=|\n)(?:\s{1,3}therefore\b)?[\s*_`:]{0,8}"
    r"|故选[\s:：]{0,4}|(?:答案|答え|정답|답)[\s*_`]{0,4}(?:是|为|為|は|은|:|：)[\s*_`:：]{0,8}"
    r"|(?:respuesta|r[ée]ponse|risposta|resposta|antwort|ответ|cevap|jawaban(?:nya)?)"
    r"(?:\s{1,3}(?:final|finale|correcta|correcte|corretta))?[\s*_`]{0,8}"
    r"(?:(?:es|est|è|é|ist|lautet|adalah)(?!\w)|:|=|\n)[\s*_`:]{0,8}",
    re.IGNORECASE,
)
_WORDS = ("answer", "Answer", "ANSWER")
_FOREIGN = (
    "答案", "故选", "答え", "정답", "답", "respuesta", "Respuesta", "réponse", "Réponse", "reponse",
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
                return _phrase(line, "answer_is").at(start, text.find(line, start) + len(line))
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
        return Extracted(box.text, strategy, box.fault, None, box.last)
    if HEDGE.search(sentence) and sentence.count("=") < 2:
        fault = "a hedge: the answer offers more than one value"
        return Extracted(
            "", strategy, fault, None, _within_words(HEDGE.split(sentence)[-1].strip())
        )
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
        numbers = {match.group() for match in NUMBER.finditer(plain_characters(sentence))}
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
            return Extracted(line, "choice").at(*line_span(text, line))
    letters = [a or b for a, b in _LETTER.findall(line)]
    if not letters:
        return None
    if len(set(letters)) > 1 and HEDGE.search(line):
        fault = "a hedge: more than one option is offered"
        return Extracted("", "choice", fault, None, letters[-1]).at(*line_span(text, line))
    return Extracted(letters[-1], "choice").at(*line_span(text, line))


def _whole(text: str) -> Extracted:
    bare = text.strip()
    if len(bare) > MAX_ANSWER_CHARS:
        return Extracted("", "whole", _TOO_LONG, (0, len(text)))
    return Extracted(bare, "whole", "" if bare else "the text is empty", (0, len(text)))


_STRATEGIES: dict[Strategy, Callable[[str], Extracted | None]] = {
    "hope": _hope,
    "boxed": boxed,
    "answer_tag": _answer_tag,
    "hash": _hash,
    "answer_is": _answer_is,
    "choice": _choice,
    "last_line": last_line,
    "maths": last_maths,
    "last_number": last_number,
    "whole": _whole,
}
