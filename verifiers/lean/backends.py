"""Which Lean runs the checker, and how one of its processes is started.

``wasm``: Lean 4.28 compiled to WebAssembly, under Node, with the core library; its verdicts are
labelled ``dev``. ``native``: a toolchain of this machine, with or without a lake project (Mathlib).
``auto``: native where there is one, else wasm. Both run the same two programs of ``checker/``, in a
jail: no network, no file but the ones that Lean reads, no other process.

Not covered: talking to them (``process``); what ``dojo`` and ``server`` add to these.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from ...core.errors import ConfigError
from ...sandbox.contract import Missing
from .wasm import assets

__all__ = ["CHECKER", "Backend", "Role", "Which", "choose"]

Which: TypeAlias = Literal["auto", "native", "wasm"]
Role: TypeAlias = Literal["Elaborator", "Referee"]

_ROLES: tuple[Role, ...] = ("Elaborator", "Referee")
_RUN = ("-j1", "-s", "65536", "--run")
"""One thread for tasks; stacks of 64 MB, which deep terms need."""
_HOME = "/tmp"  # noqa: S108 - the jail's own, in memory
CHECKER = Path(__file__).parent / "checker"
"""The two programs."""
_SAFE = (4, 34)
"""Kernels before this have holes that crafted terms reach (lean4#14484, #14576, #14582, #14838)."""
_VERSION = re.compile(r"version (\d+)\.(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """How to start a checker process."""

    name: str
    argv: Mapping[str, tuple[str, ...]]
    """Role -> command line inside the jail."""
    folders: Mapping[str, str]
    """Host path -> path inside."""
    environment: Mapping[str, str]
    trust: Literal["production", "dev", "messages"]
    """``dev``: its kernel has holes that crafted terms reach. ``messages``: nothing is replayed."""
    memory_mb: int
    """Of one process."""
    start_s: float = 180.0
    """How long a process may take until it is ready."""
    notes: tuple[str, ...] = field(default=())


def choose(
    which: Which, *, project: Path | None, memory_mb: int | None, strict: bool = False
) -> Backend:
    """The backend by name. Raises ``Missing``, saying how to get one, and ``ConfigError``."""
    if project is not None and which == "wasm":
        raise ConfigError("lean.project: goes with the backend native; wasm has core Lean alone")
    if which == "wasm":
        return _wasm(memory_mb)
    lean = _toolchain(project)
    if lean is not None:
        return _native(lean, project, memory_mb, strict=strict)
    if which == "native" or project is not None:
        raise Missing(
            "there is no Lean toolchain here: no 'lean' on the path"
            + (f" for the project {project}" if project else "")
            + "; install elan (https://lean-lang.org/install), or use the backend wasm"
        )
    return _wasm(memory_mb)


def _wasm(memory_mb: int | None) -> Backend:
    place = assets.prepared()
    if place is None:
        raise Missing(
            f"there is no Lean here: no toolchain on the path, and Lean for WebAssembly is not"
            f" prepared; run '{assets.GET}' (about 120 MB to fetch, 380 MB on disk)"
        )
    node = assets.node()
    common = (
        "/node/bin/node",
        # compiling a 137 MB module in the background costs more than it gains
        "--wasm-tiering-budget=200000000",
        "--stack-size=6500",
        "--permission",
        "--allow-worker",
        "--allow-fs-read=/lean",
        "--allow-fs-read=/checker",
        "/checker/driver.cjs",
        "/lean",
    )
    return Backend(
        name="wasm",
        argv={
            role: (*common, "--put", f"/checker/{role}.lean", *_RUN, f"/mem/{role}.lean")
            for role in _ROLES
        },
        folders={
            str(node.parent.parent): "/node",
            str(place): "/lean",
            str(CHECKER): "/checker",
        },
        environment={"LEAN_HOSTLIB": "/lean/lib", "HOME": _HOME, "PATH": "/usr/bin:/bin"},
        trust="dev",
        memory_mb=memory_mb or 2304,
        notes=("Lean 4.28: its kernel is older than the fixes of 4.34",),
    )


def _toolchain(project: Path | None) -> Path | None:
    """The real program behind ``lean``, not elan's stand-in for it, which would want a home."""
    command = shutil.which("lean")
    if command is None:
        return None
    try:
        told = subprocess.run(
            [command, "--print-prefix"],
            cwd=project,
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    prefix = Path(told.stdout.strip())
    return prefix if (prefix / "bin" / "lean").is_file() else None


def _native(prefix: Path, project: Path | None, memory_mb: int | None, *, strict: bool) -> Backend:
    version = _version(prefix)
    old = version < _SAFE
    shown = ".".join(map(str, version))
    if old and strict:
        raise Missing(
            f"Lean {shown} at {prefix} is older than {_SAFE[0]}.{_SAFE[1]}, the first"
            " kernel without known holes; move to a newer toolchain, or leave strict off"
        )
    libraries = [] if project is None else _libraries(project)
    places = {str(path): f"/libraries/{number}" for number, path in enumerate(libraries)}
    return Backend(
        name="native",
        argv={role: ("/toolchain/bin/lean", *_RUN, f"/checker/{role}.lean") for role in _ROLES},
        folders={str(prefix): "/toolchain", str(CHECKER): "/checker", **places},
        environment={
            "LEAN_PATH": ":".join(["/toolchain/lib/lean", *places.values()]),
            "LEAN_SYSROOT": "/toolchain",
            "HOME": _HOME,
            "PATH": "/toolchain/bin:/usr/bin:/bin",
        },
        trust="dev" if old else "production",
        memory_mb=memory_mb or (4096 if project is None else 12288),
        notes=(f"Lean {shown}: its kernel is older than the fixes of 4.34",) if old else (),
    )


def _version(prefix: Path) -> tuple[int, int]:
    try:
        told = subprocess.run(
            [str(prefix / "bin" / "lean"), "--version"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise Missing(f"lean at {prefix} does not say its version: {error}") from error
    found = _VERSION.search(told)
    if found is None:
        raise Missing(f"lean at {prefix} says {told.strip()[:100]!r}, which names no version")
    return int(found[1]), int(found[2])


def _libraries(project: Path) -> list[Path]:
    """Where the .olean files of a built lake project and its packages lie."""
    places = [project, *sorted((project / ".lake" / "packages").glob("*"))]
    built = [
        place / kind
        for place in places
        for kind in (".lake/build/lib/lean", ".lake/build/lib", "build/lib")
        if (place / kind).is_dir()
    ]
    if not built:
        raise ConfigError(
            f"lean.project: {project} has no built libraries below .lake/build;"
            f" run 'lake build' (or 'lake exe cache get') in {os.fspath(project)}"
        )
    return built
