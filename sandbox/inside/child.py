"""One run, from the moment its process is ready until the program ends.

The process was prepared before there was anything to run: in namespaces of its own (jail) or as a
plain fork (container). ``main`` takes a fresh work folder, gives up everything else, waits for the
job, and becomes the program. Runs inside, so standard library only.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import signal
import sys
import types
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from . import frames, kernel, server
else:
    import inside_frames as frames
    import inside_kernel as kernel
    import inside_server as server

WORK = "/tmp"
GIVEN_UP = 125
"""Exit status of a run that could not be set up."""
TROUBLE = 6
"""Where it says why. Closed before the program begins: a program cannot make itself a fault."""
BOUNDS = ("command", "cpu_s", "disk_mb", "pids", "open_files")
"""What must be known of a run to prepare its process."""
USUAL: dict[str, Any] = {
    "command": False, "cpu_s": 7, "disk_mb": 64, "pids": 32, "open_files": 64,
}  # fmt: skip
"""Of the first one, before any run has said."""
_LENGTH = 4


class Terms:
    """What the processes of a run are held to, as the kernel takes it.

    Worked out once for all that are made alike, and not in each of them: a forked process copies
    every page that it touches.

    Args:
        bounds: see ``BOUNDS``.
        others: how many processes this user has besides those of the run.
    """

    def __init__(self, bounds: dict[str, Any], others: int) -> None:
        self.command: bool = bounds["command"]
        size = f"size={bounds['disk_mb']}m,nr_inodes=4096,mode=1777"
        flags = kernel.NO_SUID | kernel.NO_DEV
        self.work = kernel.mount_words("tmpfs", WORK, "tmpfs", flags, size)
        self.limits = limits_of(bounds, others)


def limits_of(bounds: dict[str, Any], others: int) -> list[tuple[int, tuple[int, int]]]:
    """Bounds of each process; those of the tree are kept from outside. Never above what we have."""
    disk = bounds["disk_mb"] << 20
    limits = []
    for which, value in (
        (resource.RLIMIT_CPU, bounds["cpu_s"]),
        (resource.RLIMIT_FSIZE, disk),
        (resource.RLIMIT_NOFILE, bounds["open_files"]),
        (resource.RLIMIT_NPROC, bounds["pids"] + others),
        (resource.RLIMIT_STACK, 256 << 20 if not bounds["command"] else 64 << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        ceiling = resource.getrlimit(which)[1]
        kept = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        limits.append((which, (kept, kept)))
    return limits


def main(job_fd: int, uid: int | None, terms: Terms) -> NoReturn:
    """Never returns. ``uid``: the user to become, in a container; None in a jail."""
    try:
        folder = enter(terms, uid)
        job, blobs = receive(job_fd)
        os.close(job_fd)
        for name, blob in zip(job["files"], blobs, strict=False):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(blob)
            os.chmod(os.path.join(folder, name), 0o755)
        source, setup = (blob.decode("utf-8", "surrogatepass") for blob in blobs[-2:])
    except BaseException:
        import traceback

        os.write(TROUBLE, traceback.format_exc().encode()[-2000:])
        os._exit(GIVEN_UP)
    if job["kind"] == "command":
        command(job["argv"], job["keep"])
    kernel.close_all_but(2 if job["kind"] == "script" else 4)
    if job["kind"] == "server":
        server.serve(3, 4, source, setup)
    script(source)


def enter(terms: Terms, uid: int | None) -> str:
    """The work folder and the limits; everything else is given up, for good."""
    folder = settle(terms, uid)
    for which, value in terms.limits:
        resource.setrlimit(which, value)
    kernel.drop_capabilities()
    if uid is not None:  # in a jail there is nothing else to write to
        kernel.landlock(folder)
    if not terms.command:
        kernel.harden(first=uid is None)
    return folder


def receive(fd: int) -> tuple[dict[str, Any], list[bytes]]:
    """The job and its blobs; the last two are the source and the setup."""
    head = json.loads(frames.exactly(int.from_bytes(frames.exactly(_LENGTH, fd), "little"), fd))
    return head, [frames.exactly(size, fd) for size in head["blobs"]]


def settle(terms: Terms, uid: int | None) -> str:
    """The work folder, new and empty; nothing else can be written."""
    if uid is None:
        kernel.mount_by(terms.work)
        if terms.command:
            kernel.mount("proc", "/proc", "proc", 14)
        folder = WORK
    else:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        folder = f"{WORK}/{uid}"
        os.mkdir(folder, 0o700)
        os.environ.update(HOME=folder, TMPDIR=folder)
    os.chdir(folder)
    return folder


def open_streams() -> None:
    """Standard streams of the program to come, over descriptors 0 to 2, which are pipes then. Done
    where processes are made, so that none has to do it."""
    kept = [os.dup(fd) for fd in range(3)]
    for fd, end in ((0, 0), (1, 1), (2, 1)):
        pipe = os.pipe()
        os.dup2(pipe[end], fd)
        for unused in pipe:
            os.close(unused)
    stdin = open(0, encoding="utf-8", closefd=False)
    stdout = open(1, "w", encoding="utf-8", closefd=False)
    stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    for name, stream in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr)):
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for fd, old in enumerate(kept):
        os.dup2(old, fd)
        os.close(old)


def script(source: str) -> NoReturn:
    """A Python program as ``__main__``, with real descriptors 0, 1 and 2."""
    main_module = types.ModuleType("__main__")
    main_module.__dict__.update(__builtins__=__builtins__, __file__="main.py")
    sys.modules["__main__"] = main_module
    sys.argv = ["main.py"]
    status = 0
    try:
        exec(compile(source.removeprefix("\ufeff"), "main.py", "exec"), main_module.__dict__)
    except SystemExit as leaving:
        status = status_of(leaving)
    except BaseException:
        told()
        status = 1
    try:
        if "threading" in sys.modules:
            sys.modules["threading"]._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
    except BaseException:
        status = status or 1
    os._exit(status & 255)


def told() -> None:
    try:
        import traceback

        kind, error, trace = sys.exc_info()
        traceback.print_exception(kind, error, trace.tb_next if trace else None)
    except BaseException:
        os.write(2, b"an error that cannot be shown\n")


def status_of(leaving: SystemExit) -> int:
    """As Python has it: of an integer its low bits, and -1 for what a C long does not hold."""
    try:
        code = leaving.code
        if code is None:
            return 0
        if isinstance(code, int):
            number = int.__index__(code)  # whatever its class says
            return number if -(1 << 63) <= number < 1 << 63 else -1
        os.write(2, str(code).encode("utf-8", "backslashreplace") + b"\n")
    except BaseException:  # raised by the program's own class: shown as any error of its
        told()
    return 1


def command(argv: list[str], keep: list[str]) -> NoReturn:
    """Another program. This process stays to say how it ended and to hand back its files.

    The exit status is 128 and the signal's number when a signal ended it, as a shell has it.
    """
    pid = os.fork()
    if pid == 0:
        try:
            kernel.close_all_but(2)
            kernel.harden()
            os.execvpe(argv[0], argv, dict(os.environ))
        except OSError as error:
            os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
            os._exit(127)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for fd in (0, 1, 2):
        os.close(fd)
    while True:
        ended, status = os.wait()
        if ended == pid:
            break
    files = {}
    for name in keep:
        try:
            if not os.path.islink(name) and os.path.isfile(name):
                with open(name, "rb") as file:
                    files[name] = file.read(64 << 20)
        except OSError:
            continue
    head = json.dumps({"kept": {name: len(blob) for name, blob in files.items()}}).encode()
    for part in (b"%d\n" % len(head), head, *files.values()):
        view = memoryview(part)
        while view:
            view = view[os.write(4, view) :]
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
