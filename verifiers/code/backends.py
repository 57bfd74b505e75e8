"""The sandbox a source runs its programs in: chosen by name, opened at the first sample.

Not covered: what each backend promises; its ``guarantees`` say so, and every verdict repeats them.
"""

from __future__ import annotations

import threading
from typing import Any, Literal

from pydantic import Field

from ...core.settings import Settings
from ...sandbox.choose import make_sandbox
from ...sandbox.contract import Limits, Sandbox
from .extract import Which
from .truth import WantedLimits

__all__ = ["Backend", "CodeSettings", "Held"]

Backend = Literal["jail", "docker", "remote", "unsafe_subprocess"]

_SLOTS = 2
"""Tests beyond the evaluator take two runs at once: the program's, and that of the tests."""


class CodeSettings(Settings):
    """Where programs run, and within what."""

    sandbox: Backend = "jail"
    """The backend. ``unsafe_subprocess`` isolates nothing: for trusted programs only."""
    sandbox_options: dict[str, Any] = Field(default_factory=dict)
    """Arguments of the backend: an image, a service's address, folders to show."""
    blocks: Which = "last"
    """Of several code blocks: the last one that fits, the longest one, or all of them joined."""
    prefix: Literal["auto", "never"] = "auto"
    """``auto``: an answer that does not define the entry point continues a prompt that does, as
    in HumanEval."""
    time_s: float = Field(default=5.0, gt=0, le=3600)
    """CPU seconds of one run, where the ground truth does not say."""
    memory_mb: int = Field(default=512, ge=16)
    """Memory of one run, its files included."""
    output_kb: int = Field(default=1024, ge=1)
    """Output of one run, or the values of all its calls."""
    pids: int = Field(default=32, ge=1)
    """Processes and threads of one run."""
    disk_mb: int = Field(default=64, ge=1)
    """Files of one run."""
    budget_s: float = Field(default=8.0, gt=0)
    """CPU seconds of all runs of a sample, and about its seconds by the clock: tests beyond it
    count as failed. Keep it below the recipe's ``deadline_s``, or the worker is ended first."""

    def limits(self, wanted: WantedLimits) -> Limits:
        """The limits of a run: the ground truth's, or ours."""
        given = wanted.model_dump(exclude_none=True)
        ours = {key: getattr(self, key) for key in WantedLimits.model_fields}
        return Limits(**(ours | given))


class Held:
    """The one sandbox of an opened source, made when it is first needed."""

    def __init__(self, settings: CodeSettings) -> None:
        self._settings = settings
        self._sandbox: Sandbox | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Sandbox:
        """The sandbox, open. Raises ``Missing`` and ``ConfigError``."""
        with self._lock:
            if self._sandbox is None:
                options = {"slots": _SLOTS, **self._settings.sandbox_options}
                made = make_sandbox(self._settings.sandbox, **options)
                made.open()
                self._sandbox = made
            return self._sandbox

    def close(self) -> None:
        """End it."""
        with self._lock:
            if self._sandbox is not None:
                self._sandbox.close()
                self._sandbox = None
