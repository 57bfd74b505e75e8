"""Money and tokens that a run may spend, counted by all its processes together.

A request is admitted when the limit holds even if all requests on their way cost what they may at
most; near the end they therefore go one by one. When nothing is on its way and something is left,
one more goes. So a run ends with its limit reached, and over it by at most one request.

What a killed process had on its way counts as spent: the server may have billed it. Not covered:
several machines; and what a server bills for a connection that broke (counted in ``unknown``).
"""

from __future__ import annotations

import asyncio
import functools
import os
from array import array
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import EngineError
from .faults import BudgetSpent
from .shared import SharedNumbers

__all__ = ["Budget", "Spent"]

_HEAD = 4  # tokens spent, money spent, replies billed, attempts whose bill is unknown
_SLOT = 5  # process, when it began, requests, tokens and money on their way
_SLOTS = 256
_POLL_S = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What all processes spent so far."""

    tokens: int
    money: float
    replies: int
    """Replies that were billed."""
    unknown: int
    """Attempts that broke off, of which we cannot know whether they were billed."""


class Budget:
    """The budget of a run.

    Args:
        path: the file that processes share; a new run takes a new file.
        tokens: prompt and reply together; None: no limit, they are only counted.
        money: in the unit of the prices; None: no limit.

    Raises ``EngineError`` when more than 256 processes use one budget.
    """

    def __init__(
        self, path: Path, *, tokens: int | None = None, money: float | None = None
    ) -> None:
        self._numbers = SharedNumbers(path, _HEAD + _SLOT * _SLOTS, "assaybud")
        self._tokens, self._money = tokens, money
        self._turn = asyncio.Lock()

    async def admit(self, tokens: int, money: float) -> None:
        """Wait until a request that costs at most so much may go. Raises ``BudgetSpent``."""
        async with self._turn:
            while not self._numbers.change(lambda numbers: self._admit(numbers, tokens, money)):
                await asyncio.sleep(_POLL_S)

    def settle(
        self, admitted: tuple[int, float], used: tuple[int, float] | None, *, sent: bool = True
    ) -> None:
        """The request is over: ``used`` is its bill, None where it has none that we know of."""
        self._numbers.change(lambda numbers: _settle(numbers, admitted, used, sent))

    def spent(self) -> Spent:
        """What was spent so far."""
        head = self._numbers.change(lambda numbers: numbers[:_HEAD])
        return Spent(tokens=int(head[0]), money=head[1], replies=int(head[2]), unknown=int(head[3]))

    def close(self) -> None:
        """Close the file."""
        self._numbers.close()

    def _admit(self, numbers: array[float], tokens: int, money: float) -> bool:
        self._stop_when_spent(numbers)
        mine = _slot(numbers)
        if not self._fits(numbers, tokens, money):
            if _bury(numbers):
                self._stop_when_spent(numbers)
            if _on_their_way(numbers)[0] and not self._fits(numbers, tokens, money):
                return False
        for i, value in enumerate((1.0, float(tokens), money)):
            numbers[mine + 2 + i] += value
        return True

    def _fits(self, numbers: array[float], tokens: int, money: float) -> bool:
        _, held_tokens, held_money = _on_their_way(numbers)
        fits = self._tokens is None or numbers[0] + held_tokens + tokens <= self._tokens
        return fits and (self._money is None or numbers[1] + held_money + money <= self._money)

    def _stop_when_spent(self, numbers: array[float]) -> None:
        for name, spent, limit in (
            ("tokens", numbers[0], self._tokens),
            ("money", numbers[1], self._money),
        ):
            if limit is not None and spent >= limit:
                raise BudgetSpent(
                    f"judge.budget.{name}: {spent:g} of {limit:g} are spent; raise the limit, or"
                    " start a run with a folder of its own"
                )


def _slots(numbers: array[float]) -> range:
    return range(_HEAD, len(numbers), _SLOT)


def _on_their_way(numbers: array[float]) -> tuple[float, float, float]:
    """Requests, tokens and money that all processes have on their way."""
    return (
        sum(numbers[_HEAD + 2 :: _SLOT]),
        sum(numbers[_HEAD + 3 :: _SLOT]),
        sum(numbers[_HEAD + 4 :: _SLOT]),
    )


def _slot(numbers: array[float]) -> int:
    """Where this process's row begins; made when it has none."""
    pid, began = float(os.getpid()), _own_begin(os.getpid())
    free = -1
    for at in _slots(numbers):
        if numbers[at] == pid and numbers[at + 1] == began:
            return at
        if free < 0 and (numbers[at] == 0 or not numbers[at + 2]):
            free = at
    if free < 0:
        raise EngineError(f"judge.budget: more than {_SLOTS} processes share it")
    numbers[free], numbers[free + 1] = pid, began
    numbers[free + 2 : free + _SLOT] = array("d", [0.0, 0.0, 0.0])
    return free


def _bury(numbers: array[float]) -> bool:
    """Count as spent what dead processes had on their way; whether there were any."""
    found = False
    for at in _slots(numbers):
        if numbers[at + 2] and _began(int(numbers[at])) != numbers[at + 1]:
            numbers[0] += numbers[at + 3]
            numbers[1] += numbers[at + 4]
            numbers[3] += numbers[at + 2]
            numbers[at : at + _SLOT] = array("d", [0.0] * _SLOT)
            found = True
    return found


def _settle(
    numbers: array[float],
    admitted: tuple[int, float],
    used: tuple[int, float] | None,
    sent: bool,
) -> None:
    mine = _slot(numbers)
    for i, value in enumerate((1.0, float(admitted[0]), admitted[1])):
        # nothing on its way is exactly nothing, whatever the sums of floats say
        left = numbers[mine + 2 + i] - value
        numbers[mine + 2 + i] = left if numbers[mine + 2] else 0.0
    if used is not None:
        numbers[0] += used[0]
        numbers[1] += used[1]
        numbers[2] += 1
    elif sent:
        numbers[3] += 1


@functools.lru_cache(maxsize=4)
def _own_begin(pid: int) -> float:
    """When this process began; by its number, because a forked one keeps the memory."""
    return _began(pid)


def _began(pid: int) -> float:
    """When a process began, in clock ticks since the machine did; -1 when there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return -1.0
    fields = stat.rpartition(")")[2].split()
    return -1.0 if fields[0] == "Z" else float(fields[19])
