"""Judge the cases of a source's audit tables, and say which verdicts are wrong.

The cases go through the Scorer as anybody's samples do, in worker processes with deadlines (also
those of inline sources), so that a hang is a finding and not the end of the audit.
Not covered: counting (``report``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..audit_table import AuditCase, AuditTable
from ..errors import ConfigError, did_you_mean
from ..registry import Registry
from ..scorer import Scorer
from ..source import Source
from ..types import Status, Verdict
from .report import AuditReport, Error, Finding

__all__ = ["entry_of", "run_audit", "tables_of"]


def run_audit(
    source: str,
    *,
    plugins: Sequence[str] = (),
    workers: int | None = None,
    killable: bool = True,
) -> AuditReport:
    """Judge all tables of a source.

    Args:
        source: its name.
        plugins: modules to load by name.
        workers: worker processes; by default the number of usable cores.
        killable: put an inline source into worker processes too, so that a hang is a finding.

    Raises ``ConfigError`` for an unknown source and for one without a table.
    """
    registry = Registry.load(plugins)
    found = registry.sources[source]
    tables = tables_of(registry, source)
    if not tables:
        audited = {table.source for table in registry.audits.values()}
        raise ConfigError(
            f"source {source!r} has no audit table; its plugin must offer one with @audit_table"
            f"{did_you_mean(source, audited)}"
        )
    findings: list[Finding] = []
    for table in tables:
        entry = entry_of(found, table.settings, killable=killable)
        with Scorer({"sources": [entry]}, plugins=plugins, workers=workers) as scorer:
            findings += _judged(scorer, table)
    return AuditReport(source=source, version=found.version, findings=tuple(findings))


def tables_of(registry: Registry, source: str) -> list[AuditTable]:
    """The audit tables of a source, by their names, whichever plugin offers them."""
    return [table for table in registry.audits.values() if table.source == source]


def entry_of(
    source: Source, settings: Mapping[str, Any], *, killable: bool = True
) -> dict[str, Any]:
    """The source as a recipe has it; ``killable``: in worker processes if it runs inline else."""
    where = {"runs": "process"} if killable and source.runs == "inline" else {}
    return {"use": source.name, **where, **settings}


def _judged(scorer: Scorer, table: AuditTable) -> Iterator[Finding]:
    cases = [_apart(case, number) for number, case in enumerate(table.cases)]
    # many attacks share one clean twin: it is judged once
    clean = {id(case.clean): case.clean for case in cases if case.clean is not None}
    samples = [*clean.values(), *(s for case in cases for s in (case.sample, *case.beside))]
    (name,) = scorer.names
    verdicts = iter([reward.verdicts[name] for reward in scorer.score(samples)])
    without = {key: next(verdicts) for key in clean}
    for case in cases:
        verdict, *_ = [next(verdicts) for _ in (case.sample, *case.beside)]
        twin = without.get(id(case.clean))
        error = _error(case, verdict, twin)
        yield Finding(table=table.name, case=case, verdict=verdict, clean=twin, error=error)


def _apart(case: AuditCase, number: int) -> AuditCase:
    """The case in a group of its own, so that no other case of its prompt votes with it."""
    group = f"audit case {number}"
    beside = tuple(replace(sample, group=group) for sample in case.beside)
    return replace(case, sample=replace(case.sample, group=group), beside=beside)


def _error(case: AuditCase, verdict: Verdict, clean: Verdict | None) -> Error:
    for said in (verdict, clean):
        if said is not None and said.is_fault:
            return "hang" if said.status is Status.TIMED_OUT else "fault"
    if clean is not None:
        return "" if _alike(verdict, clean) else "grade changed"
    if verdict.status is not Status.SCORED or verdict.passed is None:
        return "no opinion"
    if case.kind == "right":
        return "" if verdict.passed else "false reject"
    return "false accept" if verdict.passed else ""


def _alike(verdict: Verdict, clean: Verdict) -> bool:
    if verdict.score is None or clean.score is None:
        return verdict.status is clean.status
    # a batch-level source may add up its batch in another order
    return math.isclose(verdict.score, clean.score, rel_tol=1e-9, abs_tol=1e-12)
