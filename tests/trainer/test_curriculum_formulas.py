"""The formulas of the curricula: E2H's bands, the adaptive weight, and the cutting into bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.trainer.online.curriculum import (
    adaptive_weight,
    bands_of,
    cosine_bands,
    gaussian_bands,
)


@pytest.mark.parametrize(
    ("progress", "wanted"),
    [
        pytest.param(0.0, [0.4, 0.3, 0.2, 0.1], id="start"),
        pytest.param(0.5, [0.25, 0.25, 0.25, 0.25], id="middle"),
        pytest.param(1.0, [0.1, 0.2, 0.3, 0.4], id="end"),
    ],
)
def test_cosine_bands(progress: float, wanted: list[float]) -> None:
    assert cosine_bands(progress, 4) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("progress", "kept", "wanted"),
    [
        # by hand: exp(-2 d^2) for sigma 0.5: 1, e^-2, e^-8, e^-18
        pytest.param(0.0, {}, [0.8805369, 0.1191677, 0.0002954, 0.0], id="start"),
        pytest.param(1.0, {}, [0.0, 0.0002954, 0.1191677, 0.8805369], id="end"),
        pytest.param(
            4 / 9, {}, [0.0002639, 0.1064789, 0.7867783, 0.1064789], id="root-of-four-ninths"
        ),
        pytest.param(0.0, {"floor": 0.25}, [0.25, 0.25, 0.25, 0.25], id="floor-is-all"),
        pytest.param(1.0, {"sigma": 1e-3}, [0.0, 0.0, 0.0, 1.0], id="narrow-does-not-vanish"),
    ],
)
def test_gaussian_bands(progress: float, kept: dict[str, float], wanted: list[float]) -> None:
    assert gaussian_bands(progress, 4, **kept) == pytest.approx(wanted, abs=1e-6)


@given(
    progress=st.floats(0, 1),
    bands=st.integers(2, 9),
    share=st.floats(0, 1),
    sigma=st.floats(0.05, 5),
)
@settings(max_examples=80, deadline=None)
def test_band_probabilities_sum_to_one_and_keep_the_floor(
    progress: float, bands: int, share: float, sigma: float
) -> None:
    floor = share / bands
    for found in (
        cosine_bands(progress, bands, floor),
        gaussian_bands(progress, bands, sigma=sigma, floor=floor),
    ):
        assert sum(found) == pytest.approx(1)
        assert min(found) >= floor - 1e-12


@pytest.mark.parametrize("schedule", ["cosine", "gaussian"])
@given(early=st.floats(0, 1), late=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_the_mean_band_only_gets_harder(schedule: str, early: float, late: float) -> None:
    bands = cosine_bands if schedule == "cosine" else gaussian_bands
    mean = [np.dot(range(4), bands(t, 4)) for t in sorted((early, late))]
    assert mean[0] <= mean[1] + 1e-9


@pytest.mark.parametrize(
    ("rate", "settings_", "weight"),
    [
        pytest.param(0.5, {"floor": 0.0}, 1.0, id="target"),
        pytest.param(0.25, {"floor": 0.0}, 0.75, id="four-p-one-minus-p"),
        pytest.param(0.0, {}, 0.05, id="never-passed-keeps-the-floor"),
        pytest.param(1.0, {}, 0.05, id="always-passed-keeps-the-floor"),
        pytest.param(None, {}, 1.0, id="unknown-is-tried"),
        pytest.param(0.8, {"target": 0.8, "floor": 0.0}, 1.0, id="another-target"),
        pytest.param(
            0.2, {"target": 0.8, "floor": 0.0}, (0.2 / 0.8) ** 1.6 * (0.8 / 0.2) ** 0.4, id="far"
        ),
    ],
)
def test_adaptive_weight(rate: float | None, settings_: dict[str, float], weight: float) -> None:
    assert adaptive_weight(rate, **settings_) == pytest.approx(weight)


@given(rate=st.floats(0, 1), target=st.floats(0.05, 0.95), sharp=st.floats(0.1, 10))
@settings(max_examples=80, deadline=None)
def test_no_weight_is_above_the_targets_or_below_the_floor(
    rate: float, target: float, sharp: float
) -> None:
    found = adaptive_weight(rate, target=target, sharpness=sharp, floor=0.05)
    assert 0.05 <= found <= 1.0 + 1e-12


@pytest.mark.parametrize(
    ("difficulty", "bands", "wanted"),
    [
        pytest.param([1, 2, 3, 4], 4, [0, 1, 2, 3], id="levels"),
        pytest.param([5, 1, 5, 1], 4, [3, 0, 3, 0], id="two-levels-are-the-ends"),
        pytest.param([2, 2, 2], 4, [0, 0, 0], id="one-level"),
        pytest.param([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 3, [0, 0, 1, 1, 2, 2], id="quantiles"),
        pytest.param([1, 1, 1, 1, 2, 3], 2, [0, 0, 0, 0, 1, 1], id="ties-stay-together"),
        pytest.param([-np.inf, 0.5, np.inf], 3, [0, 1, 2], id="unseen-at-the-ends"),
    ],
)
def test_bands_of(difficulty: list[float], bands: int, wanted: list[int]) -> None:
    assert bands_of(np.array(difficulty, dtype=float), bands).tolist() == wanted
