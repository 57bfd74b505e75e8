"""LoRA: settings, PEFT's configuration, and a GRPO step in which only adapters move."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from assay.core.errors import ConfigError
from assay.core.settings import read_settings
from assay.trainer.lora import LoraSettings, peft_config
from assay.trainer.start import load_tokenizer
from assay.trainer.tiny import TinyModel, save_tiny

needs_peft = pytest.mark.skipif(
    importlib.util.find_spec("peft") is None, reason="peft is not installed (extra lora)"
)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param({"r": 0}, "lora.r", id="rank-zero"),
        pytest.param({"alpha": 0}, "lora.alpha", id="alpha-zero"),
        pytest.param({"dropout": 1.0}, "lora.dropout", id="all-dropped"),
        pytest.param({"target_modules": []}, "at least one layer", id="no-layer"),
        pytest.param({"rank": 8}, "unknown key 'rank'", id="unknown-key"),
    ],
)
def test_settings_are_checked(content: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_settings(LoraSettings, content, "lora")


def test_none_stays_none() -> None:
    assert peft_config(None) is None


def test_without_peft_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"assay-rlvr\[lora\]"):
        peft_config(LoraSettings())


@needs_peft
@pytest.mark.parametrize(
    ("modules", "wanted"),
    [("all-linear", "all-linear"), (("q_proj", "v_proj"), {"q_proj", "v_proj"})],
)
def test_pefts_configuration(modules: Any, wanted: Any) -> None:
    made = peft_config(LoraSettings(r=4, alpha=8, dropout=0.1, target_modules=modules))
    assert (made.r, made.lora_alpha, made.lora_dropout) == (4, 8, 0.1)
    assert made.target_modules == wanted
    assert made.task_type == "CAUSAL_LM"


@needs_peft
# TRL 1.16 sets what transformers 5 calls deprecated
@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing:FutureWarning")
def test_a_grpo_step_moves_adapters_only(tmp_path: Path) -> None:
    import torch
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(1)
    shape = TinyModel(layers=1, hidden=32, heads=2, feed_forward=64, positions=64)
    save_tiny(shape, tmp_path / "start", 0)

    def distinct(completions: list[str], **_: Any) -> list[float]:
        return [float(len(set(text))) for text in completions]

    trainer = GRPOTrainer(
        model=str(tmp_path / "start"),
        reward_funcs=distinct,
        args=GRPOConfig(
            output_dir=str(tmp_path / "out"),
            use_cpu=True,
            bf16=False,
            gradient_checkpointing=False,
            report_to="none",
            save_strategy="no",
            max_steps=2,
            per_device_train_batch_size=8,
            num_generations=4,
            max_completion_length=8,
            learning_rate=1e-2,
            beta=0.1,
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_dict({"prompt": ["a", "b", "c", "d"]}),
        processing_class=load_tokenizer(tmp_path / "start"),
        peft_config=peft_config(LoraSettings(r=4)),
    )
    assert trainer.ref_model is None  # the model with its adapters off
    before = {name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
    trainer.train()
    after = dict(trainer.model.named_parameters())
    moved = {name for name, weight in after.items() if not torch.equal(weight, before[name])}
    assert moved
    assert all("lora_" in name for name in moved)
