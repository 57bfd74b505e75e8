"""``builtin:tiny``: a transformer of some hundred thousand weights and a character tokenizer.

Both are built in code and saved to disk like any model, so that a training run needs no download
and everything after it (reference model, checkpoints, ``from_pretrained``) is the common path.

Covered: printable ASCII, line breaks, and the four reasoning tags as one token each. Not covered:
other scripts (they become ``<unk>``), and any knowledge: the weights are random until a warm start.
"""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from ..core.settings import Settings

__all__ = ["TAGS", "TinyModel", "build_tiny_model", "build_tokenizer", "save_tiny"]

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
"""Texts that are one token each; not special, so that decoding keeps them."""

_SPECIAL = ("<pad>", "<eos>", "<unk>")
_CHARACTERS = sorted(set(string.printable) - set("\t\r\x0b\x0c"))
_INIT = 0.08
"""Standard deviation of the first weights. Ours: at 0.02, Llama's own, models this narrow learn
sums far more slowly."""
_ROPE_THETA = 100.0
"""Base of the rotary angles. Ours: texts of a hundred characters need no wavelength of 10 000."""
_CHAT = "{% for message in messages %}{{ message['content'] }}{% endfor %}"


class TinyModel(Settings):
    """The shape of ``builtin:tiny``."""

    layers: int = Field(default=3, ge=1)
    hidden: int = Field(default=96, ge=8)
    """Width of the residual stream; a multiple of ``heads``."""
    heads: int = Field(default=4, ge=1)
    feed_forward: int = Field(default=384, ge=8)
    positions: int = Field(default=512, ge=16)
    """Longest prompt and completion together, in tokens."""

    @model_validator(mode="after")
    def _divides(self) -> TinyModel:
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden {self.hidden} must be a multiple of 2 * heads ({self.heads})")
        return self


def build_tokenizer() -> Any:
    """A ``PreTrainedTokenizerFast`` with one token for each character and each tag."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    make: Any = PreTrainedTokenizerFast  # its constructor has no annotations

    pad, eos, unknown = _SPECIAL
    vocabulary = {text: i for i, text in enumerate((*_SPECIAL, *TAGS, *_CHARACTERS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=unknown))
    piece = Regex("|".join((*TAGS, r"[\s\S]")))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(piece, "isolated")
    tokenizer.decoder = decoders.Fuse()
    return make(
        tokenizer_object=tokenizer,
        pad_token=pad,
        eos_token=eos,
        unk_token=unknown,
        padding_side="left",
        chat_template=_CHAT,
        clean_up_tokenization_spaces=False,
    )


def build_tiny_model(settings: TinyModel, tokenizer: Any, seed: int) -> Any:
    """A ``LlamaForCausalLM`` with weights drawn from ``seed``."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden,
        intermediate_size=settings.feed_forward,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=settings.positions,
        tie_word_embeddings=True,
        initializer_range=_INIT,
        rope_parameters={"rope_type": "default", "rope_theta": _ROPE_THETA},
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    torch.manual_seed(seed)
    return LlamaForCausalLM(config)


def save_tiny(settings: TinyModel, folder: Path, seed: int) -> None:
    """Write the untrained model and its tokenizer to ``folder``."""
    tokenizer = build_tokenizer()
    tokenizer.save_pretrained(folder)
    build_tiny_model(settings, tokenizer, seed).save_pretrained(folder)
