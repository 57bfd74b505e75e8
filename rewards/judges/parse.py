"""From a judge's text to a Score, or an error: nothing that is not clearly a score becomes one.

Read: one JSON object with ``reasoning``, ``score`` and ``confidence`` in that order, with or
without a fence or words around it; or the same three as labels at the start of lines. A leading
``<think>`` part is left out. Equal scores said twice are one score.

Refused, because the text judged may have talked the judge into quoting it: two scores that differ
(also where one is in broken JSON, in prose as ``score: 1``, or a key repeated in one object), an
object that begins as ours and cannot be read, a score outside the scale (never clipped), a boolean,
NaN, a percentage, a fraction unless the scale has ``out_of``, and reasoning that is empty or late.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from .faults import JudgeReplyError
from .scale import Scale, Score

__all__ = ["parse_score"]

_KEYS: Final = ("reasoning", "score", "confidence")
_MOST_CHARS = 200_000
"""Longer replies are refused unread; ours. The scan below is linear in practice, not by proof."""
_MOST_OBJECTS = 200
"""Objects looked at in one reply; ours."""
_NUMBER = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{1,12})?")
_FRACTION = re.compile(r"([+-]?[0-9]{1,9}(?:\.[0-9]{1,12})?)\s?/\s?([0-9]{1,9}(?:\.[0-9]{1,12})?)")
_LABEL = re.compile(
    r"^[ \t>*_#-]{0,8}(reasoning|score|confidence)[ \t*_]{0,4}[:=][ \t*_]{0,4}",
    re.IGNORECASE | re.MULTILINE,
)
_SAID = re.compile(
    r"(?<![a-z])score[\"'*_` \t]{0,4}[:=][\"'*_` \t]{0,4}"
    r"([+-]?[0-9]{1,9}(?:\.[0-9]{1,12})?(?:\s?/\s?[0-9]{1,9}(?:\.[0-9]{1,12})?|\s?%)?)?",
    re.IGNORECASE,
)
"""A score said in passing, with what stands for its value."""
_BROKEN = re.compile(r"\{\s*(?:[\"“]|'?(?:reasoning|score|confidence)\b)", re.IGNORECASE)
"""The start of an object (not of a set, nor of LaTeX). If it cannot be read, what follows inside it
may be a quotation, so nothing after it is taken for the judge's own words."""


class _UnreadableError(ValueError):
    """A reason why a text is no score; becomes a ``JudgeReplyError``."""


def parse_score(text: str, scale: Scale) -> Score:
    """The one score that a judge's text gives, on ``scale``, mapped to [0, 1].

    Raises ``JudgeReplyError`` for anything that is not clearly one; it never raises anything else.
    """
    try:
        return _parse(text, scale)
    except (_UnreadableError, RecursionError) as error:
        shown = text if len(text) <= 120 else text[:117] + "..."
        raise JudgeReplyError(
            f"judge reply: {error or 'nested too deeply'}, got {shown!r}; wanted a JSON object"
            f" with reasoning, score ({scale.words()}) and confidence (0 to 1)"
        ) from None


def _parse(text: str, scale: Scale) -> Score:
    if len(text) > _MOST_CHARS:
        _no(f"is {len(text)} characters long, at most {_MOST_CHARS} are read")
    body = _after_thinking(text)
    objects, rest = _objects(body)
    if objects:
        scores = [_from_object(found, scale) for found in objects]
    else:
        scores = [_from_labels(body, scale)]
        rest = ""  # the labels were the whole of it, and looked at one by one
    for said in _said(rest, scale):
        if said != scores[0].score:
            _no("gives a score inside its object and another one beside it")
    if any((s.score, s.confidence) != (scores[0].score, scores[0].confidence) for s in scores):
        _no("gives two scores that contradict each other")
    return scores[-1]


def _no(reason: str) -> NoReturn:
    raise _UnreadableError(reason)


def _after_thinking(text: str) -> str:
    """The text without the judge's thinking. A chat template may have opened the tag itself."""
    body = text.strip()
    head, tag, tail = body.partition("</think>")
    if body.startswith("<think>"):
        return tail if tag else _no("is all thinking, the tag is never closed")
    return tail if tag and "{" not in head and not _LABEL.search(head) else body


def _objects(text: str) -> tuple[list[list[tuple[str, Any]]], str]:
    """The JSON objects of a text that carry one of our keys, and the text outside of them.

    Objects inside objects or inside strings are not looked at: they are the judge's own words.
    """
    found: list[list[tuple[str, Any]]] = []
    rest: list[str] = []
    at = 0
    for _ in range(_MOST_OBJECTS):
        brace = text.find("{", at)
        if brace < 0:
            return found, "".join([*rest, text[at:]])
        rest.append(text[at:brace])
        try:
            value, end = _DECODER.raw_decode(text, brace)
        except ValueError:
            if _BROKEN.match(text, brace):
                _no("holds an object that begins like the reply and is not JSON")
            rest.append("{")
            at = brace + 1
            continue
        at = end
        if isinstance(value, _Pairs) and any(_name(key) in _KEYS for key, _ in value.pairs):
            found.append(value.pairs)
        else:
            rest.append(text[brace:end])  # not ours; but a score said in it counts as said
    return _no(f"holds more than {_MOST_OBJECTS} braces")


class _Pairs:
    """A JSON object with its keys in order, repeated ones too."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# strict=False: constrained decoders emit raw line breaks inside strings
_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, parse_constant=_constant, strict=False)


def _name(key: str) -> str:
    return key.strip().casefold()


def _from_object(pairs: list[tuple[str, Any]], scale: Scale) -> Score:
    ours = [(_name(key), value) for key, value in pairs if _name(key) in _KEYS]
    _in_order([key for key, _ in ours])
    return _checked(dict(ours), scale)


def _from_labels(text: str, scale: Scale) -> Score:
    """Lines such as ``**Score:** 7``; the reasoning reaches as far as the score's label."""
    marks = list(_LABEL.finditer(text))
    if not marks:
        _no("holds no JSON object and no labels")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    fields: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=True):
        name, value = mark[1].casefold(), text[mark.end() : end].strip().strip("*_").strip()
        if fields.setdefault(name, value) != value:
            _no(f"gives {name} twice, differently")
    _in_order(list(fields))
    for said in _said(fields["reasoning"], scale):
        if said != _number(fields["score"], scale, "score"):
            _no("gives one score in its reasoning and another one after it")
    return _checked(fields, scale)


def _in_order(keys: list[str]) -> None:
    if sorted(set(keys)) != sorted(keys):
        _no("gives one key twice")
    missing = [key for key in _KEYS if key not in keys]
    if missing:
        _no(f"lacks {' and '.join(missing)}")
    if tuple(keys) != _KEYS:
        _no(f"must reason before it scores, its keys come as {', '.join(keys)}")


def _checked(fields: Mapping[str, Any], scale: Scale) -> Score:
    reasoning = fields["reasoning"]
    if not isinstance(reasoning, str) or not reasoning.strip():
        _no("gives no reasoning")
    value = _number(fields["score"], scale, "score")
    confidence = _number(fields["confidence"], _CONFIDENCE, "confidence")
    return Score(reasoning=reasoning.strip(), score=value, confidence=confidence)


_CONFIDENCE = Scale()


def _number(value: Any, scale: Scale, name: str) -> float:
    """A number of the scale, as a JSON number or its plain decimal spelling, in [0, 1]."""
    number: float | None = None
    if isinstance(value, str):
        number = _spelled(value.strip().rstrip(".").strip(), scale)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value) if abs(value) < 1e12 else None
    if number is None:
        _no(f"gives {name} {_short(value)}, which is not a number")
    if not scale.offers(number):
        _no(f"gives {name} {number:g}, which is not {scale.words()}")
    return scale.to_unit(number)


def _spelled(text: str, scale: Scale) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    fraction = _FRACTION.fullmatch(text)
    if fraction and scale.out_of is not None and float(fraction[2]) == scale.out_of:
        return float(fraction[1])
    return None


def _said(text: str, scale: Scale) -> list[float | None]:
    """Scores named in passing, in [0, 1]; None for one whose value cannot be read."""
    return [_said_value(mark[1], scale) for mark in _SAID.finditer(text) if mark[1]]


def _said_value(text: str, scale: Scale) -> float | None:
    number = _spelled(text.strip(), scale)
    return None if number is None or not scale.offers(number) else scale.to_unit(number)


def _short(value: Any) -> str:
    text = "an object" if isinstance(value, _Pairs) else repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
