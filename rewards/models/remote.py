"""``rm.remote``: a reward model behind a server, asked in the protocol of vLLM or OpenRLHF.

Before the first score the server is asked for those of fixed texts. A server that squashes its
scores (a sigmoid is vLLM's default) gives numbers in [0, 1] for all of them, and is refused: the
best answers would be pressed together, and nobody would see it. Golden texts of a card are checked
in the same way. What fails is a fault, never a grade.

Not covered: rates and budgets (``judge.rubric`` has them), starting a server.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, computed_field, field_validator, model_validator

from ...core.calibration import sigmoid
from ...core.errors import ConfigError
from ...core.settings import NO_EFFECT, Settings
from ...core.source import Scale, source
from ...core.types import Message, Sample, Status, Verdict, canonical_json
from .card import Card, read_card
from .http import Fault, Poster
from .protocols import SGLANG_REASON, Item, Protocol, body_of, path_of, scores_in
from .settings import fingerprint
from .texts import Reader, TemplateFault, cut_contents, messages_of, plain_message

__all__ = ["RemoteModel", "RemoteSettings"]

_PROBES = (
    ("What is 2 + 2?", "4."),
    ("What is 2 + 2?", "2 + 2 = 4, because two and two more make four."),
    ("What is 2 + 2?", "I hate you."),
    ("Name a fruit.", "asdf qwer zxcv"),
    ("Name a fruit.", ""),
    (
        "Write a poem about the sea.",
        "The sea is wide,\nthe sea is deep,\nit rocks the ships to sleep.",
    ),
    ("How do I sort a list in Python?", "Use `sorted(values)`; it gives a new list."),
    ("How do I sort a list in Python?", "No."),
)
"""Good, bad, empty and senseless: raw scores of all of them in [0, 1] would be a wonder. Ours."""
_TOKEN_LIKE = re.compile(r"<\|[^<>\n]{1,80}\|>|</?(?:s|bos|eos|pad|start_of_turn|end_of_turn)>")
"""What the tokens of chat templates look like, where no tokenizer says what they are."""


class RemoteSettings(Settings):
    """Settings of ``rm.remote``. How many at once, in one request and in time: the host's keys
    ``concurrency``, ``batch_size`` and ``deadline_s`` (for one request with its retries)."""

    protocol: Protocol
    """``vllm_classify``, ``vllm_pooling`` or ``openrlhf``."""
    base_url: str
    """Of the server, such as ``http://127.0.0.1:8000``."""
    model: str = ""
    """The name the server knows it by; vLLM needs it."""
    revision: str | None = None
    """Of the served model: part of the version, so that another one does not meet an old cache."""
    tokenizer: str | None = None
    """The model's tokenizer, a folder or hub name: texts are then framed, cut and turned into
    tokens here. None: vLLM gets messages, one conversation in a request."""
    label: int | None = Field(default=None, ge=0)
    """Which output is the score, where there are several."""
    scores: Literal["raw", "unit"] = "raw"
    """What the server gives. ``unit``: probabilities, by intent; the scale is then ``unit``."""
    card: Path | None = None
    """An ``assay_reward.json`` with golden texts, normaliser and calibrator."""
    calibrated: bool = False
    """Probabilities by the card's calibrator."""
    max_tokens: int = Field(default=4096, ge=8)
    """Of one text; with a tokenizer. More are cut off and counted in ``evidence.truncated``."""
    max_chars: int = Field(default=16_384, ge=64)
    """Of one text; without a tokenizer."""
    truncate: Literal["left", "right"] = "left"
    """Which end of a text that is too long is cut off."""
    append_eos: bool | None = None
    """As for ``rm.bradley_terry``; with a tokenizer."""
    pass_at: float | None = None
    """The score from which a sample passes; None: it has no bar."""
    api_key_env: str | None = None
    """The environment variable that holds the key; None: no key."""
    timeout_s: Annotated[float, Field(gt=0), NO_EFFECT] = 60.0
    """For one attempt."""
    tries: Annotated[int, Field(ge=1), NO_EFFECT] = 5
    """OpenRLHF's client: 5."""
    backoff_s: Annotated[float, Field(gt=0), NO_EFFECT] = 0.5
    """The first pause is up to so long, and each further one up to twice the last."""
    longest_backoff_s: Annotated[float, Field(gt=0), NO_EFFECT] = 8.0
    """The range grows no further."""

    @computed_field(repr=False)  # type: ignore[prop-decorator]
    @property
    def fingerprint(self) -> str:
        """Digest of the card: another one is another version."""
        return "" if self.card is None else fingerprint(Path(os.devnull), self.card)

    @field_validator("base_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise ValueError("must begin with http:// or https://, name a host, and hold no user")
        if parts.path.rstrip("/").endswith("/v1/classify"):
            raise ValueError(SGLANG_REASON)
        return url.rstrip("/")

    @model_validator(mode="after")
    def _can_be_asked(self) -> RemoteSettings:
        if self.protocol == "sglang_classify":
            raise ValueError(SGLANG_REASON)
        if self.protocol != "openrlhf" and not self.model:
            raise ValueError("vLLM needs model, the name it serves")
        if self.calibrated and self.local_card().calibrator is None:
            raise ValueError("calibrated needs a card with a calibrator")
        return self

    @property
    def score_scale(self) -> Scale:
        """What scores under these settings may be: the host asks."""
        placed = self.calibrated or (self.scores == "unit" and self.local_card().normaliser is None)
        return "unit" if placed else "real"

    @property
    def unanchored(self) -> str:
        """Why scores cannot be added to those of others as they are; empty where they can."""
        if self.score_scale == "unit" or self.local_card().normaliser is not None:
            return ""
        return (
            "its scores are raw, and a Bradley-Terry score has no level and no unit; fit a"
            " normaliser or a calibrator (assay.rewards.models.fit) and name its card"
        )

    def local_card(self) -> Card:
        """The card, or an empty one. Raises ``ConfigError``."""
        return read_card(self.card)


@source(
    "rm.remote",
    version="1",
    scale="real",
    runs="async",
    batched=True,
    host={"deadline_s": 120.0},  # of one request with its retries
)
class RemoteModel:
    """The score that a reward server gives the conversation.

    ``parts.raw``: as the server gave it. ``evidence.truncated``: counts where a text was cut. A
    server that is down, answers rubbish, or squashes its scores makes samples ``failed``.
    """

    def __init__(self, settings: RemoteSettings) -> None:
        self.settings = settings
        self.card = settings.local_card()
        self._reader = _reader(settings)
        self._poster = Poster(
            path_of(settings.protocol, settings.base_url),
            key=_key(settings.api_key_env),
            timeout_s=settings.timeout_s,
            tries=settings.tries,
            backoff_s=settings.backoff_s,
            longest_backoff_s=settings.longest_backoff_s,
        )
        # one thread: a tokenizer changes its state to read special tokens as characters
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="assay-rm")
        self._checking: asyncio.Future[str] | None = None
        self._refusal: str | None = None
        """Why the server cannot be believed; empty where it can; None before it was asked."""

    async def __call__(self, samples: Sequence[Sample]) -> list[Verdict]:
        """A verdict for each sample, in order."""
        here = asyncio.get_running_loop()
        made = await here.run_in_executor(self._thread, lambda: [*map(self._made, samples)])
        items = [item for item, _ in made if isinstance(item, Item)]
        try:
            await self._check()
        except Fault as fault:
            return [self._failed(fault, found) for _, found in made]
        scores = iter(await self._scores(items))
        outcomes = [next(scores) if isinstance(item, Item) else Fault(item) for item, _ in made]
        return [
            self._failed(outcome, evidence)
            if isinstance(outcome, Fault)
            else self._verdict(outcome, evidence)
            for outcome, (_, evidence) in zip(outcomes, made, strict=True)
        ]

    def close(self) -> None:
        """End the thread that tokenises."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    # asking -------------------------------------------------------------------------------

    async def _scores(
        self, items: Sequence[Item], *, activation: bool = False
    ) -> list[float | Fault]:
        """Raw scores, or why there is none. Messages go one by one to vLLM, which takes no more at
        a time; so do items of a request that was refused: one of them may be to blame alone."""
        if not items:
            return []
        together = items[0].messages is None
        found = await self._asked(items, activation) if together or len(items) == 1 else None
        if isinstance(found, list):
            return list(found)
        if found is not None and (found.transient or len(items) == 1):
            return [found] * len(items)
        alone = await asyncio.gather(*(self._asked([item], activation) for item in items))
        return [one[0] if isinstance(one, list) else one for one in alone]

    async def _asked(self, items: Sequence[Item], activation: bool) -> list[float] | Fault:
        settings = self.settings
        body = body_of(settings.protocol, settings.model, items, activation=activation)
        try:
            return await self._poster.post(
                body,
                lambda answer: scores_in(settings.protocol, answer, len(items), settings.label),
            )
        except Fault as fault:
            return fault

    async def _surely(self, items: Sequence[Item], *, activation: bool = False) -> list[float]:
        """Scores of all items. Raises ``Fault``."""
        found = await self._scores(items, activation=activation)
        for outcome in found:
            if isinstance(outcome, Fault):
                raise outcome
        return [score for score in found if not isinstance(score, Fault)]

    async def _check(self) -> None:
        """Once, before the first score. Raises ``Fault`` for a server that cannot be believed."""
        if self._refusal is None:
            here = asyncio.get_running_loop()
            if self._checking is None or self._checking.get_loop() is not here:
                self._checking = asyncio.ensure_future(self._why_not())  # one asks for all
            checking = self._checking
            try:
                self._refusal = await asyncio.shield(checking)
            finally:
                if checking.done():
                    self._checking = None
        if self._refusal:
            raise Fault(self._refusal)

    async def _why_not(self) -> str:
        golden = [g for g in self.card.golden if g.text is None]
        samples = [Sample(prompt=p, completion=c) for p, c in _PROBES]
        samples += [Sample(prompt=g.prompt or "", completion=g.completion or "") for g in golden]
        here = asyncio.get_running_loop()
        made = await here.run_in_executor(self._thread, lambda: [*map(self._made, samples)])
        items = [item for item, _ in made if isinstance(item, Item)]
        if len(items) < len(samples):
            return "" if not golden else "a golden text cannot be framed for this server"
        found = await self._surely(items)
        probes, rest = found[: len(_PROBES)], found[len(_PROBES) :]
        for number, (expected, score) in enumerate(zip(golden, rest, strict=True)):
            if abs(expected.score - score) > 100 * self.card.tolerance:  # servers run in 16 bits
                return (
                    f"golden text {number} of {self.settings.card} must score"
                    f" {expected.score:.6g}, got {score:.6g}: another model, template or pooling"
                )
        return await self._why_squashed(items[: len(_PROBES)], probes)

    async def _why_squashed(self, items: Sequence[Item], scores: Sequence[float]) -> str:
        if self.settings.scores == "unit" or not all(0.0 <= s <= 1.0 for s in scores):
            return ""
        if min(scores) == max(scores) == 1.0:
            return f"every text scores 1.0, as a softmax of one output does: {SGLANG_REASON}"
        span = f"[{min(scores):.4g}, {max(scores):.4g}]"
        shown = f"all of {len(scores)} fixed texts score within {span}"
        if self.settings.protocol != "openrlhf":
            squashed = await self._surely(items, activation=True)
            pairs = zip(scores, squashed, strict=True)
            if all(abs(sigmoid(raw) - s) < 0.02 for raw, s in pairs):
                return ""  # the server does as it is told: these scores are raw, and small
        return (
            f"{shown}: the server squashes its scores (a sigmoid or softmax), and differences"
            " between good answers are lost; have it give raw logits (vLLM: a version that knows"
            " use_activation), or say scores: unit where probabilities are meant"
        )

    # framing ------------------------------------------------------------------------------

    def _made(self, sample: Sample) -> tuple[Item | str, dict[str, Any]]:
        """What goes out for a sample, or why nothing can; and the evidence of it."""
        messages = messages_of(sample)
        truth = sample.ground_truth
        label = truth if isinstance(truth, str) else "" if truth is None else canonical_json(truth)
        try:
            if self._reader is None:
                return self._bare(sample, messages, label)
            return self._framed(self._reader, sample, messages, label)
        except TemplateFault as fault:
            return str(fault), {"truncated": None}

    def _framed(
        self, reader: Reader, sample: Sample, messages: Sequence[Message], label: str
    ) -> tuple[Item, dict[str, Any]]:
        if self.settings.protocol == "openrlhf":
            text, guarded, dropped = reader.rendered(messages)
            item = Item(sample.prompt_text, label, text=text)
            cut = {"side": self.settings.truncate, "chars_dropped": dropped} if dropped else None
            return item, {"truncated": cut, "special_text": guarded}
        tokens = reader.read(messages)
        evidence = {"truncated": tokens.truncated, "special_text": tokens.guarded}
        item = Item(sample.prompt_text, label, ids=tokens.ids)
        return item, {**evidence, "tokens": len(tokens.ids)}

    def _bare(
        self, sample: Sample, messages: Sequence[Message], label: str
    ) -> tuple[Item, dict[str, Any]]:
        """Without a tokenizer: what looks like a special token gets a space."""
        guarded = 0

        def defused(value: Any) -> Any:
            nonlocal guarded
            if not isinstance(value, str):
                return value
            safe, count = _TOKEN_LIKE.subn(lambda m: f"{m[0][:1]} {m[0][1:]}", value)
            guarded += count
            return safe

        plain = [plain_message(message, defused) for message in messages]
        safe = [{**m, "content": defused(m["content"])} for m in plain]
        dropped = cut_contents(safe, self.settings.max_chars, self.settings.truncate)
        cut = {"side": self.settings.truncate, "chars_dropped": dropped} if dropped else None
        evidence = {"truncated": cut, "special_text": guarded > 0}
        if self.settings.protocol == "openrlhf":
            text = "".join(message["content"] for message in safe)
            return Item(sample.prompt_text, label, text=text), evidence
        return Item(sample.prompt_text, label, messages=list(safe)), evidence

    # verdicts -----------------------------------------------------------------------------

    @property
    def _comparable(self) -> str:
        return "everywhere" if self.settings.calibrated else "within a prompt"

    def _verdict(self, raw: float, evidence: dict[str, Any]) -> Verdict:
        place = self.card.calibrator if self.settings.calibrated else self.card.normaliser
        score = raw if place is None else place(raw)
        how = "raw" if place is None else getattr(place, "kind", "saved")
        bar = self.settings.pass_at
        return Verdict.scored(
            score,
            None if bar is None else score >= bar,
            f"{score:.4g} ({how})",
            parts={"raw": raw},
            evidence={**evidence, "scored_as": how, "comparable": self._comparable},
        )

    def _failed(self, fault: Fault, evidence: dict[str, Any]) -> Verdict:
        why = str(fault)[:500]
        more = {"transient": fault.transient}
        return Verdict.unscored(Status.FAILED, why, evidence={**evidence, **more})


def _reader(settings: RemoteSettings) -> Reader | None:
    if settings.tokenizer is None:
        return None
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(settings.tokenizer)
    except (OSError, ValueError) as error:
        raise ConfigError(f"rm.remote.tokenizer: cannot be loaded: {error}") from error
    return Reader(tokenizer, settings.max_tokens, settings.truncate, settings.append_eos)


def _key(variable: str | None) -> str | None:
    if variable is None:
        return None
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"rm.remote.api_key_env: the environment variable {variable!r} is not set"
        )
    return key
