"""A docker engine for the tests: the one that answers already, or one of our own for a while.

Ours keeps everything in a temporary folder, sets up no network, and leaves nothing. It takes root
and Debian's package docker.io. The image is made of this machine, so nothing is fetched.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay.sandbox import docker_image
from assay.sandbox.contract import Missing
from assay.sandbox.docker_engine import connect

IMAGE = "assay-sandbox:tests"
_UP_S = 30.0


@contextlib.contextmanager
def engine() -> Iterator[None]:
    """An engine at ``DOCKER_HOST``, with the image ``IMAGE``; skips where there can be none."""
    with contextlib.ExitStack() as stack:
        if why := _no_engine():
            stack.enter_context(_own_engine(why))
        client = connect()
        stack.callback(client.close)
        docker_image.from_machine(client, IMAGE)
        yield


@contextlib.contextmanager
def leaks_of_docker_ignored() -> Iterator[None]:
    """The package leaves the socket of a refused connection to the collector, which warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()


def _no_engine() -> str:
    """Why no engine can be used; empty when one answers."""
    with leaks_of_docker_ignored():
        try:
            connect().close()
        except Missing as missing:
            return str(missing)
    return ""


@contextlib.contextmanager
def _own_engine(why: str) -> Iterator[None]:
    if shutil.which("dockerd") is None or os.geteuid() != 0:
        message = f"{why}; the tests start one as root, with: apt-get install docker.io"
        if os.environ.get("ASSAY_REQUIRE_ALL") == "1":
            pytest.fail(message)
        pytest.skip(message)
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    address = f"unix://{folder}/socket"
    command = [
        *("setpriv", "--pdeathsig", "TERM", "dockerd", "--host", address),
        *("--data-root", str(folder / "data"), "--exec-root", str(folder / "exec")),
        *("--pidfile", str(folder / "pid"), "--bridge=none", "--iptables=false"),
        *("--ip6tables=false", "--shutdown-timeout=2", "--log-level=warn"),
    ]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = address
    try:
        _await(daemon, folder / "log")
        yield
    finally:
        daemon.terminate()
        daemon.wait(30)
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before
        shutil.rmtree(folder)


def _await(daemon: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _UP_S
    while why := _no_engine():
        if daemon.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{why}; dockerd said: {log.read_text()[-2000:]}")
        time.sleep(0.1)
