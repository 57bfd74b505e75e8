"""A call of a source that never returns, under a deadline: it must end, and leave nothing behind.

The source is opened and used first, with all that it starts; then the call hangs. Not covered: a
hang inside the source's own work; the hostile texts meet that.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import psutil
from pydantic import Field

from ..judging import OpenSource
from ..registry import Registry
from ..scorer import Scorer
from ..settings import Settings
from ..source import Source, source
from ..types import Sample, Verdict

__all__ = ["DEADLINE_S", "Ending", "Hangs", "end_it"]

DEADLINE_S = 1.0
_GONE_WITHIN_S = 3.0
_MARK = "ASSAY_CONFORMANCE_MARK"
_HANG = "assay.conformance.hang"
_NAME = "conformance.hangs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a call ended that would not."""

    verdict: Verdict
    seconds: float
    opening_s: float
    """What the first call took that opens the source; a fresh worker may open it once more."""
    left: tuple[str, ...]
    """Processes that were there afterwards."""


class HangsSettings(Settings):
    """Which source is opened and used before the call hangs."""

    of: str
    """Its name."""
    plugins: tuple[str, ...] = ()
    """Modules to load by name."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """What it is opened with."""


@source(
    _NAME,
    version="1",
    scale="real",
    arity="group",
    deterministic=False,
    keeps_children=True,  # the kill alone must clear away what the source started
)
class Hangs:
    """Judges with another source, and never returns where a sample's ``extra`` says so."""

    def __init__(self, settings: HangsSettings) -> None:
        found = Registry.load(settings.plugins).sources[settings.of]
        self._opened = OpenSource(found, settings.settings, found.name)
        self._opened.opened()

    def __call__(self, samples: list[Sample]) -> list[Verdict]:
        seen = [sample.view(self._opened.source.view) for sample in samples]
        if self._opened.source.is_async:
            verdicts = asyncio.run(self._opened.ajudge(seen))
        else:
            verdicts = self._opened.judge(seen)
        while any(sample.extra.get(_HANG) for sample in samples):
            time.sleep(3600)
        return verdicts


def end_it(
    tested: Source, settings: Mapping[str, Any], plugins: Sequence[str], bundle: Sequence[Sample]
) -> Ending:
    """Let a call of the source hang, and see what becomes of it."""
    told = {"of": tested.name, "plugins": list(plugins), "settings": dict(settings)}
    entry = {"use": _NAME, "deadline_s": DEADLINE_S, "workers": 1, **told}
    with _marked() as mark, _unheard():
        with Scorer({"sources": [entry]}, plugins=[*plugins, __name__]) as scorer:
            begun = time.perf_counter()
            scorer.score(list(bundle))
            opening_s = time.perf_counter() - begun
            marked = [replace(s, extra={**s.extra, _HANG: True}, id="") for s in bundle]
            begun = time.perf_counter()
            verdict = scorer.score(marked)[0].verdicts[_NAME]
            seconds = time.perf_counter() - begun
        left = tuple(_left(mark))
    return Ending(verdict=verdict, seconds=seconds, opening_s=opening_s, left=left)


@contextmanager
def _unheard() -> Iterator[None]:
    """Inside, the engine does not warn of the kill that is wanted."""
    log = logging.getLogger("assay.engine")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


@contextmanager
def _marked() -> Iterator[str]:
    """Inside, processes that are started carry a mark in their environment."""
    mark = secrets.token_hex(16)
    os.environ[_MARK] = mark
    try:
        yield mark
    finally:
        del os.environ[_MARK]


def _left(mark: str) -> list[str]:
    """Marked processes, once those that are about to end have ended."""
    until = time.monotonic() + _GONE_WITHIN_S
    while (found := [*_with(mark)]) and time.monotonic() < until:
        time.sleep(0.05)
    return found


def _with(mark: str) -> Iterator[str]:
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(_MARK) == mark:
                yield f"{process.pid} {' '.join(process.cmdline())[:80]}"
        except psutil.Error:
            continue  # it ended, or is another user's: then it is not ours
