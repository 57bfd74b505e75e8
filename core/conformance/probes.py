"""What a source is handed: ordinary samples, hostile text, odd messages, wrong ground truths.

Not covered: attacks on one kind of source; those lie in its audit table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from ..audit_table import AuditCase
from ..types import Sample

__all__ = ["HOSTILE_TEXTS", "WRONG_TRUTHS", "Probe", "probes_of"]

Kind: TypeAlias = Literal["ordinary", "text", "messages", "truth", "bare"]

_MEGABYTE = 1_000_000
_ORDINARY = 3
"""Cases of each kind taken from the audit tables."""

HOSTILE_TEXTS: dict[str, str] = {
    "empty": "",
    "nul": "\x00",
    "digits": "9" * 10_000,
    "unterminated-box": "\\boxed{",
    "braces": "{" * 5_000,
    "megabyte-of-digits": "9" * _MEGABYTE,
    "megabyte-of-backslashes": "\\" * _MEGABYTE,
    "megabyte-of-braces": "{" * _MEGABYTE,
    "megabyte-of-blanks": " " * _MEGABYTE,
    "megabyte-of-newlines": "\n" * _MEGABYTE,
    "megabyte-of-quotes": '"\\' * (_MEGABYTE // 2),
    "many-boxes": "\\boxed" * 150_000,
    "many-open-boxes": "\\boxed{" * 140_000,
    "many-full-boxes": "\\boxed{1} or " * 80_000,
    "many-negated-boxes": "not \\boxed{1}\n" * 70_000,
    "many-anchors": "answer" * 160_000,
    "many-empty-answers": "answer is " * 100_000,
    "many-tags": "<answer>" * 120_000,
    "many-thoughts": "<think></think>" * 60_000,
    "many-hashes": "####" * 250_000,
    "many-numbers": "1 " * 500_000,
    "many-fractions": "\\frac{1}{2}" * 90_000,
    "many-wrappers": "\\text{" * 160_000,
    "many-fences": "```" * 200_000,
    "brackets": "[" * _MEGABYTE,
    "objects": '{"a":' * 200_000,
    "combining-marks": "\u0301\u0316" * 300_000,
    "lone-surrogates": "\ud800" * 1_000,
    "bidi-controls": "\u202e24\u202c",
    "huge-exponent": "\\boxed{9e999999999}",
    "huge-power": "answer: 9^9^9^9",
    "sentences": "Zoey is a knight " * 50_000,
    "code": "__import__('os').system('true')",
}
"""Completions that none may fail on; none of them answers anything."""

WRONG_TRUTHS: dict[str, Any] = {
    "empty-text": "",
    "blank": " ",
    "nul": "\x00",
    "lone-surrogate": "\ud800",
    "long-text": "9" * 100_000,
    "deep-text": "{" * 5_000,
    "boolean": True,
    "whole-number": 7,
    "huge-number": 10**400,
    "fraction": 0.1,
    "empty-list": [],
    "list-of-nothing": [None],
    "mixed-list": [1, "1", [1], {"1": 1}],
    "empty-mapping": {},
    "mapping": {"tests": 3, "language": [], "checker": None},
    "deep-list": [[[[[[[[[[[[[[[["x"]]]]]]]]]]]]]]]],
    "many": list(range(10_000)),
}
"""Ground truths of every JSON type. A source may judge, abstain or call them a bad reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A sample under a name; ``beside``: what is judged with it, for sources of groups."""

    name: str
    kind: Kind
    sample: Sample
    beside: tuple[Sample, ...] = ()

    @property
    def is_small(self) -> bool:
        """Whether it is cheap enough to be judged many times."""
        return len(self.sample.text) <= 10_000


def probes_of(cases: Sequence[AuditCase]) -> list[Probe]:
    """All probes of a source with these audit cases."""
    base = _base(cases)
    asked, beside = base.sample, base.beside
    made = [*_ordinary(cases or [base])]
    for name, text in HOSTILE_TEXTS.items():
        sample = replace(asked, completion=text, id="")
        made.append(Probe(name=name, kind="text", sample=sample, beside=beside))
    for name, messages in _messages(asked.text).items():
        sample = replace(asked, completion=messages, id="")
        made.append(Probe(name=name, kind="messages", sample=sample, beside=beside))
    for name, truth in WRONG_TRUTHS.items():
        sample = replace(asked, ground_truth=truth, id="")
        made.append(Probe(name=name, kind="truth", sample=sample, beside=beside))
    bare = Sample(completion=asked.completion)
    made.append(Probe(name="completion-alone", kind="bare", sample=bare, beside=beside))
    return [_apart(probe, number) for number, probe in enumerate(made)]


def _base(cases: Sequence[AuditCase]) -> AuditCase:
    """The first right case, or an ordinary sample where there is no table."""
    for case in cases:
        if case.kind == "right":
            return case
    sample = Sample(prompt="6 times 7?", completion="It is \\boxed{42}.", ground_truth="42")
    return AuditCase(sample=sample, kind="right", category="made up")


def _ordinary(cases: Sequence[AuditCase]) -> Iterator[Probe]:
    for kind in ("right", "wrong", "attack"):
        some = [case for case in cases if case.kind == kind and len(case.sample.text) < 2_000]
        count = min(_ORDINARY, len(some))
        for index in range(count):
            case = some[index * len(some) // count]
            yield Probe(name=case.id, kind="ordinary", sample=case.sample, beside=case.beside)


def _messages(text: str) -> dict[str, Any]:
    """The text as a chat says it (the first two), and chats that say nothing."""
    asked = {"role": "user", "content": "6 times 7?"}
    return {
        "chat": [asked, {"role": "assistant", "content": text}],
        "chat-of-parts": [{"role": "assistant", "content": [{"type": "text", "text": text}]}],
        "no-message": [],
        "no-assistant": [asked],
        "no-content": [{"role": "assistant", "content": None}, {"role": "tool"}],
        "parts-without-text": [{"role": "assistant", "content": [{"type": "image"}, 3, None]}],
    }


def _apart(probe: Probe, number: int) -> Probe:
    group = f"probe {number}"
    beside = tuple(replace(sample, group=group) for sample in probe.beside)
    return replace(probe, sample=replace(probe.sample, group=group), beside=beside)
