"""What each service wants to be asked and how it answers: one class for each protocol.

``SandboxFusion``: POST /run_code, as of bytedance/SandboxFusion ``server/sandbox_api.py`` and
``runners/types.py``. ``Piston``: POST /api/v2/execute, as of engineer-man/piston
``docs/api-v2.md`` and ``api/src/job.js``, with or without the fields of its newer versions.

Every program is sent as Python (see ``...supervise``), so languages and compilers are those that
the service's file system has. ``e2b`` has the service that must be asked for a machine first.
"""

from __future__ import annotations

import base64
import signal
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Literal

from ..contract import Limits
from .http import Poster, ServiceFault

__all__ = ["PROTOCOLS", "Asked", "Piston", "Protocol", "Ran", "SandboxFusion"]

_MORE_MB = 64
"""For the supervisor, which runs within the service's limits beside the program."""
_FUSION_REPORT_BYTES = 128 << 20
_GARBLED = "[DecodeError]"
"""SandboxFusion's text in place of output that is not UTF-8."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A run by the service's own account."""

    stdout: str
    stderr: str
    report: str | None
    """What the supervisor wrote at its end; None when there is none."""
    limit: Literal["time", "memory", "output"] | None = None
    """The limit of the service at which it was ended."""
    code: int = 0
    signal: int = 0
    garbled: bool = False
    """Something else than our supervisor, which writes ASCII, wrote to standard output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A run to be had of a service."""

    code: str
    """Python, with all that it needs."""
    report: str
    """The name of the file for the report."""
    limits: Limits
    margin_s: float
    """For the service to start Python."""
    within_s: float
    """For each answer, by the clock."""
    most_bytes: int
    """Of an answer."""


class Protocol(ABC):
    """How to ask, and how to understand."""

    path: str
    report_in_file: bool
    """Whether the report is fetched as a file; else it is on standard output."""

    @abstractmethod
    def report_bytes(self, report_kb: int) -> int:
        """The most that a report may have."""

    @abstractmethod
    def request(self, code: str, report: str, limits: Limits, margin_s: float) -> dict[str, Any]:
        """The body that runs ``code``, which leaves a file named ``report`` where files are."""

    def exchange(self, poster: Poster, asked: Asked) -> Ran:
        """Have it run. Raises ``ServiceFault`` and ``TooLong``."""
        body = self.request(asked.code, asked.report, asked.limits, asked.margin_s)
        answer = poster.post(self.path, body, asked.within_s, asked.most_bytes)
        return self.ran(answer, asked.report)

    @abstractmethod
    def ran(self, answer: Any, report: str) -> Ran:
        """Understand an answer. Raises ``ServiceFault`` for the service's own failure."""


class SandboxFusion(Protocol):
    """ByteDance's service. Its clock limits the run; memory is limited by address space."""

    path = "/run_code"
    report_in_file = True  # it keeps only 1 MB of output, and older ones hang at 64 KB

    def report_bytes(self, report_kb: int) -> int:  # noqa: ARG002 - files are not cut
        return _FUSION_REPORT_BYTES

    def request(self, code: str, report: str, limits: Limits, margin_s: float) -> dict[str, Any]:
        seconds = limits.clock_s + margin_s
        return {
            "language": "python",
            "code": code,
            "stdin": "",
            "files": {},
            "fetch_files": [report],
            "run_timeout": seconds,
            "compile_timeout": seconds,
            # of address space, for the case that a program ends its supervisor; each thread takes
            # the size of a stack of it, touched or not
            "memory_limit_MB": 4 * limits.memory_mb + 256 * limits.pids,
        }

    def ran(self, answer: Any, report: str) -> Ran:
        status = _text(answer, "status")
        if status not in ("Success", "Failed"):
            raise ServiceFault(f"the service says {status!r}: {_shown(answer.get('message'))}")
        result = answer.get("run_result")
        how = _text(result, "status")
        if how not in ("Finished", "TimeLimitExceeded"):
            raise ServiceFault(f"the service says {how!r}: {_shown(result.get('stderr'))}")
        code = result.get("return_code")
        code = code if type(code) is int else 0
        stdout = _optional(result, "stdout")
        return Ran(
            stdout,
            _optional(result, "stderr"),
            _fetched(answer.get("files"), report),
            "time" if how == "TimeLimitExceeded" else None,
            max(code, 0),
            -code if code < 0 else max(0, code - 128),
            stdout.startswith(_GARBLED),
        )


class Piston(Protocol):
    """engineer-man's service. Its limits must be raised by its operator; see the documentation.

    Args:
        version: of Python, as a range that the service understands.
    """

    path = "/api/v2/execute"
    report_in_file = False

    def __init__(self, version: str = "3.x") -> None:
        self._version = version

    def report_bytes(self, report_kb: int) -> int:
        return report_kb << 10

    def request(self, code: str, report: str, limits: Limits, margin_s: float) -> dict[str, Any]:  # noqa: ARG002 - no file comes back
        return {
            "language": "python",
            "version": self._version,
            "files": [{"name": "main.py", "content": code}],
            "stdin": "",
            "args": [],
            "run_timeout": int(1000 * (limits.clock_s + margin_s)),
            "run_cpu_time": int(1000 * (limits.time_s + margin_s)),
            "run_memory_limit": (limits.memory_mb + _MORE_MB) << 20,
        }

    def ran(self, answer: Any, report: str) -> Ran:  # noqa: ARG002 - as above
        result = answer.get("run") if type(answer) is dict else None
        if type(result) is not dict:
            raise ServiceFault(f"the service ran nothing: {_shown(answer)}")
        status = result.get("status")
        if status == "XX":  # isolate's word for its own failure
            raise ServiceFault(f"the service says 'XX': {_shown(result.get('message'))}")
        stdout = _text(result, "stdout")
        number = _signal(result.get("signal"))
        code = result.get("code")
        lines = stdout.split("\n")
        return Ran(
            stdout,
            _optional(result, "stderr"),
            lines[1] if len(lines) > 1 else None,
            {"TO": "time", "OL": "output", "EL": "output"}.get(str(status)),  # type: ignore[arg-type] # the words of Ran.limit
            code if type(code) is int and code >= 0 else 0,
            number,
        )


PROTOCOLS = ("sandbox_fusion", "piston", "e2b")


def _text(answer: Any, key: str) -> str:
    found = answer.get(key) if type(answer) is dict else None
    if type(found) is not str:
        raise ServiceFault(f"the service answered without {key!r}: {_shown(answer)}")
    return found


def _optional(answer: dict[str, Any], key: str) -> str:
    found = answer.get(key)
    return found if type(found) is str else ""


def _fetched(files: Any, name: str) -> str | None:
    """A file as text; the report in it is ASCII."""
    blob = files.get(name) if type(files) is dict else None
    try:
        return base64.b64decode(blob).decode("ascii") if type(blob) is str else None
    except ValueError:
        return None


def _signal(name: Any) -> int:
    """The number of ``SIGKILL``; 0 for none."""
    if type(name) is not str or not name:
        return 0
    return int(getattr(signal, name, signal.SIGKILL)) if name.startswith("SIG") else 9


def _shown(said: Any) -> str:
    return "".join(c if c.isprintable() else " " for c in str(said)[:300])
