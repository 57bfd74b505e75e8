"""Low-rank adapters: their settings, and PEFT's configuration from them.

Source: LoRA (Hu et al. 2021, arXiv 2106.09685): W + (alpha / r) B A, of which A and B are trained.
TRL makes the adapters and takes the model without them as the reference, so that ``beta`` above 0
costs no second model.

Not covered: quantised models, other adapters, and merging the adapter into the model.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any, Literal

from pydantic import Field, field_validator

from ..core.errors import ConfigError
from ..core.settings import Settings

__all__ = ["LoraSettings", "peft_config", "require_peft"]


class LoraSettings(Settings):
    """Adapters in place of all weights (``model.lora``)."""

    r: int = Field(default=16, ge=1)
    """Rank. 16 is ours: PEFT's 8 is at the low end of what reports on GRPO use."""
    alpha: float = Field(default=32.0, gt=0)
    """The adapter's output is scaled by ``alpha / r``. Ours: twice the rank."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Before A. 0 (PEFT's): dropout makes the probabilities of one text differ between two forward
    passes, and the ratio of new to old with them."""
    target_modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    """Names of the linear layers that get an adapter; ``all-linear``: all but the output layer."""

    @field_validator("target_modules")
    @classmethod
    def _some(cls, modules: tuple[str, ...] | str) -> tuple[str, ...] | str:
        if not modules:
            raise ValueError("name at least one layer, or all-linear")
        return modules


def require_peft() -> Any:
    """The package ``peft``; raises ``ConfigError`` when it is not installed."""
    if importlib.util.find_spec("peft") is None:
        raise ConfigError(
            "model.lora: needs peft, which is not installed; run: pip install 'assay-rlvr[lora]'"
        )
    return importlib.import_module("peft")


def peft_config(settings: LoraSettings | None, *, head: str | None = None) -> Any:
    """PEFT's ``LoraConfig`` for TRL's ``peft_config=``; None for None.

    ``head``: the module of a sequence classifier that is trained whole beside the adapters.
    Raises ``ConfigError`` when peft is not installed.
    """
    if settings is None:
        return None
    modules = settings.target_modules
    return require_peft().LoraConfig(
        r=settings.r,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        bias="none",
        task_type="CAUSAL_LM" if head is None else "SEQ_CLS",
        modules_to_save=None if head is None else [head],
    )
