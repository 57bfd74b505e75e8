"""Datasets of programming tasks, whose ground truth is tests.

Tests are handed on in the spellings that ``code.tests`` reads. JSON inside JSON is parsed.
LiveCodeBench's private tests are Python pickles: loading one runs whatever code is in it, so they
are refused, with the way out.

Not covered: tests in archives, and checkers that need files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...core.errors import DataError
from .contract import CODE, MATH, Adapter, Fields, Row, decoded, present

__all__ = ["PROGRAMS"]


def _humaneval(row: Row) -> Fields:
    return {
        "prompt": row["prompt"],
        "ground_truth": {"test": row["test"], "entry_point": row["entry_point"]},
        "task": CODE,
        "group": row["task_id"],
        "gold": row["canonical_solution"],
    }


def _mbpp(row: Row) -> Fields:
    setup = row.get("test_setup_code") or "\n".join(row.get("test_imports") or ())
    truth: Fields = {"test_list": row["test_list"], "test_setup_code": setup}
    if row.get("challenge_test_list"):
        truth["challenge_test_list"] = row["challenge_test_list"]
    return {
        "prompt": present(row, "text", "prompt"),
        "ground_truth": truth,
        "task": CODE,
        "group": row.get("task_id"),
        "gold": row["code"],
    }


# verification_info ---------------------------------------------------------------------------


def _verified(row: Row) -> Fields:
    info = decoded(row.get("verification_info"), "verification_info")
    if not isinstance(info, dict):
        raise DataError(f"column 'verification_info': must hold a mapping, got {info!r:.80}")
    cases = present(info, "test_cases", "tests")
    fields: Fields = {
        "prompt": present(row, "prompt", "problem_statement", "problem"),
        "group": row.get("problem_id"),
        "gold": present(row, "gold_standard_solution", "solution"),
    }
    if cases is not None:
        return {**fields, "ground_truth": _cases(cases, info.get("language")), "task": CODE}
    truth = present(info, "ground_truth", "answer")
    kind = row.get("task_type")
    told = kind if isinstance(kind, str) and "math" not in kind else MATH
    return {**fields, "ground_truth": info if truth is None else truth, "task": told}


def _cases(cases: Any, language: Any) -> Any:
    """Tests as APPS spells them; raises ``DataError`` for tests of several functions."""
    cases = decoded(cases, "verification_info.test_cases")
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        return cases  # for the source to read, or to refuse
    truth = _apps(cases, {case.get("fn_name") or None for case in cases})
    return {**truth, "language": language} if isinstance(language, str) else truth


def _apps(cases: Sequence[Row], functions: set[Any]) -> Fields:
    if len(functions) > 1:
        raise DataError(
            f"column 'verification_info': the tests call several functions"
            f" ({', '.join(sorted(map(str, functions)))}), which no source takes at once"
        )
    name = next(iter(functions), None)
    truth: Fields = {
        "inputs": [case.get("input") for case in cases],
        "outputs": [case.get("output") for case in cases],
    }
    return truth if name is None else {**truth, "fn_name": name}


def _intellect_3(row: Row) -> Fields:
    info = decoded(row.get("info"), "info")
    tests = decoded(info.get("tests"), "info.tests") if isinstance(info, dict) else None
    if tests is None:
        raise DataError(f"column 'info': must hold a mapping with tests, got {info!r:.80}")
    if isinstance(tests, list):
        tests = _cases(tests, None)
    elif isinstance(tests, dict) and "test_case_inputs" in tests:
        cases = zip(tests["test_case_inputs"], tests["test_case_outputs"], strict=True)
        listed = [{"input": given, "output": wanted} for given, wanted in cases]
        tests = _apps(listed, {tests.get("fn_name") or None})
    return {"prompt": row["question"], "ground_truth": tests, "task": CODE}


def _has_tests(row: Row) -> bool:
    info = row.get("info")
    return "tests" in info if isinstance(info, str | dict) else False


# LiveCodeBench -------------------------------------------------------------------------------


def _livecodebench(row: Row) -> Fields:
    cases = _public(row) + _private(row)
    functional = any(case.get("testtype") == "functional" for case in cases)
    meta = row.get("metadata")
    held = decoded(meta, "metadata") if meta else {}
    name = held.get("func_name") if functional and isinstance(held, dict) else None
    return {
        "prompt": row["question_content"],
        "ground_truth": _apps(cases, {name}),
        "task": CODE,
        "group": row.get("question_id"),
    }


def _public(row: Row) -> list[Row]:
    found = decoded(row.get("public_test_cases") or [], "public_test_cases")
    if not isinstance(found, list) or not all(isinstance(case, dict) for case in found):
        raise DataError(f"column 'public_test_cases': must be a list of cases, got {found!r:.80}")
    return found


def _private(row: Row) -> list[Row]:
    held = row.get("private_test_cases")
    if isinstance(held, str) and held.strip() and held.lstrip()[0] not in '["':
        raise DataError(
            "column 'private_test_cases': is a Python pickle in base64 and zlib, and loading a"
            " pickle runs the code in it; convert the column to JSON once, in a sandbox, or score"
            " by the public tests alone with --map ground_truth=public_test_cases"
        )
    found = decoded(held or [], "private_test_cases")
    if not isinstance(found, list):
        raise DataError(f"column 'private_test_cases': must be a list of cases, got {found!r:.80}")
    return found


PROGRAMS = (
    Adapter(
        name="humaneval",
        about="HumanEval",
        needs=("task_id", "prompt", "entry_point", "canonical_solution", "test"),
        columns={"prompt": "prompt", "ground_truth": "test, entry_point", "group": "task_id"},
        read=_humaneval,
        takes=("task_id", "prompt", "test", "entry_point"),
    ),
    Adapter(
        name="mbpp",
        about="MBPP, full and sanitized",
        needs=("text/prompt", "code", "test_list"),
        columns={"prompt": "text or prompt", "ground_truth": "test_list", "group": "task_id"},
        read=_mbpp,
        takes=("text", "prompt", "task_id"),
    ),
    Adapter(
        name="livecodebench",
        about="LiveCodeBench; private tests must be JSON, pickles are refused",
        needs=("question_content", "public_test_cases", "private_test_cases"),
        columns={"prompt": "question_content", "ground_truth": "public and private test cases"},
        read=_livecodebench,
        takes=("question_content",),
    ),
    Adapter(
        name="verification_info",
        about="PrimeIntellect's SYNTHETIC-1 and INTELLECT-2, open-r1's verifiable coding problems",
        needs=("verification_info", "prompt/problem_statement/problem"),
        columns={"prompt": "prompt or problem_statement", "ground_truth": "verification_info"},
        read=_verified,
        takes=("prompt", "problem_statement"),
        completions=("llm_response",),
    ),
    Adapter(
        name="intellect_3",
        about="INTELLECT-3's code: tests as JSON inside JSON",
        needs=("question", "info"),
        looks=_has_tests,
        columns={"prompt": "question", "ground_truth": "info.tests"},
        read=_intellect_3,
        takes=("question",),
    ),
)
