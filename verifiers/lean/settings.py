"""How Lean is reached, and what a proof may rest on: the settings of the Lean sources."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ...core.settings import NO_EFFECT, Settings
from ...sandbox.contract import Missing
from .backends import Backend, Which, choose
from .dojo import TracedRepository, traced_folder
from .judging import Checker
from .process import LeanProcess
from .server import Messages, ServerLean, ServerSettings

__all__ = ["LeanSettings"]


class LeanSettings(Settings):
    """Where proofs are checked, and within what."""

    backend: Literal["auto", "native", "wasm", "lean_dojo", "server"] = "auto"
    """``native``: a Lean toolchain of this machine. ``wasm``: Lean 4.28 under Node, core library
    only, verdicts labelled ``dev``. ``auto``: native where there is one, else wasm. ``lean_dojo``:
    native, with the libraries of a repository that LeanDojo traced (``traced``). ``server``: a
    Kimina-style server elaborates (``server``), the referee here decides."""
    project: Path | None = None
    """A built lake project whose libraries (Mathlib...) may be imported; native only."""
    traced: TracedRepository | None = None
    """Of the backend ``lean_dojo``: ``{url, commit}``."""
    server: ServerSettings | None = None
    """Of the backend ``server``: ``{url, api, key_env, retries}``."""
    accept_unreplayed: bool = False
    """Where a server elaborates and no Lean is here to replay: believe its messages. An answer can
    forge them; verdicts are labelled ``messages``. Off, each of them is a fault."""
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

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        for name, field in (("lean_dojo", "traced"), ("server", "server")):
            if (self.backend == name) != (getattr(self, field) is not None):
                raise ValueError(f"{field} goes with the backend {name!r}, got {self.backend!r}")
        if self.accept_unreplayed and self.backend != "server":
            raise ValueError("accept_unreplayed goes with the backend 'server'")
        if self.backend == "lean_dojo" and self.project is not None:
            raise ValueError("project: the backend 'lean_dojo' takes the traced repository")
        return self

    def backend_here(self) -> Backend:
        """Of the processes that run here. Raises ``Missing``, saying how to get a Lean."""
        if self.traced is not None:
            folder = traced_folder(self.traced)
            made = choose("native", project=folder, memory_mb=self.memory_mb, strict=self.strict)
            return replace(made, name="lean_dojo")
        which: Which = "auto"
        if self.backend == "native" or self.backend == "wasm":  # noqa: PLR1714 - mypy narrows by it
            which = self.backend
        return choose(which, project=self.project, memory_mb=self.memory_mb, strict=self.strict)

    def checker(self) -> Checker:
        """Not started yet. Raises ``Missing``."""
        elaborator, referee = self._pair()
        return Checker(
            elaborator,
            referee,
            allow=self.allow_axioms,
            time_s=self.time_s,
            heartbeats=self.heartbeats,
        )

    def _pair(self) -> tuple[LeanProcess, LeanProcess]:
        try:
            backend = self.backend_here()
        except Missing as error:
            if self.server is None:
                raise
            if not self.accept_unreplayed:
                raise Missing(
                    f"a server elaborates, and nothing here can replay what it says: {error};"
                    " or set accept_unreplayed, and an answer can forge its verdict"
                ) from error
            both = Messages(_elsewhere("messages"), self.server)
            return both, both
        most_mb = 0.85 * backend.memory_mb
        made = [
            LeanProcess(backend, role, most=self.recycle_after, most_mb=most_mb)
            for role in ("Elaborator", "Referee")
        ]
        if self.server is not None:
            label = replace(_elsewhere(backend.trust), notes=backend.notes)
            made[0] = ServerLean(label, self.server, made[1])
        return made[0], made[1]


def _elsewhere(trust: Literal["production", "dev", "messages"]) -> Backend:
    """A backend of which nothing runs here."""
    return Backend(name="server", argv={}, folders={}, environment={}, trust=trust, memory_mb=1)
