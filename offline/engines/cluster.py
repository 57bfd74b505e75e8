"""A cluster of Ray for one run: one of our own on this machine, or one that is there.

Ours listens on the loopback interface alone (whoever reaches a port of Ray runs what he likes),
reports nothing to anybody, keeps its files in a folder that goes with it, and ends with the process
however that ends. Where the process has Ray running already, that one is used and left running.

Not covered: Ray's client (``ray://``), whose driver is outside the cluster.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import psutil
import ray
from ray import exceptions
from ray._private import ray_constants as constants
from ray._private import worker

from ...core.errors import ConfigError, EngineError

__all__ = ["cluster", "gone"]

log = logging.getLogger("assay")

_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",  # else it writes of its own affairs to our standard error
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else each start warns of a default
}
_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""At 0 Ray takes this machine for all there is, on any system, and stays off the network."""
_LONGEST_PLACE = 24
"""Characters of a folder in which Ray's sockets may lie: the kernel takes names of 107."""
_ANSWER_S = 10.0
"""How long a cluster may take to accept a connection."""
_END_S = 5.0
"""How long processes that were told to end have for it. Ours."""
_STORE_BYTES = 256 * 2**20
"""Shared memory for windows and answers; what does not fit goes to disk. Ours: at most a few
windows of 2048 rows are under way for each core."""


def _resources() -> Mapping[str, float]:
    found: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray's
    return found


_REFUSED = (exceptions.RayError, OSError, RuntimeError, ValueError)
"""What ``ray.init`` raises when there is no cluster to be had."""


@contextmanager
def cluster(address: str | None, cores: int) -> Iterator[Mapping[str, float]]:
    """Be connected to a cluster; gives what it has: ``CPU``, ``GPU``...

    Args:
        address: ``host:port`` or ``auto``; None: what RAY_ADDRESS says, or a cluster of our own.
        cores: how many tasks of one core ours may run at the same time.

    Raises ``ConfigError`` for an address that nobody answers at, ``EngineError`` when none can be
    started here.
    """
    if ray.is_initialized():
        yield _resources()
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    with (
        _environment(_QUIET),
        _replaced(worker, "print_to_stdstream", value=_log),
        _started(cores) if address == "local" else _joined(address) as roots,
    ):
        try:
            yield _resources()
        finally:
            with gone(roots):
                ray.shutdown()


@contextmanager
def gone(roots: Sequence[psutil.Process]) -> Iterator[None]:
    """What these processes started is gone after the block, whoever ends them in it.

    Ray tells its workers to end; one may get stuck on the way, and would stay when its parent is
    gone, with all that a scorer started.
    """
    every = list(roots)
    for root in roots:
        with suppress(psutil.NoSuchProcess):
            every += root.children(recursive=True)
    yield
    for process in _left(every):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _left(every)


def _left(every: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run after ``_END_S``; who has ended may wait for its parent to see it."""
    until = time.monotonic() + _END_S
    while (left := [one for one in every if _runs(one)]) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def _started(cores: int) -> Iterator[list[psutil.Process]]:
    others = set(psutil.Process().children())
    place = "/tmp" if len(tempfile.gettempdir()) > _LONGEST_PLACE else None  # noqa: S108 - a new folder
    with tempfile.TemporaryDirectory(
        prefix="assay-ray-", dir=place, ignore_cleanup_errors=True
    ) as folder:
        try:
            with _alone():
                _connect(
                    address="local",
                    num_cpus=cores,
                    include_dashboard=False,
                    object_store_memory=_STORE_BYTES,
                    _temp_dir=folder,
                    _node_ip_address="127.0.0.1",
                )
        except _REFUSED as error:
            raise EngineError(f"--engine ray: Ray could not be started: {error}") from error
        yield [one for one in psutil.Process().children() if one not in others]


@contextmanager
def _joined(address: str) -> Iterator[list[psutil.Process]]:
    if "://" in address:
        raise ConfigError(
            "--ray-address: must be HOST:PORT of a cluster that this machine is part of, or auto,"
            f" got {address!r}; run the command on a machine of the cluster"
        )
    host, colon, port = address.rpartition(":")
    try:
        if colon and port.isdigit():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), _ANSWER_S).close()
        _connect(address=address)
    except _REFUSED as error:
        raise ConfigError(f"--ray-address {address}: no cluster answers: {error}") from error
    yield []


def _connect(**how: Any) -> None:
    with _silence():
        ray.init(logging_level=logging.ERROR, log_to_driver=False, **how)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables for Ray and its processes, unless the user has set them."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextmanager
def _alone() -> Iterator[None]:
    """Ray on the loopback interface: its processes read the variable, this one has read it."""
    with _environment({_ALONE: "0"}), _replaced(constants, "ENABLE_RAY_CLUSTER", value=False):
        yield


@contextmanager
def _replaced(module: ModuleType, name: str, *, value: Any) -> Iterator[None]:
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _log(data: Mapping[str, Any], ignore_prefix: bool) -> None:
    """Takes what Ray would print on standard output, where scored rows may go."""
    del ignore_prefix
    log.info("ray: %s", " ".join(data["lines"]))


@contextmanager
def _silence() -> Iterator[None]:
    """Nothing on standard error: Ray's C++ writes there that it was told to be quiet."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
