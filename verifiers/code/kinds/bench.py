"""What every kind of test works with: runs within a budget, and the cases that come of them.

A run that ended in ``fault`` is the sandbox's doing: ``steady`` does the whole work again, and then
raises ``SandboxFault``, so that it is never taken for a grade.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from ....sandbox.contract import (
    Limits,
    Outcome,
    Program,
    Sandbox,
    SandboxFault,
    Session,
    has_loaded,
)
from ..compare import Compare
from ..languages import LANGUAGES
from ..truth import Task

__all__ = ["Bench", "Case", "Graded", "Prepared", "Served", "ended_because", "folded", "shown"]

ItemT = TypeVar("ItemT")
MadeT = TypeVar("MadeT")

_TRIES = 3
"""Ours: the first, and two more where the sandbox failed."""
_ENDS = {
    "time": "the program took too long",
    "memory": "the program took too much memory",
    "output": "the program wrote too much",
    "processes": "the program started too many processes",
    "disk": "the program filled its disk",
}


@dataclass(slots=True)
class Case:
    """One test and how it went."""

    name: str
    passed: bool
    why: str = ""
    """Of a failed one, without the test's values."""
    detail: str = ""
    """Of a failed one, with them: what was given, expected and got."""


@dataclass(slots=True)
class Graded:
    """What became of all tests of a task."""

    cases: list[Case]
    trust: str = "values are compared outside the program's process"
    """On what the verdict rests."""
    folded: int = 0
    """Tests that were the same as another one."""
    stderr: bytes = b""
    problem: str = ""
    """Why nothing could be tested: the program does not compile, or does not load."""
    notes: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def all_failed(cls, names: Iterable[str], problem: str, **more: Any) -> Graded:
        """Every case failed, for one reason, which is the problem of the whole."""
        return cls([Case(name, False, problem) for name in names], problem=problem, **more)


class _Faulted(Exception):  # noqa: N818 - never leaves this module's callers
    """A run ended in ``fault``."""


class Bench:
    """A sandbox with the limits of one sample.

    Args:
        limits: of each run.
        budget_s: CPU seconds of all runs together; also about their time by the clock.
        task: language and comparison of the tests.
        stop: not beyond the first wrong test, where they are run one by one.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        limits: Limits,
        budget_s: float,
        task: Task | None = None,
        *,
        stop: bool = False,
    ) -> None:
        self.sandbox, self.limits, self.budget_s = sandbox, limits, budget_s
        self.compare: Compare = "exact" if task is None else task.compare
        self.language = LANGUAGES["python" if task is None else task.language]
        self.stop = stop
        self.cpu_s = self.wall_s = self.memory_mb = 0.0
        self.runs = 0
        self._began = time.monotonic()
        self._lost_s = 0.0
        """By the clock, of the sandbox's own: places that were made anew, runs that were faults. A
        program must not be too late for want of it."""

    @property
    def left_s(self) -> float:
        """Seconds of the budget that are left, by CPU or by the clock, whichever is less."""
        clock_s = time.monotonic() - self._began - self._lost_s
        return self.budget_s - max(self.cpu_s, clock_s - 1.0)

    def allowed(self, limits: Limits | None = None) -> Limits:
        """The limits of the next run: never beyond the budget."""
        limits = limits or self.limits
        left = max(self.left_s, 0.05)
        return replace(
            limits, time_s=min(limits.time_s, left), wall_s=min(limits.clock_s, left + 0.5)
        )

    def with_language(self) -> Limits:
        """The limits of a run, with what the language's own machine takes."""
        return replace(
            self.limits,
            memory_mb=self.limits.memory_mb + self.language.memory_mb,
            pids=self.limits.pids + self.language.pids,
        )

    def run(self, program: Program, stdin: bytes = b"", limits: Limits | None = None) -> Outcome:
        """A whole run. Raises ``SandboxFault``."""
        return self._run(self.sandbox, program, stdin, self.allowed(limits))

    def run_for_tests(self, program: Program, stdin: bytes) -> Outcome:
        """As ``run``, of the data's own program, which may be given expected values."""
        return self._run(self.sandbox.for_tests(self.limits)[0], program, stdin, self.allowed())

    def _run(self, place: Sandbox, program: Program, stdin: bytes, limits: Limits) -> Outcome:
        began = time.monotonic()
        outcome = place.run(program, stdin, limits)
        self._lost_s += max(0.0, time.monotonic() - began - outcome.wall_s)
        self.account(outcome)
        if outcome.end == "fault":
            raise SandboxFault(f"{place.name}: {outcome.detail or 'no run came to an end'}")
        return outcome

    def serve(self, source: str, setup: str = "") -> Served:
        """A program as a server; use it in a ``with`` statement."""
        return self._serve(self.sandbox, source, setup, self.allowed())

    def serve_tests(self, source: str, setup: str = "") -> tuple[Served, Sandbox]:
        """Test code that talks with the program, and where that runs."""
        place, limits = self.sandbox.for_tests(self.allowed())
        return self._serve(place, source, setup, limits), place

    def _serve(self, place: Sandbox, source: str, setup: str, limits: Limits) -> Served:
        began = time.monotonic()
        session = place.start(Program.server(source, setup), b"", limits)
        self._lost_s += time.monotonic() - began
        return Served(self, session)

    def steady(self, work: Callable[[], MadeT]) -> MadeT:
        """Do work with sessions; again when the sandbox failed. Raises ``SandboxFault``."""
        fault: _Faulted | None = None
        for _ in range(_TRIES):
            began, lost_s = time.monotonic(), self._lost_s
            try:
                return work()
            except _Faulted as failed:
                fault, self._lost_s = failed, lost_s + time.monotonic() - began
        raise SandboxFault(f"{self.sandbox.name}: {fault} (in {_TRIES} tries)") from None

    def account(self, outcome: Outcome) -> None:
        """Count what a run used."""
        self.runs += 1
        self.cpu_s += outcome.cpu_s
        self.wall_s += outcome.wall_s
        self.memory_mb = max(self.memory_mb, outcome.memory_mb)

    def used(self) -> dict[str, float]:
        """For the evidence."""
        return {
            "runs": self.runs,
            "cpu_s": round(self.cpu_s, 4),
            "wall_s": round(self.wall_s, 4),
            "memory_mb": round(self.memory_mb, 1),
        }


class Served:
    """A server that runs. Replies are what its process wrote, and are checked to be objects."""

    def __init__(self, bench: Bench, session: Session) -> None:
        self._bench, self._session = bench, session
        self.outcome: Outcome | None = None
        """How it ended, once it has."""
        self.pending = True
        """Nobody has heard yet whether the program has loaded."""
        self._load_error = ""

    def ask(self, request: Any, within_s: float | None = None) -> dict[str, Any] | None:
        """A reply; None when the run has ended. An ended one stays so."""
        if self.outcome is not None or self._load_error:
            return None
        if not self.pending:
            return self._reply(self._session.ask(request, within_s))
        loaded, reply = self._session.first(request, within_s)
        return self._reply(reply) if self._has_loaded(loaded) else None

    def _has_loaded(self, said: Any) -> bool:
        self.pending = False
        loaded = self._reply(said)
        if loaded is not None and not has_loaded(loaded):
            self._load_error = told(loaded)
        return loaded is not None and not self._load_error

    @property
    def load_error(self) -> str:
        """Why the program could not be executed; empty when it could. Waits until that is known."""
        if self.pending and self.outcome is None:
            self._has_loaded(self._session.ask(None))
        return self._load_error

    def stop(self) -> None:
        """Begin to end it: nothing more will be asked."""
        if self.outcome is None:
            self._session.stop()

    def _reply(self, reply: Any) -> dict[str, Any] | None:
        if reply is None:
            self.close()
            return None
        return reply if type(reply) is dict else {"error": "BadReply", "text": "not an answer"}

    def close(self) -> Outcome:
        """End it. Raises when the sandbox failed, for ``Bench.steady``."""
        if self.outcome is None:
            self.outcome = self._session.close()
            self._bench.account(self.outcome)
            if self.outcome.end == "fault":
                raise _Faulted(self.outcome.detail or "a run could not be finished")
        return self.outcome

    @property
    def problem(self) -> str:
        """Why there are no (more) answers."""
        if self.load_error:
            return f"the program does not load: {self.load_error}"
        return ended_because(self.outcome) if self.outcome is not None else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.outcome is None and kind is not None:
            self._session.close()
        else:
            self.close()


class Prepared(Generic[ItemT, MadeT]):
    """Something made of a task once and kept while the task is."""

    def __init__(self, make: Callable[[ItemT], MadeT], size: int = 256) -> None:
        self._make, self._size = make, size
        self._held: dict[int, tuple[ItemT, MadeT]] = {}

    def __call__(self, item: ItemT) -> MadeT:
        """Made of this very object, by identity."""
        held = self._held.get(id(item))
        if held is not None and held[0] is item:
            return held[1]
        made = self._make(item)
        while len(self._held) >= self._size:
            del self._held[next(iter(self._held))]
        self._held[id(item)] = (item, made)
        return made


def ended_because(outcome: Outcome) -> str:
    """Why a run ended, in words."""
    more = f": {outcome.detail}" if outcome.detail else ""
    if outcome.end in _ENDS:
        return _ENDS[outcome.end] + more
    if outcome.end == "signal":
        return f"the program was ended by signal {outcome.code}{more}"
    return f"the program left with exit status {outcome.code}"


def told(reply: dict[str, Any]) -> str:
    """An error reply as text."""
    kind, text, line = (reply.get(key) for key in ("error", "text", "line"))
    where = f" (line {line})" if type(line) is int and line > 0 else ""
    return f"{shown(kind, 80)}: {shown(text, 300)}{where}" if text else f"{shown(kind, 80)}{where}"


def shown(value: object, most: int = 200) -> str:
    """Text for a person, bounded and printable."""
    text = value if type(value) is str else str(value)
    text = text if len(text) <= most else text[: most - 3] + "..."
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")


def folded(items: Iterable[ItemT], key: Callable[[ItemT], str]) -> tuple[list[ItemT], int]:
    """Each item once, in order, and how many were left out."""
    seen: dict[str, ItemT] = {}
    count = 0
    for item in items:
        count += 1
        seen.setdefault(key(item), item)
    return list(seen.values()), count - len(seen)
