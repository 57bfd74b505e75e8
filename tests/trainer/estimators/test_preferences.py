"""Preference losses: golden values, gradients, and what each is indifferent to."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from assay.core.errors import ConfigError
from assay.trainer.estimators import preferences as pref


def wide(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        pytest.param(lambda: pref.dpo(wide(0.3), wide(-0.2), 0.1), 0.6684596480, id="dpo"),
        pytest.param(lambda: pref.dpo(wide(1.2), wide(-0.3), 0.1), 0.620957, id="dpo-grape"),
        pytest.param(lambda: pref.dpo(wide(0.7), wide(0.7), 0.1), math.log(2), id="dpo-equal"),
        pytest.param(lambda: pref.ipo(wide(0.3), wide(-0.2), 1.0), 0.0, id="ipo-at-its-gap"),
        pytest.param(lambda: pref.ipo(wide(0.3), wide(-0.2), 0.1), 20.25, id="ipo"),
        pytest.param(
            lambda: pref.kto(wide(0.3), torch.tensor(True), 0.01, 0.1), 0.4950001667, id="kto-good"
        ),
        pytest.param(
            lambda: pref.kto(wide(-0.2), torch.tensor(False), 0.01, 0.1), 0.4925005625, id="kto-bad"
        ),
        pytest.param(
            lambda: pref.cpo(wide(-3.0), wide(-4.0), 0.1, nll_weight=0.0), 0.6443966601, id="cpo-75"
        ),
        pytest.param(lambda: pref.cpo(wide(-3.0), wide(-4.0), 0.1), 3.6443966601, id="cpo-76"),
        pytest.param(lambda: pref.bradley_terry(wide(1.2), wide(0.4)), 0.3711006659, id="bt"),
        pytest.param(lambda: pref.bradley_terry(wide(1.5), wide(0.0)), 0.201413, id="bt-grape"),
        pytest.param(
            lambda: pref.implicit_cross_entropy(wide(0.8), wide(1)), 0.3711006659, id="prime-passed"
        ),
        pytest.param(
            lambda: pref.implicit_cross_entropy(wide(-0.8), wide(0)),
            0.3711006659,
            id="prime-failed",
        ),
    ],
)
def test_golden(found: Any, wanted: float) -> None:
    assert found().item() == pytest.approx(wanted, abs=6e-7 if wanted == 0.620957 else 5e-7)


def test_bradley_terry_is_the_probability_of_the_winner() -> None:
    win = math.exp(-pref.bradley_terry(wide(1.2), wide(0.4)).item())
    assert win == pytest.approx(0.6899744811, abs=5e-11)
    lose = math.exp(-pref.bradley_terry(wide(0.4), wide(1.2)).item())
    assert win + lose == pytest.approx(1)
    assert win == pytest.approx(math.exp(1.2) / (math.exp(1.2) + math.exp(0.4)))


@settings(deadline=None, max_examples=60)
@given(st.floats(-20, 20), st.floats(-20, 20), st.floats(-50, 50))
def test_what_pairs_are_indifferent_to(chosen: float, rejected: float, shift: float) -> None:
    for loss in (pref.bradley_terry, pref.dpo, pref.ipo):
        moved = loss(wide(chosen + shift), wide(rejected + shift))
        assert torch.allclose(moved, loss(wide(chosen), wide(rejected)), atol=1e-9)


def test_the_gradient_of_dpo_is_weighted_by_how_wrong_it_is() -> None:
    """-β σ(r_l - r_w) on the winner, the opposite on the loser; half of β where they are equal."""
    chosen, rejected = wide([0.0, -30.0, 90.0]).requires_grad_(), wide([0.0, 30.0, -90.0])
    pref.dpo(chosen, rejected, 0.1).sum().backward()
    assert chosen.grad is not None
    wanted = [-0.1 / (1 + math.exp(0.1 * gap)) for gap in (0, -60, 180)]
    assert chosen.grad.tolist() == pytest.approx(wanted)


def test_nothing_overflows() -> None:
    far = wide([1e6, -1e6])
    for found in (
        pref.dpo(far, -far),
        pref.bradley_terry(far, -far),
        pref.kto(far, torch.tensor([True, True]), 0.0),
        pref.implicit_cross_entropy(far, wide([1.0, 1.0])),
    ):
        assert torch.isfinite(found).all()


def test_kto_weights_and_reference() -> None:
    z = wide(0.01).requires_grad_()
    ratios = wide([0.3, -0.2]).requires_grad_()
    good = torch.tensor([True, False])
    plain = pref.kto(ratios, good, z, 0.1)
    heavy = pref.kto(ratios, good, z, 0.1, desirable_weight=1.5, undesirable_weight=2.0)
    assert torch.allclose(heavy / plain, wide([1.5, 2.0]))
    plain.sum().backward()
    assert z.grad is None
    assert ratios.grad is not None
    assert ratios.grad[0].item() < 0 < ratios.grad[1].item()


def test_kto_is_bounded_so_that_noise_cannot_dominate() -> None:
    found = pref.kto(wide([-1e4, 1e4]), torch.tensor([True, False]), 0.0)
    assert found.tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize(
    ("label", "loss", "slope"),
    [
        pytest.param(1.0, math.log(2), -0.5, id="passed-pushes-up"),
        pytest.param(0.0, math.log(2), 0.5, id="failed-pushes-down"),
        pytest.param(0.5, math.log(2), 0.0, id="half"),
        pytest.param(math.nan, 0.0, 0.0, id="not-scored-teaches-nothing"),
    ],
)
def test_implicit_cross_entropy(label: float, loss: float, slope: float) -> None:
    rewards = wide([0.0]).requires_grad_()
    found = pref.implicit_cross_entropy(rewards, wide([label]))
    found.sum().backward()
    assert found.item() == pytest.approx(loss)
    assert rewards.grad is not None
    assert rewards.grad.item() == pytest.approx(slope)


def test_labels_may_be_booleans() -> None:
    found = pref.implicit_cross_entropy(wide([2.0, 2.0]), torch.tensor([True, False]))
    assert found[0].item() < found[1].item()


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda x: pref.dpo(x, x, 0.0), id="dpo"),
        pytest.param(lambda x: pref.ipo(x, x, -1.0), id="ipo"),
        pytest.param(lambda x: pref.kto(x, x, 0.0, math.nan), id="kto"),
        pytest.param(lambda x: pref.cpo(x, x, 0.0), id="cpo"),
    ],
)
def test_refuses(call: Any) -> None:
    with pytest.raises(ConfigError, match="must be > 0"):
        call(wide([1.0]))
