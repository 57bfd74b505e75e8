"""A script of one line, in each sandbox and as a bare subprocess, side by side.

Bare: ``python3 -I -S`` by ``subprocess.run``, with the interpreter that the jail has too. The rows
of one concurrency are measured in turns, several times, and the median is taken, so that a machine
that is busy for a while slows them all.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from assay.sandbox.contract import Limits, Missing, Program, Sandbox

from .rates import Rate, rate_of

__all__ = ["CONCURRENCY", "measure"]

CONCURRENCY = (1, 2, 4, 8)
CODE = "print(sum(map(int, input().split())))"
GIVEN, EXPECTED = b"1 2 3\n", b"6\n"
BARE = "bare python3 -I -S"


def bare() -> None:
    command = [sys.executable, "-I", "-S", "-c", CODE]
    done = subprocess.run(command, input=GIVEN, capture_output=True, env={}, check=True)
    if done.stdout != EXPECTED:
        raise RuntimeError(f"the bare script wrote {done.stdout!r}")


def inside(sandbox: Sandbox) -> Callable[[], None]:
    program, limits = Program.script(CODE), Limits()

    def run() -> None:
        outcome = sandbox.run(program, GIVEN, limits)
        if outcome.stdout != EXPECTED or not outcome.ok:
            raise RuntimeError(f"{sandbox.name}: {outcome}")

    return run


def _works(name: str) -> bool:
    """Whether it can be opened here; why not is printed."""
    try:
        with _made(name, 1):
            return True
    except Missing as missing:
        print(f"{name}: not measured: {missing}", file=sys.stderr)
        return False


def _made(name: str, slots: int) -> Sandbox:
    if name == "jail":
        from assay.sandbox.jail import Jail

        return Jail(slots=min(slots, os.cpu_count() or 1))
    from assay.sandbox.docker import DockerSandbox

    return DockerSandbox(slots=slots)


def measure(names: Sequence[str], *, for_s: float, turns: int) -> dict[int, dict[str, Rate]]:
    """By concurrency and name."""
    found: dict[int, dict[str, Rate]] = {}
    names = [name for name in names if _works(name)]
    for many in CONCURRENCY:
        with ExitStack() as stack:
            rows: dict[str, Callable[[], None]] = {BARE: bare}
            for sandbox in [stack.enter_context(_made(name, many)) for name in names]:
                rows[sandbox.name] = inside(sandbox)
                rate_of(rows[sandbox.name], threads=many, for_s=0.3)  # starts all slots
            seen: dict[str, list[Rate]] = {name: [] for name in rows}
            for _ in range(turns):
                for name, run in rows.items():
                    seen[name].append(rate_of(run, threads=many, for_s=for_s))
            found[many] = {name: _median(rates) for name, rates in seen.items()}
    return found


def _median(rates: Sequence[Rate]) -> Rate:
    return Rate(
        per_s=statistics.median(r.per_s for r in rates),
        p50_ms=statistics.median(r.p50_ms for r in rates),
        p99_ms=statistics.median(r.p99_ms for r in rates),
    )
