"""Sources that take down the process they run in, and others of Ray; for actors, never for tests.

What has died once leaves a mark in the folder ``ASSAY_TEST_MARKS``, and lives from then on.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from assay import Sample, source

MARKS = Path(os.environ.get("ASSAY_TEST_MARKS", "/nowhere"))


def first_time(mark: str) -> bool:
    try:
        (MARKS / mark).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@source("deadly.some", version="1", scale="unit", runs="inline")
def some(sample: Sample) -> float:
    """Does what the text says; all other texts score 1."""
    if sample.text == "kill" and not (MARKS / "tame").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if sample.text == "kill once" and first_time("actor"):
        os.kill(os.getpid(), signal.SIGKILL)
    if sample.text == "kill reader once" and first_time("reader"):
        kill_sibling("ray::ReadWindows")
    if sample.text == "kill feed once" and first_time("feed"):
        kill_sibling("ray::Feed")
    return 1.0


def kill_sibling(title: str) -> None:
    """Kill a process of this cluster: all of them are children of one."""
    for process in psutil.Process(os.getppid()).children():
        if process.cmdline()[0].startswith(title):
            process.kill()
