"""The pictures of the documentation, taken of a real page in headless Chromium.

    python docs/pictures/make.py

Made-up answers to small sums are scored by two sources; the page is ``assay report``'s. Pictures
are reduced to 64 colours: together they stay below 300 kB.
"""

from __future__ import annotations

import io
import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from assay import Sample, Scorer
from assay.core.records import arrow_schema, record
from assay.offline.read import open_dataset
from assay.offline.report.page import write_scored_report

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "benchmarks"))

from browsing.chromium import Chromium, started  # noqa: E402 - found by the line above

SOURCES = ["math.exact", "math.symbolic"]
READY = "document.documentElement?.dataset.ready === 'true'"
MOST_BYTES = 300_000


def samples(prompts: int = 100, answers: int = 8) -> Iterator[Sample]:
    """Sums of two halves: right, wrong, fractions, decimals or unfinished sums; some no answer."""
    rng = random.Random(0)  # noqa: S311 - made-up data, no secret
    for prompt in range(prompts):
        a, b, hard = rng.randrange(100), rng.randrange(100), rng.random()
        for _ in range(answers):
            right = rng.random() > hard
            total = a + b + (0 if right else rng.choice([-1, 1, 10]))
            said = rng.choice([f"{total}/2", f"{total / 2:g}", f"{total - b}/2 + {b}/2"])
            steps = " ".join(f"Take {a}/2, then add {b}/2." for _ in range(1 + rng.randrange(4)))
            yield Sample(
                prompt=f"What is {a}/2 + {b}/2?",
                completion=f"{steps} So it is \\boxed{{{said}}}." if rng.random() < 0.97 else steps,
                ground_truth=f"{a + b}/2" if prompt % 25 else None,
                task="halves" if prompt % 3 else "warm-up",
                extra={"human_label": right} if rng.random() < 0.2 else {},
            )


def page(folder: Path) -> Path:
    """The report of the scored samples."""
    with Scorer({"sources": SOURCES, "passed_by": ["math.symbolic"]}) as scorer:
        given = list(samples())
        rows = [
            record(sample, reward, timings=True)
            for sample, reward in zip(given, scorer.score(given), strict=True)
        ]
    path = folder / "scored.parquet"
    schema = arrow_schema(SOURCES, timings=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    write_scored_report(open_dataset(str(path)), folder / "report.html")
    return folder / "report.html"


def save(name: str, png: bytes) -> None:
    """A picture of 64 colours."""
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    picture.save(HERE / f"{name}.png", optimize=True)


def take(browser: Chromium) -> None:
    """The pictures, of a page that is open."""
    save("report_overview", browser.picture())
    browser.run("document.querySelector('#several figure').scrollIntoView()")
    save("report_pass_at_k", browser.picture())
    browser.media(prefers_color_scheme="dark")
    browser.run("document.querySelector('[data-show*=apart]').click()")
    browser.wait("document.getElementById('told').textContent !== '800 of 800 rows'")
    browser.run("new Promise((go) => setTimeout(go, 500))")  # previews are unpacked
    save("report_rows_dark", browser.picture())
    browser.press("Enter")
    browser.wait("document.getElementById('detail').open")
    save("report_row_dark", browser.picture())


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, started() as browser:
        browser.size(1000, 640)
        browser.media(prefers_reduced_motion="reduce")
        browser.open(page(Path(folder)), READY)
        take(browser)
        if browser.complaints() or browser.requests():
            raise SystemExit(f"the page complains: {browser.complaints()} {browser.requests()}")
    size = sum(one.stat().st_size for one in HERE.glob("*.png"))
    sys.stdout.write(f"{size / 1000:.0f} kB of pictures\n")
    if size > MOST_BYTES:
        raise SystemExit(f"the pictures have {size} bytes, over {MOST_BYTES}")


if __name__ == "__main__":
    main()
