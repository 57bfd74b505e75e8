"""The report of a scored file: one HTML file that opens without a network.

The file is read twice: once for its numbers, once for the texts that go into the page. Memory holds
numbers (``columns`` says how many) and no texts. Everything shown is hostile; see
``core.pages.render``. The page's one script is ours, allowed by its digest; it puts data into the
page as text, and never as markup.

Not covered: reports of training runs (``trainer.report``).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ...core.errors import ConfigError
from ...core.pages.render import render
from ...core.types import JSON
from ..read import Dataset
from . import agreement, rewards
from .columns import Columns
from .embed import Texts, block, choose, column_block
from .parts import Link, Section, count
from .rows import LineReader
from .rubrics import Rubrics
from .several import several
from .worth import worth_a_look

__all__ = ["ReportOptions", "write_scored_report"]

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPTS = ("data.js", "list.js", "filters.js", "details.js", "browser.js")
_NUMBERS, _TEXTS = "<!--numbers-->", "<!--texts-->"
"""Where the data go; escaped text cannot contain them. The script stands between the two: it starts
while the browser still reads the texts."""
_PAGE_BYTES = 300_000
"""Set aside for the page around charts and rows."""
_ITEM_BYTES = 1_200
_MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportOptions:
    """What a report may be told besides its file."""

    label: str | None = None
    """The column of what people said; None: found by name, if there is one."""
    good_from: float | None = None
    """The label from which an answer is good, where labels are grades."""
    most_rows: int = 100_000
    """Rows in the page's browser; charts and tables are of all rows."""
    most_mib: float = 23.0
    """Size of the page; texts are cut to keep it. Ours: 23 MiB are 24.1 MB."""


def write_scored_report(
    dataset: Dataset, path: Path, options: ReportOptions | None = None
) -> dict[str, JSON]:
    """Write the page; gives ``report``, ``rows``, ``shown``, ``cut`` (rows with a text that is not
    whole) and ``bytes``.

    Raises ``ConfigError`` for a file that is not scored, an unknown label, and a size too small
    for its rows; ``DataError`` for a file that cannot be read to its end or changes meanwhile.
    """
    options = options or ReportOptions()
    reader = LineReader(dataset, options.label)
    columns = Columns.read(reader)
    sections = _sections(columns, options)
    rows = choose(columns, options.most_rows, _pointed_to(sections))
    draft = path.with_name(path.name + ".part")
    try:
        with tempfile.TemporaryFile() as store, draft.open("wb") as out:
            made = _Page(reader, columns, sections, rows)
            made.write(store, out, options)
        dataset.check_unchanged()
        draft.replace(path)  # a reader never sees half a page
    finally:
        draft.unlink(missing_ok=True)
    return {"report": str(path), "rows": len(columns), "shown": len(rows), "cut": made.cut,
            "bytes": path.stat().st_size}  # fmt: skip


def _sections(columns: Columns, options: ReportOptions) -> list[Section]:
    makers: Sequence[Callable[[Columns], Section]] = (
        rewards.overview,
        rewards.rewards,
        rewards.tasks,
        rewards.length,
        several,
        agreement.statuses,
        agreement.agreement,
        lambda known: agreement.labels(known, options.good_from),
        worth_a_look,
    )
    return [make(columns) for make in makers]


def _links(section: Section) -> Iterator[Link]:
    for table in (*section.tables, *(one.table for one in section.figures)):
        yield from (cell for row in table.rows for cell in row if isinstance(cell, Link))


def _pointed_to(sections: Sequence[Section]) -> set[int]:
    """The rows that tables lead to."""
    return {link.show["row"] for one in sections for link in _links(one) if "row" in link.show}


class _Page:
    """One page under way."""

    def __init__(
        self, reader: LineReader, columns: Columns, sections: list[Section], rows: list[int]
    ) -> None:
        self._reader, self._columns, self._rows = reader, columns, rows
        self._sections = sections
        self.cut = 0

    def write(self, store: IO[bytes], out: IO[bytes], options: ReportOptions) -> None:
        """The second reading: texts go to ``store`` first, the page to ``out``."""
        numbers = column_block(self._columns, self._rows)
        known = len(numbers) + self._size_so_far() + _PAGE_BYTES
        room = int(options.most_mib * _MIB) - known
        if room < 0 and self._rows:
            raise ConfigError(
                f"a page of {options.most_mib:g} MiB does not hold the numbers of"
                f" {len(self._rows):,} rows; allow more (--mib) or fewer rows (--rows)"
            )
        texts = Texts(store, len(self._rows), room)
        rubrics = self._read(texts, options)
        self._sections.insert(-1, rubrics.section())
        head, _, rest = self._html(texts).partition(_NUMBERS)
        script, _, tail = rest.partition(_TEXTS)
        out.write(head.encode("utf-8"))
        out.write(numbers)
        out.write(block("starts", texts.starts))
        out.write(script.encode("utf-8"))
        store.seek(0)
        shutil.copyfileobj(store, out, _MIB)
        out.write(tail.encode("utf-8"))

    def _size_so_far(self) -> int:
        figures = [figure for section in self._sections for figure in section.figures]
        cells = sum(len(t.rows) for s in self._sections for t in s.tables)
        return sum(len(f.light) + len(f.dark) for f in figures) + cells * _ITEM_BYTES

    def _read(self, texts: Texts, options: ReportOptions) -> Rubrics:
        labels = self._columns.label
        unit = all(not label < 0.0 and not label > 1.0 for label in labels)
        rubrics = Rubrics(options.good_from, unit=unit)
        places = {name: i for i, name in enumerate(self._reader.sources)}
        wanted = iter(self._rows)
        next_row = next(wanted, -1)
        for row, line in enumerate(self._reader.lines()):
            rubrics.add(line)
            if row == next_row:
                texts.add(line, places)
                next_row = next(wanted, -1)
        texts.close()
        self.cut = texts.cut
        return rubrics

    def _html(self, texts: Texts) -> str:
        name, total = Path(self._reader.dataset.name).name, len(self._columns)
        context: dict[str, Any] = {
            "title": f"{name}: scored rows",
            "summary": f"{count(total)} rows, {count(self._columns.groups)} prompts,"
            f" {len(self._columns.sources)} sources.",
            "sections": self._sections,
            "notes": self._notes(texts),
            "timed": bool(self._columns.timed),
            "labelled": bool(self._columns.labels),
        }
        return render(_TEMPLATES, context, _SCRIPTS)

    def _notes(self, texts: Texts) -> list[str]:
        """What the browser lacks, in words."""
        shown, total = len(self._rows), len(self._columns)
        notes = []
        if shown < total:
            notes.append(f"{count(shown)} of {count(total)} rows are here: whole prompts, drawn"
                         " evenly, and the rows that tables lead to.")  # fmt: skip
        if texts.cut:
            notes.append(f"Of {count(texts.cut)} rows some text is cut in its middle, where it is"
                         " said how much.")  # fmt: skip
        return notes
