"""The engine behind the docker sandbox: finding it, containers of ours, and those left behind.

A container is made to hold one keeper and nothing else: no network, a read-only root, one folder in
memory, three capabilities (to become another user and to end what that user runs), no way to more.
Its standard streams are one connection to the engine, so it ends when our process does; labels say
who owns it, for the case that the engine did not notice.

Not covered: what is said on the connection; see ``host``.
"""

from __future__ import annotations

import contextlib
import os
import platform
import socket
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .contract import Missing, SandboxFault
from .host import Stream

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["AttachedStream", "Container", "Shape", "connect", "remove_orphans", "runtime_of"]

_OWNER, _HOST = "assay.sandbox", "assay.sandbox.host"
_ANSWER_S = 60
"""How long the engine may take to answer; a loaded one needs seconds to start a container."""
_CONNECTIONS = 64
"""Kept open to the engine; beyond that a new one is made each time."""
_SEND_S = 30.0
"""How long the engine may take to accept what we write."""
_STDERR_BYTES = 4096
_STDOUT, _STDERR = 1, 2
_FRAME_HEAD = struct.Struct(">BxxxL")


def connect() -> DockerClient:
    """A client of the engine at ``DOCKER_HOST``, or of the local one. Raises ``Missing``."""
    try:
        import docker
        from docker.errors import DockerException
    except ImportError as error:
        raise Missing(
            "docker sandbox: the Python package 'docker' is not installed;"
            " get it with: pip install 'assay-rlvr[docker]'"
        ) from error
    client: DockerClient | None = None
    try:
        client = docker.from_env(timeout=_ANSWER_S, max_pool_size=_CONNECTIONS)
        client.ping()
    except (DockerException, OSError) as error:
        if client is not None:
            client.close()
        where = os.environ.get("DOCKER_HOST", "its usual socket")
        raise Missing(
            f"docker sandbox: no engine answers at {where} ({error}); install one"
            " (apt-get install docker.io), start dockerd, have the right to use it (group"
            " docker), or set DOCKER_HOST to another one"
        ) from error
    return client


def runtime_of(client: DockerClient, wanted: str) -> str:
    """The engine's name of the runtime to use. ``auto``: runsc where there is one.

    Raises ``Missing`` when the engine does not know the runtime.
    """
    info = client.info()
    known = sorted(info.get("Runtimes") or {})
    if wanted == "auto":
        return "runsc" if "runsc" in known else str(info.get("DefaultRuntime") or "runc")
    if wanted not in known:
        raise Missing(
            f"docker sandbox: runtime: the engine knows {', '.join(known)}, not {wanted!r};"
            " install it and name it in the engine's daemon.json, or use 'auto'"
        )
    return wanted


@dataclass(frozen=True, slots=True)
class Shape:
    """What a container is made with, and cannot change later."""

    image: str
    runtime: str
    memory_mb: int
    """Of all in it: the keeper, the program's tree and the files of the work folder."""
    disk_mb: int
    pids: int
    cpus: float
    work: str
    """Where the folder in memory is mounted."""

    def options(self) -> dict[str, Any]:
        """``HostConfig``, in the words of the engine's API."""
        memory = self.memory_mb << 20
        return {
            "NetworkMode": "none",
            "ReadonlyRootfs": True,
            "Tmpfs": {
                self.work: f"rw,exec,nosuid,nodev,size={self.disk_mb}m,nr_inodes=4096,mode=1777",
                "/dev/mqueue": "ro,noexec,nosuid,nodev,size=0,mode=555",  # anybody's, otherwise
            },
            "IpcMode": "none",  # no /dev/shm: nothing may be handed from one run to the next
            "CapDrop": ["ALL"],
            "CapAdd": ["SETUID", "SETGID", "KILL"],
            "SecurityOpt": ["no-new-privileges"],
            "PidsLimit": self.pids,
            "Memory": memory,
            "MemorySwap": memory,
            "NanoCpus": int(self.cpus * 1e9),
            "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
            "LogConfig": {"Type": "none", "Config": {}},
            "AutoRemove": True,
            "Init": False,  # the keeper is the first process, which no other in there can end
            "Runtime": self.runtime,
        }


class AttachedStream(Stream):
    """What a container reads and writes, over one connection to the engine.

    The engine sends standard output and error in frames: one byte for which, three of nothing,
    four of length.
    """

    def __init__(self, response_socket: Any) -> None:
        self._keep = response_socket  # the connection closes when this is collected
        self._socket: socket.socket = getattr(response_socket, "_sock", response_socket)
        self._raw = bytearray()
        self.stderr = b""
        """The last of it."""

    def send(self, data: bytes) -> None:
        self._socket.settimeout(_SEND_S)
        self._socket.sendall(data)

    def receive(self, within_s: float) -> bytes | None:
        """What came on standard output; empty when the container has ended."""
        deadline = time.monotonic() + within_s
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self._socket.recv(1 << 18)
            except TimeoutError:
                return None
            if not data:
                return b""
            self._raw += data
            if found := self._split():
                return found

    def close(self) -> None:
        """The container reads the end of its input, and ends."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for each in (self._keep, self._socket):
            each.close()

    def _split(self) -> bytes:
        """The standard output of all frames that are whole."""
        found = bytearray()
        place = 0
        while len(self._raw) - place >= _FRAME_HEAD.size:
            which, size = _FRAME_HEAD.unpack_from(self._raw, place)
            end = place + _FRAME_HEAD.size + size
            if len(self._raw) < end:
                break
            data = self._raw[place + _FRAME_HEAD.size : end]
            place = end
            if which == _STDOUT:
                found += data
            elif which == _STDERR:
                self.stderr = (self.stderr + data)[-_STDERR_BYTES:]
        del self._raw[:place]
        return bytes(found)


class Container:
    """A running container of ours and the stream to its keeper."""

    def __init__(self, client: DockerClient, shape: Shape, command: list[str]) -> None:
        """Make and start it. Raises ``Missing`` without its image, else ``SandboxFault``."""
        from docker.errors import DockerException, ImageNotFound

        self._client = client
        self.shape = shape
        self.id = ""
        try:
            made = client.api.create_container(
                shape.image,
                command,
                entrypoint=[],
                stdin_open=True,
                user="0:0",
                working_dir="/",
                hostname="sandbox",
                environment=_ENVIRONMENT,
                labels=_labels(),
                host_config=shape.options(),
            )
            self.id = str(made["Id"])
            ways = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            self.stream = AttachedStream(client.api.attach_socket(self.id, ways))
            client.api.start(self.id)
        except ImageNotFound as error:
            raise Missing(no_image(shape.image)) from error
        except (DockerException, OSError) as error:
            self.remove()
            raise SandboxFault(f"docker sandbox: cannot start a container: {error}") from error

    def memory(self, memory_mb: int) -> None:
        """Change the limit of memory. Raises ``SandboxFault``."""
        from docker.errors import DockerException

        try:
            self._client.api.update_container(
                self.id, mem_limit=f"{memory_mb}m", memswap_limit=f"{memory_mb}m"
            )
        except (DockerException, OSError) as error:
            raise SandboxFault(f"docker sandbox: cannot set memory: {error}") from error

    def remove(self) -> None:
        """End all that runs in it, and the container. Never raises: orphans are found later."""
        if self.id:
            _remove(self._client, self.id)
        if hasattr(self, "stream"):
            self.stream.close()


_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108 - of the container, where it is the work folder
    "TMPDIR": "/tmp",  # noqa: S108 - the same
    "PYTHONHASHSEED": "0",
    "TZ": "UTC",
}


def no_image(image: str) -> str:
    """What to say when the engine does not have an image."""
    return (
        f"docker sandbox: image: the engine has no image {image!r}; pull it (docker pull), build"
        " ours with: python -m assay.sandbox.docker_image (without a registry: --from-machine)"
    )


def remove_orphans(client: DockerClient) -> int:
    """Remove containers of ours whose owner on this machine is gone; how many there were."""
    found = client.api.containers(all=True, filters={"label": _OWNER})
    orphans = [each["Id"] for each in found if _orphan(each.get("Labels") or {})]
    for orphan in orphans:
        _remove(client, orphan)
    return len(orphans)


def _remove(client: DockerClient, container: str) -> None:
    from docker.errors import DockerException

    # gone already, being removed by the engine itself, or the engine is gone: nothing to do here
    with contextlib.suppress(DockerException, OSError):
        client.api.remove_container(container, force=True, v=True)


def _labels() -> dict[str, str]:
    return {_OWNER: f"{os.getpid()}.{_started(os.getpid())}", _HOST: _host()}


def _orphan(labels: Mapping[str, str]) -> bool:
    """Whether the owner lived on this machine and does not any more."""
    pid, _, started = labels.get(_OWNER, "").partition(".")
    here = labels.get(_HOST) == _host() and pid.isdigit()
    return here and _started(int(pid)) != started


def _started(pid: int) -> str:
    """When a process began, to tell it from a later one of the same number; "" for none."""
    try:
        # the name of a program, in brackets, may hold anything: count from the last bracket
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _host() -> str:
    """This machine since its last boot, and the space in which its process numbers count."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()
