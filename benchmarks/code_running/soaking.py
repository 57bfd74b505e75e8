"""What a soak needs: a mix of programs, who may be killed, and what is left on the machine.

What is left is looked for by our own marks, so that others may use the machine meanwhile: children
of this process (it is the reaper of orphans), control groups with the numbers of our processes,
containers of our engine, files of a folder that only we have. Not covered: what hostile programs do
to the host's canaries; ``tests/verifiers/programs/host.py`` looks for that.
"""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import psutil
from programs.case import Case
from programs.honest import HONEST
from programs.hostile import HOSTILE
from programs.mutants import mutants
from programs.problems import PROBLEMS

__all__ = [
    "Killer",
    "Leftovers",
    "alive",
    "containers",
    "docker_client",
    "draw",
    "inside",
    "of_an_engine",
]

LANGUAGES = ("python", "bash")
"""Those that the jail and every image have."""
GONE_WITHIN_S = 10.0
OWNER = "assay.sandbox"
ENGINE = ("dockerd", "containerd", "runc", "docker", "setpriv")
"""How the names of an engine's processes begin."""


def draw(count: int, hostile: float, seed: int) -> list[Case]:
    """Cases in a random order, ``hostile`` of them from the hostile ones."""
    rng = random.Random(seed)
    right = [
        Case(
            name=problem.entry_point,
            category="problem",
            ground_truth=problem.ground_truth,
            program=problem.program,
            passes=True,
        )
        for problem in PROBLEMS
    ]
    bad = [case for case in HOSTILE if case.language in LANGUAGES]
    good = [case for case in (*HONEST, *mutants(), *right) if case.language in LANGUAGES]
    many = round(count * hostile)
    drawn = [*rng.choices(bad, k=many), *rng.choices(good, k=count - many)]
    rng.shuffle(drawn)
    return drawn


# --- the machine -------------------------------------------------------------------------------


def docker_client() -> Any:
    """A client of the engine that answers, or None where the soak is not of docker."""
    from assay.sandbox.docker_engine import connect

    return connect()


def containers(client: Any) -> set[str]:
    """Those of the sandbox, running or not."""
    if client is None:
        return set()
    found = client.api.containers(all=True, filters={"label": OWNER})
    return {str(each["Id"]) for each in found}


def inside(client: Any, owner: psutil.Process) -> list[psutil.Process]:
    """What runs for ``owner``: its descendants, and the keepers of their containers with what makes
    processes there.

    What runs in a container as a program's own user is left out: killed from outside it looks like
    the program's doing, for a program may kill its own processes.
    """
    found = list(_below(owner))
    if client is None:
        return alive(found)
    numbers = {str(process.pid) for process in (owner, *found)}
    for each in client.api.containers(filters={"label": OWNER}):
        if str(each["Labels"][OWNER]).partition(".")[0] in numbers:
            with contextlib.suppress(Exception):  # it ends while we look
                keeper = psutil.Process(client.api.inspect_container(each["Id"])["State"]["Pid"])
                found += [keeper, min(keeper.children(), key=psutil.Process.create_time)]
    return alive(found)


def _below(process: psutil.Process) -> Iterator[psutil.Process]:
    """Descendants, but for an engine that the soak has started and what runs in its containers."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in process.children():
            if not child.name().startswith(ENGINE):
                yield child
                yield from _below(child)


def alive(processes: Sequence[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that is dead and not yet waited for does not."""
    found = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _groups(owners: set[int] | None) -> set[str]:
    """Control groups of jails that bear the number of one of ``owners``; None: all there are."""
    found, numbers = set(), set(map(str, owners or ()))
    for folder, names, _ in os.walk("/sys/fs/cgroup"):
        for name in names:
            word, _, rest = name.partition("-")
            if word == "assay" and (owners is None or rest.partition("-")[0] in numbers):
                found.add(os.path.join(folder, name))  # noqa: PTH118 - os.walk gives strings
    return found


def _mounts() -> set[str]:
    """But for what an engine of containers makes for its own."""
    return {
        line
        for line in Path("/proc/self/mounts").read_text().splitlines()
        if line.split()[2] not in ("nsfs", "overlay") and not of_an_engine(line)
    }


def of_an_engine(line: str) -> bool:
    """Whether this is about a mount of an engine, which another user of the machine may start."""
    return "/docker" in line or "/engine-" in line


class Leftovers:
    """What was here before, and what is new after."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._folder = Path(tempfile.mkdtemp(prefix="assay-soak-"))
        os.environ["TMPDIR"] = tempfile.tempdir = str(self._folder)
        self._owners: set[int] | None = None
        self._before = self._look()
        self._owners = {os.getpid()}

    def see(self, processes: Sequence[psutil.Process] = ()) -> None:
        """Remember the numbers of those and of all our descendants: what they own bears them."""
        children = psutil.Process().children(recursive=True)
        self._owners = (self._owners or set()) | {each.pid for each in (*processes, *children)}

    def _look(self) -> dict[str, set[str]]:
        children = psutil.Process().children(recursive=True)
        return {
            "processes": {f"{p.pid} {p.create_time()}" for p in alive(children)},
            "mounts": _mounts(),
            "groups": _groups(self._owners),
            "files": {str(path) for path in self._folder.rglob("*")},
            "containers": containers(self._client),
        }

    def found(self) -> dict[str, set[str]]:
        """What is new, once what is about to go has gone."""
        until = time.monotonic() + GONE_WITHIN_S
        while True:
            with contextlib.suppress(psutil.NoSuchProcess):
                now = self._look()
                new = {kind: things - self._before[kind] for kind, things in now.items()}
                if not any(new.values()) or time.monotonic() > until:
                    return new
            time.sleep(0.1)

    def close(self) -> None:
        """Take our own folder away, if nothing is in it."""
        with contextlib.suppress(OSError):
            self._folder.rmdir()


def of_a_program(process: psutil.Process) -> bool:
    """Whether a run's process started it: that one's own parent is a keeper."""
    above = process.parents()[:2]
    return len(above) == 2 and all(map(_is_fork_of_a_keeper, above))


def _is_fork_of_a_keeper(process: psutil.Process) -> bool:
    """A keeper itself too: a fork keeps the command line."""
    return any(mode in process.cmdline()[4:] for mode in ("jail", "container"))


class Killer(threading.Thread):
    """Kills a process of ours every now and then: workers, keepers, what keepers start.

    Not the one that starts workers: the engine gives up when that is killed again and again. Nor
    what a program starts: one that waits for its ``sleep`` is right when that ends early.
    Without ``every_s`` it kills nobody.
    """

    def __init__(self, client: Any, every_s: float | None, seed: int) -> None:
        super().__init__(daemon=True)
        self._client, self._every_s = client, every_s
        self._rng = random.Random(seed)
        self._over = threading.Event()
        self.killed = 0

    def run(self) -> None:
        if self._every_s is None:
            return
        while not self._over.wait(self._rng.expovariate(1 / self._every_s)):
            with contextlib.suppress(psutil.NoSuchProcess, IndexError):
                ours = psutil.Process()
                starters = set(ours.children())
                victims = [
                    each
                    for each in inside(self._client, ours)
                    if each not in starters and not of_a_program(each)
                ]
                self._rng.choice(victims).kill()
                self.killed += 1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()
