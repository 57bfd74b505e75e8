"""TRL's RewardTrainer, with rankings and ratings beside its pairs, on tokens that we read.

Tokens come from the reader that ``rm.bradley_terry`` uses, so what is trained is what is scored.
transformers reads a score at the last token that is not the padding token; where the end token pads
(which many cards set) that would be another token than in scoring. So texts are padded here with a
token that ends none of them.

Not covered: several processes; heads of several outputs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...core.errors import ConfigError, DataError
from ...rewards.models.batches import plan
from ...rewards.models.texts import Reader, TemplateFault, messages_of
from ..estimators.preferences import all_pairs, bradley_terry, plackett_luce
from .rows import Comparison

_trl: Any = importlib.import_module("trl.trainer.reward_trainer")
RewardTrainer: Any = _trl.RewardTrainer
DataCollatorForPreference: Any = _trl.DataCollatorForPreference
suppress_head_notice: Any = _trl.suppress_seqcls_warning
"""A context in which transformers does not tell of the head that is drawn."""

__all__ = [
    "RewardLearner",
    "Tokenised",
    "score_tokens",
    "suppress_head_notice",
    "tokenised",
]

_FORWARD_TOKENS = 16_384


@dataclass(frozen=True, slots=True)
class Tokenised:
    """Comparisons as a model reads them."""

    ids: list[list[list[int]]]
    """Of each row, of each answer."""
    truncated: int
    """Answers that were cut."""
    pad: int
    """A token that ends no text."""


def tokenised(rows: Sequence[Comparison], reader: Reader) -> Tokenised:
    """The tokens of all answers; raises ``DataError`` for one that the template does not take."""
    found, cut = [], 0
    for number, row in enumerate(rows, start=1):
        try:
            read = [reader.read(messages_of(sample)) for sample in row.samples]
        except TemplateFault as fault:
            raise DataError(f"data: row {number}: {fault}") from fault
        if not all(tokens.ids for tokens in read):
            raise DataError(f"data: row {number}: an empty answer, and no end token to score it at")
        cut += sum(tokens.truncated is not None for tokens in read)
        found.append([tokens.ids for tokens in read])
    return Tokenised(found, cut, _pad(found, reader.tokenizer))


def _pad(rows: Sequence[Sequence[Sequence[int]]], tokenizer: Any) -> int:
    last = {ids[-1] for row in rows for ids in row}
    wanted = [tokenizer.pad_token_id, *range(len(tokenizer))]
    found = next((i for i in wanted if i is not None and i not in last), None)
    if found is None:
        raise ConfigError("data: every token of the vocabulary ends some answer; give append_eos")
    return int(found)


class RewardLearner(RewardTrainer):  # type: ignore[misc]  # TRL's is untyped
    """RewardTrainer for tokenised comparisons.

    Args:
        loss: ``bradley_terry``, ``plackett_luce`` or ``regression``; pairs keep TRL's own loss.
        **settings: those of RewardTrainer.
    """

    def __init__(self, model: Any, *, loss: str, pad: int, **settings: Any) -> None:
        self._loss = loss
        super().__init__(model, data_collator=_Collator(pad), **settings)
        self.model.config.get_text_config().pad_token_id = pad

    def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
        """The rows are tokens already."""
        return dataset

    def _set_signature_columns_if_needed(self) -> None:
        self._signature_columns = ["chosen_ids", "rejected_ids", "margin", "ids", "worth"]

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """TRL's for pairs; a mean over the rows of the batch for rankings and ratings."""
        if "worth" not in inputs:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        sizes, worth = inputs.pop("sizes"), inputs.pop("worth")
        outputs = model(**inputs, use_cache=False)
        scores = outputs.logits.squeeze(-1).float()
        groups = list(zip(scores.split(sizes), worth.split(sizes), strict=True))
        loss = torch.stack([self._row_loss(*group) for group in groups]).mean()
        self._count(scores.detach(), [(s.detach(), w) for s, w in groups])
        return (loss, outputs) if return_outputs else loss

    def _row_loss(self, scores: Tensor, worth: Tensor) -> Tensor:
        if self._loss == "regression":
            return (scores - worth).square().mean()
        better, worse = all_pairs(scores, worth)
        weight = self.args.center_rewards_coefficient or 0.0
        centring = weight * (better + worse).square().mean() if weight else 0.0
        if self._loss == "plackett_luce":
            return plackett_luce(scores) + centring
        return bradley_terry(better, worse).mean() + centring

    def _count(self, scores: Tensor, groups: Sequence[tuple[Tensor, Tensor]]) -> None:
        """What TRL's log says of pairs, of these."""
        kept = self._metrics["train" if self.model.training else "eval"]
        for name, value in (("min", scores.min()), ("mean", scores.mean()), ("max", scores.max())):
            kept[f"{name}_reward"].append(value.item())
        if self._loss == "regression":
            return
        apart = torch.cat([better - worse for better, worse in (all_pairs(*g) for g in groups)])
        kept["accuracy"].append((apart > 0).float().mean().item())
        kept["margin"].append(apart.mean().item())

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """None: the run folder says what a card would."""


class _Collator:
    """Pairs as TRL pads them; rankings and ratings as one batch of all their answers."""

    def __init__(self, pad: int) -> None:
        self.pad = pad
        self._pairs: Callable[[list[dict[str, Any]]], dict[str, Any]] = DataCollatorForPreference(
            pad_token_id=pad
        )

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        if "ids" not in rows[0]:
            return self._pairs(rows)
        texts = [ids for row in rows for ids in row["ids"]]
        ids, mask = _padded(texts, self.pad)
        worth = torch.tensor([w for row in rows for w in row["worth"]], dtype=torch.float)
        sizes = [len(row["ids"]) for row in rows]
        return {"input_ids": ids, "attention_mask": mask, "worth": worth, "sizes": sizes}


def _padded(texts: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    width = max(map(len, texts))
    ids = [[*text, *[pad] * (width - len(text))] for text in texts]
    mask = [[1] * len(text) + [0] * (width - len(text)) for text in texts]
    return torch.tensor(ids), torch.tensor(mask)


def score_tokens(model: Any, texts: Sequence[Sequence[int]], pad: int) -> list[float]:
    """The scores of a model in training, read as in training; its mode is left as it was."""
    found = [0.0] * len(texts)
    was_training, config = model.training, model.config.get_text_config()
    own, config.pad_token_id = config.pad_token_id, pad
    model.eval()
    try:
        with torch.inference_mode():
            for batch in plan([len(text) for text in texts], _FORWARD_TOKENS):
                ids, mask = _padded([texts[i] for i in batch], pad)
                device = model.device
                out = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits
                scores = out.float().squeeze(-1).tolist()
                for place, score in zip(batch, scores, strict=True):
                    found[place] = score
    finally:
        model.train(was_training)
        config.pad_token_id = own
    return found
