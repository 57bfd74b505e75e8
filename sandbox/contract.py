"""What every sandbox promises: programs in, outcomes out, and whose fault the end was.

A backend runs one ``Program`` at a time per slot, in a place of its own that is gone afterwards:
no network, no file of the host, no process, memory or file of another run. It ends the whole tree
at a limit. An outcome never says whether an answer is right: that is for the caller to decide,
outside, from what came back as data.

Not covered: languages, tests and verdicts; see ``verifiers/code``.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeAlias

from ..core.closing import Closing
from ..core.errors import AssayError

__all__ = [
    "End",
    "Limits",
    "Missing",
    "Outcome",
    "Program",
    "Sandbox",
    "SandboxFault",
    "Session",
]


class Missing(AssayError):  # noqa: N818 - reads as what it says
    """The machine lacks what a backend needs; the message says what, and how to get it."""


class SandboxFault(AssayError):  # noqa: N818 - the word that verdicts use
    """The sandbox itself failed, twice: nothing is known about the program."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may use, its whole process tree together. Beyond any of them it is ended."""

    time_s: float = 5.0
    """CPU seconds: a busy machine must not change a verdict."""
    wall_s: float | None = None
    """Seconds by the clock; by default three times ``time_s`` and one more."""
    memory_mb: int = 512
    """Memory with what lies in files of the run, which live in memory too."""
    output_kb: int = 1024
    """Standard output, the answers of a server, and kept files, each."""
    pids: int = 32
    """Processes and threads."""
    disk_mb: int = 64
    """All files of the run."""
    open_files: int = 64

    @property
    def clock_s(self) -> float:
        """The limit by the clock."""
        return 3 * self.time_s + 1 if self.wall_s is None else self.wall_s


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. Make one with ``script``, ``server`` or ``command``."""

    kind: Literal["script", "server", "command"]
    source: str = ""
    """Python, for ``script`` and ``server``."""
    argv: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Written into the work folder before the start; names without a slash."""
    keep: tuple[str, ...] = ()
    """Files of the work folder to hand back afterwards."""
    setup: str = ""
    """Python that a server executes in the same module before ``source``."""

    @classmethod
    def script(cls, source: str, files: Mapping[str, bytes] | None = None) -> Program:
        """A Python program, run as ``__main__`` by a warm interpreter."""
        return cls("script", source=source, files=files or {})

    @classmethod
    def server(cls, source: str, setup: str = "") -> Program:
        """A Python module whose functions are called from outside; see ``Session``."""
        return cls("server", source=source, setup=setup)

    @classmethod
    def command(
        cls, argv: Sequence[str], files: Mapping[str, bytes] | None = None, keep: Sequence[str] = ()
    ) -> Program:
        """A command of the sandbox's own file system, run in the work folder."""
        return cls("command", argv=tuple(argv), files=files or {}, keep=tuple(keep))


End: TypeAlias = Literal[
    "exited", "signal", "time", "memory", "output", "processes", "disk", "fault"
]
"""How a run ended: by itself, by a signal of its own doing, at a limit, or ``fault``: the sandbox
failed and nothing is known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back of one run."""

    end: End
    code: int = 0
    """Exit status, or the number of the signal."""
    stdout: bytes = b""
    """Cut at ``output_kb``."""
    stderr: bytes = b""
    """The last 64 KB."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Those of ``keep`` that were there."""
    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_mb: float = 0.0
    """The highest seen, of the whole tree."""
    detail: str = ""
    """Of a fault: what failed."""

    @property
    def ok(self) -> bool:
        """Ended by itself with status 0."""
        return self.end == "exited" and self.code == 0


def has_loaded(reply: Any) -> bool:
    """Whether a server's first reply says that the program has been executed."""
    return type(reply) is dict and "loaded" in reply


class Session(Closing):
    """A running server: requests go in and replies come out, as JSON values, one at a time.

    Replies are what the program's process wrote: data, to be believed about nothing but themselves.
    """

    @abstractmethod
    def ask(self, request: Any, within_s: float | None = None) -> Any | None:
        """Send a request and wait for its reply. None when the run has ended; ``close`` says how.

        The request None sends nothing and waits for the reply that a server gives unasked, once
        it has loaded. ``within_s``: clock seconds for this request; the run ends by ``time`` when
        they are over.
        """

    def first(self, request: Any, within_s: float | None = None) -> tuple[Any | None, Any | None]:
        """The reply a server gives once it has loaded, and the one to a first request, which may be
        on its way before that; None for it when the program did not load."""
        loaded = self.ask(None)
        return loaded, self.ask(request, within_s) if has_loaded(loaded) else None

    @abstractmethod
    def wait(self) -> Outcome:
        """Wait until the program has ended by itself or at a limit."""

    def stop(self) -> None:
        """Begin to end the run, without waiting; no more requests. ``close`` comes later."""
        return

    @abstractmethod
    def close(self) -> Outcome:
        """End the run, if it has not ended, and say how it did."""


class Sandbox(Closing):
    """A backend. Thread-safe; opened at the first run or by ``open``; closed for good by ``close``.

    Args:
        slots: how many programs run at the same time; more wait.
    """

    name: str
    guarantees: tuple[str, ...] = ()
    """What it promises, in words, for ``assay doctor`` and the evidence of verdicts."""

    def __init__(self, *, slots: int = 1) -> None:
        self.slots = slots

    @abstractmethod
    def open(self) -> None:
        """Start what runs the programs. Raises ``Missing``."""

    @abstractmethod
    def start(self, program: Program, stdin: bytes, limits: Limits) -> Session:
        """Start a program in a fresh place of its own."""

    @abstractmethod
    def close(self) -> None:
        """End everything, leaving nothing behind. Idempotent."""

    def for_tests(self, limits: Limits) -> tuple[Sandbox, Limits]:
        """Where test code runs that talks with a program which runs here within ``limits``, and
        within what; opened. Raises ``Missing``."""
        return self, limits

    def run(self, program: Program, stdin: bytes = b"", limits: Limits | None = None) -> Outcome:
        """Run to the end. A run that ended in ``fault`` is tried again, twice at most."""
        limits = limits or Limits()
        outcome = Outcome("fault", detail="never started")
        for _ in range(3):
            outcome = self.start(program, stdin, limits).wait()
            if outcome.end != "fault":
                break
        return outcome

    def run_many(self, jobs: Iterable[tuple[Program, bytes, Limits]]) -> list[Outcome]:
        """Run all, ``slots`` at a time; outcomes in order."""
        with ThreadPoolExecutor(self.slots) as pool:
            return list(pool.map(lambda job: self.run(*job), jobs))

    async def arun(
        self, program: Program, stdin: bytes = b"", limits: Limits | None = None
    ) -> Outcome:
        """As ``run``, without blocking the event loop."""
        return await asyncio.to_thread(self.run, program, stdin, limits)

    def __enter__(self) -> Self:
        self.open()
        return self
