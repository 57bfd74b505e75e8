"""Lean behind HTTP, in the words of Kimina's server: it elaborates, and the referee here decides.

``POST {url}/api/check`` (or the older ``/verify``) with one text: imports, our exporter as Lean
code, the answer, and a command that prints what the answer declared, marked with a nonce. That is
data like any elaborator's: the referee of this machine, of the same Lean version, checks it from
the library up. A server that lies can keep a proof from being paid; it cannot have one paid.

Without a Lean of that version here nothing can be replayed. ``Messages`` then believes what the
server says: no error, the statement again in the same file with the answer's theorem for a proof,
and ``#print axioms``. An answer can forge all of that (a macro is enough), so it must be asked for
(``accept_unreplayed``), and its verdicts are labelled ``messages``.

A server that is down, busy or talks rubbish is a fault. Its own time-out of an answer is judged as
ours would be. Not covered: batches; steps of tactics, which these servers do not tell.
"""

from __future__ import annotations

import json
import math
import os
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from ...core.errors import ConfigError
from ...core.settings import Settings
from ...sandbox.contract import Missing
from ...sandbox.remote_services.http import Poster, ServiceFault, TooLong
from .backends import CHECKER, Backend
from .process import LeanProcess, Lost

__all__ = ["Messages", "ServerLean", "ServerSettings"]

Api: TypeAlias = Literal["check", "verify"]

_MOST_BYTES = 64 << 20
_SLACK_S = 30.0
_BEGIN, _END = "/-! ## Small things -/", "/-! ## What a submission may not do"
_HOLE = re.compile(r":=\s*(?:by\s+)?sorry\b")
_HEAD = re.compile(r"^[^\n]*?\b(?:theorem|lemma)\s+([^\s:({\[⦃]+)", re.MULTILINE)
_AXIOMS = re.compile(r"depends on axioms:\s*\[([^\]]*)\]", re.DOTALL)


class ServerSettings(Settings):
    """Where the server is, and how it is asked."""

    url: str
    """Its root, such as ``http://lean:8000``."""
    api: Api = "check"
    """``check``: ``/api/check`` of kimina-lean-server 2. ``verify``: ``/verify``, before that."""
    key_env: str | None = None
    """The environment variable that holds its key."""
    retries: int = 2
    """Attempts after the first, when it is busy or broken."""

    def poster(self) -> Poster:
        """Raises ``ConfigError``."""
        if not re.fullmatch(r"https?://[^/@\s]+(/\S*)?", self.url):
            raise ConfigError("lean.server.url: must be http:// or https:// and a host, no user")
        headers = {}
        if self.key_env is not None:
            key = os.environ.get(self.key_env)
            if not key:
                raise ConfigError(f"lean.server.key_env: the variable {self.key_env} is not set")
            headers["Authorization"] = f"Bearer {key}"
        return Poster(self.url, headers, self.retries, 1.0)


@dataclass(frozen=True, slots=True)
class _Said:
    """A message of Lean's."""

    severity: str
    line: int
    column: int
    text: str


class _Client:
    """One text to a server, its messages back."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings, self._poster = settings, settings.poster()

    def check(self, code: str, timeout_s: float) -> list[_Said]:
        """Raises ``Missing`` for every fault, and ``Lost`` for a text that took too long."""
        timeout, name = math.ceil(timeout_s), secrets.token_hex(8)
        if self._settings.api == "check":
            path, asked = "/api/check", {"snippets": [{"id": name, "code": code}], "reuse": True}
        else:
            path, asked = "/verify", {"codes": [{"custom_id": name, "proof": code}]}
        try:
            found = self._poster.post(
                path, {**asked, "timeout": timeout}, 2 * timeout + _SLACK_S, _MOST_BYTES
            )
        except (ServiceFault, TooLong) as fault:
            raise Missing(f"the Lean server {self._settings.url}: {fault}") from fault
        return self._read(found, name)

    def _read(self, found: Any, name: str) -> list[_Said]:
        try:
            (result,) = found["results"]
            if result.get("id", result.get("custom_id")) != name:
                raise ValueError("it answers another question")
            error, response = result.get("error"), result.get("response") or {}
            if error is None and "message" in response:
                error = response["message"]
            if error is None:
                return [_message(row) for row in response.get("messages") or ()]
        except (TypeError, ValueError, KeyError, AttributeError) as problem:
            shown = json.dumps(found)[:200]
            raise Missing(
                f"the Lean server {self._settings.url} talks otherwise than"
                f" api {self._settings.api!r} does ({problem}), got {shown}"
            ) from problem
        if "timed out" in str(error) and "header" not in str(error):
            raise Lost("time", f"the server: {str(error)[:200]}")
        raise Missing(f"the Lean server {self._settings.url}: {str(error)[:300]}")


def _message(row: Any) -> _Said:
    place = row["pos"]
    return _Said(str(row["severity"]), int(place["line"]), int(place["column"]), str(row["data"]))


class ServerLean(LeanProcess):
    """An elaborator that is somewhere else; talks as one of ours.

    Args:
        referee: of this machine; its Lean must be of the server's version.
    """

    def __init__(self, backend: Backend, settings: ServerSettings, referee: LeanProcess) -> None:
        super().__init__(backend, "Elaborator", most=1, most_mb=math.inf)
        self._client, self._referee = _Client(settings), referee

    def start(self) -> None:
        """Nothing is started from here."""

    def ask(self, request: dict[str, Any], cpu_s: float) -> dict[str, Any]:
        """As ``LeanProcess.ask``; the server may take three times as long by the clock."""
        nonce = secrets.token_hex(16)
        before, after = _around(request, nonce)
        text = str(request["text"])
        said = self._client.check(f"{before}{text}\n{after}", 3 * cpu_s)
        first, lines = before.count("\n") + 1, text.count("\n") + 1
        _look_at_the_exporter(said, first)
        mark = f"@@{nonce}"
        shown = [one for one in said if not one.text.startswith(mark)]
        told = [one.text[len(mark) :] for one in said if one.text.startswith(mark)]
        return {"messages": _rows(shown, first, lines), "steps": [], **self._declared(told)}

    def _declared(self, told: Sequence[str]) -> dict[str, Any]:
        try:
            data = json.loads(told[-1])
            lean, decls = str(data["lean"]), data["decls"]
        except (IndexError, KeyError, TypeError, ValueError, RecursionError):
            return {"found": False, "decls": {}}  # the answer kept the command from being read
        self._compare(lean)
        return {"found": data.get("found") is True, "cannot": data.get("cannot"), "decls": decls}

    def _compare(self, lean: str) -> None:
        """Raises ``Missing`` unless the referee is of the same version."""
        self._referee.start()
        self.version = lean
        here, there = (text.partition(",")[0].strip() for text in (self._referee.version, lean))
        if here != there:
            raise Missing(
                f"the server runs Lean {there[:40]}, the referee here Lean {here}: a proof is"
                " replayed by the same version; install that toolchain"
            )


def _around(request: dict[str, Any], nonce: str) -> tuple[str, str]:
    """What stands before an answer and behind it."""
    checker = (CHECKER / "Elaborator.lean").read_text(encoding="utf-8")
    exporter = _BEGIN + checker.partition(_BEGIN)[2].partition(_END)[0]
    imports = dict.fromkeys([*str(request["imports"]).split(), "Lean"])
    before = [
        *(f"import {name}" for name in imports),
        "set_option Elab.async false",
        "namespace AssayExport",
        "section",
        "open Lean Elab",
        exporter,
        "end",
        "end AssayExport",
        f"set_option maxHeartbeats {int(request['heartbeats'])}",
        "",
    ]
    target = json.dumps(request["target"], ensure_ascii=False)
    return "\n".join(before), _COMMAND.format(name=target, nonce=nonce)


_COMMAND = """
open Lean Elab Command in
run_cmd do
  let s ← get
  let n := _root_.AssayExport.toName {name}
  let own := !_root_.AssayExport.isImported s.env n &&
    (match s.env.toKernelEnv.find? n with | some _ => true | none => false)
  let x := if own then _root_.AssayExport.add s.env n {{}} else {{}}
  let cannot := match x.bad with | some w => Json.str w | none => Json.null
  IO.println ("@@{nonce}" ++ _root_.AssayExport.ap1 Json.compress (_root_.AssayExport.obj [
    ("lean", .str Lean.versionString), ("found", .bool own), ("cannot", cannot),
    ("decls", _root_.AssayExport.shown x)]))
"""


def _look_at_the_exporter(said: Sequence[_Said], first: int) -> None:
    for one in said:
        if one.severity == "error" and one.line < first:
            raise Missing(
                "the server's Lean does not take our exporter (it must be 4.20 or newer, and have"
                f" the task's imports): line {one.line}: {one.text[:200]}"
            )


def _rows(said: Sequence[_Said], first: int, lines: int) -> list[list[Any]]:
    """Messages as the elaborator's own, in the lines of the answer; those behind it at its end."""
    names = {"info": "information"}
    return [
        [
            names.get(one.severity, one.severity),
            [min(one.line - first + 1, lines), one.column],
            None,
            one.text,
        ]
        for one in said
        if one.line >= first
    ]


class Messages(LeanProcess):
    """Elaborator and referee in one, believing the server. For both roles of a ``Checker``."""

    def __init__(self, backend: Backend, settings: ServerSettings) -> None:
        super().__init__(backend, "Referee", most=1, most_mb=math.inf)
        self._client = _Client(settings)
        self._text = ""

    def start(self) -> None:
        """Nothing is started from here."""

    def ask(self, request: dict[str, Any], cpu_s: float) -> dict[str, Any]:
        """A request to either role, told apart by what it holds."""
        imports = "".join(f"import {name}\n" for name in str(request["imports"]).split())
        if "text" in request:
            self._text = str(request["text"])
            said = self._client.check(f"{imports}{self._text}\n", 3 * cpu_s)
            first, lines = imports.count("\n") + 1, self._text.count("\n") + 1
            rows = _rows(said, first, lines)
            sorry = any("sorry" in one.text for one in said if one.severity == "warning")
            decls = {"decls": [["thm"]], "names": [[0, "sorryAx"]] if sorry else []}
            return {"messages": rows, "steps": [], "found": True, "decls": decls}
        reference = str(request["reference"])
        if "decls" not in request:
            errors = _errors(self._client.check(f"{imports}{reference}\n", 3 * cpu_s))
            return {"reference": f"does not elaborate: {errors[0]}" if errors else None}
        target = ".".join(map(str, request["target"]))
        text = f"{imports}{self._text}\n{_again(reference, target)}"
        said = self._client.check(text, 3 * cpu_s)
        return _believed(said, target, [".".join(map(str, name)) for name in request["allow"]])


def _errors(said: Sequence[_Said]) -> list[str]:
    return [one.text[:300] for one in said if one.severity == "error"]


def _again(reference: str, target: str) -> str:
    """The statement under another name, with the answer's theorem for its proof; its axioms."""
    hole = list(_HOLE.finditer(reference))[-1]
    head = list(_HEAD.finditer(reference, 0, hole.start()))[-1]
    levels = re.search(r"\.\{[^}]*\}$", head[1])
    name = f"{target}_again_{secrets.token_hex(8)}{levels[0] if levels else ''}"
    stated = reference[head.start() : head.start(1)] + name + reference[head.end(1) : hole.start()]
    proof = f"by intros; apply _root_.{target}"
    return f"{stated.rstrip()} := {proof}\n#print axioms _root_.{target}\n"


def _believed(said: Sequence[_Said], target: str, allow: Sequence[str]) -> dict[str, Any]:
    errors = _errors(said)
    if errors:
        return {"accepted": False, "reasons": [["statement_changed", target, errors[0]]]}
    told = [one.text for one in said if target in one.text and "axioms" in one.text]
    if not told:
        reason = "nothing was said of its axioms"
        return {"accepted": False, "reasons": [["target_missing", target, reason]]}
    listed = _AXIOMS.search(told[-1])
    axioms = [name.strip() for name in listed[1].split(",")] if listed else []
    wrong = [name for name in axioms if name not in allow]
    code = "sorry" if "sorryAx" in wrong else "axiom"
    reasons = [[code, name, "an axiom that is not allowed"] for name in wrong]
    return {"accepted": not wrong, "reasons": reasons, "axioms": axioms}
