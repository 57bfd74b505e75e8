"""Running the tools of a language over one program, and proving beforehand that they work.

A tool that passes its clean program and then crashes or goes beyond its limits on an answer does so
for what the answer is: its part is 0, or such a text would be a way around the grade. A tool that
does not pass its clean program is missing.

Not covered: which tools there are; see ``table`` and ``python``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ....sandbox.contract import Limits, Missing, Outcome, Program, SandboxFault
from ..kinds.bench import Bench, ended_because, shown
from .table import Check, Checks, Part

__all__ = ["TOOL", "Findings", "examine", "is_empty", "prove", "steady"]

TOOL = Limits(
    time_s=30.0, wall_s=60.0, memory_mb=2048, output_kb=16 << 10, pids=128, disk_mb=512,
    open_files=256,
)  # fmt: skip
"""A tool's bounds, not the program's: they are ours."""


_MOST = 20


@dataclass(slots=True)
class Findings:
    """What the tools found in one program."""

    refused: str = ""
    """Why it does not compile; empty when it does."""
    faults: dict[Part, list[str]] = field(default_factory=dict)
    """Of each part that was looked at, in the order of lines."""
    unread: dict[Part, str] = field(default_factory=dict)
    """Why a tool has not read it all: it broke, or was kept from it."""

    def hides(self, part: Part, places: list[str]) -> None:
        """What hides faults from a tool costs the whole part: it may hide any number of them."""
        if places:
            self.unread[part] = places[0]

    def score(self, part: Part, cost: float) -> float:
        """Of a part, in [0, 1]."""
        if part in self.unread or self.refused:
            return 0.0
        return max(0.0, 1.0 - cost * len(self.faults.get(part, ())))


def examine(
    checks: Iterable[Check], file: str, code: str, bench: Bench, silencers: str
) -> Findings:
    """Ask each tool, until one says that it does not compile. Raises ``SandboxFault``."""
    found = Findings()
    known: dict[tuple[str, ...], Outcome] = {}
    for check in checks:
        if check.only_if is not None and not check.only_if.search(code):
            continue
        if check.argv not in known:
            files = {file: code.encode("utf-8", "surrogatepass"), **check.files}
            known[check.argv] = steady(bench, Program.command(check.argv, files))
        _add(found, check, known[check.argv])
        if found.refused:
            return found
    if silencers and "lints" in found.faults:
        found.hides(
            "lints", [f"line {n}: it switches warnings off" for n in _lines(silencers, code)]
        )
    return found


def _lines(pattern: str, code: str) -> list[int]:
    """Where it matches, in time that grows with the text alone, whatever the text."""
    import re2

    code = code.encode("utf-8", "replace").decode()  # RE2 knows no half of a character
    found = itertools.islice(re2.finditer(pattern, code), _MOST)
    return [code.count("\n", 0, match.start()) + 1 for match in found]


def _add(found: Findings, check: Check, outcome: Outcome) -> None:
    told = outcome.stdout + b"\n" + outcome.stderr
    ended = outcome.end == "exited" and outcome.code in check.ends
    why = "" if ended else f"{check.tool}: {_why(outcome, told)}"
    if check.fault is None:
        found.refused = why
        return
    faults = found.faults.setdefault(check.part, [])
    seen = []
    for line, text in check.fault.findall(told):
        where = f"line {int(line)}: " if line else ""
        seen.append(where + shown(text.decode("utf-8", "replace")))
    if check.hides:
        found.hides(check.part, seen)
    else:
        faults += seen
    if why:
        found.unread[check.part] = why


def _why(outcome: Outcome, told: bytes) -> str:
    if outcome.end != "exited":
        return ended_because(outcome).replace("the program", "reading it")
    return shown(told.decode("utf-8", "replace").strip() or ended_because(outcome), 500)


def steady(bench: Bench, program: Program) -> Outcome:
    """One run. These tools never wait: where the clock ran out before the processor's time did,
    the machine was busy, and nothing is known of the program."""
    outcome = bench.run(program, limits=TOOL)
    # not by the limit of this run: what the clock took from earlier ones has made that smaller
    if outcome.end == "time" and bench.cpu_s < min(bench.budget_s, TOOL.time_s) / 2:
        raise SandboxFault(
            f"{bench.sandbox.name}: {bench.wall_s:.1f} s went by, of which the tools had"
            f" {bench.cpu_s:.1f} s of a processor; use fewer workers, or raise budget_s"
        )
    return outcome


def prove(
    checks: Checks, file: str, bench_of: Callable[[], Bench], pins: Mapping[str, str]
) -> dict[str, str]:
    """Tool -> its version, once each tool has passed the clean program. Raises ``Missing``."""
    versions: dict[str, str] = {}
    for check in checks.checks:
        bench = bench_of()  # each has what an answer will have
        if check.tool not in versions:
            versions[check.tool] = _version(check, bench, pins.get(check.tool))
        found = examine([check], file, checks.clean, bench, "")
        told = "; ".join(fault for faults in found.faults.values() for fault in faults)
        problem = found.refused or found.unread.get(check.part) or told
        if problem:
            raise Missing(
                f"{check.tool} of the sandbox {bench.sandbox.name!r} does not pass a program"
                f" without fault: {problem[:300]}; {_way_out(check)}"
            )
    return versions


def _version(check: Check, bench: Bench, wanted: str | None) -> str:
    ask = Program.command(["sh", "-c", check.version], check.files)
    outcome = bench.run(ask, limits=TOOL)
    told = outcome.stdout.decode("utf-8", "replace").strip()
    if not outcome.ok or not told:
        raise Missing(
            f"there is no working {check.tool!r} in the sandbox {bench.sandbox.name!r};"
            f" {_way_out(check)}"
        )
    version = told.split("\n")[0][:80]
    if wanted is not None and wanted not in version.split():
        raise Missing(f"tools.{check.tool}: must be version {wanted!r}, got {version!r};"
                      " install that one, or take it out of the settings")  # fmt: skip
    return version


def _way_out(check: Check) -> str:
    get = f"install {check.tool} there, or name an image that has it in sandbox_options"
    if check.tool in ("ruff", "mypy"):
        get = "pip install 'assay-rlvr[quality]', or an image that has it in sandbox_options"
    leave = f", or leave it out with weights: {{{check.part}: 0}}"
    return get + (leave if check.part != "compiles" else "")


def is_empty(code: str, comments: str) -> bool:
    """Whether nothing is left of a program without its comments."""
    return not re.sub(comments, "", code, flags=re.DOTALL).strip()
