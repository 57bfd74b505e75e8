"""``remote``: programs at a service, over HTTP. A client of SandboxFusion, Piston and E2B.

Each program goes out as one Python program: our supervisor (``supervise``) with the job in it. The
supervisor runs the program within its limits and reports, so both services give the same outcomes.
Expected values are never sent.

Whose fault an end is: the supervisor says a word before the program begins, which no program can
take back. Without that word the service failed, and the outcome is a ``fault``; with it, the end is
the program's doing. What a service does wrong never becomes an outcome of a program, and a program
cannot make itself a fault.

A server is asked by running it anew for each request, with all requests so far, since a service
keeps nothing between runs: see ``remote_services.replay``. Test code that talks with a program
holds expected values, and at a service it would lie beside the program: it runs on this machine, in
the backend ``tests_in``.

Not covered: a machine of E2B that stays for a whole conversation, which its protocol would allow.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..core.errors import ConfigError, did_you_mean
from .choose import make_sandbox
from .contract import Limits, Missing, Outcome, Program, Sandbox, Session
from .jobs import job_of, outcome_of
from .remote_services.e2b import E2B
from .remote_services.http import Poster, ServiceFault, TooLong
from .remote_services.protocols import PROTOCOLS, Asked, Piston, Protocol, Ran, SandboxFusion
from .remote_services.replay import Bounds, Replayed

__all__ = ["RemoteSandbox"]

_UNPACKED_BYTES = 256 << 20
_ERR_KEPT = 64 << 10
_HERE = ("jail", "docker", "unsafe_subprocess")
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
        tests_in: the backend of this machine for test code that talks with a program.
        tests_options: arguments of that backend, such as a folder of packages.
        talk_s: seconds of all requests to one program, the service's part included; or the
            program's own clock, where that is longer.
        replays: the most requests to one program that cannot be sent together.
    """

    name = "remote"
    guarantees = (
        "the service isolates programs, or does not: nothing is promised from here",
        "limits are kept beside the program, and by the service's clock",
        "the service's failures are never outcomes of a program",
        "expected values and test code stay on this machine",
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
        tests_in: Literal["jail", "docker", "unsafe_subprocess"] = "jail",
        tests_options: Mapping[str, Any] | None = None,
        talk_s: float = 8.0,
        replays: int = 256,
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
        self._talk_s, self._replays = talk_s, replays
        if tests_in not in _HERE:
            raise ConfigError(
                f"sandbox 'remote': tests_in: must be one of {', '.join(_HERE)}, got {tests_in!r}"
            )
        self._tests = make_sandbox(tests_in, slots, **(tests_options or {}))

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
        bounds = Bounds(self._replays, max(self._talk_s, limits.clock_s))
        return Replayed(self.timed, job_of(program, stdin, limits), limits, bounds)

    def for_tests(self, limits: Limits) -> tuple[Sandbox, Limits]:
        try:
            self._tests.open()
        except Missing as missing:
            raise Missing(
                f"sandbox 'remote': tests_in: test code runs on this machine in"
                f" {self._tests.name!r}, which it lacks: {missing}; or name another of"
                f" {', '.join(_HERE)} (the last isolates nothing: for tests that you trust)"
            ) from None
        # it waits for the program's answers by its own clock, and ends after the program does
        wall_s = max(self._talk_s, limits.clock_s) + limits.clock_s
        return self._tests, replace(limits, wall_s=wall_s)

    def once(self, job: dict[str, Any], limits: Limits, requests: bytes = b"") -> Outcome:
        """One run at the service; a server's replies are in ``files`` under an empty name."""
        return self.timed(job, limits, requests)[0]

    def timed(self, job: dict[str, Any], limits: Limits, requests: bytes) -> tuple[Outcome, float]:
        """As ``once``, with the seconds it took at the service: not those of waiting for a slot."""
        asked, mark = self._asked(job, limits, requests)
        with self._slots:
            began = time.monotonic()
            outcome = self._exchanged(asked, mark, job)
            return outcome, time.monotonic() - began

    def _asked(self, job: dict[str, Any], limits: Limits, requests: bytes) -> tuple[Asked, str]:
        """What a service is sent, and the word that its program says before the job begins."""
        protocol = self._protocol
        mark, report = f"began-{secrets.token_hex(8)}", f"assay-{secrets.token_hex(8)}.report"
        more = {
            "mark": mark,
            "report": report if protocol.report_in_file else "",
            "report_bytes": protocol.report_bytes(self._report_kb),
            "requests": base64.b64encode(requests).decode(),
            # packages of the service can be imported; a server has the hash seed that its
            # environment names, which "-I" would ignore: it may have to do the same twice
            "flags": ["-s"] if job["kind"] == "server" else ["-I"],
        }
        asked = Asked(
            code=_text({**job, **more}),
            report=report,
            limits=limits,
            margin_s=self._margin_s,
            within_s=limits.clock_s + self._margin_s + self._timeout_s,
            most_bytes=_most_bytes(job),
        )
        return asked, mark

    def _exchanged(self, asked: Asked, mark: str, job: dict[str, Any]) -> Outcome:
        poster = self._poster
        assert poster is not None
        try:
            ran = self._protocol.exchange(poster, asked)
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
        self._tests.close()


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
