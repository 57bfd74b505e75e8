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


def says_nothing(text: str, reference: str = "") -> bool:
    """Whether a text can be no answer: it holds no letter, number or symbol, or an opener only.

    Never true of a text that is the ``reference`` itself: that may be "!" or "Solution".
    """
    bare = _bare(text)
    if text.strip() and text.strip() == reference.strip():
        return False
    return not bare or bare in _OPENERS


def _bare(text: str) -> str:
    """The text in lower case, typographic quotes plain, without outer punctuation and blanks."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    kept = [char for char in plain if unicodedata.category(char)[0] != "C" or char in "\n\t"]
    start, end = 0, len(kept)
    while start < end and _outer(kept[start]):
        start += 1
    while end > start and _outer(kept[end - 1]):
        end -= 1
    return " ".join("".join(kept[start:end]).split())


def _outer(char: str) -> bool:
    return unicodedata.category(char)[0] in "PZC" or char in "\n\t"
