"""What every backend must do: one suite, inherited by the tests of each.

A subclass offers the fixture ``sandbox``. Not covered: speed, and what a backend alone promises.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import string
import time
from collections.abc import Callable

import pytest

from assay.sandbox.contract import Limits, Outcome, Program, Sandbox

SHORT = Limits(time_s=1.0, wall_s=3.0, memory_mb=128, output_kb=64, pids=16, disk_mb=8)

ENDS = [
    pytest.param("while True: pass", "time", id="busy"),
    pytest.param("import time; time.sleep(60)", "time", id="asleep"),
    pytest.param("import signal, time\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
                 "while True: time.sleep(1)", "time", id="deaf"),
    pytest.param("x = bytearray(10**9)", "memory", id="memory"),
    pytest.param("x = []\nwhile True: x.append(bytearray(10**6))", "memory", id="memory-slowly"),
    pytest.param("import os\nfor _ in range(6):\n    if os.fork() == 0:\n"
                 "        x = bytearray(6 * 10**7)\n        import time; time.sleep(60)\n"
                 "import time; time.sleep(60)", "memory", id="memory-of-children"),
    pytest.param("while True: print('x' * 1000)", "output", id="flood"),
    pytest.param("import sys; sys.exit(3)", 3, id="status"),
    pytest.param("raise SystemExit", 0, id="status-none"),
    pytest.param("import sys; sys.exit('no')", 1, id="status-text"),
    pytest.param("import sys; sys.exit(False)", 0, id="status-bool"),
    pytest.param("import sys; sys.exit(2**70 + 7)", 255, id="status-beyond-a-long"),
    pytest.param("class Five(int):\n    def __index__(self): return 0\n    __int__ = __index__\n"
                 "raise SystemExit(Five(5))", 5, id="status-of-a-class"),
    pytest.param("class Out(SystemExit):\n    code = property(lambda self: 1 / 0)\nraise Out", 1,
                 id="status-that-raises"),
    pytest.param("1 / 0", 1, id="error"),
    pytest.param("import os; os._exit(7)", 7, id="at-once"),
    pytest.param("this is no python", 1, id="syntax"),
    pytest.param("import os\nfor fd in range(3, 64):\n    try: os.write(fd, b'Traceback: ')\n"
                 "    except OSError: pass\nos.write(2, b'\\nassay: no')\nos._exit(125)", 125,
                 id="like-a-run-that-could-not-begin"),
    pytest.param("import ctypes; ctypes.string_at(0)", "signal", id="crash"),
    pytest.param("import os; os.kill(os.getpid(), 9)", "signal", id="suicide"),
    pytest.param("import signal; signal.raise_signal(9)", "signal", id="suicide-raised"),
    pytest.param("import os; os.abort()", "signal", id="abort"),
]  # fmt: skip

REFUSED = [
    pytest.param("import socket; socket.create_connection(('127.0.0.1', {port}), 2)", id="network"),
    pytest.param("open({secret!r}).read()", id="host-file"),
    pytest.param("import os; open('/usr/mine', 'w')", id="write-system"),
    pytest.param("import os; os.chmod('/', 0)", id="chmod-root"),
    pytest.param("import os; os.mkdir('/mine')", id="write-root"),
    pytest.param("import os; os.setuid(0)", id="root"),
    pytest.param("import os; os.chroot('/tmp')", id="chroot"),
    pytest.param("import os; os.kill(os.getppid() or 99, 9); raise SystemExit(1)", id="parent"),
    pytest.param("import os\nif not os.environ['ASSAY_CANARY']: pass", id="environment"),
]  # fmt: skip

WORKS = [
    pytest.param("print(input()[::-1])", b"abc\n", b"cba\n", id="stdin"),
    pytest.param("import sys\nfor l in sys.stdin: print(int(l) + 1)", b"1\n2\n", b"2\n3\n",
                 id="lines"),
    pytest.param("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())",
                 bytes(range(256)), bytes(range(256)), id="bytes"),
    pytest.param("import os; os.write(1, os.read(0, 99))", b"raw", b"raw", id="descriptors"),
    pytest.param("print(open(0).read())", b"abc", b"abc\n", id="open-0"),
    pytest.param("import atexit; atexit.register(print, 'late'); print('soon')", b"",
                 b"soon\nlate\n", id="atexit"),
    pytest.param("from threading import Thread\nThread(target=lambda: print('thread')).start()",
                 b"", b"thread\n", id="thread"),
    pytest.param("import os\nif os.fork() == 0:\n    print('child', flush=True); os._exit(0)\n"
                 "os.wait(); print('parent')", b"", b"child\nparent\n", id="fork"),
    pytest.param("import tempfile\nwith tempfile.NamedTemporaryFile() as f:\n    f.write(b'x'); "
                 "print('written')", b"", b"written\n", id="tempfile"),
    pytest.param("import sys; sys.setrecursionlimit(20000)\n"
                 "def f(n): return 0 if n == 0 else 1 + f(n - 1)\nprint(f(15000))", b"", b"15000\n",
                 id="recursion"),
    pytest.param("print('x' * 60000)", b"", b"x" * 60000 + b"\n", id="much-output"),
    pytest.param("import sys; print('no', file=sys.stderr); print('yes')", b"", b"yes\n",
                 id="stderr"),
    pytest.param("\ufeffprint('bom')", b"", b"bom\n", id="bom"),
    pytest.param("print('a')\r\nprint('b')\r\n", b"", b"a\nb\n", id="crlf"),
    pytest.param("import __main__; print(__name__, __main__.__name__)", b"",
                 b"__main__ __main__\n", id="main"),
    pytest.param("import os, signal\nsignal.signal(15, lambda *_: print('caught'))\n"
                 "os.kill(os.getpid(), 15)", b"", b"caught\n", id="signal"),
    pytest.param("import multiprocessing as m\ndef f(x): return x * x\n"
                 "p = m.get_context('fork').Process(target=print, args=('sub',))\n"
                 "p.start(); p.join()",
                 b"", b"sub\n", id="multiprocessing"),
]  # fmt: skip


LONG = Limits(time_s=10.0, memory_mb=256)
HUNT = """
import ctypes, hashlib, os, re
libc = ctypes.CDLL(None, use_errno=True)
r, w = os.pipe()
tail, seen = b"", 0
anchors = {id(o) >> 20 << 20 for o in (None, os, re, "x" * 5000, bytearray(9), bytearray(9**6))}
for anchor in sorted(anchors):
    for address in range(max(anchor - (4 << 20), 4096), anchor + (4 << 20), 4096):
        n = libc.write(w, ctypes.c_void_p(address), 4096)
        page = os.read(r, n) if n > 0 else b""
        seen += bool(page)
        for text in re.findall(rb"[A-Za-z]{24,}", tail[-64:] + page):
            for at in range(len(text) - 23):
                if hashlib.sha256(text[at : at + 24]).hexdigest() == "KNOWN":
                    print("FOUND"); raise SystemExit
        tail = page
print("clean" if seen > 100 else "nothing could be read")
"""


class Conformance:
    """Inherit, and offer ``sandbox``."""

    @pytest.mark.parametrize(("source", "end"), ENDS)
    def test_ends(self, sandbox: Sandbox, source: str, end: str | int) -> None:
        started = time.monotonic()
        outcome = sandbox.run(Program.script(source), limits=SHORT)
        if isinstance(end, int):
            assert (outcome.end, outcome.code) == ("exited", end), outcome
        else:
            assert outcome.end == end, outcome
        assert time.monotonic() - started < 10
        self.check_works(sandbox)

    @pytest.mark.parametrize(("source", "stdin", "stdout"), WORKS)
    def test_works(self, sandbox: Sandbox, source: str, stdin: bytes, stdout: bytes) -> None:
        outcome = sandbox.run(Program.script(source), stdin, Limits(time_s=5, output_kb=64))
        assert (outcome.end, outcome.code, outcome.stdout) == ("exited", 0, stdout), outcome

    @pytest.mark.parametrize("source", REFUSED)
    def test_refused(self, sandbox: Sandbox, source: str, canary: dict[str, object]) -> None:
        for name, value in canary.items():
            source = source.replace("{" + name + "}", str(value))
            source = source.replace("{" + name + "!r}", repr(value))
        outcome = sandbox.run(Program.script(source), limits=SHORT)
        assert outcome.end == "exited", outcome
        assert outcome.code != 0, outcome

    def check_works(self, sandbox: Sandbox) -> None:
        outcome = sandbox.run(Program.script("print(6 * 7)"), limits=SHORT)
        assert outcome.stdout == b"42\n", outcome

    def test_nothing_is_left_between_runs(self, sandbox: Sandbox) -> None:
        leave = (
            "import os\nopen('left', 'w').write('x')\nos.makedirs('a/b')\nos.chmod('a', 0)\n"
            "open(os.path.join(os.environ['TMPDIR'], 'left2'), 'w').write('x')\n"
            "if os.fork() == 0:\n    os.setsid()\n    import time\n    time.sleep(60)\n"
        )
        assert sandbox.run(Program.script(leave), limits=SHORT).ok
        look = (
            "import os\nprint(os.listdir('.'), os.path.exists('/tmp/left'))\n"
            "print(sum(name.isdigit() and os.stat('/proc/' + name).st_uid == os.getuid()\n"
            "      for name in os.listdir('/proc')) <= 1)"
        )
        for _ in range(sandbox.slots + 1):
            assert sandbox.run(Program.script(look), limits=SHORT).stdout == b"[] False\nTrue\n"

    def test_no_memory_of_another_run(self, sandbox: Sandbox) -> None:
        """A fork copies memory: what other runs read, wrote or were made of must not be in it."""
        secret = "".join(random.choices(string.ascii_letters, k=24))
        known = hashlib.sha256(secret.encode()).hexdigest()
        uses = [
            (Program.script("print(input()[::-1]); print(input())"), f"{secret}\n" * 2),
            (Program.script(f"print({secret!r} * 50)"), ""),
            (Program.command(["/bin/cat", "given"], {"given": secret.encode() * 999}), ""),
        ]
        for _ in range(3):
            for program, stdin in uses:
                assert sandbox.run(program, stdin.encode(), SHORT).ok
            for _ in range(sandbox.slots):
                found = sandbox.run(Program.script(HUNT.replace("KNOWN", known)), limits=LONG)
                assert found.stdout == b"clean\n", found

    def test_fork_bomb(self, sandbox: Sandbox) -> None:
        bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
        outcome = sandbox.run(Program.script(bomb), limits=SHORT)
        assert outcome.end in ("time", "memory"), outcome
        self.check_works(sandbox)

    def test_disk_is_bounded(self, sandbox: Sandbox) -> None:
        fill = (
            "n = 0\ntry:\n    while True:\n"
            "        open(f'f{n}', 'wb').write(b'x' * 10**6); n += 1\n"
            "except OSError: print(n < 20)"
        )
        outcome = sandbox.run(Program.script(fill), limits=SHORT)
        assert outcome.stdout == b"True\n" or outcome.end == "memory", outcome

    def test_a_command_with_files(self, sandbox: Sandbox) -> None:
        program = Program.command(
            ["/bin/sh", "-c", "cat given; echo made > out; exit 5"],
            {"given": b"data"},
            ["out", "no"],
        )
        outcome = sandbox.run(program, limits=SHORT)
        assert (outcome.end, outcome.code, outcome.stdout) == ("exited", 5, b"data"), outcome
        assert outcome.files == {"out": b"made\n"}

    def test_a_command_that_is_not_there(self, sandbox: Sandbox) -> None:
        outcome = sandbox.run(Program.command(["/no/such/program"]), limits=SHORT)
        assert (outcome.end, outcome.code) == ("exited", 127)
        assert b"No such file" in outcome.stderr

    def test_a_server(self, sandbox: Sandbox) -> None:
        with sandbox.start(Program.server("def add(a, b): return a + b"), b"", SHORT) as session:
            assert session.ask(None) == {"loaded": True}
            call = {"op": "call", "name": "add", "args": [["i", "0x2"], ["i", "0x3"]], "kwargs": {}}
            for _ in range(3):
                assert session.ask(call) == {"value": ["i", "0x5"]}
        self.check_works(sandbox)

    @pytest.mark.parametrize(
        ("source", "many"),
        [
            pytest.param("def f(): return 1", 2, id="at-once"),
            pytest.param(
                "import time\ndef f():\n    time.sleep(0.06)\n    return 1", 3, id="parts"
            ),
            pytest.param("def f(): return 'x' * 300_000", 2, id="long"),
        ],
    )
    def test_the_last_request(self, sandbox: Sandbox, source: str, many: int) -> None:
        limits = Limits(time_s=5, output_kb=2048)
        for _ in range(3):
            with sandbox.start(Program.server(source), b"", limits) as session:
                left, loaded = many, None
                while left:
                    request = {"op": "calls", "name": "f", "many": [[[], {}]] * left, "last": True}
                    if loaded is None:
                        loaded, reply = session.first(request)
                    else:
                        reply = session.ask(request)
                    assert reply["values"], reply
                    assert all("value" in value for value in reply["values"])
                    left -= len(reply["values"])
                assert session.close().end in ("exited", "signal")
        self.check_works(sandbox)

    @pytest.mark.parametrize("length", [b"13", b"013", b"x", b"1" * 30, b"1" * 5000])
    def test_a_server_that_says_it_has_answered(self, sandbox: Sandbox, length: bytes) -> None:
        """Or that there is more to come, and then does nothing."""
        source = (
            "import os, time\ndef f():\n"
            f"    os.write(4, {length!r} + b'\\n{{\"values\":[]}}')\n    time.sleep(60)\n"
        )
        with sandbox.start(Program.server(source), b"", SHORT) as session:
            session.first({"op": "calls", "name": "f", "many": [[[], {}]], "last": True})
            started = time.monotonic()
            assert session.close().end != "fault"
            assert time.monotonic() - started < 15
        self.check_works(sandbox)

    def test_a_server_that_hangs(self, sandbox: Sandbox) -> None:
        with sandbox.start(Program.server("def f():\n  while True: pass"), b"", SHORT) as session:
            session.ask(None)
            assert session.ask({"op": "call", "name": "f", "args": [], "kwargs": {}}) is None
            assert session.close().end == "time"

    @pytest.mark.parametrize("size", [10, 4 << 20], ids=["small", "large"])
    def test_a_server_that_is_ended_before_it_has_begun(self, sandbox: Sandbox, size: int) -> None:
        """The word to end it arrives with the job: it may not even have read that."""
        for _ in range(3):
            source = f"def f(): pass\n#{'x' * size}"
            session = sandbox.start(Program.server(source), b"", SHORT)
            session.stop()
            assert session.close().end == "signal"
        self.check_works(sandbox)

    def test_within(self, sandbox: Sandbox) -> None:
        source = "import time\ndef f(): time.sleep(30)"
        with sandbox.start(Program.server(source), b"", Limits(time_s=9)) as session:
            session.ask(None)
            started = time.monotonic()
            call = {"op": "call", "name": "f", "args": [], "kwargs": {}}
            assert session.ask(call, within_s=0.5) is None
            assert time.monotonic() - started < 15  # not the 30 that it sleeps
            assert session.close().end == "time"

    def test_many_at_once_in_order(self, sandbox: Sandbox) -> None:
        jobs = [(Program.script(f"print({n})"), b"", SHORT) for n in range(12)]
        assert [o.stdout for o in sandbox.run_many(jobs)] == [b"%d\n" % n for n in range(12)]

    def test_from_an_event_loop(self, sandbox: Sandbox) -> None:
        async def three() -> list[Outcome]:
            return await asyncio.gather(
                *(sandbox.arun(Program.script(f"print({n})"), limits=SHORT) for n in range(3))
            )

        assert [o.stdout for o in asyncio.run(three())] == [b"0\n", b"1\n", b"2\n"]

    def test_what_it_costs_is_told(self, sandbox: Sandbox) -> None:
        busy = "import time\nt = time.process_time()\nwhile time.process_time() - t < 0.3: pass"
        outcome = sandbox.run(Program.script(busy), limits=SHORT)
        assert 0.25 < outcome.cpu_s < 1.0
        assert outcome.wall_s >= 0.3
        assert outcome.memory_mb > 1


Make = Callable[[], Sandbox]
