"""JSON over HTTP to a service that may be slow, busy or broken: retries, and one kind of error.

A busy or broken service (no connection, a cut answer, 408, 429, 5xx, what is no JSON) is asked
again with growing, random pauses. Proxies are those of the environment; redirects are refused, so
that a key goes nowhere else. Not covered: HTTP/2, connections that are kept.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from ...core.errors import ConfigError

__all__ = ["Poster", "ServiceFault", "TooLong"]

_LONGEST_PAUSE_S = 30.0
_TEXT_CHARS = 300
_AGAIN = frozenset({408, 425, 429})


class ServiceFault(Exception):  # noqa: N818 - becomes an outcome, not an error
    """The service did not do what was asked, whatever the program; says why."""


class TooLong(Exception):  # noqa: N818 - becomes an outcome, not an error
    """An answer is longer than an honest program could make it."""


class _Again(Exception):  # noqa: N818 - never leaves this module
    """It may work the next time."""

    def __init__(self, why: str, after_s: float = 0.0) -> None:
        super().__init__(why)
        self.after_s = after_s


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(  # noqa: PLR0917 - the library's own
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        """None makes it an ``HTTPError``."""


class Poster:
    """Posts JSON below one address.

    Args:
        url: ``http://`` or ``https://``, without the path of a call.
        headers: sent with each; their values are never shown.
        retries: attempts after the first one.
        backoff_s: the first pause is up to so long, each further one up to twice the last.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], retries: int, backoff_s: float
    ) -> None:
        self._url = url.rstrip("/")
        parts = urllib.parse.urlsplit(self._url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            # the address is not repeated: it may hold a password
            raise ConfigError(
                "sandbox 'remote': url: must be http:// or https:// and a host, without a user;"
                " name the variable of a key with key_env"
            )
        self._headers, self._retries, self._backoff_s = dict(headers), retries, backoff_s
        self._opener = urllib.request.build_opener(_NoRedirect)
        self._closed = threading.Event()

    def close(self) -> None:
        """Nothing is asked any more; what is under way ends within its time."""
        self._closed.set()

    def post(self, path: str, payload: Any, within_s: float, most_bytes: int) -> Any:
        """The answer as JSON. Raises ``ServiceFault`` and ``TooLong``.

        Args:
            within_s: for each attempt, by the clock.
            most_bytes: of the answer, before it is read as JSON.
        """
        body = json.dumps(payload).encode()
        attempt = 0
        while True:
            attempt += 1
            try:
                text = self._once(
                    "POST", self._url + path, body, self._headers, within_s, most_bytes
                )
                return self._read_json(text)
            except _Again as again:
                if attempt > self._retries:
                    raise ServiceFault(f"{again} (after {attempt} attempts)") from None
                most = min(self._backoff_s * 2 ** (attempt - 1), _LONGEST_PAUSE_S)
                pause = random.uniform(0.0, most) + again.after_s  # noqa: S311 - no secret
            if self._closed.wait(pause):
                raise ServiceFault("the sandbox was closed")

    def stream(
        self, url: str, payload: Any, headers: Mapping[str, str], within_s: float, most_bytes: int
    ) -> list[Any]:
        """The lines of an answer, each JSON, from another address and without our own headers.
        Asked once. Raises ``ServiceFault`` and ``TooLong``."""
        try:
            body = json.dumps(payload).encode()
            text = self._once("POST", url, body, headers, within_s, most_bytes)
            return [self._read_json(line) for line in text.splitlines() if line.strip()]
        except _Again as again:
            raise ServiceFault(str(again)) from None

    def delete(self, path: str, within_s: float) -> None:
        """Asked once. Raises ``ServiceFault``."""
        try:
            self._once("DELETE", self._url + path, None, self._headers, within_s, 1 << 20)
        except (_Again, TooLong) as fault:
            raise ServiceFault(str(fault)) from None

    def _once(  # noqa: PLR0917 - all of one request
        self,
        method: str,
        url: str,
        body: bytes | None,
        more: Mapping[str, str],
        within_s: float,
        most_bytes: int,
    ) -> bytes:
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            url, body, {**headers, **more}, method=method
        )
        deadline = time.monotonic() + within_s
        try:
            with self._opener.open(request, timeout=within_s) as answer:
                return _read(answer, deadline, most_bytes)
        except urllib.error.HTTPError as error:
            with error:
                raise self._refused(error) from None
        except (OSError, http.client.HTTPException) as error:
            why = getattr(error, "reason", None) or error
            raise _Again(f"no answer from the service: {why or type(why).__name__}") from None

    def _read_json(self, text: bytes) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            raise _Again(f"the service answered what is no JSON: {self._shown(text)}") from None

    def _refused(self, error: urllib.error.HTTPError) -> Exception:
        with contextlib.suppress(OSError, http.client.HTTPException):
            said = self._shown(error.read(4 * _TEXT_CHARS))
            why = f"the service answered {error.code}: {said}"
            if error.code in _AGAIN or error.code >= 500:
                return _Again(why, _after(error.headers.get("Retry-After")))
            return ServiceFault(why)
        return _Again(f"the service answered {error.code}, and broke off")

    def _shown(self, text: bytes) -> str:
        """What a service says, short, on one line, and without what we told it in confidence."""
        shown = text[: 4 * _TEXT_CHARS].decode("utf-8", "replace")
        for secret in self._headers.values():
            shown = shown.replace(secret, "***").replace(secret.rpartition(" ")[2], "***")
        return "".join(c if c.isprintable() else " " for c in shown[:_TEXT_CHARS]).strip()


def _read(answer: http.client.HTTPResponse, deadline: float, most_bytes: int) -> bytes:
    """All of it. A service that drips cannot hold us longer than one that is silent."""
    parts, size = [], 0
    while data := answer.read1(1 << 18):
        parts.append(data)
        size += len(data)
        if size > most_bytes:
            raise TooLong(f"the service answered more than {most_bytes} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("timed out")
    promised = answer.headers.get("Content-Length")
    if promised is not None and promised.isdigit() and size < int(promised):
        raise http.client.IncompleteRead(b"", int(promised) - size)
    return b"".join(parts)


def _after(header: str | None) -> float:
    """Seconds that the service wants us to wait; dates are not read."""
    if header is None or not (header.isascii() and header.isdigit()):
        return 0.0
    return min(float(header[:6]), _LONGEST_PAUSE_S)
