"""What travels between the parent and its workers, and how it is framed.

Samples go to a worker as pickle, which only our own parent writes. Verdicts come back as JSON and
never as pickle: a worker that ran hostile text may send anything, and reading it must not run it.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from ..types import Sample, Status, Step, Verdict

__all__ = ["FrameReader", "frame", "pack_sample", "read_verdicts", "unpack_sample", "verdict_rows"]

_LENGTH = struct.Struct("<I")
MAX_FRAME_BYTES = 256 * 2**20
"""A longer frame from a worker is rubbish: the worker is ended."""
MAX_VERDICT_CHARS = 4 * 2**20
"""A verdict longer than this as JSON is rubbish: the sample's verdict is ``failed``."""

SampleRow = tuple[Any, ...]
_STATUS_OF = {status.value: status for status in Status}


def frame(payload: bytes) -> bytes:
    """The payload with its length before it."""
    return _LENGTH.pack(len(payload)) + payload


class FrameReader:
    """Collects bytes and gives back whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are complete once ``data`` has arrived.

        Raises ``ValueError`` for a frame above ``MAX_FRAME_BYTES``.
        """
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length > MAX_FRAME_BYTES:
                raise ValueError(f"a frame of {length} bytes (the limit is {MAX_FRAME_BYTES})")
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            yield bytes(memoryview(buffer)[start + _LENGTH.size : end])
            start = end
        if start:
            del buffer[:start]


def pack_sample(sample: Sample) -> SampleRow:
    """A sample as a plain tuple; much cheaper to pickle than the object."""
    return (
        sample.prompt,
        sample.completion,
        sample.ground_truth,
        sample.task,
        sample.truncated,
        dict(sample.extra),
        sample.group,
        sample.id,
    )


def unpack_sample(row: SampleRow) -> Sample:
    """The inverse of ``pack_sample``."""
    prompt, completion, truth, task, truncated, extra, group, name = row
    return Sample(
        prompt=prompt,
        completion=completion,
        ground_truth=truth,
        task=task,
        truncated=truncated,
        extra=extra,
        group=group,
        id=name,
    )


def pack_chunk(serial: int, units: Sequence[tuple[int, Sequence[SampleRow]]]) -> bytes:
    """A chunk of work: (unit number, its samples) in order. Raises what pickle raises."""
    return pickle.dumps((serial, units), protocol=5)


def verdict_rows(verdicts: Sequence[Verdict]) -> list[list[Any]]:
    """Verdicts as JSON lists, without what the parent knows (source and version)."""
    return [
        [
            v.status.value,
            v.score,
            v.passed,
            v.reason,
            v.seconds,
            v.confidence,
            dict(v.parts),
            [[s.start, s.end, s.score, s.reason] for s in v.steps],
            dict(v.evidence),
            dict(v.cost),
        ]
        for v in verdicts
    ]


def read_verdicts(rows: Sequence[Sequence[Any]], source: str, version: str) -> list[Verdict]:
    """The inverse of ``verdict_rows``; raises ``ValueError``, ``TypeError`` or ``KeyError``."""
    return [
        Verdict(
            status=_STATUS_OF[status],
            score=score,
            passed=passed,
            reason=reason,
            seconds=seconds,
            confidence=confidence,
            parts=parts,
            steps=tuple(Step(start=a, end=b, score=c, reason=d) for a, b, c, d in steps),
            evidence=evidence,
            cost=cost,
            source=source,
            version=version,
        )
        for (
            status, score, passed, reason, seconds, confidence, parts, steps, evidence, cost,
        ) in rows
    ]  # fmt: skip


def dump_results(results: list[tuple[int, list[list[Any]]]]) -> bytes:
    """Results of some units, framed. A verdict beyond ``MAX_VERDICT_CHARS`` becomes a fault."""
    text = json.dumps(results, separators=(",", ":"))
    if len(text) > MAX_VERDICT_CHARS:
        text = json.dumps([(uid, [_bounded(row) for row in rows]) for uid, rows in results])
    return frame(text.encode("ascii"))


def _bounded(row: list[Any]) -> list[Any]:
    if len(json.dumps(row)) <= MAX_VERDICT_CHARS:
        return row
    # not how long exactly: the time it took is part of that, and rows are equal from run to run
    reason = f"the source broke its contract: its verdict has over {MAX_VERDICT_CHARS} characters"
    return [Status.FAILED.value, None, None, reason, row[4], 1.0, {}, [], {}, {}]
