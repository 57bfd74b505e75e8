"""``assay doctor`` on sandboxes: what it tries, what it says is missing, and what each promises."""

from __future__ import annotations

import gc
import json

import pytest
from typer.testing import CliRunner

from assay.cli import doctor as command
from assay.cli.main import app
from assay.sandbox.contract import Limits, Missing, Outcome, Program, Sandbox
from assay.sandbox.docker import DockerSandbox
from assay.sandbox.jail import Jail
from assay.sandbox.remote import RemoteSandbox
from assay.sandbox.unsafe_subprocess import UnsafeSubprocess

OPEN = DockerSandbox.open
CHECKS = (command._jail, command._docker, command._remote, command._unsafe)


@pytest.fixture(autouse=True)
def sandboxes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other findings have their own test, and take seconds."""
    monkeypatch.setattr(command, "_CHECKS", CHECKS)
    monkeypatch.setattr(DockerSandbox, "open", no_engine)


def findings() -> dict[str, dict[str, object]]:
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 0, done.output
    return {finding["name"]: finding for finding in json.loads(done.stdout)}


def no_engine(_: Sandbox) -> None:
    raise Missing("docker sandbox: no engine answers")


def refuse(_: Sandbox) -> None:
    raise Missing("the jail cannot enter new namespaces: not allowed; sysctl this")


def fail(*_: object, **__: object) -> Outcome:
    return Outcome("fault", detail="the keeper has gone")


def work(
    self: Sandbox, program: Program, stdin: bytes = b"", limits: Limits | None = None
) -> Outcome:
    return Outcome("exited", stdout=b"42\n")


def nothing(_: Sandbox) -> None:
    """In place of starting something."""


def test_a_jail_that_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jail, "open", nothing)
    monkeypatch.setattr(Jail, "run", work)
    jail = findings()["jail"]
    assert jail["ok"]
    assert str(jail["found"]).startswith("ran a program in ")
    assert jail["guarantees"] == list(Jail.guarantees)
    assert jail["get"] == ""


def test_a_jail_that_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jail, "open", refuse)
    jail = findings()["jail"]
    assert not jail["ok"]
    assert "cannot enter new namespaces" in str(jail["found"])
    assert "docker or remote" in str(jail["get"])
    assert jail["guarantees"] == [], "what does not work promises nothing"


def test_a_jail_that_starts_and_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jail, "open", nothing)
    monkeypatch.setattr(Jail, "run", fail)
    jail = findings()["jail"]
    assert not jail["ok"]
    assert "fault the keeper has gone" in str(jail["found"])


def test_this_machines_jail_is_tried() -> None:
    jail = findings()["jail"]
    try:
        with Jail() as real:
            works = real.run(Program.script("print(1)")).ok
    except Missing:
        works = False
    assert jail["ok"] is works


# the docker package leaves a socket open when nobody answers
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_no_engine_is_said_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jail, "open", refuse)
    monkeypatch.setattr(DockerSandbox, "open", OPEN)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    docker = findings()["docker"]
    assert not docker["ok"]
    assert "docker sandbox: " in str(docker["found"])
    assert "jail or remote" in str(docker["get"])
    gc.collect()


def test_no_image_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_image(_: Sandbox) -> None:
        raise Missing("docker sandbox: image: the engine has no image 'x'")

    monkeypatch.setattr(Jail, "open", refuse)
    monkeypatch.setattr(DockerSandbox, "open", no_image)
    assert "has no image" in str(findings()["docker"]["found"])


def test_the_others_need_nothing_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jail, "open", refuse)
    found = findings()
    assert "sandbox_fusion and piston" in str(found["remote"]["found"])
    assert found["remote"]["guarantees"] == list(RemoteSandbox.guarantees)
    assert found["unsafe_subprocess"]["guarantees"] == list(UnsafeSubprocess.guarantees)
    assert "isolates nothing" in str(found["unsafe_subprocess"]["found"])


def test_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Jail, "open", nothing)
    monkeypatch.setattr(Jail, "run", work)
    shown = CliRunner().invoke(app, ["doctor"]).output
    assert f"jail promises: {'; '.join(Jail.guarantees)}" in shown
    assert "unsafe_subprocess promises: none: for trusted code only" in shown
    assert "missing: docker" in shown
