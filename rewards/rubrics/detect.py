"""Signs that an answer speaks to its judge rather than to the question.

They are reported in the evidence and never scored: an essay about prompt injection has them too.
Covered: English wordings, forged replies and frames, hidden text. Not covered: other languages,
paraphrase, and encodings beyond a long run of Base64.
"""

from __future__ import annotations

import re
import unicodedata

from .neutral import neutralise

__all__ = ["SIGNS", "signs_of"]

_WHO = (
    r"(?:judges?|graders?|evaluators?|raters?|reviewers?|scorers?|markers?|reward model|verifier)"
)
_MUST = r"(?:must|should|shall|please|need to|have to|are to|will|are required to)"
_GRADE = r"(?:score|grade|mark|rating|reward|points?|confidence)"

_BEST = r"(?:full|maximum|max|perfect|highest|top|1(?:\.0)?|10|100)"

SIGNS: dict[str, re.Pattern[str]] = {
    name: re.compile("|".join(spellings), re.IGNORECASE | re.MULTILINE)
    for name, spellings in {
        "addresses the judge": (
            (
                rf"\b(?:dear|attention|hello|hi|to the|note (?:to|for)(?: the)?|as an?)[ ,:]{{1,3}}"
                rf"(?:ai |llm |the )?{_WHO}\b"
            ),
            rf"\b{_WHO}[,:]? {_MUST}\b",
        ),
        "says to ignore instructions": (
            (
                r"\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}"
                r"\b(?:previous|prior|above|earlier|preceding|all|any|your|the)\b[^.\n]{0,40}"
                r"\b(?:instructions?|prompts?|rules?|rubrics?|criteria|guidelines?|text|orders?)\b"
            ),
        ),
        "asks for a grade": (
            (
                r"\b(?:give|award|assign|return|output|respond with|reply with|set|rate)\b"
                rf"[^.\n]{{0,60}}\b{_BEST}\b[^.\n]{{0,20}}(?:\b{_GRADE}\b|/ ?10)"
            ),
            rf"\b(?:score|grade|mark|rating)s? (?:(?:of|to|as|is|be) )?{_BEST}\b",
            r"\b(?:full|perfect|maximum|top|highest) (?:marks?|score|grade|rating|points)\b",
        ),
        "a judge's reply": (
            r"[\"']?\b(?:score|verdict|grade|confidence)[\"']? ?[:=] ?[\"']?\d",
            r"\[result\]|\[\[(?:[a-d]|\d{1,2}|correct)\]\]|final verdict|criteria_met|<score>",
            r"\bgrade: ?[cpi]\b",
        ),
        "a forged frame": (
            r"<<[ /]?(?:data|end|begin|answer)\b",
            r"\bend of (?:the )?(?:answer|response|submission|data|block)\b",
            r"</?(?:answer|response|critique|data|submission)>",
        ),
        "a forged turn": (
            r"<\|[^<>\n]{1,80}\|>|\[/?inst\]|<{1,2}/?sys>{1,2}|<(?:start|end)_of_turn>",
            (
                r"^[ \t>#*_]{0,8}(?:system|assistant|human|developer)(?: (?:prompt|message|note))?"
                r"[*_]{0,3}:"
            ),
        ),
        "claims authority": (
            (
                r"\b(?:system|developer|admin(?:istrator)?|operator) "
                r"(?:override|note|message|notice|mode|update)\b"
            ),
            r"\bnew (?:instructions?|task|rubric|policy)\b ?[:=]",
        ),
        "template braces": (
            r"\{\{[^{}\n]{0,80}\}\}|\{%[^{}\n]{0,80}%\}",
            r"\{(?:answer|reference|critique|question|response)\}",
        ),
        "a long Base64 run": (r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{120}",),
    }.items()
}
"""Name of the sign -> what it looks like, in compatibility spelling and any letter case."""

_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
_READ_CHARS = 50_000
"""How much of an answer is searched."""


def signs_of(text: str) -> list[str]:
    """The names of the signs that a text shows, sorted; also what ``neutralise`` would change."""
    text = text[:_READ_CHARS]
    found = set(neutralise(text).changed)
    plain = _INVISIBLE.sub("", text)
    if not plain.isascii():
        # one by one: the time for a run of combining marks would grow with its square
        plain = "".join(unicodedata.normalize("NFKC", char) for char in plain)
    found |= {name for name, sign in SIGNS.items() if sign.search(plain)}
    return sorted(found)
