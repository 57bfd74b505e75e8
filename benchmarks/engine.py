"""What it costs to score through Assay, beside a plain loop and ``concurrent.futures``.

    python benchmarks/engine.py [--samples 10000] [--rounds 5] [--json]

Every figure is the median of some rounds in one run on one machine; read the ratios. The source
does next to nothing (is this text a palindrome?), so what is measured is the way to it and back:
typed verdicts, deadlines, memory limits, order, and a killable process for the process rows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from assay import Sample, Scorer, source

TARGETS = {"inline_us": 25.0, "process_per_s": 15_000.0}


def is_palindrome(text: str) -> bool:
    return text == text[::-1]


@source("bench.inline", version="1", scale="binary", runs="inline")
def inline(sample: Sample) -> bool:
    return is_palindrome(sample.text)


@source("bench.process", version="1", scale="binary")
def process(sample: Sample) -> bool:
    return is_palindrome(sample.text)


def samples_of(count: int, round_: int) -> list[Sample]:
    # texts differ, so that nothing is spared as equal work
    return [Sample(prompt=f"p{i}", completion=f"{i:b}.{round_}") for i in range(count)]


def seconds(work: Callable[[list[Sample]], object], count: int, rounds: int) -> float:
    """The median over rounds."""
    times = []
    for round_ in range(rounds):
        samples = samples_of(count, round_)
        started = time.perf_counter()
        work(samples)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def plain_loop(samples: Sequence[Sample]) -> list[bool]:
    return [is_palindrome(s.text) for s in samples]


def measure(count: int, rounds: int) -> dict[str, float]:
    """Seconds for one batch, for each way."""
    cores = len(os.sched_getaffinity(0))
    found = {"plain loop": seconds(plain_loop, count, rounds)}
    with ThreadPoolExecutor(cores) as threads:
        found["ThreadPoolExecutor.map"] = seconds(
            lambda s: list(threads.map(lambda x: is_palindrome(x.text), s)), count, rounds
        )
    with ProcessPoolExecutor(cores) as processes:
        texts = lambda s: [x.text for x in s]  # noqa: E731 - it reads best beside its use
        found["ProcessPoolExecutor.map(chunksize=256)"] = seconds(
            lambda s: list(processes.map(is_palindrome, texts(s), chunksize=256)), count, rounds
        )
        found["ProcessPoolExecutor.submit, one by one"] = seconds(
            lambda s: [f.result() for f in [processes.submit(is_palindrome, t) for t in texts(s)]],
            count,
            rounds,
        )
    for name in (inline, process):
        with Scorer(name) as scorer:
            scorer.score(samples_of(100, -1))
            found[f"Scorer.score, {name.runs} source"] = seconds(scorer.score, count, rounds)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.samples, options.rounds)
    inline_us = found["Scorer.score, inline source"] / options.samples * 1e6
    per_s = options.samples / found["Scorer.score, process source"]
    submit = found["ProcessPoolExecutor.submit, one by one"]
    summary = {
        "inline_us": inline_us,
        "process_per_s": per_s,
        "times_faster_than_submit": submit / found["Scorer.score, process source"],
    }
    if options.json:
        print(json.dumps({"seconds": found, **summary}))
        return 0
    base = found["plain loop"]
    print(f"{options.samples} samples, median of {options.rounds} rounds")
    print(f"{'':44}{'µs/sample':>10}{'samples/s':>12}{'x plain loop':>14}")
    for name, took in found.items():
        each = took / options.samples
        print(f"{name:44}{each * 1e6:10.2f}{1 / each:12.0f}{took / base:14.1f}")
    print(
        f"inline: {inline_us:.1f} µs a sample (at most {TARGETS['inline_us']:.0f});"
        f" process: {per_s:.0f} samples/s (at least {TARGETS['process_per_s']:.0f}),"
        f" {summary['times_faster_than_submit']:.1f}x as fast as submitting one by one"
    )
    met = inline_us <= TARGETS["inline_us"] and per_s >= TARGETS["process_per_s"]
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
