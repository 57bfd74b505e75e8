"""Ground truths as well-known datasets spell them, turned into the one format of ``truth``.

Read where they cannot be misread: MBPP's lists of asserts and its rows, HumanEval's rows, APPS and
TACO's ``inputs``/``outputs``/``fn_name``, lists of ``{"input", "output"}`` as LiveCodeBench and
others have them.

Not covered: test code inside archives or files, and rows with several of these at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["BadReference", "spelled"]


class BadReference(ValueError):  # noqa: N818 - the status it leads to has this name
    """The ground truth is missing, or cannot be read; the message says where and why."""


def spelled(data: Any) -> Any:
    """The ground truth in the one format; unchanged where it is no known spelling."""
    if isinstance(data, list):
        return {"tests": _of_list(data)}
    if not isinstance(data, Mapping):
        raise BadReference(f"ground_truth: must be a mapping with 'tests', got {data!r:.60}")
    if "tests" in data:
        tests = data["tests"]
        return {**data, "tests": _of_list(tests)} if isinstance(tests, list) else data
    if "kind" in data:
        shared = {k: data[k] for k in ("language", "limits", "compare") if k in data}
        return {**shared, "tests": {k: v for k, v in data.items() if k not in shared}}
    return _of_row(data)


def _of_row(row: Mapping[str, Any]) -> Any:
    common = {k: row[k] for k in ("language", "limits", "compare") if k in row}
    if "inputs" in row and "outputs" in row:
        return common | _of_apps(row)
    if "test_list" in row:
        asserts = [*row["test_list"], *(row.get("challenge_test_list") or ())]
        setup = row.get("test_setup_code") or ""
        return common | {"tests": {"kind": "asserts", "asserts": asserts, "setup": setup}}
    if "test" in row and "entry_point" in row:
        tests = {"kind": "check", "test": row["test"], "entry_point": row["entry_point"]}
        return common | {"tests": tests}
    if "checker" in row and "cases" in row:
        return common | {
            "tests": {"kind": "checker", "checker": row["checker"], "cases": row["cases"]}
        }
    for key in ("test_cases", "input_output"):
        if isinstance(row.get(key), list):
            return common | {"tests": _of_list(row[key])}
        if isinstance(row.get(key), str | dict):
            inner = row[key]
            return spelled(_json(inner) if isinstance(inner, str) else inner)
    raise BadReference(
        "ground_truth: needs 'tests' (kinds function, stdio, asserts, unittest, check),"
        f" got the keys {sorted(map(str, row))[:8]}"
    )


def _of_list(items: list[Any]) -> Any:
    if items and all(isinstance(item, str) for item in items):
        return {"kind": "asserts", "asserts": items}
    if items and all(isinstance(i, Mapping) and {"input", "output"} <= i.keys() for i in items):
        if any(i.get("testtype") == "functional" or i.get("fn_name") for i in items):
            raise BadReference(
                "ground_truth: a list of functional cases does not name its function;"
                " use {'inputs', 'outputs', 'fn_name'}"
            )
        return {
            "kind": "stdio",
            "cases": [{"stdin": _text(i["input"]), "stdout": _text(i["output"])} for i in items],
        }
    if items and all(isinstance(i, Mapping) and "stdout" in i for i in items):
        return {"kind": "stdio", "cases": items}
    raise BadReference("ground_truth: a list must hold assert statements, or cases of stdio")


def _of_apps(row: Mapping[str, Any]) -> Any:
    inputs, outputs = row["inputs"], row["outputs"]
    if not isinstance(inputs, list) or not isinstance(outputs, list):
        raise BadReference("ground_truth: inputs and outputs must be lists")
    if len(inputs) != len(outputs):
        raise BadReference(
            f"ground_truth: {len(inputs)} inputs do not go with {len(outputs)} outputs"
        )
    name = row.get("fn_name")
    if name is None:
        cases = [
            {"stdin": _text(a), "stdout": _text(b)} for a, b in zip(inputs, outputs, strict=True)
        ]
        return {"tests": {"kind": "stdio", "cases": cases}}
    calls = [_apps_call(a, b) for a, b in zip(inputs, outputs, strict=True)]
    tests = {"kind": "function", "entry_point": name, "calls": calls}
    return {"compare": "apps", "tests": tests}


def _apps_call(given: Any, wanted: Any) -> dict[str, Any]:
    """Arguments as a list, or as lines of JSON; the value bare or in a list of its own."""
    if isinstance(given, str):
        given = [_json(line) for line in given.splitlines() if line.strip()]
    if not isinstance(given, list):
        raise BadReference(f"ground_truth.inputs: must be lists of arguments, got {given!r:.60}")
    return {"args": given, "expected": _json(wanted) if isinstance(wanted, str) else wanted}


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if not isinstance(value, str):
        raise BadReference(f"ground_truth: input and output must be texts, got {value!r:.60}")
    return value
