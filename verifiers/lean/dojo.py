"""LeanDojo (``lean-dojo`` 4.20): Lean in repositories that it has traced, tactic by tactic.

The package is deprecated by its authors in favour of LeanDojo-v2. Its ``check_proof`` looks at an
exit code and for a wording that Lean has changed since, audits no axiom and has no time limit: it
is never asked here. What comes from LeanDojo is the place (a repository with its libraries built,
its toolchain, its imports) and the interaction; a verdict comes from our elaborator and referee,
run with that toolchain and those libraries. ``proved`` of a tactic means that LeanDojo says so.

Its requirements are looked at before it is imported, because the import itself needs git, and asks
the network when it finds a token. Not covered: tracing, which takes minutes to hours
(``lean_dojo.trace``); its command mode.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...core.settings import Settings
from ...sandbox.contract import Missing
from .process import Lost

__all__ = ["LeanDojoSteps", "Need", "Reached", "TracedRepository", "requirements", "traced_folder"]

_GIT: tuple[int, int] = (2, 25)
_VERSION_S = 20.0


class TracedRepository(Settings):
    """A repository that ``lean_dojo.trace`` has traced on this machine."""

    url: str
    """As it was traced: an address, or the path of a local repository."""
    commit: str
    """The full hash."""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that LeanDojo cannot do without."""

    name: str
    ok: bool
    found: str
    get: str


def requirements() -> tuple[Need, ...]:
    """What it needs, and what is here. Imports nothing of it."""
    python = sys.version_info
    return (
        Need("Python", python < (3, 13), f"{python[0]}.{python[1]}", "use Python 3.11 or 3.12"),
        _git(),
        _elan(),
        _package(),
    )


def _git() -> Need:
    get = "install git 2.25 or newer"
    try:
        told = subprocess.run(
            ["git", "--version"], capture_output=True, text=True, timeout=_VERSION_S, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return Need("git", False, "not here", get)
    found = re.search(r"(\d+)\.(\d+)", told)
    version: tuple[int, int] = (int(found[1]), int(found[2])) if found else (0, 0)
    return Need("git", version >= _GIT, f"{version[0]}.{version[1]}", get)


def _elan() -> Need:
    here = shutil.which("elan") is not None
    get = "install elan (https://lean-lang.org/install)"
    return Need("elan", here, "here" if here else "not here", get)


def _package() -> Need:
    get = "pip install 'lean-dojo==4.20.0' (or the extra 'lean', on Python before 3.13)"
    if importlib.util.find_spec("lean_dojo") is None:
        return Need("lean-dojo", False, "not installed", get)
    try:
        version = importlib.metadata.version("lean-dojo")
    except importlib.metadata.PackageNotFoundError:
        version = "of an unknown version"
    return Need("lean-dojo", True, version, get)


def _library() -> Any:
    """``lean_dojo`` itself. Raises ``Missing``, naming everything that is not there."""
    lacking = [need for need in requirements() if not need.ok]
    if lacking:
        told = "; ".join(f"{need.name} is {need.found}: {need.get}" for need in lacking)
        raise Missing(f"the backend lean_dojo: {told}")
    try:
        return importlib.import_module("lean_dojo")
    except Exception as error:  # it runs git, and reads its cache, at import
        raise Missing(f"the backend lean_dojo: lean-dojo cannot be imported: {error}") from error


def traced_folder(repository: TracedRepository) -> Path:
    """Where the traced repository lies, with its libraries built. Traces nothing.

    Raises ``Missing``.
    """
    return _traced(_library(), repository)[1]


def _traced(library: Any, repository: TracedRepository) -> tuple[Any, Path]:
    shown = f"{repository.url} at {repository.commit[:12]}"
    try:
        repo = library.LeanGitRepo(repository.url, repository.commit)
        if not library.is_available_in_cache(repo):
            raise Missing(
                f"the backend lean_dojo: {shown} is not traced; run lean_dojo.trace("
                f"lean_dojo.LeanGitRepo({repository.url!r}, {repository.commit!r})) once"
            )
        return repo, Path(library.get_traced_repo_path(repo))
    except Missing:
        raise
    except Exception as error:  # git, the network, a cache of another version: all of it is its own
        raise Missing(f"the backend lean_dojo: {shown}: {error}") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Where a tactic led."""

    kind: Literal["goals", "proved", "given_up", "error"]
    """``proved``: no goals are left, says LeanDojo. ``given_up``: the tactic used ``sorry``."""
    goals: str = ""
    """As Lean prints them."""
    open_goals: int = 0
    error: str = ""
    state: Any = None
    """LeanDojo's own, to go on from; several tactics may be tried from one state."""


class LeanDojoSteps:
    """Theorems of a traced repository as places to try tactics in.

    Args:
        repository: traced before.
        timeout_s: of one tactic; LeanDojo ends the Lean of a tactic that takes longer.

    Raises ``Missing``.
    """

    def __init__(self, repository: TracedRepository, *, timeout_s: int = 60) -> None:
        self._library = _library()
        self._repo, self.folder = _traced(self._library, repository)
        self._timeout_s = timeout_s

    @contextmanager
    def open(self, file: str, theorem: str) -> Iterator[tuple[Tactics, Reached]]:
        """A theorem by its file in the repository and its full name, and its first goals.

        Raises ``Missing`` when LeanDojo cannot open it.
        """
        library = self._library
        try:
            dojo = library.Dojo(
                library.Theorem(self._repo, Path(file), theorem), timeout=self._timeout_s
            )
            entered, state = dojo.__enter__()
        except (library.DojoInitError, AssertionError, OSError, ValueError) as error:
            raise Missing(f"the backend lean_dojo: {theorem} in {file}: {error}") from error
        try:
            yield Tactics(library, entered), _reached(library, state)
        finally:
            dojo.__exit__(None, None, None)


class Tactics:
    """An opened theorem."""

    def __init__(self, library: Any, dojo: Any) -> None:
        self._library, self._dojo = library, dojo

    def run_tac(self, place: Reached, tactic: str) -> Reached:
        """Try a tactic where goals are open. An error of the tactic is a result.

        Raises ``Lost`` when Lean does not answer any more: open the theorem again. ``ValueError``
        where no goals are open.
        """
        if place.kind != "goals":
            raise ValueError(f"run_tac: needs a place with open goals, got {place.kind!r}")
        try:
            return _reached(self._library, self._dojo.run_tac(place.state, tactic))
        except self._library.DojoTacticTimeoutError as error:
            raise Lost("time", f"the tactic took too long: {error}") from error
        except self._library.DojoCrashError as error:
            memory = bool(error.is_out_of_memory)
            raise Lost("memory" if memory else "crash", f"Lean was lost: {error}") from error


def _reached(library: Any, result: Any) -> Reached:
    if isinstance(result, library.TacticState):
        return Reached(
            kind="goals", goals=str(result.pp), open_goals=int(result.num_goals), state=result
        )
    if isinstance(result, library.ProofFinished):
        return Reached(kind="proved")
    if isinstance(result, library.ProofGivenUp):
        return Reached(kind="given_up", error="the tactic uses sorry")
    if isinstance(result, library.LeanError):
        return Reached(kind="error", error=str(result.error))
    raise Lost("crash", f"LeanDojo answered {type(result).__name__}, which is nothing known")
