"""What a verdict of ``code.quality`` costs in the jail, and mypy with and without its cache.

    python benchmarks/quality.py [--runs N]

Not covered: other languages. Figures belong to the machine of the day: read the ratio.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable

from assay.core.judging import OpenSource
from assay.core.types import Sample
from assay.sandbox.contract import Program
from assay.sandbox.jail import Jail
from assay.verifiers.code.checks.examine import TOOL
from assay.verifiers.code.checks.python import find_tools, python_checks, warmed
from assay.verifiers.code.kinds.bench import Bench
from assay.verifiers.code.quality import code_quality

CODE = """import collections
import re


def count(words: list[str]) -> dict[str, int]:
    found: collections.Counter[str] = collections.Counter()
    for word in words:
        found[re.sub(r"[^a-z]", "", word.lower())] += 1
    return dict(found)
"""


def seconds(run: Callable[[], float], runs: int) -> float:
    return statistics.median(run() for _ in range(runs))


def mypy_alone(runs: int) -> tuple[float, float]:
    """Clock seconds of one mypy in the jail, cold and warm."""
    places = find_tools("jail", ["mypy"])
    with Jail(folders=places.folders) as jail:
        cold = python_checks(places, "3.11", rules=["F"], imports=[], strict=False, parts=["types"])
        warm = warmed(cold, Bench(jail, TOOL, TOOL.time_s))

        def timed(files: dict[str, bytes], argv: tuple[str, ...]) -> float:
            return jail.run(Program.command(argv, files), limits=TOOL).wall_s

        found = []
        for checks in (cold, warm):
            check = checks.checks[0]
            files = {"main.py": CODE.encode(), **check.files}
            found.append(seconds(lambda f=files, c=check: timed(f, c.argv), runs))
        return found[0], found[1]


def verdicts(runs: int, **weights: float) -> float:
    source = OpenSource(code_quality, {"weights": weights, "budget_s": 60}, "code.quality")
    source.opened()
    sample = Sample(completion=f"```python\n{CODE}```")
    try:
        return seconds(lambda: source.judge_one(sample).seconds, runs)
    finally:
        source.close()


def main() -> None:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    cold, warm = mypy_alone(runs)
    print("| what | seconds, median |\n| --- | ---: |")
    print(f"| mypy in the jail, cold | {cold:.3f} |\n| mypy in the jail, warm | {warm:.3f} |")
    print(f"| a verdict, compiles alone | {verdicts(runs, lints=0, types=0):.3f} |")
    print(f"| a verdict, with lints | {verdicts(runs, types=0):.3f} |")
    print(f"| a verdict, with lints and types | {verdicts(runs):.3f} |")
    print(f"\nthe cache makes mypy {cold / warm:.1f} times as fast")


if __name__ == "__main__":
    main()
