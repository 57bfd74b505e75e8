"""One attempt at an OpenAI-compatible server: ``POST {base_url}/chat/completions``.

Works with vLLM, SGLang, llama.cpp, Ollama and hosted ones. aiohttp is the client, not the openai
package: retries, rates and the bill of every attempt are ours to keep (``client.py``), so only one
POST would be left of it, at several times the CPU a request.

The schema goes as ``response_format``; a server that says it does not take that gets it in words.
Not covered: streaming, tools, the Responses API, n > 1.
"""

from __future__ import annotations

import asyncio
import email.utils
import json
import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from ...core.errors import ConfigError
from .contract import Ask, Reply, TokenChoice, sendable
from .faults import JudgeError, JudgeRefused
from .settings import JudgeSettings

if TYPE_CHECKING:
    import aiohttp

__all__ = ["OpenAIServer"]

_MOST_BYTES = 16 * 2**20
"""Of a response; more is a fault. Ours."""
_TRANSIENT = frozenset({408, 409, 425, 429})
"""Besides 5xx: the statuses that OpenAI's client tries again, and 425."""
_NO_SCHEMA = re.compile(
    r"response_format|json_schema|structured|guided|grammar|unsupported.{0,40}schema", re.IGNORECASE
)
_SHOWN = 300


class OpenAIServer:
    """A transport: each ``attempt`` is one request. One object serves one event loop.

    Raises ``ConfigError`` when the client library or the key is missing.
    """

    def __init__(self, settings: JudgeSettings) -> None:
        self.settings = settings
        self.structured = "json_schema" if settings.structured == "auto" else settings.structured
        """How schemas go out now; ``prompt`` after the server refused ``response_format``."""
        self._known = settings.structured != "auto"
        self._probe = asyncio.Lock()
        self._limit_name = "max_tokens"
        self._key = settings.key()
        self._session: aiohttp.ClientSession | None = None
        _require_client()

    async def attempt(self, ask: Ask) -> Reply:
        """One reply, with its own bill. Raises ``JudgeError``."""
        if ask.schema is None or self._known:
            return await self._attempt(ask)
        async with self._probe:  # one finds out for all
            reply = await self._attempt(ask) if self._unknown() else None
        return reply or await self._attempt(ask)

    def _unknown(self) -> bool:
        return not self._known

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _attempt(self, ask: Ask) -> Reply:
        started = time.perf_counter()
        sent = self.structured
        status, headers, data = await self._post(self._body(ask))
        if status in {400, 422} and self._adapted(ask, data, sent):
            status, headers, data = await self._post(self._body(ask))  # a few in a process's life
        if status != 200:
            _refuse(status, headers, data)
        reply = _read(data, ask, time.perf_counter() - started)
        self._known = self._known or ask.schema is not None
        return reply

    def _adapted(self, ask: Ask, data: bytes, sent: str) -> bool:
        """Whether the server said what it does not take, and the next request leaves that out."""
        text = data[:4000].decode("utf-8", "replace")
        if self._limit_name == "max_tokens" and "max_completion_tokens" in text:
            self._limit_name = "max_completion_tokens"
            return True
        auto = self.settings.structured == "auto" and sent == "json_schema"
        if auto and ask.schema is not None and _NO_SCHEMA.search(text):
            self.structured, self._known = "prompt", True
            return True
        return False

    def _body(self, ask: Ask) -> bytes:
        body: dict[str, Any] = {
            "model": self.settings.model,
            "messages": plain(ask),
            "temperature": ask.temperature,
            self._limit_name: ask.max_tokens,
        }
        if ask.seed is not None:
            body["seed"] = ask.seed
        if ask.logprobs:
            body |= {"logprobs": True, "top_logprobs": self.settings.top_logprobs}
        if ask.schema is not None and self.structured == "json_schema":
            wanted = {"name": "reply", "schema": dict(ask.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        elif ask.schema is not None:
            body["messages"] = in_words(ask)
        return json.dumps(body | self.settings.extra_body).encode("ascii")

    async def _post(self, body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        import aiohttp

        session = self._session or self._open()
        url = f"{self.settings.base_url}/chat/completions"
        try:
            async with (
                asyncio.timeout(self.settings.timeout_s),
                session.post(url, data=body, allow_redirects=False) as response,
            ):
                return response.status, response.headers, await _whole(response)
        except TimeoutError:
            raise JudgeError(
                f"judge server: no reply within {self.settings.timeout_s:g} s; raise timeout_s, or"
                " lower concurrency",
                transient=True,
            ) from None
        except aiohttp.ClientError as error:
            raise JudgeError(
                f"judge server {self.settings.base_url}: {type(error).__name__}: {error};"
                " is it running?",
                transient=True,
            ) from error

    def _open(self) -> aiohttp.ClientSession:
        import aiohttp

        headers = {"content-type": "application/json"}
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key}"
        self._session = aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=self.settings.concurrency),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # asyncio.timeout bounds each attempt
        )
        return self._session


def _require_client() -> None:
    try:
        import aiohttp  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ConfigError(
            "judge.base_url: asking a server needs aiohttp; pip install 'assay-rlvr[judge]'"
        ) from error


def plain(ask: Ask) -> list[dict[str, str]]:
    """The messages of an ask as they are sent."""
    return [{**message, "content": sendable(message["content"])} for message in ask.messages]


def in_words(ask: Ask) -> list[dict[str, str]]:
    """The messages of an ask with its schema told in the system message."""
    words = (
        "Reply with one JSON object and nothing else. It must fit this JSON schema, with its keys"
        f" in this order: {json.dumps(dict(ask.schema or {}))}"
    )
    messages = plain(ask)
    if messages[0]["role"] == "system":
        messages[0]["content"] += "\n\n" + words
        return messages
    return [{"role": "system", "content": words}, *messages]


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _MOST_BYTES:
            raise JudgeError(f"judge server: the response is longer than {_MOST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)


def _refuse(status: int, headers: Mapping[str, str], data: bytes) -> NoReturn:
    text = data[:_SHOWN].decode("utf-8", "replace")
    transient = status in _TRANSIENT or status >= 500
    if "insufficient_quota" in text:
        transient = False  # OpenAI says 429 for an empty account too: waiting does not fill it
    raise JudgeError(
        f"judge server: status {status}, got {text!r}",
        transient=transient,
        retry_after_s=retry_after(headers) if transient else None,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds a server asks us to wait: a number, or a date, in RFC 9110's ``Retry-After``;
    or OpenAI's ``retry-after-ms``. None where it asks for nothing that can be read."""
    text = headers.get("retry-after-ms", "")
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        return float(text) / 1000.0
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _read(data: bytes, ask: Ask, seconds: float) -> Reply:
    """The reply in a response body. What breaks the protocol is a fault that may pass."""
    try:
        body = json.loads(data)
        choice = body["choices"][0]
        message = choice["message"]
        usage = body.get("usage") or {}
        text = message.get("content") or ""
        if not isinstance(text, str):
            raise TypeError("content is not text")
        reply = Reply(
            text=text,
            tokens_in=_count(usage.get("prompt_tokens"), _bytes_of(ask) // 4 + 1),
            tokens_out=_count(usage.get("completion_tokens"), len(text.encode()) // 4 + 1),
            money=0.0,
            seconds=seconds,
            cached=False,
            finish=str(choice.get("finish_reason") or "stop"),
            top_logprobs=_choices(choice.get("logprobs")) if ask.logprobs else None,
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        shown = data[:_SHOWN].decode("utf-8", "replace")
        raise JudgeError(
            f"judge server: not a chat completion ({type(error).__name__}: {error}),"
            f" got {shown!r}; does base_url end in /v1?",
            transient=True,
        ) from error
    _check_spoken(reply, str(message.get("refusal") or ""))
    return reply


def _check_spoken(reply: Reply, refusal: str) -> None:
    """Refusals and silence are billed, and are no reply."""
    if refusal or reply.finish == "content_filter":
        raise JudgeRefused(
            f"judge server: declined to answer: {refusal[:_SHOWN]!r}",
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
        )
    if not reply.text.strip():
        raise JudgeError(
            f"judge server: an empty reply (finish {reply.finish!r})",
            transient=True,
            tokens_in=reply.tokens_in,
            tokens_out=reply.tokens_out,
        )


def _count(value: Any, estimate: int) -> int:
    """A count of tokens; some servers give none, and a budget must not be blind to them."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return value if whole else estimate


def _bytes_of(ask: Ask) -> int:
    return sum(len(message["content"].encode("utf-8", "replace")) for message in ask.messages)


def _choices(logprobs: Any) -> tuple[TokenChoice, ...] | None:
    """OpenAI's ``logprobs.content``; None where a server gives none."""
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    if not content:
        return None
    return tuple(
        TokenChoice(
            token=str(item["token"]),
            top={str(item["token"]): float(item["logprob"])}
            | {str(top["token"]): float(top["logprob"]) for top in item.get("top_logprobs") or ()},
        )
        for item in content
    )
