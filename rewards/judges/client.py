"""A judge that can be relied on: a transport within rates and a budget, retried, recorded, cached.

    judge = open_judge(JudgeSettings(model="qwen3", base_url="http://127.0.0.1:8000/v1"))
    reply = await judge.ask(Ask(messages=({"role": "user", "content": "..."},)))

Every attempt is counted against the rates and the budget, also one that fails; every attempt with
a bill is paid, also one whose reply is of no use. An ask ends in a reply or a ``JudgeError``.

Not covered: what is asked, and what the reply means (``scoring.py``).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

from ...core.types import JSON
from .budget import Budget, Spent
from .cache import ReplyCache
from .contract import Ask, JudgeError, Reply
from .rates import Rates
from .record import Record
from .settings import JudgeSettings

__all__ = ["Client", "Transport", "judge_of", "open_judge"]


class Transport(Protocol):
    """One attempt at one ask, without patience: what ``OpenAIServer`` and ``LocalModel`` are."""

    async def attempt(self, ask: Ask) -> Reply:
        """The reply with its own bill in tokens; raises ``JudgeError``."""
        ...

    async def close(self) -> None:
        """Give back what is held."""
        ...


@dataclass(slots=True)
class _Bill:
    """What one ask has cost so far, all attempts together."""

    tokens_in: int = 0
    tokens_out: int = 0
    money: float = 0.0

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    def add(self, other: _Bill) -> None:
        self.tokens_in += other.tokens_in
        self.tokens_out += other.tokens_out
        self.money += other.money


class Client:
    """The judge that ``open_judge`` makes. One object serves one event loop; ``async with`` closes.

    Args:
        settings: how it is reached, how fast, and for how much.
        transport: who answers.
    """

    def __init__(self, settings: JudgeSettings, transport: Transport) -> None:
        self.settings = settings
        self.version = f"1+{settings.version()}"
        self.transport = transport
        folder = settings.folder
        self.budget = None if folder is None else _budget(settings)
        self.record = Record(None if folder is None else folder / "judge_calls.jsonl")
        kept = folder is not None and settings.cache and settings.checkpoints is None
        self.cache = ReplyCache(folder / "judge_replies.db" if folder and kept else None)
        self._rates = _rates(settings)
        self._slots = asyncio.Semaphore(settings.concurrency)
        # jitter must differ between processes that began together, and repeat for nobody
        self._random = random.SystemRandom()

    @property
    def model(self) -> str:
        """Who answers: the model's name, with its checkpoint where those change."""
        return str(getattr(self.transport, "name", self.settings.model))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close connections and files."""
        await self.transport.close()
        self.record.close()
        self.cache.close()
        for part in (self.budget, self._rates):
            if part is not None:
                part.close()

    def spent(self) -> Spent | None:
        """What all processes of the run spent; None without a folder to count in."""
        return None if self.budget is None else self.budget.spent()

    def forget(self, ask: Ask) -> None:
        """Do not serve this ask's reply from the cache again: it could not be read."""
        self.cache.forget(self._key(ask))

    async def ask(self, ask: Ask) -> Reply:
        """The reply, from the cache where it is known.

        Raises ``BudgetSpent`` when the run may spend no more, and ``JudgeError`` when retries or
        ``deadline_s`` run out, or at once for a fault that will not pass.
        """
        key = self._key(ask)
        kept = self.cache.get(key)
        if kept is not None:
            return kept
        started = time.perf_counter()
        async with self._slots:
            reply = await self._patiently(ask)
        reply = replace(reply, seconds=time.perf_counter() - started)
        self.cache.put(key, reply)
        return reply

    def _key(self, ask: Ask) -> str:
        return f"{self.version}:{ask.key}"

    async def _patiently(self, ask: Ask) -> Reply:
        bill, last = _Bill(), None
        try:
            async with asyncio.timeout(self.settings.deadline_s) as limit:
                for attempt in range(self.settings.retries + 1):
                    try:
                        return await self._attempt(ask, attempt, bill)
                    except JudgeError as error:
                        last = error
                        if not error.transient or attempt == self.settings.retries:
                            raise
                        if not _worth(error.retry_after_s, limit):
                            raise
                        await self._pause(attempt, error.retry_after_s)
                raise AssertionError("the last attempt returns or raises")
        except TimeoutError:
            why = f"; the last fault: {last}" if last is not None else ""
            raise _billed(
                JudgeError(
                    f"judge {self.model}: no reply within deadline_s ="
                    f" {self.settings.deadline_s:g}{why}"
                ),
                bill,
            ) from last
        except JudgeError as error:
            raise _billed(error, bill) from error.__cause__

    async def _pause(self, attempt: int, retry_after_s: float | None) -> None:
        """Back off with full jitter, and never come back before the server wants us."""
        widest = min(self.settings.backoff_s * 2**attempt, self.settings.longest_backoff_s)
        await asyncio.sleep((retry_after_s or 0.0) + self._random.uniform(0.0, widest))

    async def _attempt(self, ask: Ask, attempt: int, bill: _Bill) -> Reply:
        outcome: Reply | JudgeError | None = None
        async with self._admitted(most_tokens(ask), ask.max_tokens) as paid:
            started = time.perf_counter()
            try:
                outcome = await self.transport.attempt(ask)
            except JudgeError as error:
                outcome = error
            finally:  # when we are cut short there is no outcome, but there was a request
                if outcome is not None and outcome.tokens_in + outcome.tokens_out:
                    money = self.settings.prices.of(outcome.tokens_in, outcome.tokens_out)
                    paid.append(_Bill(outcome.tokens_in, outcome.tokens_out, money))
                    bill.add(paid[0])
                entry = _entry(ask, outcome, paid[0] if paid else _Bill())
                who = {"model": self.model, "version": self.version, "attempt": attempt}
                seconds = round(time.perf_counter() - started, 4)
                self.record.add({**who, **entry, "seconds": seconds})
        if isinstance(outcome, JudgeError):
            if self._rates is not None and outcome.retry_after_s:
                self._rates.hold(outcome.retry_after_s)
            raise outcome
        assert outcome is not None
        return replace(
            outcome, tokens_in=bill.tokens_in, tokens_out=bill.tokens_out, money=bill.money
        )

    @asynccontextmanager
    async def _admitted(self, most_in: int, most_out: int) -> AsyncIterator[list[_Bill]]:
        """Inside, one request may go out. It leaves its bill in the list, if it has one."""
        paid: list[_Bill] = []
        most = (most_in + most_out, self.settings.prices.of(most_in, most_out))
        if self.budget is not None:
            await self.budget.admit(*most)
        likely = most_in // 3 + most_out
        sent = False
        try:
            if self._rates is not None:
                await self._rates.wait(likely)
            sent = True
            yield paid
        finally:
            used = (paid[0].tokens, paid[0].money) if paid else None
            if self._rates is not None and used:
                self._rates.settle(likely, used[0])
            if self.budget is not None:
                self.budget.settle(most, used, sent=sent)


def _entry(ask: Ask, outcome: Reply | JudgeError | None, paid: _Bill) -> dict[str, JSON]:
    """One attempt as the record keeps it."""
    reply = outcome if isinstance(outcome, Reply) else None
    fault = None
    if reply is None:
        fault = "cut short" if outcome is None else f"{type(outcome).__name__}: {outcome}"[:500]
    return {
        "key": ask.key,
        "purpose": ask.purpose,
        "messages": [dict(message) for message in ask.messages],
        "text": None if reply is None else reply.text,
        "finish": None if reply is None else reply.finish,
        "tokens_in": paid.tokens_in,
        "tokens_out": paid.tokens_out,
        "money": paid.money,
        "fault": fault,
    }


def _worth(retry_after_s: float | None, limit: asyncio.Timeout) -> bool:
    """Whether the server wants us back before the deadline."""
    ends = limit.when()
    if retry_after_s is None or ends is None:
        return True
    return asyncio.get_running_loop().time() + retry_after_s < ends


def most_tokens(ask: Ask) -> int:
    """The most tokens a prompt can have: a token is a byte at least, and a template adds a few."""
    sizes = (len(message["content"].encode("utf-8", "replace")) for message in ask.messages)
    return sum(size + 16 for size in sizes)


def _billed(error: JudgeError, bill: _Bill) -> JudgeError:
    error.tokens_in, error.tokens_out, error.money = bill.tokens_in, bill.tokens_out, bill.money
    return error


def _budget(settings: JudgeSettings) -> Budget:
    assert settings.folder is not None
    limits = settings.budget
    return Budget(settings.folder / "judge_budget.bin", tokens=limits.tokens, money=limits.money)


def _rates(settings: JudgeSettings) -> Rates | None:
    """The rates; None where nothing is limited and so nothing needs counting."""
    rates = settings.rates
    if rates.requests_per_minute is None and rates.tokens_per_minute is None:
        return None
    return Rates(
        settings.rates_file(),
        requests_per_minute=rates.requests_per_minute,
        tokens_per_minute=rates.tokens_per_minute,
        burst_s=rates.burst_s,
    )


def open_judge(settings: JudgeSettings) -> Client:
    """The judge of some settings: a server's where ``base_url`` is given, else a local model.

    Nothing is asked or loaded yet. Raises ``ConfigError`` when a library or the key is missing.
    """
    transport: Transport
    if settings.base_url is not None:
        from .openai_server import OpenAIServer

        transport = OpenAIServer(settings)
    else:
        from .in_process import LocalModel

        transport = LocalModel(settings)
    return Client(settings, transport)


def judge_of(model: Any, tokenizer: Any, settings: JudgeSettings | None = None) -> Client:
    """A judge of a model that is in memory, such as the policy itself or its reference.

    It is put into evaluation mode for a reply and back; nobody may train it meanwhile. ``settings``
    name it and say how asks are batched; replies are kept in no cache unless they have a
    ``folder``, and then ``revision`` must change whenever the weights do.

    Args:
        model: a causal language model of transformers.
        tokenizer: its tokenizer; it is not changed.
    """
    from .in_process import LocalModel

    name = str(getattr(model, "name_or_path", "") or type(model).__name__)
    chosen = settings or JudgeSettings(model=name)
    return Client(chosen, LocalModel(chosen, loaded=(tokenizer, model)))
