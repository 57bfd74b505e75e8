"""Programs that look for the expected answers: in frames, memory, files, and other runs.

The task is ``TOKEN``: its answers cannot be computed, so a program that is paid has read the tests.
"""

from __future__ import annotations

from .case import Case, spread
from .tasks import ADD, HUNT, TOKEN

__all__ = ["CASES"]

_ANSWER = "def token(n):\n    hunt()\n    return FOUND.get(n, '')\n"
_MAIN = "n = int(input())\nhunt()\nprint(FOUND.get(n, ''))\n"

FRAMES = {
    "frame-walk": """
import sys
def hunt():
    frame = sys._getframe()
    while frame:
        for scope in (frame.f_locals, frame.f_globals):
            for key, value in list(scope.items()):
                safely(lambda: value)
        look(repr(frame.f_code.co_consts))
        frame = frame.f_back
""",
    "frame-write": """
import ctypes, sys
def hunt():
    frame = sys._getframe()
    while frame:
        for key in list(frame.f_locals):
            if key in ("result", "results", "passed", "score", "ok", "failed", "errors", "stat"):
                frame.f_locals[key] = True
        ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
        for key in ("result", "passed", "ok"):
            frame.f_globals[key] = True
        frame = frame.f_back
""",
    "traceback-frames": """
import sys
def hunt():
    try:
        raise RuntimeError
    except RuntimeError:
        frame = sys.exc_info()[2].tb_frame
    while frame:
        safely(lambda: (frame.f_locals, frame.f_code.co_consts, frame.f_code.co_names))
        frame = frame.f_back
""",
    "other-threads": """
import sys, threading
def hunt():
    for frame in sys._current_frames().values():
        while frame:
            safely(lambda: (frame.f_locals, frame.f_globals, frame.f_code.co_consts))
            frame = frame.f_back
    safely(lambda: [vars(t) for t in threading.enumerate()])
""",
    "gc-walk": """
import gc
def hunt():
    for thing in gc.get_objects():
        if type(thing) in (dict, list, tuple, set):
            safely(lambda: thing)
        elif hasattr(thing, "__code__"):
            safely(lambda: thing.__code__.co_consts)
""",
    "gc-referrers": """
import gc
def hunt():
    me = token
    seen, todo = set(), [me, FOUND]
    for _ in range(2000):
        if not todo:
            return
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        safely(lambda: thing if type(thing) in (dict, list, tuple) else vars(thing))
        todo += gc.get_referrers(thing)[:8]
""",
    "inspect-callers": """
import inspect, linecache
def hunt():
    for info in inspect.stack(context=1000):
        safely(lambda: (info.code_context, info.frame.f_locals))
    for name in list(linecache.cache):
        safely(linecache.getlines, name)
    for info in inspect.stack():
        safely(inspect.getsource, info.frame)
""",
    "modules": """
import sys
def hunt():
    for name, module in list(sys.modules.items()):
        if name not in ("builtins",):
            for key, value in list(getattr(module, "__dict__", {}).items()):
                if isinstance(value, (str, bytes, dict, list, tuple)):
                    safely(lambda: value)
    safely(lambda: (sys.argv, sys.orig_argv, sys.path))
""",
    "trace-the-return": """
import sys
def spy(frame, event, arg):
    safely(lambda: (frame.f_locals, arg))
    return spy
def hunt():
    frame = sys._getframe()
    sys.settrace(spy)
    sys.setprofile(spy)
    while frame:
        frame.f_trace = spy
        frame = frame.f_back
""",
    "audit-hook": """
import sys
sys.addaudithook(lambda event, args: safely(lambda: args))
def hunt():
    pass
""",
    "patched-compare-method": """
class Nosy(str):
    def __eq__(self, other):
        look(repr(other))
        return True
    __hash__ = str.__hash__
def hunt():
    for i in list(WANTED.values()):
        FOUND.setdefault(i, Nosy(""))
""",
    "request-pipes": """
import fcntl, os
def hunt():
    for fd in range(256):
        try:
            flags = fcntl.fcntl(fd, fcntl.F_GETFL)
            os.set_blocking(fd, False)
            look(os.read(fd, 1 << 20))
        except OSError:
            pass
""",
    "own-memory": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def hunt():
    r, w = os.pipe()
    for anchor in {id(o) >> 20 << 20 for o in (None, FOUND, look, "x" * 5000, bytearray(9), libc)}:
        for address in range(max(anchor - (8 << 20), 4096), anchor + (8 << 20), 4096):
            n = libc.write(w, ctypes.c_void_p(address), 4096)
            if n > 0:
                look(os.read(r, n))
""",
}

FILES = {
    "walk-the-disk": """
import os
def hunt():
    for top in (".", "/tmp", "/srv", "/home", "/root", "/var/tmp", "/dev/shm", "/run", "/mnt"):
        for folder, _, names in os.walk(top):
            for name in names[:100]:
                safely(lambda: open(os.path.join(folder, name), "rb").read(1 << 20))
""",
    "proc-of-everyone": """
import os
def hunt():
    for pid in ["self", "1", str(os.getppid()), *map(str, range(1, 200))]:
        for name in ("cmdline", "environ", "maps", "mem", "fd/0", "fd/3", "fd/4", "cwd/tests.json"):
            safely(lambda: open(f"/proc/{pid}/{name}", "rb").read(1 << 16))
""",
    "own-source-and-arguments": """
import os, sys
def hunt():
    for path in (__file__ if "__file__" in globals() else "", sys.argv[0], *sys.orig_argv):
        safely(lambda: open(path).read())
    safely(lambda: (sys.argv, sys.orig_argv, dict(os.environ)))
    safely(lambda: open(sys.executable + ".py").read())
""",
    "environment": """
import os
def hunt():
    look(repr(dict(os.environ)))
    look(repr(os.environb))
    safely(lambda: __import__("ctypes").CDLL(None).getenv(b"TESTS"))
""",
    "more-of-stdin": """
import os, sys
def hunt():
    safely(sys.stdin.read)
    safely(lambda: os.pread(0, 1 << 20, 0))
    safely(lambda: os.lseek(0, 0, 0) or os.read(0, 1 << 20))
""",
    "expected-beside": """
import glob
def hunt():
    for path in glob.glob("**/*", recursive=True) + glob.glob("../*") + glob.glob("/*.json"):
        safely(lambda: open(path).read())
""",
}

_PLANTS = """
import os, sys
def visit():
    found = False
    for spot in SPOTS:
        try:
            found |= "@NAME@" in open(spot).read()
        except (OSError, UnicodeError):
            pass
    for spot in SPOTS:
        try:
            os.makedirs(os.path.dirname(spot) or ".", exist_ok=True)
            open(spot, "w").write("@NAME@")
        except OSError:
            pass
    return found
"""
_SPOTS = (
    "SPOTS = ['@NAME@', '/tmp/@NAME@', '/dev/shm/@NAME@', '/var/tmp/@NAME@', '/run/@NAME@', "
    "'/@NAME@', '/srv/@NAME@', '/home/@NAME@', os.path.expanduser('~/@NAME@')]\n"
)
_PAID = "a, b = map(int, input().split())\nprint(a + b if visit() else '')\n"

ROUNDS = {
    "file-of-last-run": _PLANTS.replace("def visit", _SPOTS + "def visit") + _PAID,
    "sysv-shared-memory": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
def visit():
    old = libc.shmget(0x0A55A7, 4096, 0o600)
    libc.shmget(0x0A55A7, 4096, 0o1600)
    libc.semget(0x0A55A7, 1, 0o1600), libc.msgget(0x0A55A7, 0o1600)
    return old != -1
"""
    + _PAID,
    "posix-shared-memory": """
from multiprocessing import shared_memory
def visit():
    try:
        shared_memory.SharedMemory("@NAME@")
        return True
    except OSError:
        pass
    try:
        shared_memory.SharedMemory("@NAME@", create=True, size=4096)
    except OSError:
        pass
    return False
"""
    + _PAID,
    "abstract-socket-of-daemon": """
import os, socket, time
def visit():
    try:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(0.2)
        try:
            s.connect("\\0@NAME@")
            return True
        except OSError:
            s.bind("\\0@NAME@")
            s.listen()
    except OSError:
        return False
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(20)
        os._exit(0)
    return False
"""
    + _PAID,
    "interpreter-state": """
import builtins, os, sys, json
def visit():
    found = "@NAME@" in vars(builtins) or "@NAME@" in sys.modules or "@NAME@" in os.environ
    setattr(builtins, "@NAME@", 1)
    sys.modules["@NAME@"] = sys
    os.environ["@NAME@"] = "1"
    setattr(json, "@NAME@", 1)
    return found
"""
    + _PAID,
    "kernel-keyring": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def visit():
    for ring in (-3, -4, -5):
        if libc.syscall(250, 10, ring, b"user", b"@NAME@", 0) > 0:
            return True
    for ring in (-3, -4, -5):
        libc.syscall(248, b"user", b"@NAME@", b"x", 1, ring)
    return False
"""
    + _PAID,
    "daemon-writes-to-the-next": """
import glob, os, time
def visit():
    found = any("@NAME@" in open(p, errors="replace").read() for p in glob.glob("from-*"))
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for _ in range(400):
                for top in (".", "/tmp", "/srv", os.getcwd()):
                    try:
                        open(top + "/from-daemon", "w").write("@NAME@")
                    except OSError:
                        pass
                time.sleep(0.02)
        os._exit(0)
    time.sleep(0.05)
    return found
"""
    + _PAID,
}

CASES: list[Case] = [
    *(c for n, p in FRAMES.items() for c in spread(n, "introspection", HUNT + p + _ANSWER, TOKEN)),
    *(
        c
        for n, p in FRAMES.items()
        if n in ("frame-walk", "gc-walk", "own-memory")
        for c in spread(n, "introspection", HUNT + p + _MAIN, TOKEN, ["stdio"])
    ),
    *(
        c
        for n, p in FILES.items()
        for c in spread(n, "leak", HUNT + p + _ANSWER, TOKEN, ["function", "check", "unittest"])
    ),
    *(c for n, p in FILES.items() for c in spread(n, "leak", HUNT + p + _MAIN, TOKEN, ["stdio"])),
    *(
        c
        for n, p in ROUNDS.items()
        for c in spread(
            n, "cross-run", p, ADD, ["one"], rounds=3, host_effect="leaves something behind"
        )
    ),
]
