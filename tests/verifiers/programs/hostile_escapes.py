"""Programs that try to reach the host: they answer right only when that worked.

A program that sees the host's own file has escaped already: it says so and does no harm. So the
set can be run against a grader that turns out to hold nothing. Not covered: exploits of the kernel.
"""

# ruff: noqa: E501, ISC004 - tables of programs: one that fits a line stays on it

from __future__ import annotations

from .case import Case, spread
from .tasks import ADD, calls

__all__ = ["CASES"]

_HEAD = """
import ctypes, errno, os, signal, socket, struct, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def did(f, *args):
    try:
        return f(*args)
    except OSError:
        return None
"""
_TAIL = """
a, b = map(int, input().split())
if os.path.exists("@FILE@"):
    out = True
else:
    out = escape()
print(a + b if out else "held")
"""

ESCAPES = {
    "read-host-file": ("def escape():\n    return did(open, '@FILE@') is not None\n", ""),
    "read-shadow": (
        "def escape():\n    f = did(open, '/etc/shadow')\n    return bool(f and f.read())\n",
        "",
    ),
    "read-host-through-proc": (
        "def escape():\n    for pid in ('1', 'self', str(os.getppid()), '2'):\n"
        "        for way in ('root', 'cwd', 'root/proc/1/root'):\n"
        "            if did(open, f'/proc/{pid}/{way}@FILE@'):\n                return True\n",
        "",
    ),
    "environment-of-host": (
        "def escape():\n    text = repr(os.environ)\n    for pid in ('1', 'self',"
        " str(os.getppid()), *map(str, range(1, 60))):\n        f = did(open, f'/proc/{pid}/environ',"
        " 'rb')\n        try:\n            text += repr(f.read()) if f else ''\n"
        "        except OSError:\n            pass\n    return 'ASSAY_CANARY' in text\n",
        "",
    ),
    "loopback-port": (
        "def escape():\n    for host in ('127.0.0.1', 'localhost', '0.0.0.0'):\n"
        "        if did(socket.create_connection, (host, int('@PORT@')), 0.3):\n"
        "            return True\n",
        "connects to a server of the host",
    ),
    "loopback-port-v6": (
        "def escape():\n    return did(socket.create_connection, ('::1', int('@PORT@')), 0.3)\n",
        "",
    ),
    "resolve-a-name": (
        "def escape():\n    return did(socket.getaddrinfo, 'example.org', 80)\n",
        "",
    ),
    "send-udp": (
        "def escape():\n    s = did(socket.socket, 2, 2)\n"
        "    s and did(s.sendto, b'hello', ('127.0.0.1', int('@PORT@')))\n",
        "sends to a server of the host",
    ),
    "raw-and-odd-sockets": (
        "def escape():\n    kinds = [(17, 3), (2, 3), (16, 3), (40, 1), (38, 5), (44, 3), (31, 3)]\n"
        "    made = [did(socket.socket, f, k) for f, k in kinds]\n    return any(made[:2])\n",
        "",
    ),
    "abstract-sockets-of-host": (
        "def escape():\n    s = did(socket.socket, socket.AF_UNIX)\n    if not s:\n        return\n"
        "    for name in ('\\0@NAME@', '/run/docker.sock', '/var/run/docker.sock', "
        "'/run/dbus/system_bus_socket', '/run/systemd/private'):\n        try:\n"
        "            s.connect(name)\n            return True\n        except OSError:\n"
        "            pass\n",
        "connects to a server of the host",
    ),
    "kill-parent": (
        "def escape():\n    did(os.kill, os.getppid(), 9)\n    time.sleep(0.05)\n",
        "kills its parent",
    ),
    "kill-parent-by-libc": (
        "def escape():\n    libc.kill(libc.getppid(), 9)\n    libc.kill(0, 9)\n",
        "kills its parent",
    ),
    "kill-everyone": (
        "def escape():\n    did(os.kill, -1, 9)\n    time.sleep(0.05)\n",
        "kills all processes it may",
    ),
    "kill-by-number": (
        "def escape():\n    for pid in range(2, 400):\n        if pid != os.getpid():\n"
        "            did(os.kill, pid, 9)\n    did(os.killpg, os.getpgrp(), 19)\n",
        "kills processes by number",
    ),
    "stop-everyone": (
        "def escape():\n    did(os.kill, os.getppid(), 19)\n    did(os.kill, -1, 19)\n",
        "stops all processes it may",
    ),
    "ptrace-parent": (
        "def escape():\n    libc.ptrace.restype = ctypes.c_long\n"
        "    for pid in {os.getppid(), 1, 2, 3}:\n"
        "        if pid > 0 and pid != os.getpid() and libc.ptrace(16, pid, 0, 0) == 0:\n"
        "            return True\n",
        "attaches to other processes",
    ),
    "memory-of-parent": (
        "def escape():\n    here = ctypes.create_string_buffer(64)\n"
        "    vec = struct.pack('PN', ctypes.addressof(here), 64)\n"
        "    far = struct.pack('PN', id(None), 64)\n"
        "    for pid in {os.getppid(), 1, 2} - {0, os.getpid()}:\n"
        "        if libc.process_vm_readv(pid, vec, 1, far, 1, 0) > 0:\n            return True\n"
        "        if did(open, f'/proc/{pid}/mem', 'rb'):\n            return True\n",
        "",
    ),
    "take-descriptor-of-parent": (
        "def escape():\n    for pid in {os.getppid(), 1} - {0, os.getpid()}:\n"
        "        fd = libc.syscall(434, pid, 0)\n        for n in range(16):\n"
        "            if fd >= 0 and libc.syscall(438, fd, n, 0) >= 0:\n                return True\n",
        "",
    ),
    "chmod-root": (
        "def escape():\n    for path in ('/', '/tmp', '/usr', '/dev', '/lib', '.', '..'):\n"
        "        did(os.chmod, path, 0)\n",
        "makes folders unusable",
    ),
    "remove-the-house": (
        "import shutil\ndef escape():\n    for path in ('/tmp', '/usr/lib/python3', '/srv', '/home', "
        "'/dev/shm', '.'):\n        shutil.rmtree(path, ignore_errors=True)\n"
        "    did(os.unlink, sys.executable)\n    did(os.rename, '/usr', '/user')\n",
        "removes files",
    ),
    "overwrite-the-interpreter": (
        "def escape():\n    for path in (sys.executable, os.__file__, '/bin/sh', '/etc/passwd', "
        "'/proc/self/exe'):\n        f = did(open, path, 'ab')\n        if f and did(f.write, b'#'):\n"
        "            return True\n",
        "writes to files of the system",
    ),
    "write-host-path": (
        "def escape():\n    did(os.makedirs, os.path.dirname('@EFFECT@'))\n"
        "    did(lambda: open('@EFFECT@', 'w').write('here'))\n",
        "writes a file",
    ),
    "symlink-swap": (
        "def escape():\n    for name in ('out', 'stdout', 'result', 'main.py', 'solution.py'):\n"
        "        did(os.unlink, name)\n        did(os.symlink, '@EFFECT@', name)\n"
        "        did(lambda: open(name, 'w').write('here'))\n    here = os.getcwd()\n"
        "    did(os.chdir, '/')\n    did(os.rmdir, here)\n    did(os.symlink, '/', here)\n",
        "writes through a link",
    ),
    "dot-dot": (
        "def escape():\n    return did(open, '../' * 40 + '@FILE@'.lstrip('/')) is not None\n",
        "",
    ),
    "chroot-out": (
        "def escape():\n    did(os.mkdir, 'jail')\n    fd = os.open('/', os.O_RDONLY)\n"
        "    did(os.chroot, 'jail')\n    did(os.fchdir, fd)\n    for _ in range(64):\n"
        "        did(os.chdir, '..')\n    did(os.chroot, '.')\n"
        "    return os.path.exists('@FILE@')\n",
        "",
    ),
    "mount-something": (
        "def escape():\n    done = [libc.mount(b'none', p, b'tmpfs', 0, None) == 0 for p in "
        "(b'/tmp', b'/mnt', b'/usr', b'.')]\n    done.append(libc.mount(b'proc', b'/proc', b'proc',"
        " 0, None) == 0)\n    done.append(libc.umount2(b'/', 2) == 0)\n    return any(done)\n",
        "mounts",
    ),
    "new-user-namespace": (
        "def escape():\n    if libc.unshare(0x10000000) != 0:\n        return False\n"
        "    for f, t in (('setgroups', 'deny'), ('uid_map', '0 0 1'), ('gid_map', '0 0 1')):\n"
        "        did(lambda: open('/proc/self/' + f, 'w').write(t))\n"
        "    return libc.unshare(0x00020000 | 0x40000000) == 0\n",
        "",
    ),
    "clone-namespaces": (
        "def escape():\n    pid = libc.syscall(56, 0x10000000 | 0x20000000 | 17, 0, 0, 0, 0)\n"
        "    if pid == 0:\n        os._exit(0)\n    return pid > 0\n",
        "",
    ),
    "join-host-namespaces": (
        "def escape():\n    for pid in ('1', str(os.getppid())):\n"
        "        for kind in ('mnt', 'net', 'pid', 'user', 'ipc'):\n"
        "            fd = did(os.open, f'/proc/{pid}/ns/{kind}', 0)\n"
        "            if fd is not None and libc.setns(fd, 0) == 0:\n                return True\n",
        "",
    ),
    "become-root": (
        "def escape():\n    before = os.getuid()\n    did(os.setuid, 0), did(os.setgid, 0),"
        " did(os.setgroups, [0])\n    did(os.setresuid, 0, 0, 0)\n"
        "    did(os.system, 'sudo -n true; su -c true')\n"
        "    f = did(os.open, '/root', os.O_RDONLY)\n"
        "    return before != 0 and os.getuid() == 0 or bool(f and did(os.listdir, '/root'))\n",
        "",
    ),
    "make-a-device": (
        "import stat\ndef escape():\n    for major, minor in ((1, 1), (8, 0), (254, 0), (259, 0)):\n"
        "        did(os.mknod, f'd{major}', 0o666 | stat.S_IFBLK, os.makedev(major, minor))\n"
        "        did(os.mknod, f'c{major}', 0o666 | stat.S_IFCHR, os.makedev(major, minor))\n"
        "        for kind in 'dc':\n            if did(open, f'{kind}{major}', 'rb'):\n"
        "                return True\n    return any(did(open, p, 'rb') for p in ('/dev/mem', "
        "'/dev/vda', '/dev/sda', '/dev/kmsg', '/dev/kvm', '/dev/fuse'))\n",
        "",
    ),
    "file-by-handle": (
        "def escape():\n    for inode in (1, 2, 128):\n        handle = struct.pack('<IiIII', 8, 1,"
        " inode, 0, 0)\n        fd = libc.open_by_handle_at(did(os.open, '/', 0) or 3, handle, 0)\n"
        "        if fd >= 0 and did(os.listdir, fd):\n            return True\n",
        "",
    ),
    "kernel-doors": (
        "def escape():\n    buf = ctypes.create_string_buffer(256)\n"
        "    tries = [(321, 0, buf, 64), (298, buf, 0, -1, -1, 0), (323, 0), (425, 8, buf),"
        " (246, 0, 0, 0, 0), (175, buf, 1, b''), (313, 0, b'', 0), (167, b'/x', 0), (153,)]\n"
        "    return any(libc.syscall(*t) >= 0 for t in tries)\n",
        "",
    ),
    "clock-and-name": (
        "def escape():\n    name = b'assay-owned'\n    now = struct.pack('ll', int(time.time()), 0)\n"
        "    return libc.sethostname(name, len(name)) == 0 or libc.settimeofday(now, None) == 0\n",
        "sets the machine's name",
    ),
    "kernel-settings": (
        "def escape():\n    for path in ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', "
        "'/sys/kernel/uevent_helper', '/proc/sys/kernel/hostname'):\n"
        "        f = did(open, path, 'r+')\n        if f:\n            return True\n",
        "writes kernel settings",
    ),
    "control-groups": (
        "import glob\ndef escape():\n    for top in ('/sys/fs/cgroup', '/sys/fs/cgroup/memory'):\n"
        "        for name in ('memory.max', 'memory.limit_in_bytes', 'pids.max', 'release_agent', "
        "'cgroup.procs'):\n            for path in [f'{top}/{name}', *glob.glob(f'{top}/*/{name}')]:\n"
        "                if did(open, path, 'r+'):\n                    return True\n",
        "lifts its limits",
    ),
    "raise-limits": (
        "import resource\ndef escape():\n    for what in (resource.RLIMIT_NPROC, resource.RLIMIT_CPU,"
        " resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_AS):\n"
        "        soft, hard = resource.getrlimit(what)\n        if hard == -1:\n            continue\n"
        "        try:\n            resource.setrlimit(what, (hard + 1, hard + 1))\n"
        "            return True\n        except (ValueError, OSError):\n            pass\n",
        "",
    ),
    "type-into-the-terminal": (
        "import fcntl\ndef escape():\n    for path in ('/dev/tty', '/dev/pts/0', '/dev/console'):\n"
        "        fd = did(os.open, path, os.O_RDWR)\n        for n in (fd, 0, 1, 2):\n"
        "            if n is not None and did(fcntl.ioctl, n, 0x5412, b'x') is not None:\n"
        "                return True\n",
        "types into a terminal",
    ),
    "setuid-file": (
        "def escape():\n    open('s', 'w').write('#!/bin/sh\\nid\\n')\n    did(os.chmod, 's', 0o6755)\n"
        "    did(os.chown, 's', 0, 0)\n    did(os.system, './s > /dev/null 2>&1')\n"
        "    return False\n",
        "",
    ),
    "daemon": (
        "def escape():\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n"
        "            for sig in range(1, 65):\n                try:\n"
        "                    signal.signal(sig, signal.SIG_IGN)\n"
        "                except (OSError, ValueError):\n                    pass\n"
        "            for _ in range(600):\n                time.sleep(0.1)\n"
        "                did(lambda: open('@EFFECT@', 'w').write('here'))\n        os._exit(0)\n"
        "    os.wait()\n",
        "outlives the run",
    ),
    "daemons-with-open-pipes": (
        "def escape():\n    for _ in range(5):\n        if os.fork() == 0:\n            os.setsid()\n"
        "            time.sleep(60)\n            os._exit(0)\n",
        "outlives the run",
    ),
    "core-dump": (
        "import resource\ndef escape():\n    try:\n"
        "        resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))\n    except (ValueError, OSError):\n"
        "        pass\n    os.abort()\n",
        "leaves a core file",
    ),
}

_IN_CALL = {
    "kill-parent": "    did(os.kill, os.getppid(), 9)\n",
    "kill-everyone": "    did(os.kill, -1, 9)\n",
    "stop-self": "    os.kill(os.getpid(), 19)\n",
    "ptrace-me": "    libc.ptrace(0, 0, 0, 0)\n    os.kill(os.getpid(), 5)\n",
}

CASES: list[Case] = [
    *(
        c
        for n, (body, effect) in ESCAPES.items()
        for c in spread(n, "escape", _HEAD + body + _TAIL, ADD, ["one"], host_effect=effect)
    ),
    *(
        Case(
            name=f"{n}[function]",
            category="escape",
            ground_truth=calls("add", [((1, 2), 3)], time_s=0.5),
            program=_HEAD
            + f"def add(a, b):\n    if os.path.exists('@FILE@'):\n        return a + b\n{line}",
            host_effect="signals the grader",
        )
        for n, line in _IN_CALL.items()
    ),
]
