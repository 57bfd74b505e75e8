"""``remote``: programs at a service, over HTTP. A client of SandboxFusion, Piston and E2B.

Each program goes out as one Python program: our supervisor (``supervise``) with the job in it. The
supervisor runs the program within its limits and reports, so both services give the same outcomes.
Expected values are never sent.

Whose fault an end is: the supervisor says a word before the program begins, which no program can
take back. Without that word the service failed, and the outcome is a ``fault``; with it, the end is
the program's doing. What a service does wrong never becomes an outcome of a program, and a program
cannot make itself a fault.

A server is served in batches: a service has no stream. Each batch runs the program anew with all
requests so far, so what a program keeps between calls is there again; a program that does not do
the same twice may answer otherwise than it would elsewhere. Not covered: requests whose answers
decide about the next one (objects held inside, tests that run inside); they raise ``SandboxFault``.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import threading
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..core.errors import ConfigError, did_you_mean
from .contract import Limits, Missing, Outcome, Program, Sandbox, SandboxFault, Session
from .jobs import cut_reply, framed, job_of, outcome_of
from .remote_services.e2b import E2B
from .remote_services.http import Poster, ServiceFault, TooLong
from .remote_services.protocols import PROTOCOLS, Asked, Piston, Protocol, Ran, SandboxFusion

__all__ = ["RemoteSandbox"]

_UNPACKED_BYTES = 256 << 20
_ERR_KEPT = 64 << 10
_INTERACTIVE = frozenset({"relay", "rich"})
_PROBE = Limits(time_s=2.0, wall_s=2.0, output_kb=2048)


class RemoteSandbox(Sandbox):
    """Programs at a service.

    Args:
        slots: how many are under way at the same time.
        url: of the service, such as ``http://sandbox:8080``.
        service: the protocol it speaks.
        key_env: the environment variable that holds the service's key, if it wants one.
        key_header: the header for the key; after ``Authorization`` it follows the word Bearer. By
            default that, and ``X-API-Key`` at E2B.
        version: of Python at Piston.
        template: of the machines at E2B.
        run_url: of a machine at E2B, with ``{sandbox}`` and ``{domain}`` in it.
        report_kb: what Piston lets a program write (its ``output_max_size``), at most.
        margin_s: seconds for the service to start Python, beyond the program's own clock.
        timeout_s: seconds for the service to answer, beyond both; waiting in its queue included.
        retries: attempts after the first, for each run.
        backoff_s: the longest first pause between them; it doubles.
    """

    name = "remote"
    guarantees = (
        "the service isolates programs, or does not: nothing is promised from here",
        "limits are kept beside the program, and by the service's clock",
        "the service's failures are never outcomes of a program",
    )

    def __init__(
        self,
        *,
        slots: int = 1,
        url: str,
        service: Literal["sandbox_fusion", "piston", "e2b"] = "sandbox_fusion",
        key_env: str | None = None,
        key_header: str | None = None,
        version: str = "3.x",
        template: str = "code-interpreter-v1",
        run_url: str = "https://49999-{sandbox}.{domain}",
        report_kb: int = 1024,
        margin_s: float = 5.0,
        timeout_s: float = 30.0,
        retries: int = 3,
        backoff_s: float = 0.5,
    ) -> None:
        super().__init__(slots=slots)
        if service not in PROTOCOLS:
            raise ConfigError(
                f"sandbox 'remote': service: no {service!r}{did_you_mean(service, PROTOCOLS)}"
            )
        protocols: dict[str, Callable[[], Protocol]] = {
            "sandbox_fusion": SandboxFusion,
            "piston": lambda: Piston(version),
            "e2b": lambda: E2B(template, run_url),
        }
        self._protocol = protocols[service]()
        key_header = key_header or ("X-API-Key" if service == "e2b" else "Authorization")
        self._report_kb, self._margin_s, self._timeout_s = report_kb, margin_s, timeout_s
        self._key_env, self._key_header = key_env, key_header
        self._url, self._retries, self._backoff_s = url, retries, backoff_s
        self._make({})  # says now what is wrong with the address
        self._poster: Poster | None = None
        self._slots = threading.Semaphore(slots)
        self._lock = threading.Lock()
        self._closed = False

    def open(self) -> None:
        with self._lock:
            if self._closed:
                raise RuntimeError("this sandbox is closed; make a new one")
            if self._poster is not None:
                return
            self._poster = self._make(self._headers())
            try:
                self._probe()
            except BaseException:
                self._poster = None
                raise

    def _make(self, headers: dict[str, str]) -> Poster:
        return Poster(self._url, headers, self._retries, self._backoff_s)

    def _headers(self) -> dict[str, str]:
        """The key, which is read late and kept nowhere else."""
        if self._key_env is None:
            return {}
        key = os.environ.get(self._key_env, "").strip()
        if not key or not key.isascii() or not key.isprintable():
            raise Missing(
                f"sandbox 'remote': key_env: the environment variable {self._key_env} is empty or"
                " holds what is no key; put the service's key there"
            )
        bearer = self._key_header.lower() == "authorization"
        return {self._key_header: f"Bearer {key}" if bearer else key}

    def _probe(self) -> None:
        """A program that writes as much as a report may hold, so that less is noticed now."""
        size = min(self._protocol.report_bytes(self._report_kb), 1 << 20) * 7 // 16
        source = f"import os, sys\nsys.stdout.buffer.write(os.urandom({size}))"
        outcome = self.once(job_of(Program.script(source), b"", _PROBE), _PROBE)
        if outcome.ok and len(outcome.stdout) == size:
            return
        raise Missing(
            f"sandbox 'remote': the service cannot run a program that writes {size} bytes:"
            f" {outcome.detail or outcome.end}; it needs Python 3.9 or newer, and limits as"
            " docs/sandbox.md says (Piston: PISTON_OUTPUT_MAX_SIZE, PISTON_RUN_TIMEOUT)"
        )

    def start(self, program: Program, stdin: bytes, limits: Limits) -> Session:
        self.open()
        return _Batches(self.once, job_of(program, stdin, limits), limits)

    def once(self, job: dict[str, Any], limits: Limits, requests: bytes = b"") -> Outcome:
        """One run at the service; a server's replies are in ``files`` under an empty name."""
        poster, protocol = self._poster, self._protocol
        assert poster is not None
        mark, report = f"began-{secrets.token_hex(8)}", f"assay-{secrets.token_hex(8)}.report"
        more = {
            "mark": mark,
            "report": report if protocol.report_in_file else "",
            "report_bytes": protocol.report_bytes(self._report_kb),
            "requests": base64.b64encode(requests).decode(),
            "flags": ["-I"],  # packages of the service can be imported
        }
        asked = Asked(
            code=_text({**job, **more}),
            report=report,
            limits=limits,
            margin_s=self._margin_s,
            within_s=limits.clock_s + self._margin_s + self._timeout_s,
            most_bytes=_most_bytes(job),
        )
        with self._slots:
            try:
                ran = protocol.exchange(poster, asked)
            except ServiceFault as fault:
                return Outcome("fault", detail=str(fault))
            except TooLong as much:  # a program may grow the file that is fetched
                return Outcome("output", detail=str(much))
        return _outcome(ran, mark, job)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._poster is not None:
                self._poster.close()


class _Batches(Session):
    """A program that runs when it is asked, from its beginning each time."""

    def __init__(
        self,
        once: Callable[[dict[str, Any], Limits, bytes], Outcome],
        job: dict[str, Any],
        limits: Limits,
    ) -> None:
        self._once, self._job, self._limits = once, job, limits
        self._asked: list[bytes] = []
        self._ended: Outcome | None = None
        self._last: Outcome | None = None
        self._cpu_s = self._wall_s = 0.0

    def ask(self, request: Any, within_s: float | None = None) -> Any | None:
        calls = _calls(request)
        if self._ended is not None:
            return None
        new = [framed(call) for call in calls]
        replies = self._batch(new, within_s)
        if request is None:
            return replies[0] if replies else None
        got = replies[1 + len(self._asked) :][: len(new)]
        if request["op"] == "call":
            self._asked += new
            return got[0] if got else None
        return self._many(got, new, stop=bool(request.get("stop")))

    def _many(self, got: list[Any], new: list[bytes], *, stop: bool) -> Any | None:
        """The replies of one request for many calls: those before its fatal one."""
        if stop:
            errors = [
                n for n, reply in enumerate(got, 1) if type(reply) is dict and "error" in reply
            ]
            got = got[: errors[0]] if errors else got
        self._asked += new[: len(got)]
        return {"values": got} if got else None

    def _batch(self, new: list[bytes], within_s: float | None) -> list[Any]:
        """Run with all requests; the replies, of which the first is whether it has loaded."""
        limits, job = self._limits, self._job
        if within_s is not None:
            limits = replace(limits, wall_s=min(limits.clock_s, within_s))
            job = {**job, "clock_s": limits.clock_s}
        outcome = self._once(job, limits, b"".join(self._asked + new))
        replies, sane = _replies(outcome.files.get("", b""), limits.output_kb << 10)
        self._cpu_s += outcome.cpu_s
        self._wall_s += outcome.wall_s
        outcome = replace(outcome, files={}, cpu_s=self._cpu_s, wall_s=self._wall_s)
        self._last = outcome if sane or outcome.end == "fault" else replace(outcome, end="output")
        whole = len(replies) > len(self._asked) + len(new)
        if not whole or self._last.end != "exited" or not sane:
            self._ended = self._last
        return replies

    def wait(self) -> Outcome:
        if self._ended is None and self._job["kind"] != "server":
            outcome = self._once(self._job, self._limits, b"")
            kept = {name: blob for name, blob in outcome.files.items() if name in self._job["keep"]}
            self._ended = replace(outcome, files=kept)
        if self._ended is None and self._last is None:
            self._batch([], None)
        ended = self._ended or self._last
        assert ended is not None
        return ended

    def close(self) -> Outcome:
        if self._ended is None and self._last is None:
            self._ended = Outcome("signal", 9, detail="it was never asked")
        return self.wait()


def _calls(request: Any) -> list[dict[str, Any]]:
    """A request as single calls. Raises ``SandboxFault`` for one that needs a stream."""
    if request is None:
        return []
    op = request.get("op")
    if op == "call" and not any(request.get(word) for word in _INTERACTIVE):
        return [request]
    if op == "calls":
        shape = {"op": "call", "name": request["name"]}
        return [{**shape, "args": args, "kwargs": kwargs} for args, kwargs in request["many"]]
    raise SandboxFault(
        f"sandbox 'remote': a request {op!r} needs a program that stays between requests, which a"
        " service does not give; use jail or docker for tests of classes, unittest and check"
    )


def _replies(data: bytes, most: int) -> tuple[list[Any], bool]:
    """All whole replies, and whether nothing else was among them."""
    held = bytearray(data)
    replies: list[Any] = []
    try:
        while True:
            known, reply = cut_reply(held, most)
            if not known:
                return replies, True
            replies.append(reply)
    except (ValueError, RecursionError):
        return replies, False


def _most_bytes(job: dict[str, Any]) -> int:
    """What an answer may have: text in text in text, and what a service adds of its own."""
    output, files = int(job["output_kb"]) << 10, int(job["disk_mb"]) << 20
    return 3 * (output + (files if job["keep"] else 0)) + (16 << 20)


def _outcome(ran: Ran, mark: str, job: dict[str, Any]) -> Outcome:
    """Whose end it was: see the top."""
    if not ran.garbled and mark not in ran.stdout:
        why = ran.limit or f"exit status {ran.code or ran.signal}"
        said = "".join(c if c.isprintable() else " " for c in ran.stderr[-300:]).strip()
        return Outcome("fault", detail=f"the service did not begin the program: {why} {said}")
    try:
        return _reported(ran.report, job)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, zlib.error):
        detail = "no report: the program ended its supervisor, or the service did"
        end = ran.limit or "signal"
        return Outcome(end, ran.signal or 9 if end == "signal" else 0, detail=detail)


def _reported(report: str | None, job: dict[str, Any]) -> Outcome:
    """What the supervisor wrote; the program may have written it: nothing is taken for granted."""
    unpacker = zlib.decompressobj()
    text = unpacker.decompress(base64.b64decode(report or "", validate=True), _UNPACKED_BYTES)
    told = json.loads(text)
    most = job["output_kb"] << 10
    stdout, stderr, replies = (_blob(told[name]) for name in ("stdout", "stderr", "replies"))
    told["files"] = {
        name: _blob(told["files"][name]) for name in job["keep"] if name in told["files"]
    }
    outcome = outcome_of(told, stdout[:most], stderr[-_ERR_KEPT:])
    if job["kind"] == "server":
        outcome = replace(outcome, files={"": replies[:most]})
    return outcome


def _blob(text: Any) -> bytes:
    if type(text) is not str:
        raise TypeError("not a text")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


_SENT = ("process_tree", "supervise", "report")
_UNPACK = """\
import base64, json, sys, types, zlib
held = json.loads(zlib.decompress(base64.b85decode('{packed}')))
package = sys.modules['assay_sent'] = types.ModuleType('assay_sent')
package.__path__ = []
for name, text in held['texts']:
    module = sys.modules['assay_sent.' + name] = types.ModuleType('assay_sent.' + name)
    module.__package__ = 'assay_sent'
    exec(compile(text, name + '.py', 'exec'), module.__dict__)
sys.modules['assay_sent.report'].main(held['job'])
"""


@cache
def _texts() -> list[tuple[str, str]]:
    folder = Path(__file__).parent
    return [(name, (folder / f"{name}.py").read_text()) for name in _SENT]


def _text(job: dict[str, Any]) -> str:
    """The one program that is sent: ours, with the job inside, packed."""
    job = {**job, "stdin": base64.b64encode(job["stdin"]).decode()}
    job["files"] = {name: base64.b64encode(blob).decode() for name, blob in job["files"].items()}
    held = json.dumps({"texts": _texts(), "job": json.dumps(job)})
    return _UNPACK.format(packed=base64.b85encode(zlib.compress(held.encode(), 9)).decode())
