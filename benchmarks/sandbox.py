"""How fast programs run and tasks are graded, beside what one would otherwise take, in one run.

    python benchmarks/sandbox.py                              a trivial script: jail, bare, docker
    python benchmarks/sandbox.py --data humaneval.jsonl       and these tasks graded (default: ours)
            --human-eval DIR --sandbox-fusion DIR             beside these checkouts
    options: [--python FILE] [--path FOLDERS] [--sandboxes NAME...] [--seconds S] [--turns N]
             [--workers N...] [--skip-trivial] [--json]

``--python``: an interpreter with the other graders' requirements. ``--path``: where SandboxFusion
looks for the ``python`` that it starts for each program; beside ``--python`` if not said. Docker is
measured where an engine answers. Absolute figures belong to the machine of the day: read ratios.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "verifiers"))

from code_running import graded, trivial
from code_running.graded import Graded
from code_running.rates import Rate


def print_trivial(found: Mapping[int, Mapping[str, Rate]]) -> None:
    """A Markdown table; the ratio is of runs a second, to the bare subprocess beside it."""
    print("\n| at a time | where | runs/s | p50 ms | p99 ms | p99/p50 | times bare |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for many, rows in found.items():
        for name, rate in rows.items():
            ratio = rate.per_s / rows[trivial.BARE].per_s
            print(
                f"| {many} | {name} | {rate.per_s:.0f} | {rate.p50_ms:.1f} | {rate.p99_ms:.1f} |"
                f" {rate.p99_ms / rate.p50_ms:.1f} | {ratio:.2f} |"
            )


def print_graded(found: Mapping[int, Mapping[str, Graded]]) -> None:
    """A Markdown table; the ratio is Assay's tasks a second to the row's."""
    print("\n| workers | grader | tasks/s | accepted | Assay is faster by |")
    print("| ---: | --- | ---: | ---: | ---: |")
    for workers, rows in found.items():
        for name, one in rows.items():
            ratio = rows["assay Scorer"].per_s / one.per_s
            print(
                f"| {workers} | {name} | {one.per_s:.0f} | {one.accepted:.3f} |"
                + (" |" if name.startswith("assay") else f" {ratio:.1f} |")
            )


def arguments() -> argparse.Namespace:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="tasks in HumanEval's layout")
    parser.add_argument("--human-eval", metavar="DIR")
    parser.add_argument("--sandbox-fusion", metavar="DIR")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--path", metavar="FOLDERS")
    parser.add_argument("--sandboxes", nargs="*", default=["jail", "docker"])
    parser.add_argument("--seconds", type=float, default=2.0, help="of one measurement")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--skip-trivial", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    told: dict[str, Any] = {}
    if not options.skip_trivial:
        rates = trivial.measure(options.sandboxes, for_s=options.seconds, turns=options.turns)
        told["trivial"] = {n: {k: asdict(r) for k, r in rows.items()} for n, rows in rates.items()}
        if not options.json:
            print_trivial(rates)
    peers = {"human-eval": options.human_eval, "SandboxFusion": options.sandbox_fusion}
    checkouts = {name: folder for name, folder in peers.items() if folder}
    path = options.path or f"{Path(options.python).absolute().parent}:/usr/bin:/bin"
    tasks = graded.read_tasks(options.data)
    speeds = {
        workers: graded.measure(
            tasks, checkouts, options.python, path, workers=workers, turns=options.turns
        )
        for workers in options.workers
    }
    told["graded"] = {n: {k: asdict(g) for k, g in rows.items()} for n, rows in speeds.items()}
    print(json.dumps(told)) if options.json else print_graded(speeds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
