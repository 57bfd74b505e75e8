"""Whole tasks graded: Assay's ``code.tests`` beside other graders, with equal workers.

The programs are the tasks' own right solutions, so they are trusted and every grader must accept
them; the other graders run outside any jail here, each in a process of its own. A comment makes
each program of a run another text, so that nothing comes from a cache.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay import Sample, Scorer
from assay.core.judging import OpenSource

from .contained import peer_command

__all__ = ["Graded", "Task", "measure", "read_tasks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A right program and tests of HumanEval's kind."""

    program: str
    tests: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """Tasks per second, and the share that was accepted."""

    per_s: float
    accepted: float


def read_tasks(path: Path | None) -> list[Task]:
    """From a file in HumanEval's layout, or our own twenty problems."""
    if path is None:
        from programs.problems import PROBLEMS

        rows = [problem.row for problem in PROBLEMS]
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [
        Task(
            program=row["prompt"] + row["canonical_solution"],
            tests={"kind": "check", "test": row["test"], "entry_point": row["entry_point"]},
        )
        for row in rows
    ]


def _fresh(tasks: Sequence[Task], turn: int) -> list[Task]:
    return [Task(program=f"{t.program}\n# turn {turn}\n", tests=t.tests) for t in tasks]


def _samples(tasks: Sequence[Task]) -> list[Sample]:
    fence = "`" * 3
    return [
        Sample(
            completion=f"{fence}python\n{task.program}\n{fence}",
            ground_truth={"language": "python", "tests": task.tests},
        )
        for task in tasks
    ]


def direct(tasks: Sequence[Task]) -> Callable[[int], Graded]:
    """``code.tests`` called in this process, one task at a time."""
    from assay.verifiers.code.programs import code_tests

    source = OpenSource(code_tests, {"sandbox": "jail"}, "code.tests")
    source.judge(_samples(tasks[:1]))

    def run(turn: int) -> Graded:
        samples = [s.view(code_tests.view) for s in _samples(_fresh(tasks, turn))]
        started = time.perf_counter()
        passed = [verdict.passed for verdict in source.judge(samples)]
        spent = time.perf_counter() - started
        return Graded(per_s=len(tasks) / spent, accepted=passed.count(True) / len(tasks))

    return run


def scorer(tasks: Sequence[Task], workers: int) -> Callable[[int], Graded]:
    """``Scorer``: the engine, its worker processes, its deadlines."""
    made = Scorer({"sources": [{"use": "code.tests", "workers": workers}]})
    made.score(_samples(tasks[: 4 * workers]))

    def run(turn: int) -> Graded:
        samples = _samples(_fresh(tasks, turn))
        started = time.perf_counter()
        passed = [reward.passed for reward in made.score(samples)]
        spent = time.perf_counter() - started
        return Graded(per_s=len(tasks) / spent, accepted=passed.count(True) / len(tasks))

    return run


def peer(
    command: Sequence[str], path: str, tasks: Sequence[Task], workers: int
) -> Callable[[int], Graded]:
    """Another grader, in a process of its own. ``path``: where it finds what it runs by name."""

    def run(turn: int) -> Graded:
        jobs = [[task.program, task.tests] for task in _fresh(tasks, turn)]
        done = subprocess.run(
            command,
            input=json.dumps({"jobs": jobs, "workers": workers}) + "\n",
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": path},
        )
        told = json.loads(done.stdout.splitlines()[-1])
        return Graded(per_s=len(jobs) / told["seconds"], accepted=told["paid"] / len(jobs))

    return run


def measure(
    tasks: Sequence[Task],
    checkouts: Mapping[str, str],
    python: str,
    path: str,
    *,
    workers: int,
    turns: int,
) -> dict[str, Graded]:
    """All graders in turns; medians."""
    rows: dict[str, Callable[[int], Graded]] = {}
    if workers == 1:
        rows["assay code.tests"] = direct(tasks)
    rows["assay Scorer"] = scorer(tasks, workers)
    for name, checkout in checkouts.items():
        rows[name] = peer(peer_command("rate", name, checkout, python), path, tasks, workers)
    seen: dict[str, list[Graded]] = {name: [] for name in rows}
    for turn in range(turns):
        for name, run in rows.items():
            seen[name].append(run(turn))
    return {
        name: Graded(
            per_s=statistics.median(g.per_s for g in found),
            accepted=min(g.accepted for g in found),
        )
        for name, found in seen.items()
    }
