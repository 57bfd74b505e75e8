"""``math.verify``: Math-Verify's verdicts, held to the host's limits."""

from __future__ import annotations

import time

import pytest

from assay import Sample, Scorer

pytest.importorskip("math_verify", reason="get it with: pip install math-verify")


@pytest.mark.parametrize(
    ("completion", "truth", "passed"),
    [
        pytest.param(r"so it is $\boxed{\frac{1}{2}}$", "0.5", True, id="decimal-of-a-fraction"),
        pytest.param(r"so it is $\boxed{\frac{1}{3}}$", "0.5", False, id="another-fraction"),
    ],
)
def test_its_verdicts_come_through(completion: str, truth: str, passed: bool) -> None:
    with Scorer("math.verify") as scorer:
        (reward,) = scorer.score([Sample(completion=completion, ground_truth=truth)])
    assert reward.passed is passed


def test_a_power_tower_that_freezes_it_is_killed() -> None:
    tower = Sample(completion=r"$\boxed{9^{9^{9^{9}}}}$", ground_truth="3")
    fine = Sample(completion=r"$\boxed{3}$", ground_truth="3")
    with Scorer({"sources": [{"use": "math.verify", "deadline_s": 4.0}]}) as scorer:
        scorer.score([fine])
        started = time.monotonic()
        bad, good = scorer.score([tower, fine])
    assert time.monotonic() - started < 20.0  # uncut, hours
    assert good.value == 1.0
    assert bad.value is None
    assert bad.verdicts["math.verify"].status.value == "timed_out"
