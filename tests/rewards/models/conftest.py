"""Tiny random models with a byte tokenizer, whose end token pads: the trap that many cards set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def build_tokenizer(template: str | None = TEMPLATE) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    raw = Tokenizer(models.BPE(vocab=letters, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token="<|bos|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
    )
    tokenizer.chat_template = template
    return tokenizer


def save_model(
    folder: Path, kind: str, seed: int = 0, *, positions: int = 512, **more: Any
) -> Path:
    """A random Llama of two layers: ``LlamaForSequenceClassification`` or ``LlamaForCausalLM``."""
    import torch
    import transformers

    tokenizer = build_tokenizer(more.pop("template", TEMPLATE))
    tokenizer.save_pretrained(folder)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=positions,
        initializer_range=0.3,
        pad_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=tokenizer.bos_token_id,
        **{"num_labels": 1, **more},
    )
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    model = getattr(transformers, kind)(config)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def reward_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model."""
    folder = tmp_path_factory.mktemp("reward")
    return save_model(folder, "LlamaForSequenceClassification")


@pytest.fixture(scope="session")
def other_reward_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another reward model."""
    folder = tmp_path_factory.mktemp("other-reward")
    return save_model(folder, "LlamaForSequenceClassification", seed=1)


@pytest.fixture
def own_folder(reward_folder: Path, tmp_path: Path) -> Path:
    """A copy of the reward model that a test may write to."""
    import shutil

    return Path(shutil.copytree(reward_folder, tmp_path / "own"))


@pytest.fixture(scope="session")
def causal_folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A policy and a reference, with one tokenizer."""
    folder = tmp_path_factory.mktemp("causal")
    return (
        save_model(folder / "policy", "LlamaForCausalLM"),
        save_model(folder / "reference", "LlamaForCausalLM", seed=1),
    )


@pytest.fixture(scope="session")
def build() -> Any:
    """``build.tokenizer(template)`` and ``build.model(folder, kind, ...)``."""
    from types import SimpleNamespace

    return SimpleNamespace(tokenizer=build_tokenizer, model=save_model)
