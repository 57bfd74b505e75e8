"""Sources that do everything a source must not do.

``fault.some`` does what the sample's text says; ``fault.<kind>`` does it to every sample.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from assay import Sample, TransientError, Verdict, source


def hang_python() -> float:
    while True:
        pass


def hang_power() -> float:
    return float(9**9**9 % 2)


def hang_regex() -> float:
    return float(re.match(r"(a+)+$", "a" * 60 + "b") is not None)


def hang_sleep() -> float:
    time.sleep(3600)
    return 1.0


def exits() -> float:
    os._exit(1)


def segfault() -> float:
    os.kill(os.getpid(), signal.SIGSEGV)
    ctypes.string_at(0)
    return 1.0


def eats_memory() -> float:
    hoard = []
    while sum(map(len, hoard)) < 4 << 30:
        hoard.append(b"x" * (16 << 20))
    return 1.0


def forks() -> float:
    if os.fork() == 0:
        time.sleep(3600)
    return 1.0


def forks_and_returns() -> float:
    os.fork()
    return 1.0


def detaches() -> float:
    # a grandchild in a session of its own, orphaned at once
    code = "import os, time; os.fork() and os._exit(0); os.setsid(); time.sleep(3600)"
    subprocess.run([sys.executable, "-S", "-c", code], check=True)
    return 1.0


def prints() -> float:
    for _ in range(100):
        print("y" * 1_000_000)
    os.write(1, b"z" * 1_000_000)
    return 1.0


def raises() -> float:
    raise ValueError("boom")


def raises_base() -> float:
    raise KeyboardInterrupt


def leaves() -> float:
    sys.exit("bye")


def transient() -> float:
    raise TransientError("the server is busy")


def evidence() -> Verdict:
    return Verdict.scored(1.0, evidence={"socket": object()})


def huge() -> Verdict:
    return Verdict.scored(1.0, evidence={"text": "x" * (8 << 20)})


HANGS: dict[str, Callable[[], object]] = {
    "hang_python": hang_python,
    "hang_power": hang_power,
    "hang_regex": hang_regex,
    "hang_sleep": hang_sleep,
}
FAILS: dict[str, Callable[[], object]] = {
    "raises": raises,
    "raises_base": raises_base,
    "leaves": leaves,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "text": lambda: "yes",
    "list": lambda: [1.0],
    "above": lambda: 1.5,
    "negative": lambda: -0.5,
    "evidence": evidence,
    "huge": huge,
    "exits": exits,
    "segfault": segfault,
}
HARMLESS: dict[str, Callable[[], object]] = {
    "forks": forks,
    "forks_and_returns": forks_and_returns,
    "detaches": detaches,
    "prints": prints,
}
KINDS = {**HANGS, **FAILS, **HARMLESS, "eats_memory": eats_memory, "transient": transient}


@source("fault.some", version="1", scale="unit")
def some(sample: Sample) -> object:
    kind = KINDS.get(sample.text)
    return 1.0 if kind is None else kind()


@source("fault.hang_python", version="1", scale="unit")
def every_hang_python(sample: Sample) -> object:
    return hang_python()


@source("fault.hang_power", version="1", scale="unit")
def every_hang_power(sample: Sample) -> object:
    return hang_power()


@source("fault.hang_regex", version="1", scale="unit")
def every_hang_regex(sample: Sample) -> object:
    return hang_regex()


@source("fault.exits", version="1", scale="unit")
def every_exits(sample: Sample) -> object:
    return exits()


@source("fault.raises", version="1", scale="unit")
def every_raises(sample: Sample) -> object:
    return raises()


@source("fault.too_few", version="1", scale="unit", arity="group")
def too_few(samples: list[Sample]) -> list[float]:
    return [1.0] * (len(samples) - 1)


@source("fault.batched", version="1", scale="unit", batched=True)
def batched(samples: list[Sample]) -> list[float]:
    if any(s.text == "exits" for s in samples):
        os._exit(3)
    return [1.0] * len(samples)


@source("fault.async_some", version="1", scale="unit")
async def async_some(sample: Sample) -> object:
    import asyncio

    if sample.text == "waits":
        await asyncio.sleep(3600)
    if sample.text == "cancels":
        raise asyncio.CancelledError
    kind = KINDS.get(sample.text)
    return 1.0 if kind is None else kind()


@source("fault.cannot_open", version="1", scale="unit")
class CannotOpen:
    def __init__(self) -> None:
        raise RuntimeError("no model here")

    def __call__(self, sample: Sample) -> float:
        return 1.0


@source("fault.dies_opening", version="1", scale="unit")
class DiesOpening:
    def __init__(self) -> None:
        os._exit(7)

    def __call__(self, sample: Sample) -> float:
        return 1.0
