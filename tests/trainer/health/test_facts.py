"""What one observation measures, and the file it goes into."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay.core.recipe import Recipe
from assay.core.types import Reward, Sample, Status, Verdict
from assay.trainer.health.config import HealthConfig
from assay.trainer.health.facts import Roles, facts_of, roles_of
from assay.trainer.health.log import HEALTH_FILE, HealthLog, read_health
from assay.trainer.health.monitor import HealthMonitor

ROLES = Roles(paid=("pay", "form"), audits=("audit",), forms=("form",), substance=("pay",))


def sample(group: str, tokens: int, *, truncated: bool = False) -> Sample:
    return Sample(
        prompt="q",
        completion="x" * 3,
        group=group,
        extra={"completion_tokens": tokens},
        truncated=truncated,
        id=f"{group}{tokens}",
    )


def verdict(score: float | None) -> Verdict:
    if score is None:
        return Verdict.unscored(Status.FAILED, "broke")
    return Verdict.scored(score, score >= 1.0)


def reward(value: float | None, **scores: float | None) -> Reward:
    passed = None if value is None else value >= 1.0
    return Reward(
        value=value,
        unshaped=value,
        passed=passed,
        status=Status.FAILED if value is None else Status.SCORED,
        verdicts={name: verdict(score) for name, score in scores.items()},
    )


def test_the_facts_of_a_batch() -> None:
    samples = [sample("a", 10), sample("a", 20), sample("b", 30), sample("b", 50, truncated=True)]
    rewards = [
        reward(1.0, pay=1.0, audit=1.0, form=1.0),
        reward(0.0, pay=0.0, audit=0.0, form=0.0),
        reward(1.0, pay=1.0, audit=0.0, form=1.0),
        reward(None, pay=None, audit=0.0, form=1.0),
    ]
    log = {"kl": 0.25, "entropy": 1.5, "kl_old/max": 3, "loss": "text", "reward": 9.0}
    assert facts_of(log, samples, rewards, ROLES) == pytest.approx(
        {
            "reward": 2 / 3,
            "length": 27.5,
            "length_correlation": -1.0,  # group b has one reward only
            "zero_variance": 0.0,
            "truncated": 0.25,
            "left_out": 0.25,
            "passed": 2 / 3,
            "form": 0.75,
            "substance": 2 / 3,
            "faults": 0.25,
            "paid": 2 / 3,
            "audit": 1 / 3,
            "audit_agreement": 2 / 3,
            "overpaid": 0.5,
            "pass_at_1": 0.5,
            "pass_at_k": 1.0,
            "k": 2.0,
            "kl": 0.25,
            "kl_max": 3.0,
            "entropy": 1.5,
        }
    )


@pytest.mark.parametrize(
    ("lengths", "values", "groups", "correlation"),
    [
        pytest.param([1, 2, 3, 4], [1, 2, 3, 4], "aaaa", 1.0, id="one-group"),
        pytest.param([1, 2, 11, 12], [2, 1, 12, 11], "aabb", -1.0, id="within-not-between"),
        pytest.param([1, 2, 3, 4], [1, 2, 3, 4], "abcd", 1.0, id="lone-completions"),
        pytest.param([5, 5, 5, 5], [1, 2, 3, 4], "aaaa", None, id="equal-lengths"),
        pytest.param([1, 2, 3, 4], [0, 0, 0, 0], "aabb", None, id="equal-rewards"),
    ],
)
def test_reward_against_length(
    lengths: list[int], values: list[float], groups: str, correlation: float | None
) -> None:
    samples = [sample(g, n) for g, n in zip(groups, lengths, strict=True)]
    found = facts_of({}, samples, [reward(float(v)) for v in values], ROLES)
    assert found.get("length_correlation") == pytest.approx(correlation)


@pytest.mark.parametrize(
    ("passes", "expected"),
    [
        pytest.param([[1, 0, 0, 0], [0, 0, 0, 0]], (0.125, 0.5), id="spread"),
        pytest.param([[1, 1, 1, 1], [0, 0, 0, 0]], (0.5, 0.5), id="sharp"),
        pytest.param([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1]], (0.25, 1.0), id="smaller-groups-left"),
    ],
)
def test_passes(passes: list[list[int]], expected: tuple[float, float]) -> None:
    samples = [sample(str(g), i) for g, group in enumerate(passes) for i in range(len(group))]
    rewards = [reward(float(v)) for group in passes for v in group]
    found = facts_of({}, samples, rewards, ROLES)
    assert (found["pass_at_1"], found["pass_at_k"], found["k"]) == (*expected, 4.0)


@pytest.mark.parametrize(
    ("recipe", "roles"),
    [
        pytest.param(
            {"sources": ["math.exact", {"use": "format.think_answer", "as": "shape"}]},
            Roles(paid=("math.exact", "shape"), forms=("shape",), substance=("math.exact",)),
            id="no-audit",
        ),
        pytest.param(
            {
                "sources": ["consensus.majority", {"use": "math.exact", "weight": 0}],
                "passed_by": ["math.exact"],
            },
            Roles(paid=("consensus.majority",), audits=("math.exact",), substance=("math.exact",)),
            id="audit",
        ),
    ],
)
def test_roles(recipe: dict[str, Any], roles: Roles) -> None:
    assert roles_of(Recipe.read(recipe)) == roles


def test_a_consensus_tells_how_far_it_is_shared_and_whether_it_is_right() -> None:
    told = [{"agreement": 0.75, "label_accuracy": 1.0}, {"agreement": 0.25}]
    rewards = [
        Reward(
            value=1.0,
            unshaped=1.0,
            passed=True,
            status=Status.SCORED,
            verdicts={"vote": Verdict.scored(1.0, True, parts=parts)},
        )
        for parts in told
    ]
    found = facts_of({}, [sample("a", 1), sample("a", 2)], rewards, ROLES)
    assert (found["agreement"], found["label_accuracy"]) == (0.5, 1.0)


def test_nothing_measured_is_nothing_claimed() -> None:
    assert facts_of({"kl": None, "entropy": float("nan")}, [], [], ROLES) == {}


# the file ---------------------------------------------------------------------------------


def fill(folder: Path, steps: range, resume_at: int | None) -> list[int]:
    """Steps at which a run with ever more truncation is warned about."""
    monitor = HealthMonitor(HealthConfig(), ROLES)
    log = HealthLog(folder / HEALTH_FILE, monitor, resume_at)
    told = []
    for step in steps:
        log([sample("a", step, truncated=step > 8)], [reward(1.0, pay=1.0)], None)
        told += [warning.step for warning in log.observe(step, {"entropy": 1.0})]
        assert log.observe(step, {"train_runtime": 1.0}) == [], "a line without a batch"
    log.close()
    return told


def test_a_resumed_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    told = fill(whole, range(1, 31), None)
    assert len(told) == 1
    for first, at in ((range(1, 26), 20), (range(1, 8), 5)):
        assert fill(cut, first, None) == [step for step in told if step <= first[-1]]
        with (cut / HEALTH_FILE).open("a") as file:
            file.write('{"kind": "facts", "step": 26, "len')  # cut short
        again = fill(cut, range(at + 1, 31), at)
        assert again == [step for step in told if step > at]
        assert read_health(cut / HEALTH_FILE) == read_health(whole / HEALTH_FILE)


@pytest.mark.parametrize(
    "line",
    ["", "null", "[1]", '{"kind": "facts"}', '{"kind": "other", "step": 1}', '{"step": "x"}', "{"],
    ids=["empty", "null", "list", "no-step", "other-kind", "no-number", "cut"],
)
def test_lines_that_are_none_are_left_out(tmp_path: Path, line: str) -> None:
    good = {"kind": "facts", "step": 3, "kl": 0.5}
    (tmp_path / HEALTH_FILE).write_text(f"{line}\n{json.dumps(good)}\n")
    assert read_health(tmp_path / HEALTH_FILE) == [good]
    assert read_health(tmp_path / "absent") == []
