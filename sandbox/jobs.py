"""Our side of a supervised run (see ``supervise``): the job, the outcome, the replies.

What comes from a program is data that nobody vouches for; it is checked here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

from .contract import End, Limits, Outcome, Program

__all__ = ["checked_end", "cut_reply", "framed", "job_of", "outcome_of"]


def job_of(
    program: Program, stdin: bytes, limits: Limits, packages: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What ``Supervised`` takes. Raises ``ValueError`` for a file name with a folder in it."""
    for name in (*program.files, *program.keep):
        if not name or "/" in name or name in (".", "..") or "\0" in name:
            raise ValueError(
                f"Program.files: {name!r} is not the name of a file in the work folder"
            )
    return {
        "kind": program.kind,
        "source": program.source,
        "setup": program.setup,
        "argv": list(program.argv),
        "files": dict(program.files),
        "keep": list(program.keep),
        "stdin": stdin,
        "packages": list(packages),
        "flags": ["-I", "-S"],
        "folder": "",
        "server": _server() if program.kind == "server" else "",
        "time_s": limits.time_s,
        "clock_s": limits.clock_s,
        "memory_mb": limits.memory_mb,
        "output_kb": limits.output_kb,
        "pids": limits.pids,
        "disk_mb": limits.disk_mb,
        "open_files": limits.open_files,
    }


@cache
def _server() -> str:
    return (Path(__file__).parent / "inside" / "server.py").read_text()


def outcome_of(told: Mapping[str, Any], stdout: bytes, stderr: bytes) -> Outcome:
    """Raises ``ValueError``, ``KeyError`` or ``TypeError`` for what is no report of an end."""
    cpu_s, wall_s, memory_mb = (float(told[key]) for key in ("cpu_s", "wall_s", "memory_mb"))
    code = told["code"]
    sane = all(0 <= number < 1e9 for number in (cpu_s, wall_s, memory_mb))
    if not sane or type(code) is not int:
        raise ValueError("numbers that no run has")
    end = checked_end(told["end"])
    files = dict(told["files"])
    return Outcome(end, code & 255, stdout, stderr, files, cpu_s, wall_s, memory_mb)


def checked_end(word: object) -> End:
    """How a program ended. It cannot say that the sandbox failed. Raises ``ValueError``."""
    for end in get_args(End):
        if end == word and end != "fault":
            known: End = end
            return known
    raise ValueError(f"{word!r} is no end of a program")


def framed(request: Any) -> bytes:
    """A request on the wire."""
    text = json.dumps(request).encode()
    return b"%d\n" % len(text) + text


def cut_reply(replies: bytearray, most: int) -> tuple[bool, Any]:
    """Take the first whole reply off the bytes: whether there was one, and it.

    Raises ``ValueError`` for what is no reply, ``RecursionError`` for one too deep.
    """
    line, mark, _ = bytes(replies[:20]).partition(b"\n")
    if not mark and len(replies) < 20:
        return False, None
    size = int(line) if line.isdigit() else -1
    if not mark or not 0 <= size <= most:
        raise ValueError("no length of a reply")
    start = len(line) + 1
    if len(replies) < start + size:
        return False, None
    text = bytes(replies[start : start + size])
    del replies[: start + size]
    return True, json.loads(text.decode("utf-8", "surrogatepass"))
