"""JSON over HTTP for many requests at once, with retries; what fails is a fault that says why.

A busy or broken server (no connection, a cut or unreadable answer, 408, 409, 425, 429, 5xx) is
asked again after growing, random pauses, and not before it wants to be. Redirects are refused, so
that a key goes nowhere else.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from ...core.errors import ConfigError
from ..judges.openai_server import retry_after

if TYPE_CHECKING:
    import aiohttp

__all__ = ["Fault", "Poster"]

T = TypeVar("T")

_MOST_BYTES = 64 * 2**20
_TRANSIENT = frozenset({408, 409, 425, 429})
_SHOWN = 300
_LONGEST_WAIT_S = 60.0


class Fault(Exception):  # noqa: N818 - becomes a verdict, not an error
    """No score came of a request; says why. ``transient``: it may pass."""

    def __init__(self, why: str, *, transient: bool = False, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.transient = transient
        self.after_s = after_s


class Poster:
    """Posts JSON to one address, from any event loop.

    Args:
        url: the whole address.
        key: sent as a bearer token; None: none.
        timeout_s: for each attempt.
        tries: attempts, the first one included.
        backoff_s: the first pause is up to so long; the range doubles up to ``longest_backoff_s``.

    Raises ``ConfigError`` where aiohttp is missing.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None,
        timeout_s: float,
        tries: int,
        backoff_s: float,
        longest_backoff_s: float,
    ) -> None:
        try:
            import aiohttp  # noqa: F401 - only whether it is there
        except ImportError as error:
            raise ConfigError(
                "rm.remote: asking a server needs aiohttp; pip install 'assay-rlvr[judge]'"
            ) from error
        self.url = url
        self._headers = {"content-type": "application/json"}
        if key is not None:
            self._headers["authorization"] = f"Bearer {key}"
        self._timeout_s, self._tries = timeout_s, tries
        self._backoff_s, self._longest_s = backoff_s, longest_backoff_s

    async def post(self, body: Mapping[str, Any], read: Callable[[Any], T]) -> T:
        """What ``read`` makes of the answer; an answer it refuses (``ValueError``) is asked for
        again. Raises ``Fault``."""
        data = json.dumps(body).encode("ascii")
        attempt = 0
        async with self._session() as session:
            while True:
                attempt += 1
                try:
                    return _understood(await self._once(session, data), read)
                except Fault as fault:
                    pause = self._pause(fault, attempt)
                await asyncio.sleep(pause)

    def _pause(self, fault: Fault, attempt: int) -> float:
        """How long to wait before the next attempt. Raises ``Fault`` when there is none."""
        if not fault.transient or attempt >= self._tries:
            tried = f" (after {attempt} tries)" if attempt > 1 else ""
            raise Fault(f"{self.url}: {fault}{tried}", transient=fault.transient) from None
        widest = min(self._backoff_s * 2.0 ** (attempt - 1), self._longest_s)
        return fault.after_s + random.uniform(0.0, widest)  # noqa: S311 - jitter

    async def _once(self, session: aiohttp.ClientSession, data: bytes) -> bytes:
        import aiohttp

        try:
            async with (
                asyncio.timeout(self._timeout_s),
                session.post(self.url, data=data, allow_redirects=False) as response,
            ):
                answer = await _whole(response)
        except TimeoutError:
            raise Fault(f"no answer within {self._timeout_s:g} s", transient=True) from None
        except aiohttp.ClientError as error:
            raise Fault(f"{type(error).__name__}: {error}", transient=True) from None
        if response.status == 200:
            return answer
        said = answer[:_SHOWN].decode("utf-8", "replace")
        busy = response.status in _TRANSIENT or response.status >= 500
        wait_s = min(retry_after(response.headers) or 0.0, _LONGEST_WAIT_S) if busy else 0.0
        raise Fault(f"status {response.status}, got {said!r}", transient=busy, after_s=wait_s)

    def _session(self) -> aiohttp.ClientSession:
        """One for each call: nothing is left open, whatever becomes of the event loop. A request
        holds many texts, so a connection of its own is a small part of it."""
        import aiohttp

        return aiohttp.ClientSession(
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),
        )


def _understood(answer: bytes, read: Callable[[Any], T]) -> T:
    try:
        return read(json.loads(answer))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        said = answer[:_SHOWN].decode("utf-8", "replace")
        raise Fault(
            f"not an answer of this protocol: {error}; got {said!r}", transient=True
        ) from None


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > _MOST_BYTES:
            raise Fault(f"the answer is longer than {_MOST_BYTES} bytes")
        parts.append(part)
    return b"".join(parts)
