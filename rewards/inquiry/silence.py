"""Texts that say nothing, judged without a judge: blanks, punctuation, and openers alone.

Source: Zhao et al. 2025 (One Token to Fool LLM-as-a-Judge, arXiv 2507.08794): a lone ":" or
"Thought process:" passes for a right answer with many judges. Not covered: openers followed by
words without content, which are the judge's business.
"""

from __future__ import annotations

import unicodedata

__all__ = ["says_nothing"]

_OPENERS = frozenset(
    {
        *("thought process", "solution", "answer", "final answer", "the answer is", "sure"),
        *("let's solve this problem step by step", "let us solve this problem step by step"),
        *(
            "let's think step by step",
            "let's think",
            "解",
            "解答",
            "かいせつ",
            "respuesta",
            "lösung",
        ),
    }
)
"""Of the paper, and a few of their kind (ours)."""
_LONGEST = 100
"""Characters above which a text is no opener, whatever is hidden in it."""


def says_nothing(text: str, reference: str = "") -> bool:
    """Whether a text can be no answer: it holds no letter, number or symbol, or an opener only.

    Never true of a text that is the ``reference`` itself: that may be "!" or "Solution".
    """
    if text.strip() and text.strip() == reference.strip():
        return False
    start, end = _inner(text)
    if end - start > _LONGEST:
        return False
    return start == end or _folded(text[start:end]) in _OPENERS


def _inner(text: str) -> tuple[int, int]:
    """Where the text without outer punctuation, blanks and invisible characters begins and ends."""
    start, end = 0, len(text)
    while start < end and unicodedata.category(text[start])[0] in "PZC":
        start += 1
    while end > start and unicodedata.category(text[end - 1])[0] in "PZC":
        end -= 1
    return start, end


def _folded(text: str) -> str:
    """A short text in lower case and compatibility spelling, without invisible characters.

    Only for short ones: the time to normalise a long run of combining marks grows with its square.
    """
    seen = "".join(c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    plain = unicodedata.normalize("NFKC", seen).casefold().replace("’", "'")
    return " ".join(plain.split())
