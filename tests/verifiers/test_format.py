"""format.*: the four criteria and the hacks, linear patterns, and JSON that is what was asked."""

from __future__ import annotations

import time
from typing import Any

import pytest

from assay.core.errors import ConfigError
from assay.core.types import Sample, Status, Verdict
from assay.verifiers.format import format_json, format_regex, think_answer

GOOD = "<think>7+8=15,15-4=11</think><answer>11</answer>"
PROSE = " ".join(
    f"Step {n}: add {n * n} to what we had, which gives {n * 7 + 3}." for n in range(60)
)


def judge(source: Any, completion: str, truth: Any = None, **settings: Any) -> Verdict:
    verdict = source.open(settings)(Sample(completion=completion, ground_truth=truth))
    assert isinstance(verdict, Verdict)
    return verdict


@pytest.mark.parametrize(
    ("completion", "settings"),
    [
        pytest.param(GOOD, {}, id="short"),
        pytest.param(f"<think>\n{PROSE}\n</think>\n<answer>42</answer>\n", {}, id="long"),
        pytest.param(GOOD[7:], {"opened_by_prompt": True}, id="opened-by-prompt"),
        pytest.param("Hm. " + GOOD + " Done.", {"allow_outside": True}, id="outside-allowed"),
        pytest.param(
            "<why>because 1+1</why><out>2</out>",
            {"think_tag": "why", "answer_tag": "out"},
            id="tags",
        ),
        pytest.param(
            f"<think>abcdef</think><answer>{PROSE}</answer>",
            {"max_answer_chars": None},
            id="any-length",
        ),
    ],
)
def test_good_form(completion: str, settings: dict[str, Any]) -> None:
    verdict = judge(think_answer, completion, **settings)
    assert (verdict.score, verdict.passed) == (1.0, True), verdict
    assert set(verdict.parts.values()) == {1.0}
    assert verdict.evidence["hacks"] == []


@pytest.mark.parametrize(
    ("completion", "part", "hack"),
    [
        pytest.param("", "tags_once", None, id="empty"),
        pytest.param("<answer>11</answer>", "tags_once", None, id="no-reasoning-tags"),
        pytest.param(GOOD + GOOD, "tags_once", "repeated_guessing", id="everything-twice"),
        pytest.param(
            GOOD + "<answer>12</answer>", "tags_once", "repeated_guessing", id="two-answers"
        ),
        pytest.param(GOOD[:-9], "tags_once", None, id="answer-not-closed"),
        pytest.param("<think>" + GOOD, "tags_once", None, id="think-opened-twice"),
        pytest.param("<answer>11</answer><think>7+8=15</think>", "order", None, id="answer-first"),
        pytest.param("<think>7+8<answer>1</think>1</answer>", "order", None, id="crossed"),
        pytest.param(GOOD + " No, wait.", "order", "text_after_answer", id="revisits-after-answer"),
        pytest.param("Sure! " + GOOD, "order", "text_outside", id="text-before"),
        pytest.param(
            "<think></think><answer>1</answer>", "reasoning", "skipped_thinking", id="no-thought"
        ),
        pytest.param(
            "<think>  \n </think><answer>1</answer>", "reasoning", "skipped_thinking", id="blank"
        ),
        pytest.param(
            "<think>......</think><answer>1</answer>", "reasoning", "nonsense_padding", id="dots"
        ),
        pytest.param(
            "<think>" + "ha " * 200 + "</think><answer>1</answer>",
            "reasoning",
            "nonsense_padding",
            id="ha",
        ),
        pytest.param(
            "<think>" + "let me think about it again. " * 40 + "</think><answer>1</answer>",
            "reasoning",
            "nonsense_padding",
            id="one-sentence-repeated",
        ),
        pytest.param(
            "<think>" + "abcdefgh" * 100 + "</think><answer>1</answer>",
            "reasoning",
            "nonsense_padding",
            id="repeats-without-blanks",
        ),
        pytest.param(
            f"<think>abcdef</think><answer>{PROSE}</answer>",
            "answer",
            "reasoning_in_answer",
            id="answer-long",
        ),
        pytest.param("<think>abcdef</think><answer> </answer>", "answer", None, id="no-answer"),
        pytest.param(
            "<think>abcdef</think><answer>...</answer>", "answer", None, id="answer-of-dots"
        ),
        pytest.param(
            "<think>abcdef</think><answer>3 or 4</answer>",
            "answer",
            "repeated_guessing",
            id="two-guesses",
        ),
        pytest.param(
            r"<think>abcdef</think><answer>\boxed{3} \boxed{4}</answer>",
            "answer",
            "repeated_guessing",
            id="two-boxes",
        ),
    ],
)
def test_bad_form(completion: str, part: str, hack: str | None) -> None:
    verdict = judge(think_answer, completion)
    assert (verdict.score, verdict.passed) == (-1.0, False)
    assert verdict.parts[part] == 0.0
    assert verdict.evidence["hacks"] == ([hack] if hack else [])
    assert verdict.reason


@pytest.mark.parametrize(
    ("settings", "good", "bad"),
    [
        pytest.param({}, 1.0, -1.0, id="eq-21"),
        pytest.param({"scores": "zero_one"}, 1.0, 0.0, id="zero-one"),
        pytest.param({"scores": "penalty", "penalty": 0.5}, 0.0, -0.5, id="penalty"),
    ],
)
def test_scores(settings: dict[str, Any], good: float, bad: float) -> None:
    assert judge(think_answer, GOOD, **settings).score == good
    verdict = judge(think_answer, "x", **settings)
    assert (verdict.score, verdict.passed) == (bad, False)


def test_prompt_that_opens_the_tag_allows_no_second_one() -> None:
    assert not judge(think_answer, GOOD, opened_by_prompt=True).passed


@pytest.mark.parametrize(
    ("settings", "completion", "passed"),
    [
        pytest.param({"pattern": r"\d+"}, "42", True, id="fullmatch"),
        pytest.param({"pattern": r"\d+"}, " 42\n", True, id="stripped"),
        pytest.param({"pattern": r"\d+", "strip": False}, " 42", False, id="not-stripped"),
        pytest.param({"pattern": r"\d+"}, "x42", False, id="not-all-of-it"),
        pytest.param({"pattern": r"\d+", "mode": "search"}, "x42", True, id="search"),
        pytest.param({"pattern": "yes", "ignore_case": True}, "YES", True, id="ignore-case"),
        pytest.param({"pattern": "a.b"}, "a\nb", False, id="dot-is-no-newline"),
        pytest.param({"pattern": "a.b", "dot_all": True}, "a\nb", True, id="dot-all"),
        pytest.param({"pattern": "a.c"}, "a\ud800c", True, id="lone-surrogate-is-a-character"),
        pytest.param({"pattern": "(a+)+"}, "a" * 100_000 + "b", False, id="no-backtracking"),
    ],
)
def test_regex(settings: dict[str, Any], completion: str, passed: bool) -> None:
    started = time.process_time()
    assert judge(format_regex, completion, **settings).passed is passed
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?=a)b", "lookaround and backreferences are not available"),
        (r"(a)\1", "lookaround and backreferences are not available"),
        ("(", "refused by RE2"),
        ("", "pattern"),
    ],
)
def test_regex_that_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        format_regex.open({"pattern": pattern})


OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("completion", "settings", "why"),
    [
        pytest.param('{"a": 1}', {"schema": OBJECT}, "", id="fits"),
        pytest.param('```json\n{"a": 1}\n```', {"schema": OBJECT}, "", id="fenced"),
        pytest.param("[1, 2.5, null]", {}, "", id="no-schema"),
        pytest.param("```\n1\n```", {"fences": "require"}, "", id="fence-required"),
        pytest.param('"abab"', {"schema": {"pattern": "^(ab)+$"}}, "", id="pattern"),
        pytest.param(
            '{"x1": "s"}',
            {
                "schema": {
                    "patternProperties": {"^x": {"type": "string"}},
                    "additionalProperties": False,
                }
            },
            "",
            id="pattern-properties",
        ),
        pytest.param("[1, 2]", {"schema": {"uniqueItems": True}}, "", id="unique"),
        pytest.param('{"a": "1"}', {"schema": OBJECT}, "schema at /a", id="wrong-type"),
        pytest.param("{}", {"schema": OBJECT}, "required", id="missing-key"),
        pytest.param('{"a": 1, "b": 2}', {"schema": OBJECT}, "not allowed", id="further-key"),
        pytest.param('{"a": 1, "a": 2}', {}, "twice", id="duplicate-key"),
        pytest.param('{"a": 1} done', {}, "not JSON", id="trailing-text"),
        pytest.param("NaN", {}, "NaN", id="nan"),
        pytest.param("1e999", {}, "too large", id="infinite"),
        pytest.param("9" * 5000, {}, "not JSON", id="long-integer"),
        pytest.param("", {}, "not JSON", id="empty"),
        pytest.param("1", {"fences": "require"}, "no code fence", id="no-fence"),
        pytest.param("```\n1\n```", {"fences": "forbid"}, "code fence", id="fence-forbidden"),
        pytest.param("```python\n1\n```", {}, "another language", id="fence-of-python"),
        pytest.param("[" * 70 + "]" * 70, {}, "deeper", id="deep"),
        pytest.param("[" * 90_000, {}, "deeper", id="very-deep"),
        pytest.param("1" + " " * 99 + "1", {"max_chars": 100}, "longer", id="long"),
        pytest.param("[1, 1.0]", {"schema": {"uniqueItems": True}}, "equal items", id="not-unique"),
        pytest.param(
            '"' + "a" * 50_000 + 'b"', {"schema": {"pattern": "^(a+)+$"}}, "match", id="redos"
        ),
        pytest.param(
            '{"' + "a" * 50_000 + 'b": 1}',
            {"schema": {"patternProperties": {"^(a+)+$": True}, "additionalProperties": False}},
            "not allowed",
            id="redos-in-keys",
        ),
        pytest.param(
            "[" + ",".join(['1,"x"'] * 9_000) + "]",
            {"schema": {"uniqueItems": True}},
            "equal items",
            id="mixed-items",
        ),
        pytest.param("1", {"schema": {"$ref": "#"}}, "RecursionError", id="endless-schema"),
    ],
)
def test_json(completion: str, settings: dict[str, Any], why: str) -> None:
    started = time.process_time()
    verdict = judge(format_json, completion, **settings)
    assert verdict.passed is (why == ""), verdict
    assert why in verdict.reason
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "objekt"}, "not a JSON schema"),
        ({"$ref": "https://example.org/schema.json"}, "only references inside"),
        ({"properties": {"a": {"$ref": "other.json"}}}, "only references inside"),
        ({"pattern": "(?=a)"}, "lookaround"),
        ({"patternProperties": {r"(a)\1": True}}, "backreferences"),
        ({"items": {"$schema": "http://json-schema.org/draft-07/schema#"}}, "at the top"),
        ({"patternProperties": {"a": True}, "unevaluatedProperties": False}, "not supported"),
    ],
)
def test_schema_that_is_refused(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        format_json.open({"schema": schema})
    verdict = judge(format_json, "1", schema, schema_from="ground_truth")
    assert verdict.status is Status.BAD_REFERENCE


def test_schema_from_the_ground_truth() -> None:
    assert judge(format_json, "1", {"type": "integer"}, schema_from="ground_truth").passed
    assert not judge(format_json, '"1"', {"type": "integer"}, schema_from="ground_truth").passed
    for truth in (None, "integer", {"$ref": "#/nowhere"}):
        verdict = judge(format_json, "1", truth, schema_from="ground_truth")
        assert verdict.status is Status.BAD_REFERENCE


def test_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'schema'"):
        format_json.open({"shema": {}})
