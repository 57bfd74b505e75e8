"""Which rollouts a report shows, and how: the best, the worst, and some along the way.

The choice is deterministic: one run folder gives one report. Not covered: searching rollouts
(``rollouts.parquet`` opens in any data frame library).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ...core.pages.texts import conversation, cut
from .rundata import Rollouts

__all__ = ["rollout_parts"]

_MARKS = {True: "passed", False: "not passed", None: "no bar"}
_EACH = 3
_ALONG = 2
_BELOW = 0.5
"""A process score under it doubts an answer; as in ``assay.rewards.process.audit``."""
_LOOKED_AT = 16
DOUBTFUL = "Right answers with doubtful steps"


def rollout_parts(rollouts: Rollouts | None) -> list[dict[str, Any]]:
    """Headings with the rollouts under them, as the template shows them; no row appears twice."""
    if rollouts is None:
        return []
    parts, shown = [], set[int]()
    for title, places in _choices(rollouts):
        fresh = [place for place in places if place not in shown]
        shown |= set(fresh)
        rows = [_view(row, rollouts.sources) for row in rollouts.rows(fresh)]
        if rows:
            parts.append({"title": title, "rows": rows})
    return parts


def _choices(rollouts: Rollouts) -> list[tuple[str, list[int]]]:
    values = rollouts.column("value")
    steps = [step or 0 for step in rollouts.column("step")]
    groups = rollouts.column("group")
    splits = rollouts.column("split")
    places = [i for i, split in enumerate(splits) if split != "eval"] or list(range(len(values)))
    paid = [i for i in places if values[i] is not None]
    best = sorted(paid, key=lambda i: (-values[i], -steps[i], i))
    worst = sorted(paid, key=lambda i: (values[i], -steps[i], i))
    left_out = sorted(set(places) - set(paid), key=lambda i: (-steps[i], i))
    return [
        (DOUBTFUL, _from_different(_doubtful(rollouts, paid), groups, _EACH)),
        ("Highest rewards", _from_different(best, groups, _EACH)),
        ("Lowest rewards", _from_different(worst, groups, _EACH)),
        ("Left out: no reward", _from_different(left_out, groups, _ALONG)),
        *_along(sorted(places, key=lambda i: (steps[i], i))),
    ]


def _doubtful(rollouts: Rollouts, places: list[int]) -> list[int]:
    """Answers that passed although a source that scores steps in [0, 1] doubts them; lowest first.

    An outcome verifier pays such an answer; a person should look at how it came about.
    """
    passed = rollouts.column("passed")
    found: dict[int, float] = {}
    for name in _process_sources(rollouts, places):
        scores = rollouts.column(f"{name}.score")
        known = [score for score in scores if score is not None]
        if known and 0.0 <= min(known) <= max(known) <= 1.0:
            low = {i: scores[i] for i in places if passed[i] and scores[i] is not None}
            found |= {i: s for i, s in low.items() if s < min(_BELOW, found.get(i, 1.0))}
    return sorted(found, key=lambda i: (found[i], i))


def _process_sources(rollouts: Rollouts, places: list[int]) -> list[str]:
    """The sources whose verdicts have steps, told by some rollouts."""
    names: set[str] = set()
    for row in rollouts.rows(places[:_LOOKED_AT]):
        try:
            said = json.loads(row.get("verdicts") or "{}")
            names |= {name for name, verdict in said.items() if verdict.get("steps")}
        except (ValueError, AttributeError, RecursionError):  # a damaged row tells nothing
            continue
    return sorted(names & set(rollouts.sources))


def _from_different(places: Iterable[int], groups: list[Any], n: int) -> list[int]:
    """The first ``n`` of different groups, filled up with the first others."""
    ordered = list(places)
    firsts = {groups[place]: place for place in reversed(ordered)}
    distinct = sorted(firsts.values(), key=ordered.index) if len(ordered) < 10_000 else ordered
    return list(dict.fromkeys([*distinct[:n], *ordered[:n]]))[:n]


def _along(places: list[int]) -> list[tuple[str, list[int]]]:
    """Evenly spaced rollouts from each third of the run."""
    third = len(places) / 3
    found = []
    for part, title in enumerate(("Early in the run", "In the middle", "Late in the run")):
        spots = (part * third + third * (k + 1) / (_ALONG + 1) for k in range(_ALONG))
        found.append((title, [places[int(spot)] for spot in spots]))
    return found


def _view(row: dict[str, Any], sources: list[str]) -> dict[str, Any]:
    passed, value = row.get("passed"), row.get("value")
    facts = {
        "reward": None if value is None else f"{value:.4g}",
        "before shaping": _unlike(row.get("unshaped"), value),
        "status": row.get("status"),
        "step": row.get("step"),
        "split": row.get("split"),
        "task": row.get("task"),
        "tokens": row.get("completion_tokens"),
        "truncated": "yes" if row.get("truncated") else None,
        "id": row.get("id"),
    }
    return {
        "kind": {True: "passed", False: "failed", None: ""}[passed],
        "mark": "left out" if value is None else _MARKS[passed],
        "facts": " · ".join(
            f"{k} {cut(str(v), (80, 0))}" for k, v in facts.items() if v is not None
        ),
        "prompt": cut(conversation(row.get("prompt"))),
        "completion": cut(conversation(row.get("completion"))),
        "ground_truth": _ground_truth(row.get("ground_truth")),
        "verdicts": [_verdict(row, name) for name in sources if row.get(f"{name}.status")],
    }


def _unlike(unshaped: float | None, value: float | None) -> str | None:
    return None if unshaped is None or unshaped == value else f"{unshaped:.4g}"


def _verdict(row: dict[str, Any], name: str) -> dict[str, str]:
    score = row.get(f"{name}.score")
    return {
        "name": name,
        "status": str(row[f"{name}.status"]),
        "score": "–" if score is None else f"{score:.4g}",
        "reason": cut(str(row.get(f"{name}.reason") or ""), (400, 0)),
    }


def _ground_truth(text: Any) -> str:
    return "" if text in {None, "", "null"} else cut(str(text))
