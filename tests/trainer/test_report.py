"""The report: everything shown is escaped, nothing is fetched, what is missing is named."""

from __future__ import annotations

import hashlib
import html
import json
import math
import os
import random
import re
import shutil
import subprocess
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.core.errors import DataError
from assay.trainer.report.curves import charts
from assay.trainer.report.page import SECTIONS, write_report
from assay.trainer.report.picks import rollout_parts
from assay.trainer.report.rundata import read_run

HOSTILE = {
    "script": "<script>document.title='owned'</script>",
    "textarea": "</textarea></pre></title><img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover='alert(1)' style=\"position:fixed",
    "template": "{{ 7 * 7 }}{% raw %}${7*7}",
    "direction": "abc\u202edcba\u2066\u200bx",
    "control": "nul\x00bell\x07escape\x1b[31m",
    "surrogate": "lone \ud800 half".encode("utf-8", "backslashreplace").decode(),
    "comment": "<!-- --> <![CDATA[ ]]> &lt;b&gt; &#x202e;",
    "mathtext": r"$\frac{1}{$ \undefined",
    "long": "A" * 100_000,
    "empty": "",
}
SOURCES = ("math.exact", 'odd"<b>$\\name')


def metrics_lines(steps: int) -> list[dict[str, Any]]:
    rng = random.Random(0)
    lines = []
    for step in range(1, steps + 1):
        share = 1 / (1 + math.exp(-(step - steps / 2) / (steps / 8)))
        line = {
            "step": step,
            "split": "train",
            "seconds": 0.5 * step,
            "reward": share + rng.gauss(0, 0.05),
            "reward_std": 0.4 * math.sqrt(share * (1 - share)) + 0.02,
            "frac_reward_zero_std": abs(2 * share - 1) * 0.8,
            "completions/mean_length": 40 - 15 * share + rng.gauss(0, 1),
            "completions/max_length": 64.0,
            "completions/clipped_ratio": 0.5 * (1 - share),
            "loss": rng.gauss(0, 0.01),
            "kl": 0.02 * share,
            "entropy": 2 - share,
            "grad_norm": 1 + rng.random(),
            "learning_rate": 1e-3 * (1 - step / steps),
            "assay/pass_rate": min(1.0, share),
            "assay/left_out_rate": 0.02 * rng.random(),
            "assay/zero_variance_groups": abs(2 * share - 1) * 0.7,
        }
        for name in SOURCES:
            line |= {
                f"assay/{name}/mean": share * (1 if name == SOURCES[0] else 0.6),
                f"assay/{name}/pass_rate": share,
                f"assay/{name}/fault_rate": 0.03 if name == SOURCES[1] and step % 7 == 0 else 0.0,
                f"assay/{name}/abstain_rate": 0.0,
                f"assay/{name}/seconds": 0.002 + 0.001 * rng.random(),
            }
        lines.append(line)
        if step % 20 == 0:
            lines.append({"step": step, "split": "eval", "eval_reward": share * 0.9,
                          "eval_assay/pass_rate": share * 0.9})  # fmt: skip
    return lines


def rollout_rows(n: int) -> list[dict[str, Any]]:
    rng = random.Random(1)
    texts = list(HOSTILE.values())
    rows = []
    for i in range(n):
        passed = rng.random() < i / n
        value = None if i % 13 == 5 else float(passed) - 0.1 * (i % 3)
        row = {
            "step": 1 + i // 8,
            "split": "train",
            "id": f"row-{i}",
            "group": f"g{i // 4}",
            "task": "sum",
            "prompt": json.dumps([{"role": "user", "content": texts[i % len(texts)][:500]}]),
            "completion": texts[i % len(texts)],
            "ground_truth": json.dumps(str(i)),
            "truncated": i % 11 == 0,
            "value": value,
            "unshaped": None if value is None else float(passed),
            "passed": None if value is None else passed,
            "status": "failed" if value is None else "scored",
            "verdicts": "{}",
            "completion_tokens": 10 + i % 50,
        }
        for name in SOURCES:
            row |= {
                f"{name}.score": None if value is None else float(passed),
                f"{name}.status": "failed" if value is None else "scored",
                f"{name}.reason": texts[(i + 3) % len(texts)][:2000],
            }
        rows.append(row)
    return rows


def fill(folder: Path) -> Path:
    """Make ``folder`` a complete run whose every text is hostile."""
    folder.mkdir()
    (folder / "recipe.yaml").write_text(
        f"name: sums </pre>{HOSTILE['script']}\nsources:\n  - math.exact\n", encoding="utf-8"
    )
    lines = [json.dumps(line) for line in metrics_lines(120)]
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    table = pa.Table.from_pylist(rollout_rows(400))
    pq.write_table(table, folder / "rollouts.parquet", row_group_size=64)
    evaluation = {
        "before": evaluated((0.105, 0.07, 0.15), (0.09, 0.06, 0.13)),
        "after": evaluated((0.87, 0.82, 0.91), (0.84, 0.79, 0.88)),
    }
    (folder / "evaluation.json").write_text(json.dumps(evaluation), "utf-8")
    environment = {"python": "3.11", "packages": {"torch": "2.13"}, "note": HOSTILE["textarea"]}
    (folder / "environment.json").write_text(json.dumps(environment), "utf-8")
    return folder


def evaluated(*rates: tuple[float, float, float]) -> dict[str, Any]:
    parts: dict[str, Any] = {
        decoding: {"pass_rate": rate, "low": low, "high": high, "n": 256}
        for decoding, (rate, low, high) in zip(("greedy", "sampled"), rates, strict=True)
    }
    sources = {"math.exact": {"mean": rates[0][0]}}
    return {**parts, "mean_reward": 0.1, "mean_tokens": 41.5, "sources": sources}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return fill(tmp_path / "run<b>1")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run with its report, to read only."""
    folder = fill(tmp_path_factory.mktemp("finished") / "run<b>1")
    write_report(folder)
    return folder


@pytest.fixture
def no_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the charts, for tests of everything else: drawing them takes seconds."""
    monkeypatch.setattr("assay.trainer.report.page.charts", lambda _: {key: [] for key in SECTIONS})


TAGS = set(
    "html head meta title style body header h1 h2 h3 h4 p strong ul li nav a main section div table"  # noqa: SIM905 - one line of words
    " caption thead tbody tr th td figure figcaption picture source img details summary pre article"
    " span footer".split()
)


class Page(HTMLParser):
    """What a browser would make of the page."""

    VOID = frozenset({"meta", "img", "source", "br", "link", "input", "hr"})

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: dict[str, int] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.pieces: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        self.text = "".join(self.pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]


def test_a_complete_run(finished: Path) -> None:
    page = Page(finished / "report.html")
    assert page.ids == list(SECTIONS)  # in this order, and no "missing"
    assert not page.unbalanced
    assert not page.open
    assert "10.5 % [7.0, 15.0] before, 87.0 % [82.0, 91.0] after" in page.text.replace("\xa0", " ")
    assert "on 256 problems" in page.text
    assert "The intervals do not overlap." in page.text
    for heading in ("Highest rewards", "Lowest rewards", "Left out", "Early", "middle", "Late"):
        assert heading in page.text
    assert "torch" in page.text
    assert not list(finished.glob("*.part"))


def test_no_text_becomes_markup(finished: Path) -> None:
    page = Page(finished / "report.html")
    assert set(page.tags) <= TAGS
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    for name in ("script", "textarea", "attribute", "comment", "template", "mathtext"):
        assert HOSTILE[name] in page.text, name  # shown, not run


def test_nothing_is_fetched(finished: Path) -> None:
    page = Page(finished / "report.html")
    for value in page.values("src", "srcset"):
        assert value.startswith("data:image/png;base64,")
    links = page.values("href")
    assert links
    assert all(re.fullmatch(r"#[a-z]+|plots/[a-z_]+\.csv", link) for link in links), links
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & page.tags.keys()
    css = re.search(
        r"<style>(.*?)</style>", (finished / "report.html").read_text("utf-8"), re.DOTALL
    )
    assert css is not None
    assert not re.search(r"url\(|@import", css.group(1))
    (policy,) = [v for v in page.values("content") if "default-src" in v]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert (
        f"'sha256-{b64encode(hashlib.sha256(css.group(1).encode()).digest()).decode()}'" in policy
    )


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x07", "\u202e", "\u2066", "\u200b"])
def test_characters_that_steer_a_display_are_named(finished: Path, character: str) -> None:
    raw = (finished / "report.html").read_text(encoding="utf-8")
    assert character not in raw
    assert f"⟨U+{ord(character):04X}⟩" in raw


@pytest.mark.usefixtures("no_plots")
def test_long_texts_are_cut(run: Path) -> None:
    rows = [{**row, "completion": HOSTILE["long"]} for row in rollout_rows(30)]
    pq.write_table(pa.Table.from_pylist(rows), run / "rollouts.parquet")
    path = write_report(run)
    assert path == run / "report.html"
    assert path.stat().st_size < 300_000
    assert "96,000 characters left out" in Page(path).text


def test_every_chart_has_its_numbers(finished: Path) -> None:
    page = Page(finished / "report.html")
    names = {chart.name for these in charts(read_run(finished)).values() for chart in these}
    assert names == {
        "evaluation", "reward", "pass_rate", "source_means", "unscored", "source_seconds",
        "length", "truncated", "reward_by_length", "zero_variance", "optimisation",
    }  # fmt: skip
    for name in names:
        assert (finished / "plots" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert (finished / "plots" / f"{name}.csv").stat().st_size > 20
        assert f"plots/{name}.csv" in page.values("href")
    lines = (finished / "plots" / "reward.csv").read_text("utf-8").splitlines()
    assert lines[0] == 'optimizer step,reward,reward (±),"reward, held out"'
    assert len(lines) == 121
    first = metrics_lines(120)[0]
    assert [float(x) for x in lines[1].split(",")[:3]] == pytest.approx(
        [1, first["reward"], first["reward_std"]], rel=1e-5
    )


ALL = ("recipe.yaml", "metrics.jsonl", "rollouts.parquet", "evaluation.json", "environment.json")


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("name", ALL)
def test_a_missing_file_is_named(run: Path, name: str) -> None:
    (run / name).unlink()
    page = Page(write_report(run))
    assert page.ids == ["missing", *SECTIONS]
    assert f"{name} is not there" in page.text


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize("name", ALL[1:])
@pytest.mark.parametrize("content", [b"", b"\xff\x00{[", b"[]", b'"text"', b"null"])
def test_a_damaged_file_is_named(run: Path, name: str, content: bytes) -> None:
    (run / name).write_bytes(content)
    page = Page(write_report(run))
    assert page.ids[-len(SECTIONS) :] == list(SECTIONS)
    assert name in page.text[: page.text.index("Headline")]


def test_an_empty_folder_still_gives_a_page(tmp_path: Path) -> None:
    page = Page(write_report(tmp_path))
    assert page.ids == ["missing", *SECTIONS]
    assert all(f"{name} is not there" in page.text for name in ALL)


def test_no_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run folder"):
        write_report(tmp_path / "absent")


def test_an_interrupted_run(run: Path) -> None:
    """The last line is half written; there is one step and no evaluation of the end."""
    line = json.dumps(metrics_lines(1)[0])
    (run / "metrics.jsonl").write_text(f"{line}\n{line[:40]}", encoding="utf-8")
    evaluation = json.loads((run / "evaluation.json").read_text("utf-8"))
    del evaluation["after"]
    (run / "evaluation.json").write_text(json.dumps(evaluation), "utf-8")
    page = Page(write_report(run))
    assert "1 of 2 lines are cut short" in page.text
    assert "after" not in page.text[page.text.index("Headline") :].partition("Held-out")[0]
    assert "10.5\xa0% → –" in page.text


@pytest.mark.usefixtures("no_plots")
@pytest.mark.parametrize(
    "evaluation",
    [
        pytest.param({"before": 3, "after": None}, id="not-objects"),
        pytest.param({"before": {"greedy": {"pass_rate": None}}}, id="null"),
        pytest.param({"before": {"greedy": {"pass_rate": 0.5}}}, id="no-interval"),
        pytest.param({"before": {"greedy": [1]}, "after": {"greedy": {"low": 1}}}, id="list"),
        pytest.param({"before": {"a": {"b": {"c": HOSTILE["script"]}}}}, id="text"),
    ],
)
def test_odd_evaluations(run: Path, evaluation: dict[str, Any]) -> None:
    (run / "evaluation.json").write_text(json.dumps(evaluation), "utf-8")
    page = Page(write_report(run))
    assert page.ids == list(SECTIONS)
    assert "script" not in page.tags


def test_metrics_that_are_no_numbers_make_no_points(tmp_path: Path) -> None:
    lines = ['{"step": 1, "reward": NaN}', '{"step": 2, "reward": "x"}', '{"reward": 1}',
             '{"step": 3, "reward": 0.5}', '{"step": 3, "reward": 0.75}', "[1]"]  # fmt: skip
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines), "utf-8")
    run = read_run(tmp_path)
    assert run.points("reward") == [(3.0, 0.75)]
    assert any("1 of 6 lines" in sentence for sentence in run.missing)


def test_the_rollouts_shown(finished: Path) -> None:
    rollouts = read_run(finished).rollouts
    assert rollouts is not None
    parts = {part["title"]: part["rows"] for part in rollout_parts(rollouts)}
    assert [len(rows) for rows in parts.values()] == [3, 3, 2, 2, 2, 2]
    assert all("reward 1 " in row["facts"] for row in parts["Highest rewards"])
    assert all("reward -0.2 " in row["facts"] for row in parts["Lowest rewards"])
    assert {row["mark"] for row in parts["Left out: no reward"]} == {"left out"}
    facts = [row["facts"] for rows in parts.values() for row in rows]
    assert len(set(facts)) == len(facts)
    assert [row["facts"] for row in rollout_parts(rollouts)[0]["rows"]] == facts[:3]


def _chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.mark.skipif(
    _chromium() is None and os.environ.get("ASSAY_REQUIRE_ALL") != "1",
    reason="needs a browser: apt-get install chromium",
)
def test_a_browser_shows_it(run: Path, tmp_path: Path) -> None:
    """The style's hash holds, images are drawn, and no text of the model runs."""
    browser = _chromium()
    assert browser is not None, "ASSAY_REQUIRE_ALL=1, but there is no browser"
    page = write_report(run)
    picture = tmp_path / "page.png"
    command = [
        browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
        f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom",
        f"--screenshot={picture}", "--window-size=1100,1600", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Content Security Policy" not in done.stderr
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    assert title is not None
    assert html.unescape(title.group(1)).startswith("sums </pre><script>")
    assert picture.stat().st_size > 50_000  # an unstyled or blank page is far smaller
