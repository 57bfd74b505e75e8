"""Losses: golden values, bounds, gradients by enumeration, and how tokens become one number."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from assay.core.errors import ConfigError
from assay.trainer.estimators import kl, losses

quick = settings(deadline=None, max_examples=80)


def wide(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# surrogates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "flat"),
    [
        pytest.param(0.8, 0.5, 0.40, False, id="lecture-0.8"),
        pytest.param(1.0, 0.5, 0.50, False, id="lecture-1.0"),
        pytest.param(1.3, 0.5, 0.60, True, id="lecture-1.3"),
        pytest.param(1.5, 0.5, 0.60, True, id="lecture-1.5"),
        pytest.param(0.5, -0.5, -0.40, True, id="lecture-negative-0.5"),
        pytest.param(1.0, -0.5, -0.50, False, id="lecture-negative-1.0"),
        pytest.param(1.5, -0.5, -0.75, False, id="lecture-negative-no-cap"),
        pytest.param(0.5, 1.0, 0.5, False, id="review-gain-has-no-floor"),
        pytest.param(0.5, -1.0, -0.8, True, id="review-floor-under-a-loss"),
        pytest.param(1.5, 1.0, 1.2, True, id="review-capped-gain"),
        pytest.param(1.5, -1.0, -1.5, False, id="review-unbounded-penalty"),
    ],
)
def test_clipped_golden(ratio: float, advantage: float, objective: float, flat: bool) -> None:
    rho = wide(ratio).requires_grad_()
    loss = losses.clipped(rho, wide(advantage))
    loss.backward()
    assert loss.item() == pytest.approx(-objective)
    assert rho.grad is not None
    assert (rho.grad.item() == 0) is flat


def test_clip_higher_moves_the_upper_bound_only() -> None:
    rho = wide([1.25, 1.5, 0.7])
    found = losses.clipped(rho, wide([1, 1, -1]), 0.2, 0.28)
    assert found.tolist() == pytest.approx([-1.25, -1.28, 0.8])


@quick
@given(st.floats(0, 20), st.floats(-5, 5), st.floats(0, 0.9), st.floats(0, 0.9))
def test_the_clipped_loss_is_never_below_cpi(
    ratio: float, advantage: float, low: float, high: float
) -> None:
    """L^CLIP <= L^CPI, as losses the other way round; equal at ρ = 1."""
    rho, adv = wide(ratio), wide(advantage)
    assert losses.clipped(rho, adv, low, high).item() >= losses.cpi(rho, adv).item()
    assert torch.equal(losses.clipped(wide(1.0), adv, low, high), losses.cpi(wide(1.0), adv))


def test_grpo_objective_golden() -> None:
    """Review, eq. 82: two answers, ρ = (1.5, .9) and (.5), β = .04, k3 in the loss."""
    mask = torch.tensor([[1, 1], [1, 0]])
    logps = wide([[1.5, 0.9], [0.5, 7.0]]).log()
    ref = logps + wide([[0.1, -0.2], [0.3, 9.0]])
    rho = losses.ratio(logps, torch.zeros(2, 2))
    terms = losses.clipped(rho, wide([1, -1])) + 0.04 * kl.k3(logps, ref)
    assert kl.k3(logps, ref)[0].tolist() == pytest.approx([0.00517092, 0.01873075], abs=5e-9)
    assert losses.aggregate(terms, mask, "sequences").item() == pytest.approx(-0.1237638071)


def test_ratio_and_its_gradient_at_the_old_policy_is_the_policy_gradient() -> None:
    logps = wide([-1.0, -2.0]).requires_grad_()
    (surrogate,) = torch.autograd.grad(
        losses.cpi(losses.ratio(logps, logps), wide([2, -1])).sum(), logps
    )
    (plain,) = torch.autograd.grad(losses.reinforce(logps, wide([2, -1])).sum(), logps)
    assert torch.equal(surrogate, plain)
    assert surrogate.tolist() == [-2, 1]


def test_advantages_of_sequences_reach_their_own_tokens_when_b_is_t() -> None:
    """(2,) against (2, 2) would broadcast along the tokens without a word."""
    rho = torch.ones(2, 2)
    assert losses.cpi(rho, torch.tensor([1.0, 2.0])).tolist() == [[-1, -1], [-2, -2]]
    assert losses.reinforce(-rho, torch.tensor([1.0, 2.0])).tolist() == [[1, 1], [2, 2]]


def test_advantages_get_no_gradient() -> None:
    adv = wide([1.0]).requires_grad_()
    assert not losses.clipped(wide([1.1]), adv).requires_grad


def test_kl_penalised() -> None:
    found = losses.kl_penalised(wide([1.5]), wide([2.0]), wide([0.25]), 0.4)
    assert found.item() == pytest.approx(-(3.0 - 0.1))


@pytest.mark.parametrize(
    ("normalise", "wanted"),
    [
        pytest.param(True, [math.exp(0.2), math.exp(-0.5), 1.0], id="gspo"),
        pytest.param(False, [math.exp(0.4), math.exp(-0.5), 1.0], id="grape-eq-17"),
    ],
)
def test_sequence_ratio(normalise: bool, wanted: list[float]) -> None:
    logps = wide([[0.3, 0.1, math.nan], [-0.5, 8.0, 8.0], [1.0, 1.0, 1.0]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0], [0, 0, 0]])
    found = losses.sequence_ratio(logps, torch.zeros(3, 3), mask, normalise)
    assert found.tolist() == pytest.approx(wanted)


# values and entropy -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "old", "target", "wanted"),
    [
        pytest.param(1.0, 0.0, 2.0, 3.24, id="out-of-the-band-towards-the-target"),
        pytest.param(1.0, 0.0, 0.9, 0.49, id="past-the-band"),
        pytest.param(0.1, 0.0, 2.0, 3.61, id="within-the-band"),
        pytest.param(-1.0, 0.0, 2.0, 9.0, id="away-is-never-cheaper"),
    ],
)
def test_value_loss_clipped(value: float, old: float, target: float, wanted: float) -> None:
    found = losses.value_loss(wide(value), wide(old), wide(target), clip=0.2)
    assert found.item() == pytest.approx(wanted)
    plain = losses.value_loss(wide(value), wide(old), wide(target))
    assert plain.item() == pytest.approx((value - target) ** 2)
    assert found.item() >= plain.item()


def test_value_targets_and_old_values_are_constants() -> None:
    value, old, target = (wide([x]).requires_grad_() for x in (0.1, 0.0, 1.0))
    losses.value_loss(value, old, target, clip=0.2).sum().backward()
    assert value.grad is not None
    assert old.grad is None
    assert target.grad is None


@pytest.mark.parametrize(
    ("probabilities", "wanted"),
    [
        pytest.param([1.0, 0.0], 0.0, id="certain"),
        pytest.param([0.5, 0.5], 0.69314718, id="a-coin"),
        pytest.param([1 / 6] * 6, 1.79175947, id="a-die"),
    ],
)
def test_entropy(probabilities: list[float], wanted: float) -> None:
    logits = wide(probabilities).log().requires_grad_()
    found = losses.entropy(logits)
    found.backward()
    assert found.item() == pytest.approx(wanted, abs=1e-8)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


# tokens to one number -----------------------------------------------------------------------

LOSS = [[1.0, 2.0, 3.0], [10.0, math.nan, math.inf], [math.nan] * 3]
MASK = [[1, 1, 1], [1, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        pytest.param("tokens", 16 / 4, id="tokens"),
        pytest.param("sequences", (2 + 10) / 2, id="sequences"),
        pytest.param("sum_per_sequence", (6 + 10) / 2, id="sum-per-sequence"),
        pytest.param("dr_grpo", 16 / (3 * 5), id="dr-grpo"),
    ],
)
def test_aggregate(how: Any, wanted: float) -> None:
    found = losses.aggregate(wide(LOSS), torch.tensor(MASK), how, max_length=5)
    assert found.item() == pytest.approx(wanted)
    nothing = losses.aggregate(wide(LOSS), torch.zeros(3, 3), how, max_length=5)
    assert nothing.item() == 0
    column = losses.aggregate(wide([[2.0]] * 3), torch.tensor(MASK), "sequences")
    assert column.item() == pytest.approx(2.0)


def test_aggregate_is_trls_when_every_sequence_has_tokens() -> None:
    generator = torch.Generator().manual_seed(0)
    loss, mask = torch.rand(4, 6, generator=generator), torch.ones(4, 6)
    mask[:, 3:] = (torch.rand(4, 3, generator=generator) > 0.5).float()
    per_row = ((loss * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
    assert torch.allclose(losses.aggregate(loss, mask, "sequences"), per_row)
    bnpo = (loss * mask).sum() / mask.sum().clamp(min=1.0)
    assert torch.allclose(losses.aggregate(loss, mask, "tokens"), bnpo)
    dr_grpo = (loss * mask).sum() / (loss.size(0) * 9)
    assert torch.allclose(losses.aggregate(loss, mask, "dr_grpo", max_length=9), dr_grpo)


def test_ptx_is_the_mean_negative_log_likelihood_of_texts() -> None:
    logps, mask = wide([[-1.0, -2.0], [-4.0, 99.0]]), torch.tensor([[1, 1], [1, 0]])
    assert losses.ptx(logps, mask).item() == pytest.approx(3.5)
    assert losses.ptx(logps, mask, "tokens").item() == pytest.approx(7 / 3)


# the mirror term ----------------------------------------------------------------------------

OLD = wide([0.6, 0.25, 0.15])
NEW = wide([0.3, 0.5, 0.2])


def exact_gradient() -> Tensor:
    logits = NEW.log().requires_grad_()
    (found,) = torch.autograd.grad(kl.full(logits, OLD.log()), logits)
    return found


@pytest.mark.parametrize(
    ("samples", "drawn"),
    [
        pytest.param("old", OLD, id="drawn-from-the-old-policy"),
        pytest.param("current", NEW, id="drawn-from-the-policy-itself"),
    ],
)
def test_the_mirror_term_has_the_gradient_of_the_kl(samples: Any, drawn: Tensor) -> None:
    logits = NEW.log().requires_grad_()
    term = losses.mirror(torch.log_softmax(logits, -1), OLD.log(), 0.5, samples)
    (found,) = torch.autograd.grad((drawn * term).sum(), logits)
    assert torch.allclose(found, exact_gradient() / 0.5, atol=1e-12)


def test_the_mirror_term_of_the_formula_is_unbiased_and_never_negative() -> None:
    term = losses.mirror(NEW.log(), OLD.log(), 2.0)
    assert (OLD * term).sum().item() == pytest.approx(kl.full(NEW.log(), OLD.log()).item() / 2)
    assert (term >= 0).all()
    assert losses.mirror(OLD.log(), OLD.log(), 2.0).tolist() == [0, 0, 0]


def test_other_estimators_would_give_another_gradient() -> None:
    for wrong in (kl.k1, kl.k3):
        logits = NEW.log().requires_grad_()
        term = wrong(torch.log_softmax(logits, -1), OLD.log())
        (found,) = torch.autograd.grad((NEW * term).sum(), logits)
        assert not torch.allclose(found, exact_gradient(), atol=1e-2)


def test_the_mirror_term_of_whole_sequences() -> None:
    """Two tokens, the second drawn given the first: KL of the joint, by enumeration."""
    new_logits = wide([[0.1, 0.9], [0.5, -0.2], [1.0, 0.3]]).requires_grad_()
    old = torch.log_softmax(wide([[0.0, 0.2], [0.3, 0.3], [-0.4, 0.6]]), -1)
    new = torch.log_softmax(new_logits, -1)
    pairs = [(a, b) for a in range(2) for b in range(2)]
    joint, joint_old = (torch.stack([p[0, a] + p[1 + a, b] for a, b in pairs]) for p in (new, old))
    exact = (joint.exp() * (joint - joint_old)).sum()
    (wanted,) = torch.autograd.grad(exact, new_logits, retain_graph=True)
    estimate = (joint_old.exp() * losses.mirror(joint, joint_old, 1.0)).sum()
    (found,) = torch.autograd.grad(estimate, new_logits)
    assert torch.allclose(found, wanted, atol=1e-12)


# two roles, diagnostics, refusals -----------------------------------------------------------


def test_safe_rl_has_the_gradient_of_the_combined_advantage_inside_the_clip() -> None:
    from assay.trainer.estimators.advantages import lagrangian

    rho, reward, cost = wide([1.1, 0.9]), wide([1.0, -2.0]), wide([0.5, 0.5])
    apart = losses.safe_rl(losses.clipped(rho, reward), losses.clipped(rho, cost), 3.0)
    joined = losses.clipped(rho, lagrangian(reward, cost, 3.0))
    assert torch.allclose(apart, joined)


def test_old_to_new_kl() -> None:
    logps, old = wide([[-1.0, -2.0, 5.0], [-1.0, 0.0, 0.0]]), wide([[-1.0, -1.0, 0.0]] * 2)
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    mean, largest = losses.old_to_new_kl(logps.requires_grad_(), old, mask)
    wanted = math.exp(-1) - 1 + 1  # k3 of r = π/π_old = e^-1
    assert largest.item() == pytest.approx(wanted)
    assert mean.item() == pytest.approx(wanted / 3)
    assert not mean.requires_grad
    none = losses.old_to_new_kl(logps, old, torch.zeros(2, 3))
    assert [part.item() for part in none] == [0, 0]


def test_old_to_new_kl_is_trpos_in_expectation() -> None:
    """Each token of the vocabulary as often as π_old draws it: 60, 25 and 15 of 100."""
    often = torch.tensor([0] * 60 + [1] * 25 + [2] * 15)
    mean, _ = losses.old_to_new_kl(NEW.log()[often], OLD.log()[often], torch.ones(100))
    assert mean.item() == pytest.approx(kl.full(NEW.log(), OLD.log(), "forward").item())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: losses.clipped(wide([1]), wide([1]), -0.1), "bounds", id="clip"),
        pytest.param(
            lambda: losses.value_loss(wide([1]), wide([1]), wide([1]), clip=0.0), "clip", id="value"
        ),
        pytest.param(
            lambda: losses.aggregate(wide(LOSS), wide(MASK), "token"),  # type: ignore[arg-type]  # wrong
            "did you mean 'tokens'",
            id="how",
        ),
        pytest.param(
            lambda: losses.aggregate(wide(LOSS), wide(MASK), "dr_grpo"), "max_length", id="length"
        ),
        pytest.param(lambda: losses.mirror(wide([1]), wide([1]), 0.0), "step_size", id="step"),
        pytest.param(
            lambda: losses.mirror(wide([1]), wide([1]), 1.0, "new"),  # type: ignore[arg-type]  # wrong
            "'old' or 'current'",
            id="samples",
        ),
        pytest.param(lambda: losses.safe_rl(wide([1]), wide([1]), -1.0), ">= 0", id="multiplier"),
    ],
)
def test_refuses(call: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call()
