"""The Lean backend ``server``: it elaborates and we decide; what it does wrong is never a grade.

A server of these tests answers over real HTTP. Once it runs a real Lean (WebAssembly), so that our
exporter is held to a Lean's own frontend. Not covered: Kimina's server itself.
"""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from assay import Sample, Status
from assay.core.errors import ConfigError
from assay.core.settings import read_settings
from assay.sandbox.contract import Missing
from assay.verifiers.lean import backends, server, settings
from assay.verifiers.lean.process import LeanProcess
from assay.verifiers.lean.proof import lean_proof
from assay.verifiers.lean.settings import LeanSettings
from assay.verifiers.lean.wasm import assets

TRUTH = {"statement": "theorem t (n : Nat) : n + 0 = n", "name": "t"}
LEAN = "4.34.0, commit abc"


class Answers:
    """What the server does next: a function from its path and request to (status, body)."""

    def __init__(self) -> None:
        self.do: Callable[[str, Any], tuple[int, bytes]] = lambda path, asked: (500, b"")
        self.asked: list[tuple[str, Any, str]] = []


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Answers, str]]:
    told = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.asked.append((self.path, asked, self.headers.get("Authorization", "")))
            status, body = told.do(self.path, asked)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield told, f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


def reply(
    path: str, asked: Any, messages: list[Any] | None = None, **more: Any
) -> tuple[int, bytes]:
    if path == "/api/check":
        key, name = "id", asked["snippets"][0]["id"]
    else:
        key, name = "custom_id", asked["codes"][0]["custom_id"]
    result = {key: name, "time": 0.1, **({} if more else {"response": {"messages": messages}})}
    return 200, json.dumps({"results": [{**result, **more}]}).encode()


def message(text: str, severity: str = "info", line: int = 1) -> dict[str, Any]:
    return {"severity": severity, "pos": {"line": line, "column": 2}, "data": text}


def code_of(asked: Any) -> str:
    (one,) = asked.get("snippets") or asked["codes"]
    return str(one.get("code") or one["proof"])


def exported(asked: Any, lean: str = LEAN, **more: Any) -> dict[str, Any]:
    nonce = re.search(r'"@@([0-9a-f]{32})"', code_of(asked))
    assert nonce is not None
    data = {"lean": lean, "found": True, "cannot": None, "decls": {"decls": ["ours"]}, **more}
    return message(f"@@{nonce[1]}{json.dumps(data)}\n", line=9999)


class Referee(LeanProcess):
    """Accepts what it is given to judge; remembers it."""

    seen: ClassVar[list[Any]] = []

    def start(self) -> None:
        self.version = LEAN

    def ask(self, request: dict[str, Any], cpu_s: float) -> dict[str, Any]:
        self.seen.append(request.get("decls"))
        return {"reference": None, "accepted": "decls" in request, "axioms": []}


@pytest.fixture
def referee(monkeypatch: pytest.MonkeyPatch) -> type[Referee]:
    """A machine with a native Lean that need not be started."""
    here = backends.Backend(
        name="native", argv={}, folders={}, environment={}, trust="production", memory_mb=4096
    )
    monkeypatch.setattr(settings, "choose", lambda *_, **__: here)
    monkeypatch.setattr(settings, "LeanProcess", Referee)
    monkeypatch.setattr(Referee, "seen", [])
    return Referee


@pytest.fixture
def no_lean(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise Missing("there is no Lean here; assay doctor --fix lean")

    monkeypatch.setattr(settings, "choose", missing)


def verdict_of(url: str, text: str = "by simp", **more: Any) -> Any:
    asked = {"backend": "server", "server": {"url": url, "retries": 0, **more.pop("server", {})}}
    source = lean_proof.target(LeanSettings(**{**asked, "time_s": 5.0, **more}))
    try:
        return source(Sample(completion=text, ground_truth=TRUTH))
    finally:
        source.close()


# ------------------------------------------------------------------ the referee decides
@pytest.mark.parametrize("api", ["check", "verify"])
def test_declarations_go_to_the_referee(answers: Any, referee: Any, api: str) -> None:
    told, url = answers
    told.do = lambda path, asked: reply(path, asked, [message("hm", "warning"), exported(asked)])
    verdict = verdict_of(url, server={"api": api})
    assert verdict.score == 1.0, verdict.reason
    assert referee.seen == [None, {"decls": ["ours"]}]
    assert (verdict.evidence["backend"], verdict.evidence["trust"]) == ("server", "production")
    path, asked, _ = told.asked[0]
    assert path == ("/api/check" if api == "check" else "/verify")
    assert asked["timeout"] == 15
    text = code_of(asked)
    assert text.startswith("import Init\nimport Lean\n")
    assert "theorem t (n : Nat) : n + 0 = n :=\n  by simp" in text


def test_errors_are_placed_in_the_answer(answers: Any, referee: Any) -> None:
    told, url = answers

    def wrong(path: str, asked: Any) -> tuple[int, bytes]:
        line = code_of(asked).split("\n").index("  by nonsense") + 1
        return reply(path, asked, [message("unknown tactic", "error", line), exported(asked)])

    told.do = wrong
    verdict = verdict_of(url, "by nonsense")
    assert verdict.score == 0.0
    assert verdict.evidence["code"] == "lean_error"
    assert verdict.evidence["messages"][0]["line"] == 2
    assert referee.seen == [None]


def test_an_answer_that_hides_the_command_proves_nothing(answers: Any, referee: Any) -> None:
    told, url = answers
    told.do = lambda path, asked: reply(path, asked, [message('@@{"found": true}')])
    verdict = verdict_of(url, "by simp\n/-")
    assert verdict.evidence["code"] == "target_missing"


def test_the_servers_time_out_is_judged(answers: Any, referee: Any) -> None:
    told, url = answers
    said = "Lean REPL command timed out in 15 seconds"
    told.do = lambda path, asked: reply(path, asked, error=said)
    verdict = verdict_of(url)
    assert (verdict.score, verdict.evidence["code"]) == (0.0, "time")


def slow(path: str, asked: Any) -> tuple[int, bytes]:
    time.sleep(3.0)
    return 200, b"{}"


FAULTS = {
    "broken": lambda path, asked: (500, b"boom"),
    "refused": lambda path, asked: (401, b"Invalid API key"),
    "no JSON": lambda path, asked: (200, b"<html>"),
    "another shape": lambda path, asked: (200, b'{"ok": true}'),
    "a list": lambda path, asked: (200, b"[1]"),
    "no result": lambda path, asked: (200, b'{"results": []}'),
    "another's result": lambda path, asked: (200, b'{"results": [{"id": "x", "response": {}}]}'),
    "messages that are none": lambda path, asked: reply(path, asked, [{"data": 3}]),
    "its own error": lambda path, asked: reply(path, asked, error="No available REPLs"),
    "the REPL's error": lambda path, asked: reply(path, asked, response={"message": "bad env"}),
    "slow imports": lambda path, asked: reply(
        path, asked, error="Lean REPL header command timed out in 15 seconds"
    ),
    "another version": lambda path, asked: reply(path, asked, [exported(asked, "4.33.0, x")]),
    "an exporter that does not fit": lambda path, asked: reply(
        path, asked, [message("unknown identifier", "error", line=9)]
    ),
    "silence": slow,
}


@pytest.mark.parametrize("fault", list(FAULTS))
def test_faults_are_no_grades(
    answers: Any, referee: Any, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    told, url = answers
    told.do = FAULTS[fault]
    monkeypatch.setattr(server, "_SLACK_S", -29.0)  # one second for an answer
    verdict = verdict_of(url)
    assert verdict.status is Status.FAILED, verdict
    assert verdict.score is None
    assert referee.seen == [None], "nothing was judged"


def test_a_server_that_is_not_there(referee: Any) -> None:
    verdict = verdict_of("http://127.0.0.1:9")
    assert verdict.status is Status.FAILED
    assert "no answer from the service" in verdict.reason


def test_a_key_is_sent_and_never_shown(
    answers: Any, referee: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, url = answers
    monkeypatch.setenv("LEAN_KEY", "s3cret")
    told.do = lambda path, asked: (403, b"who is s3cret")
    verdict = verdict_of(url, server={"key_env": "LEAN_KEY"})
    assert told.asked[0][2] == "Bearer s3cret"
    assert "s3cret" not in verdict.reason


# ------------------------------------------------------------------ messages alone
def test_nothing_to_replay_with_is_a_fault(answers: Any, no_lean: None) -> None:
    verdict = verdict_of(answers[1])
    assert verdict.status is Status.FAILED
    assert "accept_unreplayed" in verdict.reason
    assert answers[0].asked == []


def believing(axioms: str, wrong: str = "") -> Callable[[str, Any], tuple[int, bytes]]:
    def do(path: str, asked: Any) -> tuple[int, bytes]:
        text = code_of(asked)
        if "#print axioms" not in text:
            return reply(path, asked, [])
        assert re.search(r"theorem t_again_\w+ \(n : Nat\) : n \+ 0 = n := by intros", text)
        return reply(path, asked, [message(wrong, "error")] if wrong else [message(axioms)])

    return do


@pytest.mark.parametrize(
    ("axioms", "wrong", "code"),
    [
        pytest.param("'t' does not depend on any axioms", "", "accepted", id="none"),
        pytest.param(
            "'t' depends on axioms: [propext,\n Quot.sound]", "", "accepted", id="allowed"
        ),
        pytest.param("'t' depends on axioms: [sorryAx]", "", "sorry", id="sorry"),
        pytest.param("'t' depends on axioms: [propext, mine]", "", "axiom", id="axiom"),
        pytest.param("", "type mismatch", "statement_changed", id="another statement"),
        pytest.param("", "", "target_missing", id="silent"),
    ],
)
def test_messages_are_believed_when_that_is_asked_for(
    answers: Any, no_lean: None, axioms: str, wrong: str, code: str
) -> None:
    told, url = answers
    told.do = believing(axioms, wrong)
    verdict = verdict_of(url, accept_unreplayed=True)
    assert verdict.status is Status.SCORED, verdict.reason
    assert verdict.evidence["code"] == code
    assert verdict.score == float(code == "accepted")
    assert verdict.evidence["trust"] == "messages"


def test_a_statement_that_the_server_does_not_take(answers: Any, no_lean: None) -> None:
    told, url = answers
    told.do = lambda path, asked: reply(path, asked, [message("unknown constant", "error")])
    verdict = verdict_of(url, accept_unreplayed=True)
    assert verdict.status is Status.BAD_REFERENCE


# ------------------------------------------------------------------ settings
@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"backend": "server"}, "goes with the backend 'server'", id="no server"),
        pytest.param({"server": {"url": "http://x"}}, "got 'auto'", id="no backend"),
        pytest.param({"accept_unreplayed": True}, "goes with the backend", id="unreplayed"),
        pytest.param({"backend": "lean_dojo"}, "traced goes with", id="no repository"),
    ],
)
def test_settings_that_do_not_go_together(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        read_settings(LeanSettings, given, "lean.proof")


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param({"url": "ftp://x"}, "must be http", id="scheme"),
        pytest.param({"url": "http://me:pw@x"}, "no user", id="user"),
        pytest.param({"url": "http://x", "key_env": "NOT_SET_1"}, "NOT_SET_1 is not set", id="key"),
    ],
)
def test_servers_that_cannot_be_asked(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        server.ServerSettings(**given).poster()


# ------------------------------------------------------------------ a real Lean behind it
def lean_of(place: Path, code: str, folder: Path) -> list[Any]:
    """What Lean's own frontend says of a text. This build reads every file as a module: what the
    text declares is public in it only when that is said."""
    file = folder / "Snippet.lean"
    head, _, rest = code.partition("set_option Elab.async false\n")
    file.write_text(f"{head}set_option Elab.async false\npublic section\n{rest}")
    done = subprocess.run(
        [
            *(str(assets.node()), "--wasm-tiering-budget=200000000", "--stack-size=6500"),
            *(str(backends.CHECKER / "driver.cjs"), str(place), "--put", str(file)),
            *("-j1", "-s", "65536", "/mem/Snippet.lean", "--json"),
        ],
        env={"LEAN_HOSTLIB": str(place / "lib"), "HOME": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"caption')]
    names = {"information": "info"}
    return [{**row, "severity": names.get(row["severity"], row["severity"])} for row in lines]


@pytest.fixture
def wasm_alone(needs_lean: None, require: Any) -> Path:
    place = assets.prepared()
    require(place, "Lean for WebAssembly", assets.GET)
    if LeanSettings().backend_here().name != "wasm":
        pytest.skip("the referee of this machine is native, the server's Lean is not")
    assert place is not None
    return place


PROOFS = {
    "accepted": (
        "theorem h (n : Nat) : n + 0 = n := by simp\ntheorem t (n : Nat) : n + 0 = n := h n"
    ),
    "axiom": "axiom cheat : False\ntheorem t (n : Nat) : n + 0 = n := cheat.elim",
}
"""A proof with a lemma; and an axiom, of which messages say nothing."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("code", list(PROOFS))
def test_with_a_real_lean(wasm_alone: Path, answers: Any, tmp_path: Path, code: str) -> None:
    told, url = answers
    told.do = lambda path, asked: reply(path, asked, lean_of(wasm_alone, code_of(asked), tmp_path))
    verdict = verdict_of(url, PROOFS[code], time_s=100.0)
    assert verdict.status is Status.SCORED, verdict.reason
    assert verdict.evidence["code"] == code, verdict.reason
    assert verdict.evidence["trust"] == "dev"
