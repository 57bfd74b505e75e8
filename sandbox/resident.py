"""A program of ours that stays in a jail and is talked to by lines: a proof checker, say.

The jail's walls (namespaces, read-only folders, no network, no capability, a seccomp filter, a
control group where one may be made) around one long-lived process with pipes. What it runs on
behalf of others cannot leave; what it says is data. Linux, no daemon, no root needed.

Not covered: what it says, and how long it may take: the caller ends it with ``kill``. Nothing is
reset between requests; who needs that starts another.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence

import psutil

from ..core.closing import Closing
from .cgroup import Cgroup, make_cgroup, name_of_group
from .contract import Missing
from .jail import ENTER, FIRST_UID, GROUP_NUMBERS, advice, jail_folders

__all__ = ["Gone", "Resident"]

_MOST_LINE = 64 << 20
"""Bytes of one line; a program that writes a longer one is ended."""
_LOOK_S = 0.25
"""Between looks at the CPU time. Ours."""
_KEPT = 20
"""Last other lines that are kept, for a message."""


class Gone(Exception):  # noqa: N818 - becomes a fault or a verdict, not an error
    """The program has ended, was ended, or wrote what nobody can read."""


class Resident(Closing):
    """One program in a jail.

    Args:
        argv: the program by its path in the jail, and its arguments.
        folders: host path -> path in the jail, shown read-only besides the system's.
        environment: all of it; nothing is inherited.
        memory_mb: of the whole process tree, where a control group may be made.
        pids: processes and threads.
        disk_mb: of ``/tmp``, which lives in memory and is its work folder.

    Raises ``Missing`` where the machine cannot make the jail.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        folders: Mapping[str, str],
        environment: Mapping[str, str],
        memory_mb: int,
        pids: int = 64,
        disk_mb: int = 16,
    ) -> None:
        self._buffer = bytearray()
        self._other: list[str] = []
        self._group: Cgroup | None = make_cgroup(name_of_group(next(GROUP_NUMBERS)))
        options = {
            "folders": jail_folders(folders),
            "uid": FIRST_UID + random.SystemRandom().randrange(1 << 20),
            "argv": list(argv),
            "environment": dict(environment),
            "disk_mb": disk_mb,
            "python": sys.executable,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(ENTER), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={},
            cwd="/",
            start_new_session=True,
        )
        try:
            if self._group is not None:
                self._group.add(self._process.pid)
                self._group.allow(memory_mb << 20, pids)
            self._write(b"g")
        except BaseException:
            self.kill()
            raise

    @property
    def counted(self) -> bool:
        """Whether a control group bounds its memory."""
        return self._group is not None

    def memory_mb(self) -> float:
        """In use now, of the whole tree; 0 where nobody counts."""
        return 0.0 if self._group is None else self._group.used() / (1 << 20)

    def over_memory(self) -> bool:
        """Whether the kernel has ended a process of it for memory."""
        return self._group is not None and self._group.kills() > 0

    def said(self) -> str:
        """The last lines that did not begin with the mark."""
        return "\n".join(self._other)

    def ask(self, line: str, mark: str, within_s: float, cpu_s: float | None = None) -> str:
        """Write a line and wait for one that begins with ``mark``; what follows the mark.

        Args:
            within_s: seconds by the clock.
            cpu_s: CPU seconds of all its processes, which a busy machine does not shorten.

        Raises ``Gone`` when the program ends, ``TimeoutError`` when nothing comes in time. After
        either of them nobody knows its state: ``kill`` it.
        """
        deadline = time.monotonic() + within_s
        spent = self._cpu_s() if cpu_s is not None else 0.0
        self._write(line.encode("utf-8", "surrogatepass") + b"\n", deadline)
        return self.hear(
            mark, deadline - time.monotonic(), None if cpu_s is None else spent + cpu_s
        )

    def hear(self, mark: str, within_s: float, until_cpu_s: float | None = None) -> str:
        """As ``ask``, without a question; ``until_cpu_s`` counts from the program's start."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + within_s
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                if (found := self._line(mark)) is not None:
                    return found
                left = deadline - time.monotonic()
                if not selector.select(max(0.0, min(left, _LOOK_S))):
                    if left <= 0:
                        raise TimeoutError(f"nothing came in {within_s:.0f} s")
                    if until_cpu_s is not None and self._cpu_s() > until_cpu_s:
                        raise TimeoutError("its CPU time is spent")
                    continue
                data = os.read(self._process.stdout.fileno(), 1 << 18)
                if not data:
                    raise Gone(f"it ended; it last said: {self.said()[-500:]}")
                self._buffer += data
                if len(self._buffer) > _MOST_LINE:
                    raise Gone("it wrote a line longer than anybody can read")

    def _cpu_s(self) -> float:
        """Of all its processes that live."""
        total = 0.0
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self._process.pid)
            for process in (own, *own.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    times = process.cpu_times()
                    total += times.user + times.system
        return total

    def _line(self, mark: str) -> str | None:
        while (end := self._buffer.find(b"\n")) >= 0:
            line = self._buffer[:end].decode("utf-8", "replace")
            del self._buffer[: end + 1]
            if line.startswith("@!"):
                raise Missing(advice(json.loads(line[2:])))
            if line.startswith(mark):
                return line[len(mark) :]
            self._other = [*self._other, line[:500]][-_KEPT:]
        return None

    def _write(self, data: bytes, deadline: float | None = None) -> None:
        """All of it; a program that does not read is one that does not answer."""
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        os.set_blocking(pipe, False)
        view = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(pipe, selectors.EVENT_WRITE)
            while view:
                left = 10.0 if deadline is None else deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise TimeoutError("it does not read what it is asked")
                try:
                    view = view[os.write(pipe, view[: 1 << 16]) :]
                except BlockingIOError:
                    continue
                except OSError as error:
                    raise Gone(f"it cannot be reached: {error}") from error

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it with all that it started. Idempotent."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, 9)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._group is not None:
            self._group.close()
            self._group = None

    def close(self) -> None:
        """As ``kill``: nothing in it is worth waiting for."""
        self.kill()
