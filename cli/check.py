"""``assay check``: the rules that any source keeps, applied to one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .exits import Exit
from .options import AsJson, Plugins, one_line, print_json, reach_plugins

if TYPE_CHECKING:
    from ..core.conformance import Outcome

__all__ = ["check"]

_SHOWN = 5
"""Findings of one rule that are told; ``--json`` has all of them."""


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A source, as in assay sources.")],
    plugins: Plugins = None,
    as_json: AsJson = False,
    deadline_s: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds for each sample, in place of the table's or 10."),
    ] = None,
) -> None:
    """Check a source against the rules that any source keeps, also a third party's: hostile text
    and ground truths, declared scale and needs, determinism, order, output, deadlines.

    Example: assay check acme.palindrome -p acme_verifier
    """
    from ..core.conformance import conformance_cases

    begun = time.perf_counter()
    cases = conformance_cases(name, plugins=reach_plugins(plugins), deadline_s=deadline_s)
    outcomes = []
    for case in cases:
        outcomes.append(case.run())
        if not as_json:
            _show(outcomes[-1])
    failed = sum(not outcome.ok for outcome in outcomes)
    waived = sum(bool(outcome.waived) for outcome in outcomes)
    if as_json:
        print_json({"source": name, "ok": not failed, "rules": [_facts(o) for o in outcomes]})
    else:
        passed = len(outcomes) - failed - waived
        seconds = time.perf_counter() - begun
        typer.echo(
            f"{name}: {passed} rules hold, {failed} are broken, {waived} do not apply"
            f" ({seconds:.1f} s)"
        )
    if failed:
        raise typer.Exit(Exit.NOT_PASSED)


def _word(outcome: Outcome) -> str:
    return "-" if outcome.waived else "pass" if outcome.ok else "fail"


def _show(outcome: Outcome) -> None:
    rule = outcome.rule
    why = f" (does not apply: {outcome.waived})" if outcome.waived else ""
    typer.echo(f"{_word(outcome):4}  {rule.name:14} {rule.says}{why}")
    for finding in outcome.findings[:_SHOWN]:
        typer.echo(f"        {one_line(finding)}")
    if len(outcome.findings) > _SHOWN:
        typer.echo(f"        and {len(outcome.findings) - _SHOWN} more")


def _facts(outcome: Outcome) -> dict[str, Any]:
    return {
        "rule": outcome.rule.name,
        "says": outcome.rule.says,
        "outcome": _word(outcome),
        "does_not_apply": outcome.waived,
        "findings": [one_line(finding) for finding in outcome.findings],
    }
