"""``docker``: programs in hardened containers of any engine with Docker's API.

Each slot is a warm container with a keeper inside. It has no network, a read-only root, one folder
in memory, three capabilities, no new privileges, the engine's seccomp filter, and limits of memory,
processes and processor. Each run is a user of its own that nobody was before; afterwards all that
this user runs is ended and all its files are removed. A container is replaced after
``recycle_after`` runs and after anything unusual.

Not covered: runs of one container share its process numbers and the engine's kernel, so they are
less apart than in ``jail``; the runtime ``runsc`` puts a kernel in user space between.
"""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .contract import Limits, Missing, Outcome, Program, Sandbox, SandboxFault, Session
from .docker_engine import Container, Shape, connect, no_image, remove_orphans, runtime_of
from .docker_image import IMAGE
from .host import KeeperLink, KeeperSession, LostKeeper
from .inside import FETCH, bundle

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["DockerSandbox"]

_START_S = 30.0
"""How long a keeper may take to be ready in a started container."""
_FIRST_TRIES = 3
"""A container may fail to start for no lasting reason; what fails each time is missing."""
_KEEPER_MB = 48
"""Room for the keeper and the process it holds ready. Ours: measured 12 MB each, shared in part."""
_SPARE_PROCESSES = 16
"""The keeper, the process held ready, and those that clean up."""
_KERNEL_MB, _KERNEL_PROCESSES = 256, 2048
"""Room for a kernel in user space, which keeps threads and stand-ins for the processes in it. Ours:
with 64 processes gVisor (ptrace) ends in a panic at the third that it has to hold."""
_WORK = "/tmp"  # noqa: S108 - of the container; see inside/child.py


class DockerSandbox(Sandbox):
    """Programs in warm containers.

    Args:
        slots: how many run at the same time; a container each.
        image: with a python3 of 3.11 or newer; see ``docker_image`` for how to make ours.
        runtime: of the engine, by name; ``auto`` takes runsc (gVisor) where the engine has it.
        cpus: processors that one container may use.
        recycle_after: runs after which a container is replaced.
    """

    name = "docker"

    def __init__(
        self,
        *,
        slots: int = 1,
        image: str = IMAGE,
        runtime: str = "auto",
        cpus: float = 2.0,
        recycle_after: int = 2000,
    ) -> None:
        super().__init__(slots=slots)
        self._image, self._runtime, self._cpus = image, runtime, cpus
        self._recycle_after = recycle_after
        self._client: DockerClient | None = None
        self._free: list[_Warm | None] = [None] * slots
        self._all: set[_Warm] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._owner = os.getpid()

    def open(self) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("this sandbox is closed; make a new one")
            if self._client is not None:
                return
            client = connect()
            try:
                first = self._first(client)
            except BaseException:
                client.close()
                raise
            self._client = client
            self._all.add(first)
            self._free[0] = first
        self.guarantees = (
            "no network",
            "a read-only root: the image's files, none of the host",
            "a user of its own for each run; its processes and files are removed with it",
            f"the container's limits and {_KERNELS.get(self._runtime, 'the kernel is shared')}",
        )

    def _first(self, client: DockerClient) -> _Warm:
        """A container that works, so that what is missing is said before anything has run."""
        remove_orphans(client)
        self._runtime = runtime_of(client, self._runtime)
        _require_image(client, self._image)
        fault: SandboxFault | None = None
        for _ in range(_FIRST_TRIES):
            try:
                return _Warm(client, self._shape(Limits()))
            except SandboxFault as failed:
                fault = failed
        raise Missing(str(fault)) from fault

    def start(self, program: Program, stdin: bytes, limits: Limits) -> Session:
        self.open()
        warm = self._take(limits)
        try:
            warm = self._fit(warm, limits)
            return warm.start(program, stdin, limits, self._back)
        except SandboxFault as fault:
            self._back(None)
            return _Never(Outcome("fault", detail=str(fault)))
        except BaseException:
            self._back(warm)
            raise

    def close(self) -> None:
        with self._changed:
            self._closed = True
            warm, self._all = list(self._all), set()
            self._changed.notify_all()
        if not warm or os.getpid() != self._owner:
            return  # a forked copy of the owner owns nothing
        with ThreadPoolExecutor(min(len(warm), 16)) as pool:
            list(pool.map(_Warm.close, warm))
        if self._client is not None:
            self._client.close()

    def _shape(self, limits: Limits) -> Shape:
        memory_mb, processes = limits.memory_mb + _KEEPER_MB, limits.pids + _SPARE_PROCESSES
        if self._runtime in _KERNELS:
            # the engine counts that kernel's own; were it ended for a run's excess, the container
            # would end with it, so the keeper, which watches, has to be first
            memory_mb += limits.memory_mb + _KERNEL_MB
            processes += _KERNEL_PROCESSES
        return Shape(
            image=self._image,
            runtime=self._runtime,
            memory_mb=memory_mb,
            disk_mb=limits.disk_mb,
            # in few sizes, so that containers fit many runs; a run's own bound is its user's
            pids=1 << (processes - 1).bit_length(),
            cpus=self._cpus,
            work=_WORK,
        )

    def _take(self, limits: Limits) -> _Warm | None:
        """A free slot, best one whose container fits as it is."""
        shape = self._shape(limits)
        with self._changed:
            while not self._free and not self._closed:
                self._changed.wait()
            if self._closed:
                raise RuntimeError("this sandbox is closed; make a new one")
            places = sorted(range(len(self._free)), key=lambda i: _misfit(self._free[i], shape))
            return self._free.pop(places[0])

    def _fit(self, warm: _Warm | None, limits: Limits) -> _Warm:
        """The container, changed or replaced so that its own limits are those of the run."""
        shape = self._shape(limits)
        try:
            if warm is not None and warm.usable and warm.adapt(shape):
                return warm
        except SandboxFault:
            pass  # its container is gone or in disorder: another one takes its place
        if warm is not None:
            self._drop(warm)
        assert self._client is not None
        new = _Warm(self._client, shape)
        with self._changed:
            if not self._closed:
                self._all.add(new)
                return new
        new.close()
        raise RuntimeError("this sandbox was closed while a container of it was being made")

    def _back(self, warm: _Warm | None) -> None:
        """A slot is free again; its container goes when it may not be used any more."""
        if warm is not None and (not warm.usable or warm.runs >= self._recycle_after):
            self._drop(warm)
            warm = None
        with self._changed:
            self._free.append(warm)
            self._changed.notify()

    def _drop(self, warm: _Warm) -> None:
        with self._changed:
            self._all.discard(warm)
        warm.close()


_KERNELS = {"runsc": "a kernel in user space (gVisor)"}


class _Warm:
    """A container with a keeper that is ready."""

    def __init__(self, client: DockerClient, shape: Shape) -> None:
        self.usable, self.runs, self.shape = True, 0, shape
        command = ["python3", "-I", "-S", "-c", FETCH, "container", str(_first_uid(client))]
        self._container = Container(client, shape, command)
        self._link = KeeperLink(self._container.stream)
        try:
            self._container.stream.send(bundle())
            frame = self._link.frame(_START_S)
            if frame is None or frame[0].get("is") != "ready":
                raise LostKeeper("it does not answer")
        except (LostKeeper, OSError) as error:
            told = self._container.stream.stderr.decode("utf-8", "replace").strip()
            self.close()
            raise SandboxFault(
                f"docker sandbox: image {shape.image!r}: the keeper did not start: {error}"
                f" {told[-500:]} (the image needs a python3 of 3.11 or newer; with the runtime"
                f" {shape.runtime!r}, one that knows pidfd_open and CLONE_PARENT; name another with"
                " runtime=)"
            ) from error
        except BaseException:
            self.close()
            raise

    def adapt(self, shape: Shape) -> bool:
        """Take over another limit of memory; False where more than that differs."""
        if replace(self.shape, memory_mb=shape.memory_mb) != shape:
            return False
        if self.shape != shape:
            self._container.memory(shape.memory_mb)
            self.shape = shape
        return True

    def start(
        self,
        program: Program,
        stdin: bytes,
        limits: Limits,
        back: Callable[[_Warm], None],
    ) -> KeeperSession:
        def done(outcome: Outcome, healthy: bool) -> Outcome:
            self.runs += 1
            self.usable = self.usable and healthy
            back(self)
            return outcome

        return KeeperSession(self._link, program, stdin, limits, watch_memory=True, done=done)

    def close(self) -> None:
        self.usable = False
        self._container.remove()


class _Never(Session):
    """A run that could not be started."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def ask(self, request: Any, within_s: float | None = None) -> None:
        """No reply can come."""

    def wait(self) -> Outcome:
        return self._outcome

    def close(self) -> Outcome:
        return self._outcome


def _misfit(warm: _Warm | None, shape: Shape) -> int:
    """0: fits as it is; 1: would have to be made; 2: needs another limit, or to be replaced."""
    return 1 if warm is None else 0 if warm.shape == shape else 2


def _require_image(client: DockerClient, image: str) -> None:
    from docker.errors import ImageNotFound

    try:
        client.images.get(image)
    except ImageNotFound as error:
        raise Missing(no_image(image)) from error


def _first_uid(client: DockerClient) -> int:
    """Where a container's users begin. The kernel counts processes by user over all containers of
    an engine, so each container gets numbers of its own; an engine that maps users has few."""
    options = " ".join(client.info().get("SecurityOptions") or [])
    few = "userns" in options or "rootless" in options
    return random.SystemRandom().randrange(1000, 60_000 if few else 2_000_000_000)
