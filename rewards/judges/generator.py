"""A judge's client as the ``Generator`` of a search: an OpenAI-compatible server, or a model here.

    judge = open_judge(JudgeSettings(model="qwen3", base_url="http://127.0.0.1:8000/v1"))
    with JudgeGenerator(judge, temperature=0.8) as generate:
        found = best_of_n(sample, generate, scorer, n=16)

Rates, budgets, retries, the record and the cache are the client's. A beginning goes out as a last
message of the assistant's. vLLM continues it when its body says so (``continue_final_message: true,
add_generation_prompt: false`` in ``extra_body``), which it may not say of other asks: give a second
client as ``continues``. A server that starts a new message instead can only serve whole answers.

Not covered: stopping at the end of a step (``offline.search.Stepwise`` cuts it), and what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ...core.closing import Closing
from ...core.errors import ConfigError
from ...core.generation import Wanted, Written
from .contract import Ask, Judge, JudgeError, Reply

__all__ = ["JudgeGenerator"]


class JudgeGenerator(Closing):
    """Writes what is wanted by asking a judge, all at a time as far as the client allows.

    Args:
        judge: answers chat messages; ``open_judge`` makes one.
        continues: in its place for wants with a beginning.
        temperature: of samples; a greedy want gets 0.
        instructions: the system message, where the prompt has none; empty: none.

    A continuation that cannot be had (``JudgeError``) is None: the search counts it as lost. It
    owns an event loop and closes the clients, so it is called from code that runs in none.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        continues: Judge | None = None,
        temperature: float = 0.8,
        instructions: str = "",
    ) -> None:
        self._judge, self._continues = judge, continues or judge
        self._temperature = temperature
        self._instructions = instructions
        self._runner = asyncio.Runner()
        self.faults: dict[str, int] = {}
        """What kept continuations from being had -> how often."""

    def __call__(self, wanted: Sequence[Wanted]) -> list[Written | None]:
        """As many as were wanted. Raises ``ConfigError`` inside a running event loop."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._runner.run(self._all(wanted))
        raise ConfigError(
            "JudgeGenerator: was called in a running event loop; search in a thread of its own"
            " (await asyncio.to_thread(best_of_n, ...))"
        )

    async def _all(self, wanted: Sequence[Wanted]) -> list[Written | None]:
        return list(await asyncio.gather(*(self._one(want) for want in wanted)))

    async def _one(self, want: Wanted) -> Written | None:
        ask = Ask(
            messages=tuple(self._messages(want)),
            temperature=0.0 if want.greedy else self._temperature,
            max_tokens=want.max_tokens,
            seed=want.seed,
            purpose="search",
        )
        try:
            reply = await (self._continues if want.beginning else self._judge).ask(ask)
        except JudgeError as error:
            name = type(error).__name__
            self.faults[name] = self.faults.get(name, 0) + 1
            return None
        return _written(reply, want)

    def _messages(self, want: Wanted) -> list[Mapping[str, str]]:
        prompt: Any = want.prompt
        asked = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
        if self._instructions and asked[0].get("role") != "system":
            asked = [{"role": "system", "content": self._instructions}, *asked]
        begun = [{"role": "assistant", "content": want.beginning}] if want.beginning else []
        return [*asked, *begun]

    def close(self) -> None:
        """Close the clients and the event loop."""
        for judge in {id(j): j for j in (self._judge, self._continues)}.values():
            close = getattr(judge, "close", None)
            if close is not None:
                self._runner.run(close())
        self._runner.close()


def _written(reply: Reply, want: Wanted) -> Written:
    # a reply from the cache is billed as nothing and yet as long as it was; a token is no more
    # than a byte, so that a count that is not known is no larger than what was allowed
    known = reply.tokens_out or len(reply.text.encode("utf-8", "replace"))
    return Written(
        reply.text,
        finished=True,
        tokens=min(known, want.max_tokens),
        truncated=reply.finish == "length",
    )
