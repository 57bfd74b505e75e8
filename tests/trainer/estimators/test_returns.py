"""Returns and GAE: golden values, a slow reference that skips padding, and laws."""

from __future__ import annotations

import math
import statistics
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from assay.core.errors import ConfigError
from assay.trainer.estimators import returns as ret

NAN = math.nan
quick = settings(deadline=None, max_examples=50)
UNIT = st.sampled_from([0.0, 0.3, 0.95, 0.99, 1.0])
R, V = [-0.1, 0.2, 1.0], [0.5, 0.4, 0.6]


def wide(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def one(values: list[float]) -> Tensor:
    return wide([values])


def ones(length: int) -> Tensor:
    return torch.ones(1, length)


def random_batch(seed: int, *, holes: bool = True) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rewards, values, mask and last values: padding on the right, holes, rubbish outside."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(0, 8, (5, 1), generator=generator)
    mask = torch.arange(7) < lengths
    if holes:
        mask &= torch.rand(5, 7, generator=generator) > 0.2
    draw = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64)
    rewards, values = (
        part.masked_fill(~mask, rubbish) for part, rubbish in zip(draw, (NAN, 99), strict=True)
    )
    return rewards, values, mask, torch.randn(5, generator=generator, dtype=torch.float64)


def slow_rows(rule: Any, *tensors: Tensor, mask: Tensor) -> Tensor:
    """Apply a rule of plain lists to each row's real tokens, and put the results back."""
    found = torch.zeros(mask.shape, dtype=torch.float64)
    for b in range(len(mask)):
        keep = mask[b].nonzero().flatten().tolist()
        rows = [t[b, keep].tolist() if t.dim() == 2 else t[b].item() for t in tensors]
        for place, value in zip(keep, rule(*rows), strict=True):
            found[b, place] = value
    return found


def slow_delta(r: list[float], v: list[float], last: float, gamma: float) -> list[float]:
    after = [*v[1:], last]
    return [r[t] + gamma * after[t] - v[t] for t in range(len(r))]


# golden values ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gamma", "lam", "last", "wanted", "targets"),
    [
        pytest.param(1, 1, None, [0.6, 0.8, 0.4], [1.1, 1.2, 1.0], id="monte-carlo"),
        pytest.param(1, 0.95, None, [0.541, 0.78, 0.4], [1.041, 1.18, 1.0], id="lambda"),
        pytest.param(
            0.99,
            0.95,
            None,
            [0.5203731, 0.7702, 0.4],
            [1.0203731, 1.1702, 1.0],
            id="gamma-and-lambda",
        ),
        pytest.param(1, 0, None, [-0.2, 0.4, 0.4], [0.3, 0.8, 1.0], id="td"),
        pytest.param(
            0.99,
            0.95,
            0.3,
            [0.78308155, 1.0495285, 0.697],
            [1.28308155, 1.4495285, 1.297],
            id="truncated",
        ),
    ],
)
def test_gae_golden(
    gamma: float, lam: float, last: float | None, wanted: list[float], targets: list[float]
) -> None:
    more = {"gamma": gamma, "lam": lam, "last_values": None if last is None else wide([last])}
    found = ret.gae(one(R), one(V), ones(3), **more)  # type: ignore[arg-type]  # mixed settings
    assert found[0].tolist() == pytest.approx(wanted, abs=1e-8)
    assert ret.value_targets(found, one(V))[0].tolist() == pytest.approx(targets, abs=1e-8)
    direct = ret.lambda_return(one(R), one(V), ones(3), **more)  # type: ignore[arg-type]  # mixed
    assert direct[0].tolist() == pytest.approx(targets, abs=1e-8)


def test_gae_of_the_chapter() -> None:
    """V = (.2, .4, .5, .9), r = 1 at the end, λ = .95: not what its approximation (E.1.26) says."""
    found = ret.gae(one([0, 0, 0, 1]), one([0.2, 0.4, 0.5, 0.9]), ones(4), lam=0.95)
    assert found[0].tolist() == pytest.approx([0.742, 0.570, 0.495, 0.100], abs=6e-4)


def test_token_rewards_golden() -> None:
    found = ret.token_rewards(wide([1.0]), one([0.2, 0.0, 0.5]), 0.1, ones(3))
    assert found[0].tolist() == pytest.approx([-0.02, 0, 0.95])


def test_two_plus_three_is_paid_at_its_last_token_only() -> None:
    mask = torch.tensor([[1, 1, 1, 1, 1, 0, 0]])
    found = ret.token_rewards(wide([1.0]), torch.zeros(1, 7), 0.1, mask)
    assert found[0].tolist() == [0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("gamma", "wanted"),
    [
        pytest.param(1.0, [1.1, 1.2, 1.0], id="plain"),
        pytest.param(0.5, [0.25, 0.7, 1.0], id="discounted"),
        pytest.param(0.0, [-0.1, 0.2, 1.0], id="at-once"),
    ],
)
def test_returns_to_go(gamma: float, wanted: list[float]) -> None:
    assert ret.returns_to_go(one(R), ones(3), gamma)[0].tolist() == pytest.approx(wanted)


def test_shaping_golden() -> None:
    """Without Φ(terminal) = 0 this sum is 1.8; with it the return less Φ(s_0)."""
    found = ret.potential_shaping(wide([0, 0, 1]), wide([0.1, 0.4, 0.7]), 1.0)
    assert found.tolist() == pytest.approx([0.3, 0.3, 0.3])
    assert found.sum().item() == pytest.approx(0.9)


# the slow way -------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("gamma", "lam"), [(1.0, 0.95), (0.9, 0.5), (1.0, 1.0), (0.0, 0.7)])
def test_gae_the_slow_way(seed: int, gamma: float, lam: float) -> None:
    rewards, values, mask, last = random_batch(seed)

    def rule(r: list[float], v: list[float], end: float) -> list[float]:
        delta = slow_delta(r, v, end, gamma)
        n = range(len(r))
        return [sum((gamma * lam) ** (u - t) * delta[u] for u in n if u >= t) for t in n]

    found = ret.gae(rewards, values, mask, gamma=gamma, lam=lam, last_values=last)
    assert torch.allclose(found, slow_rows(rule, rewards, values, last, mask=mask), atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_k_step_the_slow_way(seed: int, k: int) -> None:
    rewards, values, mask, last = random_batch(seed)

    def rule(r: list[float], v: list[float], end: float) -> list[float]:
        found, n, after = [], len(r), [*v, end]
        for t in range(n):
            stop = min(t + k, n)
            paid = sum(0.9 ** (u - t) * r[u] for u in range(t, stop))
            found.append(paid + 0.9 ** (stop - t) * after[stop] - v[t])
        return found

    found = ret.k_step(rewards, values, mask, k, 0.9, last_values=last)
    assert torch.allclose(found, slow_rows(rule, rewards, values, last, mask=mask), atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_lambda_return_the_slow_way(seed: int) -> None:
    """(1-λ) Σ λ^{n-1} G^(n), with the last weight λ^{T-t-1}."""
    rewards, values, mask, last = random_batch(seed)
    lam, gamma = 0.7, 0.9

    def rule(r: list[float], v: list[float], end: float) -> list[float]:
        n, after, found = len(r), [*v, end], []
        for t in range(n):
            steps = [
                sum(gamma ** (u - t) * r[u] for u in range(t, stop))
                + gamma ** (stop - t) * after[stop]
                for stop in range(t + 1, n + 1)
            ]
            mixed = sum((1 - lam) * lam**i * g for i, g in enumerate(steps[:-1]))
            found.append(mixed + lam ** (len(steps) - 1) * steps[-1])
        return found

    found = ret.lambda_return(rewards, values, mask, gamma=gamma, lam=lam, last_values=last)
    assert torch.allclose(found, slow_rows(rule, rewards, values, last, mask=mask), atol=1e-9)


# laws ---------------------------------------------------------------------------------------


@quick
@given(st.integers(0, 10_000), UNIT, UNIT)
def test_value_targets_are_the_lambda_return(seed: int, gamma: float, lam: float) -> None:
    rewards, values, mask, last = random_batch(seed)
    more = {"gamma": gamma, "lam": lam, "last_values": last}
    targets = ret.value_targets(ret.gae(rewards, values, mask, **more), values)  # type: ignore[arg-type]  # mixed
    direct = ret.lambda_return(rewards, values, mask, **more)  # type: ignore[arg-type]  # mixed
    assert torch.allclose(targets[mask], direct[mask], atol=1e-9)


@quick
@given(st.integers(0, 10_000), UNIT)
def test_gae_at_its_ends(seed: int, gamma: float) -> None:
    rewards, values, mask, last = random_batch(seed)
    zero = ret.gae(rewards, values, mask, gamma=gamma, lam=0.0, last_values=last)
    assert torch.equal(zero, ret.td0(rewards, values, mask, gamma, last))
    assert torch.equal(zero, ret.k_step(rewards, values, mask, 1, gamma, last_values=last))
    full = ret.gae(rewards, values, mask, gamma=gamma, lam=1.0, last_values=last)
    whole = ret.k_step(rewards, values, mask, 99, gamma, last_values=last)
    assert torch.allclose(full, whole, atol=1e-9)
    ended = ret.gae(rewards, values, mask, gamma=gamma, lam=1.0)
    plain = ret.returns_to_go(rewards, mask, gamma) - values
    assert torch.allclose(ended[mask], plain[mask], atol=1e-9)


@quick
@given(st.integers(0, 10_000), UNIT)
def test_shaping_moves_the_return_by_the_first_potential(seed: int, gamma: float) -> None:
    rewards, potentials, mask, _ = random_batch(seed)
    shaped = ret.potential_shaping(rewards, potentials, gamma, mask)
    before, after = (ret.returns_to_go(r, mask, gamma) for r in (rewards, shaped))
    # at every token, not only the first: later returns lose Φ of their own state
    assert torch.allclose(after[mask], (before - potentials)[mask], atol=1e-9)


@quick
@given(st.integers(0, 10_000))
def test_shaped_token_rewards_add_up(seed: int) -> None:
    """Σ r_t = score - β Σ KL for every sequence with a token."""
    kl, _, mask, scores = random_batch(seed)
    found = ret.token_rewards(scores, kl, 0.3, mask).sum(dim=1)
    wanted = scores - 0.3 * kl.masked_fill(~mask, 0).sum(dim=1)
    some = mask.any(dim=1)
    assert torch.allclose(found[some], wanted[some])
    assert not found[~some].any()


@quick
@given(st.integers(0, 10_000))
def test_padding_changes_nothing(seed: int) -> None:
    rewards, values, mask, last = random_batch(seed, holes=False)
    more = torch.full((5, 4), NAN, dtype=torch.float64)
    wider = [torch.cat([part, more], dim=1) for part in (rewards, values)]
    mask_w = torch.cat([mask, torch.zeros(5, 4, dtype=torch.bool)], dim=1)
    found = ret.gae(*wider, mask_w, last_values=last)
    assert torch.equal(found[:, :7], ret.gae(rewards, values, mask, last_values=last))
    assert not found[:, 7:].any()


# no score -----------------------------------------------------------------------------------


def test_a_sequence_without_a_score_learns_nothing_and_moves_nobody() -> None:
    scores, kl = wide([1.0, NAN, 0.0]), torch.zeros(3, 3)
    mask, values = torch.ones(3, 3, dtype=torch.bool), torch.full((3, 3), 0.5)
    rewards = ret.token_rewards(scores, kl, 0.1, mask)
    assert math.isnan(rewards[1, 2].item())
    found = ret.gae(rewards, values, mask)
    assert not found[1].any()
    own = ret.scored_mask(mask, scores)
    assert own.tolist() == [[True] * 3, [False] * 3, [True] * 3]
    assert torch.equal(ret.gae(rewards, values, own), found)
    without = ret.standardise(found[[0, 2]], mask[[0, 2]])
    assert torch.equal(ret.standardise(found, own)[[0, 2]], without)
    assert not ret.standardise(found, own)[1].any()


def test_a_sequence_without_tokens_is_zeros() -> None:
    none = torch.zeros(2, 3)
    for found in (
        ret.token_rewards(wide([1.0, 2.0]), none, 0.1, none),
        ret.gae(none, none, none, last_values=wide([1.0, 1.0])),
        ret.gae(none[:, :0], none[:, :0], none[:, :0]),
        ret.standardise(none, none),
    ):
        assert not found.any()


def test_nothing_carries_a_gradient() -> None:
    rewards, values = one(R).requires_grad_(), one(V).requires_grad_()
    found = ret.gae(rewards, values, ones(3))
    assert not found.requires_grad
    assert not ret.value_targets(found, values).requires_grad
    assert not ret.token_rewards(wide([1.0]), one(R).requires_grad_(), 0.1, ones(3)).requires_grad


# sums and standardising ---------------------------------------------------------------------


@quick
@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.sampled_from([0, 1]))
def test_moments_are_the_standard_librarys(values: list[float], ddof: int) -> None:
    padded = wide([*values, NAN, 1e9])
    mask = torch.tensor([True] * (len(values) + 1) + [False])
    mean, std = ret.moments(ret.masked_sums(padded, mask), ddof)
    slow = (statistics.pstdev, statistics.stdev)[ddof](values)
    assert mean.item() == pytest.approx(statistics.fmean(values), abs=1e-9)
    assert std.item() == pytest.approx(slow, abs=1e-4)


@quick
@given(st.integers(0, 10_000), st.integers(0, 5))
def test_two_processes_standardise_as_one(seed: int, cut: int) -> None:
    _, x, mask, _ = random_batch(seed)
    parts = [slice(0, cut), slice(cut, 5)]
    sums = torch.stack([ret.masked_sums(x[part], mask[part]) for part in parts]).sum(dim=0)
    apart = torch.cat([ret.standardise(x[part], mask[part], sums) for part in parts])
    assert torch.allclose(apart, ret.standardise(x, mask), atol=1e-12)


def test_standardised_values_have_mean_0_and_deviation_1() -> None:
    _, x, mask, _ = random_batch(3)
    mean, std = ret.moments(ret.masked_sums(ret.standardise(x, mask), mask))
    assert mean.item() == pytest.approx(0, abs=1e-9)
    assert std.item() == pytest.approx(1, abs=1e-6)
    kept, _ = ret.moments(ret.masked_sums(ret.standardise(x, mask, shift=False), mask))
    assert kept.item() == pytest.approx(x[mask].mean().item())


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6, -3e8])
def test_equal_values_standardise_to_nothing(value: float) -> None:
    found = ret.standardise(torch.full((4, 4), value), torch.ones(4, 4))
    assert found.abs().max().item() < 1e-6
    assert found.dtype == torch.float32


def test_sums_are_float64() -> None:
    """16 777 216 ones and one more are told apart, which float32 cannot."""
    sums = ret.masked_sums(torch.tensor([16_777_216.0, 1.0]), torch.ones(2))
    assert sums.dtype == torch.float64
    assert sums.tolist() == [2.0, 16_777_217.0, 16_777_216.0**2 + 1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: ret.gae(one(R), one(V), ones(3), lam=1.1), "lam", id="lambda"),
        pytest.param(lambda: ret.gae(one(R), one(V), ones(3), gamma=-1), "gamma", id="gamma"),
        pytest.param(lambda: ret.returns_to_go(one(R), ones(3), NAN), "gamma", id="nan"),
        pytest.param(lambda: ret.k_step(one(R), one(V), ones(3), 0), "k_step.k", id="k"),
    ],
)
def test_refuses(call: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call()
