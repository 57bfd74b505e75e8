"""The remote backend: conversations whose next request depends on the last reply."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from conformance import SHORT
from fake_services import Fake, client, status

from assay.sandbox.contract import Limits, Missing, Program, Sandbox, Session
from assay.sandbox.remote import RemoteSandbox

TALK = Limits(time_s=2.0, wall_s=20.0)
STACK = """
class Stack:
    def __init__(self): self.items = []
    def push(self, item): self.items.append(item)
    def __len__(self): return len(self.items)
def apply(function, value): return [function(value), function(value + 1)]
"""


@pytest.fixture
def sandbox(far: RemoteSandbox) -> Sandbox:
    return far


def integer(value: int) -> list[str]:
    return ["i", hex(value)]


def call(name: str, *args: Any, **more: Any) -> dict[str, Any]:
    return {"op": "call", "name": name, "args": list(args), "kwargs": {}, **more}


def invoke(ref: int, *args: Any) -> dict[str, Any]:
    return {"op": "invoke", "ref": ref, "args": list(args), "kwargs": {}, "rich": True}


def value_of(session: Session, request: Any) -> Any:
    reply = session.ask(request)
    assert reply is not None
    return reply["value"]


def test_objects_are_there_for_the_next_request(sandbox: Sandbox) -> None:
    with sandbox.start(Program.server(STACK), b"", TALK) as session:
        assert session.ask(None) == {"loaded": True}
        kind = value_of(session, {"op": "get", "name": "Stack", "rich": True})
        stack = value_of(session, invoke(kind[2]))
        assert stack[:2] == ["o", "Stack"]
        push = value_of(session, {"op": "attr", "ref": stack[2], "name": "push"})
        for number in range(3):
            assert value_of(session, invoke(push[2], integer(number))) is None
        size = {"op": "special", "ref": stack[2], "name": "__len__", "args": []}
        assert value_of(session, size) == integer(3)
        assert session.ask({"op": "drop", "ref": push[2]}) == {"value": None}
        assert session.ask(invoke(push[2]))["error"] == "TypeError"  # type: ignore[index] # a reply
        assert session.close().end in ("exited", "signal")


def test_the_program_calls_back(sandbox: Sandbox) -> None:
    with sandbox.start(Program.server(STACK), b"", TALK) as session:
        asked = session.first(call("apply", ["k", 7], integer(5)))
        assert asked == ({"loaded": True}, {"back": 7, "args": [integer(5)], "kwargs": {}})
        assert session.ask({"value": integer(50)}) == {
            "back": 7,
            "args": [integer(6)],
            "kwargs": {},
        }
        assert value_of(session, {"value": integer(60)}) == ["l", integer(50), integer(60)]


def test_calls_may_name_their_function(sandbox: Sandbox) -> None:
    source = "def f(x): return x\ndef g(x): return -x"
    many = [[[integer(1)], {}], [[integer(1)], {}, "g"]]
    with sandbox.start(Program.server(source), b"", TALK) as session:
        loaded, got = session.first({"op": "calls", "name": "f", "many": many})
    assert loaded == {"loaded": True}
    assert got == {"values": [{"value": integer(1)}, {"value": integer(-1)}]}


def test_a_fault_in_the_middle(service: Fake, quick: RemoteSandbox) -> None:
    with quick.start(Program.server(STACK), b"", TALK) as session:
        value_of(session, {"op": "get", "name": "Stack"})
        (service.later if service.service == "e2b" else service.faults).put(status(400))
        assert session.ask(invoke(0)) is None
        assert session.close().end == "fault"


def test_requests_are_bounded(service: Fake) -> None:
    with (
        client(service, timeout_s=20.0, replays=3) as made,
        made.start(Program.server("def f(): return 1"), b"", TALK) as session,
    ):
        replies = [session.ask(call("f")) for _ in range(5)]
        ended = session.close()
    assert [reply is None for reply in replies] == [False, False, False, True, True]
    assert ended.end == "time"
    assert "asked 3 times, which is the most (replays)" in ended.detail


def test_seconds_are_bounded_over_all_requests(service: Fake) -> None:
    limits = Limits(time_s=5.0, wall_s=2.0)
    with (
        client(service, timeout_s=20.0, talk_s=1.0) as made,
        made.start(Program.server("import time\ndef f(): time.sleep(0.4)"), b"", limits) as session,
    ):
        replies = [session.ask(call("f")) for _ in range(6)]
        ended = session.close()
    assert (replies[-1], ended.end) == (None, "time")


# --- programs that do not do the same twice, where a service has to do it again -------------------

REPLAYED = ["sandbox_fusion", "piston"]
DIFFER = [
    pytest.param("import os\ndef f(): return os.urandom(8)", id="value"),
    pytest.param("import os\ndef f(): return object() if os.urandom(1)[0] % 2 else [f, f]",
                 id="object"),
    pytest.param("import time\ndef f(): raise ValueError(str(time.time_ns()))", id="error"),
]  # fmt: skip


@pytest.fixture(params=REPLAYED)
def again(request: pytest.FixtureRequest) -> Any:
    with Fake(request.param) as service, client(service, timeout_s=20.0) as made:
        yield made


@pytest.mark.parametrize("source", DIFFER)
def test_a_program_that_differs_is_ended(again: RemoteSandbox, source: str) -> None:
    with again.start(Program.server(source), b"", TALK) as session:
        session.ask(None)
        for _ in range(40):
            if session.ask(call("f")) is None:
                break
        ended = session.close()
    assert (ended.end, ended.code) == ("signal", 9), ended
    assert "does not do the same twice" in ended.detail


ALIKE = [
    pytest.param("import random\ndef f(): return random.random()", id="random"),
    pytest.param("from random import shuffle\ndef f(x=0):\n    y = list(range(99)); shuffle(y)\n"
                 "    return y", id="shuffle"),
    pytest.param("def f(): return repr(object())", id="address"),
    pytest.param("def f(): raise ValueError(object())", id="address-in-error"),
    pytest.param("def f(): return list({'a', 'b', 'c', str(1)})", id="order-of-a-set"),
    pytest.param("import time\ndef f(): time.time(); return 1", id="looks-at-the-clock"),
]  # fmt: skip


@pytest.mark.parametrize("source", ALIKE)
def test_a_program_that_differs_in_nothing_that_counts(again: RemoteSandbox, source: str) -> None:
    with again.start(Program.server(source), b"", TALK) as session:
        assert all(session.ask(call("f")) for _ in range(4))
        assert session.close().end == "exited"


# --- where the tests run --------------------------------------------------------------------------


def test_what_this_machine_lacks_for_the_tests(
    again: RemoteSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacks() -> None:
        raise Missing("user namespaces are forbidden")

    monkeypatch.setattr(again._tests, "open", lacks)
    with pytest.raises(
        Missing, match=r"tests_in: test code runs on this machine in 'jail'"
    ) as told:
        again.for_tests(SHORT)
    assert "user namespaces are forbidden; or name another of jail, docker" in str(told.value)


def test_the_tests_wait_as_long_as_the_program_may_take(service: Fake) -> None:
    with client(service, tests_in="unsafe_subprocess", talk_s=30.0) as made:
        with warnings.catch_warnings(action="ignore"):  # it says so once in a process
            place, limits = made.for_tests(SHORT)
        assert place.name == "unsafe_subprocess"
        assert limits.clock_s > 30.0
