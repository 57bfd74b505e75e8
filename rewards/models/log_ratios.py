"""``log π(token) - log π_ref(token)`` for every token of a completion, from two language models.

The prompt is framed by the policy's chat template up to where the assistant begins; the completion
follows as plain characters, then the end token, unless the generation hit its limit.
Not covered: models with different tokenizers.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import ConfigError
from ...core.types import Sample
from ..judges.contract import sendable
from .batches import Batcher, OutOfMemory
from .network import Loaded, load, padded
from .settings import LocalSettings, ModelSettings
from .texts import CHARS_A_TOKEN, Reader, TemplateFault, messages_of, speaks

__all__ = ["LogRatios", "Rollout"]


@dataclass(frozen=True, slots=True)
class Rollout:
    """A prompt and a completion as two models read them."""

    context: list[int]
    completion: list[int]
    starts: list[int]
    """Where each token of the completion begins in ``Sample.text``; the end token: at its end."""
    chars: int
    """How much of the text the tokens cover."""
    truncated: dict[str, Any] | None
    guarded: bool


class LogRatios:
    """Two causal checkpoints on one device.

    Raises ``ConfigError`` for checkpoints that cannot be loaded or do not share a tokenizer.
    """

    def __init__(
        self, policy: ModelSettings, reference: ModelSettings, local: LocalSettings
    ) -> None:
        self._models = [load(model, local, "AutoModelForCausalLM") for model in (policy, reference)]
        self.reader = self._models[0].reader
        self.weight_bytes = sum(model.weight_bytes for model in self._models)
        self.batcher: Batcher[list[float]] = Batcher(local.batch_tokens, self._models[0].release)
        tokenizers = [model.reader.tokenizer for model in self._models]
        if tokenizers[0].get_vocab() != tokenizers[1].get_vocab():
            raise ConfigError(
                f"rm.implicit: {policy.path} and {reference.path} have different tokenizers, so"
                " their probabilities are of different tokens; take two checkpoints of one family"
            )
        if not tokenizers[0].is_fast:
            raise ConfigError(
                f"rm.implicit: {policy.path}: its tokenizer does not say which characters a token"
                " holds; save it as a fast one (tokenizer.json)"
            )

    def rollout(self, sample: Sample) -> Rollout:
        """The tokens of a sample. Raises ``TemplateFault``."""
        context, guarded = self._context(sample)
        limit = CHARS_A_TOKEN * self.reader.max_tokens
        found = self.reader.plain(sendable(sample.text[:limit]))
        ids, spans = list(found["input_ids"]), [tuple(span) for span in found["offset_mapping"]]
        chars = min(len(sample.text), limit)
        starts, of = [start for start, _ in spans], len(ids)
        most = self.reader.max_tokens - 1  # one token of the prompt must stay, to predict the first
        if len(ids) > most:
            ids, starts, chars = ids[:most], starts[:most], spans[most - 1][1]
        elif not sample.truncated and chars == len(sample.text) and len(ids) < most:
            end = self._end()
            ids, starts = ids + end, starts + [chars] * len(end)
        kept = _kept_context(context, self.reader.max_tokens - len(ids), self.reader)
        cut = {
            "prompt_tokens": len(context),
            "prompt_dropped": len(context) - len(kept),
            "completion_tokens": of,
            "completion_dropped": max(of - most, 0),
            "chars_dropped": len(sample.text) - chars,
        }
        lost = any(cut[key] for key in ("prompt_dropped", "completion_dropped", "chars_dropped"))
        return Rollout(kept, ids, starts, chars, cut if lost else None, guarded)

    def of(self, rollouts: Sequence[Rollout]) -> list[list[float] | OutOfMemory]:
        """The log-ratios of each completion's tokens, in order."""
        return self.batcher.run(
            [len(r.context) + len(r.completion) for r in rollouts],
            lambda batch: self._forward([rollouts[i] for i in batch]),
        )

    def _context(self, sample: Sample) -> tuple[list[int], bool]:
        """The tokens before the completion's last assistant text."""
        messages = messages_of(sample)
        last = max((i for i, m in enumerate(messages) if speaks(m)), default=len(messages))
        context, guarded = self.reader.context(messages[:last])
        tokenizer = self.reader.tokenizer
        if not self.reader.has_template and context[-1:] == [tokenizer.eos_token_id]:
            context = context[:-1]  # some tokenizers end every text
        if context:
            return context, guarded
        start = tokenizer.bos_token_id
        if start is None:
            start = tokenizer.eos_token_id
        if start is None:
            raise TemplateFault("there is no prompt, and the tokenizer has no token to begin with")
        return [start], guarded

    def _end(self) -> list[int]:
        eos = self.reader.tokenizer.eos_token_id
        return [] if eos is None else [eos]

    def _forward(self, rollouts: Sequence[Rollout]) -> list[list[float]]:
        policy, reference = (_log_probs(model, rollouts) for model in self._models)
        return [
            [p - r for p, r in zip(ours, theirs, strict=True)]
            for ours, theirs in zip(policy, reference, strict=True)
        ]


def _log_probs(loaded: Loaded, rollouts: Sequence[Rollout]) -> list[list[float]]:
    """The float32 log-probability of each token of each completion."""
    import torch

    rows = [[*r.context, *r.completion] for r in rollouts]
    ids, mask = padded(rows, loaded.device)
    first = min(len(r.context) for r in rollouts) - 1  # logits before it predict prompts
    more: dict[str, Any] = {}
    if "logits_to_keep" in inspect.signature(loaded.model.forward).parameters:
        more["logits_to_keep"] = ids.shape[1] - first
    found: list[list[float]] = []
    with torch.inference_mode():
        logits = loaded.model(input_ids=ids, attention_mask=mask, use_cache=False, **more).logits
        skipped = ids.shape[1] - logits.shape[1]
        for row, rollout in enumerate(rollouts):
            begin = len(rollout.context) - 1 - skipped
            chances = logits[row, begin : begin + len(rollout.completion)].float().log_softmax(-1)
            wanted = torch.tensor(rollout.completion, device=loaded.device).unsqueeze(-1)
            found.append(chances.gather(-1, wanted).squeeze(-1).tolist())
    return found


def _kept_context(context: list[int], room: int, reader: Reader) -> list[int]:
    """The end of the context that fits, with its first token where that begins every text."""
    if len(context) <= room:
        return context
    begun = [context[0]] if room > 1 and context[0] == reader.tokenizer.bos_token_id else []
    return begun + context[len(context) - room + len(begun) :]
