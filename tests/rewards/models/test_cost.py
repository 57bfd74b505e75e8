"""A reward model in the role of a cost: what it scores is taken off, and the combiner knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import Sample, Scorer

SAMPLES = [Sample(prompt="q", completion=text) for text in ("one", "another one", "2")]


def test_a_cost_model_is_taken_off(reward_folder: Path, other_reward_folder: Path) -> None:
    model = {"use": "rm.bradley_terry", "device": "cpu", "normalise": "batch"}
    sources = [
        {**model, "model": str(reward_folder), "as": "helpful"},
        {**model, "model": str(other_reward_folder), "as": "harm", "role": "cost", "weight": 0.5},
    ]
    with Scorer({"sources": sources}) as scorer:
        rewards = scorer.score(SAMPLES)
    for reward in rewards:
        helpful, harm = (reward.verdicts[name].score or 0.0 for name in ("helpful", "harm"))
        assert reward.value == pytest.approx(helpful - 0.5 * harm, abs=1e-6)
    assert len({round(reward.verdicts["harm"].score or 0.0, 6) for reward in rewards}) == 3


def test_safe_rlhf_reads_it_as_its_cost(other_reward_folder: Path) -> None:
    from assay.trainer.config import TrainingRecipe

    recipe = TrainingRecipe.read(
        {
            "sources": [
                "math.exact",
                {
                    "use": "rm.bradley_terry",
                    "model": str(other_reward_folder),
                    "role": "cost",
                    "device": "cpu",
                },
            ],
            "data": {"task": {"use": "math.arithmetic", "operands": 2}, "n_train": 4, "n_eval": 2},
            "trainer": {"algorithm": "safe_rlhf", "num_generations": 2},
        }
    )
    costs = [entry.name for entry in recipe.sources if entry.role == "cost"]
    assert costs == ["rm.bradley_terry"]
