"""``assay score`` on a large file: memory, and its speed beside the engine's bare speed.

    python benchmarks/offline.py [--rows 1000000] [--source math.symbolic] [--json]
    python benchmarks/offline.py --ray [--rows 100000] [--source math.symbolic] [--actors N]
    python benchmarks/offline.py --gold FOLDER      reference solutions of FOLDER's math/ and code/

The first writes a file of that many rows, has a process of its own score it into JSON lines, and
prints rows per second and the largest memory of that process with its workers (proportional set
size, which counts shared pages once; looked at four times a second). Beside it, the same rows, as
samples, go through ``Scorer.stream`` alone, in another process: the engine's bare speed. The
difference is reading, parsing, writing and syncing, which costs the same whatever the source does:
so the share is small for ``bench.inline`` (three regular expressions) and large for slow sources.

The second scores one file with the engine ``local`` and with ``ray``, both on this machine, and
says whether the outputs are equal, byte for byte. The fixed cost of Ray is measured apart, in
another process: the start of its cluster, then the time until its actors gave the reward of one
row, then the end. There, too, all rows go through the warm actors, and in yet another process
through a warm ``Scorer.stream``: the rates of both without reading, writing and starting.

The third scores GSM8K, MATH-500, HumanEval and MBPP with ``-r auto``: every reference solution as
its own row's completion (should be 1.0) and as the next row's (at most 0.02; neighbours with equal
answers pass rightly).
"""

from __future__ import annotations

import argparse
import filecmp
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from assay import Reward, Sample, Scorer

PLUGIN = '''
import re
from assay import Sample, source

NUMBER = re.compile(r"-?\\d+(?:\\.\\d+)?")

def last_number(sample: Sample) -> bool:
    """Whether the last of all numbers is the right one."""
    found = [NUMBER.findall(sample.text) for _ in range(3)][-1]
    return bool(found) and found[-1] == sample.ground_truth

inline = source("bench.inline", version="1", scale="binary", runs="inline")(last_number)
'''

TARGETS = {"rss_mb": 500.0, "share_of_bare": 0.8}
GOLD = {"gsm8k": "math/gsm8k_test.jsonl", "math500": "math/math500.jsonl",
        "humaneval": "code/humaneval.jsonl", "mbpp": "code/mbpp.jsonl"}  # fmt: skip


def row_of(i: int) -> dict[str, str]:
    """A question with about 600 characters of arithmetic for an answer, every third wrong."""
    steps = " ".join(f"{k} + {i % 97} is {k + i % 97};" for k in range(30))
    return {
        "prompt": f"What is {i} + 1?",
        "completion": f"{steps} so it is \\boxed{{{i + 1 + (i % 3 == 0)}}}",
        "ground_truth": str(i + 1),
    }


def samples_of(rows: int) -> Iterator[Sample]:
    return (Sample(**row_of(i)) for i in range(rows))


class Watch:
    """The largest resident memory of a process with its descendants, in bytes."""

    def __init__(self, pid: int) -> None:
        self.most = 0
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._over.wait(0.25):
            try:
                first = psutil.Process(self._pid)
                every = [first, *first.children(recursive=True)]
                # shared pages count once: proportional set size
                self.most = max(self.most, sum(p.memory_full_info().pss for p in every))
            except psutil.Error:  # a process ended between two looks
                continue

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return self.most


def seconds_of(stream: Callable[[list[Sample]], Iterator[Reward]], rows: int) -> float:
    """Seconds that a stream takes for samples that are made before the clock runs, in blocks."""
    spent, source = 0.0, samples_of(rows)
    while block := list(itertools.islice(source, 50_000)):
        begun = time.perf_counter()
        for _ in stream(block):
            pass
        spent += time.perf_counter() - begun
    return spent


def bare(plugin: str, name: str, rows: int) -> float:
    """Seconds of a warm ``Scorer.stream`` over so many samples."""
    with Scorer(name, plugins=[plugin]) as scorer:
        list(scorer.stream(samples_of(2_000)))
        return seconds_of(scorer.stream, rows)


def written(folder: Path, rows: int) -> Path:
    """A file of so many rows."""
    data = folder / "rows.jsonl"
    with data.open("w") as file:
        file.writelines(json.dumps(row_of(i)) + "\n" for i in range(rows))
    return data


def scored(data: Path, out: Path, plugin: str, name: str, *more: str) -> dict[str, Any]:
    """A whole run of the command line over a file."""
    words = ["score", str(data), "-r", name, "-p", plugin, "-o", str(out), "-q", "--json", *more]
    begun = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "assay", *words], stdout=subprocess.PIPE)
    watch = Watch(process.pid)
    told = json.loads(process.communicate()[0])
    return {
        "seconds": told["seconds"],
        "wall_s": time.perf_counter() - begun,
        "rss_mb": watch.stop() / 2**20,
        "rows": told["rows"],
        "pass_rate": told["pass_rate"],
    }


def throughput(rows: int, name: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plugin = folder / "bench_offline_sources.py"
        plugin.write_text(PLUGIN)
        words = [__file__, "--bare", str(plugin), name, "--rows", str(rows)]
        alone = subprocess.run([sys.executable, *words], capture_output=True, check=True)
        found = scored(written(folder, rows), folder / "out.jsonl", str(plugin), name)
    found["bare_s"] = float(alone.stdout)
    found["rows_per_s"] = rows / found["seconds"]
    found["bare_rows_per_s"] = rows / found["bare_s"]
    found["share_of_bare"] = found["bare_s"] / found["seconds"]
    return found


def ray_alone(plugin: str, name: str, rows: int, actors: int | None) -> dict[str, float]:
    """Seconds until Ray's cluster is there, its actors are, all rows are judged, all is ended."""
    from assay.offline.engines import EngineOptions
    from assay.offline.engines.on_ray import RayEngine

    options, at = EngineOptions(name="ray", actors=actors), [time.perf_counter()]
    with Scorer(name, plugins=[plugin]) as scorer, RayEngine(scorer, options) as engine:
        engine.start()
        at.append(time.perf_counter())
        list(engine.stream(samples_of(1)))
        at.append(time.perf_counter())
        list(engine.stream(samples_of(2_000)))
        found = {"actors": float(engine.actors), "warm_s": seconds_of(engine.stream, rows)}
        ended = time.perf_counter()
    found["end_s"] = time.perf_counter() - ended
    return {**found, "cluster_s": at[1] - at[0], "actors_s": at[2] - at[1]}


def both_engines(rows: int, name: str, actors: int | None) -> dict[str, Any]:
    """The same file by both engines, and what Ray costs before it does anything."""
    more = [] if actors is None else ["--actors", str(actors)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plugin, data = folder / "bench_offline_sources.py", written(folder, rows)
        plugin.write_text(PLUGIN)
        outs = folder / "local.jsonl", folder / "ray.jsonl"
        local = scored(data, outs[0], str(plugin), name)
        ray = scored(data, outs[1], str(plugin), name, "--engine", "ray", *more)
        equal = filecmp.cmp(*outs, shallow=False)
        words = [sys.executable, __file__, "--rows", str(rows), *more]
        alone = subprocess.check_output([*words, "--bare", str(plugin), name])
        ray_told = subprocess.check_output([*words, "--ray-alone", str(plugin), name])
    return {
        "local": {**local, "warm_s": float(alone)},
        "ray": {**ray, **json.loads(ray_told)},
        "equal": equal,
    }


def gold(folder: Path) -> dict[str, dict[str, float]]:
    """Pass rates of reference solutions, own and the next row's."""
    found: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name, path in GOLD.items():
            for whose in ("own", "next"):
                out = Path(temporary) / f"{name}-{whose}.jsonl"
                words = ["score", str(folder / path), "-r", "auto", "--gold", whose, "-o", str(out)]
                run = [sys.executable, "-m", "assay", *words, "-q", "--json"]
                told = json.loads(subprocess.run(run, capture_output=True, check=True).stdout)
                found.setdefault(name, {"rows": told["rows_in"]})[whose] = told["mean_value"]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--source", default="math.symbolic", help="or bench.inline, or any other")
    parser.add_argument("--ray", action="store_true", help="both engines over one file")
    parser.add_argument("--actors", type=int, help="of Ray; by default one per core")
    parser.add_argument("--ray-alone", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--gold", type=Path)
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.bare:
        print(bare(*options.bare, options.rows))
        return 0
    if options.ray_alone:
        print(json.dumps(ray_alone(*options.ray_alone, options.rows, options.actors)))
        return 0
    if options.ray:
        told = both_engines(options.rows, options.source, options.actors)
        print(
            json.dumps(told) if options.json else _said_of_both(told, options.rows, options.source)
        )
        return int(not told["equal"])
    if options.gold:
        found = gold(options.gold)
        for name, rates in found.items():
            print(
                f"{name:10} {rates['rows']:5} rows"
                f"  own {rates['own']:.4f}  next {rates['next']:.4f}"
            )
        return int(any(r["own"] < 1.0 or r["next"] > 0.02 for r in found.values()))
    told = throughput(options.rows, options.source)
    print(json.dumps(told) if options.json else _said(told, options.rows, options.source))
    met = told["rss_mb"] < TARGETS["rss_mb"] and told["share_of_bare"] >= TARGETS["share_of_bare"]
    return int(not met)


def _said(told: dict[str, Any], rows: int, name: str) -> str:
    return (
        f"{rows} rows, {name}, {os.cpu_count()} cores\n"
        f"assay score: {told['rows_per_s']:.0f} rows/s, {told['rss_mb']:.0f} MB at most"
        f" (below {TARGETS['rss_mb']:.0f})\n"
        f"Scorer.stream alone: {told['bare_rows_per_s']:.0f} rows/s; assay score has"
        f" {told['share_of_bare']:.0%} of that (at least {TARGETS['share_of_bare']:.0%})"
    )


def _said_of_both(told: dict[str, Any], rows: int, name: str) -> str:
    local, ray = told["local"], told["ray"]
    warm, ray_warm = rows / local["warm_s"], rows / ray["warm_s"]
    return (
        f"{rows} rows, {name}, {os.cpu_count()} cores; outputs equal: {told['equal']}\n"
        f"assay score: local {local['wall_s']:.1f} s, {local['rss_mb']:.0f} MB at most;"
        f" ray, {ray['actors']:.0f} actors {ray['wall_s']:.1f} s, {ray['rss_mb']:.0f} MB\n"
        f"warm: local {warm:.0f} rows/s, ray {ray_warm:.0f} rows/s ({ray_warm / warm:.0%})\n"
        f"fixed cost of Ray: {ray['cluster_s'] + ray['actors_s']:.1f} s (cluster"
        f" {ray['cluster_s']:.1f}, actors {ray['actors_s']:.1f}), and {ray['end_s']:.1f} s to end"
    )


if __name__ == "__main__":
    sys.exit(main())
