"""Lean proofs: what is paid, how drifted statements fare, and how fast a warm check is.

    python benchmarks/lean.py [--drift N] [--checks N] [--json]

Prints, for the Lean that is here: the audit table by kind beside what Lean alone says; the theorems
with their proofs; N drifted statements of theirs (all must be refused) and rewordings (all must be
accepted); the time of a warm check beside a cold start, and memory over N checks. Absolute figures
belong to the machine of the day: read the ratios.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "verifiers"))

from lean_wordings import cut, drifted, reworded

from assay import Sample
from assay.core.judging import OpenSource
from assay.verifiers.audits.lean import lean_alone, lean_proofs
from assay.verifiers.lean.judging import Checker
from assay.verifiers.lean.process import LeanProcess
from assay.verifiers.lean.proof import lean_proof
from assay.verifiers.lean.settings import LeanSettings
from assay.verifiers.lean.theorems import theorems

SMALL = "theorem t (a b : Nat) (h : a < b) : a + 1 ≤ b"


def paid(source: OpenSource, completion: str, truth: object) -> bool:
    return source.judge_one(Sample(completion=completion, ground_truth=truth)).passed is True


def table(source: OpenSource) -> dict[str, Any]:
    """Of each kind: cases, paid, and paid by whoever trusts that Lean is silent."""
    found: dict[str, Counter[str]] = {}
    for case in lean_proofs.cases:
        row = found.setdefault(case.kind, Counter())
        row["cases"] += 1
        row["paid"] += source.judge_one(case.sample).passed is True
        row["Lean alone is silent"] += lean_alone()[case.id] == "silent"
    return {kind: dict(row) for kind, row in found.items()}


def wordings(source: OpenSource, drift: int) -> dict[str, Any]:
    """Theorems accepted, drifted statements refused, rewordings accepted."""
    known = theorems()
    whole = [t for t in known if cut(t.statement)[1] != "True"]
    weak = [(t, text) for t in whole for text in drifted(t)][:drift]
    other = [(t, text) for t in whole if t.level <= 2 for text in reworded(t)]
    return {
        "theorems": len(known),
        "accepted": sum(paid(source, t.proof, t.statement) for t in known),
        "drifted": len(weak),
        "drifted paid": sum(paid(source, text, t.statement) for t, text in weak),
        "reworded": len(other),
        "reworded accepted": sum(paid(source, text, t.statement) for t, text in other),
    }


def speed(source: OpenSource, checker: Checker, checks: int) -> dict[str, Any]:
    """Warm checks of a small proof, distinct texts; a cold start with one; memory."""
    cold = LeanProcess(checker.elaborator.backend, "Elaborator", most=10, most_mb=1e9)
    started = time.perf_counter()
    cold.start()
    cold_s = time.perf_counter() - started
    cold.close()
    paid(source, "by omega", SMALL)
    first = checker.elaborator.memory_mb, checker.referee.memory_mb
    times = []
    for number in range(checks):
        begun = time.perf_counter()
        assert paid(source, f"by\n  -- {number}\n  omega", SMALL)
        times.append(time.perf_counter() - begun)
    last = checker.elaborator.memory_mb, checker.referee.memory_mb
    median = statistics.median(times)
    return {
        "checks": checks,
        "median ms": round(1000 * median, 1),
        "p99 ms": round(1000 * sorted(times)[int(0.99 * len(times))], 1),
        "cold start s": round(cold_s, 1),
        "cold / warm": round(cold_s / median),
        "elaborator MB, first and last": [round(first[0]), round(last[0])],
        "referee MB, first and last": [round(first[1]), round(last[1])],
        "starts": [checker.elaborator.starts, checker.referee.starts],
    }


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drift", type=int, default=1000)
    parser.add_argument("--checks", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    settings = {"recycle_after": 1_000_000}
    source = OpenSource(lean_proof, settings, "lean.proof")
    checker = source.opened()._checker()  # type: ignore[attr-defined]  # lean.proof has one
    told = {
        "backend": LeanSettings().backend_here().name,
        "speed": speed(source, checker, options.checks),
        "wordings": wordings(source, options.drift),
        "table": table(source),
    }
    source.close()
    print(json.dumps(told, indent=None if options.json else 2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
