"""Figures of one grader on one corpus, and how they are printed.

Rates carry Wilson score intervals at 95 % (Wilson 1927, J. Amer. Statist. Assoc. 22, p. 209).
Not covered: tests of significance between graders; the rows are the same, so read the intervals
as widths, not as a comparison.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .corpus import Row
from .measure import Outcome

__all__ = ["Summary", "print_stages", "print_table", "summarise", "wilson"]

_Z = 1.959963984540054
"""The 97.5th percentile of the normal distribution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of ``of`` cases, with its interval."""

    count: int
    of: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0

    def __str__(self) -> str:
        if not self.of:
            return "-"
        return f"{100 * self.share:.1f} ({100 * self.low:.1f}-{100 * self.high:.1f})"


def wilson(count: int, of: int) -> Rate:
    if of == 0:
        return Rate(count=0, of=0, low=0.0, high=1.0)
    p, z2 = count / of, _Z * _Z
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z / (1 + z2 / of) * (p * (1 - p) / of + z2 / (4 * of * of)) ** 0.5
    return Rate(count=count, of=of, low=max(0.0, middle - half), high=min(1.0, middle + half))


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    grader: str
    corpus: str
    right: Rate
    false_accepts: Rate
    """Of the wrong answers."""
    false_rejects: Rate
    """Of the right answers."""
    cold_per_cpu_s: float
    """Pairs a CPU second in a fresh process, without cases that hung or crashed."""
    warm_per_cpu_s: float
    """The same process, rows it has seen before."""
    p50_ms: float
    p99_ms: float
    max_ms: float
    hangs: int
    crashes: int
    exceptions: int
    stages: dict[str, int]
    peak_bytes: int

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def summarise(
    grader: str,
    corpus: str,
    rows: Sequence[Row],
    outcomes: Sequence[Outcome],
    warm: Sequence[Outcome],
) -> Summary:
    pairs = list(zip(rows, outcomes, strict=True))
    wrong = sum(not row.expected for row in rows)
    accepts = sum(o.accepted and not row.expected for row, o in pairs)
    rejects = sum(not o.accepted and row.expected for row, o in pairs)
    walls = sorted(o.wall_s for o in outcomes)
    faults = Counter(o.fault for o in outcomes if o.fault)
    return Summary(
        grader=grader,
        corpus=corpus,
        right=wilson(len(rows) - accepts - rejects, len(rows)),
        false_accepts=wilson(accepts, wrong),
        false_rejects=wilson(rejects, len(rows) - wrong),
        cold_per_cpu_s=_per_cpu_s(outcomes),
        warm_per_cpu_s=_per_cpu_s(warm),
        p50_ms=1e3 * _quantile(walls, 0.5),
        p99_ms=1e3 * _quantile(walls, 0.99),
        max_ms=1e3 * walls[-1] if walls else 0.0,
        hangs=faults.pop("hang", 0),
        crashes=faults.pop("crash", 0),
        exceptions=faults.total(),
        stages=dict(Counter(o.stage for o in outcomes).most_common()),
        peak_bytes=max((o.peak_bytes for o in outcomes), default=0),
    )


def _per_cpu_s(outcomes: Sequence[Outcome]) -> float:
    done = [o for o in outcomes if o.fault not in ("hang", "crash")]
    spent = sum(o.cpu_s for o in done)
    return len(done) / spent if spent else 0.0


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def print_table(found: Sequence[Summary]) -> None:
    print(
        "| grader | right % | false accepts % | false rejects % | pairs per CPU s, cold | warm"
        " | p50 ms | p99 ms | max ms | hangs | crashes | exceptions |"
    )
    print("| --- |" + " ---: |" * 11)
    for s in found:
        print(
            f"| {s.grader} | {s.right} | {s.false_accepts} | {s.false_rejects}"
            f" | {s.cold_per_cpu_s:.0f} | {s.warm_per_cpu_s:.0f}"
            f" | {s.p50_ms:.2f} | {s.p99_ms:.1f} | {s.max_ms:.0f}"
            f" | {s.hangs} | {s.crashes} | {s.exceptions} |"
        )


def print_stages(found: Sequence[Summary]) -> None:
    for s in found:
        if s.grader.startswith("assay"):
            every = sum(s.stages.values())
            shares = ", ".join(f"{name} {100 * n / every:.1f} %" for name, n in s.stages.items())
            print(f"decided by, {s.grader}: {shares}")
