"""Which items of a rubric are told apart: unsure, constant, contrary; and what they are held to."""

from __future__ import annotations

from typing import Any

import pytest

from assay.core.item_health import HEALTH_COLUMNS, ItemHealth, ItemTable, rubric_row

KINDS = {"right": "source", "style": "critique", "flat": "critique", "contrary": "critique"}


def parts(scores: dict[str, float], **confidences: float) -> dict[str, float]:
    more = {f"{name}:confidence": confidences.get(name, 0.9) for name in scores}
    return {**scores, **more, "style.an_atom": 0.3}


def table(rows: list[dict[str, float]], labels: list[float] | None = None) -> dict[str, ItemHealth]:
    made = ItemTable()
    evidence: dict[str, Any] = {
        "category": "c",
        "items": {name: {"kind": kind} for name, kind in KINDS.items()},
    }
    for place, scores in enumerate(rows):
        row = rubric_row(parts(scores, style=0.4), evidence, labels[place] if labels else None)
        assert row is not None
        made.add(row)
    return {one.item: one for one in made.health()}


ROWS = [
    {"right": float(n % 2), "style": (n % 5) / 4, "flat": 0.7, "contrary": 1.0 - n % 2}
    for n in range(20)
]


def test_items_are_held_against_the_verifiable_ones() -> None:
    found = table(ROWS)
    assert list(found) == ["c/style", "c/contrary", "c/flat", "c/right"], "least sure first"
    noise = "no better than chance against verifiable items"
    assert found["c/style"].flags == ["low confidence", noise]
    assert found["c/flat"].flags == ["never varies"]
    contrary = found["c/contrary"]
    assert contrary.flags == [noise]
    assert (contrary.agreement.count, contrary.agreement.n) == (0, 20)
    assert (contrary.kappa, contrary.auroc) == (-1.0, 0.0)
    assert contrary.calibration_error == pytest.approx(0.9), "sure of 0.9, and always wrong"
    assert found["c/right"].against == "", "the only verifiable item is held against nothing"
    assert found["c/style"].agreement.n == 20


def test_labels_come_before_verifiable_items() -> None:
    found = table(ROWS, labels=[1.0 - row["right"] for row in ROWS])
    assert found["c/right"].flags == ["no better than chance against labels"]
    assert (found["c/contrary"].flags, found["c/contrary"].kappa) == ([], 1.0)
    assert found["c/contrary"].calibration_error == pytest.approx(0.1)


def test_few_rows_accuse_nobody_and_an_unbounded_score_says_no_yes() -> None:
    few = table(ROWS[:4])
    assert few["c/contrary"].flags == []
    wide = table([{**row, "contrary": 5 * row["contrary"] - 2} for row in ROWS])["c/contrary"]
    assert (wide.agreement.n, wide.kappa, wide.calibration_error) == (0, None, None)
    assert wide.auroc == 0.0, "its order still says something"


@pytest.mark.parametrize(
    ("given", "evidence"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"tests": 3.0}, {"items": {}}, id="another source's parts"),
        pytest.param({"a:confidence": 0.5}, {}, id="a confidence of nothing"),
    ],
)
def test_other_verdicts_are_no_rows(given: dict[str, float], evidence: dict[str, Any]) -> None:
    assert rubric_row(given, evidence) is None


@pytest.mark.parametrize("items", [None, [], "x", {"a": None}, {"a": {"kind": 3}}])
def test_odd_evidence_is_no_error(items: Any) -> None:
    row = rubric_row({"a": 1.0, "a:confidence": 0.5}, {"category": 7, "items": items})
    assert row is not None
    assert (dict(row.scores), row.verifiable) == ({"a": 1.0}, frozenset())


def test_cells_stand_under_their_columns_and_json_holds_all() -> None:
    one = table(ROWS)["c/contrary"]
    assert len(one.cells()) == len(HEALTH_COLUMNS)
    assert one.cells()[-1] == "no better than chance against verifiable items"
    assert one.to_json()["agreement"]["n"] == 20
    assert ItemTable().health() == []
