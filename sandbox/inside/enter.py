"""Make the jail and become its keeper: ``python -I -S enter.py OPTIONS``.

New user (unless root), mount, pid, net, ipc and uts namespaces; a root of read-only folders and
nothing else; then, without privileges and as process 1, the keeper, or a program that stays (see
``resident.py``). Tells its parent on descriptor 1 what is missing when a step is refused.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from . import frames, kernel
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import frames
    import kernel

NEW = "/newroot"
OLD = "/oldroot"
HIDDEN = "/hidden/proc"
PR_SET_PDEATHSIG = 1


def frame(told: dict[str, Any]) -> None:
    """To the parent of a keeper."""
    head = json.dumps(told).encode()
    os.write(1, len(head).to_bytes(4, "little") + (0).to_bytes(4, "little") + head)


def line(told: dict[str, Any]) -> None:
    """To the parent of a program that stays."""
    os.write(1, b"@!" + json.dumps(told).encode() + b"\n")


def main() -> None:
    options = json.loads(sys.argv[1])
    stays = "argv" in options
    tell = line if stays else frame
    if stays:  # there is no stream whose end it would have to notice
        kernel.call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.read(0, 1)  # our parent has put us where our memory is counted
    step = "enter new namespaces"
    try:
        outer = os.getuid(), os.getgid()
        spaces = ["mount", "pid", "net", "ipc", "uts"]
        kernel.unshare(*(spaces if outer[0] == 0 else ["user", *spaces]))
        if outer[0] != 0:
            step = "map this user into a user namespace"
            frames.write("/proc/self/setgroups", "deny")
            frames.write("/proc/self/uid_map", f"{outer[0]} {outer[0]} 1")
            frames.write("/proc/self/gid_map", f"{outer[1]} {outer[1]} 1")
        null = os.open("/dev/null", os.O_RDWR)  # the child takes the root away from both
        child = os.fork()
        if child:
            close_and_wait(child, null)
        os.setsid()
        step = "mount the root of the jail"
        build(options)
        if stays:
            step = "mount the work folder"
            size = f"size={options['disk_mb']}m,nr_inodes=4096,mode=1777"
            kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.NO_SUID | kernel.NO_DEV, size)
            kernel.mount("proc", "/proc", "proc", 14)
        step = "give up privileges"
        become_nobody(outer, options["uid"])
        if stays:
            step = f"start {options['argv'][0]} in the jail"
            stay(options)
    except OSError as error:
        tell({"is": "missing", "step": step, "why": str(error), "errno": error.errno})
        os._exit(1)
    environment = {
        "PATH": "/python/bin:/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/tmp",
        "TMPDIR": "/tmp", "PYTHONHASHSEED": "0", "TZ": "UTC", "LD_LIBRARY_PATH": "/python/lib",
    }  # fmt: skip
    if options["python"].startswith("/usr/"):
        del environment["LD_LIBRARY_PATH"]
    inside = options["python_inside"]
    try:
        os.execve(inside, [inside, "-I", "-S", "-c", options["keeper"], "jail"], environment)
    except OSError as error:
        frame({"is": "missing", "step": f"start {inside} in the jail", "why": str(error),
               "errno": error.errno})  # fmt: skip
        os._exit(1)


def stay(options: dict[str, Any]) -> NoReturn:
    """Become the program that stays. It ends when whoever started the jail does."""
    kernel.call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for which, value in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, 1024)):
        ceiling = resource.getrlimit(which)[1]
        kept = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        resource.setrlimit(which, (kept, kept))
    kernel.close_all_but(2)
    kernel.harden(first=True)
    argv = options["argv"]
    os.chdir("/tmp")
    os.execve(argv[0], argv, options["environment"])


def close_and_wait(child: int, null: int) -> NoReturn:
    """The keeper is process 1 of the jail: when it ends, the kernel ends all that is left."""
    for fd in (0, 1):
        os.dup2(null, fd)
    os.waitpid(child, 0)
    os._exit(0)


def build(options: dict[str, Any]) -> None:
    """A root made of the folders named; everything else of the host is out of reach."""
    kernel.mount(None, "/", None, kernel.REC | kernel.PRIVATE)
    kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.NO_SUID | kernel.NO_DEV, "mode=0755")
    os.mkdir("/tmp" + NEW)
    os.mkdir("/tmp" + OLD)
    kernel.pivot_root("/tmp", "/tmp" + OLD)
    os.chdir("/")
    kernel.mount("tmpfs", NEW, "tmpfs", kernel.NO_SUID | kernel.NO_DEV, "mode=0755,size=4m")
    for source, target in options["folders"]:
        show(source, target)
    os.makedirs(NEW + "/dev", 0o755)
    for name in ("null", "zero", "full", "random", "urandom"):
        show("/dev/" + name, "/dev/" + name)
    for folder, mode in (("/tmp", 0o1777), ("/proc", 0o755), ("/etc", 0o755)):
        os.makedirs(NEW + folder, exist_ok=True)
        os.chmod(NEW + folder, mode)
    os.symlink("/tmp", NEW + "/dev/shm")
    frames.write(NEW + "/etc/passwd", "runner:x:1000:1000::/tmp:/bin/sh\n")
    frames.write(NEW + "/etc/group", "runner:x:1000:\n")
    # For the keeper alone, through a descriptor: nobody can walk into a folder without a mode. It
    # must stay mounted, or a run that needs a /proc of its own could not mount one.
    os.makedirs(NEW + HIDDEN)
    kernel.mount("proc", NEW + HIDDEN, "proc", 14)
    proc = os.open(NEW + HIDDEN, os.O_RDONLY | os.O_DIRECTORY)
    os.dup2(proc, frames.PROC_AT, inheritable=True)
    os.close(proc)
    os.chmod(NEW + os.path.dirname(HIDDEN), 0)
    kernel.umount(OLD)
    os.chdir(NEW)
    kernel.pivot_root(".", ".")
    kernel.umount(".")
    os.chdir("/")
    kernel.set_read_only("/", recursive=False)


def show(source: str, target: str) -> None:
    """A file or folder of the host at a place of the jail, never to be written."""
    at, new = OLD + source, NEW + target
    if os.path.islink(at):
        os.makedirs(os.path.dirname(new), exist_ok=True)
        os.symlink(os.readlink(at), new)
        return
    if not os.path.exists(at):
        return
    if os.path.isdir(at):
        os.makedirs(new, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(new), exist_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_WRONLY, 0o644))
    kernel.mount(at, new, None, kernel.BIND | kernel.REC)
    if not target.startswith("/dev/"):
        kernel.set_read_only(new, recursive=True)


def become_nobody(outer: tuple[int, int], uid: int) -> None:
    """As root: a user of the host that owns nothing. All capabilities go."""
    kernel.call("sethostname", b"jail", 4)
    if outer[0] == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.drop_capabilities()
    kernel.call("prctl", 38, 1, 0, 0, 0)


if __name__ == "__main__":
    main()
