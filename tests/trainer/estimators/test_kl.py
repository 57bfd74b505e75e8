"""KL estimators: golden values, exact expectations by enumeration, gradients, coefficients."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from assay.core.errors import ConfigError
from assay.trainer.estimators import kl

Q = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
P = torch.tensor([0.4, 0.4, 0.2], dtype=torch.float64)
OLD = torch.tensor([0.6, 0.25, 0.15], dtype=torch.float64)
ESTIMATORS = {"k1": kl.k1, "k2": kl.k2, "k3": kl.k3}


@pytest.mark.parametrize(
    ("name", "tokens", "mean", "variance"),
    [
        pytest.param(
            "k1", [0.22314355, -0.28768207, 0], 0.0252671539, 0.0490863856, id="k1-unbiased"
        ),
        pytest.param("k2", [0.02489652, 0.04138049, 0], 0.0248624073, 0.0002054825, id="k2"),
        pytest.param(
            "k3", [0.02314355, 0.04565126, 0], 0.0252671539, 0.0002545942, id="k3-unbiased"
        ),
    ],
)
def test_golden(name: str, tokens: list[float], mean: float, variance: float) -> None:
    found = ESTIMATORS[name](Q.log(), P.log())
    assert found.tolist() == pytest.approx(tokens, abs=5e-9)
    expected = (Q * found).sum()
    assert expected.item() == pytest.approx(mean, abs=5e-11)
    assert (Q * (found - expected) ** 2).sum().item() == pytest.approx(variance, abs=5e-11)


def test_samples_of_an_older_policy_need_weights() -> None:
    found = kl.k3(Q.log(), P.log())
    assert (OLD * found).sum().item() == pytest.approx(0.0252989460, abs=5e-11)
    assert (OLD * (Q / OLD) * found).sum().item() == pytest.approx(0.0252671539, abs=5e-11)


def test_full_is_the_expectation_in_either_direction() -> None:
    assert kl.full(Q.log(), P.log()).item() == pytest.approx(0.0252671539, abs=5e-11)
    forward = (P * (P / Q).log()).sum().item()
    assert kl.full(Q.log(), P.log(), "forward").item() == pytest.approx(forward)
    assert forward != pytest.approx(0.0252671539, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        pytest.param("k1", None, id="k1-gives-nothing"),
        pytest.param("k2", "reverse", id="k2-gives-the-reverse-kl"),
        pytest.param("k3", "forward", id="k3-gives-the-forward-kl"),
    ],
)
def test_the_gradient_of_an_estimator_with_samples_fixed(name: str, wanted: Any) -> None:
    logits = Q.log().requires_grad_()
    logps = torch.log_softmax(logits, -1)
    (found,) = torch.autograd.grad((Q * ESTIMATORS[name](logps, P.log())).sum(), logits)
    if wanted is None:
        assert found.abs().max().item() < 1e-12
        return
    logits = Q.log().requires_grad_()
    (exact,) = torch.autograd.grad(kl.full(logits, P.log(), wanted), logits)
    assert torch.allclose(found, exact, atol=1e-12)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(st.tuples(st.floats(-60, 0), st.floats(-60, 0)), min_size=1, max_size=20),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_k2_and_k3_are_never_negative(pairs: list[tuple[float, float]], dtype: Any) -> None:
    logps, ref = torch.tensor(pairs, dtype=dtype).unbind(1)
    assert (kl.k3(logps, ref) >= 0).all()
    assert (kl.k2(logps, ref) >= 0).all()


def test_k3_of_tiny_differences() -> None:
    """exp(d) - 1 - d would keep five digits here; nothing falls below 0 in any precision."""
    found = kl.k3(torch.tensor(-1e-5, dtype=torch.float64), torch.tensor(0.0, dtype=torch.float64))
    assert found.item() == pytest.approx(1e-10 / 2 + 1e-15 / 6, rel=1e-9)
    apart = torch.logspace(-12, 1, 100_001, dtype=torch.float64)
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        both = torch.cat([apart, -apart]).to(dtype)
        assert (kl.k3(both, torch.zeros_like(both)) >= 0).all()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9)), min_size=2, max_size=8))
@pytest.mark.parametrize("direction", ["reverse", "forward"])
def test_full_is_never_negative_and_shift_invariant(
    direction: Any, pairs: list[tuple[float, float]]
) -> None:
    logits, ref = torch.tensor(pairs, dtype=torch.float64).unbind(1)
    found = kl.full(logits, ref, direction)
    assert found.item() > -1e-12
    assert torch.allclose(kl.full(logits + 5, ref - 3, direction), found, atol=1e-9)
    assert kl.full(logits, logits, direction).item() == 0


def test_full_with_tokens_that_cannot_be() -> None:
    logits = torch.tensor([0.0, 0.0, -math.inf], requires_grad=True)
    ref = torch.tensor([0.0, 0.0, -math.inf])
    found = kl.full(logits, ref)
    found.backward()
    assert found.item() == 0
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert kl.full(torch.zeros(3), ref).item() == math.inf
    assert kl.full(torch.zeros(3), ref, "forward").item() == pytest.approx(math.log(1.5))


def test_full_keeps_the_leading_shape() -> None:
    logits: Tensor = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0))
    assert kl.full(logits, logits.flip(0)).shape == (2, 3)


# coefficients -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "wanted"),
    [
        pytest.param(0.0, 0.05, id="no-kl-halves"),
        pytest.param(-0.1, 0.05, id="a-negative-estimate-halves"),
        pytest.param(1.99, 0.05, id="just-below-the-band"),
        pytest.param(2.0, 0.1, id="its-lower-end"),
        pytest.param(3.0, 0.1, id="on-target"),
        pytest.param(4.5, 0.1, id="its-upper-end"),
        pytest.param(4.51, 0.2, id="just-above-the-band"),
    ],
)
def test_adaptive(observed: float, wanted: float) -> None:
    coefficient = kl.AdaptiveKL(0.1, 3.0)
    coefficient.update(observed)
    assert coefficient.beta == pytest.approx(wanted)


def test_adaptive_stays_where_it_can_come_back_from() -> None:
    coefficient = kl.AdaptiveKL(0.1, 1.0, floor=0.01, ceiling=1.0)
    for _ in range(2000):
        coefficient.update(0.0)
    assert coefficient.beta == 0.01
    for _ in range(2000):
        coefficient.update(100.0)
    assert coefficient.beta == 1.0


def test_fixed_stays() -> None:
    coefficient = kl.FixedKL(0.1)
    coefficient.update(100.0)
    assert coefficient.beta == 0.1


@pytest.mark.parametrize("kind", [kl.FixedKL, lambda beta: kl.AdaptiveKL(beta, 1.0)])
def test_a_checkpoint_brings_beta_back(kind: Any) -> None:
    first, second = kind(0.1), kind(0.7)
    first.update(50.0)
    second.load_state_dict(first.state_dict())
    assert second.beta == first.beta


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: kl.full(Q, P, "reversed"), "did you mean 'reverse'", id="direction"),  # type: ignore[arg-type]  # wrong
        pytest.param(lambda: kl.FixedKL(-0.1), "kl.beta", id="beta"),
        pytest.param(lambda: kl.FixedKL(math.nan), "kl.beta", id="beta-nan"),
        pytest.param(lambda: kl.AdaptiveKL(0.1, 0.0), "kl.target", id="target"),
        pytest.param(lambda: kl.AdaptiveKL(0.0, 1.0), "floor, ceiling", id="beta-0-never-moves"),
        pytest.param(lambda: kl.AdaptiveKL(0.1, 1.0).update(math.nan), "finite", id="nan"),
        pytest.param(lambda: kl.FixedKL(0.1).update(math.inf), "finite", id="infinite"),
    ],
)
def test_refuses(call: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call()
