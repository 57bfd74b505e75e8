"""Requests and tokens per minute, kept by all processes of a machine together.

A token bucket for each limit, in its virtual-scheduling form (the generic cell rate algorithm,
ITU-T I.371 annex A): one number says when the bucket would be full again. In any window of W
seconds at most ``rate x (W + burst_s)`` go out, whatever the number of processes.

Tokens are not known before the reply: an estimate is taken, and settled afterwards. Not covered:
limits counted by the server over fixed minutes (stay below them), and other machines.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from pathlib import Path

from .shared import SharedNumbers

__all__ = ["Rates"]

_REQUESTS, _TOKENS, _HELD = 0, 1, 2
_LONGEST_SLEEP_S = 0.05
"""A waiter looks again this often: tokens given back and the end of a hold are seen soon. Ours."""
_LONGEST_HOLD_S = 60.0
"""However long a server asks all processes to wait, we ask it again after this. Ours."""
_STALE_S = 3600.0
"""A bucket that is full further ahead than this was written under another clock. Ours."""


class Rates:
    """The rates of one endpoint.

    Args:
        path: the file that processes share.
        requests_per_minute: None: no limit.
        tokens_per_minute: prompt and reply together; None: no limit.
        burst_s: seconds of the rate that may go out at once after a quiet time.
    """

    def __init__(
        self,
        path: Path,
        *,
        requests_per_minute: float | None,
        tokens_per_minute: float | None,
        burst_s: float = 1.0,
    ) -> None:
        self._numbers = SharedNumbers(path, 3, "assayrat")
        self._rates_s = [
            None if rate is None else rate / 60.0
            for rate in (requests_per_minute, tokens_per_minute)
        ]
        self._burst_s = burst_s
        self._turn = asyncio.Lock()

    async def wait(self, tokens: int) -> None:
        """Wait for our turn to send one request of about so many tokens, and take it."""
        async with self._turn:  # first come, first served; and one waiter at the file per process
            while (wait_s := self.take(tokens)) > 0:
                await asyncio.sleep(min(wait_s, _LONGEST_SLEEP_S))

    def take(self, tokens: int) -> float:
        """Take one request and its tokens now: 0.0; or the seconds until that may be possible."""
        return self._numbers.change(lambda numbers: self._take(numbers, tokens))

    def settle(self, estimated: int, used: int) -> None:
        """Correct the tokens taken by what the reply says it used."""
        rate = self._rates_s[_TOKENS]
        if rate is not None and estimated != used:
            self._numbers.change(lambda numbers: _add(numbers, _TOKENS, (used - estimated) / rate))

    def hold(self, seconds: float) -> None:
        """The server is busy: nobody sends for so long (at most a minute)."""
        until = time.time() + min(seconds, _LONGEST_HOLD_S)
        self._numbers.change(lambda numbers: _raise(numbers, _HELD, until))

    def _take(self, numbers: array[float], tokens: int) -> float:
        now = time.time()
        costs = (1.0, float(tokens))
        wait_s = max(0.0, numbers[_HELD] - now)
        wait_s = wait_s if wait_s <= _LONGEST_HOLD_S else 0.0
        full = [0.0, 0.0]
        for i, (rate, cost) in enumerate(zip(self._rates_s, costs, strict=True)):
            if rate is None:
                continue
            stale = numbers[i] > now + _STALE_S
            full[i] = max(0.0 if stale else numbers[i], now) + cost / rate
            # what costs more than a whole burst goes when the bucket is empty of others
            wait_s = max(wait_s, full[i] - max(self._burst_s, cost / rate) - now)
        if wait_s > 0:
            return wait_s
        for i in (_REQUESTS, _TOKENS):
            numbers[i] = full[i]
        return 0.0

    def close(self) -> None:
        """Close the file."""
        self._numbers.close()


def _add(numbers: array[float], index: int, seconds: float) -> None:
    numbers[index] += seconds


def _raise(numbers: array[float], index: int, value: float) -> None:
    numbers[index] = max(numbers[index], value)
