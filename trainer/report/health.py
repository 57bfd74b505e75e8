"""The health of a run for its report: the warnings as a table, the facts as charts.

Everything comes from ``health.jsonl``, which the run wrote while it went (``trainer/health``). Not
covered: applying the rules again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plots import Chart, Curve
from .rundata import Points, RunData

__all__ = ["WARNING_HEADER", "health_charts", "warning_rows"]

WARNING_HEADER = ["rule", "steps", "what was seen", "what to do", "numbers"]
_STEP = "optimizer step"
_SOURCE = "health.jsonl"
_PANELS = {
    "reward": "reward",
    "length": "length of completions",
    "length_correlation": "reward with length",
    "entropy": "entropy, nats a token",
    "kl": "KL to reference, nats a token",
    "kl_max": "largest KL of an update",
}
_SHARES = {
    "zero_variance": "groups with equal rewards",
    "truncated": "truncated",
    "faults": "faults of one source",
    "left_out": "left out",
}
_SPREAD = {"pass_at_1": "pass@1", "pass_at_k": "pass@k"}
_AUDIT = {
    "paid": "paid",
    "audit": "audit",
    "audit_agreement": "agreement of the two",
    "overpaid": "paid, but fails the audit",
    "label_accuracy": "consensus is right",
}


def health_charts(run: RunData) -> list[Chart]:
    """The charts of the section; those without a curve are left out."""
    made = [_watched(run), _audit(run), _spread(run), _shares(run)]
    return [chart for chart in made if chart.curves]


def warning_rows(run: RunData) -> list[list[str]]:
    """A row for each warning, in order of steps."""
    found = [row for row in run.health if row.get("kind") == "warning"]
    return [
        [
            str(row.get("rule", "")),
            _steps(row),
            str(row.get("what", "")),
            str(row.get("advice", "")),
            _numbers(row.get("evidence")),
        ]
        for row in found
    ]


def _steps(row: Mapping[str, Any]) -> str:
    steps = row.get("steps")
    if isinstance(steps, list) and len(steps) == 2:
        return f"{steps[0]} to {steps[1]}"
    return str(row["step"])


def _numbers(evidence: Any) -> str:
    if not isinstance(evidence, dict):
        return ""
    known = {k: v for k, v in evidence.items() if isinstance(v, int | float)}
    return ", ".join(f"{name} {value:.4g}" for name, value in known.items())


def _points(run: RunData, fact: str) -> Points:
    rows = (row for row in run.health if row.get("kind") == "facts" and fact in row)
    return sorted({float(row["step"]): float(row[fact]) for row in rows}.items())


def _curves(run: RunData, facts: Mapping[str, str]) -> list[Curve]:
    made = [Curve(label=label, points=_points(run, fact)) for fact, label in facts.items()]
    return [curve for curve in made if curve.points]


def _watched(run: RunData) -> Chart:
    return Chart(
        name="health",
        title="What is watched",
        x=_STEP,
        y="value",
        curves=_curves(run, _PANELS),
        source=_SOURCE,
        note="Reward with length: their correlation between completions of one prompt; above 0,"
        " longer ones are paid more.",
        kind="panels",
    )


def _audit(run: RunData) -> Chart:
    return Chart(
        name="health_audit",
        title="What is paid, and what the audit says",
        x=_STEP,
        y="mean score",
        curves=_curves(run, _AUDIT),
        source=_SOURCE,
        note="The audit is every source of weight 0: the policy is not trained on it.",
    )


def _spread(run: RunData) -> Chart:
    return Chart(
        name="health_passes",
        title="One attempt, and one among a group",
        x=_STEP,
        y="share of problems",
        curves=_curves(run, _SPREAD),
        source=_SOURCE,
        note="k is the size of a group. When pass@1 rises and pass@k falls, the policy sharpens"
        " what it knew and loses the rest.",
        scale="share",
    )


def _shares(run: RunData) -> Chart:
    return Chart(
        name="health_shares",
        title="What teaches nothing",
        x=_STEP,
        y="share",
        curves=_curves(run, _SHARES),
        source=_SOURCE,
        scale="share",
    )
