"""A judge in this process: any causal language model that transformers can load.

Asks that wait are answered in batches of like sampling. Text that is judged cannot forge a turn of
the conversation: contents are tokenised apart from the chat template, with special tokens read as
plain characters.

The model may be one that is in memory already, such as the policy that is trained (``judge_of`` in
``client``), or the newest checkpoint of a run (``checkpoints``): then a policy judges itself.

Not covered: a schema is told in words, nothing constrains the tokens; a generation that has begun
cannot be stopped (the host ends the process). Batches may change a reply where two tokens are
almost equally likely; with ``batch_size: 1`` they cannot.
"""

from __future__ import annotations

import asyncio
import copy
import importlib
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .contract import Ask, JudgeError, Reply, TokenChoice
from .openai_server import in_words, plain
from .settings import JudgeSettings

__all__ = ["LocalModel", "newest_checkpoint"]

_Waiting = tuple[Ask, "asyncio.Future[Reply]"]


class LocalModel:
    """A transport that generates. The model is loaded with the first ask, in its own thread.

    Args:
        settings: which model, and how many asks at a time.
        loaded: a tokenizer and a model that are in memory already; ``settings.model`` names them.
    """

    def __init__(self, settings: JudgeSettings, loaded: tuple[Any, Any] | None = None) -> None:
        self.settings = settings
        self._waiting: list[_Waiting] = []
        self._runner: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="assay-judge")
        self._loaded = loaded
        self._place: str | None = None
        """Where the loaded model comes from; None: it was given, or there is none yet."""

    @property
    def name(self) -> str:
        """The model's name, or the place of the checkpoint that answers."""
        return self._place or self.settings.model

    async def attempt(self, ask: Ask) -> Reply:
        """One reply. Raises ``JudgeError`` when the model cannot be loaded, or breaks."""
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((ask, future))
        if self._runner is None or self._runner.done():
            self._runner = asyncio.create_task(self._run())
        return await future

    async def close(self) -> None:
        """Let go of the model."""
        if self._runner is not None:
            self._runner.cancel()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._loaded = None

    async def _run(self) -> None:
        await asyncio.sleep(0)  # whoever asks in the same breath shares the batch
        while self._waiting:
            batch = self._next()
            asks = [ask for ask, _ in batch]
            loop = asyncio.get_running_loop()
            try:
                outcomes = await loop.run_in_executor(self._thread, self._answer, asks)
            except Exception as error:  # noqa: BLE001 - whatever breaks in there is our fault
                outcomes = [_fault(self.settings.model, error) for _ in batch]
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():
                    continue  # nobody waits for it any more
                if isinstance(outcome, Reply):
                    future.set_result(outcome)
                else:
                    future.set_exception(outcome)

    def _next(self) -> list[_Waiting]:
        """The first that waits and those that can be answered with it."""
        self._waiting = [item for item in self._waiting if not item[1].done()]
        batch: list[_Waiting] = []
        for item in self._waiting:
            if len(batch) < self.settings.batch_size and (
                not batch or _kind(item[0]) == _kind(batch[0][0])
            ):
                batch.append(item)
                if item[0].temperature > 0 and item[0].seed is not None:
                    break  # a seed is for one reply: it would mean another one in other company
        self._waiting = [item for item in self._waiting if item not in batch]
        return batch

    def _current(self) -> tuple[Any, Any]:
        """The tokenizer and the model that answer; a newer checkpoint is loaded first."""
        place = newest_checkpoint(self.settings.checkpoints) or self.settings.model
        if self._loaded is not None and (self.settings.checkpoints is None or place == self._place):
            return self._loaded
        try:
            loaded = _load(self.settings, place)
        except JudgeError:
            if self._loaded is None:
                raise
            return self._loaded  # the run removes old checkpoints; the next ask finds a newer one
        self._loaded, self._place = loaded, place
        return loaded

    def _answer(self, asks: Sequence[Ask]) -> list[Reply | JudgeError]:
        """In the model's thread: load it where needed, and generate."""
        tokenizer, model = self._current()
        started = time.perf_counter()
        prompts = [_prompt(tokenizer, model, ask) for ask in asks]
        sound = [(ask, p) for ask, p in zip(asks, prompts, strict=True) if isinstance(p, list)]
        made = _generate(tokenizer, model, sound) if sound else ([], None)
        seconds = time.perf_counter() - started
        rows = iter(
            _Row(len(prompt), ids, _top(made[1], i, self.settings.top_logprobs), seconds)
            for i, ((_, prompt), ids) in enumerate(zip(sound, made[0], strict=True))
        )
        ends = _ends(tokenizer, model)
        return [
            _outcome(tokenizer, ask, next(rows), ends) if isinstance(prompt, list) else prompt
            for ask, prompt in zip(asks, prompts, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Row:
    """What was generated for one ask."""

    tokens_in: int
    ids: list[int]
    """The new tokens, with what follows the end."""
    top: list[dict[int, float]] | None
    seconds: float


def _kind(ask: Ask) -> tuple[object, ...]:
    return (ask.temperature, ask.logprobs, None if ask.temperature == 0 else ask.seed)


def _fault(model: str, error: Exception) -> JudgeError:
    if isinstance(error, JudgeError):
        return copy.copy(error)  # each ask adds its own bill
    return JudgeError(f"judge model {model}: {type(error).__name__}: {error}"[:1000])


def newest_checkpoint(folder: Path | None) -> str | None:
    """The ``checkpoint-N`` of the highest N that is whole; None where there is none."""
    found = [] if folder is None else folder.glob("checkpoint-*")
    # trainer_state.json is the last file of a checkpoint that transformers writes
    whole = [p for p in found if (p / "trainer_state.json").exists() and _number(p) >= 0]
    newest = max(whole, key=_number, default=None)
    return None if newest is None else str(newest)


def _number(path: Path) -> int:
    tail = path.name.rpartition("-")[2]
    return int(tail) if tail.isascii() and tail.isdigit() else -1


def _load(settings: JudgeSettings, place: str) -> tuple[Any, Any]:
    try:
        transformers: Any = importlib.import_module("transformers")
        where: dict[str, Any] = {"revision": settings.revision} if settings.revision else {}
        tokenizer = transformers.AutoTokenizer.from_pretrained(settings.model, **where)
        own = where if place == settings.model else {}
        model = transformers.AutoModelForCausalLM.from_pretrained(place, **own)
    except (ImportError, OSError, ValueError) as error:
        raise JudgeError(
            f"judge.model: {place!r} cannot be loaded: {error}; name a folder or a model"
            " of the hub, or give base_url for a server"
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer, model.to(settings.device).eval()


def _prompt(tokenizer: Any, model: Any, ask: Ask) -> list[int] | JudgeError:
    """The tokens of an ask, or why it cannot be asked."""
    try:
        ids = encode(tokenizer, ask)
    except JudgeError as error:
        return error
    room = getattr(model.config, "max_position_embeddings", None)
    if room is not None and len(ids) + ask.max_tokens > room:
        return JudgeError(
            f"judge model: {len(ids)} tokens and a reply of {ask.max_tokens} do not fit in its"
            f" {room}; shorten the text or lower max_tokens"
        )
    return ids


def encode(tokenizer: Any, ask: Ask) -> list[int]:
    """The tokens of a conversation, up to where the judge begins to speak.

    The template is filled with names that nobody can guess, and the contents take their place only
    after it is cut into tokens. Raises ``JudgeError`` for a template that does not take them as
    they are and in order.
    """
    messages = plain(ask) if ask.schema is None else in_words(ask)
    nonce = secrets.token_hex(8)
    names = [f"Z{nonce}{i}Z" for i in range(len(messages))]
    frame = _frame(tokenizer, messages, names)
    ids: list[int] = []
    for name, message in zip(names, messages, strict=True):
        before, found, frame = frame.partition(name)
        if not found or name in frame:
            raise JudgeError(
                "judge model: its chat template leaves out or moves a message; use one with a"
                " template that keeps system and user messages in order"
            )
        ids += tokenizer.encode(before, add_special_tokens=False)
        ids += tokenizer.encode(
            message["content"], add_special_tokens=False, split_special_tokens=True
        )
    return ids + list(tokenizer.encode(frame, add_special_tokens=False))


def _frame(tokenizer: Any, messages: Sequence[Mapping[str, str]], names: Sequence[str]) -> str:
    """The conversation with names in place of contents."""
    named = [
        {"role": message["role"], "content": name}
        for message, name in zip(messages, names, strict=True)
    ]
    if not tokenizer.chat_template:
        return "".join(f"{m['role']}: {m['content']}\n" for m in named) + "assistant: "
    text = tokenizer.apply_chat_template(named, tokenize=False, add_generation_prompt=True)
    return str(text)


def _generate(
    tokenizer: Any, model: Any, asked: Sequence[tuple[Ask, list[int]]]
) -> tuple[list[list[int]], Any]:
    """The new tokens of each prompt, padding included, and the logits of each step if wanted."""
    torch: Any = importlib.import_module("torch")
    asks, prompts = [ask for ask, _ in asked], [prompt for _, prompt in asked]
    longest = max(map(len, prompts))
    # a tokenizer that was given may have none, and is not ours to change
    pad = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
    ids = torch.tensor([[pad] * (longest - len(p)) + list(p) for p in prompts])
    mask = torch.tensor([[0] * (longest - len(p)) + [1] * len(p) for p in prompts])
    how: dict[str, Any] = {"do_sample": False}
    if asks[0].temperature > 0:
        how = {"do_sample": True, "temperature": asks[0].temperature, "top_k": 0, "top_p": 1.0}
    with torch.random.fork_rng(), torch.inference_mode(), _judging(model):
        if asks[0].seed is not None:
            torch.manual_seed(asks[0].seed)
        made = model.generate(
            input_ids=ids.to(model.device),
            attention_mask=mask.to(model.device),
            max_new_tokens=max(ask.max_tokens for ask in asks),
            pad_token_id=pad,
            return_dict_in_generate=True,
            output_logits=asks[0].logprobs,
            **how,
        )
    return made.sequences[:, longest:].tolist(), made.logits if asks[0].logprobs else None


@contextmanager
def _judging(model: Any) -> Iterator[None]:
    """Without dropout; a policy that is in training goes on as it was."""
    training = bool(model.training)
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _ends(tokenizer: Any, model: Any) -> frozenset[int]:
    """The tokens that end a reply."""
    known = model.generation_config.eos_token_id
    ends = known if isinstance(known, list) else [known, tokenizer.eos_token_id]
    return frozenset(end for end in ends if end is not None)


def _top(logits: Any, row: int, most: int) -> list[dict[int, float]] | None:
    """For each step of one reply, the likeliest tokens with their log-probabilities."""
    if logits is None:
        return None
    steps = []
    for step in logits:
        values, indices = step[row].float().log_softmax(-1).topk(min(most, step.shape[-1]))
        steps.append(dict(zip(indices.tolist(), values.tolist(), strict=True)))
    return steps


def _outcome(tokenizer: Any, ask: Ask, row: _Row, ends: frozenset[int]) -> Reply | JudgeError:
    """One row of a batch, cut at its end or at the ask's own limit."""
    stop = next((i for i, token in enumerate(row.ids) if token in ends), len(row.ids))
    finished = stop < min(len(row.ids), ask.max_tokens)
    ids = row.ids[: min(stop, ask.max_tokens)]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    made = len(ids) + finished
    if not text.strip():
        return JudgeError("judge model: an empty reply", tokens_in=row.tokens_in, tokens_out=made)
    return Reply(
        text=text,
        tokens_in=row.tokens_in,
        tokens_out=made,
        money=0.0,
        seconds=row.seconds,
        cached=False,
        finish="stop" if finished else "length",
        top_logprobs=None if row.top is None else _choices(tokenizer, ids, row.top),
    )


def _choices(
    tokenizer: Any, ids: Sequence[int], top: Sequence[Mapping[int, float]]
) -> tuple[TokenChoice, ...]:
    """What each token adds to the text, and what might have stood there."""
    choices = []
    before = ""
    for i, likely in enumerate(top[: len(ids)]):
        text = tokenizer.decode(ids[: i + 1], skip_special_tokens=True)
        names: dict[str, float] = {}
        for token, logprob in likely.items():
            names.setdefault(tokenizer.decode([token]), logprob)
        choices.append(TokenChoice(token=text[len(before) :], top=names))
        before = text
    return tuple(choices)
