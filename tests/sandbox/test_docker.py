"""The docker backend: conformance, what it alone promises, and what it says when it cannot."""

from __future__ import annotations

import io
import os
import re
import socket
import struct
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from conformance import SHORT, Conformance
from engine_for_tests import IMAGE, engine, leaks_of_docker_ignored
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.sandbox import docker
from assay.sandbox.contract import Limits, Missing, Program, Sandbox, SandboxFault
from assay.sandbox.docker import DockerSandbox
from assay.sandbox.docker_engine import AttachedStream, connect, remove_orphans
from assay.sandbox.docker_image import DOCKERFILE, build, pack_machine

if TYPE_CHECKING:
    from docker import DockerClient

HELLO = Program.script("print(6 * 7)")


@pytest.fixture(scope="module", autouse=True)
def an_engine() -> Iterator[None]:
    with engine():
        yield


@pytest.fixture(scope="module")
def sandbox(an_engine: None) -> Iterator[Sandbox]:
    with DockerSandbox(slots=2, image=IMAGE) as containers:
        yield containers


@pytest.fixture
def client(an_engine: None) -> Iterator[DockerClient]:
    found = connect()
    yield found
    found.close()


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield {"secret": str(secret), "port": server.getsockname()[1]}


def ours(client: DockerClient) -> set[str]:
    """This process's containers of the sandbox that the engine has, running or not."""
    from assay.sandbox.docker_engine import _labels

    return of(client, f"assay.sandbox={_labels()['assay.sandbox']}")


def anyone_s(client: DockerClient) -> set[str]:
    """As ``ours``, with those of other processes: another test's may come and go in between."""
    return of(client, "assay.sandbox")


def of(client: DockerClient, label: str) -> set[str]:
    return {str(each["Id"]) for each in client.api.containers(all=True, filters={"label": label})}


def until(true: Any, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class TestConformance(Conformance):
    pass


# --- what a run may see and keep ---------------------------------------------------------------

UNSEEN = [
    pytest.param("import os; print(sorted(os.environ.items()))", "canary-91", id="environment"),
    pytest.param("print(open('/proc/1/environ').read())", "canary-91", id="of-the-keeper"),
    pytest.param("import sys; print(sys.path, sys.prefix)", str(Path.home()), id="paths"),
    pytest.param("print(open('/proc/1/cmdline').read())", "Prepared", id="source-of-the-keeper"),
    pytest.param("import os; print(os.listdir('/'))", ".dockerenv-not", id="root"),
    pytest.param("import os; print(os.uname().nodename)", socket.gethostname(), id="name"),
]


@pytest.mark.parametrize(("source", "unseen"), UNSEEN)
def test_nothing_of_the_host_is_seen(
    sandbox: Sandbox, source: str, unseen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_CANARY", "canary-91")
    outcome = sandbox.run(Program.script(source), limits=SHORT)
    assert unseen not in outcome.stdout.decode()
    assert outcome.stdout or b"Permission denied" in outcome.stderr


PLACES = ["/dev/mqueue/x", "/dev/shm/x", "/tmp/../tmp/../x", "/var/tmp/x", "/run/x", "/dev/x"]


@pytest.mark.parametrize("place", PLACES)
def test_no_place_outlives_a_run(sandbox: Sandbox, place: str) -> None:
    assert not sandbox.run(Program.script(f"open({place!r}, 'w')"), limits=SHORT).ok


def test_a_deep_tree_without_permissions_is_removed(sandbox: Sandbox) -> None:
    deep = (
        "import os\nfor i in range(1500):\n"
        "    os.mkdir('d'); os.chdir('d')\n    open('f', 'w').close()\n"
        "    os.chmod('.', 0o300)\nprint(os.getuid())"
    )
    runs = [sandbox.run(Program.script(deep), limits=SHORT) for _ in range(2)]
    assert all(run.ok for run in runs)  # the second one needed the inodes of the first
    seen = sandbox.run(Program.script("import os; print(*os.listdir('/tmp'))"), limits=SHORT)
    assert seen.stdout
    assert not {run.stdout.strip() for run in runs} & set(seen.stdout.split())


def test_two_containers_do_not_share_users(sandbox: Sandbox) -> None:
    """The kernel counts processes by user: a bomb in one would starve the other."""
    which = Program.script("import os, time; time.sleep(0.3); print(os.getuid())")
    users = [o.stdout for o in sandbox.run_many([(which, b"", SHORT)] * 4)]
    assert len(set(users)) == 4


HARDENED = {
    "NetworkMode": "none",
    "ReadonlyRootfs": True,
    "CapDrop": ["ALL"],
    "CapAdd": ["SETUID", "SETGID", "KILL"],
    "SecurityOpt": ["no-new-privileges"],
    "IpcMode": "none",
    "AutoRemove": True,
    "Privileged": False,
    "Binds": None,
}


def test_the_engine_was_asked_for_every_bound(sandbox: Sandbox, client: DockerClient) -> None:
    assert sandbox.run(HELLO, limits=SHORT).ok
    configs = [client.api.inspect_container(each)["HostConfig"] for each in ours(client)]
    assert configs
    for config in configs:
        assert {name: config[name] for name in HARDENED} == HARDENED
        assert config["PidsLimit"] > 0
        assert config["NanoCpus"] > 0
        assert 0 < config["Memory"] == config["MemorySwap"]
        assert "nr_inodes" in config["Tmpfs"]["/tmp"]


def test_limits_follow_the_run(sandbox: Sandbox) -> None:
    """Memory and disk are the container's: it is changed or replaced when they differ."""
    hold = Program.script("x = bytearray(150 << 20); print(len(x) >> 20)")
    fill = Program.script("open('f', 'wb').write(bytes(12 << 20)); print('full')")
    assert sandbox.run(hold, limits=Limits(memory_mb=100)).end == "memory"
    assert sandbox.run(hold, limits=Limits(memory_mb=300)).stdout == b"150\n"
    assert sandbox.run(fill, limits=Limits(disk_mb=8)).stdout == b""
    assert sandbox.run(fill, limits=Limits(disk_mb=32)).stdout == b"full\n"


def test_a_container_stays_when_limits_of_time_change(client: DockerClient) -> None:
    """The process that was made ready for the last ones goes, and its folder with it."""
    had = ours(client)
    with DockerSandbox(image=IMAGE) as one:
        container = ours(client) - had
        for time_s in (2, 9, 9, 2, 2, 2):
            assert one.run(HELLO, limits=Limits(time_s=time_s)).ok
            assert ours(client) - had == container
        names = one.run(Program.script("import os; print(*os.listdir('/tmp'))")).stdout.split()
        assert len(names) <= 2  # its own, and the next one's
        assert ours(client) - had == container


# --- our Dockerfile ----------------------------------------------------------------------------


def test_the_dockerfile_is_built(client: DockerClient, tmp_path: Path) -> None:
    """All of it but Debian's packages, which take a network: on an image of this machine."""
    text, bases = re.subn(
        r"(?m)^FROM .*$", f"FROM {IMAGE}\nRUN chmod u+s /bin/true", DOCKERFILE.read_text()
    )
    text, installs = re.subn(r"(?m)^RUN apt-get (.*\\\n)*.*$", "", text)
    assert (bases, installs) == (1, 1)
    (tmp_path / "ours.Dockerfile").write_text(text)
    built = build(client, "assay-sandbox:built", tmp_path / "ours.Dockerfile")
    find = Program.command(["find", "/", "-xdev", "-perm", "/6000", "-type", "f"])
    try:
        with DockerSandbox(image=built) as one:
            assert one.run(HELLO).stdout == b"42\n"
            assert one.run(find).stdout == b""
    finally:
        client.images.remove(built)


# --- coming and going --------------------------------------------------------------------------


def test_a_removed_container_is_replaced(client: DockerClient) -> None:
    had = ours(client)
    with DockerSandbox(image=IMAGE) as one:
        (removed,) = ours(client) - had
        session = one.start(Program.script("import time; time.sleep(30)"), b"", Limits())
        client.api.remove_container(removed, force=True)
        outcome = session.wait()
        assert (outcome.end, outcome.detail != "") == ("fault", True)
        assert one.run(HELLO).stdout == b"42\n"


def test_recycled_after_its_runs(client: DockerClient) -> None:
    had = ours(client)
    with DockerSandbox(image=IMAGE, recycle_after=2) as one:
        seen = []
        for _ in range(4):
            assert one.run(HELLO).ok
            seen.append(ours(client) - had)
        assert len(set().union(*seen)) == 2
    assert until(lambda: ours(client) == had, 5)


def test_closing_leaves_nothing(client: DockerClient) -> None:
    had = ours(client)
    containers = DockerSandbox(image=IMAGE, slots=2)
    sleep = Program.script("import os, time\nif os.fork() == 0: os.setsid()\ntime.sleep(60)")
    sessions = [containers.start(sleep, b"", Limits(time_s=60)) for _ in range(2)]
    assert len(ours(client) - had) == 2
    containers.close()
    assert until(lambda: ours(client) == had, 5)
    assert [session.wait().end for session in sessions] == ["fault", "fault"]
    containers.close()
    with pytest.raises(RuntimeError, match="closed"):
        containers.run(HELLO)


OWNER = f"""
import time
from assay.sandbox.contract import Limits, Program
from assay.sandbox.docker import DockerSandbox
owner = DockerSandbox(image={IMAGE!r})
owner.open()
sleep = "import os, time\\nif os.fork() == 0: os.setsid()\\ntime.sleep(99)"
owner.start(Program.script(sleep), b"", Limits(time_s=99))
time.sleep(0.3)
print(*[warm._container.id for warm in owner._all], flush=True)
time.sleep(99)
"""


def test_everything_dies_with_its_owner(client: DockerClient) -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    theirs = set(owner.stdout.readline().split())
    assert theirs
    assert theirs <= anyone_s(client)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert until(lambda: not theirs & anyone_s(client), 2)


GONE, HERE = "4194999.12345", f"{os.getpid()}."
"""Owners: one whose number no process has had, and, with its start, ourselves."""


@pytest.mark.parametrize(
    ("change", "removed"),
    [
        pytest.param({}, False, id="its-owner-lives"),
        pytest.param({"assay.sandbox": GONE}, True, id="its-owner-is-gone"),
        pytest.param({"assay.sandbox": f"{os.getpid()}.1"}, True, id="its-number-is-used-again"),
        pytest.param(
            {"assay.sandbox": GONE, "assay.sandbox.host": "other"}, False, id="of-another-machine"
        ),
        pytest.param({"assay.sandbox": "rubbish"}, False, id="a-label-of-somebody-else"),
    ],
)
def test_orphans(client: DockerClient, change: dict[str, str], removed: bool) -> None:
    from assay.sandbox.docker_engine import _labels

    left = client.api.create_container(IMAGE, ["true"], labels={**_labels(), **change})["Id"]
    try:
        remove_orphans(client)
        assert (left not in anyone_s(client)) is removed
    finally:
        if not removed:
            client.api.remove_container(left)


def test_a_start_that_fails_once_is_tried_again(
    client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = iter(["the engine was busy"])

    class Hesitant(docker._Warm):
        def __init__(self, *given: Any) -> None:
            for why in failing:
                raise SandboxFault(why)
            super().__init__(*given)

    monkeypatch.setattr(docker, "_Warm", Hesitant)
    with DockerSandbox(image=IMAGE) as one:
        assert one.run(HELLO).stdout == b"42\n"


# --- what is missing ---------------------------------------------------------------------------


def test_no_image() -> None:
    with pytest.raises(Missing, match=r"no image 'no-such:1'.*docker_image.*--from-machine"):
        DockerSandbox(image="no-such:1").open()


def test_no_runtime() -> None:
    with pytest.raises(Missing, match=r"runtime: the engine knows .*runc.*not 'quantum'"):
        DockerSandbox(image=IMAGE, runtime="quantum").open()


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    told = ""
    with leaks_of_docker_ignored():
        try:
            DockerSandbox(image=IMAGE).open()
        except Missing as missing:
            told = str(missing)
    assert f"no engine answers at unix://{tmp_path}/nobody" in told
    assert "apt-get install docker.io" in told


def test_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    with pytest.raises(Missing, match=r"pip install 'assay-rlvr\[docker\]'"):
        DockerSandbox(image=IMAGE).open()


def test_an_image_without_python(client: DockerClient) -> None:
    empty = io.BytesIO()
    with tarfile.open(fileobj=empty, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("nothing"))
    client.api.import_image_from_data(empty.getvalue(), repository="assay-sandbox", tag="empty")
    try:
        with pytest.raises(Missing, match="python3"):
            DockerSandbox(image="assay-sandbox:empty").open()
    finally:
        client.images.remove("assay-sandbox:empty")


def test_a_build_that_fails_says_why(client: DockerClient, tmp_path: Path) -> None:
    failing = tmp_path / "failing.Dockerfile"
    failing.write_text(f"FROM {IMAGE}\nRUN echo no packages today && exit 3\n")
    with pytest.raises(Missing, match=r"failing\.Dockerfile.*packages today.*--network host.*--fr"):
        build(client, "assay-sandbox:failed", failing)


# --- parts -------------------------------------------------------------------------------------

FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=20)), max_size=6)


@settings(max_examples=40, deadline=None)  # each piece without a whole frame waits a millisecond
@given(frames=FRAMES, cuts=st.lists(st.integers(1, 40), min_size=1))
def test_the_stream_joins_what_the_engine_cuts(
    frames: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    sent = b"".join(struct.pack(">BxxxL", which, len(data)) + data for which, data in frames)
    near, far = socket.socketpair()
    stream, got = AttachedStream(near), b""
    place = turn = 0
    while place < len(sent):
        cut = cuts[turn % len(cuts)]
        far.sendall(sent[place : place + cut])
        got += stream.receive(0.0) or b""
        place, turn = place + cut, turn + 1
    assert stream.receive(0.0) is None
    far.close()
    assert stream.receive(1.0) == b""
    stream.close()
    assert got == b"".join(data for which, data in frames if which == 1)
    assert stream.stderr == b"".join(data for which, data in frames if which == 2)


def test_the_image_of_this_machine_is_plain() -> None:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        pack_machine(archive, ["sh", "no-such-program"], [])
    packed.seek(0)
    with tarfile.open(fileobj=packed) as archive:
        members = archive.getmembers()
    entries = {entry.name: entry for entry in members}
    assert len(entries) == len(members)
    assert "usr/bin/sh" in entries
    assert "usr/bin/no-such-program" not in entries
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert f"usr/local/lib/python{version}/os.py" in entries
    assert not [name for name in entries if "site-packages" in name or "home" in name]
    assert all(entry.uid == entry.gid == 0 for entry in entries.values())
    assert not [name for name, entry in entries.items() if entry.mode & 0o6000]
