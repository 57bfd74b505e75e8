"""The jail: conformance, and what it alone promises."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

sys.path.append(str(Path(__file__).resolve().parent))
sys.path.append(str(Path(__file__).resolve().parent.parent / "verifiers"))

from conformance import SHORT, Conformance
from programs.host import groups, mounts

import assay.sandbox
from assay import Sample, Scorer
from assay.sandbox import cgroup
from assay.sandbox import jail as jail_module
from assay.sandbox.contract import Limits, Missing, Program, Sandbox
from assay.sandbox.jail import Jail


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    jail = Jail(slots=2)
    try:
        jail.open()
    except Missing as missing:
        if os.environ.get("ASSAY_REQUIRE_ALL"):
            raise
        pytest.skip(str(missing))
    with jail:
        yield jail


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {"secret": str(secret), "port": server.getsockname()[1]}


class TestConformance(Conformance):
    pass


LOOKS = [
    ("import os; print(sorted(os.environ))", "ASSAY_CANARY"),
    ("import sys; print(sys.path, sys.prefix, sys.executable, sys.argv)", str(Path.home())),
    ("import gc; print([o for o in gc.get_objects() if type(o) is str and len(o) < 300])", ""),
    ("import sys; print(sys.modules.keys())", ""),
    ("import os; print(os.listdir('/'), os.listdir('/proc'), os.listdir('/dev'))", ""),
    ("import os; print(os.uname().nodename, os.getcwd())", socket.gethostname()),
]


@pytest.mark.parametrize(("source", "unseen"), LOOKS)
def test_nothing_of_the_host_is_seen(sandbox: Sandbox, source: str, unseen: str) -> None:
    os.environ["ASSAY_CANARY"] = "canary-91"
    try:
        seen = sandbox.run(Program.script(source), limits=SHORT).stdout.decode()
    finally:
        del os.environ["ASSAY_CANARY"]
    assert "canary-91" not in seen
    assert str(Path.cwd()) not in seen
    assert not unseen or unseen not in seen


ESCAPES = [
    "import ctypes; print(ctypes.CDLL(None).unshare(0x10000000))",
    "import ctypes; print(ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None))",
    "import ctypes; print(ctypes.CDLL(None).ptrace(16, 1, 0, 0))",
    "import ctypes; print(ctypes.CDLL(None).syscall(56, 0x10000000 | 17, 0, 0, 0, 0))",
    "import ctypes; print(ctypes.CDLL(None).shmget(5, 4096, 0o1666))",
    "import ctypes; print(ctypes.CDLL(None).syscall(425, 8, 0))",
    "import ctypes; print(ctypes.CDLL(None).syscall(321, 0, 0, 0))",
    "import ctypes; print(ctypes.CDLL(None).syscall(41, 1, 1, 0))",
    "import ctypes; print(ctypes.CDLL(None).umount2(b'/tmp', 2))",
]


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86-64")
@pytest.mark.parametrize("source", ESCAPES)
def test_calls_that_could_lead_out_are_refused(sandbox: Sandbox, source: str) -> None:
    assert sandbox.run(Program.script(source), limits=SHORT).stdout == b"-1\n"


def test_threads_and_children_work_under_the_filter(sandbox: Sandbox) -> None:
    source = (
        "import asyncio, concurrent.futures as f, subprocess\n"
        "with f.ThreadPoolExecutor(4) as pool: print(sum(pool.map(abs, range(-9, 0))))\n"
        "print(asyncio.run(asyncio.sleep(0, 7)))\n"
        "print(subprocess.run(['/bin/echo', 'sub'], capture_output=True).stdout)"
    )
    assert sandbox.run(Program.script(source)).stdout == b"45\n7\nb'sub\\n'\n"


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_closing_leaves_nothing() -> None:
    before, had, mounted = children(), set(groups(os.getpid())), set(mounts())
    jail = Jail(slots=2)
    sleep = "import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(60)"
    sessions = [jail.start(Program.script(sleep), b"", Limits(time_s=60)) for _ in range(2)]
    time.sleep(0.2)
    assert len(children()) > len(before)
    jail.close()
    del sessions
    for _ in range(40):
        if children() == before:
            break
        time.sleep(0.05)
    assert children() == before
    assert set(groups(os.getpid())) == had
    assert set(mounts()) == mounted


def test_a_run_that_cannot_begin_is_a_fault_and_says_why() -> None:
    with Jail() as jail:
        program = Program.script("print(1)", files={"large": bytes(3 << 20)})
        outcome = jail.start(program, b"", Limits(disk_mb=1)).wait()
        assert outcome.end == "fault"
        assert "No space left" in outcome.detail or "File too large" in outcome.detail
        assert jail.run(Program.script("print(2)")).stdout == b"2\n"


def test_a_server_cannot_make_itself_a_fault() -> None:
    source = "import os\nos.write(2, b'\\nassay: no')\nos._exit(125)"
    with Jail() as jail, jail.start(Program.server(source), b"", Limits()) as session:
        assert session.ask(None) is None
        assert session.close().end == "exited"


def _is_keeper(process: psutil.Process) -> bool:
    return "enter.py" in " ".join(process.cmdline())


def test_a_killed_keeper_is_replaced() -> None:
    with Jail() as jail:
        assert jail.run(Program.script("print(1)")).stdout == b"1\n"
        for keeper in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess):  # another test's, that is just ending
                inside = keeper.children(recursive=True) if _is_keeper(keeper) else []
                for inner in inside:
                    with contextlib.suppress(psutil.NoSuchProcess):  # went with another
                        inner.kill()
        assert jail.run(Program.script("print(2)")).stdout == b"2\n"


def test_a_run_that_is_killed_from_outside_is_run_again() -> None:
    with Jail() as jail:
        jail.open()
        living = [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]
        keeper = max(living, key=lambda child: child.create_time())

        def kill_what_sleeps() -> None:
            time.sleep(0.4)
            for process in keeper.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    if process.num_fds() == 3:  # the run's: standard streams and nothing else
                        process.kill()

        killer = threading.Thread(target=kill_what_sleeps)
        killer.start()
        outcome = jail.run(Program.script("import time; time.sleep(0.8); print('whole')"))
        killer.join()
        assert (outcome.end, outcome.stdout) == ("exited", b"whole\n")
        assert outcome.wall_s < 1.2


OWNER = """
import sys, time
import assay.sandbox
from assay.sandbox.contract import Limits, Program
from assay.sandbox.jail import Jail
jail = Jail()
jail.open()
jail.start(Program.script("import os, time\\nif os.fork() == 0: os.setsid()\\ntime.sleep(99)"),
           b"", Limits(time_s=99))
time.sleep(0.3)
print("ready", flush=True)
time.sleep(99)
"""


def test_everything_dies_with_its_owner() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"ready\n"
    below = psutil.Process(owner.pid).children(recursive=True)
    assert len(below) >= 4
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    owner.stdout.close()
    gone, alive = psutil.wait_procs(below, timeout=2)
    assert not alive
    assert len(gone) == len(below)


SUM = {"stdin": "1 2\n", "stdout": "3\n"}
ADDER = Sample(
    prompt="",
    completion="```python\nprint(sum(map(int, input().split())))\n```",
    ground_truth={"language": "python", "tests": {"kind": "stdio", "cases": [SUM]}},
)


def test_a_closed_scorer_leaves_no_group() -> None:
    """Its workers own jails: they must get to close them."""
    with Scorer({"sources": [{"use": "code.tests", "workers": 1}]}) as scorer:
        assert [reward.passed for reward in scorer.score([ADDER])] == [True]
        owners = children()
    assert [group for owner in owners for group in groups(owner)] == []


@pytest.mark.parametrize(
    ("owner", "age_s", "removed"),
    [
        pytest.param("4194999", 60, True, id="its-owner-is-gone"),
        pytest.param("4194999", 0, False, id="too-new-to-say"),
        pytest.param(str(os.getpid()), 60, False, id="its-owner-lives"),
    ],
)
def test_groups_of_killed_owners_go_at_the_next_start(
    owner: str, age_s: float, removed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = tmp_path / "memory" / f"assay-{owner}-0"
    left.mkdir(parents=True)
    monkeypatch.setattr(cgroup, "_parent", lambda controller: tmp_path / controller)
    os.utime(left, (time.time() - age_s,) * 2)
    assert cgroup.remove_orphans() == removed
    assert left.exists() is not removed


def test_a_keeper_that_is_killed_as_it_starts_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Doomed(jail_module._Keeper):
        lives = iter([False, False, True])

        def _await_ready(self) -> None:
            if not next(self.lives):
                self._process.kill()
            super()._await_ready()

    monkeypatch.setattr(jail_module, "_Keeper", Doomed)
    with Jail() as jail:
        assert jail.run(Program.script("print(6 * 7)")).stdout == b"42\n"
    Doomed.lives = iter([False] * 3)
    with pytest.raises(Missing, match="gone at once, 3 times"):
        Jail().open()


REFUSED = """
import sys
import tempfile
sys.path.insert(0, sys.argv[1])
import kernel
kernel.harden()  # from here on, this process may not make namespaces
from assay.sandbox.contract import Missing
from assay.sandbox.jail import Jail
try:
    Jail().open()
except Missing as missing:
    print(missing)
"""


def test_refuses_with_a_reason() -> None:
    inside = Path(assay.sandbox.__path__[0]) / "inside"
    told = subprocess.run(
        [sys.executable, "-c", REFUSED, str(inside)],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "the jail cannot enter new namespaces" in told.stdout
    assert "Or choose the backend docker or remote" in told.stdout


ORDINARY = """
import sys
import tempfile
sys.path.insert(0, sys.argv[1])
import os
from assay.sandbox.contract import Limits, Program
from assay.sandbox.jail import Jail
limits = Limits(time_s=1, memory_mb=128, pids=16)
with Jail() as jail:
    print(os.getuid())
    print(jail.run(Program.script("print(6 * 7)"), limits=limits).stdout)
    print(jail.run(Program.script("x = bytearray(10**9)"), limits=limits).end)
    print(jail.run(Program.script("while True: pass"), limits=limits).end)
    print(jail.run(Program.script("import os; print(os.listdir('/tmp'))"), limits=limits).stdout)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the suite is run by an ordinary user already")
def test_an_ordinary_user_needs_no_privilege() -> None:
    """By a Python that others may run, without what only root can read."""
    python = Path("/usr/bin/python3")
    if not python.exists():
        pytest.skip("no Python outside the home of root")
    # pytest's own folders are closed to others
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        copy = Path(folder) / "assay"
        copy.mkdir()
        (copy / "__init__.py").write_text("")
        for room in ("core", "sandbox"):
            shutil.copytree(Path(assay.sandbox.__path__[0]).parent / room, copy / room)
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        told = subprocess.run(
            [str(python), "-c", ORDINARY, folder],
            capture_output=True, text=True, timeout=60, check=True, cwd="/",
            user=65534, group=65534, extra_groups=[],
        )  # fmt: skip
    assert told.stdout.split("\n") == ["65534", "b'42\\n'", "memory", "time", "b'[]\\n'", ""]
