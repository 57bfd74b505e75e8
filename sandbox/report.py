"""Where a service runs it: the supervised program's job comes as text, and its report goes as text.

Sent to services as it is, with ``supervise`` and ``process_tree``; so standard library only, and
Python 3.9 or newer. Not covered: what the report means; see ``remote``.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .supervise import Supervised

__all__ = ["main"]


def main(text: str) -> None:
    """Run the job that ``text`` holds and report on it.

    Says ``mark`` on standard output before the program begins, which nobody can take back. The
    report follows there, or in the file ``report``, packed.
    """
    job = json.loads(text)
    job["stdin"] = base64.b64decode(job["stdin"])
    job["files"] = {name: base64.b64decode(blob) for name, blob in job["files"].items()}
    here = str(Path.cwd())  # which a service removes, whatever becomes of us
    run = Supervised({**job, "folder": here if os.access(here, os.W_OK) else ""})
    sys.stdout.write(job["mark"] + "\n")
    sys.stdout.flush()
    if job["kind"] == "server":
        run.send(base64.b64decode(job["requests"]))
        run.no_more()
    while run.ended is None:
        run.pump()
    packed = _packed(run, job["report_bytes"])
    if job["report"]:
        report = os.open(job["report"], os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with open(report, "wb") as file:  # noqa: PTH123 - of a descriptor
            file.write(packed)
    else:
        sys.stdout.write(packed.decode() + "\n")
        sys.stdout.flush()


def _packed(run: Supervised, most: int) -> bytes:
    """The report, within so many bytes: what does not fit makes the end ``output``."""
    assert run.ended is not None
    blobs = {"stdout": bytes(run.out), "stderr": run.err, "replies": bytes(run.replies)}
    packed = _pack(run.ended, blobs)
    if len(packed) > most:
        ended = {**run.ended, "end": "output", "files": {}}
        keep = max(0, most // 8)  # text in text of random bytes: within a half, with room for all
        packed = _pack(ended, {name: blob[:keep] for name, blob in blobs.items()})
    return packed


def _pack(ended: Mapping[str, Any], blobs: Mapping[str, bytes]) -> bytes:
    told: dict[str, Any] = {k: v for k, v in ended.items() if k != "files"}
    told["files"] = {k: base64.b64encode(v).decode() for k, v in ended["files"].items()}
    told |= {name: base64.b64encode(blob).decode() for name, blob in blobs.items()}
    return base64.b64encode(zlib.compress(json.dumps(told).encode(), 1))
