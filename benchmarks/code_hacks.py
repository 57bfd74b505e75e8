"""Who is paid for what is not right: Assay beside other graders, on hostile and honest programs.

    python benchmarks/code_hacks.py                                  Assay alone
    python benchmarks/code_hacks.py --human-eval DIR --evalplus DIR --livecodebench DIR
                                    --sandbox-fusion DIR             beside these checkouts
    options: [--python FILE] [--every N] [--category NAME...] [--all-kinds] [--errors FILE] [--json]

The programs are those of ``tests/verifiers/programs``. Each is shown once, in the first of its
kinds of tests that a grader takes (``--all-kinds``: in all of them). The other graders run inside
a disposable jail (``code_running/disposable.py``), for they hold nothing themselves: what a program
does to its grader counts there as a crash or a hang, and they are started anew after each of those
and for each category. ``--python``: an interpreter that has their requirements. Not covered:
graders that are services.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "verifiers"))

from code_running.contained import Contained
from code_running.peers import PEERS
from programs.case import Case
from programs.honest import HONEST
from programs.host import Host
from programs.hostile import HOSTILE

Grade = Callable[[Case, Mapping[str, str]], "tuple[bool, str | None]"]


@dataclass(slots=True)
class Tally:
    """What a grader did with the programs of a category."""

    asked: int = 0
    paid: int = 0
    faults: int = 0
    wrong: list[str] = field(default_factory=list)


class Assay:
    """``code.tests`` on the jail, in this process."""

    kinds = ("function", "stdio", "check", "asserts", "unittest")

    def __init__(self) -> None:
        from assay.core.judging import OpenSource
        from assay.verifiers.code.programs import code_tests

        self.view = code_tests.view
        self.source = OpenSource(code_tests, {"sandbox": "jail"}, "code.tests")

    def __call__(self, case: Case, marks: Mapping[str, str]) -> tuple[bool, str | None]:
        from assay import Sample

        sample = Sample(completion=case.completion(marks), ground_truth=case.ground_truth)
        verdict = self.source.judge([sample.view(self.view)])[0]
        fault = None if verdict.status.value == "scored" else verdict.status.value
        return verdict.passed is True, fault

    def close(self) -> None:
        self.source.close()


class Other:
    """A peer in its disposable jail."""

    def __init__(self, name: str, checkout: str, python: str) -> None:
        self.kinds = PEERS[name].kinds
        self.contained = Contained(name, checkout, python)
        self.category = ""

    def __call__(self, case: Case, marks: Mapping[str, str]) -> tuple[bool, str | None]:
        if case.category != self.category:  # what an attack left costs its own category only
            self.contained.close()
            self.category = case.category
        paid, fault = self.contained.ask(case.filled(marks), case.ground_truth["tests"])
        if fault:
            self.contained.close()
        return paid, fault

    def close(self) -> None:
        self.contained.close()


def applicable(cases: Sequence[Case], kinds: Sequence[str], options: Any) -> Iterator[Case]:
    """What a grader is shown: Python, one kind of tests a program unless all are wanted."""
    seen: dict[tuple[str, str], str] = {}
    for case in sorted(cases, key=lambda c: kinds.index(c.kind) if c.kind in kinds else 99):
        key = (case.category, case.name.partition("[")[0])
        if case.language != "python" or case.kind not in kinds or not case.peers:
            continue
        if "compare" in case.ground_truth or case.ground_truth["tests"].get("setup"):
            continue  # the other graders are not told of these
        if options.category and case.category not in options.category:
            continue
        if options.all_kinds or seen.setdefault(key, case.kind) == case.kind:
            yield case


def run(grader: Assay | Other, host: Host, options: Any) -> dict[str, Tally]:
    """All programs through one grader."""
    tallies: dict[str, Tally] = {}
    for cases, honest in ((HOSTILE, False), (HONEST, True)):
        for case in list(applicable(cases, grader.kinds, options))[:: options.every]:
            label = f"honest: {case.category}" if honest else case.category
            tally = tallies.setdefault(label, Tally())
            paid, fault = False, None
            for _ in range(case.rounds):
                paid, fault = grader(case, host.marks)
                if paid or fault:
                    break
            tally.asked += 1
            tally.paid += paid
            tally.faults += fault is not None
            if paid != case.passes or fault:
                tally.wrong.append(f"{case.name}: {fault or ('paid' if paid else 'not paid')}")
    return tallies


def cell(tally: Tally | None, *, honest: bool) -> str:
    """``paid/asked``, or ``wrong/asked`` of honest ones, and ``+n`` faults."""
    if tally is None:
        return "-"
    count = len(tally.wrong) if honest else tally.paid
    return f"{count}/{tally.asked}" + (f" +{tally.faults}" if tally.faults else "")


def total(tallies: Mapping[str, Tally], *, honest: bool) -> Tally:
    """Of all hostile, or of all honest categories."""
    chosen = [t for name, t in tallies.items() if name.startswith("honest: ") is honest]
    whole = Tally()
    for tally in chosen:
        whole.asked, whole.paid = whole.asked + tally.asked, whole.paid + tally.paid
        whole.faults, whole.wrong = whole.faults + tally.faults, whole.wrong + tally.wrong
    return whole


def print_table(results: Mapping[str, Mapping[str, Tally]]) -> None:
    """A Markdown table: a row for each grader."""
    labels = sorted({label for tallies in results.values() for label in tallies})
    hostile = [label for label in labels if not label.startswith("honest: ")]
    print("\n| grader |", " | ".join(hostile), "| **paid** | honest, judged wrong |")
    print("| --- |" + " ---: |" * (len(hostile) + 2))
    for name, tallies in results.items():
        cells = [cell(tallies.get(label), honest=False) for label in hostile]
        cells.append(f"**{cell(total(tallies, honest=False), honest=False)}**")
        cells.append(cell(total(tallies, honest=True), honest=True))
        print(f"| {name} |", " | ".join(cells), "|")
    print("\npaid / shown; +n: the grader crashed, hung for 20 s or raised")


def graders(options: Any) -> dict[str, Callable[[], Assay | Other]]:
    """Those that were asked for, to be started one after another."""
    made: dict[str, Callable[[], Assay | Other]] = {"assay code.tests": Assay}
    for name in PEERS:
        checkout = getattr(options, name.lower().replace("-", "_"))
        if checkout:
            made[name] = lambda name=name, checkout=checkout: Other(name, checkout, options.python)
    return made


def arguments() -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in PEERS:
        flag = {"SandboxFusion": "sandbox-fusion"}.get(name, name.lower())
        parser.add_argument(f"--{flag}", dest=name.lower().replace("-", "_"), metavar="DIR")
    parser.add_argument("--python", default=sys.executable, help="has the peers' requirements")
    parser.add_argument("--every", type=int, default=1, help="only each n-th program")
    parser.add_argument("--category", nargs="*", default=[])
    parser.add_argument("--all-kinds", action="store_true")
    parser.add_argument("--errors", type=Path, help="write what was judged wrong to this file")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    results: dict[str, dict[str, Tally]] = {}
    for name, start in graders(options).items():
        started = time.perf_counter()
        with Host() as host:
            grader = start()
            results[name] = run(grader, host, options)
            grader.close()
            for change in host.changes(closed=True):
                print(f"{name}: {change}", file=sys.stderr)
        spent = time.perf_counter() - started
        print(f"{name}: {spent:.0f} s", file=sys.stderr)
    wrong = {name: {k: t.wrong for k, t in r.items() if t.wrong} for name, r in results.items()}
    if options.errors:
        options.errors.write_text(json.dumps(wrong, indent=1))
    if options.json:
        plain = {
            name: {k: [t.paid, t.asked, t.faults] for k, t in r.items()}
            for name, r in results.items()
        }
        print(json.dumps(plain))
    else:
        print_table(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
