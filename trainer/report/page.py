"""The report of a training run: one HTML file that opens without a network.

Everything that was read from the run folder is hostile: a policy writes the rollouts, and reasons,
names and errors quote it. So the template escapes all of it, characters that steer a display
(controls, directions, zero width) are shown by name, and a content policy in the page forbids
scripts, forms and every fetch. Images are embedded; their numbers lie beside them as CSV.

Not covered: comparing runs; live views (TRL's own trackers do that).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core.pages.render import render
from ...core.pages.texts import cut
from .curves import charts, source_names
from .health import WARNING_HEADER, warning_rows
from .picks import rollout_parts
from .plots import draw
from .rubrics import rubric_health
from .rundata import Points, Rollouts, RunData, flatten, read_run

__all__ = ["write_report"]

SECTIONS = {
    "headline": "Headline",
    "health": "Run health",
    "reward": "Reward and pass rate",
    "sources": "Sources",
    "statuses": "Statuses",
    "rubrics": "Rubric items",
    "length": "Length",
    "groups": "Equal rewards",
    "optimisation": "Optimisation",
    "rollouts": "Rollouts",
    "recipe": "Recipe",
    "versions": "Versions",
}
_SHOWN_REASONS = 8


def write_report(run_dir: Path) -> Path:
    """Write ``report.html`` and ``plots/*.png``, ``plots/*.csv`` into a run folder.

    Works on a run that is unfinished or damaged: the page then begins with what is missing.
    Returns the path of the page. Raises ``DataError`` when ``run_dir`` is no directory.
    """
    run = read_run(Path(run_dir))
    page = render(Path(__file__).parent / "templates", _context(run))
    path = run.folder / "report.html"
    draft = path.with_suffix(".html.part")
    draft.write_text(page, encoding="utf-8")
    draft.replace(path)  # a reader never sees half a page
    return path


def _context(run: RunData) -> dict[str, Any]:
    plots, rubrics = run.folder / "plots", rubric_health(run.rollouts)
    drawn = charts(run) | {"rubrics": rubrics.charts()}
    drawings = {
        section: [draw(chart, plots) for chart in these] for section, these in drawn.items()
    }
    return {
        "title": _title(run),
        "summary": _summary(run),
        "missing": run.missing,
        "sections": list(SECTIONS.items()),
        "sentence": _sentence(run.evaluation),
        "tiles": _tiles(run),
        "evaluation": _evaluation_rows(run.evaluation),
        "drawings": drawings,
        "warning_header": WARNING_HEADER,
        "warnings": warning_rows(run),
        "watched": bool(run.health),
        "source_header": ["source", *(name for name, _, _ in _SOURCE_COLUMNS)],
        "sources": _source_rows(run),
        **_statuses(run.rollouts),
        "rubrics": rubrics.parts(),
        "rollouts": rollout_parts(run.rollouts),
        "recipe": run.recipe,
        "environment": flatten(run.environment),
    }


def _title(run: RunData) -> str:
    named = re.search(r"^name:\s*(.+?)\s*$", run.recipe or "", re.MULTILINE)
    return f"{named.group(1) if named else run.folder.resolve().name}: training report"


def _summary(run: RunData) -> str:
    steps = run.points("reward") or run.points("loss")
    rollouts = len(run.rollouts.table) if run.rollouts is not None else 0
    last = f"{steps[-1][0]:g}" if steps else "none"
    return f"Folder {run.folder.resolve().name}. Last logged step: {last}. Rollouts: {rollouts:,}."


def _number(value: Any, unit: str = "") -> str:
    """A number as a person reads it; other JSON values as they are."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if unit == "share":
        return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 100 else f"{value:.3g}"


def _accuracy(evaluation: dict[str, Any], when: str, decoding: str) -> dict[str, Any] | None:
    part = evaluation.get(when)
    found = part.get(decoding) if isinstance(part, dict) else None
    if isinstance(found, dict) and "rate" in found:  # pairs in order, of a reward model
        found = {**found, "pass_rate": found["rate"]}
    fits = isinstance(found, dict) and isinstance(found.get("pass_rate"), int | float)
    return found if fits else None


def _interval(numbers: dict[str, Any]) -> str:
    low, high = numbers.get("low"), numbers.get("high")
    if not isinstance(low, int | float) or not isinstance(high, int | float):
        return ""
    return f" [{100 * low:.1f}, {100 * high:.1f}]"


def _sentence(evaluation: dict[str, Any]) -> str:
    """Held-out accuracy before and after, in words; empty when either is not known."""
    for decoding, name, what in (
        ("greedy", "Held-out accuracy, greedy decoding", "problems"),
        ("pairs", "Held-out pairs in the right order", "pairs"),
    ):
        before = _accuracy(evaluation, "before", decoding)
        after = _accuracy(evaluation, "after", decoding)
        if before is not None and after is not None:
            return f"{name}{_change(before, after, what)}"
    return ""


def _change(before: dict[str, Any], after: dict[str, Any], what: str) -> str:
    told = [f"{_number(x['pass_rate'], 'share')}{_interval(x)}" for x in (before, after)]
    counted = f" on {_number(after['n'])} {what}" if after.get("n") else ""
    return f"{counted}: {told[0]} before, {told[1]} after.{_apart(before, after)}"


def _apart(before: dict[str, Any], after: dict[str, Any]) -> str:
    try:
        apart = before["high"] < after["low"] or after["high"] < before["low"]
    except (KeyError, TypeError):  # no intervals were given
        return ""
    return f" The intervals {'do not overlap' if apart else 'overlap'}."


def _tiles(run: RunData) -> list[dict[str, str]]:
    tiles = []
    for decoding in ("greedy", "sampled", "pairs"):
        before = _accuracy(run.evaluation, "before", decoding)
        after = _accuracy(run.evaluation, "after", decoding)
        if before or after:
            both = [_number(x["pass_rate"], "share") if x else "–" for x in (before, after)]
            spans = [(_interval(x).strip() if x else "") or "–" for x in (before, after)]
            tiles.append(_tile(f"held out, {decoding}", both, f"{spans[0]} → {spans[1]}"))
    for metric, name, unit in (
        ("reward", "training reward", ""),
        ("assay/pass_rate", "training pass rate", "share"),
        ("completions/mean_length", "tokens per completion", ""),
    ):
        points = run.points(metric)
        if points:
            ends = [_number(_tenth(points, last=last), unit) for last in (False, True)]
            tiles.append(_tile(name, ends, "first and last tenth of the steps"))
    return tiles


def _tile(name: str, values: Sequence[str], more: str) -> dict[str, str]:
    return {"name": name, "value": " → ".join(values), "more": more}


def _tenth(points: Points, *, last: bool) -> float:
    """Mean over the first or last tenth of a curve (at least one point)."""
    n = max(1, len(points) // 10)
    part = points[-n:] if last else points[:n]
    return sum(y for _, y in part) / n


def _evaluation_rows(evaluation: dict[str, Any]) -> list[list[str]]:
    """Every number of the evaluation: name, before, after."""
    sides = []
    for when in ("before", "after"):
        part = evaluation.get(when)
        sides.append(dict(_leaves(part)) if isinstance(part, dict) else {})
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [[name, *(_number(side.get(name)) for side in sides)] for name in names]


def _leaves(value: dict[str, Any], start: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, inner in value.items():
        deeper = isinstance(inner, dict) and start.count(" ") < 8
        found += _leaves(inner, f"{start}{key} ") if deeper else [(f"{start}{key}", inner)]
    return found


_SOURCE_COLUMNS = (
    ("mean, first tenth", "mean", "first"),
    ("mean, last tenth", "mean", "last"),
    ("pass rate, last tenth", "pass_rate", "last"),
    ("faults", "fault_rate", "all"),
    ("abstained", "abstain_rate", "all"),
    ("bad references", "bad_reference_rate", "all"),
    ("seconds per verdict", "seconds", "all"),
)
"""Heading, metric of the source, and over which steps its mean is taken."""


def _source_rows(run: RunData) -> list[list[str]]:
    return [
        [name, *(_over(run.points(f"assay/{name}/{part}"), part, when)
                 for _, part, when in _SOURCE_COLUMNS)]
        for name in source_names(run)
    ]  # fmt: skip


def _over(points: Points, part: str, when: str) -> str:
    if not points:
        return "–"
    unit = "share" if part.endswith("_rate") else ""
    if when == "all":
        return _number(sum(y for _, y in points) / len(points), unit)
    return _number(_tenth(points, last=when == "last"), unit)


def _statuses(rollouts: Rollouts | None) -> dict[str, Any]:
    """Counts of statuses by source, and each source's most frequent reasons."""
    if rollouts is None:
        return {"status_header": [], "statuses": [], "reasons": []}
    counts = {"reward": dict(rollouts.counts("status"))}
    counts |= {name: dict(rollouts.counts(f"{name}.status")) for name in rollouts.sources}
    kinds = sorted({kind for found in counts.values() for kind in found})
    rows = [[name, *(f"{found.get(k, 0):,}" for k in kinds)] for name, found in counts.items()]
    reasons = [
        {"name": name, "rows": [[cut(r, (200, 0)), f"{n:,}"] for r, n in found[:_SHOWN_REASONS]]}
        for name in rollouts.sources
        if (found := [(r, n) for r, n in rollouts.counts(f"{name}.reason") if r])
    ]
    return {"status_header": ["source", *kinds], "statuses": rows, "reasons": reasons}
