"""A checker program decides: for tasks with many right outputs.

The checker is the data's, and trusted; it runs in a run of its own, where it gets
``{"input", "output", "answer"}`` as JSON on standard input and ends with status 0 for right and 1
for wrong. A checker that ends otherwise, or not at all, has not said that the output is right.
"""

from __future__ import annotations

import json

from ....sandbox.contract import Program
from ..truth import CheckerCase, CheckerTests
from .bench import Bench, Case, Graded, ended_because, shown
from .stdio import compiled, text_of

__all__ = ["grade_checked"]


def grade_checked(tests: CheckerTests, source: str, bench: Bench) -> Graded:
    """Every case's output, as the checker sees it."""
    names = [f"case {number}" for number in range(1, len(tests.cases) + 1)]
    ready = compiled(bench.language, source, bench)
    if ready.program is None:
        return Graded.all_failed(names, ready.why, stderr=ready.stderr)
    limits = bench.with_language()
    graded = Graded([], trust="a checker of the data decides, in a process of its own")
    for name, case in zip(names, tests.cases, strict=True):
        over = bench.left_s <= 0 or (bench.stop and any(not c.passed for c in graded.cases))
        if over:
            graded.cases.append(Case(name, False, "not run"))
            continue
        outcome = bench.run(ready.program, case.stdin.encode("utf-8", "surrogatepass"), limits)
        text = text_of(outcome.stdout)
        given = f"stdin {shown(repr(case.stdin))}"
        if not outcome.ok:
            graded.cases.append(Case(name, False, ended_because(outcome), given))
            graded.stderr = graded.stderr or outcome.stderr
        elif text is None:
            graded.cases.append(Case(name, False, "the output is not text", given))
        else:
            graded.cases.append(_checked(name, tests.checker, case, text, bench))
    return graded


def _checked(name: str, checker: str, case: CheckerCase, output: str, bench: Bench) -> Case:
    told = json.dumps({"input": case.stdin, "output": output, "answer": case.answer}).encode()
    outcome = bench.run_for_tests(Program.script(checker), told)
    if outcome.ok:
        return Case(name, True)
    detail = f"stdin {shown(repr(case.stdin))}: got {shown(repr(output))}"
    if outcome.end == "exited" and outcome.code == 1:
        return Case(name, False, "the checker says no", detail)
    return Case(name, False, f"the checker did not decide: {ended_because(outcome)}", detail)
