"""The command line and the tables of ``benchmarks/math.py``. Not covered: grading itself."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import corpus, peers
from .corpus import Row
from .graders import GRADERS
from .measure import NotStartedError, Outcome, run
from .peer_graders import FOLDER, PEER_GRADERS
from .summary import Summary, print_stages, print_table, summarise

__all__ = ["main"]

_QUICK = ["assay math.symbolic", "assay math.exact", "math-verify"]


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="graders of mathematics, side by side")
    parser.add_argument("--corpus", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder of peers' checkouts")
    parser.add_argument("--golds", type=Path, metavar="DIR", help="folder of question sets (JSONL)")
    parser.add_argument("--hostile", action="store_true")
    parser.add_argument("--graders", nargs="+", choices=[*GRADERS, "all"], default=_QUICK)
    parser.add_argument("--limit", type=int, help="at most so many rows of each corpus, at random")
    parser.add_argument("--warm", type=int, default=300, help="rows graded again, caches warm")
    parser.add_argument("--errors", type=Path, metavar="FILE", help="write wrong verdicts as JSONL")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(words)


def _corpora(options: argparse.Namespace) -> dict[str, list[Row]]:
    found = {path.stem: corpus.file_rows(path) for path in options.corpus}
    if options.peers:
        found["peers' tests"] = peers.peer_rows(options.peers)
    if options.golds:
        for following in (False, True):
            kind = "gold and next gold" if following else "gold and itself"
            for name, rows in corpus.gold_rows(options.golds, following=following).items():
                found[f"{kind}: {name}"] = rows
    if options.hostile:
        found["hostile"] = corpus.hostile_rows()
    if not found:
        found["audit tables"] = corpus.audit_rows()
    if options.limit:
        dice = random.Random(0)
        found = {
            name: dice.sample(rows, min(options.limit, len(rows))) for name, rows in found.items()
        }
    return found


def main(words: Sequence[str] | None = None) -> int:
    options = _options(words)
    graders = list(GRADERS) if "all" in options.graders else options.graders
    if options.peers:
        os.environ[FOLDER] = str(options.peers.resolve())
    elif missing := [name for name in graders if name in PEER_GRADERS]:
        print(f"left out, as they run from --peers: {', '.join(missing)}", file=sys.stderr)
        graders = [name for name in graders if name not in PEER_GRADERS]
    found: list[Summary] = []
    errors: list[dict[str, Any]] = []
    for name, rows in _corpora(options).items():
        right = sum(row.expected for row in rows)
        if not options.json:
            print(f"\n{name}: {len(rows)} rows, {right} right, {len(rows) - right} wrong")
        part = []
        for grader in graders:
            print(f"  {grader} ...", file=sys.stderr)
            again = random.Random(1).sample(rows, min(options.warm, len(rows)))
            try:
                outcomes, warm = run(grader, rows, again)
            except NotStartedError as fault:
                print(f"  left out: {fault}", file=sys.stderr)
                continue
            part.append(summarise(grader, name, rows, outcomes, warm))
            errors += _errors(grader, name, rows, outcomes)
        found += part
        if not options.json:
            print_table(part)
            print_stages(part)
    if options.json:
        print(json.dumps([summary.plain() for summary in found]))
    if options.errors:
        options.errors.write_text("".join(json.dumps(error) + "\n" for error in errors))
    return 0


def _errors(
    grader: str, name: str, rows: Sequence[Row], outcomes: Sequence[Outcome]
) -> list[dict[str, Any]]:
    return [
        {
            "grader": grader,
            "corpus": name,
            "kind": outcome.fault or ("false accept" if outcome.accepted else "false reject"),
            "category": row.category,
            "gold": row.gold,
            "response": row.response[:2000],
            "stage": outcome.stage,
            "wall_s": round(outcome.wall_s, 4),
        }
        for row, outcome in zip(rows, outcomes, strict=True)
        if outcome.accepted != row.expected or outcome.fault or outcome.wall_s > 1.0
    ]
