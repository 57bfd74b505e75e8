"""How Lean is reached, and what a proof may rest on: the settings of the Lean sources."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ...core.settings import NO_EFFECT, Settings
from .backends import Backend, Which, choose
from .judging import Checker
from .process import LeanProcess

__all__ = ["LeanSettings"]


class LeanSettings(Settings):
    """Where proofs are checked, and within what."""

    backend: Which = "auto"
    """``native``: a Lean toolchain of this machine. ``wasm``: Lean 4.28 under Node, core library
    only, verdicts labelled ``dev``. ``auto``: native where there is one, else wasm."""
    project: Path | None = None
    """A built lake project whose libraries (Mathlib...) may be imported; native only."""
    strict: bool = False
    """Refuse a native Lean older than 4.34, the first kernel without known holes."""
    allow_axioms: tuple[str, ...] = ("propext", "Classical.choice", "Quot.sound")
    """What a proof may rest on, where the ground truth does not say. ``Lean.ofReduceBool`` (of
    ``native_decide``) is not among them: it trusts a compiler."""
    time_s: float = Field(default=30.0, gt=0)
    """CPU seconds of Lean for elaborating an answer, and again for checking it; beyond them it is
    judged to prove nothing. By the clock it may take three times as long."""
    heartbeats: int = Field(default=200_000, ge=1000)
    """Lean's ``maxHeartbeats`` to begin with; an answer may raise it."""
    memory_mb: int | None = Field(default=None, ge=1024)
    """Of one Lean; None: 2304 for wasm, 4096 for native, 12288 with a project."""
    recycle_after: Annotated[int, NO_EFFECT] = Field(default=500, ge=1)
    """Requests that one Lean answers before another takes its place."""

    def backend_here(self) -> Backend:
        """Raises ``Missing``, saying how to get a Lean."""
        return choose(
            self.backend, project=self.project, memory_mb=self.memory_mb, strict=self.strict
        )

    def checker(self) -> Checker:
        """Not started yet. Raises ``Missing``."""
        backend = self.backend_here()
        most_mb = 0.85 * backend.memory_mb
        pair = [
            LeanProcess(backend, role, most=self.recycle_after, most_mb=most_mb)
            for role in ("Elaborator", "Referee")
        ]
        return Checker(
            *pair, allow=self.allow_axioms, time_s=self.time_s, heartbeats=self.heartbeats
        )
