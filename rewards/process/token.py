"""``prm.token``: a score for every step of an answer, from a token-classification checkpoint.

The model reads prompt and answer once; each step's score is read at its last token, or at a
separator that the model was trained with (Qwen2.5-Math-PRM's ``<extra_0>``, Math-Shepherd's
``ки``). Steps become ``Verdict.steps``, which ``grpo_process`` takes, and one score.

Not covered: servers; models with one output for the whole text (``rm.bradley_terry`` scores
beginnings as well as whole answers); training.
"""

from __future__ import annotations

import inspect
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field, model_validator

from ...core.errors import ConfigError
from ...core.source import source
from ...core.splitters import Span, Splitter, split
from ...core.types import Sample, Status, Step, Verdict
from ..judges.contract import sendable
from ..models.batches import Batcher, OutOfMemory
from ..models.network import load, padded
from ..models.reading import activated
from ..models.settings import LocalSettings, OneModel
from ..models.texts import TemplateFault, messages_of, speaks
from .adding import Adding, added_up, potential_steps

__all__ = ["TokenProcess", "TokenProcessSettings"]

_CHARS_A_TOKEN = 64


class TokenProcessSettings(LocalSettings):
    """Settings of ``prm.token``."""

    model: OneModel
    """A token-classification checkpoint with one output (its sigmoid is the score) or several."""
    good: int = Field(default=1, ge=0)
    """Which of several outputs says that a step is good; the score is its share of the softmax."""
    steps: Splitter = "paragraphs"
    """How an answer is cut."""
    separator: str | None = None
    """Put after every step and read there, in place of the step's last token. May name a special
    token."""
    adding: Adding = "min"
    """The answer's score from those of its steps. ``min`` is Math-Shepherd's; what a model was
    trained for may differ."""
    shaping: Literal["none", "potential"] = "none"
    """``potential``: ``Verdict.steps`` hold ``γ Φ(s') - Φ(s)`` with Φ the score of a step and
    0 at the end, so that they move reward between steps and add none."""
    gamma: float = Field(default=1.0, ge=0, le=1)
    """For ``shaping``."""
    pass_at: float | None = None
    """The score from which a sample passes; None: it has no bar."""

    @model_validator(mode="after")
    def _separator_says_something(self) -> TokenProcessSettings:
        if self.separator == "":
            raise ValueError(
                "separator: must hold a character; leave it out to read at steps' ends"
            )
        return self


@dataclass(frozen=True, slots=True)
class _Read:
    """An answer as the model reads it."""

    ids: list[int]
    ends: list[int]
    """The token of each step, for the steps that fit."""
    spans: list[Span]
    truncated: dict[str, Any] | None


@source("prm.token", version="1", scale="unit", arity="batch", runs="device")
class TokenProcess:
    """Step scores in [0, 1] and what they add up to.

    ``steps``: each with its span in ``Sample.text``. ``parts``: their number, lowest and last
    score. ``evidence``: ``truncated`` where steps did not fit: the one that is cut is read as far
    as it goes, those behind it are left out. An empty answer scores 0. A text that the template
    refuses, or that does not fit into memory, is ``failed``.
    """

    def __init__(self, settings: TokenProcessSettings) -> None:
        self.settings = settings
        self._loaded = load(settings.model, settings, "AutoModelForTokenClassification")
        self._reader = self._loaded.reader
        self._batcher: Batcher[list[float]] = Batcher(settings.batch_tokens, self._loaded.release)
        outputs = int(self._loaded.model.config.num_labels)
        if outputs > 1 and settings.good >= outputs:
            raise ConfigError(
                f"prm.token.good: must be < {outputs}, the outputs of {settings.model.path},"
                f" got {settings.good}"
            )
        tokenizer = self._reader.tokenizer
        if not tokenizer.is_fast:
            raise ConfigError(
                f"prm.token: {settings.model.path}: its tokenizer does not say which characters a"
                " token holds; save it as a fast one (tokenizer.json)"
            )
        mark = settings.separator
        self._mark = [] if mark is None else tokenizer(mark, add_special_tokens=False)["input_ids"]

    def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """A verdict for each sample, in order."""
        read = [self._read(sample) for sample in samples]
        known = [one for one in read if isinstance(one, _Read) and one.ends]
        scores = iter(
            self._batcher.run(
                [len(one.ids) for one in known],
                lambda batch: self._forward([known[i] for i in batch]),
            )
        )
        return [
            self._verdict(one, next(scores) if isinstance(one, _Read) and one.ends else [])
            for one in read
        ]

    def _read(self, sample: Sample) -> _Read | str:
        """The tokens of a sample, or why there are none."""
        try:
            context = self._context(sample)
        except TemplateFault as fault:
            return str(fault)
        most = self._reader.max_tokens
        text = sendable(sample.text[: _CHARS_A_TOKEN * most])
        spans = split(text, self.settings.steps)
        ids, ends = self._marked(text, spans) if self._mark else self._plain(text, spans)
        room = most - 1  # a token of the prompt stays
        fitting = [end for end in ends if end < room]
        ids = ids[:room]
        kept = context[max(len(context) + len(ids) - most, 0) :]
        cut = {
            "prompt_dropped": len(context) - len(kept),
            "steps": len(spans),
            "steps_dropped": len(spans) - len(fitting),
            "chars_dropped": len(sample.text) - len(text),
        }
        if len(fitting) < len(ends):
            fitting.append(room - 1)  # the step that is cut is read as far as it goes
        lost = any(cut[name] for name in ("prompt_dropped", "steps_dropped", "chars_dropped"))
        places = [len(kept) + end for end in fitting]
        return _Read(kept + ids, places, spans[: len(fitting)], cut if lost else None)

    def _context(self, sample: Sample) -> list[int]:
        """The tokens before the last assistant text. Raises ``TemplateFault``."""
        messages = messages_of(sample)
        last = max((i for i, m in enumerate(messages) if speaks(m)), default=len(messages))
        context, _ = self._reader.context(messages[:last])
        eos = self._reader.tokenizer.eos_token_id
        ended = not self._reader.has_template and context[-1:] == [eos]
        return context[:-1] if ended else context

    def _plain(self, text: str, spans: Sequence[Span]) -> tuple[list[int], list[int]]:
        """The text in one piece, and the token with each step's last character that is no blank."""
        found = self._reader.plain(text)
        offsets = [(a, b, i) for i, (a, b) in enumerate(found["offset_mapping"]) if b > a]
        starts = [a for a, _, _ in offsets]
        ends = []
        for begin, end in spans if offsets else ():
            last = begin + max(len(text[begin:end].rstrip()), 1) - 1
            ends.append(offsets[max(bisect_right(starts, last) - 1, 0)][2])
        return list(found["input_ids"]), ends

    def _marked(self, text: str, spans: Sequence[Span]) -> tuple[list[int], list[int]]:
        """Each step with the separator after it, read at the separator's last token."""
        ids: list[int] = []
        ends = []
        for begin, end in spans:
            ids += self._reader.plain(text[begin:end].rstrip())["input_ids"]
            ids += self._mark
            ends.append(len(ids) - 1)
        return ids, ends

    def _forward(self, batch: Sequence[_Read]) -> list[list[float]]:
        import torch

        model = self._loaded.model
        ids, mask = padded([one.ids for one in batch], self._loaded.device)
        more = {"use_cache": False} if "use_cache" in _parameters(model) else {}
        with torch.inference_mode():
            logits = model(input_ids=ids, attention_mask=mask, **more).logits.float()
        found = []
        for row, one in zip(logits, batch, strict=True):
            found.append([self._chance(outputs) for outputs in row[one.ends].tolist()])
        return found

    def _chance(self, outputs: list[float]) -> float:
        if len(outputs) == 1:
            return activated(outputs, "sigmoid")[0]
        return activated(outputs, "softmax")[self.settings.good]

    def _verdict(self, read: _Read | str, scores: list[float] | OutOfMemory) -> Verdict:
        if isinstance(read, str):
            return Verdict.unscored(Status.FAILED, read)
        evidence = {"truncated": read.truncated, "fingerprint": self.settings.model.fingerprint}
        if isinstance(scores, OutOfMemory):
            return Verdict.unscored(Status.FAILED, str(scores), evidence=evidence)
        if not all(map(math.isfinite, scores)):
            why = "the model gave a number that is not finite; float16 overflows"
            return Verdict.unscored(Status.FAILED, why, evidence=evidence)
        if not scores:
            return self._without_steps(evidence)
        settings = self.settings
        score = added_up(scores, settings.adding)
        given = scores if settings.shaping == "none" else potential_steps(scores, settings.gamma)
        steps = [
            Step(start=start, end=end, score=value)
            for (start, end), value in zip(read.spans, given, strict=True)
        ]
        cut = "" if read.truncated is None else ", of a text that was cut"
        return Verdict.scored(
            score,
            None if settings.pass_at is None else score >= settings.pass_at,
            f"{score:.4g} ({settings.adding} of {len(scores)} steps{cut})",
            parts={"steps": float(len(scores)), "lowest": min(scores), "last": scores[-1]},
            steps=steps,
            evidence=evidence,
            cost={"tokens": float(len(read.ids))},
        )

    def _without_steps(self, evidence: dict[str, Any]) -> Verdict:
        bar = self.settings.pass_at
        passed = None if bar is None else bar <= 0.0
        return Verdict.scored(0.0, passed, "an empty answer has no steps", evidence=evidence)


def _parameters(model: Any) -> frozenset[str]:
    return frozenset(inspect.signature(model.forward).parameters)
