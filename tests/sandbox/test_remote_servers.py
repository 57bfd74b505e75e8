"""The remote backend: servers in batches, keys, settings, slots."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

import fake_services as fake
from conformance import SHORT
from fake_services import Fake, client, status

from assay.core.errors import ConfigError
from assay.sandbox.contract import Limits, Missing, Program, Sandbox
from assay.sandbox.remote import RemoteSandbox

HELLO = Program.script("print(6 * 7)")


@pytest.fixture
def sandbox(far: RemoteSandbox) -> Sandbox:
    return far


# --- servers in batches ---------------------------------------------------------------------------


def call(name: str, *args: int, **more: Any) -> dict[str, Any]:
    return {"op": "call", "name": name, "args": [["i", hex(a)] for a in args], "kwargs": {}, **more}


def calls(name: str, *args: int, **more: Any) -> dict[str, Any]:
    return {"op": "calls", "name": name, "many": [[[["i", hex(a)]], {}] for a in args], **more}


def test_all_calls_at_once(service: Fake, sandbox: Sandbox) -> None:
    before = len(service.asked)
    with sandbox.start(Program.server("def f(x): return x * x"), b"", SHORT) as session:
        assert session.ask(None) == {"loaded": True}
        got = session.ask(calls("f", *range(300)))
        assert [int(v["value"][1], 16) for v in got["values"]] == [n * n for n in range(300)]
        assert session.close().end == "exited"
    assert len(service.asked) == before + 2


def test_a_server_keeps_its_state_by_doing_it_again(sandbox: Sandbox) -> None:
    source = "n = 0\ndef up(by):\n    global n; n += by; return n"
    with sandbox.start(Program.server(source), b"", SHORT) as session:
        session.ask(None)
        assert session.ask(call("up", 1)) == {"value": ["i", "0x1"]}
        assert session.ask(calls("up", 2, 3))["values"] == [
            {"value": ["i", "0x3"]},
            {"value": ["i", "0x6"]},
        ]
        assert session.ask(call("up", 4)) == {"value": ["i", "0xa"]}


DEATHS = [
    pytest.param("while True: pass", "time", id="hang"),
    pytest.param("import os; os._exit(3)", "exited", id="leaves"),
    pytest.param("import os; os.abort()", "signal", id="crash"),
    pytest.param("bytearray(10**9)", "memory", id="memory"),
]


@pytest.mark.parametrize(("fatal", "end"), DEATHS)
def test_calls_before_the_fatal_one_count(sandbox: Sandbox, fatal: str, end: str) -> None:
    source = f"def f(x):\n    if x == 2:\n        {fatal}\n    return x"
    with sandbox.start(Program.server(source), b"", SHORT) as session:
        session.ask(None)
        assert len(session.ask(calls("f", 0, 1, 2, 3))["values"]) == 2
        assert session.ask(calls("f", 2, 3)) is None
        assert session.close().end == end


def test_stop_at_the_first_error(sandbox: Sandbox) -> None:
    with sandbox.start(Program.server("def f(x): return 1 // x"), b"", SHORT) as session:
        session.ask(None)
        got = session.ask(calls("f", 1, 0, 1, stop=True))["values"]
        assert [("error" in reply) for reply in got] == [False, True]


@pytest.mark.parametrize(
    ("source", "end"),
    [
        pytest.param("1 / 0", "ZeroDivisionError", id="raises"),
        pytest.param("this is no python", "SyntaxError", id="syntax"),
        pytest.param("raise SystemExit", "SystemExit", id="leaves"),
    ],
)
def test_a_server_that_does_not_load(sandbox: Sandbox, source: str, end: str) -> None:
    with sandbox.start(Program.server(source), b"", SHORT) as session:
        assert session.ask(None)["error"] == end
        assert session.ask(call("f")) is None


def test_expected_values_are_never_sent(service: Fake, sandbox: Sandbox) -> None:
    with sandbox.start(Program.server("def f(x): return x"), b"", SHORT) as session:
        session.ask(None)
        session.ask(calls("f", 1))
    for body in service.asked[-2:] + service.executed[-2:]:
        assert set(body) <= {"language", "code", "stdin", "files", "fetch_files", "run_timeout",
                             "compile_timeout", "memory_limit_MB", "version", "args",
                             "run_cpu_time", "run_memory_limit",
                             "templateID", "timeout", "allow_internet_access", "metadata",
                             "context_id", "env_vars"}  # fmt: skip
        assert not body.get("stdin")
        assert body.get("allow_internet_access") in (None, False)


# --- keys, settings, slots ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "sent"),
    [("Authorization", "Bearer key-91-secret"), ("X-API-Key", "key-91-secret")],
)
def test_the_key_is_sent_and_never_told(  # noqa: PLR0917 - fixtures
    service: Fake,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    header: str,
    sent: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SERVICE_KEY", " key-91-secret\n")
    with client(service, key_env="SERVICE_KEY", key_header=header) as made:
        names = {name.lower(): value for name, value in service.headers[-1].items()}
        assert names[header.lower()] == sent
        echo = status(401, {"message": f"bad key {sent}"})
        busy = status(500, {"message": f"bad key {sent}"})
        for fault in (echo, busy, busy, busy):
            service.faults.put(fault)
        details = [made.start(HELLO, b"", SHORT).wait().detail for _ in range(2)]
        assert all("bad key" in detail for detail in details)
        said = [repr(made), str(vars(made)), caplog.text, *capfd.readouterr(), *details]
    assert "key-91-secret" not in "".join(said)


@pytest.mark.parametrize("value", ["", "  ", "two\nlines", "schlüssel"])
def test_what_is_no_key(service: Fake, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SERVICE_KEY", value)
    with pytest.raises(Missing, match="SERVICE_KEY") as told:
        client(service, key_env="SERVICE_KEY").open()
    assert not value.strip() or value not in str(told.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param({"url": "sandbox:8080"}, "http:// or https://", id="no-scheme"),
        pytest.param({"url": "file:///etc/passwd"}, "http:// or https://", id="file"),
        pytest.param({"url": "http://me:pw@x"}, "without a user", id="password"),
        pytest.param({"url": "http://x", "service": "pistn"}, "did you mean 'piston'", id="name"),
        pytest.param({"url": "http://x", "tests_in": "remote"}, "must be one of jail", id="tests"),
    ],
)
def test_settings_are_refused(options: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as error:
        RemoteSandbox(**options)
    assert "pw" not in str(error.value)


def test_a_piston_with_its_own_limits_is_refused_with_advice() -> None:
    with Fake("piston", output=1024) as small, pytest.raises(Missing, match="OUTPUT_MAX_SIZE"):
        client(small).open()
    told = "cannot exceed the configured limit of 3000"
    with Fake("piston", most_ms=3000) as short, pytest.raises(Missing, match=told):
        client(short).open()


def test_what_does_not_fit_a_report_is_too_much_output() -> None:
    with Fake("piston", output=64 << 10) as small, client(small, report_kb=64) as made:
        source = "import os; os.write(1, os.urandom({}))"
        fits = made.run(Program.script(source.format(40_000)), limits=Limits())
        assert (fits.end, len(fits.stdout)) == ("exited", 40_000)
        more = made.run(Program.script(source.format(60_000)), limits=Limits())
        assert more.end == "output"
        assert 0 < len(more.stdout) < 60_000
        assert len(made.run(Program.script("print('x' * 900_000)")).stdout) == 900_001


def test_slots_bound_what_is_under_way(service: Fake) -> None:
    busy, most = itertools.count(), []
    lock, now = threading.Lock(), [0]

    def count(handler: fake.Handler) -> None:
        with lock:
            now[0] += 1
            most.append(now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        handler.say(400, {"message": str(next(busy))})

    with client(service, slots=2) as made:
        for _ in range(18):
            service.faults.put(count)  # three each: a fault is tried twice more
        assert {o.end for o in made.run_many([(HELLO, b"", SHORT)] * 6)} == {"fault"}
    assert max(most) <= 2


def test_closing_ends_the_waiting(service: Fake) -> None:
    made = client(service, retries=50, backoff_s=30.0)
    made._poster = made._make({})
    service.faults.put(status(500, Retry_After="9"))
    threading.Timer(0.3, made.close).start()
    began = time.monotonic()
    outcome = made.start(HELLO, b"", SHORT).wait()
    assert outcome.end == "fault"
    assert time.monotonic() - began < 20
    with pytest.raises(RuntimeError, match="closed"):
        made.start(HELLO, b"", SHORT)
