"""Runs with expected output: one run a case, in a fresh place, bytes compared here.

The program is compiled once, in a run of its own, and only what that made enters the others.
"""

from __future__ import annotations

from ....core.types import canonical_json
from ....sandbox.contract import Limits, Outcome, Program
from ..compare import Compare, same_output
from ..languages import SQL_RUNNER, Language
from ..truth import StdioCase, StdioTests
from .bench import Bench, Case, Graded, ended_because, folded, shown

__all__ = ["Compiled", "compiled", "grade_stdio", "text_of"]

COMPILE = Limits(
    time_s=30.0, wall_s=60.0, memory_mb=2048, output_kb=64 << 10, pids=128, disk_mb=512,
    open_files=256,
)  # fmt: skip
"""A compiler's bounds, not the program's: they are ours, and so is the time it takes."""


class Compiled:
    """A program ready to run, or why it is not."""

    def __init__(self, program: Program | None, why: str = "", stderr: bytes = b"") -> None:
        self.program, self.why, self.stderr = program, why, stderr


def compiled(language: Language, source: str, bench: Bench, setup: str = "") -> Compiled:
    """Compile once, in a run of its own. Raises ``SandboxFault``."""
    code = source.encode("utf-8", "surrogatepass")
    if language.name == "python":
        return Compiled(Program.script(source))
    if language.name == "sql":
        files = {"main.sql": code, "setup.sql": setup.encode()}
        return Compiled(Program.script(SQL_RUNNER, files))
    if not language.compile:
        return Compiled(Program.command(language.run, {language.file: code}))
    keep = (language.made,)
    program = Program.command(language.compile, {language.file: code}, keep)
    outcome = bench.run(program, limits=COMPILE)
    made = outcome.files.get(language.made)
    if not outcome.ok or made is None:
        why = ended_because(outcome) if outcome.end != "exited" else "the compiler refuses it"
        return Compiled(None, f"does not compile: {why}", outcome.stderr)
    return Compiled(Program.command(language.run, {language.made: made}))


def grade_stdio(tests: StdioTests, source: str, bench: Bench) -> Graded:
    """Every case's output against the expected one."""
    cases, twice = folded(tests.cases, lambda c: canonical_json([c.stdin, c.stdout, repr(c)]))
    names = [f"case {number}" for number in range(1, len(cases) + 1)]
    ready = compiled(bench.language, source, bench, tests.setup)
    if ready.program is None:
        return Graded.all_failed(names, ready.why, stderr=ready.stderr, folded=twice)
    graded = Graded([], folded=twice, trust="output is compared outside the program's process")
    limits = bench.with_language()
    known: dict[str, Outcome] = {}
    for name, case in zip(names, cases, strict=True):
        if bench.stop and graded.cases and not graded.cases[-1].passed:
            graded.cases.append(Case(name, False, "not run: an earlier case was wrong"))
            continue
        if bench.left_s <= 0:
            graded.cases.append(Case(name, False, "not run: the time of all cases is over"))
            continue
        outcome = known.get(case.stdin)
        if outcome is None:
            stdin = case.stdin.encode("utf-8", "surrogatepass")
            outcome = known[case.stdin] = bench.run(ready.program, stdin, limits)
        graded.cases.append(_case(name, case, outcome, bench.compare, tests.any_status))
        if not graded.cases[-1].passed and not graded.stderr:
            graded.stderr = outcome.stderr
    return graded


def _case(name: str, case: StdioCase, outcome: Outcome, compare: Compare, any_status: bool) -> Case:
    given = f"stdin {shown(repr(case.stdin))}"
    if outcome.end != "exited" or (outcome.code != 0 and not any_status):
        return Case(name, False, ended_because(outcome), given)
    text = text_of(outcome.stdout)
    if text is None:
        return Case(name, False, "the output is not text (UTF-8 without NUL)", given)
    if same_output(text, case.stdout, case.compare or compare, case.stdin):
        return Case(name, True)
    wanted = f"expected {shown(repr(case.stdout))}, got {shown(repr(text))}"
    return Case(name, False, "wrong output", f"{given}: {wanted}")


def text_of(output: bytes) -> str | None:
    """An output as text; None for what is not UTF-8, or holds a NUL."""
    try:
        text = output.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
