"""The Lean backend ``lean_dojo``, with a stand-in that has the package's API.

The real one needs a traced repository, which takes minutes to hours to make. Not covered: that.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from assay import Sample, Status
from assay.sandbox.contract import Missing
from assay.verifiers.lean import backends, dojo
from assay.verifiers.lean.dojo import LeanDojoSteps, TracedRepository
from assay.verifiers.lean.process import Lost
from assay.verifiers.lean.proof import lean_proof
from assay.verifiers.lean.settings import LeanSettings

REPOSITORY = TracedRepository(url="https://example.org/lemmas", commit="a" * 40)


@dataclass(frozen=True)
class TacticState:
    pp: str
    id: int

    @property
    def num_goals(self) -> int:
        return self.pp.count("⊢")


@dataclass(frozen=True)
class ProofFinished:
    tactic_state_id: int


@dataclass(frozen=True)
class LeanError:
    error: str


class ProofGivenUp: ...


class DojoCrashError(Exception):
    @property
    def is_out_of_memory(self) -> bool:
        return str(self) == "OOM"


class DojoTacticTimeoutError(Exception): ...


class DojoInitError(Exception): ...


class Dojo:
    """Two goals, closed by ``rfl`` each."""

    ended = 0

    def __init__(self, entry: Any, timeout: int = 600) -> None:
        self.entry, self.timeout = entry, timeout

    def __enter__(self) -> tuple[Dojo, TacticState]:
        if self.entry.full_name == "nowhere":
            raise DojoInitError("Failed to locate the theorem")
        return self, TacticState("⊢ 1 = 1\n\n⊢ 2 = 2", 0)

    def __exit__(self, *_: object) -> None:
        Dojo.ended += 1

    def run_tac(self, state: TacticState, tactic: str) -> Any:
        if tactic == "boom":
            raise DojoCrashError("OOM")
        if tactic == "hang":
            raise DojoTacticTimeoutError
        if tactic == "sorry":
            return ProofGivenUp()
        if tactic == "odd":
            return 3
        if tactic != "rfl":
            return LeanError(f"unknown tactic {tactic}")
        return TacticState("⊢ 2 = 2", 1) if state.num_goals == 2 else ProofFinished(2)


@dataclass(frozen=True)
class LeanGitRepo:
    url: str
    commit: str


@dataclass(frozen=True)
class Theorem:
    repo: LeanGitRepo
    file_path: Path
    full_name: str


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """A machine that has all that LeanDojo needs, and a traced repository."""
    module = ModuleType("lean_dojo")
    for kind in (
        *(TacticState, ProofFinished, LeanError, ProofGivenUp, DojoCrashError),
        *(DojoTacticTimeoutError, DojoInitError, Dojo, LeanGitRepo, Theorem),
    ):
        setattr(module, kind.__name__, kind)
    folder = tmp_path / "lemmas"
    (folder / ".lake" / "build" / "lib" / "lean").mkdir(parents=True)
    module.is_available_in_cache = lambda repo: repo.commit == REPOSITORY.commit  # type: ignore[attr-defined]
    module.get_traced_repo_path = lambda repo: folder  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "lean_dojo", module)
    monkeypatch.setattr(dojo, "requirements", lambda: (dojo.Need("all", True, "here", ""),))
    return module


def test_tactic_by_tactic(library: ModuleType) -> None:
    ended = Dojo.ended
    with LeanDojoSteps(REPOSITORY).open("Lemmas.lean", "two") as (tactics, first):
        assert (first.kind, first.open_goals) == ("goals", 2)
        wrong = tactics.run_tac(first, "nonsense")
        assert (wrong.kind, wrong.error) == ("error", "unknown tactic nonsense")
        assert tactics.run_tac(first, "sorry").kind == "given_up"
        second = tactics.run_tac(first, "rfl")
        assert (second.goals, second.open_goals) == ("⊢ 2 = 2", 1)
        assert tactics.run_tac(second, "rfl").kind == "proved"
        assert tactics.run_tac(first, "rfl") == second, "states branch"
        with pytest.raises(ValueError, match="needs a place with open goals, got 'error'"):
            tactics.run_tac(wrong, "rfl")
    assert Dojo.ended == ended + 1


@pytest.mark.parametrize(
    ("tactic", "why"), [("boom", "memory"), ("hang", "time"), ("odd", "crash")]
)
def test_what_ends_lean_is_lost_and_the_place_is_left(
    library: ModuleType, tactic: str, why: str
) -> None:
    ended = Dojo.ended
    with (
        pytest.raises(Lost) as lost,
        LeanDojoSteps(REPOSITORY).open("Lemmas.lean", "two") as (tactics, first),
    ):
        tactics.run_tac(first, tactic)
    assert lost.value.why == why
    assert Dojo.ended == ended + 1


def test_what_cannot_be_opened_is_missing(library: ModuleType) -> None:
    with (
        pytest.raises(Missing, match=r"nowhere in Lemmas\.lean: Failed to locate"),
        LeanDojoSteps(REPOSITORY).open("Lemmas.lean", "nowhere"),
    ):
        pass
    with pytest.raises(Missing, match=r"is not traced; run lean_dojo\.trace"):
        LeanDojoSteps(TracedRepository(url="x", commit="b" * 40))


def test_an_import_that_fails_is_missing(
    library: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise AssertionError("git version must be at least 2.25")

    monkeypatch.setattr(dojo.importlib, "import_module", fail)
    with pytest.raises(Missing, match="cannot be imported: git version"):
        LeanDojoSteps(REPOSITORY)


def test_requirements_are_named_before_anything_is_imported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "lean_dojo", raising=False)
    monkeypatch.setattr(dojo.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(dojo.shutil, "which", lambda name: None)
    monkeypatch.setattr(dojo.sys, "version_info", (3, 13, 0))
    monkeypatch.setenv("PATH", "")
    assert [need.name for need in dojo.requirements() if not need.ok] == [
        *("Python", "git", "elan", "lean-dojo")
    ]
    with pytest.raises(Missing) as missing:
        LeanDojoSteps(REPOSITORY)
    for way in ("use Python 3.11 or 3.12", "git 2.25", "elan", "pip install 'lean-dojo==4.20.0'"):
        assert way in str(missing.value)
    assert "lean_dojo" not in sys.modules


def test_verdicts_come_from_our_referee_in_the_traced_repository(
    library: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lean = tmp_path / "toolchain" / "bin" / "lean"
    lean.parent.mkdir(parents=True)
    lean.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "Lean (version 4.20.0, x)" ||'
        f' echo "{lean.parent.parent}"\n'
    )
    lean.chmod(0o755)
    monkeypatch.setattr(backends.shutil, "which", lambda name: str(lean))
    made = LeanSettings(backend="lean_dojo", traced=REPOSITORY).backend_here()
    assert (made.name, made.trust) == ("lean_dojo", "dev")
    assert made.argv["Referee"][-1] == "/checker/Referee.lean"
    libraries = [host for host, inside in made.folders.items() if inside.startswith("/libraries/")]
    assert libraries == [
        str(tmp_path / "lemmas" / ".lake/build/lib/lean"),
        str(tmp_path / "lemmas" / ".lake/build/lib"),
    ]


def test_without_it_nothing_is_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dojo.importlib.util, "find_spec", lambda name: None)
    source = lean_proof.target(LeanSettings(backend="lean_dojo", traced=REPOSITORY))
    verdict = source(Sample(completion="by simp", ground_truth="theorem t : 1 = 1"))
    source.close()
    assert verdict.status is Status.FAILED
    assert "lean-dojo is not installed" in verdict.reason
