"""A sequence-classification checkpoint on a device: tokens in, raw outputs in float32 out.

The score is read at the last real token by the attention mask. transformers reads it at the last
token that is not the padding token: where the end token pads (TRL's default) that skips a text's
own end token and gives another score than vLLM and OpenRLHF give. The head is applied by us, to a
float32 state, and compared once with the model's own on a text where both must agree.

Not covered: heads on top of something else than the last hidden state (``pooling: model``).
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...core.errors import ConfigError
from .batches import Batcher, OutOfMemory
from .card import CARD, Card, read_card
from .settings import LocalSettings, ModelSettings
from .texts import Reader, Tokens

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["Loaded", "RewardNetwork", "load", "most_tokens", "padded", "pool_last"]

log = logging.getLogger("assay")

_MAX_TOKENS = 8192
"""Where neither model nor tokenizer says how long a text may be."""
_SANE_TOKENS = 10_000_000
"""Tokenizers say 1e30 for "no limit"."""
_AGREE = {4: 1e-3, 2: 0.15}
"""By bytes of a weight: how far our score and the model's own may lie apart, relative above 1.
In 16 bits a score moves with its padding. Ours."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A checkpoint on its device, in eval mode, with what is needed to read texts for it."""

    model: Any
    reader: Reader
    device: torch.device
    weight_bytes: int
    """Memory of the weights on the device."""

    def release(self) -> None:
        """Give back what a failed pass held."""
        if self.device.type == "cuda":
            import torch

            torch.cuda.empty_cache()


class RewardNetwork:
    """One reward model.

    Args:
        card: in place of the model's own.

    Raises ``ConfigError`` for a checkpoint that cannot be loaded or has no head of its own, and
    when its golden scores are not met.
    """

    def __init__(
        self, model: ModelSettings, local: LocalSettings, card: Card | None = None
    ) -> None:
        self.settings = model
        self._loaded = load(model, local, "AutoModelForSequenceClassification")
        self.card = read_card(_card_of(model)) if card is None else card
        self.reader = self._loaded.reader
        self.weight_bytes = self._loaded.weight_bytes
        self.batcher: Batcher[list[float]] = Batcher(local.batch_tokens, self._loaded.release)
        self._head = None if model.pooling == "model" else _head(self._loaded.model, model)
        self._check_label(model)
        if self._head is not None:
            self._check_pooling()
        self._check_golden()

    def outputs(self, texts: Sequence[Tokens]) -> list[list[float] | OutOfMemory]:
        """All outputs of the head for each text, raw, in order."""
        rows = [text.ids for text in texts]
        return self.batcher.run(
            [len(row) for row in rows], lambda batch: self._forward([rows[i] for i in batch])
        )

    def score_of(self, outputs: Sequence[float]) -> float:
        """The raw score among the outputs."""
        return outputs[self.settings.label or 0]

    def _forward(
        self, rows: Sequence[Sequence[int]], side: Literal["left", "right"] = "right"
    ) -> list[list[float]]:
        import torch

        ids, mask = padded(rows, self._loaded.device, side)
        with torch.inference_mode():
            if self._head is None:
                outputs = self._loaded.model(input_ids=ids, attention_mask=mask).logits
            else:
                outputs = self._head(pool_last(self._hidden(ids, mask), mask))
        found: list[list[float]] = outputs.float().reshape(len(rows), -1).tolist()
        return found

    def _hidden(self, ids: Tensor, mask: Tensor) -> Tensor:
        """The states of every token, (B, T, H)."""
        base = self._loaded.model.base_model
        more: dict[str, Any] = {}
        if "position_ids" in inspect.signature(base.forward).parameters:
            more["position_ids"] = (mask.cumsum(-1) - 1).clamp(min=0)  # the same on either side
        if "use_cache" in inspect.signature(base.forward).parameters:
            more["use_cache"] = False
        states: Tensor = base(input_ids=ids, attention_mask=mask, **more).last_hidden_state
        return states

    def _check_label(self, model: ModelSettings) -> None:
        outputs = self._loaded.model.config.num_labels
        if model.label is None and outputs != 1:
            raise ConfigError(
                f"{model.path}: has {outputs} outputs; say which one is the score with label"
            )
        if model.label is not None and model.label >= outputs:
            raise ConfigError(f"{model.path}: label must be < {outputs}, got {model.label}")

    def _check_pooling(self) -> None:
        """Our score of a text against the model's own, where padding cannot come between them."""
        import torch

        model, pad = self._loaded.model, self._loaded.model.config.pad_token_id
        ids = self.reader.tokenizer("Is this text read alike?", add_special_tokens=False)
        row = [i for i in ids["input_ids"] if i != pad]
        if not row:
            return  # a tokenizer without these letters: nothing to compare
        tensor = torch.tensor([row], device=self._loaded.device)
        with torch.inference_mode():
            own = model(input_ids=tensor, attention_mask=torch.ones_like(tensor)).logits
        expected = own.float().reshape(-1).tolist()
        width = next(model.parameters()).element_size()
        for ours, theirs in zip(self._forward([row])[0], expected, strict=True):
            if abs(ours - theirs) > _AGREE.get(width, 0.15) * max(1.0, abs(theirs)):
                raise ConfigError(
                    f"{self.settings.path}: its head read at the last token gives {ours:.4f} where"
                    f" the model itself gives {theirs:.4f}: it does something in between; name"
                    " another head, or take pooling: model"
                )

    def _check_golden(self) -> None:
        texts = [self.reader.golden(golden) for golden in self.card.golden]
        width = next(self._loaded.model.parameters()).element_size()
        allowed = self.card.tolerance * (1.0 if width >= 4 else 100.0)
        for number, outputs in enumerate(self.outputs(texts)):
            expected = self.card.golden[number].score
            found = None if isinstance(outputs, OutOfMemory) else self.score_of(outputs)
            if found is None or not abs(found - expected) <= allowed:
                raise ConfigError(
                    f"{self.settings.path}: golden text {number} of {CARD} must score"
                    f" {expected:.6g} (within {allowed:g}), got {found}: other weights, tokenizer,"
                    " chat template or pooling than when it was written; mend that, or fit the"
                    " card anew"
                )


def load(model: ModelSettings, local: LocalSettings, kind: str) -> Loaded:
    """A checkpoint and its tokenizer, ready on its device.

    Args:
        kind: the class of transformers that reads it, such as ``AutoModelForCausalLM``.

    Raises ``ConfigError`` for what cannot be loaded, fills weights with chance, or does not fit.
    """
    import torch
    import transformers

    device = _device(local.device)
    if local.threads is not None:
        torch.set_num_threads(local.threads)
    where = {"revision": model.revision, "trust_remote_code": model.trust_remote_code}
    where = {key: value for key, value in where.items() if value is not None}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(model.path, **where)
        network, info = getattr(transformers, kind).from_pretrained(
            model.path, dtype=_dtype(local, device), output_loading_info=True, **where
        )
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise ConfigError(
            f"{model.path}: cannot be loaded: {type(error).__name__}: {error}; name a folder or a"
            " model of the hub (trust_remote_code lets it bring its own code)"
        ) from error
    _check_whole(model.path, info, kind)
    weights = sum(p.numel() * p.element_size() for p in network.parameters())
    _check_room(model.path, weights, device)
    network = network.to(device).eval()
    most = most_tokens(local.max_tokens, network.config, tokenizer)
    log.info("%s: %.2f GiB of weights on %s", model.path, weights / 2**30, device)
    reader = Reader(tokenizer, most, local.truncate, model.append_eos)
    return Loaded(network, reader, device, weights)


def padded(
    rows: Sequence[Sequence[int]], device: Any, side: Literal["left", "right"] = "right"
) -> tuple[Tensor, Tensor]:
    """Ids and mask, both (B, T). What pads does not matter: the mask says what is real."""
    import torch

    longest = max(map(len, rows))
    filled, real = [], []
    for row in rows:
        lack = longest - len(row)
        zeros = [0] * lack
        filled.append([*zeros, *row] if side == "left" else [*row, *zeros])
        ones = [1] * len(row)
        real.append([*zeros, *ones] if side == "left" else [*ones, *zeros])
    return torch.tensor(filled, device=device), torch.tensor(real, device=device)


def pool_last(states: Tensor, mask: Tensor) -> Tensor:
    """The float32 state (B, H) of each row's last real token, of ``states`` (B, T, H).

    By the mask (B, T), wherever padding stands and whatever token pads.
    """
    import torch

    places = torch.arange(mask.shape[1], device=mask.device)
    last = (places * (mask > 0)).argmax(-1)
    return states[torch.arange(mask.shape[0], device=mask.device), last].float()


def _head(network: Any, model: ModelSettings) -> Any:
    """The module that makes a score of a hidden state, copied to float32."""
    name = model.head or "score"
    try:
        found = network.get_submodule(name)
    except AttributeError:
        linear = [n for n, m in network.named_children() if n != network.base_model_prefix]
        raise ConfigError(
            f"{model.path}: {type(network).__name__} has no head {name!r} to read at the last"
            f" token (beside its base it has {', '.join(linear) or 'nothing'}); name it with head,"
            " or take pooling: model for the model's own logits, as encoders need"
        ) from None
    return copy.deepcopy(found).float()


def _check_whole(path: str, info: Any, kind: str) -> None:
    """Refuse a checkpoint whose weights were made up: transformers only warns."""
    missing = sorted(info.get("missing_keys") or ())
    if missing:
        raise ConfigError(
            f"{path}: has no weights for {', '.join(missing[:5])}, which {kind} needs: they would"
            " be random; it is not a checkpoint of that kind"
        )


def _check_room(path: str, weights: int, device: torch.device) -> None:
    if device.type != "cuda":
        return
    import torch

    free, total = torch.cuda.mem_get_info(device)
    if weights > free:
        raise ConfigError(
            f"{path}: needs {weights / 2**30:.1f} GiB for its weights, and {free / 2**30:.1f} of"
            f" {total / 2**30:.1f} are free on {device}; take dtype: bfloat16, another device, or"
            " let models share a process with models: [...]"
        )


def _card_of(model: ModelSettings) -> Path | None:
    """Where the model's card lies; None where it has none."""
    if model.card is not None:
        return model.card
    if Path(model.path).is_dir():
        beside = Path(model.path) / CARD
        return beside if beside.is_file() else None
    from transformers.utils.hub import cached_file

    found = cached_file(
        model.path,
        CARD,
        revision=model.revision,
        _raise_exceptions_for_gated_repo=False,
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    return None if found is None else Path(found)


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device: {error}") from error


def _dtype(local: LocalSettings, device: torch.device) -> torch.dtype:
    import torch

    if local.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    found: torch.dtype = getattr(torch, local.dtype)
    return found


def most_tokens(wanted: int | None, config: Any, tokenizer: Any) -> int:
    """How long a text may be: as wanted, else the model's positions. Raises ``ConfigError``."""
    known = getattr(config.get_text_config(), "max_position_embeddings", None)
    limits = [known, tokenizer.model_max_length]
    sane = [n for n in limits if isinstance(n, int) and 0 < n < _SANE_TOKENS]
    most = min(sane, default=_MAX_TOKENS)
    if wanted is not None and isinstance(known, int) and wanted > known:
        raise ConfigError(f"max_tokens: must be <= the model's {known} positions, got {wanted}")
    return wanted or most
