"""Composers: values by hand, and the laws they promise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.composition import Term
from assay.core.errors import ConfigError
from assay.core.registry import Registry

COMPOSERS = Registry().composers


def term(
    value: float,
    *,
    name: str = "math.exact",
    passed: bool | None = None,
    weight: float = 1.0,
    role: str = "reward",
    scale: Any = "unit",
) -> Term:
    return Term(name, value, passed, weight, role, scale)


def compose(name: str, terms: Sequence[Term], **settings: Any) -> float:
    return COMPOSERS[name].open(settings, f"compose {name}")(terms)


def form(passed: bool | None, value: float = 1.0, weight: float = 0.1) -> Term:
    return term(value, name="format.think_answer", passed=passed, weight=weight, scale="real")


HALF, ONE, ZERO = term(0.5), term(1.0), term(0.0)
COST = term(0.25, name="safety.cost", role="cost", weight=2.0)


@pytest.mark.parametrize(
    ("name", "terms", "settings", "value"),
    [
        pytest.param("weighted_sum", [], {}, 0.0, id="sum-of-nothing"),
        pytest.param("weighted_sum", [ONE, form(True)], {}, 1.1, id="sum"),
        pytest.param("weighted_sum", [ONE, COST], {}, 0.5, id="cost-counts-negative"),
        pytest.param(
            "weighted_sum", [term(1.0, weight=3.0), ZERO], {"normalize": True}, 0.75, id="mean"
        ),
        pytest.param(
            "weighted_sum", [term(9.0, weight=0.0)], {"normalize": True}, 0.0, id="watched"
        ),
        pytest.param("gate", [ONE, form(True)], {}, 1.1, id="gate-open"),
        pytest.param("gate", [ONE, form(False, -1.0)], {}, 0.0, id="gate-closed"),
        pytest.param("gate", [ONE, form(None)], {}, 0.0, id="no-bar-stays-closed"),
        pytest.param("gate", [ONE, form(False)], {"closed": -1.0}, -1.0, id="closed-value"),
        pytest.param("gate", [ONE, COST, form(False)], {}, -0.5, id="closed-gate-still-costs"),
        pytest.param("gate", [ONE], {}, 1.0, id="no-format-source"),
        pytest.param("gate", [ONE, form(True, weight=0.0)], {}, 1.0, id="gate-of-weight-0"),
        pytest.param(
            "gate", [ONE, form(False)], {"gates": ["math.exact"]}, 0.0, id="named-gate-has-no-bar"
        ),
        pytest.param(
            "gate",
            [term(1.0, passed=True), form(False, 0.0)],
            {"gates": ["math.exact"]},
            1.0,
            id="named-gate",
        ),
        pytest.param(
            "gate", [ONE], {"gates": ["format.jsn"]}, 0.0, id="misspelt-gate-pays-nothing"
        ),
        pytest.param(
            "gate", [ONE], {"gates": ["format.json"], "absent": "open"}, 1.0, id="absent-open"
        ),
        pytest.param("product", [], {}, 0.0, id="product-of-nothing"),
        pytest.param("product", [HALF, HALF], {}, 0.25, id="product"),
        pytest.param("product", [HALF, ZERO], {}, 0.0, id="zero-wins"),
        pytest.param("product", [term(-1.0), term(-1.0)], {}, 0.0, id="two-wrongs-make-no-right"),
        pytest.param("product", [term(0.5, weight=2.0), ONE], {}, 0.25, id="weight-is-exponent"),
        pytest.param("product", [ONE, COST], {}, 0.5625, id="cost-in-product"),
        pytest.param("product", [HALF, term(0.0, weight=0.0)], {}, 0.5, id="weight-0-is-watched"),
        pytest.param("min", [], {}, 0.0, id="min-of-nothing"),
        pytest.param("min", [HALF, ONE], {}, 0.5, id="min"),
        pytest.param("min", [ONE, COST], {}, 0.75, id="cost-in-min"),
        pytest.param("min", [HALF, term(0.0, weight=0.0)], {}, 0.5, id="min-watched"),
        pytest.param("lexicographic", [], {}, 0.0, id="lexicographic-of-nothing"),
        pytest.param("lexicographic", [ONE, ONE], {}, 1.0, id="best"),
        pytest.param("lexicographic", [ZERO, ZERO], {}, 0.0, id="worst"),
        # digits 1 and 2 in radix 2 and 3: (1*3 + 2) / (2*3 - 1), (0*3 + 2) / 5
        pytest.param(
            "lexicographic", [term(1.0, scale="binary"), ONE], {"levels": 3}, 1.0, id="radix-best"
        ),
        pytest.param(
            "lexicographic",
            [term(0.0, scale="binary"), ONE],
            {"levels": 3},
            0.4,
            id="radix-second-only",
        ),
        pytest.param(
            "lexicographic",
            [term(1.0, scale="binary"), ZERO],
            {"levels": 3},
            0.6,
            id="radix-first-only",
        ),
        pytest.param("lexicographic", [ONE, COST], {"levels": 5}, 23 / 24, id="cost-turned-round"),
    ],
)
def test_values(name: str, terms: list[Term], settings: dict[str, Any], value: float) -> None:
    assert compose(name, terms, **settings) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("name", ["product", "min", "lexicographic"])
def test_negative_weights_are_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"math\.exact\.weight: must be >= 0"):
        compose(name, [term(1.0, weight=-1.0)])


def test_too_many_levels_are_refused() -> None:
    with pytest.raises(ConfigError, match="levels"):
        compose("lexicographic", [term(1.0, name=f"a.b{n}") for n in range(9)])


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("gate", {"closed": math.nan}),
        ("gate", {"gates": []}),
        ("gate", {"absent": "maybe"}),
        ("lexicographic", {"levels": 1}),
        ("weighted_sum", {"normalise": True}),
        ("product", {"levels": 3}),
    ],
)
def test_wrong_settings_are_refused(name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        COMPOSERS[name].open(settings, f"compose {name}")


LEVELS = 11
digits = st.lists(st.integers(0, LEVELS - 1), min_size=1, max_size=6)


def lexicographic(values: Sequence[int]) -> float:
    terms = [term(v / (LEVELS - 1), name=f"a.b{n}") for n, v in enumerate(values)]
    return compose("lexicographic", terms, levels=LEVELS)


@given(digits, st.data())
def test_earlier_sources_strictly_dominate(one: list[int], data: st.DataObject) -> None:
    other = data.draw(st.lists(st.integers(0, LEVELS - 1), min_size=len(one), max_size=len(one)))
    a, b = lexicographic(one), lexicographic(other)
    assert (a < b, a == b) == (one < other, one == other)
    assert 0.0 <= a <= 1.0


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.data())
def test_a_better_value_never_lowers_the_result(values: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(values) - 1))
    better = [v + data.draw(st.floats(0, 3)) if n == place else v for n, v in enumerate(values)]
    for name in ("weighted_sum", "product", "min", "lexicographic"):
        low, high = ([term(v, name=f"a.b{n}") for n, v in enumerate(vs)] for vs in (values, better))
        assert compose(name, low) <= compose(name, high) + 1e-9


@given(st.permutations([term(0.3), form(True), COST, term(0.9, weight=0.5)]))
def test_order_means_nothing_but_in_lexicographic(terms: list[Term]) -> None:
    for name in ("weighted_sum", "gate", "product", "min"):
        assert compose(name, terms) == pytest.approx(compose(name, sorted(terms, key=str)))
