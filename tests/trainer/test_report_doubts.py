"""The report lists answers that a verifier passed and a process reward doubts."""

from __future__ import annotations

from pathlib import Path

from assay.core.types import Reward, Sample, Status, Step, Verdict
from assay.trainer.records.rollouts import RolloutLog
from assay.trainer.report.picks import DOUBTFUL, rollout_parts
from assay.trainer.report.rundata import RunData, read_run


def reward(passed: bool, steps: list[float], score: float | None = None) -> Reward:
    placed = [Step(start=i, end=i + 1, score=s) for i, s in enumerate(steps)]
    return Reward(
        value=float(passed),
        unshaped=float(passed),
        passed=passed,
        status=Status.SCORED,
        verdicts={
            "right": Verdict.scored(float(passed), passed),
            "prm": Verdict.scored(min(steps) if score is None else score, steps=placed),
        },
    )


def read(folder: Path, rewards: list[Reward]) -> RunData:
    log = RolloutLog(folder, ("right", "prm"), None)
    samples = [Sample(prompt=f"q{n}", completion=f"answer {n}") for n in range(len(rewards))]
    log.add(samples, rewards, step=1, split="train")
    log.close()
    return read_run(folder)


def test_doubted_answers_have_a_list(tmp_path: Path) -> None:
    good, bad = reward(True, [0.9, 0.8]), reward(False, [0.1])
    rewards = [*[good] * 12, reward(True, [0.9, 0.2]), *[bad] * 12, reward(True, [0.1, 0.9]), good]
    found = rollout_parts(read(tmp_path, rewards).rollouts)
    [doubted] = [part for part in found if part["title"] == DOUBTFUL]
    assert [row["completion"] for row in doubted["rows"]] == ["answer 25", "answer 12"]


def test_scores_of_another_scale_are_no_chances(tmp_path: Path) -> None:
    rewards = [*[reward(True, [-3.0], -3.0)] * 9, reward(True, [2.0], 2.0)]
    found = rollout_parts(read(tmp_path, rewards).rollouts)
    assert DOUBTFUL not in [part["title"] for part in found]
