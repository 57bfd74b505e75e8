"""Programs that take time, memory, disk, descriptors or output without end.

Each answers right, too late or beside the flood, or wrong where the flood itself may be harmless.
"""

# ruff: noqa: E501, ISC004 - tables of programs: one that fits a line stays on it

from __future__ import annotations

from .case import Case, spread
from .tasks import ADD, calls, stdio, truth

__all__ = ["CASES"]

_READ = "a, b = map(int, input().split())\n"
_RIGHT = _READ + "print(a + b, flush=True)\n"
_WRONG = _READ + "print('no', flush=True)\n"
_SPIN = "while True:\n    pass\n"
_IGNORE = (
    "import signal\nfor n in range(1, 65):\n    try:\n"
    "        signal.signal(n, lambda *a: None)\n    except (OSError, ValueError):\n        pass\n"
)

TIME = {
    "busy": _SPIN,
    "busy-after-the-answer": _RIGHT + _SPIN,
    "busy-ignoring-signals": _RIGHT + _IGNORE + _SPIN,
    "swallows-every-exception": (
        _RIGHT + "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass\n"
    ),
    "alarm-disarmed-right-but-late": (
        _READ + "import signal, time\nsignal.alarm(0)\nsignal.setitimer(signal.ITIMER_REAL, 0)\n"
        "signal.signal(signal.SIGALRM, signal.SIG_IGN)\nt = time.time()\n"
        "while time.time() - t < 4:\n    pass\nprint(a + b)\n"
    ),
    "cpu-limit-raised": (
        _READ + "import resource, signal, time\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
        "try:\n    resource.setrlimit(resource.RLIMIT_CPU, (-1, -1))\n"
        "except (ValueError, OSError):\n    pass\nt = time.time()\n"
        "while time.time() - t < 4:\n    pass\nprint(a + b)\n"
    ),
    "sleeps": "import time\ntime.sleep(10**6)\n",
    "sleeps-then-right": _READ + "import time\ntime.sleep(8)\nprint(a + b)\n",
    "sleeps-with-closed-outputs": (
        _RIGHT + "import os, time\nos.closerange(0, 256)\ntime.sleep(60)\n"
    ),
    "atexit-sleeps": _RIGHT + "import atexit, time\natexit.register(time.sleep, 60)\n",
    "thread-goes-on": (
        _RIGHT + "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"
    ),
    "destructor-hangs": (
        _RIGHT + "class Hang:\n    def __del__(self):\n        while True:\n            pass\n"
        "keep = Hang()\ndel keep\n"
    ),
    "stops-itself": _RIGHT + "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
    "holds-the-interpreter": _RIGHT + "9 ** 9 ** 9\nprint(9 ** 9 ** 8)\n",
    "backtracking": _RIGHT + "import re\nre.match('(a+)+$', 'a' * 64 + 'b')\n",
    "waits-for-itself": (
        _RIGHT + "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()\n"
    ),
    "work-in-children": (
        _READ + "import os\nfor _ in range(12):\n    if os.fork() == 0:\n        x = 0\n"
        "        for i in range(6_000_000):\n            x += i\n        os._exit(0)\n"
        "    os.wait()\nprint(a + b)\n"
    ),
    "work-in-orphans": (
        _READ + "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        os.setsid()\n"
        "        while True:\n            pass\ntime.sleep(6)\nprint(a + b)\n"
    ),
    "work-in-threads": (
        _READ + "import hashlib, threading, time\nblob = bytes(1 << 20)\n"
        "def work():\n    t = time.time()\n    while time.time() - t < 4:\n"
        "        hashlib.sha256(blob).digest()\n"
        "many = [threading.Thread(target=work) for _ in range(4)]\n"
        "[t.start() for t in many]\n[t.join() for t in many]\nprint(a + b)\n"
    ),
    "vfork-of-sleep": (
        _READ + "import subprocess\nsubprocess.run(['/bin/sleep', '30'])\nprint(a + b)\n"
    ),
}

_CALLS = calls("add", [((1, 2), 3)], time_s=0.5)
IN_CALL = {
    "call-busy": "def add(a, b):\n    while True:\n        pass\n",
    "call-sleeps": "import time\ndef add(a, b):\n    time.sleep(30)\n    return a + b\n",
    "import-busy": _SPIN + "def add(a, b):\n    return a + b\n",
    "iterator-hangs": "class Hang(dict):\n    def items(self):\n        while True:\n            pass\n"
    "    __iter__ = keys = __len__ = items\ndef add(a, b):\n    return Hang()\n",
    "right-but-late": "import time\ndef add(a, b):\n    t = time.time()\n"
    "    while time.time() - t < 4:\n        pass\n    return a + b\n",
    "repr-hangs": "class Hang(Exception):\n    def __str__(self):\n        while True:\n"
    "            pass\n    __repr__ = __str__\ndef add(a, b):\n    raise Hang\n",
    "reads-the-requests": "import os\ndef add(a, b):\n    for fd in range(64):\n        try:\n"
    "            while os.read(fd, 1 << 16):\n                pass\n        except OSError:\n"
    "            pass\n    return a + b\nadd(0, 0)\n",
}

RESOURCE = {
    "fork-bomb": "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n",
    "fork-bomb-of-sessions": (
        "import os\nwhile True:\n    try:\n        if os.fork() == 0:\n            os.setsid()\n"
        "    except OSError:\n        pass\n"
    ),
    "fork-until-refused": (
        "import os, time\nmade = 0\ntry:\n    while made < 500:\n        if os.fork() == 0:\n"
        "            time.sleep(20)\n            os._exit(0)\n        made += 1\n"
        "except OSError:\n    pass\n" + _READ + "print(a + b if made >= 100 else made)\n"
    ),
    "thread-bomb": (
        "import threading, time\nmade = 0\ntry:\n    while made < 2000:\n"
        "        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\n"
        "        made += 1\nexcept RuntimeError:\n    pass\n"
        + _READ
        + "print(a + b if made >= 500 else made)\n"
    ),
    "memory": "x = []\nwhile True:\n    x.append(bytearray(16 << 20))\n",
    "memory-at-once": _READ
    + "x = bytearray(6 << 30)\nx[::4096] = b'x' * len(x[::4096])\nprint(a + b)\n",
    "memory-in-children": (
        _READ + "import os, time\nkids = []\nfor _ in range(8):\n    pid = os.fork()\n"
        "    if pid == 0:\n        x = bytearray(400 << 20)\n        for i in range(0, len(x), 4096):\n"
        "            x[i] = 1\n        time.sleep(0.5)\n        os._exit(0)\n    kids.append(pid)\n"
        "bad = [os.waitpid(pid, 0)[1] for pid in kids]\nprint(a + b if not any(bad) else bad)\n"
    ),
    "shared-memory": (
        _READ + "import mmap\nkeep = []\nfor _ in range(64):\n    m = mmap.mmap(-1, 32 << 20)\n"
        "    for i in range(0, 32 << 20, 4096):\n        m[i] = 1\n    keep.append(m)\nprint(a + b)\n"
    ),
    "memory-in-memfd": (
        _READ + "import os\nfor _ in range(64):\n    fd = os.memfd_create('x')\n"
        "    for _ in range(32):\n        os.write(fd, b'x' * (1 << 20))\nprint(a + b)\n"
    ),
    "memory-in-pipes": (
        _READ + "import fcntl, os\nn = 0\nkeep = []\ntry:\n    while n < 4000:\n"
        "        r, w = os.pipe()\n        fcntl.fcntl(w, 1031, 1 << 20)\n"
        "        os.set_blocking(w, False)\n        os.write(w, b'x' * (1 << 20))\n"
        "        keep.append((r, w))\n        n += 1\nexcept OSError:\n    pass\n"
        "print(a + b if n >= 1000 else n)\n"
    ),
    "disk": (
        _READ + "n = 0\nfor top in ('.', '/tmp', '/dev/shm', '/var/tmp'):\n    try:\n"
        "        with open(top + '/big-@NAME@', 'wb', 0) as f:\n            while n < 1 << 30:\n"
        "                n += f.write(bytes(1 << 20))\n    except OSError:\n        pass\n"
        "print(a + b if n >= 1 << 30 else n)\n"
    ),
    "disk-in-many-files": (
        _READ
        + "n = 0\ntry:\n    while n < 4000:\n        open(f'f{n}', 'wb').write(bytes(1 << 18))\n"
        "        n += 1\nexcept OSError:\n    pass\nprint(a + b if n >= 4000 else n)\n"
    ),
    "inodes": (
        _READ + "import os\nn = 0\ntry:\n    while n < 200_000:\n        os.mkdir(f'd{n}')\n"
        "        n += 1\nexcept OSError:\n    pass\nprint(a + b if n >= 200_000 else n)\n"
    ),
    "deep-folders": (
        _READ + "import os\nn = 0\ntry:\n    while n < 50_000:\n        os.mkdir('d')\n"
        "        os.chdir('d')\n        n += 1\nexcept OSError:\n    pass\n"
        "print(a + b if n >= 50_000 else n)\n"
    ),
    "sparse-file": (
        _READ + "n = 0\ntry:\n    f = open('sparse', 'wb')\n    f.truncate(1 << 42)\n    n = 1\n"
        "except OSError:\n    pass\nprint(a + b if n else 'no')\n"
    ),
    "names-that-resist-removal": (
        "import os\nfor name in ('a\\nb', '-rf', '\\udcff', 'x' * 255, ' ', '*'):\n    try:\n"
        "        os.mkdir(name)\n        os.chmod(name, 0)\n    except OSError:\n        pass\n"
        "os.mkfifo('fifo')\nos.symlink('/', 'root')\nos.chmod('.', 0)\n" + _WRONG
    ),
    "descriptors": (
        _READ
        + "import os\nn = 0\ntry:\n    while n < 100_000:\n        os.dup(0)\n        n += 1\n"
        "except OSError:\n    pass\nprint(a + b if n >= 100_000 else n)\n"
    ),
    "stdout-flood": "import os\nblob = b'x' * 65536\nwhile True:\n    os.write(1, blob)\n",
    "stdout-flood-after-the-answer": (
        _RIGHT + "import os\nfor _ in range(4000):\n    os.write(1, b' ' * 65536)\n"
    ),
    "blanks-after-the-answer": _READ + "print(a + b, end='')\nprint(' ' * (64 << 20))\n",
    "newlines-after-the-answer": _READ + "print(a + b, end='')\nprint('\\n' * (64 << 20))\n",
    "stderr-flood": "import os\nblob = b'x' * 65536\nwhile True:\n    os.write(2, blob)\n",
    "flood-of-every-descriptor": (
        "import os\nfor fd in range(256):\n    try:\n        os.set_blocking(fd, False)\n"
        "        for _ in range(64):\n            os.write(fd, b'x' * 65536)\n"
        "    except OSError:\n        pass\n" + _WRONG
    ),
    "zip-bomb": (
        _READ + "import io, zlib\nd = zlib.compress(bytes(64 << 20), 9)\n"
        "x = b''.join(zlib.decompress(d) for _ in range(64))\nprint(a + b)\n"
    ),
    "exec-itself-for-ever": (
        "import os, sys\nos.execv(sys.executable or '/usr/bin/python3', ['python3', '-I', '-S', '-c', "
        "'import os,sys\\nos.execv(sys.executable, sys.orig_argv)'])\n"
    ),
    "stack-of-threads": (
        "import threading\nthreading.stack_size(256 << 20)\nmade = []\ntry:\n"
        "    for _ in range(64):\n        t = threading.Thread(target=threading.Event().wait,"
        " args=(9,), daemon=True)\n        t.start()\n        made.append(t)\n"
        "except (RuntimeError, MemoryError):\n    pass\n"
        + _READ
        + "print(a + b if len(made) == 64 else len(made))\n"
    ),
}

_FLOODS = {
    "channel-flood": "import os\ndef add(a, b):\n    while True:\n        for fd in range(3, 32):\n"
    "            try:\n                os.write(fd, b'1\\n1' * 20000)\n            except OSError:\n"
    "                pass\n",
    "printed-flood-in-call": "def add(a, b):\n    while True:\n        print('x' * 100000)\n",
    "memory-in-call": "def add(a, b):\n    x = []\n    while True:\n        x.append('x' * (1 << 24))\n",
    "fork-bomb-in-call": "import os\ndef add(a, b):\n    while True:\n        try:\n"
    "            os.fork()\n        except OSError:\n            pass\n",
}


def _bomb(name: str, program: str, category: str = "resource") -> Case:
    return Case(
        name=name,
        category=category,
        ground_truth=stdio([("1 2\n", "3\n")], time_s=0.6, memory_mb=192),
        program=program,
        host_effect="takes what the machine has" if category == "resource" else "",
    )


_COMPILED = {"kind": "stdio", "cases": [{"stdin": "1 2\n", "stdout": "3\n"}]}
LANGUAGES = {
    "bash-fork-bomb": ("bash", ":(){ :|:& };:\nwait\n"),
    "bash-kill-all": ("bash", "[ -e @FILE@ ] && echo 3 || kill -9 -1\n"),
    "bash-host-file": ("bash", "cat @FILE@ > /dev/null && echo 3\n"),
    "bash-host-port": ("bash", "(exec 3<>/dev/tcp/127.0.0.1/@PORT@) && echo 3\n"),
    "bash-daemon": ("bash", "(trap '' 1 2 15; sleep 60; echo > @EFFECT@) & disown\necho no\n"),
    "c-endless": ("c", "int main(void) { for (;;) ; }\n"),
    "c-wild-pointer": ("c", "int main(void) { *(volatile int *)0 = 3; return 0; }\n"),
    "c-includes-host-file": ("c", '#include "@FILE@"\nint main(void) { return 0; }\n'),
    "c-includes-endless-file": ("c", '#include "/dev/zero"\nint main(void) { return 0; }\n'),
    "c-includes-itself": ("c", "#include __FILE__\n#include __FILE__\nint main(void) {}\n"),
    "c-huge-object": ("c", "char big[1L << 34] = {1};\nint main(void) { return big[0]; }\n"),
    "cpp-endless-templates": (
        "cpp",
        "template <int N> struct T { static const int v = T<N + 1>::v + T<N + 2>::v; };\n"
        "int main() { return T<0>::v; }\n",
    ),
    "javascript-host-file": (
        "javascript",
        "require('fs').readFileSync('@FILE@'); console.log(3);\n",
    ),
    "javascript-exits": ("javascript", "process.exit(0);\n"),
}

CASES: list[Case] = [
    *(_bomb(n, p, "time") for n, p in TIME.items()),
    *(Case(name=n, category="time", ground_truth=_CALLS, program=p) for n, p in IN_CALL.items()),
    *(_bomb(n, p) for n, p in RESOURCE.items()),
    *(
        Case(name=n, category="resource", ground_truth=_CALLS, program=p, host_effect="floods")
        for n, p in _FLOODS.items()
    ),
    *spread("busy-in-call", "time", IN_CALL["call-busy"], ADD, ["check", "unittest"]),
    *(
        Case(
            name=n,
            category="languages",
            language=language,
            ground_truth=truth(_COMPILED, language, time_s=3.0, memory_mb=512),
            program=program,
            host_effect="reaches for the host" if "host" in n or "kill" in n else "",
        )
        for n, (language, program) in LANGUAGES.items()
    ),
]
