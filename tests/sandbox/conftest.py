"""Services on loopback, and clients of them, for the tests of the remote backend."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from fake_services import Fake, client

from assay.sandbox.remote import RemoteSandbox

SERVICES = ["sandbox_fusion", "piston", "e2b"]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(autouse=True)
def no_fault_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "service" in request.fixturenames:
        assert request.getfixturevalue("service").take_back() == 0


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> Iterator[Fake]:
    with Fake(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def far(service: Fake) -> Iterator[RemoteSandbox]:
    """Waits for long."""
    before = os.environ.get("no_proxy")
    os.environ["no_proxy"] = "127.0.0.1"
    try:
        with client(service, timeout_s=20.0) as made:
            yield made
    finally:
        os.environ.pop("no_proxy") if before is None else os.environ.update(no_proxy=before)


@pytest.fixture(scope="module")
def quick(service: Fake) -> Iterator[RemoteSandbox]:
    """Gives up soon."""
    with client(service) as made:
        yield made
