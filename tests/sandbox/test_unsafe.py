"""The unsafe backend: the contract without its isolation, how it shouts, and what it leaves."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import get_args

import psutil
import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from conformance import SHORT, Conformance

from assay.core.errors import ConfigError
from assay.sandbox.choose import BACKENDS, make_sandbox
from assay.sandbox.contract import End, Limits, Program, Sandbox
from assay.sandbox.jobs import checked_end, cut_reply, framed
from assay.sandbox.unsafe_subprocess import UnsafeSandboxWarning, UnsafeSubprocess


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = UnsafeSubprocess(slots=2)
    with pytest.warns(UnsafeSandboxWarning, match="isolates NOTHING"):
        made.open()
    with made:
        yield made


class TestConformance(Conformance):
    """All but isolation, which is not promised, and the fork bomb, which would hit this machine.

    Disk: a run is ended when it has too many files (below), where others see a full disk.
    """

    test_disk_is_bounded = None
    test_refused = None
    test_fork_bomb = None
    test_nothing_is_left_between_runs = None


def test_it_shouts_once_when_opened() -> None:
    made = UnsafeSubprocess()
    with pytest.warns(UnsafeSandboxWarning) as shouted:
        made.open()
    made.open()  # a second warning would be an error
    assert len(shouted) == 1
    assert "UNSAFE" in str(shouted[0].message)
    assert made.guarantees == ("none: for trusted code only",)
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        made.open()


def test_it_shouts_on_stderr() -> None:
    code = (
        "from assay.sandbox.contract import Program\n"
        "from assay.sandbox.choose import make_sandbox\n"
        "with make_sandbox('unsafe_subprocess', 1) as s: print(s.run(Program.script('')).ok)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "True\n"
    assert told.stderr.count("isolates NOTHING") == 1


def test_a_warning_made_an_error_starts_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnsafeSandboxWarning):
            UnsafeSubprocess().run(Program.script("print(1)"))


def folders() -> set[str]:
    return {p.name for p in Path(tempfile.gettempdir()).glob("assay-*")}


def test_nothing_is_left(sandbox: Sandbox) -> None:
    before, fds = folders(), psutil.Process().num_fds()
    leave = (
        "import os, sys\nopen('left', 'w').write('x')\nos.makedirs('a/b')\nos.chmod('a', 0)\n"
        "for _ in range(2):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        if os.fork(): os._exit(0)\n        import time\n"
        "        print(os.getpid(), flush=True); time.sleep(60)\n"
        "import time; time.sleep(0.3)"
    )
    outcome = sandbox.run(Program.script(leave), limits=SHORT)
    assert outcome.ok, outcome
    pids = [int(word) for word in outcome.stdout.split()]
    assert len(pids) == 2
    for _ in range(50):
        if not any(psutil.pid_exists(pid) and alive(pid) for pid in pids):
            break
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)
    assert folders() == before
    assert psutil.Process().num_fds() == fds
    look = sandbox.run(Program.script("import os; print(os.listdir('.'))"), limits=SHORT)
    assert look.stdout == b"[]\n"


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


ENDS = [
    pytest.param("import os, time\nfor _ in range(40):\n    if os.fork() == 0:\n"
                 "        time.sleep(30); os._exit(0)\ntime.sleep(30)", "processes", id="many"),
    pytest.param("for n in range(4): open(f'f{n}', 'wb').write(b'x' * 6 * 10**6)\n"
                 "import time; time.sleep(30)", "disk", id="files"),
    pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "signal", id="own"),
    pytest.param("import sys\nwhile True: sys.stderr.write('x' * 100000)", "output", id="stderr"),
    pytest.param("import os, time\nif os.fork() == 0:\n    while True: pass\ntime.sleep(9)", "time",
                 id="cpu-of-a-child"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "end"), ENDS)
def test_limits_of_the_tree(sandbox: Sandbox, source: str, end: str) -> None:
    assert sandbox.run(Program.script(source), limits=SHORT).end == end


def test_closing_ends_what_runs() -> None:
    made = UnsafeSubprocess(slots=1)
    with pytest.warns(UnsafeSandboxWarning):
        session = made.start(Program.script("import time; time.sleep(60)"), b"", Limits(time_s=60))
    threading.Timer(0.3, made.close).start()
    began = time.monotonic()
    assert session.wait().end == "signal"
    assert time.monotonic() - began < 5


def test_a_slot_is_free_again_after_a_fault(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    def refuse(**_: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "mkdtemp", refuse)
        for _ in range(3):  # each tried twice: more than there are slots
            outcome = sandbox.run(Program.script("print(1)"))
            assert outcome.end == "fault"
            assert "No space left" in outcome.detail
    assert sandbox.run(Program.script("print(1)")).stdout == b"1\n"


def test_packages_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "offered.py").write_text("x = 42")
    made = UnsafeSubprocess(packages=tmp_path)
    with pytest.warns(UnsafeSandboxWarning):
        made.open()
    with made:
        told = made.run(Program.script("import offered, sys; print(offered.x, len(sys.argv))"))
        assert told.stdout == b"42 1\n", told
        with made.start(
            Program.server("from offered import x\ndef f(): return x"), b"", SHORT
        ) as s:
            assert s.ask(None) == {"loaded": True}
            asked = {"op": "call", "name": "f", "args": [], "kwargs": {}}
            assert s.ask(asked) == {"value": ["i", "0x2a"]}


NONSENSE = [
    pytest.param(b"x\n{}", id="no-number"),
    pytest.param(b"-1\n{}", id="negative"),
    pytest.param(b"99999999\n{}", id="too-long"),
    pytest.param(b"9" * 40, id="no-line"),
    pytest.param(b"2\n{]", id="no-json"),
    pytest.param(b"60000\n" + b"[" * 60000, id="deep"),
]


@pytest.mark.parametrize("written", NONSENSE)
def test_nonsense_for_a_reply_ends_the_run(sandbox: Sandbox, written: bytes) -> None:
    source = f"import os\ndef f():\n    os.write(4, {written!r}) if 0 else None\n"
    source += f"    for fd in range(3, 64):\n        try: os.write(fd, {written!r})\n"
    source += "        except OSError: pass\n    while True: pass\n"
    with sandbox.start(Program.server(source), b"", SHORT) as session:
        session.ask(None)
        assert session.ask({"op": "call", "name": "f", "args": [], "kwargs": {}}) is None
        assert session.close().end == "output"


def test_replies_are_cut_off_whole() -> None:
    held = bytearray(framed({"a": "\ud800"}) + framed([1])[:-1])
    assert cut_reply(held, 100) == (True, {"a": "\ud800"})
    assert cut_reply(held, 100) == (False, None)


@pytest.mark.parametrize("word", ["fault", "", None, 3, ["exited"], "EXITED"])
def test_a_program_cannot_say_that_the_sandbox_failed(word: object) -> None:
    with pytest.raises(ValueError, match="no end of a program"):
        checked_end(word)


@pytest.mark.parametrize("name", ["a/b", "..", ".", "", "a\0b"])
def test_files_have_no_folders(sandbox: Sandbox, name: str) -> None:
    with pytest.raises(ValueError, match="work folder"):
        sandbox.run(Program.script("", {name: b""}))


# --- by name -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["jail", "docker", "unsafe_subprocess"])
def test_each_backend_is_made_by_its_name(name: str) -> None:
    assert make_sandbox(name, 3).slots == 3
    assert make_sandbox(name, 1).name == name
    assert name in BACKENDS


@pytest.mark.parametrize(
    ("name", "slots", "options", "told"),
    [
        pytest.param("jale", 1, {}, "did you mean 'jail'", id="misspelt"),
        pytest.param("unsafe", 1, {}, "did you mean 'unsafe_subprocess'", id="short"),
        pytest.param("zzz", 1, {}, "known: docker, jail, remote, unsafe_subprocess", id="unknown"),
        pytest.param("jail", 0, {}, "slots: must be at least 1, got 0", id="slots"),
        pytest.param("jail", 1, {"image": "x"}, "unexpected keyword argument 'image'", id="option"),
        pytest.param("remote", 1, {}, "url", id="no-url"),
    ],
)
def test_what_cannot_be_made(name: str, slots: int, options: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        make_sandbox(name, slots, **options)


def test_choosing_imports_no_backend() -> None:
    code = (
        "import sys, assay.sandbox.choose as c\n"
        "print([m for m in sys.modules if m.startswith('assay.sandbox.')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "['assay.sandbox.contract', 'assay.sandbox.choose']\n"


# --- the documentation ---------------------------------------------------------------------------

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "sandbox.md").read_text()


def test_limits_and_their_defaults_are_documented() -> None:
    for limit in fields(Limits):
        default = "3 × `time_s` + 1" if limit.name == "wall_s" else f"{limit.default:g}"
        row = next(line for line in DOCS.splitlines() if line.startswith(f"| `{limit.name}`"))
        assert f"| {default} |" in row


def test_ends_and_options_are_documented() -> None:
    for name, (module, kind) in BACKENDS.items():
        made = getattr(importlib.import_module(f"assay.sandbox.{module}"), kind)
        for option in inspect.signature(made).parameters:
            assert f"`{option}`" in DOCS or f"{option}:" in DOCS or f"{option}=" in DOCS, option
        assert f"| `{name}` |" in DOCS
    for end in get_args(End):
        assert f"`{end}`" in DOCS


def test_the_example_does_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    """As printed, with the backend that every machine has."""
    code = DOCS.split("```python\n")[1].split("```")[0].replace('"jail"', '"unsafe_subprocess"')
    with pytest.warns(UnsafeSandboxWarning):
        exec(code, {})
    assert capsys.readouterr().out.strip() in code.split("# ")[1]
