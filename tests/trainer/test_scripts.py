"""Our trainers in a script of the user's own, with any of TRL's reward functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import ConfigError
from assay.core.recipe import Recipe
from assay.trainer.online.plan import Plan
from assay.trainer.online.policy import PolicyConfig, PolicyTrainer
from assay.trainer.online.ppo import PPOTrainer
from assay.trainer.online.scored import ScoredBatch
from assay.trainer.start import load_tokenizer
from assay.trainer.tiny import TinyModel, save_tiny

pytestmark = pytest.mark.filterwarnings(  # TRL 1.16 sets what transformers 5 calls deprecated
    "ignore:.*gradient_checkpointing:FutureWarning"
)
SEEN: list[int] = []


def digits(completions: list[str], **_: Any) -> list[float | None]:
    """The share of digits; nothing for every fourth."""
    SEEN.append(len(completions))
    shares: list[float | None] = [sum(map(str.isdigit, c)) / max(len(c), 1) for c in completions]
    shares[3] = None
    return shares


def short(completions: list[str], **_: Any) -> list[float]:
    return [-float(len(text)) for text in completions]


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    from datasets import Dataset

    start = folder / "start"
    if not start.exists():
        shape = TinyModel(layers=1, hidden=32, heads=2, feed_forward=64, positions=64)
        save_tiny(shape, start, 0)
    arguments = {
        "output_dir": str(folder / "out"),
        "per_device_train_batch_size": 8,
        "num_generations": 1,
        "max_completion_length": 8,
        "max_steps": 2,
        "logging_steps": 1,
        "learning_rate": 1e-3,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "report_to": [],
        "save_strategy": "no",
        "disable_tqdm": True,
    }
    return {
        "model": str(start),
        "args": PolicyConfig(**arguments | more),
        "train_dataset": Dataset.from_list([{"prompt": f"{i}+1="} for i in range(16)]),
        "processing_class": load_tokenizer(start),
    }


def test_ppo_takes_reward_functions_as_trl_does(tmp_path: Path) -> None:
    weights = [1.0, 0.01]
    given = settings(tmp_path, beta=0.05, reward_weights=weights)
    trainer = PPOTrainer(reward_funcs=[digits, short], **given)
    assert trainer.kl_beta.beta == 0.05
    assert trainer.args.ddp_find_unused_parameters is False  # or two ranks would not train
    trainer.train()
    logged = [row for row in trainer.state.log_history if "critic/loss" in row]
    assert len(logged) == 2
    assert {"rewards/digits/mean", "rewards/short/mean", "kl"} <= logged[0].keys()
    assert logged[0]["grad_norm"] > 0


def test_remax_asks_each_prompt_once_more(tmp_path: Path) -> None:
    given = settings(tmp_path, num_generations=4)
    trainer = PolicyTrainer(reward_funcs=digits, plan=Plan(rule="remax"), **given)
    SEEN.clear()
    trainer.train()
    assert SEEN == [8, 8, 8, 8]  # a batch and its greedy completions, twice
    logged = [row for row in trainer.state.log_history if "loss" in row]
    assert [row["completions/mean_length"] <= 8 for row in logged] == [True, True]


def test_greedy_completions_are_no_rollouts(tmp_path: Path) -> None:
    taken: list[int] = []
    scored = ScoredBatch(
        Recipe.read({"sources": ["format.think_answer"]}), sink=lambda s, *_: taken.append(len(s))
    )
    trainer = PolicyTrainer(plan=Plan(rule="remax"), scored=scored, **settings(tmp_path))
    try:
        trainer.train()
    finally:
        scored.function.close()
    assert taken == [8, 8]


def test_a_rule_that_reads_verdicts_says_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ScoredBatch"):
        PolicyTrainer(reward_funcs=digits, plan=Plan(rule="gdpo"), **settings(tmp_path))


def test_a_batch_of_one_completion_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 2 completions"):
        settings(tmp_path, per_device_train_batch_size=1)
