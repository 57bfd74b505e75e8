"""How large the page of a scored file is, how long it takes to make, and how fast it answers.

    python benchmarks/report.py [--rows 100000] [--characters 1500] [--page FILE | --open FILE]

The rows are made, not scored: eight completions to a prompt, words drawn by Zipf's law with numbers
between, three sources. A page is ready when its rows can be filtered; the answer of a filter, a
search of all texts and an opened row are timed in the page. Not covered: other browsers.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from browsing.chromium import Chromium, started

from assay.core.records import arrow_schema, record
from assay.core.types import Reward, Sample, Status, Verdict
from assay.offline.read import open_dataset
from assay.offline.report.page import write_scored_report

SOURCES = ("math.exact", "math.symbolic", "judge.rubric")
READY = "document.documentElement?.dataset.ready === 'true'"
_LETTERS = "etaoinshrdlucmfwypvbgk"


def vocabulary(rng: random.Random, size: int = 4000) -> list[str]:
    return ["".join(rng.choices(_LETTERS, k=rng.randint(2, 9))) for _ in range(size)]


def text(rng: random.Random, words: list[str], characters: int) -> str:
    weights = [1 / (i + 2) for i in range(len(words))]
    drawn = rng.choices(words, weights, k=max(1, characters // 6))
    for i in range(0, len(drawn), 9):
        drawn[i] = str(rng.randrange(10_000))
    return " ".join(drawn)


def verdict(source: str, right: bool, answer: str, rng: random.Random) -> Verdict:
    """What a source says; one in two hundred fails."""
    if rng.random() < 0.005:
        return Verdict.unscored(Status.FAILED, "the worker ended", source=source, version="1+abcd")
    if source == "judge.rubric":
        sure = 0.5 + 0.5 * rng.random()
        score = min(1.0, max(0.0, (0.8 if right else 0.3) + rng.gauss(0, 0.15)))
        parts = {
            "clear": score,
            "clear:confidence": sure,
            "kind": 1 - score,
            "kind:confidence": 0.4,
        }
        return Verdict.scored(score, None, "by its items", confidence=sure, parts=parts,
                              source=source, version="2+ef01")  # fmt: skip
    said = right if rng.random() < 0.98 else not right
    reason = "the numbers are equal" if said else f"the numbers differ: {answer}"
    return Verdict.scored(float(said), said, reason, source=source, version="3+0123",
                          evidence={"strategy": "boxed", "extracted": answer})  # fmt: skip


def rows(count: int, characters: int) -> Iterator[dict[str, object]]:
    rng = random.Random(0)
    words = vocabulary(rng)
    prompt, hardness = "", 0.5
    for i in range(count):
        if i % 8 == 0:
            prompt, hardness = text(rng, words, 200), rng.random()
        right = rng.random() < hardness
        answer = str(i // 8 if right else rng.randrange(10_000))
        length = int(rng.lognormvariate(0, 0.6) * characters)
        sample = Sample(
            prompt=prompt,
            completion=f"{text(rng, words, length)} \\boxed{{{answer}}}",
            ground_truth=str(i // 8),
            task=("algebra", "geometry", "sums", "logic")[i // 8 % 4],
            extra={"human_label": int(right)} if i % 20 == 0 else {},
            truncated=rng.random() < 0.01,
        )
        verdicts = {name: verdict(name, right, answer, rng) for name in SOURCES}
        scores = [v.score for v in verdicts.values() if v.score is not None]
        whole = len(scores) == len(SOURCES)
        value = sum(scores) / len(scores) if whole else None
        status = Status.SCORED if whole else Status.FAILED
        yield record(sample, Reward(value=value, unshaped=value, passed=right if whole else None,
                                    status=status, verdicts=verdicts))  # fmt: skip


def write(path: Path, count: int, characters: int) -> None:
    schema = arrow_schema(SOURCES)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        held = []
        for row in rows(count, characters):
            held.append(row)
            if len(held) == 2000:
                writer.write_batch(pa.RecordBatch.from_pylist(held, schema))
                held = []
        if held:
            writer.write_batch(pa.RecordBatch.from_pylist(held, schema))


def timed(browser: Chromium, act: str, done: str) -> float:
    """Milliseconds from an act to its effect, by the page's own clock."""
    expression = f"""(async () => {{
        const start = performance.now();
        {act};
        while (!({done})) await new Promise((go) => setTimeout(go, 1));
        return performance.now() - start;
    }})()"""
    return float(browser.run(expression))


def told(page: Path) -> None:
    with started() as browser:
        browser.call("Performance.enable", timeDomain="threadTicks")
        seconds = browser.open(page, READY)
        found = browser.call("Performance.getMetrics")["metrics"]
        cpu = {one["name"]: one["value"] for one in found}["ThreadTime"]
        inside = browser.run("performance.getEntriesByName('rows-ready')[0].startTime") / 1000
        print(f"interactive after {inside:.2f} s by the page's clock, {seconds:.2f} s by ours;"
              f" {cpu:.2f} s of CPU on the page's thread so far")  # fmt: skip
        status = "document.getElementById('told').textContent"
        form = "document.getElementById('filters')"
        event = "dispatchEvent(new Event('input', {bubbles: true}))"
        before = browser.run(status)
        outcome = f"{form}.elements.outcome"
        took = timed(
            browser, f"{outcome}.value = '1'; {outcome}.{event}", f"{status} !== '{before}'"
        )
        print(
            f"a filter answers in {took:.0f} ms, of which 150 wait for more: {browser.run(status)}"
        )
        box = f"{form}.elements.text"
        act = f"{outcome}.value = ''; {box}.value = 'boxed{{4'; {box}.{event}"
        before = browser.run(status)
        rule = f"{status} !== '{before}' && !{status}.startsWith('Searching')"
        print(
            f"all texts are searched in {timed(browser, act, rule):.0f} ms: {browser.run(status)}"
        )
        browser.run("document.getElementById('grid').focus()")
        browser.press("End")
        key = "new KeyboardEvent('keydown', {key: 'Enter'})"
        took = timed(browser, f"document.getElementById('grid').dispatchEvent({key})",
                     "document.getElementById('detail').open")  # fmt: skip
        print(f"a row opens in {took:.0f} ms")
        print(f"complaints {browser.complaints()}, requests {browser.requests()}")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--rows", type=int, default=100_000)
    words.add_argument("--characters", type=int, default=1500, help="median of a completion")
    words.add_argument("--page", type=Path, help="keep the page here")
    words.add_argument("--open", type=Path, help="make nothing: open this page")
    given = words.parse_args()
    if given.open is not None:
        told(given.open)
        return
    with tempfile.TemporaryDirectory() as folder:
        scored, page = Path(folder) / "scored.parquet", given.page or Path(folder) / "page.html"
        write(scored, given.rows, given.characters)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"{given.rows:,} rows, {scored.stat().st_size / 1e6:.0f} MB of Parquet")
        start, cpu = time.perf_counter(), time.process_time()
        made = write_scored_report(open_dataset(str(scored)), page)
        took, used = time.perf_counter() - start, time.process_time() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"page: {made['bytes'] / 1e6:.1f} MB, {made['shown']:,} rows, {made['cut']:,} with a"
              f" text cut; made in {took:.1f} s, {used:.1f} s of CPU; memory at most {peak:.0f} MB"
              f" ({before:.0f} before)")  # fmt: skip
        sys.stdout.flush()
        told(page)


if __name__ == "__main__":
    main()
