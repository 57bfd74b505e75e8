"""Judged text made harmless to show: nothing in it can pass for the frame around it.

Covered: the control tokens of chat templates, by which a text could leave its message on a server
that tokenises them inside content; headings that play a new turn; our own fence lines; characters
that cannot be seen (control, zero-width, bidirectional, tag, private) or not encoded (lone
surrogates); the same in compatibility spellings (fullwidth and the like), because judges read
those too. What is changed stays visible: brackets become ‹ ›, characters become escapes.
Not covered: what the text says in plain words, which the fence and the judge's orders are for.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

__all__ = ["Neutral", "escape_hidden", "neutralise"]

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
    "\ue000-\uf8ff\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\U000f0000-\U0010ffff]+"
)
"""Characters without a glyph of their own, in runs. U+FE0F stays: emoji are spelled with it."""
_RUN = 8
"""Of longer runs of hidden characters the first half of this is shown, and the rest counted."""
_JOINERS = "\u200c\u200d"
"""Persian, Indic scripts and emoji need them; between other characters than those they go."""
_NAMES = (
    r"bos|eos|pad|unk|s|sop|eop|start_of_turn|end_of_turn|start_of_image|end_of_image|think|"
    r"begin_of_thought|end_of_thought|tool_call|tool_calls|tool_response|tool_result|tool|tools|"
    r"system|user|assistant|developer|human|instructions?|system_prompt|function_calls?|"
    r"fim_(?:prefix|middle|suffix|pad)|unused\d{1,4}|mask|cls|sep|"
    r"[A-Z_]{2,40}_TOKEN|extra_id_\d{1,4}|reserved_\d{1,4}"
)
_TOKENS = re.compile(
    r"<\|[^<>\n]{1,80}\|>"  # ChatML, Llama 3, Phi, GLM, Command, gpt-oss, DeepSeek (folded)
    r"|<{1,2}/?(?:" + _NAMES + r")/?>{1,2}"  # Llama 2, Gemma, Qwen, T5, and markup that plays them
    r"|<{1,2}/?SYS>{1,2}"
    r"|\[/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|PREFIX|"
    r"SUFFIX|MIDDLE|IMG|IMG_END|IMG_BREAK|THINK|MODEL_SETTINGS|gMASK|CLS|SEP|MASK|PAD|UNK|BOS|EOS)\]"
    r"|<<<(?=\s{0,4}(?:DATA|END)\b)",  # our own fence, whatever its key
    re.IGNORECASE,
)
_ROLE = "system|developer|user|assistant|human|tool|function|ai"
_LOUD = "|".join(f"{role.capitalize()}|{role.upper()}" for role in _ROLE.split("|"))
"""Lower case alone is left as it is: ``user: str`` is a field in half of all programs."""
_HEADINGS = rf"{_ROLE}|instructions?|response|system prompt|new task|evaluation|judge|grader"
_BLANKS = r"[ \t]{0,4}"
_TURNS = re.compile(
    rf"^{_BLANKS}[*_]{{0,3}}((?:{_LOUD})(?: (?:prompt|message|note))?[*_]{{0,3}}[ \t]?:)"
    rf"|^{_BLANKS}#{{1,6}}{_BLANKS}[*_]{{0,3}}"
    rf"((?i:{_HEADINGS}|end of \w{{1,12}})[*_]{{0,3}}:?)[ \t]*$"
    rf"|^{_BLANKS}#{{1,6}}{_BLANKS}((?i:{_ROLE}|instructions?)[ \t]?:)",
    re.MULTILINE,
)
_BRACKETS = "<>[]＜＞［］﹤﹥"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neutral:
    """A text that can be shown, and what had to be changed in it."""

    text: str
    changed: Mapping[str, int] = field(default_factory=dict)
    """``hidden characters``, ``control tokens``, ``role headings`` -> how many."""


@lru_cache(maxsize=256)  # an answer is shown once for each item of its rubric
def neutralise(text: str) -> Neutral:
    """Make a text harmless to show to a judge. What is harmless already comes back as it is.

    Idempotent. Time is linear in the text, but for tokens nested in tokens: their length allows
    some twenty layers.
    """
    shown, hidden = escape_hidden(text.replace("\r\n", "\n"))
    tokens, found = 0, 1
    while found:  # a token may hide in another; each round opens one layer
        shown, found = _replace(_TOKENS, shown)
        tokens += found
    shown, turns = _replace(_TURNS, shown)
    counts = {"hidden characters": hidden, "control tokens": tokens, "role headings": turns}
    return Neutral(text=shown, changed={name: n for name, n in counts.items() if n})


def escape_hidden(text: str) -> tuple[str, int]:
    """The text with escapes for characters that cannot be seen, and how many those were."""
    if text.isascii() and text.isprintable():
        return text, 0
    count = 0

    def escaped(match: re.Match[str]) -> str:
        nonlocal count
        run = match.group()
        if run in _JOINERS and _joins(text, match.start()):
            return run
        count += len(run)
        if len(run) > _RUN:  # a flood of them would fill the judge's window
            return "".join(map(_escape, run[: _RUN // 2])) + f"{{+{len(run) - _RUN // 2} hidden}}"
        return "".join(map(_escape, run))

    return _HIDDEN.sub(escaped, text), count


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands between two characters that may need one."""
    around = text[max(at - 1, 0) : at] + text[at + 1 : at + 2]
    return len(around) == 2 and not any(
        c.isascii() or unicodedata.normalize("NFKC", c).isascii() for c in around
    )


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return "\\r" if char == "\r" else f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _fold(text: str) -> tuple[str, list[int] | None]:
    """The text in compatibility spelling, and where each of its characters comes from."""
    if text.isascii():
        return text, None
    folded: list[str] = []
    origin: list[int] = []
    for place, char in enumerate(text):
        plain = char if char < "\x80" else unicodedata.normalize("NFKC", char)
        folded.append(plain)
        origin.extend([place] * len(plain))
    return "".join(folded), origin


def _replace(pattern: re.Pattern[str], text: str) -> tuple[str, int]:
    """Put each find between ‹ and ›; the text after, and how many there were."""
    folded, origin = _fold(text)
    parts: list[str] = []
    last = count = 0
    for match in pattern.finditer(folded):
        group = match.lastindex or 0
        start, end = match.span(group)
        if origin is not None:
            start, end = origin[start], origin[end - 1] + 1
        if start < last:  # two finds inside one character that stands for several
            continue
        parts += [text[last:start], _marked(text[start:end])]
        last, count = end, count + 1
    return "".join([*parts, text[last:]]), count


def _marked(token: str) -> str:
    inner = token.strip(_BRACKETS)
    return f"‹{inner}›" if inner else "‹" * len(token)
