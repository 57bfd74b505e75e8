"""The model a run starts from: built in or loaded, warm-started, and on disk.

On disk, because a reference model (``beta`` > 0) is loaded a second time from where the model came
from. A hub model without a warm start is left where it is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .config import TrainingRecipe
from .data import Problems, demonstrations
from .records.progress import Display
from .tiny import save_tiny
from .warm_start import warm_start

__all__ = ["load_model", "load_tokenizer", "prepare_start"]

_SHOWN_EVERY = 50


def prepare_start(
    recipe: TrainingRecipe, problems: Problems, folder: Path, display: Display
) -> Path | str:
    """Where the start model lies: ``folder/start``, written here, or the model's own path."""
    model = recipe.model
    if not model.is_builtin and model.warm_start.steps == 0:
        return model.path
    start, draft = folder / "start", folder / "start.draft"
    if start.exists():
        return start
    if model.is_builtin:
        save_tiny(model.tiny, draft, recipe.seed)
    if model.warm_start.steps:
        _warm(recipe, problems, str(draft) if model.is_builtin else model.path, draft, display)
    draft.replace(start)  # the folder is there whole or not at all
    return start


def load_model(path: Path | str, dtype: str) -> Any:
    """A causal language model, on the GPU where there is one."""
    import torch
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(str(path), dtype=dtype)
    return loaded.to("cuda" if torch.cuda.is_available() else "cpu")


def load_tokenizer(path: Path | str) -> Any:
    """Its tokenizer, padding on the left and with a token to pad with."""
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(str(path), padding_side="left")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _warm(
    recipe: TrainingRecipe, problems: Problems, path: str, target: Path, display: Display
) -> None:
    model, tokenizer = load_model(path, recipe.model.dtype), load_tokenizer(path)
    settings = recipe.model.warm_start
    display.begin("warm start", settings.steps)

    def on_step(step: int, loss: float) -> None:
        display.step(step)
        if step % _SHOWN_EVERY == 0 or step == settings.steps:
            display.facts(step, f"loss {loss:.3f}")

    warm_start(model, tokenizer, demonstrations(recipe, problems), settings, on_step)
    display.end()
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
