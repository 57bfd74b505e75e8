"""A dry run as text for a person."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from .findings import DryRun, ScoredRow

__all__ = ["lines_of"]

_GIB = 2**30
_MARKS = {"ok": "ok     ", "note": "note   ", "problem": "PROBLEM"}


def lines_of(found: DryRun) -> Iterator[str]:
    """The recipe, the scored rows, the memory, the findings, and how many problems there are."""
    yield "recipe as resolved:"
    text = yaml.safe_dump(dict(found.recipe), sort_keys=False, allow_unicode=True)
    yield from (f"  {line}" for line in text.splitlines())
    if found.rows:
        yield ""
        yield "texts scored as if the model had written them:"
        yield from map(_row, found.rows)
    yield ""
    yield from _memory(found)
    for finding in found.findings:
        yield f"{_MARKS[finding.level]} {finding.about}: {finding.says}"
    n = len(found.problems)
    yield "no problem found" if n == 0 else f"{n} problem{'s' if n > 1 else ''} found"


def _row(row: ScoredRow) -> str:
    value = "none" if row.value is None else f"{row.value:g}"
    verdict = {True: "passed", False: "not passed", None: row.status}[row.passed]
    wanted = "right" if row.right else "wrong"
    return f"  {wanted}: {row.kind}: {row.text!r} -> {value}, {verdict} ({row.reason})"


def _memory(found: DryRun) -> Iterator[str]:
    if found.memory is None:
        return
    parts = found.memory.to_json()
    share = parts.pop("vllm_share")
    yield "memory on each GPU, in GiB (an upper bound for activations; see docs/real_models.md):"
    for name, size in parts.items():
        yield f"  {name.replace('_', ' '):<14}{size / _GIB:>10.3f}"
    if share:
        yield f"  and vLLM takes {share:.0%} of the GPU for itself"
    for what, numbers in found.rests_on.items():
        yield f"  from the {what}: " + ", ".join(f"{k} {v}" for k, v in numbers.items())
    yield ""
