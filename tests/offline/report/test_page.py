"""The page as a file: whole, escaped, within its size, of any format; and what is refused."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import zlib
from collections.abc import Callable
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assay.core.errors import ConfigError, DataError
from assay.offline.read import open_dataset
from assay.offline.report.columns import Columns, Reasons
from assay.offline.report.embed import Texts, block, choose
from assay.offline.report.page import ReportOptions, write_scored_report
from assay.offline.report.rows import LineReader

Scored = Callable[[int], list[dict[str, Any]]]
WORDS = """html head meta title style body header h1 h2 h3 p nav a main section div table caption
 thead tbody tr th td figure figcaption picture source img details summary footer noscript form
 label input select option fieldset legend button dialog span script"""
TAGS = set(WORDS.split())


class Seen(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.pieces: list[str] = []
        self.raw = path.read_text("utf-8")
        self.feed(self.raw)
        self.text = "".join(self.pieces)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def values(self, *names: str) -> list[str]:
        return [value for _, name, value in self.attributes if name in names]

    def data(self, name: str) -> Any:
        found = re.search(rf'<script type="text/plain" id="{name}">([^<]*)</script>', self.raw)
        assert found is not None
        return json.loads(zlib.decompress(base64.b64decode(found[1]), -15))

    def rows(self) -> list[list[Any]]:
        """[id, prompt, completion, truth, [[source, reason, extracted, more...]]] of every row."""
        rows = []
        for i in range(len(self.data("starts"))):
            chunk = self.data(f"chunk{i}")
            texts = chunk["t"]
            for name, *places, said in chunk["r"]:
                told = [[s, *(texts[p] for p in four)] for s, *four, _ in said]
                rows.append([name, *(texts[p] for p in places), told])
        return rows


def written(path: Path, page: Path | None = None, **options: Any) -> Seen:
    page = page or path.with_name("page.html")
    write_scored_report(open_dataset(str(path)), page, ReportOptions(**options))
    return Seen(page)


# what is in it ------------------------------------------------------------------------


def test_no_text_becomes_markup_and_nothing_is_fetched(page: Path) -> None:
    seen = Seen(page)
    assert seen.tags <= TAGS
    assert not [name for _, name, _ in seen.attributes if name.startswith("on") or name == "style"]
    assert all(value.startswith("data:image/svg+xml;base64,") for value in seen.values("srcset"))
    assert all(value.startswith("data:image/svg+xml;base64,") for value in seen.values("src"))
    assert all(value.startswith("#") for value in seen.values("href"))
    assert "</script></pre></title><img src=x" in seen.text  # the name of a task, shown
    assert not re.search(
        r"\beval\(|new Function|innerHTML|insertAdjacent|document\.write", seen.raw
    )


def test_the_content_policy_names_our_style_and_script_alone(page: Path) -> None:
    seen = Seen(page)
    (policy,) = [v for v in seen.values("content") if "default-src" in v]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for tag in (r"<style>(.*?)</style>", r'<script type="module" async>(.*?)</script>'):
        (inside,) = re.findall(tag, seen.raw, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    kinds = {value for tag, name, value in seen.attributes if (tag, name) == ("script", "type")}
    assert kinds == {"module", "text/plain"}


def test_every_section_is_there_and_every_chart_has_its_table(page: Path) -> None:
    seen = Seen(page)
    ids = [value for tag, name, value in seen.attributes if (tag, name) == ("section", "id")]
    assert ids == ["overview", "rewards", "tasks", "length", "several", "statuses", "agreement",
                   "labels", "rubrics", "worth", "browser"]  # fmt: skip
    figures = re.findall(r"<figure>(.*?)</figure>", seen.raw, re.DOTALL)
    assert len(figures) == 8
    assert all("<table" in figure and "<caption>" in figure for figure in figures)
    for word in ("pass@k", "maj@k", "Correlation of scores with length", "kappa", "clear"):
        assert word in seen.text


def test_no_character_steers_the_display(page: Path) -> None:
    raw = page.read_text("utf-8")
    told = json.dumps(Seen(page).rows(), ensure_ascii=False)
    for character in "\x00\x1b\x07\u202e\u2066\u200b":
        assert character not in raw
        assert character not in told
    assert "⟨U+202E⟩" in told


@pytest.mark.usefixtures("no_drawing")
def test_the_rows_come_back_as_they_were(make: Any, scored: Scored) -> None:
    rows = scored(60)
    seen = written(make(rows))
    numbers, texts = seen.data("columns"), seen.rows()
    assert numbers["total"] == len(texts) == 60
    assert [one[0] for one in texts] == [row["id"] for row in rows]
    assert numbers["value"] == [row["value"] for row in rows]
    assert [numbers["statuses"][s] for s in numbers["status"]] == [row["status"] for row in rows]
    assert texts[0][2].startswith("answer 0 <script>")
    assert texts[0][4][0][2] in {"0", "1", "2", "42"}  # the extracted answer
    assert '"strategy"' in texts[0][4][0][3] or '"extracted"' in texts[0][4][0][3]


@pytest.mark.usefixtures("no_drawing")
def test_a_lone_surrogate_in_the_file_is_named(make: Any, scored: Scored) -> None:
    rows = [{**scored(1)[0], "completion": "lone \ud800 half", "task": "\udfff"}]
    seen = written(make(rows))
    assert seen.rows()[0][2] == "lone ⟨U+D800⟩ half"
    assert seen.data("columns")["tasks"] == ["⟨U+DFFF⟩"]


# formats ------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
def test_every_format_gives_the_same_page(
    make: Any, scored: Scored, tmp_path: Path, kind: str
) -> None:
    rows = scored(40)
    expected = written(make(rows, "a.jsonl"), tmp_path / "a.html")
    path = tmp_path / f"a.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "csv":
        names = list(dict.fromkeys(name for row in rows for name in row))
        clean = [{k: v.replace("\x00", "") if isinstance(v, str) else v for k, v in row.items()}
                 for row in rows]  # fmt: skip
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(clean)
    seen = written(path, tmp_path / "b.html")
    assert seen.data("columns") == expected.data("columns") or kind == "csv"
    for name in ("value", "passed", "status", "seconds", "label"):
        assert seen.data("columns")[name] == expected.data("columns")[name]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        pytest.param('{"prompt": "a", "completion": "b"}\n', ConfigError, "is not a scored file",
                     id="unscored"),
        pytest.param("", ConfigError, "it has none", id="empty"),
    ],
)  # fmt: skip
def test_what_is_no_scored_file_is_refused(
    tmp_path: Path, content: str, error: type[Exception], words: str
) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(content)
    with pytest.raises(error, match=words):
        written(path)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("no_drawing")
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"verdicts": "{"}, id="verdicts-cut"),
        pytest.param({"verdicts": '{"math.exact": 3}'}, id="verdict-is-no-object"),
        pytest.param({"value": "many"}, id="value-is-no-number"),
        pytest.param({"value": float("inf")}, id="infinite"),
        pytest.param({"passed": "perhaps"}, id="neither-yes-nor-no"),
        pytest.param({"extra": "[1]"}, id="extra-is-no-object"),
        pytest.param({"verdicts": "[" * 100_000}, id="deep"),
    ],
)
def test_a_damaged_row_is_named(make: Any, scored: Scored, change: dict[str, Any]) -> None:
    rows = scored(3)
    path = make([rows[0], {**rows[1], **change}, rows[2]])
    with pytest.raises(DataError, match=r"scored\.jsonl: line 2"):
        written(path)
    assert [one.name for one in path.parent.iterdir()] == ["scored.jsonl"]  # no half page


@pytest.mark.usefixtures("no_drawing")
def test_labels_are_found_by_name_or_by_choice(make: Any, scored: Scored) -> None:
    rows = [{**row, "extra": '{"judge": "good", "score_of": 3}'} for row in scored(8)]
    path = make(rows)
    assert written(path).data("columns")["label"] is None
    assert written(path, label="judge").data("columns")["label"] == [1.0] * 8
    with pytest.raises(ConfigError, match=r"--label judg: no row has one.*did you mean"):
        written(path, label="judg")
    both = [{**row, "extra": '{"label": 1, "rating": 0}'} for row in rows]
    with pytest.raises(ConfigError, match="label, rating may each hold the labels"):
        written(make(both))


# size ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_drawing")
def test_texts_are_cut_to_the_size_and_say_so(make: Any, scored: Scored) -> None:
    rows = []
    for i, row in enumerate(scored(300)):
        noise = hashlib.shake_128(str(i).encode()).hexdigest(6000)  # does not compress to a third
        rows.append({**row, "id": f"n{i}", "completion": noise})
    path = make(rows)
    seen = written(path, most_mib=1.0)
    assert path.with_name("page.html").stat().st_size < 1.05 * 2**20
    texts = [row[2] for row in seen.rows()]
    assert len(texts) == 300
    assert all("characters left out…]" in text for text in texts)
    assert all(len(text) > 200 for text in texts)
    assert re.search("Of 300 rows some text is cut", seen.text)


@pytest.mark.usefixtures("no_drawing")
def test_a_page_that_cannot_hold_its_numbers_is_refused(make: Any, scored: Scored) -> None:
    path = make(scored(20))
    with pytest.raises(ConfigError, match="--mib"):
        written(path, most_mib=0.1)
    assert not path.with_name("page.html").exists()


@pytest.mark.usefixtures("no_drawing")
def test_whole_prompts_are_drawn_and_what_tables_point_to(make: Any, scored: Scored) -> None:
    path = make(scored(400))
    seen = written(path, most_rows=120)
    numbers = seen.data("columns")
    assert numbers["total"] == 400
    pointed = [json.loads(v) for v in seen.values("data-show")]
    needed = {one["row"] for one in pointed if "row" in one}
    assert len(numbers["row"]) <= 120 + len(needed) < 400
    assert numbers["row"] == sorted(numbers["row"])
    assert [one[0] for one in seen.rows()] == [f"row-{i}" for i in numbers["row"]]
    assert needed <= set(numbers["row"])
    assert "of 400 rows are here" in seen.text
    assert written(path, most_rows=120).data("columns") == numbers  # the same draw


def test_chosen_groups_are_whole(columns_of: Any, scored: Scored) -> None:
    columns = columns_of(scored(100))
    rows = choose(columns, 40, ())
    assert len(rows) == 40
    assert {row // 4 for row in rows} == {row // 4 for row in rows if row % 4 == 0}
    assert all({4 * (row // 4) + i for i in range(4)} <= set(rows) for row in rows)


def test_texts_of_a_chunk_are_there_once(columns_of: Any, make: Any, scored: Scored) -> None:
    out = BytesIO()
    rows = [{**row, "prompt": "P" * 500} for row in scored(40)]
    reader = LineReader(open_dataset(str(make(rows))))
    texts = Texts(out, 40, 10**6)
    for line in reader.lines():
        texts.add(line, {name: i for i, name in enumerate(reader.sources)})
    texts.close()
    packed = re.findall(rb'">([^<]*)<', out.getvalue())
    chunks = [json.loads(zlib.decompress(base64.b64decode(one), -15)) for one in packed]
    assert [len(chunk["r"]) for chunk in chunks] != []
    assert all(chunk["t"].count("P" * 500) == 1 for chunk in chunks)
    assert texts.starts[0] == 0


def test_rewards_of_any_size_are_drawn(make: Any, scored: Scored) -> None:
    rows = [{**row, "value": v} for row, v in zip(scored(3), [1e308, -1e308, 5e-324], strict=True)]
    assert written(make(rows)).data("columns")["value"] == [1e308, -1e308, 4.94066e-324]


def test_reasons_are_bounded() -> None:
    reasons = Reasons()
    for i in range(5000):
        reasons.add(f"reason {i}" if i % 2 else "often", i)
    assert len(reasons.counts) == 2000
    assert reasons.top(1) == [("often", 2500, 0)]
    assert reasons.others + sum(n for _, n, _ in reasons.top(10_000)) == 5000


def test_a_block_is_inert() -> None:
    made = block("x", {"a": "</script><script>alert(1)</script>\u2028"})
    assert re.fullmatch(rb'<script type="text/plain" id="x">[A-Za-z0-9+/=]+</script>\n', made)


@pytest.mark.usefixtures("no_drawing")
def test_a_file_that_changes_meanwhile_is_refused(
    make: Any, scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make(scored(8))
    read = Columns.read.__func__

    def changed(cls: Any, reader: LineReader) -> Columns:
        found = read(cls, reader)
        path.write_text(path.read_text() + "\n")
        return found

    monkeypatch.setattr(Columns, "read", classmethod(changed))
    with pytest.raises(DataError, match="changed while it was read"):
        written(path)
    assert not path.with_name("page.html").exists()
