"""Windows between the driver, which puts them in, and Ray Data, which takes them out.

The driver alone reads the input, as it does without Ray: any input will do, standard input too, and
no other machine needs the file. The feed is an actor beside the driver. It keeps a window until its
rewards have arrived, so that a read task that dies can be run again from the start (windows that
are done pass by empty, for their places count), and it remembers how often a window was begun and
how far its judge came: an actor that is given a window which has killed actors before knows it.

Nothing of Ray is imported here: its process is up the sooner, and smaller.

Not covered: the death of the feed itself, which ends the run as the driver's death does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

__all__ = ["Feed", "Past"]


@dataclass(frozen=True, slots=True)
class Past:
    """What happened to a window before it is begun now."""

    tries: int
    """How often it was begun; each time the actor died over it."""
    blamed: frozenset[int]
    """Places in it at which an actor died."""


@dataclass(slots=True)
class _Window:
    content: bytes
    tries: int = 0
    at: int | None = None
    """The place that is being judged, where an actor said so."""
    blamed: set[int] = field(default_factory=set)


class Feed:
    """Windows between the driver, which bounds how many there are, and the actors."""

    def __init__(self) -> None:
        self._windows: dict[int, _Window] = {}
        self._next = 0
        self._changed = asyncio.Condition()

    async def put(self, number: int, content: bytes, done: int) -> None:
        """A window to judge; those before ``done`` are not needed any more."""
        async with self._changed:
            self._windows[number] = _Window(content)
            self._next = number + 1
            for old in [n for n in self._windows if n < done]:
                del self._windows[old]
            self._changed.notify_all()

    async def take(self, number: int) -> bytes:
        """A window, once it is there; empty when its rewards have arrived."""
        async with self._changed:
            await self._changed.wait_for(lambda: number < self._next)
        window = self._windows.get(number)
        return b"" if window is None else window.content

    async def begin(self, number: int) -> Past:
        """An actor begins a window now; what became of it before."""
        window = self._windows.get(number)
        if window is None:
            return Past(0, frozenset())
        if window.at is not None:
            window.blamed.add(window.at)
        past = Past(window.tries, frozenset(window.blamed))
        window.tries, window.at = window.tries + 1, None
        return past

    async def reach(self, number: int, place: int) -> None:
        """An actor comes to a place of the window it has begun."""
        if number in self._windows:
            self._windows[number].at = place
