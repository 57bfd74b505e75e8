"""A source without level or unit in a sum is warned about; where it is taken care of, it is not."""

from __future__ import annotations

from typing import Any

import pytest

from assay import Sample, Settings, source
from assay.core.advice import advice
from assay.core.judging import OpenSource
from assay.core.recipe import Recipe


class RawSettings(Settings):
    fitted: bool = False

    @property
    def score_scale(self) -> str:
        return "unit" if self.fitted else "real"

    @property
    def unanchored(self) -> str:
        return "" if self.fitted else "its scores are raw; fit them"


@source("plug.raw", version="1", scale="real")
def raw(sample: Sample, settings: RawSettings) -> float:
    return 7.0


@source("plug.right", version="1", scale="binary")
def right(sample: Sample) -> bool:
    return True


def told(*, entry: dict[str, Any] | None = None, algorithm: str = "", **recipe: Any) -> list[str]:
    sources = [{"use": "plug.raw", "as": "rm", **(entry or {})}, "plug.right"]
    return advice(Recipe.read({"sources": sources, **recipe}), [raw, right], algorithm)


def test_a_raw_score_in_a_sum_is_warned_about_with_ways_out() -> None:
    (warning,) = told()
    assert warning.startswith("source rm: its scores are raw; fit them")
    for way in ("clip", "lexicographic", "gdpo"):
        assert way in warning


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"entry": {"fitted": True}}, id="fitted"),
        pytest.param({"entry": {"weight": 0}}, id="watched only"),
        pytest.param({"entry": {"map": {"clip": [-1, 1]}}}, id="bounded by the recipe"),
        pytest.param({"entry": {"map": {"scale": 0.1}}}, id="a unit given by the recipe"),
        pytest.param({"compose": "lexicographic"}, id="not a sum"),
        pytest.param({"algorithm": "gdpo"}, id="normalised in training"),
    ],
)
def test_what_is_taken_care_of_is_not_warned_about(settings: dict[str, Any]) -> None:
    assert told(**settings) == []


def test_a_source_alone_is_not_warned_about() -> None:
    assert advice(Recipe.read({"sources": ["plug.raw"]}), [raw]) == []


def test_the_settings_say_the_scale() -> None:
    verdict = OpenSource(raw, {}, "rm").judge([Sample(completion="x")])[0]
    assert verdict.score == 7.0
    verdict = OpenSource(raw, {"fitted": True}, "rm").judge([Sample(completion="x")])[0]
    assert "outside [0, 1]" in verdict.reason
