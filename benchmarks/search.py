"""Accuracy against what was spent, for every search, on sums that a noisy writer works out.

    python benchmarks/search.py [--problems 200] [--error 0.15] [--hit 0.9 1.0] [--seed 0]

The writer is scripted: it works out ``7+8-4=`` line by line and gets each line wrong with chance
``error``. No search sees the right answer: they are led by a process source that looks at each line
and is right about it with chance ``hit``; only the table's accuracy knows the truth
(``math.exact``). What is spent is told as continuations asked for, as lines written, and as texts
judged. The first row is what one would otherwise take: the first answer. Intervals are Wilson's at
95 %. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay import Registry, Sample, Scorer, Verdict, source
from assay.core.source import Source
from assay.core.statistics import wilson
from assay.core.tasks import take_distinct
from assay.core.types import Step, digest
from assay.offline.search import (
    SearchResult,
    TreeSettings,
    Wanted,
    Written,
    beam,
    best_of_n,
    lookahead,
    majority,
    mcts,
    revise,
    weighted_best_of_n,
)

LINE = re.compile(r"(-?\d+)([+-]\d+)=(-?\d+)")
ANSWER = re.compile(r"\\boxed\{(-?\d+)\}")


def problems(count: int, seed: int, operands: int = 6) -> list[Sample]:
    """Chains of sums and differences with their answers."""
    task = Registry.load().tasks["math.arithmetic"]
    return take_distinct(task.stream(seed, {"operands": operands}), count, seen=set())


class NoisySums:
    """Works a chain out line by line; each line is wrong with chance ``error``.

    A token is a line. A greedy line is the same each time, and as often wrong.
    """

    def __init__(self, error: float) -> None:
        self.error = error

    def __call__(self, wanted: Sequence[Wanted]) -> list[Written]:
        """What was wanted: one line, or all that are left."""
        return [self.one(want) for want in wanted]

    def one(self, want: Wanted) -> Written:
        """Lines after the beginning, the last one with the answer in a box."""
        chain = str(want.prompt).partition("=")[0]
        terms = [int(term) for term in re.findall(r"[+-]?\d+", chain)]
        lines = want.beginning.splitlines()
        total = int(lines[-1].rpartition("=")[2]) if lines else terms[0]
        seed = digest([chain, want.beginning]) if want.greedy else want.seed
        rng = random.Random(seed)
        text, tokens = "", 0
        for place in range(len(lines) + 1, len(terms) + 1):
            if place == len(terms):
                return Written(f"{text}\\boxed{{{total}}}", True, tokens + 1)
            if want.until == "step" and tokens:
                break
            result = total + terms[place]
            if rng.random() < self.error:
                result += rng.choice((-2, -1, 1, 2))
            text += f"{total}{terms[place]:+d}={result}\n"
            total, tokens = result, tokens + 1
        return Written(text, False, tokens)


def line_is_right(line: str) -> bool:
    """Whether a line adds up."""
    found = LINE.fullmatch(line.strip())
    return found is None or int(found[1]) + int(found[2]) == int(found[3])


def chance(*what: Any) -> float:
    """A number in [0, 1) that is always the same for the same things."""
    return int(digest(list(what)), 16) / 16**16


def process_source(hit: float) -> Source:
    """A process source that is right about a line with chance ``hit``, and always says the same.

    A beginning is worth its worst line, 0.9 or 0.1, plus a little of its own for every text, as the
    scores of a model are never equal; it passes from 0.5.
    """

    @source("bench.lines", version="1", scale="unit", runs="inline")
    def lines(sample: Sample) -> Verdict:
        """The lowest score of a line."""
        spans = [(m.start(), m.end()) for m in re.finditer(r"[^\n]+", sample.text)]
        steps = []
        for start, end in spans:
            line = sample.text[start:end]
            right = line_is_right(line) == (chance("hit", sample.prompt, line) < hit)
            own = chance("own", sample.prompt, line) / 100
            steps.append(Step(start=start, end=end, score=(0.9 if right else 0.1) + own))
        score = min((step.score for step in steps), default=0.0)
        return Verdict.scored(score, score >= 0.5, f"its worst line has {score:.2f}", steps=steps)

    return lines


def boxed(text: str) -> str | None:
    """The answer in a text."""
    found = ANSWER.search(text)
    return found and found[1]


Search = Callable[[Sample, int], SearchResult]


def searches(generate: NoisySums, scorer: Scorer) -> Mapping[str, Search]:
    """Every search, by what the table calls it."""
    made: dict[str, Search] = {
        "one answer": lambda s, i: best_of_n(s, generate, scorer, n=1, seed=i)
    }

    def add(name: str, search: Any, **options: Any) -> None:
        made[name] = lambda s, i: search(s, generate, scorer, seed=i, **options)

    for n in (4, 16, 64):
        made[f"majority, n={n}"] = lambda s, i, n=n: majority(
            s, generate, n=n, answer=boxed, seed=i
        )
        add(f"best of n, n={n}", best_of_n, n=n)
        add(f"weighted best of n, n={n}", weighted_best_of_n, n=n, answer=boxed)
    for n, width in ((4, 2), (16, 4), (64, 8)):
        add(f"beam, n={n}, width={width}", beam, n=n, width=width)
    for steps in (1, 2):
        add(f"lookahead, n=16, width=4, steps={steps}", lookahead, n=16, width=4, steps=steps)
    for rounds in (4, 16):
        add(f"revise, rounds={rounds}", revise, rounds=rounds)
    for simulations in (16, 64):
        grown = TreeSettings(simulations=simulations)
        add(f"mcts, simulations={simulations}", mcts, settings=grown)
        name = f"mcts with process, simulations={simulations}"
        add(name, mcts, settings=grown, process=scorer)
    return made


def measure(search: Search, asked: Sequence[Sample]) -> dict[str, Any]:
    """Accuracy of one search, and what it spent for a problem on average."""
    started = time.perf_counter()
    found = [search(sample, place) for place, sample in enumerate(asked)]
    seconds = time.perf_counter() - started
    pairs = zip(found, asked, strict=True)
    right = sum(boxed(result.text or "") == sample.ground_truth for result, sample in pairs)
    low, high = wilson(right, len(asked))
    mean = {
        name: statistics.fmean(getattr(result.spent, name) for result in found)
        for name in ("calls", "tokens", "judged")
    }
    return {"accuracy": right / len(asked), "low": low, "high": high, **mean, "seconds": seconds}


def run(count: int, error: float, hit: float, seed: int) -> dict[str, dict[str, Any]]:
    """Every search on the same problems; prints a row for each."""
    asked = problems(count, seed)
    print(f"{count} problems, lines wrong {error:.0%}, process source right {hit:.0%}")
    print("| search | accuracy | 95 % | calls | lines | judged | s |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    rows = {}
    with Scorer(process_source(hit)) as scorer:
        for name, search in searches(NoisySums(error), scorer).items():
            rows[name] = row = measure(search, asked)
            print(
                f"| {name} | {row['accuracy']:.3f} | {row['low']:.3f}-{row['high']:.3f}"
                f" | {row['calls']:.1f} | {row['tokens']:.1f} | {row['judged']:.1f}"
                f" | {row['seconds']:.1f} |",
                flush=True,
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--error", type=float, default=0.15)
    parser.add_argument("--hit", type=float, nargs="+", default=[0.9, 1.0])
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows = {str(hit): run(given.problems, given.error, hit, given.seed) for hit in given.hit}
    print(json.dumps({"search": vars(given), "rows": rows}))


if __name__ == "__main__":
    main()
