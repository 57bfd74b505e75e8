"""text.exact: equal after the stated normalisation, and nothing else."""

from __future__ import annotations

import time
from typing import Any

import pytest

from assay.core.types import Sample, Status, Verdict
from assay.verifiers.text import text_exact


def judge(completion: str, truth: Any, **settings: Any) -> Verdict:
    verdict = text_exact.open(settings)(Sample(completion=completion, ground_truth=truth))
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize(
    ("completion", "truth", "settings", "passed"),
    [
        pytest.param("Paris", "Paris", {}, True, id="equal"),
        pytest.param(" paris\n", "Paris", {}, True, id="case-and-space"),
        pytest.param("New   York", "new york", {}, True, id="inner-space"),
        pytest.param("e\u0301", "é", {}, True, id="composed"),
        pytest.param("STRASSE", "straße", {}, True, id="casefold"),
        pytest.param("Paris!", "Paris", {"ignore_punctuation": True}, True, id="punctuation"),
        pytest.param("Rome", ["Paris", "Rome"], {}, True, id="any-of"),
        pytest.param("42", 42, {}, True, id="number"),
        pytest.param("Paris!", "Paris", {}, False, id="punctuation-counts"),
        pytest.param("paris", "Paris", {"ignore_case": False}, False, id="case-counts"),
        pytest.param(" Paris", "Paris", {"ignore_space": False}, False, id="space-counts"),
        pytest.param("e\u0301", "é", {"nfc": False}, False, id="composition-counts"),
        pytest.param("Paris or Rome", "Paris", {}, False, id="hedge"),
        pytest.param("The answer is Paris", "Paris", {}, False, id="sentence"),
        pytest.param("", "Paris", {}, False, id="empty"),
        pytest.param("Par\u200bis", "Paris", {}, False, id="invisible-character"),
    ],
)
def test_scored(completion: str, truth: Any, settings: dict[str, Any], passed: bool) -> None:
    verdict = judge(completion, truth, **settings)
    assert (verdict.passed, verdict.score) == (passed, float(passed))


@pytest.mark.parametrize("truth", [None, "", " ", [], ["Paris", ""], {"a": 1}, True, [["a"]]])
def test_bad_reference(truth: Any) -> None:
    assert judge("Paris", truth).status is Status.BAD_REFERENCE


def test_combining_marks_cannot_stall() -> None:
    started = time.process_time()
    assert not judge("\u0301\u0316" * 200_000, "Paris").passed
    assert time.process_time() - started < 0.5
