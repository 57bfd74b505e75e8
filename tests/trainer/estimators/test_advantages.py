"""Advantages: golden values, a slow reference, TRL's formulas, and the laws they promise."""

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
from assay.trainer.estimators import advantages as estimate

NAN, INF = math.nan, math.inf
GROUPED: dict[str, Any] = {
    "grpo": estimate.grpo,
    "dr_grpo": estimate.dr_grpo,
    "rloo": estimate.rloo,
    "reinforce": estimate.reinforce,
    "group_norm": estimate.group_norm,
}
GRID = st.integers(-40, 40).map(lambda n: n / 8)
REWARDS = st.lists(st.one_of(GRID, st.just(NAN)), min_size=12, max_size=12)
quick = settings(deadline=None, max_examples=60)


def wide(values: Any) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def scored(values: list[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def in_groups(rule: Any, rewards: list[float], size: int) -> list[float]:
    """A rule of one sample and its group's scored rewards, applied the slow way."""
    found = []
    for i, reward in enumerate(rewards):
        group = rewards[i // size * size : i // size * size + size]
        found.append(rule(reward, scored(group)) if math.isfinite(reward) else 0.0)
    return found


def deviation(values: list[float], ddof: int) -> float:
    mean = statistics.fmean(values)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / max(len(values) - ddof, 1))


# golden values ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rewards", "ddof", "wanted"),
    [
        pytest.param([1, 0, 0, 1], 0, [1, -1, -1, 1], id="half-population"),
        pytest.param(
            [1, 0, 0, 1], 1, [0.8660254, -0.8660254, -0.8660254, 0.8660254], id="half-sample"
        ),
        pytest.param([1, 0, 0, 0], 0, [1.73205081, *[-0.57735027] * 3], id="one-of-4-population"),
        pytest.param([1, 0, 0, 0], 1, [1.5, -0.5, -0.5, -0.5], id="one-of-4-sample"),
        pytest.param([1, *[0] * 7], 0, [2.64575131, *[-0.37796447] * 7], id="one-of-8"),
        pytest.param(
            [0.2, 0.8, 0.5, 0.1], 0, [-0.7303, 1.4606, 0.3651, -1.0954], id="lecture-population"
        ),
        pytest.param(
            [0.2, 0.8, 0.5, 0.1], 1, [-0.6325, 1.2649, 0.3162, -0.9487], id="lecture-sample"
        ),
        pytest.param([1, 1, 1, 1], 0, [0, 0, 0, 0], id="all-equal"),
    ],
)
def test_grpo_golden(rewards: list[float], ddof: int, wanted: list[float]) -> None:
    found = estimate.grpo(wide(rewards), len(rewards), ddof=ddof, eps=0.0)
    assert found.tolist() == pytest.approx(wanted, abs=6e-5 if rewards[0] == 0.2 else 5e-9)


@pytest.mark.parametrize("passed", range(1, 8))
def test_grpo_of_a_binary_reward_in_closed_form(passed: int) -> None:
    """√((1-p)/p) for a pass, -√(p/(1-p)) for a fail."""
    found = estimate.grpo(wide([1] * passed + [0] * (8 - passed)), 8, ddof=0, eps=0.0)
    p = passed / 8
    assert found[0].item() == pytest.approx(math.sqrt((1 - p) / p))
    assert found[-1].item() == pytest.approx(-math.sqrt(p / (1 - p)))


@pytest.mark.parametrize(
    ("form", "divisor"),
    [
        pytest.param("std_plus_eps", 0.5 + 0.1, id="std-plus-eps"),
        pytest.param("sqrt_var_plus_eps", math.sqrt(0.25 + 0.1), id="sqrt-of-var-plus-eps"),
        pytest.param("sqrt_std_plus_eps", math.sqrt(0.5) + 0.1, id="sqrt-of-std-plus-eps"),
    ],
)
def test_grpo_forms(form: Any, divisor: float) -> None:
    found = estimate.grpo(wide([1, 0, 0, 1]), 4, ddof=0, eps=0.1, form=form)
    assert found.tolist() == pytest.approx([0.5 / divisor, *[-0.5 / divisor] * 2, 0.5 / divisor])


@pytest.mark.parametrize(
    ("name", "settings", "wanted"),
    [
        pytest.param("dr_grpo", {}, [0.6, -0.4, 0.6, -0.4, -0.4], id="dr-grpo"),
        pytest.param("rloo", {}, [0.75, -0.5, 0.75, -0.5, -0.5], id="rloo"),
        pytest.param(
            "reinforce", {"baseline": "group"}, [0.6, -0.4, 0.6, -0.4, -0.4], id="reinforce-group"
        ),
        pytest.param("reinforce", {"baseline": "none"}, [1, 0, 1, 0, 0], id="reinforce-bare"),
    ],
)
def test_other_golden(name: str, settings: dict[str, Any], wanted: list[float]) -> None:
    found = GROUPED[name](wide([1, 0, 1, 0, 0]), 5, **settings)
    assert found.tolist() == pytest.approx(wanted)


def test_reinforce_with_the_batchs_mean() -> None:
    found = estimate.reinforce(wide([1, 0, 1, 1, NAN, 0]), 2, baseline="batch")
    assert found.tolist() == pytest.approx([0.4, -0.6, 0.4, 0.4, 0, -0.6])


def test_remax() -> None:
    found = estimate.remax(wide([1, 0, NAN, 1]), wide([1, 1, 0, NAN]))
    assert found.tolist() == [0, -1, 0, 0]


def test_grape_advantages_golden() -> None:
    found = estimate.dr_grpo(wide([0.92925, 0.34425, 1.0215, 0.531]), 2)
    assert found.tolist() == pytest.approx([0.2925, -0.2925, 0.24525, -0.24525])


# the slow way -------------------------------------------------------------------------------


@quick
@given(REWARDS, st.sampled_from([1, 2, 3, 4, 6, 12]), st.sampled_from([0, 1]))
def test_the_slow_way_agrees(rewards: list[float], size: int, ddof: int) -> None:
    def leave_one_out(reward: float, group: list[float]) -> float:
        others = (sum(group) - reward) / (len(group) - 1) if len(group) > 1 else reward
        return reward - others

    def normal(reward: float, group: list[float]) -> float:
        return (reward - statistics.fmean(group)) / (deviation(group, ddof) + 1e-4)

    def centred(reward: float, group: list[float]) -> float:
        return reward - statistics.fmean(group)

    given_N = wide(rewards)
    for found, rule in (
        (estimate.grpo(given_N, size, ddof=ddof), normal),
        (estimate.group_norm(given_N, size, ddof=ddof), normal),
        (estimate.dr_grpo(given_N, size), centred),
        (estimate.rloo(given_N, size), leave_one_out),
        (estimate.reinforce(given_N, size), centred),
    ):
        assert found.tolist() == pytest.approx(in_groups(rule, rewards, size), abs=1e-9)


@quick
@given(REWARDS, st.sampled_from([0, 1]))
def test_batch_norm_the_slow_way(values: list[float], ddof: int) -> None:
    mask = torch.arange(12) % 5 != 0
    kept = scored([v for v, m in zip(values, mask.tolist(), strict=True) if m])
    found = estimate.batch_norm(wide(values).reshape(3, 4), mask.reshape(3, 4), ddof=ddof, eps=0.5)
    wanted = [
        (v - statistics.fmean(kept)) / (deviation(kept, ddof) + 0.5)
        if m and math.isfinite(v)
        else 0.0
        for v, m in zip(values, mask.tolist(), strict=True)
    ]
    assert found.flatten().tolist() == pytest.approx(wanted, abs=1e-9)


def test_group_norm_pools_the_tokens_of_a_group() -> None:
    values = wide([[1, 2, 99], [3, 99, 99], [5, 5, 5], [5, 99, 5]])
    mask = torch.tensor([[1, 1, 0], [1, 0, 0], [1, 1, 1], [1, 0, 1]])
    found = estimate.group_norm(values, 2, mask, ddof=0, eps=0.0)
    edge = 1 / math.sqrt(2 / 3)
    assert found[:2].flatten().tolist() == pytest.approx([-edge, 0, 0, edge, 0, 0])
    assert not found[2:].any()


# laws ---------------------------------------------------------------------------------------


@quick
@given(REWARDS)
@pytest.mark.parametrize("name", GROUPED)
def test_advantages_of_a_group_sum_to_zero(name: str, rewards: list[float]) -> None:
    found = GROUPED[name](wide(rewards), 4).reshape(-1, 4)
    assert found.sum(dim=1).abs().max().item() < 1e-9


@quick
@given(REWARDS, st.permutations(range(3)))
@pytest.mark.parametrize("name", GROUPED)
def test_permuting_groups_permutes_advantages(
    name: str, rewards: list[float], order: list[int]
) -> None:
    rows = wide(rewards).reshape(3, 4)
    found = GROUPED[name](rows.flatten(), 4).reshape(3, 4)
    assert torch.equal(GROUPED[name](rows[order].flatten(), 4).reshape(3, 4), found[order])


@quick
@given(REWARDS)
@pytest.mark.parametrize("name", GROUPED)
def test_a_reward_that_is_missing_changes_as_if_it_were_not_there(
    name: str, rewards: list[float]
) -> None:
    full = [0.5 if math.isnan(r) else r for r in rewards[:4]]
    found = GROUPED[name](wide([*full, NAN]), 5)
    assert found[4].item() == 0
    assert torch.allclose(found[:4], GROUPED[name](wide(full), 4))


@pytest.mark.parametrize(
    "group",
    [
        pytest.param([0.1] * 4, id="equal-but-not-a-binary-fraction"),
        pytest.param([1e20] * 4, id="large-and-equal"),
        pytest.param([NAN, NAN, NAN, 0.7], id="one-scored"),
        pytest.param([NAN] * 4, id="none-scored"),
        pytest.param([INF, -INF, NAN, 0.3], id="infinite-is-not-scored"),
        pytest.param([0.3, 0.3, INF, 0.3], id="infinite-among-equals"),
    ],
)
@pytest.mark.parametrize("name", GROUPED)
def test_no_signal_is_exactly_zero(name: str, group: list[float]) -> None:
    for dtype in (torch.float32, torch.float64):
        found = GROUPED[name](torch.tensor(group * 2, dtype=dtype), 4)
        assert found.tolist() == [0.0] * 8
    exact = estimate.grpo(torch.tensor(group, dtype=torch.float32), 4, eps=0.0)
    assert exact.tolist() == [0.0] * 4


def test_an_infinite_reward_does_not_reach_its_siblings() -> None:
    assert estimate.dr_grpo(wide([1, INF, 0]), 3).tolist() == [0.5, 0, -0.5]


def test_differences_too_small_to_square_are_no_infinity() -> None:
    found = estimate.grpo(torch.tensor([0.0, 1e-30]), 2, eps=0.0)
    assert found.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("dtype", "wanted"),
    [
        pytest.param(torch.float64, torch.float64, id="float64"),
        pytest.param(torch.float32, torch.float32, id="float32"),
        pytest.param(torch.bfloat16, torch.float32, id="bfloat16"),
        pytest.param(torch.int64, torch.float32, id="integers"),
        pytest.param(torch.bool, torch.float32, id="booleans"),
    ],
)
@pytest.mark.parametrize("name", GROUPED)
def test_dtypes(name: str, dtype: torch.dtype, wanted: torch.dtype) -> None:
    assert GROUPED[name](torch.tensor([1, 0, 1, 0]).to(dtype), 4).dtype == wanted


def test_advantages_are_constants() -> None:
    rewards = wide([1, 0]).requires_grad_()
    assert not any(rule(rewards, 2).requires_grad for rule in GROUPED.values())


# GDPO and TRL -------------------------------------------------------------------------------


def trl_normalize_then_sum(rewards: Tensor, weights: Tensor, size: int) -> Tensor:
    """The lines of TRL 1.16's ``_generate_and_score_completions``, with its own ``nanstd``."""
    from trl.trainer.utils import nanstd

    grouped = rewards.view(-1, size, rewards.shape[1])
    mean_k, std_k = grouped.nanmean(dim=1, keepdim=True), nanstd(grouped, dim=1, keepdim=True)
    reward_k = ((grouped - mean_k) / (std_k + 1e-4)).view(-1, rewards.shape[1])
    summed = (reward_k * weights.unsqueeze(0)).nansum(dim=1)
    summed[torch.isnan(rewards).all(dim=1)] = torch.nan
    found = (summed - summed.nanmean()) / (nanstd(summed) + 1e-4)
    return torch.nan_to_num(found, nan=0.0)


def test_gdpo_is_trls() -> None:
    generator = torch.Generator().manual_seed(0)
    rewards = torch.rand(24, 3, generator=generator, dtype=torch.float64)
    rewards[torch.rand(24, 3, generator=generator) < 0.2] = torch.nan
    rewards[5] = torch.nan
    weights = wide([1.0, 0.5, -0.25])
    found = estimate.gdpo(rewards, weights, 4)
    assert torch.allclose(found, trl_normalize_then_sum(rewards, weights, 4), atol=1e-9)
    assert found[5].item() == 0


def test_gdpo_gives_the_rarer_source_a_voice() -> None:
    """Sources of very different scale count alike, as they would not in a sum."""
    rewards = wide([[100, 0], [0, 1], [100, 1], [0, 0]])
    found = estimate.gdpo(rewards, wide([1, 1]), 4)
    assert found[0].item() == pytest.approx(found[1].item(), abs=1e-3)
    assert found[2].item() > found[0].item() > found[3].item()


def test_grpo_is_trls() -> None:
    from trl.trainer.utils import nanstd

    rewards = torch.rand(32, generator=torch.Generator().manual_seed(1))
    rewards[3] = torch.nan
    grouped = rewards.view(-1, 4)
    std = nanstd(grouped, dim=1).repeat_interleave(4)
    wanted = (rewards - grouped.nanmean(dim=1).repeat_interleave(4)) / (std + 1e-4)
    assert torch.allclose(estimate.grpo(rewards, 4), torch.nan_to_num(wanted), atol=1e-5)


# process supervision ------------------------------------------------------------------------


def slow_process(scores: Any, ends: Any, length: int, size: int) -> list[list[float]]:
    found = []
    for i in range(len(scores)):
        first = i // size * size
        pool = scored([s for row in scores[first : first + size] for s in row])
        mean, std = statistics.fmean(pool), deviation(pool, 0)
        row = [
            sum(
                (s - mean) / std
                for s, end in zip(scores[i], ends[i], strict=True)
                if end >= t and math.isfinite(s)
            )
            for t in range(length)
        ]
        found.append(row)
    return found


def test_process_golden() -> None:
    """Ends 2 and 4 of a first answer, 3 of a second, counted from 1 in the source."""
    found = estimate.process([[1, 0], [0.5]], [[1, 3], [2]], 5, 2)
    assert found[0].tolist() == pytest.approx([0, 0, -1.22474487, -1.22474487, 0])
    assert found[1].tolist() == pytest.approx([0] * 5)


def test_process_the_slow_way() -> None:
    scores = [[0.1, 0.9, NAN], [0.4], [], [1.0, 0.0], [0.3, 0.7], [0.2]]
    ends = [[1, 4, 6], [0], [], [5, 2], [3, 3], [7]]
    found = estimate.process(scores, ends, 8, 3)
    for row, wanted in zip(found.tolist(), slow_process(scores, ends, 8, 3), strict=True):
        assert row == pytest.approx(wanted, abs=1e-6)


def test_process_with_one_step_at_the_end_is_outcome_grpo() -> None:
    rewards = [1.0, 0.0, 0.0, 1.0]
    found = estimate.process([[r] for r in rewards], [[2]] * 4, 3, 4)
    wanted = estimate.grpo(wide(rewards), 4, ddof=0, eps=0.0)
    assert torch.allclose(found.double(), wanted.unsqueeze(1).expand(4, 3))


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param([[0.1, 0.1], [0.1]], id="all-equal"),
        pytest.param([[], []], id="no-steps"),
        pytest.param([[NAN, NAN], [NAN]], id="no-scores"),
    ],
)
def test_process_without_signal(scores: list[list[float]]) -> None:
    ends = [list(range(len(row))) for row in scores]
    assert not estimate.process(scores, ends, 3, 2).any()


# reward and cost ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("multiplier", "wanted"),
    [
        pytest.param(0.0, [2.0, -1.0], id="no-constraint"),
        pytest.param(1.0, [0.5, -1.0], id="even"),
        pytest.param(3.0, [-0.25, -1.0], id="mostly-cost"),
    ],
)
def test_lagrangian(multiplier: float, wanted: list[float]) -> None:
    found = estimate.lagrangian(wide([2, -1]), wide([1, 1]), multiplier)
    assert found.tolist() == pytest.approx(wanted)


@quick
@given(st.floats(1e-3, 1e3), st.floats(-1, 1), st.floats(0, 0.5))
def test_next_multiplier_is_the_formula(multiplier: float, cost: float, rate: float) -> None:
    found = estimate.next_multiplier(multiplier, cost, rate)
    assert math.log(found) == pytest.approx(
        max(math.log(multiplier) + rate * multiplier * cost, math.log(2.3e-308)), abs=1e-3
    )
    assert found > 0


def test_next_multiplier_grows_only_while_the_constraint_is_broken() -> None:
    assert estimate.next_multiplier(2.0, 0.1, 0.5) > 2.0 > estimate.next_multiplier(2.0, -0.1, 0.5)
    assert estimate.next_multiplier(2.0, 0.0, 0.5) == pytest.approx(2.0)
    assert estimate.next_multiplier(2.0, 1e9, 1.0, ceiling=50.0) == 50.0
    assert math.isfinite(estimate.next_multiplier(1e9, 1e9, 1.0))


# refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: estimate.grpo(wide([1, 0, 1]), 2), "divide the 3", id="group-size"),
        pytest.param(lambda: estimate.rloo(wide([1, 0]), 0), "group_size", id="group-of-0"),
        pytest.param(lambda: estimate.dr_grpo(wide([[1], [0]]), 2), "one-dim", id="shape"),
        pytest.param(lambda: estimate.grpo(wide([1, 0]), 2, ddof=2), "ddof", id="ddof"),
        pytest.param(lambda: estimate.grpo(wide([1, 0]), 2, eps=-1.0), "eps", id="eps"),
        pytest.param(
            lambda: estimate.grpo(wide([1, 0]), 2, form="std"),  # type: ignore[arg-type]  # wrong
            "must be one of std_plus_eps",
            id="form",
        ),
        pytest.param(
            lambda: estimate.reinforce(wide([1, 0]), 2, baseline="mean"),  # type: ignore[arg-type]  # wrong
            "must be one of group",
            id="baseline",
        ),
        pytest.param(lambda: estimate.remax(wide([1, 0]), wide([1])), "one reward", id="remax"),
        pytest.param(
            lambda: estimate.gdpo(wide([[1, 0]] * 2), wide([1]), 2), r"\(N, K\)", id="gdpo"
        ),
        pytest.param(lambda: estimate.process([[1]], [[3]], 3, 1), "step_ends", id="end-outside"),
        pytest.param(lambda: estimate.process([[1]], [[0, 1]], 3, 1), "1 scores", id="uneven"),
        pytest.param(lambda: estimate.process([[1]], [], 3, 1), "have ends", id="no-ends"),
        pytest.param(
            lambda: estimate.lagrangian(wide([1]), wide([1]), -0.1), ">= 0", id="multiplier"
        ),
        pytest.param(lambda: estimate.next_multiplier(0.0, 1.0, 0.1), "leaves 0", id="zero"),
        pytest.param(lambda: estimate.next_multiplier(1.0, NAN, 0.1), "finite", id="nan-cost"),
    ],
)
def test_refuses(call: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        call()
