"""``assay_reward.json``: what belongs to a reward model beside its weights.

Golden scores that it must reproduce, the normaliser, the calibrator and the slope of length. It
lies in the model's folder and is read and checked when the model is loaded. Nothing in it runs.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from ...core.calibration import Calibrator
from ...core.errors import ConfigError
from ...core.settings import Settings, read_settings
from .length import LengthControl
from .normaliser import Normaliser

__all__ = ["CARD", "Card", "Golden", "read_card", "save_card"]

CARD = "assay_reward.json"
_MOST_BYTES = 64 * 2**20


class Golden(Settings):
    """A text and the raw score that the model must give it, up to ``Card.tolerance``."""

    text: str | None = None
    """The whole input, special tokens included, as its owner wrote it."""
    prompt: str | list[dict[str, Any]] | None = None
    """Or a prompt and a completion, which go through the chat template."""
    completion: str | list[dict[str, Any]] | None = None
    score: float = Field(allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_form(self) -> Golden:
        if (self.text is None) != (self.prompt is not None and self.completion is not None):
            raise ValueError("give text, or prompt and completion")
        return self


class Card(Settings):
    """The contents of ``assay_reward.json``. Every part may be missing."""

    format: int = Field(default=1, ge=1, le=1)
    golden: tuple[Golden, ...] = ()
    tolerance: float = Field(default=1e-3, gt=0)
    """How far a raw score may lie from its golden one in float32. A model in 16 bits gets a
    hundredfold, since its scores move by their batch."""
    length: LengthControl | None = None
    normaliser: Normaliser | None = None
    calibrator: Calibrator | None = None
    after_length: bool = False
    """Normaliser and calibrator were fitted on scores without the part of length."""
    fitted_on: str = ""
    """What the parts were fitted on, in words."""


def read_card(file: Path | None) -> Card:
    """The card of a file; an empty one for None. Raises ``ConfigError``."""
    if file is None:
        return Card()
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{file}: is larger than {_MOST_BYTES} bytes; is it a card?")
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: cannot be read as JSON: {error}") from error
    return read_settings(Card, data, str(file))


def save_card(folder: str | os.PathLike[str], card: Card) -> Path:
    """Write the card beside the weights, whole or not at all; its path."""
    path = Path(folder) / CARD
    draft = path.with_name(f".{CARD}.{os.getpid()}")
    data = card.model_dump(mode="json", exclude_none=True)
    draft.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
    return path
