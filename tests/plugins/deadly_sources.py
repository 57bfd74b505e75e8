"""Sources that take down the actor of Ray they run in, and other processes of its cluster.

What has died once leaves a mark in the folder ``ASSAY_TEST_MARKS``, and lives from then on.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

from assay import Sample, source


def marks() -> Path:
    return Path(os.environ["ASSAY_TEST_MARKS"])


def first_time(mark: str) -> bool:
    try:
        (marks() / mark).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@source("deadly.some", version="1", scale="unit", runs="inline")
def some(sample: Sample) -> float:
    """Does what the text says; all other texts score 1."""
    if sample.text == "kill" and not (marks() / "tame").exists():
        die()
    if sample.text == "kill once" and first_time("actor"):
        die()
    if sample.text == "kill reader once" and first_time("reader"):
        kill_sibling("ray::ReadWindows")
    if sample.text == "kill feed once" and first_time("feed"):
        kill_sibling("ray::Feed")
    return 1.0


def die() -> None:
    if not psutil.Process().cmdline()[0].startswith("ray::"):
        raise RuntimeError("this is no actor: the tests would die")
    os.kill(os.getpid(), signal.SIGKILL)


def kill_sibling(title: str) -> None:
    """Kill a process of this cluster: all of them are children of one."""
    for process in psutil.Process(os.getppid()).children():
        if process.cmdline()[0].startswith(title):
            process.kill()
