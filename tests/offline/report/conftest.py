"""Scored files of hostile texts, their pages, and a browser to look at them."""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assay.core.records import record
from assay.core.types import Reward, Sample, Status, Verdict
from assay.offline.read import open_dataset
from assay.offline.report import charts
from assay.offline.report.columns import Columns
from assay.offline.report.page import ReportOptions, write_scored_report
from assay.offline.report.rows import LineReader

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "benchmarks"))

HOSTILE = {
    "script": "<script>document.title='owned'</script>",
    "close": "</script></pre></title><img src=x onerror=document.title='owned'>",
    "attribute": "\" onmouseover='alert(1)' style=\"position:fixed",
    "template": "{{ 7 * 7 }}{% raw %}${7*7}",
    "mark": "<!--numbers--><!--texts-->",
    "direction": "abc\u202edcba\u2066\u200bx",
    "control": "nul\x00bell\x07escape\x1b[31m",
    "surrogate": "lone \ud800 half",
    "comment": "<!-- --> <![CDATA[ ]]> &lt;b&gt; &#x202e;",
    "mathtext": r"$\frac{1}{$ \undefined",
    "prototype": '{"__proto__": {"polluted": 1}}',
    "long": "A" * 100_000,
    "empty": "",
}
SOURCES = ("math.exact", 'odd"<b>$\\name', "judge.rubric")
READY = "document.documentElement?.dataset.ready === 'true'"


def verdicts(i: int, right: bool, answer: str) -> dict[str, Verdict]:
    texts = list(HOSTILE.values())
    exact = Verdict.scored(float(right), right, texts[(i + 2) % len(texts)][:400],
                           evidence={"extracted": answer}, version="1+ab")  # fmt: skip
    odd = Verdict.scored(float(not right if i % 10 == 0 else right), right ^ (i % 10 == 0), "seen")
    if i % 13 == 5:
        odd = Verdict.unscored(Status.FAILED, f"broke: {HOSTILE['script']}")
    sure = 0.9 if i % 2 else 0.3
    parts = {"clear": 0.8 * right + 0.1, "clear:confidence": sure, "kind": 0.5,
             "kind:confidence": 0.2}  # fmt: skip
    judge = Verdict.scored(0.7 if right else 0.2, None, "items", parts=parts, confidence=sure)
    return dict(zip(SOURCES, (exact, odd, judge), strict=True))


def scored_rows(n: int) -> list[dict[str, Any]]:
    """Four answers to a prompt; every prompt has a chance of its own. Texts are hostile."""
    rng, texts = random.Random(1), list(HOSTILE.values())
    found = []
    for i in range(n):
        right = rng.random() < (i // 4 % 5) / 4
        answer = "42" if right else str(i % 3)
        sample = Sample(
            prompt=[{"role": "user", "content": f"{i // 4}: {texts[i // 4 % len(texts)][:200]}"}],
            completion=f"answer {i} {texts[i % len(texts)]}",
            ground_truth="42",
            task=("sums", HOSTILE["close"], None)[i // 4 % 3],
            group=f"g{i // 4}",
            id=f"row-{i}",
            truncated=i % 11 == 0,
            extra={"human_label": int(right) if i % 7 else int(not right)} if i % 2 else {},
        )  # fmt: skip
        said = verdicts(i, right, answer)
        failed = any(v.is_fault for v in said.values())
        value = None if failed else float(right) - 0.25 * (i % 3)
        status = Status.FAILED if failed else Status.SCORED
        passed = None if failed else right
        reward = Reward(value=value, unshaped=value, passed=passed, status=status, verdicts=said)
        found.append(record(sample, reward) | {"seconds": 0.001 * (i + 1)})
    return found


@pytest.fixture
def hostile() -> dict[str, str]:
    """Hostile texts by name, in the order of the rows that hold them."""
    return HOSTILE


@pytest.fixture
def scored() -> Callable[[int], list[dict[str, Any]]]:
    """So many scored rows."""
    return scored_rows


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as a scored file of JSON lines; gives the path."""

    def write(rows: list[dict[str, Any]], name: str = "scored.jsonl") -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


@pytest.fixture
def columns_of(make: Callable[..., Path]) -> Callable[..., Columns]:
    """The numbers of rows, by way of a file."""

    def read(rows: list[dict[str, Any]]) -> Columns:
        return Columns.read(LineReader(open_dataset(str(make(rows)))))

    return read


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Charts without pictures, for tests of everything else: drawing takes seconds."""
    monkeypatch.setattr(charts, "_svg", lambda paint: "<svg/>")


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of 400 hostile rows, to read only."""
    folder = tmp_path_factory.mktemp("report")
    path = folder / "scored<b>.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in scored_rows(400)), encoding="utf-8")
    write_scored_report(open_dataset(str(path)), folder / "page.html", ReportOptions())
    return folder / "page.html"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    from browsing.chromium import find_chromium, started

    if find_chromium() is None and os.environ.get("ASSAY_REQUIRE_ALL") != "1":
        pytest.skip("needs a browser: apt-get install chromium")
    with started() as found:
        yield found


@pytest.fixture
def at(browser: Any, page: Path) -> Any:
    """The browser with the page open and its rows ready, in light."""
    browser.size(1200, 900)
    browser.media(prefers_color_scheme="light")
    browser.open(page, READY)
    return browser
