"""The host as the programs must leave it: canaries they must not reach, and what may not be left.

A ``Host`` sets up a secret in the environment, a secret file, servers on loopback (TCP, UDP) and
on an abstract Unix socket, and an empty folder that anybody may write to. Afterwards ``changes``
lists every trace: connections, altered or new files, processes, mounts, control groups, shared
memory, the machine's name. Processes that lost their parents come to this process (it becomes
their reaper), so none can hide. Not covered: reads of the secret file; the programs themselves say
when that worked, by answering right.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import psutil

__all__ = ["Host", "groups", "mounts"]

_REAPER = 36  # PR_SET_CHILD_SUBREAPER
_GONE_WITHIN_S = 3.0


class Host:
    """Canaries and a snapshot, made before any sandbox is opened; ``close`` takes them down."""

    def __init__(self, top: str = "/var/tmp") -> None:  # what /tmp is, a jail may hide
        self.name = "assay" + secrets.token_hex(8)
        self._token = secrets.token_hex(32)
        os.environ["ASSAY_CANARY"] = self._token
        self._folder = Path(tempfile.mkdtemp(prefix=self.name, dir=top))
        self._folder.chmod(0o755)
        self._drop = self._folder / "drop"
        self._drop.mkdir()
        self._drop.chmod(0o777)
        self._file = self._folder / "canary"
        self._file.write_text(self._token)
        self._tcp, self._udp, self._unix = self._servers()
        ctypes.CDLL(None).prctl(_REAPER, 1, 0, 0, 0)
        self._before = self._at_rest()

    @property
    def marks(self) -> Mapping[str, str]:
        """What ``Case.filled`` needs."""
        return {
            "@FILE@": str(self._file),
            "@PORT@": str(self._tcp.getsockname()[1]),
            "@EFFECT@": str(self._drop / "effect"),
            "@NAME@": self.name,
        }

    def changes(self, *, closed: bool) -> list[str]:
        """What is not as it was. ``closed``: sandboxes are shut, so nothing of them may be left."""
        found = list(self._reached())
        if closed:
            after = self._settled()
            for kind, before in self._before.items():
                found += [f"{kind}: {thing} is left" for thing in sorted(after[kind] - before)]
                found += [f"{kind}: {thing} is gone" for thing in sorted(before - after[kind])]
        return found

    def close(self) -> None:
        """Idempotent."""
        for server in (self._tcp, self._udp, self._unix):
            server.close()
        os.environ.pop("ASSAY_CANARY", None)
        shutil.rmtree(self._folder, ignore_errors=True)
        ctypes.CDLL(None).prctl(_REAPER, 0, 0, 0, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _servers(self) -> tuple[socket.socket, socket.socket, socket.socket]:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(tcp.getsockname())
        unix = socket.socket(socket.AF_UNIX)
        unix.bind("\0" + self.name)
        unix.listen()
        for server in (tcp, udp, unix):
            server.setblocking(False)
        return tcp, udp, unix

    def _reached(self) -> Iterator[str]:
        for server, what in ((self._tcp, "TCP"), (self._unix, "Unix")):
            with contextlib.suppress(BlockingIOError):
                server.accept()[0].close()
                yield f"somebody connected to the {what} server of the host"
        with contextlib.suppress(BlockingIOError):
            self._udp.recv(1)
            yield "somebody sent a datagram to the host"
        if not self._file.exists() or self._file.read_text() != self._token:
            yield "the host's file was changed"
        for path in self._folder.rglob("*"):
            if path not in (self._file, self._drop):
                yield f"{path} was written"
        for name in ("/", "/tmp", "/usr", "/dev/shm", "/var/tmp"):
            if not Path(name).stat().st_mode & 0o055:
                yield f"{name} was made unusable"

    def _at_rest(self) -> Mapping[str, set[str]]:
        """The snapshot, once two are the same: what was ended a moment ago may not be gone yet."""
        until, last = time.monotonic() + _GONE_WITHIN_S, self._snapshot()
        while True:
            time.sleep(0.05)
            now = self._snapshot()
            if now == last or time.monotonic() > until:
                return now
            last = now

    def _settled(self) -> Mapping[str, set[str]]:
        """The snapshot, once what is about to end has ended."""
        until = time.monotonic() + _GONE_WITHIN_S
        while True:
            now = self._snapshot()
            if now == self._before or time.monotonic() > until:
                return now
            time.sleep(0.02)

    def _snapshot(self) -> Mapping[str, set[str]]:
        return {
            "process": set(_descendants()),
            "mount": set(mounts()),
            "control group": set(groups(os.getpid())),
            "shared memory": {
                line.split()[0]
                for line in Path("/proc/sysvipc/shm").read_text().splitlines()
                if line.split()[0] == str(0x0A55A7)
            },
            "file": {
                str(path)
                for top in ("/tmp", "/var/tmp", "/dev/shm", "/run")
                for path in Path(top).glob(f"*{self.name}*")
            },
            "machine name": {os.uname().nodename},
        }


def mounts() -> Iterator[str]:
    """Those of the host, but for what an engine of containers makes for its own: the machine's, or
    the one of another test (``engine_for_tests``)."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        engine = "/docker" in line or "/engine-" in line
        if line.split()[2] not in ("nsfs", "overlay") and not engine:
            yield line


def _descendants() -> Iterator[str]:
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if child.status() != psutil.STATUS_ZOMBIE:
                yield f"{child.pid} {' '.join(child.cmdline())[:80]}"


def groups(owner: int) -> Iterator[str]:
    """Control groups that bear a process's number in their names, as the jail's do. Others' may
    come and go meanwhile."""
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            if str(owner) in name.split("-"):
                yield os.path.join(folder, name)  # noqa: PTH118 - os.walk gives strings
