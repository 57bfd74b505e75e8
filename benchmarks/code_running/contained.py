"""The outer end of a peer in its disposable jail: ask, wait so long, start anew when it is gone."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from assay.sandbox.cgroup import Cgroup, make_cgroup

__all__ = ["DEADLINE_S", "Contained", "peer_command"]

DEADLINE_S = 20.0
_START_S = 60.0
_STARTS = 3
_MEMORY_BYTES = 3 << 30
_PROCESSES = 300
_HERE = Path(__file__).resolve().parent
_INSIDE = _HERE.parent.parent / "sandbox" / "inside"
_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/alternatives",
            "/etc/ld.so.cache")  # fmt: skip


def peer_command(mode: str, name: str, checkout: str, python: str) -> list[str]:
    """How to start a peer outside any jail, for programs that are trusted."""
    return [python, "-P", str(_HERE / "peer_child.py"), mode, name, str(Path(checkout).resolve())]


class Contained:
    """A peer that judges, one program at a time."""

    def __init__(self, name: str, checkout: str, python: str) -> None:
        home = Path(python).absolute().parent.parent
        base = os.path.realpath(sys.base_prefix)
        self._folders = [
            *((path, path) for path in _FOLDERS),
            (str(Path(checkout).resolve()), "/peer"),
            (str(_HERE), "/running/code_running"),
        ]
        inside = python
        if home != Path("/usr"):
            self._folders.append((str(home), "/venv"))
            inside = f"/venv/bin/{Path(python).name}"
        if base != "/usr":
            self._folders.append((base, base))
        self._path = f"{Path(inside).parent}:/usr/bin:/bin"
        script = "/running/code_running/peer_child.py"
        self._command = [inside, "-P", script, "judge", name, "/peer"]
        self._process: subprocess.Popen[bytes] | None = None
        self._group: Cgroup | None = None
        self._number = 0

    def ask(self, program: str, tests: Any) -> tuple[bool, str | None]:
        """Whether it was paid, and what went wrong: ``hang``, ``crash``, an exception's name."""
        self._start()
        assert self._process is not None
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps([program, tests]).encode() + b"\n")
            self._process.stdin.flush()
            line = self._line(DEADLINE_S)
        except BrokenPipeError:
            line = b""
        if line is None or not line.endswith(b"\n"):
            self.close()
            return False, "hang" if line is None else "crash"
        try:
            paid, error = json.loads(line)
        except ValueError:  # the program spoke on the grader's pipe
            self.close()
            return False, "crash"
        return paid is True, error

    def close(self) -> None:
        """End it and all that it left."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()
        if self._group is not None:
            self._group.close()

    def _start(self) -> None:
        for _ in range(_STARTS):
            if self._process is not None:
                return
            self._launch()
            if self._line(_START_S) != b"ready\n":
                self.close()
        if self._process is None:
            raise RuntimeError(f"the grader does not start: {' '.join(self._command)}")

    def _launch(self) -> None:
        self._number += 1
        self._group = make_cgroup(f"assay-{os.getpid()}-peer{self._number}")
        options = {
            "inside": str(_INSIDE),
            "folders": self._folders,
            "uid": 0x6E000000 + os.getpid(),
            "argv": self._command,
            "path": self._path,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_HERE / "disposable.py"), json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if self._group is not None:
            self._group.allow(_MEMORY_BYTES, _PROCESSES)
            self._group.add(self._process.pid)
        assert self._process.stdin is not None
        self._process.stdin.write(b"g")
        self._process.stdin.flush()

    def _line(self, within_s: float) -> bytes | None:
        """The next line, what was left at the end of the pipe, or None: nothing came in time."""
        assert self._process is not None
        assert self._process.stdout is not None
        fd, until, got = self._process.stdout.fileno(), time.monotonic() + within_s, b""
        while not got.endswith(b"\n"):
            if not select.select([fd], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            data = os.read(fd, 1 << 16)
            if not data or len(got) > 1 << 20:
                return got
            got += data
        return got
