"""The remote backend at services on loopback: outcomes, faults, keys, what is never believed."""

from __future__ import annotations

import base64
import json
import os
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

import fake_services as fake
from conformance import SHORT, Conformance
from fake_services import Fake, Fault, client, status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.sandbox.contract import Limits, Missing, Program, Sandbox
from assay.sandbox.remote import RemoteSandbox
from assay.sandbox.remote_services.http import Poster, ServiceFault
from assay.sandbox.remote_services.protocols import Piston, SandboxFusion
from assay.sandbox.remote_services.replay import whole_replies

HELLO = Program.script("print(6 * 7)")


@pytest.fixture
def sandbox(far: RemoteSandbox) -> Sandbox:
    return far


class TestConformance(Conformance):
    """All but isolation, which is the service's, and the fork bomb, which would hit this machine.

    Disk: a run is ended when it has too many files, where others see a full disk.
    """

    test_disk_is_bounded = None
    test_refused = None
    test_fork_bomb = None
    test_nothing_is_left_between_runs = None


def test_all_bytes_come_back(sandbox: Sandbox) -> None:
    source = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    data = os.urandom(300_000)
    assert sandbox.run(Program.script(source), data).stdout == data


# --- faults ---------------------------------------------------------------------------------------

PASSING = [
    pytest.param(status(500), id="500"),
    pytest.param(status(503, b"<html>busy</html>"), id="503-html"),
    pytest.param(status(429), id="429"),
    pytest.param(status(429, Retry_After="0"), id="429-after"),
    pytest.param(status(502, b""), id="502-empty"),
    pytest.param(status(408), id="408"),
    pytest.param(fake.cut, id="cut"),
    pytest.param(fake.hang_up, id="hung-up"),
    pytest.param(status(200, b"{nonsense"), id="nonsense"),
    pytest.param(status(200, b""), id="empty"),
    pytest.param(status(200, b"[" * 100_000), id="deep"),
    pytest.param(status(200, b"\xff\xfe"), id="no-text"),
]
NOTHING_RAN: list[Any] = [
    None, 3, "ok", [], {}, {"run": None}, {"run": 3}, {"run": {}}, {"run": {"stdout": 3}},
    {"status": "Success"}, {"status": "Success", "run_result": None},
    {"status": "Success", "run_result": {"status": "Finished"}},
    {"status": "Success", "run_result": {"status": "Finished", "stdout": "42\n"}},
    {"status": "SandboxError", "message": "no pods"},
    {"status": "Failed", "run_result": {"status": "Error", "stderr": "no bash"}},
    {"status": "Failed", "run_result": {"status": "TimeLimitExceeded", "stdout": ""}},
    {"status": "Failed", "run_result": {"status": "Finished", "return_code": 127, "stdout": "",
                                        "stderr": "python: not found"}},
    {"run": {"stdout": "", "stderr": "", "code": 1, "signal": None, "status": "RE"}},
    {"run": {"stdout": "42\n", "stderr": "", "code": 0, "signal": None}},
    {"run": {"stdout": "", "stderr": "", "code": None, "signal": "SIGKILL", "status": "TO"}},
    {"run": {"stdout": "", "stderr": "", "code": None, "signal": None, "status": "XX"}},
]  # fmt: skip
LASTING = [
    *(pytest.param(status(code), id=str(code)) for code in (400, 401, 403, 404, 413, 422)),
    pytest.param(status(302, Location="http://127.0.0.1:1/"), id="302"),
    pytest.param(status(307, Location="http://127.0.0.1:1/"), id="307"),
    *(
        pytest.param(status(200, json.dumps(answer).encode()), id=f"said-{n}")
        for n, answer in enumerate(NOTHING_RAN)
    ),
]


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_tried_again(service: Fake, quick: RemoteSandbox, fault: Fault) -> None:
    before = len(service.asked)
    for _ in range(2):
        service.faults.put(fault)
    outcome = quick.start(HELLO, b"", SHORT).wait()
    assert (outcome.end, outcome.stdout) == ("exited", b"42\n"), outcome
    assert len(service.asked) == before + 3


@pytest.mark.parametrize("fault", PASSING)
def test_what_stays_is_a_fault(service: Fake, quick: RemoteSandbox, fault: Fault) -> None:
    for _ in range(3):
        service.faults.put(fault)
    outcome = quick.start(HELLO, b"", SHORT).wait()
    assert outcome.end == "fault", outcome
    assert "after 3 attempts" in outcome.detail
    assert service.faults.empty()
    assert quick.run(HELLO, limits=SHORT).stdout == b"42\n"


@pytest.mark.parametrize("fault", LASTING)
def test_what_cannot_pass_is_a_fault_at_once(
    service: Fake, quick: RemoteSandbox, fault: Fault
) -> None:
    before = len(service.asked)
    service.faults.put(fault)
    outcome = quick.start(HELLO, b"", SHORT).wait()
    assert outcome.end == "fault", outcome
    assert outcome.detail
    assert len(service.asked) == before + 1


@pytest.mark.parametrize("fault", [fake.slow, fake.drip], ids=["silent", "drips"])
def test_a_slow_service_is_a_fault_in_time(service: Fake, fault: Fault) -> None:
    impatient = client(service, retries=0, margin_s=0.3, timeout_s=0.3)
    impatient._poster = Poster(service.url, {}, 0, 0.01)  # as if opened
    service.faults.put(fault)
    began = time.monotonic()
    outcome = impatient.start(HELLO, b"", Limits(time_s=0.2, wall_s=0.2)).wait()
    assert outcome.end == "fault", outcome
    assert "timed out" in outcome.detail
    assert time.monotonic() - began < 5  # the dripping reply would take longer


def test_a_fault_in_the_middle_of_a_server(service: Fake, quick: RemoteSandbox) -> None:
    with quick.start(Program.server("def f(): return 1"), b"", SHORT) as session:
        assert session.ask(None) == {"loaded": True}
        service.faults.put(status(400))
        call = {"op": "call", "name": "f", "args": [], "kwargs": {}}
        assert session.ask(call) is None
        assert session.close().end == "fault"


def test_nobody_there() -> None:
    nobody = RemoteSandbox(url="http://127.0.0.1:9", retries=1, backoff_s=0.01)
    with pytest.raises(Missing, match=r"cannot run a program.*refused"):
        nobody.open()


KEYS = ("status", "run", "run_result", "stdout", "files", "code", "return_code", "signal")
ANSWERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
)


@given(ANSWERS)
@settings(max_examples=300, deadline=None)
def test_no_answer_is_an_outcome_by_chance(answer: Any) -> None:
    for protocol in (SandboxFusion(), Piston()):
        try:
            ran = protocol.ran(answer, "report")
        except ServiceFault:
            continue
        assert "began-" not in ran.stdout


# --- what a program may try -----------------------------------------------------------------------

HOSTILE = [
    pytest.param("import os; os.kill(os.getppid(), 9)", id="kills-the-supervisor"),
    pytest.param("import os, signal; os.kill(os.getppid(), signal.SIGTERM)", id="asks-it-to-go"),
    pytest.param("import os\nwith open(f'/proc/{os.getppid()}/fd/1', 'ab') as f:\n"
                 "    f.write(b'\\xff' * 100)\nos.kill(os.getppid(), 9)", id="garbles-its-output"),
    pytest.param("import os, time; os.kill(os.getppid(), 19); time.sleep(60)", id="stops-it"),
    pytest.param("import os, shutil\nhere = os.path.realpath(f'/proc/{os.getppid()}/cwd')\n"
                 "shutil.rmtree(here)\nos.kill(os.getppid(), 9)", id="removes-its-files"),
]  # fmt: skip


def folders() -> set[str]:
    return {path.name for path in Path(tempfile.gettempdir()).glob("assay-*")}


@pytest.mark.parametrize("source", HOSTILE)
def test_no_program_makes_itself_a_fault(service: Fake, quick: RemoteSandbox, source: str) -> None:
    before, limits = folders(), Limits(time_s=0.5, wall_s=0.5)
    outcome = quick.start(Program.script(source), b"", limits).wait()
    assert outcome.end in ("signal", "time"), outcome
    assert not outcome.ok
    assert folders() == before, "what a supervisor leaves is the service's to remove, and it does"


def packed(**changed: Any) -> str:
    told = {"end": "exited", "code": 0, "cpu_s": 0.1, "wall_s": 0.1, "memory_mb": 1.0, "files": {},
            "stdout": "NDI=", "stderr": "", "replies": ""}  # fmt: skip
    return pack({**told, **changed})


def pack(told: Any) -> str:
    return base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()


FORGED = [
    pytest.param("", id="none"),
    pytest.param("%%%", id="no-base64"),
    pytest.param(base64.b64encode(b"no zlib").decode(), id="no-zlib"),
    pytest.param(base64.b64encode(zlib.compress(b"{")).decode(), id="no-json"),
    pytest.param(pack([]), id="a-list"),
    pytest.param(pack("x"), id="a-text"),
    pytest.param(packed(end="fault"), id="fault"),
    pytest.param(packed(end=["exited"]), id="end-a-list"),
    pytest.param(packed(code="0"), id="code-a-text"),
    pytest.param(packed(cpu_s=float("nan")), id="nan"),
    pytest.param(packed(wall_s=-1), id="negative"),
    pytest.param(packed(memory_mb=1e300), id="huge"),
    pytest.param(packed(stdout=3), id="stdout-a-number"),
    pytest.param(packed(stderr="%"), id="stderr-no-base64"),
    pytest.param(packed(files=3), id="files-a-number"),
    pytest.param(base64.b64encode(zlib.compress(b"[" * 10**6)).decode(), id="deep"),
]


def answer_with(service: Fake, report: str) -> Fault:
    """The service ran our supervisor, and this is what came of it."""

    def job_in(code: str) -> dict[str, Any]:
        line = code.replace("\\'", "'").split("b85decode('")[1].split("')")[0]
        job: dict[str, Any] = json.loads(json.loads(zlib.decompress(base64.b85decode(line)))["job"])
        return job

    def from_a_machine(handler: fake.Handler) -> None:
        mark = job_in(service.executed[-1]["code"])["mark"]
        told = {"stdout": f"{mark}\n{report}\n", "stderr": "", "code": 0, "signal": None}
        said = [{"type": "stdout", "text": json.dumps(told)}, {"type": "end_of_execution"}]
        handler.say(200, "".join(json.dumps(line) + "\n" for line in said).encode())

    def say(handler: fake.Handler) -> None:
        if service.service == "e2b":
            service.later.put(from_a_machine)
            handler.e2b_starts(service.asked[-1])
            return
        job = job_in(service.asked[-1].get("code") or service.asked[-1]["files"][0]["content"])
        if service.service == "piston":
            out = f"{job['mark']}\n{report}\n"
            handler.say(200, {"run": {"stdout": out, "stderr": "", "code": 0, "signal": None}})
            return
        result = {"status": "Finished", "return_code": 0, "stdout": job["mark"] + "\n"}
        files = {job["report"]: base64.b64encode(report.encode()).decode()}
        handler.say(200, {"status": "Success", "message": "", "run_result": result, "files": files})

    return say


@pytest.mark.parametrize("report", FORGED)
def test_a_forged_report_is_no_success_and_no_fault(
    service: Fake, quick: RemoteSandbox, report: str
) -> None:
    service.faults.put(answer_with(service, report))
    outcome = quick.start(Program.command(["true"], keep=["a"]), b"", SHORT).wait()
    assert (outcome.end, outcome.code) == ("signal", 9), outcome


def test_an_endless_answer_is_too_much_output(service: Fake, quick: RemoteSandbox) -> None:
    service.faults.put(status(200, b'"' + b"x" * (17 << 20) + b'"'))
    assert quick.start(HELLO, b"", SHORT).wait().end == "output"


def test_a_report_is_believed_within_the_limits(service: Fake, quick: RemoteSandbox) -> None:
    big = base64.b64encode(b"x" * 10**6).decode()
    report = packed(stdout=big, stderr=big, files={"a": "QQ==", "b": "QQ=="})
    service.faults.put(answer_with(service, report))
    outcome = quick.start(Program.command(["true"], keep=["a"]), b"", SHORT).wait()
    assert (len(outcome.stdout), len(outcome.stderr)) == (64 << 10, 64 << 10)
    assert outcome.files == {"a": b"A"}


@given(st.binary(max_size=60))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_replies_of_any_bytes_are_no_crash(data: bytes) -> None:
    replies, sane = whole_replies(data, 50)
    assert isinstance(replies, list)
    assert sane in (True, False)


# --- E2B: a machine for each run ------------------------------------------------------------------

MACHINES: list[Any] = [
    pytest.param(b"", id="nothing"),
    pytest.param(b'{"type": "end_of_execution"}\n', id="no-words"),
    pytest.param(b'{"type": "stdout", "text": "{}"}\n', id="broken-off"),
    pytest.param(
        b'{"type": "error", "name": "MemoryError"}\n{"type": "end_of_execution"}\n', id="error"
    ),
    pytest.param(b'{"type": "stdout", "text": "[1]"}\n{"type": "end_of_execution"}\n', id="a-list"),
    pytest.param(b"{nonsense\n", id="nonsense"),
    pytest.param(b"3\n" * 9, id="numbers"),
]


@pytest.fixture
def machines() -> Any:
    with Fake("e2b") as made:
        yield made


@pytest.mark.parametrize("answer", MACHINES)
def test_a_machine_that_does_not_say_is_a_fault(machines: Fake, answer: bytes) -> None:
    with client(machines) as made:
        machines.later.put(status(200, answer))
        assert made.start(HELLO, b"", SHORT).wait().end == "fault"
        assert made.run(HELLO, limits=SHORT).stdout == b"42\n"
    assert machines.machines == {}  # each was ended


@pytest.mark.parametrize(
    "machine",
    [
        {"sandboxID": "../../keys"},
        {"sandboxID": "a", "domain": "evil.example/x?"},
        {"sandboxID": "a", "envdAccessToken": "two\nlines"},
        {"sandboxID": 3},
    ],
)
def test_an_odd_machine_is_a_fault(machines: Fake, machine: dict[str, Any]) -> None:
    with client(machines) as made:
        made.open()
        machines.machines["a"] = ""
        machines.faults.put(status(201, machine))
        outcome = made.start(HELLO, b"", SHORT).wait()
    assert outcome.end == "fault", outcome


def test_a_machine_gets_no_key_and_no_network(
    machines: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("E2B_API_KEY", "key-17")
    with client(machines, key_env="E2B_API_KEY") as made:
        assert made.run(HELLO, limits=SHORT).stdout == b"42\n"
    sent = {name.lower(): value for name, value in machines.headers[-1].items()}
    assert sent["x-api-key"] == "key-17"
    assert machines.asked[-1]["allow_internet_access"] is False
    assert "key-17" not in json.dumps(machines.executed)
