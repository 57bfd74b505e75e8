"""One program as a child process: what goes in, what comes out, its limits, and how it ended.

Of the standard library alone, because remote services get it as text: there it runs beside the
program, and here it is what ``unsafe_subprocess`` is made of. Limits are kept by looking
at the process tree twenty times a second, and by what the kernel limits for each process.

Not covered: any isolation. The program is a process like this one and may do what this one may.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .process_tree import ProcessTree, kill

__all__ = ["Supervised"]

_LOOK_S = 0.05
_ERR_KEPT = 64 << 10
_FLOOD = 64 << 20
"""Bytes of standard error beyond which a run is ended; also the most that one kept file gives."""

_LAUNCH = """\
import json, os, resource, sys
job = json.loads(sys.argv[1])
for name, value in job["limits"].items():
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))
if job["serve"]:
    from types import ModuleType
    texts = []
    for path in job["serve"]:
        with open(path, "rb") as file:
            texts.append(file.read().decode("utf-8", "surrogatepass"))
    sys.path.extend(job["packages"])
    inside = ModuleType("inside_server")
    exec(compile(texts[0], "server.py", "exec"), inside.__dict__)
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", closefd=False)
    inside.serve(*job["pipes"], *texts[1:])
try:
    os.execvp(job["argv"][0], job["argv"])
except OSError as error:
    os.write(2, f"{job['argv'][0]}: {error.strerror}\\n".encode())
    os._exit(127)
"""
"""What becomes the program, once it has taken its limits: no code runs between fork and exec."""


class Supervised:
    """A program that runs, from its start on.

    Args:
        job: ``kind`` (script, server, command), ``source``, ``setup``, ``argv``, ``files``,
            ``keep``, ``stdin``, ``folder`` (where its own goes; empty for the usual place),
            ``packages`` (folders), ``flags`` (of Python), ``server`` (the text of
            ``inside/server.py``), and the limits ``time_s``, ``clock_s``, ``memory_mb``,
            ``output_kb``, ``pids``, ``disk_mb``, ``open_files``.

    Raises OSError when the machine cannot start it.
    """

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.job = job
        self.out, self.err, self.replies = bytearray(), b"", bytearray()
        self.ended: dict[str, Any] | None = None
        """How it ended: ``end``, ``code``, ``cpu_s``, ``wall_s``, ``memory_mb``; and ``files``."""
        self._why = ""
        self._got, self._err_size = 0, 0
        self._cpu, self._memory = 0.0, 0
        self._mark = f"ASSAY_RUN={secrets.token_hex(8)}"
        self._in: dict[int, bytearray] = {}
        self._closing: set[str] = set()
        """Inputs that end when all they hold has gone."""
        self._poll = select.poll()
        self._fds: dict[str, int] = {}
        self._root = Path(tempfile.mkdtemp(prefix="assay-", dir=job["folder"] or None))
        try:
            self._start()
        except BaseException:
            self._close()
            raise

    # starting --------------------------------------------------------------------------------

    def _start(self) -> None:
        self._work = self._root / "work"
        self._work.mkdir()
        for name, blob in self.job["files"].items():
            (self._work / name).write_bytes(blob)
            (self._work / name).chmod(0o755)
        theirs = self._pipes()
        try:
            told = json.dumps(self._launch(theirs))
            self.began = self._looked = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, *self.job["flags"], "-c", _LAUNCH, told],
                stdin=theirs["stdin"],
                stdout=theirs["stdout"],
                stderr=theirs["stderr"],
                pass_fds=(theirs["ask"], theirs["reply"]),
                env=self._environment(),
                cwd=self._work,
                start_new_session=True,
            )
        finally:
            for fd in theirs.values():
                os.close(fd)
        self._tree = ProcessTree(self._process.pid, self._mark.encode())
        if hasattr(os, "pidfd_open"):
            self._fds["end"] = os.pidfd_open(self._process.pid)
            self._poll.register(self._fds["end"], select.POLLIN)
        self._feed("stdin", self.job["stdin"], last=True)
        if self.job["kind"] != "server":
            self.no_more()

    def _pipes(self) -> dict[str, int]:
        """The program's ends; ours are registered."""
        theirs = {}
        for name in ("stdin", "ask", "stdout", "stderr", "reply"):
            read, write = os.pipe()
            ours, theirs[name] = (write, read) if name in ("stdin", "ask") else (read, write)
            os.set_blocking(ours, False)
            self._fds[name] = ours
            if ours == write:
                self._in[ours] = bytearray()
            else:
                self._poll.register(ours, select.POLLIN)
        return theirs

    def _launch(self, theirs: Mapping[str, int]) -> dict[str, Any]:
        """What the launcher is told."""
        job, disk = self.job, self.job["disk_mb"] << 20
        argv, serve = list(job["argv"]), []
        for name in ("server", "source", "setup"):
            path = self._root / f"{name}.py"
            path.write_bytes(job[name].encode("utf-8", "surrogatepass"))
            serve.append(str(path))
        if job["kind"] == "script":
            main_file = self._root / "main.py"
            (self._root / "source.py").rename(main_file)
            argv = [sys.executable, *job["flags"], str(main_file)]
            if job["packages"]:
                run = "import runpy, sys; sys.path += sys.argv[2:]; sys.argv[1:] = sys.argv[1:2]; "
                run += "sys.argv.pop(0); runpy.run_path(sys.argv[0], run_name='__main__')"
                argv[-1:] = ["-c", run, str(main_file), *job["packages"]]
        limits = {
            "RLIMIT_CPU": int(job["time_s"]) + 2,
            "RLIMIT_FSIZE": disk,
            "RLIMIT_NOFILE": job["open_files"],
            "RLIMIT_STACK": 256 << 20 if job["kind"] != "command" else 64 << 20,
            "RLIMIT_CORE": 0,
        }
        return {
            "limits": limits,
            "argv": argv,
            "serve": serve if job["kind"] == "server" else [],
            "packages": job["packages"],
            "pipes": [theirs["ask"], theirs["reply"]],
        }

    def _environment(self) -> dict[str, str]:
        name, _, value = self._mark.partition("=")
        work = str(self._work)
        path = os.environ.get("PATH", os.defpath)
        libraries = os.environ.get("LD_LIBRARY_PATH")  # Python itself may need it
        more = {"LD_LIBRARY_PATH": libraries} if libraries else {}
        return {"PATH": path, "LANG": "C.UTF-8", "HOME": work, "TMPDIR": work,
                "PYTHONHASHSEED": "0", "TZ": "UTC", name: value, **more}  # fmt: skip

    # while it runs -----------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Requests for a server."""
        self._feed("ask", data, last=False)

    def no_more(self) -> None:
        """No request comes any more: a server ends when it has answered."""
        self._feed("ask", b"", last=True)

    def kill(self, why: str) -> None:
        """End the whole tree, for a reason that counts if it is the first."""
        self._why = self._why or why
        self._signal_all()

    def pump(self, within_s: float = _LOOK_S) -> None:
        """Wait for something to happen, at most so long; relay it, and look at the limits."""
        if self.ended is not None:
            return
        for fd, _ in self._poll.poll(1000 * max(0.0, min(within_s, _LOOK_S))):
            if fd in self._in:
                self._flush(fd)
            elif fd != self._fds.get("end"):
                self._read(fd)
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid:
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self._finish(self._process.returncode, usage.ru_utime + usage.ru_stime,
                         usage.ru_maxrss << 10)  # fmt: skip
        else:
            self._check()

    def _feed(self, name: str, data: bytes, *, last: bool) -> None:
        fd = self._fds.get(name)
        if fd is None:
            return
        if fd in self._in:
            self._in[fd] += data
            self._flush(fd)
        if last and name in self._fds:
            self._closing.add(name)
            self._flush(fd)

    def _flush(self, fd: int) -> None:
        """Write what the pipe takes."""
        held, name = self._in[fd], next(n for n, each in self._fds.items() if each == fd)
        try:
            while held:
                del held[: os.write(fd, held)]
        except BlockingIOError:
            self._poll.register(fd, select.POLLOUT)
            return
        except BrokenPipeError:
            held.clear()
        with contextlib.suppress(KeyError):
            self._poll.unregister(fd)
        if name in self._closing:
            self._shut(name)

    def _shut(self, name: str) -> None:
        fd = self._fds.pop(name)
        self._in.pop(fd, None)
        os.close(fd)

    def _read(self, fd: int) -> None:
        data = os.read(fd, 1 << 18)
        if data:
            self._take(fd, data)
        else:
            self._poll.unregister(fd)

    def _take(self, fd: int, data: bytes) -> None:
        if fd == self._fds["stderr"]:
            self.err = (self.err + data)[-_ERR_KEPT:]
            self._err_size += len(data)
            if self._err_size > _FLOOD:
                self.kill("output")
            return
        room = (self.job["output_kb"] << 10) - self._got
        self._got += len(data)
        (self.out if fd == self._fds["stdout"] else self.replies).extend(data[: max(0, room)])
        if len(data) > room:
            self.kill("output")

    # limits --------------------------------------------------------------------------------------

    def _check(self) -> None:
        """Clocks, memory, processes and files of the whole tree."""
        now, job = time.monotonic(), self.job
        if now - self.began > job["clock_s"]:
            self.kill("time")
        if self._why or now - self._looked < _LOOK_S:
            return
        self._looked = now
        tree = self._tree.look()
        self._cpu = max(self._cpu, sum(cpu for cpu, _ in tree.values()))
        memory = sum(anonymous for _, anonymous in tree.values())
        self._memory = max(self._memory, memory)
        if self._cpu > job["time_s"]:
            self.kill("time")
        elif memory > job["memory_mb"] << 20:
            self.kill("memory")
        elif len(tree) > job["pids"]:
            self.kill("processes")
        elif _size(self._work) > job["disk_mb"] << 20:
            self.kill("disk")

    def _signal_all(self) -> None:
        """Kill the session, and what has left it."""
        with contextlib.suppress(OSError):
            os.killpg(self._process.pid, signal.SIGKILL)
        kill(self._tree.look())

    # the end -------------------------------------------------------------------------------------

    def _finish(self, code: int, cpu_s: float, memory: int) -> None:
        wall_s = time.monotonic() - self.began
        self._tree.end()
        for name in ("stdout", "stderr", "reply"):
            with contextlib.suppress(BlockingIOError):
                while self._why != "output" and (data := os.read(self._fds[name], 1 << 18)):
                    self._take(self._fds[name], data)
        if -code == signal.SIGXCPU:
            self._why = self._why or "time"
        self.ended = {
            "end": self._why or ("exited" if code >= 0 else "signal"),
            "code": abs(code),
            "cpu_s": max(self._cpu, cpu_s),
            "wall_s": wall_s,
            "memory_mb": max(self._memory, memory) / (1 << 20),
            "files": self._kept(),
        }
        self._close()

    def _kept(self) -> dict[str, bytes]:
        """Regular files of the work folder that were asked for."""
        kept = {}
        for name in self.job["keep"]:
            path = self._work / name
            with contextlib.suppress(OSError):
                if path.is_file() and not path.is_symlink():
                    with path.open("rb") as file:
                        kept[name] = file.read(_FLOOD)
        return kept

    def _close(self) -> None:
        for name in list(self._fds):
            self._shut(name)
        _remove(self._root)


def _size(folder: Path) -> int:
    """Bytes on disk of all files below."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_blocks * 512
    return total


def _remove(folder: Path) -> None:
    """A folder with all in it, whatever permissions were taken away."""
    for place, folders, _ in os.walk(folder):
        for name in folders:
            with contextlib.suppress(OSError):
                path = Path(place, name)
                if not path.is_symlink():
                    path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
