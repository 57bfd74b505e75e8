"""``assay audit``: a source judges its own tables, and the errors are counted and printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .exits import Exit
from .options import AsJson, Plugins, one_line, print_json, reach_plugins, wide_console

if TYPE_CHECKING:
    from ..core.audit import AuditReport, Rate

__all__ = ["audit"]

_SHOWN = 10
"""Errors that are told one by one; ``--errors`` writes all of them."""


def audit(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A source, as in assay sources.")],
    plugins: Plugins = None,
    as_json: AsJson = False,
    errors: Annotated[
        Path | None,
        typer.Option(help="Write every case that is judged wrongly to this file, as JSON lines."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
) -> None:
    """Print a source's false accepts and false rejects on its own right answers, wrong answers and
    attacks. Ends with 1 if a wrong answer passed that is not listed as known.

    Example: assay audit math.symbolic --errors errors.jsonl
    """
    from ..core.audit import run_audit

    report = run_audit(name, plugins=reach_plugins(plugins), workers=workers)
    if errors is not None:
        lines = (json.dumps(finding.to_dict()) + "\n" for finding in report.errors)
        errors.write_text("".join(lines), encoding="utf-8")
    print_json(report.to_dict()) if as_json else _show(report)
    if report.nothing_judged:
        typer.echo(f"assay: no case of {name} could be judged; see the reasons", err=True)
        raise typer.Exit(Exit.UNJUDGED)
    if report.unknown_accepts:
        raise typer.Exit(Exit.NOT_PASSED)


def _show(report: AuditReport) -> None:
    wide_console().print(_table(report))
    rights = sum(finding.case.kind == "right" for finding in report.findings)
    wrongs = len(report.findings) - rights
    typer.echo(
        f"{report.source} version {report.version}: {len(report.findings)} cases,"
        f" {rights} right, {wrongs} wrong or attacks"
    )
    typer.echo(f"false accepts: {_rate(report.false_accepts)}")
    typer.echo(f"false rejects: {_rate(report.false_rejects)}")
    if report.grades_changed.of:
        typer.echo(f"grades changed: {_rate(report.grades_changed)}")
    typer.echo(
        f"hangs: {report.count('hang')}, faults: {report.count('fault')}, no opinion:"
        f" {report.count('no opinion')}, slowest: {_slowest(report)}"
    )
    _tell(report)


def _slowest(report: AuditReport) -> str:
    slowest = report.slowest
    if slowest is None:
        return "none was judged"
    return one_line(f"{slowest.verdict.seconds:.3f} s ({slowest.case.id})")


def _table(report: AuditReport) -> object:
    from rich import box
    from rich.table import Table

    twins = report.grades_changed.of > 0
    table = Table(
        "category",
        *("right", "false rejects", "95 %", "wrong", "false accepts", "95 %"),
        *(("attacks on grades", "changed", "95 %") if twins else ()),
        *("no opinion", "hangs", "faults"),
        box=box.SIMPLE_HEAD,
    )
    table.columns[0].no_wrap = True
    for category, part in report.by_category.items():
        others = (part.count("no opinion"), part.count("hang"), part.count("fault"))
        rates = [part.false_rejects, part.false_accepts, *([part.grades_changed] if twins else [])]
        cells = [cell for rate in rates for cell in _cells(rate)]
        table.add_row(category, *cells, *(str(n or "") for n in others))
    return table


def _cells(rate: Rate) -> tuple[str, str, str]:
    return (str(rate.of), str(rate.errors), _interval(rate)) if rate.of else ("", "", "")


def _interval(rate: Rate) -> str:
    low, high = rate.interval
    return f"{100 * low:.1f} to {100 * high:.1f} %"


def _rate(rate: Rate) -> str:
    if not rate.of:
        return "no case of this kind was scored"
    known = f"; {rate.known} known" if rate.known else ""
    share = 100 * rate.errors / rate.of
    return f"{rate.errors} of {rate.of} ({share:.2f} %, 95 % interval {_interval(rate)}{known})"


def _tell(report: AuditReport) -> None:
    """The errors themselves, those that fail the audit first."""
    fatal = {id(finding) for finding in report.unknown_accepts}
    told = sorted(report.errors, key=lambda finding: (id(finding) not in fatal, not finding.is_new))
    for finding in told[:_SHOWN]:
        why = f" (known: {finding.case.known})" if finding.case.known else ""
        typer.echo(one_line(f"  {finding.error}: {finding.case.id}{why}: {finding.verdict.reason}"))
    if len(told) > _SHOWN:
        typer.echo(f"  and {len(told) - _SHOWN} more; --errors FILE writes all of them")
    for finding in report.mended:
        typer.echo(one_line(f"  judged right now, take off its list: {finding.case.id}"))
