"""Every registered inline source: rubbish is never an error, never paid, and never slow."""

from __future__ import annotations

import time
from typing import Any

import pytest

from assay.core.judging import OpenSource
from assay.core.registry import Registry
from assay.core.types import Sample

SOURCES = Registry().sources
INLINE = [
    name
    for name in SOURCES
    if SOURCES[name].runs == "inline" and SOURCES[name].module.startswith("assay.verifiers")
]

REQUIRED: dict[str, dict[str, Any]] = {
    "format.regex": {"pattern": "[a-z]+: [0-9]+"},
    "format.json": {"schema": {"type": "object"}},
}
TRUTHS: dict[str, Any] = {"logic.knights_knaves": {"Zoey": "knave", "Oliver": "knight"}}

MEGABYTE = 1_000_000
HOSTILE = {
    "empty": "",
    "nul": "\x00",
    "digits": "9" * 10_000,
    "unterminated-box": "\\boxed{",
    "braces": "{" * 5_000,
    "megabyte-of-digits": "9" * MEGABYTE,
    "megabyte-of-backslashes": "\\" * MEGABYTE,
    "megabyte-of-braces": "{" * MEGABYTE,
    "megabyte-of-blanks": " " * MEGABYTE,
    "megabyte-of-newlines": "\n" * MEGABYTE,
    "megabyte-of-quotes": '"\\' * (MEGABYTE // 2),
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
    "brackets": "[" * MEGABYTE,
    "objects": '{"a":' * 200_000,
    "combining-marks": "\u0301\u0316" * 300_000,
    "lone-surrogates": "\ud800" * 1_000,
    "bidi-controls": "\u202e42\u202c",
    "huge-exponent": "\\boxed{9e999999999}",
    "huge-power": "answer: 9^9^9^9",
    "wrong-people": "Zoey is a knight " * 50_000,
    "code": "__import__('os').system('true')",
}


def test_there_are_inline_sources() -> None:
    assert {"math.exact", "format.think_answer", "text.exact"} <= set(INLINE)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", INLINE)
def test_rubbish_is_judged_quickly_and_never_paid(name: str, text: str) -> None:
    source = SOURCES[name]
    judge = OpenSource(source, REQUIRED.get(name, {}), name)
    judge.opened()
    sample = Sample(completion=text, ground_truth=TRUTHS.get(name, "42")).view(source.view)
    started = time.thread_time()
    [verdict] = judge.judge([sample])
    spent = time.thread_time() - started
    assert not verdict.is_fault, verdict.reason
    assert verdict.score is None or verdict.score <= 0.0
    assert verdict.passed is not True
    assert spent < 0.25, f"{name} took {spent:.3f} s"  # loose: the machine may be busy
