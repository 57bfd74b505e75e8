"""Each rule on synthetic runs: those that must trip it, and those that must not."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.core.errors import ConfigError
from assay.core.settings import read_settings
from assay.trainer.health.config import HealthConfig
from assay.trainer.health.facts import Facts, Roles
from assay.trainer.health.monitor import HealthMonitor, HealthWarning
from assay.trainer.health.rules import RULES, Reading, Rule

ROLES = Roles(paid=("a",))
Run = list[Facts]


def watch(run: Run, **settings: Any) -> list[HealthWarning]:
    monitor = HealthMonitor(HealthConfig(**settings), ROLES)
    told = [monitor.take(10 * (i + 1), facts) for i, facts in enumerate(run)]
    return list(itertools.chain.from_iterable(told))


def run_of(n: int = 30, noise: float = 0.01, **ends: tuple[float, float]) -> Run:
    """Facts that go in a straight line from the first value to the second, with noise."""
    rng = random.Random(0)
    return [
        {
            name: first + (last - first) * i / (n - 1) + rng.gauss(0, noise)
            for name, (first, last) in ends.items()
        }
        for i in range(n)
    ]


TRIPS: dict[str, list[tuple[str, Run]]] = {
    "reward_follows_length": [
        ("grows", run_of(length_correlation=(0.9, 0.9), length=(20, 40), reward=(0.2, 0.9))),
        ("slowly", run_of(120, length_correlation=(0.7, 0.7), length=(20, 30), reward=(0.2, 0.9))),
    ],
    "form_without_substance": [("crossing", run_of(form=(0.4, 0.9), substance=(0.6, 0.3)))],
    "kl_drift": [
        ("mean", run_of(kl=(0.0, 1.5))),
        ("one-update", run_of(kl_max=(1.0, 60.0))),
    ],
    "entropy_collapse": [
        ("stuck", run_of(noise=0.001, entropy=(1.0, 0.01), passed=(0.5, 0.5))),
        ("no-bar", run_of(noise=0.0, entropy=(1.0, 0.0))),
    ],
    "zero_variance_groups": [
        ("all-wrong", run_of(zero_variance=(0.9, 0.95), passed=(0.02, 0.02))),
        ("half", run_of(zero_variance=(0.9, 0.95), passed=(0.5, 0.5))),
    ],
    "pass_spread": [
        ("diminished", run_of(pass_at_1=(0.3, 0.5), pass_at_k=(0.9, 0.6), k=(8.0, 8.0)))
    ],
    "audit_divergence": [
        ("against", run_of(paid=(0.5, 0.9), audit=(0.5, 0.2))),
        ("left-behind", run_of(paid=(0.4, 0.9), audit=(0.4, 0.4))),
        ("wrong-from-the-start", run_of(paid=(0.9, 0.9), audit=(0.4, 0.4), overpaid=(0.6, 0.6))),
    ],
    "truncation": [("half", run_of(truncated=(0.1, 0.6)))],
    "faults": [("some", run_of(3, noise=0.0, faults=(0.1, 0.1), left_out=(0.1, 0.1)))],
}

HEALTHY: dict[str, list[tuple[str, Run]]] = {
    "reward_follows_length": [
        ("longer-but-not-paid-for-it", run_of(length_correlation=(0.0, 0.1), length=(20, 60))),
        ("paid-but-no-longer", run_of(length_correlation=(0.9, 0.9), length=(30, 31))),
        ("shorter", run_of(length_correlation=(0.9, 0.9), length=(40, 20))),
    ],
    "form_without_substance": [
        ("both-rise", run_of(form=(0.4, 0.9), substance=(0.3, 0.6))),
        ("form-was-there", run_of(form=(0.99, 0.99), substance=(0.6, 0.3))),
        ("within-noise", run_of(noise=0.4, form=(0.4, 0.55), substance=(0.6, 0.5))),
    ],
    "kl_drift": [("small", run_of(kl=(0.0, 0.1), kl_max=(0.5, 3.0)))],
    "entropy_collapse": [
        ("solved", run_of(noise=0.001, entropy=(1.0, 0.01), passed=(0.97, 0.99))),
        ("still-learning", run_of(noise=0.001, entropy=(1.0, 0.01), passed=(0.3, 0.5))),
        ("halved", run_of(entropy=(1.0, 0.5), passed=(0.5, 0.5))),
    ],
    "zero_variance_groups": [
        ("solved", run_of(zero_variance=(0.9, 0.98), passed=(0.97, 0.99))),
        ("on-the-way", run_of(zero_variance=(0.2, 0.98), passed=(0.4, 0.99))),
        ("few", run_of(zero_variance=(0.3, 0.5), passed=(0.4, 0.6))),
    ],
    "pass_spread": [
        ("both-rise", run_of(pass_at_1=(0.3, 0.5), pass_at_k=(0.8, 0.9), k=(8.0, 8.0))),
        ("plateau", run_of(pass_at_1=(0.3, 0.5), pass_at_k=(0.9, 0.9), k=(8.0, 8.0))),
    ],
    "audit_divergence": [
        ("together", run_of(paid=(0.4, 0.9), audit=(0.3, 0.8), overpaid=(0.1, 0.2))),
        ("both-fall", run_of(paid=(0.6, 0.4), audit=(0.6, 0.4))),
        ("apart-from-the-start", run_of(paid=(0.9, 0.9), audit=(0.2, 0.2))),
    ],
    "truncation": [("few", run_of(truncated=(0.0, 0.1)))],
    "faults": [("none", run_of(noise=0.0, faults=(0.0, 0.0)))],
}


def rows(table: dict[str, list[tuple[str, Run]]]) -> list[object]:
    return [
        pytest.param(rule, run, id=f"{rule}-{name}")
        for rule, runs in table.items()
        for name, run in runs
    ]


@pytest.mark.parametrize(("rule", "run"), rows(TRIPS))
def test_a_sick_run_is_told_once_by_its_own_rule(rule: str, run: Run) -> None:
    told = watch(run)
    assert [warning.rule for warning in told] == [rule]
    [warning] = told
    assert warning.evidence
    assert all(isinstance(value, float) for value in warning.evidence.values())
    assert warning.steps[0] < warning.steps[1] == warning.step
    assert warning.what in warning.line
    assert warning.advice in warning.line


@pytest.mark.parametrize(("rule", "run"), rows(HEALTHY))
def test_a_healthy_run_is_left_alone(rule: str, run: Run) -> None:
    assert rule not in [warning.rule for warning in watch(run)]


@pytest.mark.parametrize(("rule", "run"), rows(TRIPS))
def test_too_little_data_is_no_sign(rule: str, run: Run) -> None:
    few = 2 if rule == "faults" else HealthConfig().min_observations - 1
    assert watch(run[-few:]) == []


def test_every_rule_has_a_sick_and_a_healthy_run() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert set(TRIPS) == set(HEALTHY) == set(names)


def test_facts_that_nobody_measured_trip_nothing() -> None:
    assert watch([{} for _ in range(40)]) == []


def step_rule(levels: list[float]) -> Rule:
    read: Callable[[object], Reading] = lambda seen: Reading(levels[len(seen.recent) - 1])  # type: ignore[attr-defined]  # noqa: E731 - a rule by its readings
    return Rule("levels", read, "none")


@pytest.mark.parametrize(
    ("levels", "told"),
    [
        pytest.param([0.5, 1.0, 1.2, 2.0], [20], id="once"),
        pytest.param([1.0, 0.9, 1.1, 0.85, 1.3], [10], id="not-out-of-the-episode"),
        pytest.param([1.0, 0.7, 1.0], [10, 30], id="a-second-episode"),
        pytest.param([0.99, 0.99], [], id="below"),
    ],
)
def test_a_warning_for_an_episode(levels: list[float], told: list[int]) -> None:
    monitor = HealthMonitor(HealthConfig(), ROLES, [step_rule(levels)])
    found = [monitor.take(10 * (i + 1), {}) for i in range(len(levels))]
    assert [warning.step for each in found for warning in each] == told
    assert monitor.tripped == (["levels"] if told and levels[-1] >= 0.8 else [])


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["reward", "length", "length_correlation", "kl", "entropy", "paid",
                             "audit", "form", "substance", "pass_at_1", "pass_at_k", "k", "faults",
                             "zero_variance", "passed", "truncated"]),
            st.floats(-1e6, 1e6),
        ),
        max_size=25,
    )
)  # fmt: skip
def test_no_finite_facts_break_a_rule(run: Run) -> None:
    for warning in watch(run):
        assert warning.rule in {rule.name for rule in RULES}


@pytest.mark.parametrize(
    "settings",
    [{"window": 2}, {"release": 0.0}, {"truncated": 1.5}, {"lenght_growth": 1.0}],
    ids=lambda s: next(iter(s)),
)
def test_wrong_settings(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=rf"health.*{next(iter(settings))}"):
        read_settings(HealthConfig, settings, "trainer.health")


def test_off_is_off() -> None:
    monitor = HealthMonitor(HealthConfig(enabled=False), ROLES)
    assert monitor.observe(1, {"kl": 99.0}, [], []) == []
    assert monitor.facts == {}
