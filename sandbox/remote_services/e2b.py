"""E2B's code interpreter, and services that speak like it: a machine is asked for, used, and ended.

As of e2b-dev/E2B ``spec/openapi.yml`` and e2b-dev/code-interpreter ``template/server``: POST and
DELETE /sandboxes at the API with the key, POST /execute at the machine with the token that it came
with. Each run has a machine of its own: a program may become root in there, and what it leaves
would meet the next one. The machine gets no key and no network.

Not covered: machines that are kept, paused or forked.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

from .http import Poster, ServiceFault
from .protocols import Asked, Piston, Ran

__all__ = ["E2B"]

_NAME = re.compile(r"[A-Za-z0-9-]{1,100}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,200}")
_PORT = 49999
_MORE_S = 30
"""Beyond a run, a machine that nobody ended goes by itself after this many seconds."""
_IN_THE_KERNEL = """\
import json, signal, subprocess, sys
told = {{"stdout": "", "stderr": "", "code": None, "signal": None, "status": None}}
try:
    ran = subprocess.run([sys.executable, "-I", "-"], input={code!r}.encode(),
                         capture_output=True, timeout={seconds!r})
    if ran.returncode < 0:
        told["signal"] = signal.Signals(-ran.returncode).name
    else:
        told["code"] = ran.returncode
except subprocess.TimeoutExpired as late:
    ran = late
    told["status"] = "TO"
told["stdout"] = (ran.stdout or b"").decode("utf-8", "replace")
told["stderr"] = (ran.stderr or b"")[-2000:].decode("utf-8", "replace")
print(json.dumps(told))
"""
"""Starts our supervisor as a process of its own, and says what it said, all at once."""


class E2B(Piston):
    """The reports are as Piston's: on standard output.

    Args:
        template: of the machine; it needs the code interpreter's server.
        run_url: of a machine, with ``{sandbox}`` and ``{domain}`` where they go.
    """

    def __init__(self, template: str, run_url: str) -> None:
        super().__init__()
        self._template, self._run_url = template, run_url

    def exchange(self, poster: Poster, asked: Asked) -> Ran:
        seconds = asked.limits.clock_s + asked.margin_s
        wanted = {
            "templateID": self._template,
            "timeout": int(seconds) + _MORE_S,
            "allow_internet_access": False,
            "metadata": {"made-by": "assay"},
        }
        machine = poster.post("/sandboxes", wanted, asked.within_s, 1 << 20)
        name = _checked(machine, "sandboxID", _NAME)
        try:
            url, headers = self._address(machine, name)
            body: dict[str, Any] = {
                "code": _IN_THE_KERNEL.format(code=asked.code, seconds=seconds),
                "context_id": None,
                "language": "python",
                "env_vars": {},
            }
            lines = poster.stream(url, body, headers, asked.within_s, 2 * asked.most_bytes)
        finally:
            with contextlib.suppress(ServiceFault):  # it goes by itself, later
                poster.delete(f"/sandboxes/{name}", asked.within_s)
        return self.ran({"run": _said(lines)}, asked.report)

    def _address(self, machine: Any, name: str) -> tuple[str, dict[str, str]]:
        domain = machine.get("domain") or "e2b.app"
        if type(domain) is not str or not _DOMAIN.fullmatch(domain):
            raise ServiceFault("the service answered with no name of a machine's domain")
        headers = {"E2b-Sandbox-Id": name, "E2b-Sandbox-Port": str(_PORT)}
        for key, header in (
            ("envdAccessToken", "X-Access-Token"),
            ("trafficAccessToken", "E2B-Traffic-Access-Token"),
        ):
            if (token := machine.get(key)) is not None:
                headers[header] = _checked(machine, key, _TOKEN) if token else ""
        return self._run_url.format(sandbox=name, domain=domain) + "/execute", headers


_TOKEN = re.compile(r"[!-~]{1,4096}")


def _checked(machine: Any, key: str, shape: re.Pattern[str]) -> str:
    found = machine.get(key) if type(machine) is dict else None
    if type(found) is not str or not shape.fullmatch(found):
        raise ServiceFault(f"the service answered without a usable {key!r}")
    return found


def _said(lines: list[Any]) -> dict[str, Any]:
    """What our words in the kernel printed. Raises ``ServiceFault`` if they did not come to it."""
    text, ended = [], False
    for line in lines:
        kind = line.get("type") if type(line) is dict else None
        if kind == "error":
            raise ServiceFault(f"the service's kernel raised {str(line.get('name'))[:80]!r}")
        if kind == "stdout" and type(line.get("text")) is str:
            text.append(line["text"])
        ended = ended or kind == "end_of_execution"
    if not ended:
        raise ServiceFault("the service's kernel broke off")
    try:
        told = json.loads("".join(text).strip().rpartition("\n")[2])
    except (ValueError, RecursionError):
        told = None
    if type(told) is not dict:
        raise ServiceFault("the service's kernel did not say what became of the run")
    return told
