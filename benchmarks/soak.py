"""Thousands of mixed programs through ``code.tests``: judged as one by one, and nothing left.

    python benchmarks/soak.py --sandbox jail|docker --count N           all of them, two at a time
    python benchmarks/soak.py --sandbox jail|docker --count N --kill    with kill -9 meanwhile
    options: [--hostile SHARE] [--workers N] [--seed N] [--every S] [--deaths N] [--image NAME]
             [--errors FILE] [--json]

The programs are those of ``tests/verifiers/programs``. Each that is drawn is judged once in the
jail, one at a time, and every verdict of the soak is compared with that: status and score.
``--kill`` ends workers, keepers and what keepers start, every ``--every`` seconds, by number and
without warning; then ``--deaths`` times the whole owner of such a run, and measures
how long anything of it lives on. ``faults`` are verdicts that say that nothing is known: with
``--kill`` there may be some, else none. docker takes the engine that answers, or starts one, as the
tests do. Memory is the parent's, after a tenth of the programs and after all.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "verifiers"))
sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "sandbox"))

from code_running.soaking import (
    Killer,
    Leftovers,
    alive,
    containers,
    docker_client,
    draw,
    inside,
    of_an_engine,
)
from programs.case import Case
from programs.host import Host

from assay import Sample, Scorer
from assay.core.judging import OpenSource
from assay.core.types import Status, Verdict
from assay.verifiers.code.programs import code_tests

Judged = tuple[str, float | None]
FAULTS = (Status.FAILED.value, Status.TIMED_OUT.value)
DEADLINE_S = 60.0
AGE_S = 6.0
"""Control groups must be this old before the next start takes them for left behind."""


@dataclass(slots=True)
class Soaked:
    """What a soak came to."""

    sandbox: str
    programs: int
    differ: int = 0
    faults: int = 0
    killed: int = 0
    left: dict[str, int] = field(default_factory=dict)
    reached: int = 0
    """Of the host's canaries, and other traces of hostile programs on the host."""
    early_mb: float = 0.0
    late_mb: float = 0.0
    seconds: float = 0.0
    deaths: list[float] = field(default_factory=list)
    """Seconds that something of a killed owner lived on, for each."""


def sample(case: Case, number: int, host: Host) -> Sample:
    """Every one differs from all others, so that nothing can be answered from memory."""
    return Sample(
        prompt=f"{case.name} {number}",
        completion=case.completion(host.marks),
        ground_truth=case.ground_truth,
    )


def judged(verdict: Verdict) -> Judged:
    return verdict.status.value, verdict.score


def serially(cases: Sequence[Case], host: Host) -> dict[tuple[str, str], Judged]:
    """What one jail says of each, one after another."""
    found: dict[tuple[str, str], Judged] = {}
    source = OpenSource(code_tests, {"sandbox": "jail"}, "code.tests")
    try:
        for case in cases:
            key = (case.category, case.name)
            if key not in found:
                view = sample(case, 0, host).view(code_tests.view)
                found[key] = judged(source.judge([view])[0])
    finally:
        source.close()
    return found


def recipe(options: Any) -> dict[str, Any]:
    entry = {"use": "code.tests", "sandbox": options.sandbox, "workers": options.workers}
    if options.sandbox == "docker":
        entry["sandbox_options"] = {"image": options.image}
    return {"sources": [{**entry, "deadline_s": DEADLINE_S}]}


def verdicts(cases: Sequence[Case], host: Host, options: Any) -> Iterator[Verdict]:
    """In order, as they come."""
    samples = (sample(case, number, host) for number, case in enumerate(cases))
    with Scorer(recipe(options)) as scorer:
        for reward in scorer.stream(samples):
            yield reward.verdicts["code.tests"]


class Soak:
    """One soak: its figures, and in words what was not as it should be."""

    def __init__(self, options: Any, client: Any) -> None:
        self.options, self.client = options, client
        self.told = Soaked(options.sandbox, options.count)
        self.wrong: list[str] = []

    def run(self) -> None:
        options, told = self.options, self.told
        cases = draw(options.count, options.hostile, options.seed)
        with Host() as host:
            expected = serially(cases, host)
            leftovers = Leftovers(self.client)
            self.judge(cases, expected, host, leftovers)
            if options.kill:
                for number in range(options.deaths):
                    told.deaths.append(death(options, self.client, leftovers, number))
                time.sleep(AGE_S)
                reopen(options)
            found = leftovers.found()
            told.left = {kind: len(things) for kind, things in found.items()}
            self.wrong += [f"left: {kind}: {each}" for kind in found for each in found[kind]]
            changes = [c for c in host.changes(closed=True) if not of_an_engine(c)]
            told.reached = len(changes)
            self.wrong += [f"host: {change}" for change in changes]
            leftovers.close()

    def judge(
        self,
        cases: Sequence[Case],
        expected: Mapping[tuple[str, str], Judged],
        host: Host,
        leftovers: Leftovers,
    ) -> None:
        """All of them, some at a time, while somebody kills, if that is wanted."""
        options, told, started = self.options, self.told, time.monotonic()
        every_s = options.every if options.kill else None
        with Killer(self.client, every_s, options.seed) as killer:
            for number, verdict in enumerate(verdicts(cases, host, options)):
                case = cases[number]
                self.note(case, verdict, expected[case.category, case.name])
                if number % 20 == 0:
                    leftovers.see()
                if number == len(cases) // 10:
                    told.early_mb = resident_mb()
                if number % 1000 == 999:
                    print(f"{number + 1} of {len(cases)}", file=sys.stderr, flush=True)
        told.seconds, told.late_mb = time.monotonic() - started, resident_mb()
        told.killed = killer.killed

    def note(self, case: Case, verdict: Verdict, owed: Judged) -> None:
        got = judged(verdict)
        if got == owed:
            return
        if got[0] in FAULTS:
            self.told.faults += 1
        else:
            self.told.differ += 1
        self.wrong.append(f"{case.category} {case.name}: {got}, serially {owed}: {verdict.reason}")


def resident_mb() -> float:
    return psutil.Process().memory_info().rss / (1 << 20)


# --- the owner's own death -----------------------------------------------------------------------


def own(options: Any) -> None:
    """Be one that is killed: judge programs, and say whose canaries these are once some are."""
    with Host() as host:
        for number, _ in enumerate(verdicts(draw(10_000, 0.1, options.seed), host, options)):
            if number == 20:
                print(host.name, flush=True)


def death(options: Any, client: Any, leftovers: Leftovers, number: int) -> float:
    """Kill an owner in the middle of its work; seconds until nothing of it is left."""
    command = [sys.executable, __file__, "--own", "--sandbox", options.sandbox, "--seed"]
    command += [str(options.seed + number), "--image", options.image]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert owner.stdout is not None
    had = containers(client)
    name = owner.stdout.readline().decode().strip()
    time.sleep(random.Random(number).uniform(0.0, 2.0))
    theirs = inside(client, psutil.Process(owner.pid))
    leftovers.see(theirs)
    had = containers(client) - had
    started = time.monotonic()
    owner.kill()
    while (alive(theirs) or had & containers(client)) and time.monotonic() - started < DEADLINE_S:
        time.sleep(0.01)
    lasted = time.monotonic() - started
    owner.wait()
    owner.stdout.close()
    for canaries in Path("/var/tmp").glob(f"{name or 'nobody'}*"):
        shutil.rmtree(canaries)  # the owner's own, which it could not take down
    return lasted


def reopen(options: Any) -> None:
    """The next start removes what killed ones have left."""
    from assay.sandbox.choose import make_sandbox

    more = {"image": options.image} if options.sandbox == "docker" else {}
    with make_sandbox(options.sandbox, 1, **more):
        pass


def print_table(told: Soaked, options: Any) -> None:
    left = list(told.left)
    head = ["sandbox", "programs", "hostile", "killed", "differ from serial", "faults"]
    head += [f"{kind} left" for kind in left] + ["traces on the host"]
    head += ["MB after a tenth", "MB after all", "seconds"]
    row = [told.sandbox, told.programs, f"{options.hostile:.0%}", told.killed]
    row += [told.differ, told.faults, *told.left.values(), told.reached]
    row += [f"{told.early_mb:.0f}", f"{told.late_mb:.0f}", f"{told.seconds:.0f}"]
    print("\n|", " | ".join(head), "|")
    print("|", " | ".join(["---", *["---:"] * (len(head) - 1)]), "|")
    print("|", " | ".join(map(str, row)), "|")
    if told.deaths:
        print(
            f"\nowner killed {len(told.deaths)} times: nothing of it was left after"
            f" {max(told.deaths):.2f} s at most"
        )


def arguments() -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sandbox", choices=["jail", "docker"], default="jail")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--hostile", type=float, default=0.1, help="the share of hostile programs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument(
        "--every", type=float, default=0.5, help="seconds between kills, on average"
    )
    parser.add_argument("--deaths", type=int, default=5, help="how many owners are killed")
    parser.add_argument("--image", default="", help="of docker; by default one of this machine")
    parser.add_argument("--errors", type=Path, help="write what was not as it should be here")
    parser.add_argument("--own", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    with contextlib.ExitStack() as stack:
        client = None
        if options.sandbox == "docker":
            from engine_for_tests import IMAGE, engine

            options.image = options.image or IMAGE
            if not options.own:
                stack.enter_context(engine())
                client = docker_client()
                stack.callback(client.close)
        if options.own:
            own(options)
            return 0
        soak = Soak(options, client)
        soak.run()
    if options.errors:
        options.errors.write_text("\n".join(soak.wrong))
    print(json.dumps(asdict(soak.told))) if options.json else print_table(soak.told, options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
