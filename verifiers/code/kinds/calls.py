"""Calls of a program's functions: many in one request, and what is known when it dies at one.

The program answers a batch in pieces. When it ends before a piece is answered, a second run asks
for that piece call by call, so that every call before the fatal one still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .bench import Bench

__all__ = ["Asked", "Caller"]

_PIECE = 512
_AGAIN_S = 2.0
"""By the clock, for a call of a lost piece: those that come before the fatal one are fast."""

GoOn = Callable[[int, dict[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call: encoded arguments of a function by its name."""

    name: str
    args: list[Any]
    kwargs: dict[str, Any]


class Caller:
    """A program that answers calls; a second one takes its place when it dies in a batch."""

    def __init__(self, bench: Bench, source: str, setup: str) -> None:
        self._bench, self._program = bench, (source, setup)
        self.served = bench.serve(source, setup)
        self._problem = ""
        self.stderr = b""
        self.stopped = self._over = False

    @property
    def problem(self) -> str:
        """Why there are no answers (any more); empty while there are. Waits for the program to
        have loaded."""
        if not self._over:
            self._problem = self._problem or self.served.problem
        return self._problem

    def all(self, calls: Sequence[Asked], go_on: GoOn, *, last: bool = False) -> None:
        """Ask for all, in order; ``go_on`` gets each reply and says whether to go on.

        ``last``: nothing is asked after them, and the program begins to end when it has answered.
        """
        place = 0
        while place < len(calls) and not self._problem:
            end = min(place + _PIECE, len(calls))
            name = calls[place].name
            many: list[list[Any]] = [
                [call.args, call.kwargs, *([call.name] if call.name != name else ())]
                for call in calls[place:end]
            ]
            request = {
                "op": "calls",
                "name": name,
                "many": many,
                "last": last and end == len(calls),
            }
            reply = self.served.ask(request)
            values = [] if reply is None else reply.get("values")
            if reply is None:
                self._again(calls, place, end, go_on)
                return
            if type(values) is not list or not values or len(values) > len(many):
                self._problem = "the program's process wrote what is no answer"
                return
            for number, value in enumerate(values, place):
                if not go_on(number, value if type(value) is dict else {}):
                    return
            place += len(values)
        if last and not self.served.pending:
            self.stopped = True
            self.served.stop()

    def _again(self, calls: Sequence[Asked], place: int, end: int, go_on: GoOn) -> None:
        """The piece that was lost, call by call."""
        self._ended()
        if self.served.load_error or end - place < 2 or self._bench.left_s < 0.1:
            return
        first, why = self.served, self.problem
        with self._bench.serve(*self._program) as self.served:
            for number in range(place, end):
                reply = self.one(calls[number], _AGAIN_S)
                if reply is None or not go_on(number, reply):
                    break
            if self.served.outcome is None and not self.served.load_error:
                why = "the program does not do the same twice"
        self.served, self._problem = first, why

    def one(self, call: Asked, within_s: float | None = None) -> dict[str, Any] | None:
        """One call; None when the program has ended."""
        if self.served.load_error:
            return None
        request = {"op": "call", "name": call.name, "args": call.args, "kwargs": call.kwargs}
        return self.ask(request, within_s)

    def ask(self, request: Any, within_s: float | None = None) -> dict[str, Any] | None:
        """Any request; None when the program has ended."""
        reply = self.served.ask(request, within_s)
        if reply is None:
            self._ended()
        return reply

    def close(self) -> None:
        """End the program; keeps the tail of what it wrote to stderr."""
        self.stderr = self.stderr or self.served.close().stderr

    def _ended(self) -> None:
        self._problem = self.problem
        if self.served.outcome is not None:
            self.stderr = self.served.outcome.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is None:
            self._problem = self.problem
        self._over = True  # that we end it is no problem of the program's
        self.served.__exit__(kind, None, None)
        if self.served.outcome is not None:
            self.stderr = self.stderr or self.served.outcome.stderr
