"""Rows inside the page: numbers by column; texts in chunks, unpacked when they are looked at.

Everything is JSON, deflated (raw, RFC 1951) and written as base64 into script elements of a type
that no browser runs; ``DecompressionStream`` opens them. A chunk holds some hundred rows, with each
of its texts once: the answers to a prompt share it.

Texts are cut so that all rows fit into the page: how much of each is kept follows, chunk by chunk,
from the bytes that are left for the rows that are left. What is left out is said in its place.

Not covered: which rows go into the page (``choose``), and how they are shown (``templates``).
"""

from __future__ import annotations

import base64
import json
import math
import random
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

from ...core.pages.texts import conversation, cut, visible
from .columns import Columns
from .rows import Line, Said

__all__ = ["Texts", "block", "choose", "column_block"]

_CHUNK_ROWS = 256
_CHUNK_CHARS = 192 * 1024
_LONGEST = {"text": 20_000, "truth": 4_000, "more": 4_000, "reason": 1_000}
"""Characters of a text that are kept at most, whatever room there is."""
_SHORTEST = 40
_NAME_CHARS = 200
_DENSE = 3.0
"""Characters that a byte is first believed to hold; the first chunks tell better."""


def block(name: str, value: Any) -> bytes:
    """A JSON value as an element that the page's script unpacks."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS, 9)
    packed = packer.compress(text.encode("utf-8")) + packer.flush()
    head = f'<script type="text/plain" id="{name}">'.encode("ascii")
    return head + base64.b64encode(packed) + b"</script>\n"


def choose(columns: Columns, most: int, needed: Iterable[int]) -> list[int]:
    """The rows that go into the page: all, or whole prompts drawn evenly up to ``most`` rows.

    Rows that the page's tables point to (``needed``) come on top. The draw is the same for the same
    file.
    """
    if len(columns) <= most:
        return list(range(len(columns)))
    chosen: set[int] = set()
    groups = columns.rows_of_groups()
    order = list(range(len(groups)))
    random.Random(0).shuffle(order)  # noqa: S311 - a sample, not a secret
    for group in order:
        if len(chosen) + len(groups[group]) > most:
            break
        chosen.update(groups[group])
    return sorted(chosen.union(needed))


def column_block(columns: Columns, rows: Sequence[int]) -> bytes:
    """The numbers of the chosen rows."""
    value: dict[str, Any] = {
        "total": len(columns),
        "row": None if len(rows) == len(columns) else rows,
        "tasks": _names(columns.tasks.texts),
        "statuses": _names(columns.statuses.texts),
        "value": [_short(columns.value[row]) for row in rows],
        "label": [_short(columns.label[row]) for row in rows] if columns.labels else None,
        "seconds": [_short(columns.seconds[row]) for row in rows] if columns.timed else None,
        "sources": [
            {
                "name": _name(source.name),
                "score": [_short(source.score[row]) for row in rows],
                "status": [source.status[row] for row in rows],
                "yes": [source.yes[row] for row in rows],
            }
            for source in columns.sources
        ],
    }
    for name in ("task", "status", "passed", "truncated", "chars", "group"):
        column = getattr(columns, name)
        value[name] = [column[row] for row in rows]
    return block("columns", value)


def _names(texts: Iterable[str]) -> list[str]:
    return [_name(text) for text in texts]


def _name(text: str) -> str:
    return visible(cut(text, (_NAME_CHARS, 0)))


def _short(number: float) -> float | None:
    """Six digits of a number: nobody reads more, and they do not compress."""
    return None if math.isnan(number) else float(f"{number:.6g}")


class Texts:
    """Writes the texts of rows in chunks, within a number of bytes.

    Args:
        out: where the elements go, one after another.
        rows: how many rows will be added.
        budget_bytes: for all chunks as they are written; kept to within a chunk or two, as long as
            40 characters of each text fit.
    """

    def __init__(self, out: IO[bytes], rows: int, budget_bytes: int) -> None:
        self._out = out
        self._rows_left, self._bytes_left = rows, budget_bytes
        self._limit = _clamped(_DENSE * budget_bytes / max(rows, 1))
        self._pool: dict[str, int] = {}
        self._rows: list[list[Any]] = []
        self._chars = 0
        self.starts: list[int] = []
        """The place of each chunk's first row."""
        self._written = 0
        self.cut = 0
        """Rows of which some text is not there as a whole."""

    def add(self, line: Line, places: Mapping[str, int]) -> None:
        """Take one row; ``places`` holds the number of each source."""
        whole = self.cut
        said = [[places[n], *self._said(s)] for n, s in line.verdicts.items()]
        row = [
            _name(line.id),
            self._text(conversation(line.prompt), "text"),
            self._text(conversation(line.completion), "text"),
            self._text("" if line.ground_truth == "null" else line.ground_truth, "truth"),
            said,
        ]
        self.cut = whole + (self.cut > whole)
        self._rows.append(row)
        if len(self._rows) >= _CHUNK_ROWS or self._chars >= _CHUNK_CHARS:
            self._flush()

    def close(self) -> None:
        """Write what is left."""
        self._flush()

    def _said(self, said: Said) -> list[Any]:
        more = {"parts": dict(said.parts), "evidence": dict(said.evidence)}
        told = {name: value for name, value in more.items() if value}
        return [
            self._text(said.reason, "reason"),
            self._text(said.extracted, "reason"),
            self._text(json.dumps(told, ensure_ascii=False) if told else "", "more"),
            self._text(said.version, "reason"),
            round(said.confidence, 3),
        ]

    def _text(self, text: str, kind: str) -> int:
        """The number of a text in this chunk."""
        most = min(self._limit, _LONGEST[kind])
        head = most - most // 3  # an answer stands at the end: a third is kept for it
        kept = cut(text, (head, most // 3))
        self.cut += kept is not text
        shown = visible(kept)
        place = self._pool.setdefault(shown, len(self._pool))
        if place == len(self._pool) - 1:
            self._chars += len(shown)
        return place

    def _flush(self) -> None:
        if not self._rows:
            return
        packed = block(f"chunk{len(self.starts)}", {"t": list(self._pool), "r": self._rows})
        self._out.write(packed)
        rows = len(self._rows)
        self.starts.append(self._written)
        self._written += rows
        self._rows_left -= rows
        self._bytes_left -= len(packed)
        self._adapt(len(packed) / rows)
        self._pool, self._rows, self._chars = {}, [], 0

    def _adapt(self, bytes_a_row: float) -> None:
        """Let texts be as long as the room that is left allows: more by half or less by half."""
        allowed = max(self._bytes_left, 0) / max(self._rows_left, 1)
        self._limit = _clamped(self._limit * min(max(allowed / bytes_a_row, 0.5), 1.5))


def _clamped(limit: float) -> int:
    return int(min(max(limit, _SHORTEST), _LONGEST["text"]))
