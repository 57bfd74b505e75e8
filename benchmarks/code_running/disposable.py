"""A disposable jail for graders that hold nothing: ``python -I -S disposable.py OPTIONS``.

Other graders run hostile programs in their own interpreter, so they run in here: namespaces of
their own (user unless root, mount, pid, net, ipc, uts), a read-only root with the folders named and
nothing else, a small /tmp in memory, a user that owns nothing, limits on every process; the parent
counts memory and processes where it may. Unlike the jail of ``assay.sandbox`` there is no seccomp
filter and nothing is clean from run to run: the graders' managers need sockets.

OPTIONS: JSON with ``inside`` (the folder of ``enter.py``), ``folders``, ``uid``, ``argv``.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from typing import NoReturn


def main() -> NoReturn:
    options = json.loads(sys.argv[1])
    sys.path.insert(0, options["inside"])
    import enter
    import kernel

    os.read(0, 1)  # our parent has put us where our memory is counted
    outer = os.getuid(), os.getgid()
    spaces = ["mount", "pid", "net", "ipc", "uts"]
    kernel.unshare(*(spaces if outer[0] == 0 else ["user", *spaces]))
    if outer[0] != 0:
        enter.write("/proc/self/setgroups", "deny")
        enter.write("/proc/self/uid_map", f"{outer[0]} {outer[0]} 1")
        enter.write("/proc/self/gid_map", f"{outer[1]} {outer[1]} 1")
    null = os.open("/dev/null", os.O_RDWR)
    child = os.fork()
    if child:
        for fd in (0, 1):
            os.dup2(null, fd)
        os.waitpid(child, 0)
        os._exit(0)
    os.setsid()
    enter.build(options)
    kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.NO_SUID | kernel.NO_DEV, "size=128m,mode=1777")
    enter.become_nobody(outer, options["uid"])
    kernel.call("prctl", 1, 9, 0, 0, 0)  # die with the process that waits
    for which, value in (
        (resource.RLIMIT_AS, 4 << 30),
        (resource.RLIMIT_NPROC, 200),
        (resource.RLIMIT_FSIZE, 128 << 20),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (value, value))
    os.chdir("/tmp")
    environment = {"PATH": options["path"], "LANG": "C.UTF-8", "HOME": "/tmp"}
    os.execve(options["argv"][0], options["argv"], environment)


if __name__ == "__main__":
    main()
