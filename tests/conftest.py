"""What every test gets: no network, no telemetry, one thread, and the test plugins on the path."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

ROOT = Path(__file__).resolve().parent.parent
PLUGINS = Path(__file__).resolve().parent / "plugins"
sys.path.insert(0, str(PLUGINS))


SLOWEST = (
    "verifiers/test_lean_proof.py",
    "trainer/test_resume.py",
    "trainer/test_ranks.py",
    "verifiers/test_code_hacks.py",
    "trainer/test_lean_recipe.py",
    "verifiers/test_lean_server.py",
    "offline/test_engine_ray.py",
)
"""Files of more than a minute: begun first, so that no process is left alone with one."""


def pytest_configure(config: pytest.Config) -> None:
    """Give each process of a parallel run its own temporary folder.

    What a test finds left there is then its own, never that of a test next door.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        return
    # short: sockets lie in it, and their paths have 107 bytes
    os.environ["TMPDIR"] = tempfile.tempdir = tempfile.mkdtemp(prefix=f"{worker}-")
    config.add_cleanup(lambda: shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slowest files first; the order within a file stays."""
    places = {ROOT / "tests" / name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


def missing(what: str, how: str) -> NoReturn:
    """Skip for want of a real component, or fail where everything is required (in CI)."""
    message = f"{what} is not here; get it with: {how}"
    if os.environ.get("ASSAY_REQUIRE_ALL") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def needs_jail() -> None:
    """Skip, or fail in CI, where programs cannot be jailed."""
    from assay.sandbox.contract import Missing
    from assay.sandbox.jail import Jail

    try:
        with Jail():
            return
    except Missing as reason:
        missing("a jail for programs", str(reason))


@pytest.fixture(scope="session")
def needs_lean(needs_jail: None) -> None:
    """Skip, or fail in CI, where no proof can be checked."""
    from assay.sandbox.contract import Missing
    from assay.verifiers.lean.backends import choose

    try:
        choose("auto", project=None, memory_mb=None)
    except Missing as reason:
        missing("Lean", str(reason))


@pytest.fixture(scope="session")
def needs_coq(needs_jail: None) -> None:
    """Skip, or fail in CI, where Coq is not installed."""
    from assay.sandbox.contract import Missing
    from assay.verifiers.provers.coq import GET, version_here

    try:
        version_here()
    except Missing:
        missing("Coq", GET)


@pytest.fixture
def require() -> object:
    """``require(path_or_none, what, how)``: skip, or fail in CI, when a component is missing."""

    def check(found: object, what: str, how: str) -> None:
        if not found:
            missing(what, how)

    return check
