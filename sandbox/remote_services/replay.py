"""A conversation with a program that a service runs from its beginning for every request.

A service that runs a program once keeps nothing between requests. So each request is a new run with
all requests so far, whose last reply is the new one: objects that the program holds, and calls of
the other side's functions that it is in the middle of, are there again.

What the earlier requests are answered with is compared with what they were answered before. A
program that does not do the same twice is ended, and gains nothing by it: each reply was given by a
run that knew no more than the requests up to it. Where text says at which address an object lies
nothing is compared, and ``random`` begins alike in all runs, since honest programs differ there.

Not covered: programs that ask the clock, ``os.urandom``, or a generator of numpy's for what they
reply; and anything but one run for each request, which is what it costs.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..contract import Limits, Outcome, Session, has_loaded
from ..jobs import cut_reply, framed

__all__ = ["Bounds", "Once", "Replayed"]

Once = Callable[[dict[str, Any], Limits, bytes], tuple[Outcome, float]]
"""A run with requests: how it ended, with the replies in ``files`` under an empty name, and the
seconds that the service took."""

_ADDRESS = re.compile(r" at 0x[0-9a-f]{6,16}\b")
_SEED = "\n__import__('random').seed({seed})\n"
_NOT_TWICE = "it does not do the same twice, and the service runs it anew for each request"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one conversation, all its runs together."""

    requests: int
    """That cannot be sent together."""
    seconds: float
    """By the clock here: what the service takes is in it."""

    def over(self, requests: int, seconds: float, most_requests: str, most_seconds: str) -> str:
        """Which of them is reached, in words with the settings to change; empty: neither is."""
        if requests >= self.requests:
            return f"it was asked {requests} times, which is the most ({most_requests})"
        if seconds >= self.seconds:
            return (
                f"{requests} requests to it took {seconds:.1f} s, of {self.seconds:.1f} s"
                f" ({most_seconds})"
            )
        return ""


class Replayed(Session):
    """A program that runs when it is asked, from its beginning each time."""

    def __init__(self, once: Once, job: dict[str, Any], limits: Limits, bounds: Bounds) -> None:
        self._once, self._job, self._limits, self._bounds = once, job, limits, bounds
        if "random" in job["source"]:
            more = _SEED.format(seed=secrets.randbits(32))
            self._job = {**job, "setup": job["setup"] + more}
        self._asked: list[bytes] = []
        self._given: list[str] = []
        """What was replied to them, as it is compared."""
        self._loaded: Any = None
        self._ended: Outcome | None = None
        self._last: Outcome | None = None
        self._runs, self._seconds = 0, 0.0
        self._cpu_s = self._wall_s = 0.0

    def ask(self, request: Any, within_s: float | None = None) -> Any | None:
        if self._ended is not None:
            return None
        new = [framed(each) for each in _singly(request)]
        replies = self._replayed(new, within_s)
        if request is None:
            return self._loaded
        got = replies[len(self._asked) :]
        if request.get("op") == "calls":
            got = _until_error(got) if request.get("stop") else got
            self._keep(new, got)
            return {"values": got} if got else None
        self._keep(new, got)
        return got[0] if got else None

    def first(self, request: Any, within_s: float | None = None) -> tuple[Any | None, Any | None]:
        reply = self.ask(request, within_s)
        return self._loaded, reply if has_loaded(self._loaded) else None

    def _keep(self, new: list[bytes], got: list[Any]) -> None:
        self._asked += new[: len(got)]
        self._given += map(_compared, got)

    def _replayed(self, new: list[bytes], within_s: float | None) -> list[Any]:
        """Run with all requests; the replies to them, without the word that it has loaded."""
        why = self._bounds.over(self._runs, self._seconds, "replays", "talk_s")
        if why:
            self._end("time", 0, why)
            return []
        outcome = self._run(self._asked + new, within_s)
        replies, sane = whole_replies(outcome.files.get("", b""), self._limits.output_kb << 10)
        self._last = replace(outcome, files={})
        if not sane and outcome.end != "fault":
            self._last = replace(self._last, end="output")
        if len(replies) <= len(self._asked) + len(new) or self._last.end != "exited" or not sane:
            self._ended = self._last
        self._loaded = replies[0] if replies else None
        given = replies[1 : 1 + len(self._asked) + len(new)]
        known = min(len(given), len(self._given))
        if list(map(_compared, given[:known])) != self._given[:known]:
            self._end("signal", 9, _NOT_TWICE)
            return []
        return given

    def _run(self, requests: list[bytes], within_s: float | None) -> Outcome:
        """One of the runs, within what is left; used are all of them together."""
        left = max(self._bounds.seconds - self._seconds, 0.05)
        wall_s = min(self._limits.clock_s, left, left if within_s is None else within_s)
        limits = replace(self._limits, wall_s=wall_s)
        job = {**self._job, "clock_s": wall_s}
        outcome, seconds = self._once(job, limits, b"".join(requests))
        self._runs += 1
        self._seconds += seconds
        self._cpu_s += outcome.cpu_s
        self._wall_s += outcome.wall_s
        return replace(outcome, cpu_s=self._cpu_s, wall_s=self._wall_s)

    def _end(self, end: Any, code: int, why: str) -> None:
        """Ended from here, unless the service failed: then nothing is known."""
        if self._last is None or self._last.end != "fault":
            last = self._last or Outcome("time")
            self._ended = replace(last, end=end, code=code, detail=why)

    def wait(self) -> Outcome:
        if self._ended is None and self._job["kind"] != "server":
            outcome, _ = self._once(self._job, self._limits, b"")
            kept = {name: blob for name, blob in outcome.files.items() if name in self._job["keep"]}
            self._ended = replace(outcome, files=kept)
        if self._ended is None and self._last is None:
            self._replayed([], None)
        ended = self._ended or self._last
        assert ended is not None
        return ended

    def close(self) -> Outcome:
        if self._ended is None and self._last is None:
            self._ended = Outcome("signal", 9, detail="it was never asked")
        return self.wait()


def _singly(request: Any) -> list[Any]:
    """A request as what is asked one by one: a run that ends in the middle of many calls has
    answered those before."""
    if request is None:
        return []
    if request.get("op") != "calls":
        return [request]
    return [
        {"op": "call", "name": name[0] if name else request["name"], "args": args, "kwargs": kwargs}
        for args, kwargs, *name in request["many"]
    ]


def _until_error(got: list[Any]) -> list[Any]:
    for number, reply in enumerate(got, 1):
        if type(reply) is dict and "error" in reply:
            return got[:number]
    return got


def _compared(reply: Any) -> str:
    """A reply, without what differs from run to run in any program."""
    try:
        return _ADDRESS.sub(" at 0x", json.dumps(reply))
    except RecursionError:  # which a reply may just not have reached when it was read
        return "too deep"


def whole_replies(data: bytes, most: int) -> tuple[list[Any], bool]:
    """All whole replies, and whether nothing else was among them."""
    held = bytearray(data)
    replies: list[Any] = []
    try:
        while True:
            known, reply = cut_reply(held, most)
            if not known:
                return replies, True
            replies.append(reply)
    except (ValueError, RecursionError):
        return replies, False
