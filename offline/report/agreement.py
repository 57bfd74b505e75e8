"""Statuses with whose fault they are, and how far the sources agree: with each other, with people.

Not covered: rubric items (``rubrics``).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.agreement import Rate, cohen_kappa
from ...core.types import JSON, Status, Verdict
from ..judge_measures import Judged, label_measures
from . import charts
from .columns import NO, NONE, YES, Columns, SourceColumn
from .parts import Cell, Figure, Link, Section, Table, count, plain, share

__all__ = ["agreement", "labels", "statuses"]

_SHOWN_REASONS = 6
_WHOSE = {
    "not passed": "the answer's",
    Status.ABSTAINED.value: "nobody's",
    Status.BAD_REFERENCE.value: "the data's",
    Status.TIMED_OUT.value: "the source's",
    Status.FAILED.value: "the source's",
}


def statuses(columns: Columns) -> Section:
    """Why rows have no score or do not pass: by source, whose fault, the reasons, rows to see."""
    section = Section(id="statuses", title="Statuses and culprits", empty="The file has no rows.")
    if not len(columns):
        return section
    section.tables = [_counts(columns)]
    reasons = [row for i, source in enumerate(columns.sources) for row in _culprits(i, source)]
    if reasons:
        header = ["source", "status", "whose fault", "rows", "reason", "example"]
        caption = "Why, most frequent reasons first"
        section.tables.append(Table(caption=caption, header=header, rows=reasons, prose=True))
    return section


def _counts(columns: Columns) -> Table:
    kinds = columns.statuses.texts
    order = sorted(code for code in range(1, len(kinds)))
    rows: list[list[Cell]] = [["reward", *_cells(Counter(columns.status), order, "status")]]
    for i, source in enumerate(columns.sources):
        found = Counter(source.status)
        cells = _cells(found, order, "said", i)
        rows.append([source.name, *cells])
    header = ["", *(kinds[code] for code in order)]
    return Table(caption="Rows by status", header=header, rows=rows)


def _cells(
    found: Mapping[int, int], order: Sequence[int], key: str, source: int | None = None
) -> list[Cell]:
    where: dict[str, JSON] = {} if source is None else {"source": source}
    return [
        Link(count(found[code]), {**where, key: code}) if found.get(code) else "0" for code in order
    ]


def _culprits(index: int, source: SourceColumn) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for status, reasons in sorted(source.reasons.items(), key=lambda one: one[0] == "not passed"):
        for reason, n, row in reasons.top(_SHOWN_REASONS):
            example = Link(f"row {count(row + 1)}", {"row": row})
            whose = _WHOSE.get(status, "")
            rows.append([source.name, status, whose, count(n), reason or "(no reason)", example])
        rest = (
            reasons.others
            + sum(n for _, n, _ in reasons.top(len(reasons.counts)))
            - sum(n for _, n, _ in reasons.top(_SHOWN_REASONS))
        )
        if rest:
            show: dict[str, JSON] = {"source": index, "why": status}
            link = Link("all of them", show)
            rows.append([source.name, status, "", count(rest), "other reasons", link])
    return rows


# sources with each other -----------------------------------------------------------------------


def agreement(columns: Columns) -> Section:
    """Which sources say the same, and where they do not."""
    section = Section(
        id="agreement",
        title="Agreement between sources",
        empty="There are no two sources that both say yes or no of the same rows.",
    )
    both = _pairs(columns)
    if not both:
        return section
    names = [source.name for source in columns.sources]
    matrix: list[list[float | None]] = [[None] * len(names) for _ in names]
    rows: list[list[Cell]] = []
    for (i, j), found in both.items():
        same = Rate(found[YES, YES] + found[NO, NO], sum(found.values()))
        matrix[i][j] = matrix[j][i] = same.share
        a, b = _two(found)
        cells = [_apart(found, i, j, YES, NO), _apart(found, i, j, NO, YES)]
        rows.append([names[i], names[j], count(same.n), share(same), plain(cohen_kappa(a, b)),
                     *cells])  # fmt: skip
    header = ["first", "second", "rows", "agree", "kappa", "only the first says yes",
              "only the second"]  # fmt: skip
    table = Table(caption="Every two sources", header=header, rows=rows)
    drawn = [i for i in range(len(names)) if any(v is not None for v in matrix[i])]
    shown = [[matrix[i][j] for j in drawn] for i in drawn]
    paint = charts.grid([names[i] for i in drawn], shown)
    note = "Percent of the rows judged by both; sources that say neither yes nor no are left out."
    section.figures = [charts.figure("Agreement between sources", paint, table, note)]
    return section


def _pairs(columns: Columns) -> dict[tuple[int, int], Counter[tuple[int, int]]]:
    found = {}
    for j, second in enumerate(columns.sources):
        for i, first in enumerate(columns.sources[:j]):
            counts = Counter(zip(first.yes, second.yes, strict=True))
            known = Counter({key: n for key, n in counts.items() if NONE not in key})
            if known:
                found[i, j] = known
    return found


def _two(found: Mapping[tuple[int, int], int]) -> tuple[list[int], list[int]]:
    """The two columns again, in some order."""
    pairs = [pair for pair, n in found.items() for _ in range(n)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _apart(found: Mapping[tuple[int, int], int], i: int, j: int, a: int, b: int) -> Cell:
    n = found.get((a, b), 0)
    return Link(count(n), {"apart": [i, a, j, b]}) if n else "0"


# sources with people ---------------------------------------------------------------------------


def labels(columns: Columns, good_from: float | None) -> Section:
    """How far each source agrees with labels: as decisions, as an order, as a probability."""
    section = Section(
        id="labels",
        title="Labels of people",
        empty="No row has a label (a column label, human_label, human_score or rating; or name"
        " one with --label).",
    )
    if not columns.labels:
        return section
    found = {source.name: _measured(columns, source, good_from) for source in columns.sources}
    section.words = (
        f"{count(columns.labels)} rows have a label. A verdict without a score is never a wrong"
        " answer: it is left out here and counted under statuses."
    )
    bar = 0.5 if good_from is None else good_from
    tables = (_decisions(columns, found, bar), _grades(found))
    section.tables = [table for table in tables if table.rows]
    curves = _calibration(found)
    section.figures = [curves] if curves is not None else []
    return section


def _measured(columns: Columns, source: SourceColumn, good_from: float | None) -> dict[str, JSON]:
    """What ``assay judge-eval`` would say of the labelled rows that this source was asked about."""
    rows = [r for r in range(len(columns)) if source.status[r] and not math.isnan(columns.label[r])]
    judged = [_judged(columns, source, row) for row in rows]
    return label_measures(judged, good_from=good_from) if judged else {}


def _judged(columns: Columns, source: SourceColumn, row: int) -> Judged:
    score, yes = source.score[row], source.yes[row]
    if math.isnan(score):
        status = columns.statuses.texts[source.status[row]]
        known = status in set(Status) - {Status.SCORED}
        verdict = Verdict(status=Status(status) if known else Status.FAILED)
    else:
        sure = min(1.0, max(0.0, source.confidence[row]))
        passed = None if yes == NONE else bool(yes)
        verdict = Verdict(status=Status.SCORED, score=score, passed=passed, confidence=sure)
    return Judged(verdict=verdict, label=columns.label[row], chars=columns.chars[row])


def _decisions(columns: Columns, found: Mapping[str, Any], bar: float) -> Table:
    rows: list[list[Cell]] = []
    for index, source in enumerate(columns.sources):
        made = found[source.name].get("decisions")
        if made is None:
            continue
        rates = [_rate(made[key]) for key in ("accuracy", "false_accepts", "false_rejects")]
        errors = [
            _error(made, key) for key in ("calibration_of_score", "calibration_of_confidence")
        ]
        wrong = Link("rows", {"source": index, "against": bar})
        rows.append([source.name, count(made["accuracy"]["n"]), *map(share, rates),
                     plain(made["kappa"]), plain(made["auroc"]), *errors, wrong])  # fmt: skip
    header = ["source", "rows", "agrees", "false accepts", "false rejects", "kappa", "AUROC",
              "calibration error of score", "of confidence", "against the label"]  # fmt: skip
    return Table(caption="Decisions against labels", header=header, rows=rows)


def _rate(value: Mapping[str, Any]) -> Rate:
    return Rate(value["count"], value["n"])


def _error(made: Mapping[str, Any], key: str) -> str:
    return plain(made[key]["error"]) if key in made else "–"


def _grades(found: Mapping[str, Any]) -> Table:
    rows: list[list[Cell]] = []
    for name, measured in found.items():
        grades = measured.get("grades")
        if grades is None:
            continue
        exact, near = (
            share(_rate(grades[key])) if key in grades else "–" for key in ("exact", "within_one")
        )
        numbers = ("spearman", "pearson", "kappa", "kappa_quadratic")
        cells = [plain(grades.get(key)) for key in numbers]
        rows.append([name, count(measured["judged"]), *cells, exact, near])
    header = ["source", "rows", "Spearman", "Pearson", "kappa", "quadratic kappa",
              "the same grade", "within one"]  # fmt: skip
    return Table(caption="Scores against grades", header=header, rows=rows)


def _calibration(found: Mapping[str, Any]) -> Figure | None:
    """What scores, taken as chances, say beside what people say."""
    series: dict[str, list[tuple[float, float]]] = {}
    bands: dict[str, list[tuple[float, float]]] = {}
    rows: list[list[Cell]] = []
    for name, measured in found.items():
        curve = measured.get("decisions", {}).get("calibration_of_score", {}).get("curve", [])
        for part in curve:
            right = _rate(part["right"])
            series.setdefault(name, []).append((part["said"], right.share or 0.0))
            bands.setdefault(name, []).append(right.interval)
            span = f"{part['low']:g} to {part['high']:g}"
            rows.append([name, span, count(part["n"]), plain(part["said"]), share(right)])
    if not series:
        return None
    header = ["source", "score", "rows", "mean score", "good by label"]
    table = Table(caption="Calibration", header=header, rows=rows)
    paint = charts.lines(series, "score, as the chance of being good", "good by label",
                         bands=bands, diagonal=True)  # fmt: skip
    note = "On the grey line a score is a probability. Bands: 95 % intervals."
    return charts.figure("Calibration against labels", paint, table, note)
