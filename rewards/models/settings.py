"""Which model scores, where it runs, and how much it takes at a time.

Covered: the settings and their checks, and a fingerprint of a model's folder, so that other weights
or another card are another version. Not covered: loading (``network``), servers (``remote``).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, Field, computed_field, model_validator

from ...core.errors import ConfigError
from ...core.settings import NO_EFFECT, Settings
from ...core.source import Scale
from .card import CARD, Card, read_card

__all__ = ["BradleyTerrySettings", "LocalSettings", "ModelSettings", "OneModel", "fingerprint"]

Normalise: TypeAlias = Literal["auto", "saved", "batch", "none"]

_BLOCKS = 64
_BLOCK_BYTES = 4096
_WEIGHTS = (".safetensors", ".bin", ".pt")
_TEXTS = (".json", ".jinja", ".model", ".txt")


class ModelSettings(Settings):
    """One checkpoint. In a recipe a plain text is its ``path``."""

    path: str = Field(min_length=1)
    """A folder, or a name on the hub."""
    revision: str | None = None
    """Of a hub model; give a commit, so that a changed model does not meet an old cache."""
    trust_remote_code: bool = False
    """Run the Python code that comes with the checkpoint, in the worker process."""
    pooling: Literal["last", "model"] = "last"
    """``last``: the last real token by the attention mask, padding and end tokens told apart; the
    head is ours to apply, in float32. ``model``: the model's own logits, for encoders."""
    head: str | None = None
    """The module that makes a score of a hidden state; None: ``score``."""
    label: int | None = Field(default=None, ge=0)
    """Which output is the score; needed where there are several."""
    append_eos: bool | None = None
    """End the text with the end token, as TRL and OpenRLHF train it; None: only where the tokenizer
    has no chat template."""
    card: Path | None = None
    """Of a model whose folder cannot be written to; None: ``assay_reward.json`` beside it."""

    @computed_field(repr=False)  # type: ignore[prop-decorator]
    @property
    def fingerprint(self) -> str:
        """Digest of the weights, the configuration and the card; see ``fingerprint``."""
        return fingerprint(Path(self.path), self.card)

    def local_card(self) -> Card:
        """The card, as far as it can be told without asking a hub. Raises ``ConfigError``."""
        beside = Path(self.path) / CARD
        return read_card(self.card or (beside if beside.is_file() else None))


def fingerprint(folder: Path, card: Path | None = None) -> str:
    """A digest of a model's folder: texts whole, of weights their size and 64 blocks of each file.

    Training moves every weight, so blocks tell; files of a hub model are named by its revision.
    """
    digest = hashlib.blake2b(digest_size=8)
    files = sorted(p for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    for file in [*files, *([card] if card is not None and card.is_file() else [])]:
        if file.suffix in _TEXTS:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        elif file.suffix in _WEIGHTS:
            digest.update(file.name.encode() + b"\0" + _sampled(file))
    return digest.hexdigest() if files or card is not None else ""


def _sampled(file: Path) -> bytes:
    size = file.stat().st_size
    digest = hashlib.blake2b(str(size).encode(), digest_size=16)
    with file.open("rb") as opened:
        for block in range(_BLOCKS):
            opened.seek(block * max(size - _BLOCK_BYTES, 0) // max(_BLOCKS - 1, 1))
            digest.update(opened.read(_BLOCK_BYTES))
    return digest.digest()


def _as_model(value: Any) -> Any:
    return {"path": value} if isinstance(value, str | Path) else value


def _as_models(value: Any) -> Any:
    return [_as_model(each) for each in value] if isinstance(value, list | tuple) else value


OneModel: TypeAlias = Annotated[ModelSettings, BeforeValidator(_as_model)]


class LocalSettings(Settings):
    """Where a model runs, and how much it takes at a time."""

    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``...; ``auto``: a GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights; heads and probabilities are float32 whatever this is. ``auto``: bfloat16 on a
    GPU, float32 on a CPU. In 16 bits a score moves with its batch."""
    threads: Annotated[int | None, Field(ge=1), NO_EFFECT] = None
    """Of the CPU. None: as many as the process has; a worker process begins with 1."""
    batch_tokens: int = Field(default=16_384, ge=1)
    """Tokens of one forward pass, padding included. Halved for good when memory runs out."""
    max_tokens: int | None = Field(default=None, ge=8)
    """Of one text; more are cut off and counted in ``evidence.truncated``. None: the model's
    positions, or 8192 where it does not say."""
    truncate: Literal["left", "right"] = "left"
    """Which end of a text that is too long is cut off: its beginning (the oldest of the prompt), or
    its end, and with it what a score is mostly read from."""


class BradleyTerrySettings(LocalSettings):
    """Settings of ``rm.bradley_terry``."""

    model: OneModel | None = None
    """The checkpoint."""
    models: Annotated[tuple[ModelSettings, ...], BeforeValidator(_as_models)] = ()
    """Or several, which share the process and the device: an ensemble."""
    combine: Literal["mean", "min", "mean_minus_std"] = "mean"
    """How an ensemble's normalised scores become one. ``min`` and ``mean_minus_std`` distrust what
    the models do not agree on (Coste et al. 2023)."""
    k: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    """For ``mean_minus_std``: mean - k std. Ours."""
    activation: Literal["none", "sigmoid", "softmax"] = "none"
    """For classifiers trained on labels. A Bradley-Terry score takes none: only differences mean
    anything, and a sigmoid presses the best answers together."""
    normalise: Normalise = "auto"
    """``saved``: by the numbers on the model's card; ``batch``: mean 0 and variance 1 in each
    batch; ``none``: raw; ``auto``: saved where there are numbers, else raw."""
    calibrated: bool = False
    """Probabilities by the card's calibrator, in place of normalised scores; the scale is then
    ``unit``."""
    length_controlled: bool = False
    """Take off the part of the score that length explains, by the card's slope."""
    pass_at: float | None = None
    """The score from which a sample passes; None: it has no bar."""

    @model_validator(mode="after")
    def _one_way_to_name_models(self) -> BradleyTerrySettings:
        if (self.model is None) == (not self.models):
            raise ValueError("give model, or models for an ensemble")
        if self.calibrated and self.normalise not in ("auto", "none"):
            raise ValueError("calibrated scores are probabilities; leave normalise out")
        return self

    @property
    def all_models(self) -> tuple[ModelSettings, ...]:
        """One or several."""
        return self.models if self.model is None else (self.model,)

    @property
    def score_scale(self) -> Scale:
        """What scores under these settings may be: the host asks."""
        bare = self.normalise == "none" and not self.length_controlled
        squashed = self.activation != "none" and bare
        return "unit" if self.calibrated or squashed else "real"

    @property
    def unanchored(self) -> str:
        """Why scores cannot be added to those of others as they are; empty where they can."""
        if (
            self.score_scale == "unit"
            or self.normalise in ("saved", "batch")
            or len(self.models) > 1
        ):
            return ""
        raw = [model.path for model in self.all_models if not self._has_normaliser(model)]
        if self.normalise == "auto" and not raw:
            return ""
        return (
            "its scores are raw: a Bradley-Terry model learns differences between answers to one"
            " prompt, so their level and unit are arbitrary and would drown or be drowned by the"
            " other sources; fit a normaliser or a calibrator (assay.rewards.models.fit)"
        )

    @staticmethod
    def _has_normaliser(model: ModelSettings) -> bool:
        try:
            return model.local_card().normaliser is not None
        except ConfigError:  # said when the model is loaded
            return False
