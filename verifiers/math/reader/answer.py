"""A whole answer: what surrounds the mathematics goes, then the grammar reads the rest."""

from __future__ import annotations

import re
from functools import lru_cache

from .grammar import Parser
from .nodes import Node, Num, Ratio, Seq, Text, Unreadable
from .spelling import respelled
from .tokens import tokens_of

__all__ = ["read_answer"]

_DELIMITED = re.compile(r"\$\$?([^$]*)\$\$?")
_MATHS = re.compile(r"\\[()\[\]]")
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '’-]+[^\W\d_]+)*")
_WRAP = re.compile(r"\\(?:text|textbf|textit|mathrm|mathtt|texttt|mbox|textrm)\s*\{([^{}]*)\}")
_PREFIX = re.compile(
    r"\A(?:\\text\s*\{\s*)?(?:the\s)?(?:final\s|correct\s)?answer\s*(?:is|:|=)?"
    r"(?=[\s\d$\\(\[}])\s*\}?\s*",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"\A(?:there (?:is|are|exists?) |it is )?(?:an? |the )?(?=\w{2})", re.IGNORECASE
)
_EMPTY_GROUP = re.compile(r"\{\s*\}")
_TIME = re.compile(
    r"(\d{1,2})(?:(?:\\!)?(?::|\s*\\colon\s*)(?:\\!)?(\d{2}))?(?:\s|~|\\,|\\ )*"
    r"(?:\\(?:text|mathrm)\s*\{)?\s*([ap])\.?\s?m\.?\s*\}?",
    re.IGNORECASE,
)
_TRAILING = re.compile(r"(?:[\s.,;:。，]|\\\\|\\noindent|\\[,;:! ])+\Z")
_LEADING = re.compile(r"\A(?:[\s=,:;≈]|\\approx|\\[,;:! ])+")


def _stripped(text: str) -> str:
    text = _PREFIX.sub("", text.lstrip())
    if "$" in text:
        text = text.replace("\\$", "\ufffe")
        text = _DELIMITED.sub(r" \1 ", text) if text.count("$") > 1 else text
        text = text.replace("$", "\\$").replace("\ufffe", "\\$")
    text = _MATHS.sub(" ", text.replace("\\\\", "\ufffe")).replace("\ufffe", "\\\\")
    text = _EMPTY_GROUP.sub(" ", text.replace("{-}", "-").replace("{+}", "+"))
    return _LEADING.sub("", _TRAILING.sub("", text)) if text else text


def _is_prose(words: str) -> bool:
    """Whether letters and blanks are words: "No solution", but not "sinx"."""
    if not words.replace(" ", "").isalpha():
        return any(mark in words for mark in "'’-")
    if words.casefold() in ("no", "yes", "true", "false", "infinity", "undefined"):
        return words.casefold() != "infinity"
    tokens = tokens_of(words)
    return tokens[0].kind == "text" or any(t.kind == "text" for t in tokens[:-1])


@lru_cache(maxsize=2048)
def _read(text: str) -> Node | str:
    """The tree, or why there is none. Failures are kept too: a model repeats them."""
    stripped = _stripped(text)
    stripped = respelled(stripped) if stripped else stripped
    bare = _WRAP.sub(r" \1 ", stripped).strip(" .!")
    bare = " ".join(bare.split())
    if (clock := _TIME.fullmatch(stripped)) is not None and 1 <= int(clock[1]) <= 12:
        hour = int(clock[1]) % 12 + (12 if clock[3] in "pP" else 0)
        minutes = clock[2] or "00"
        return Ratio((Num(hour), Num(int(minutes))), f"{hour}:{minutes}")
    bare = re.sub(r"(?<=[^\W\d_]) and (?=[A-Z])", ", ", bare)
    if "," in bare and all(_WORDS.fullmatch(part.strip()) for part in bare.split(",")):
        parts = [part.strip() for part in bare.split(",")]
        if any(_is_prose(part) for part in parts):
            return Seq("", "", tuple(Text(part.casefold()) for part in parts))
    try:
        if _WORDS.fullmatch(bare) and _is_prose(bare):
            return Text(_ARTICLE.sub("", bare).casefold())
        return Parser(stripped).whole()
    except Unreadable as unread:
        return str(unread)
    except RecursionError:
        return "nesting too deep for this thread"


def read_answer(text: str) -> Node:
    """The tree of an answer. Raises ``Unreadable`` with the reason."""
    node = _read(text)
    if isinstance(node, str):
        raise Unreadable(node)
    return node
