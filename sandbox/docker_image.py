"""Images for the docker sandbox: from our Dockerfile, or made of this machine without a registry.

Run as ``python -m assay.sandbox.docker_image``: it builds ``images/python.Dockerfile``, with
``--network host`` on an engine whose containers reach nothing by themselves; with
``--from-machine`` it packs the running Python, its standard library and a handful of programs with
the shared libraries they load, which needs no network and takes seconds.

An image of the machine holds no third-party package and no file of a home folder: Python is moved
to ``/usr/local``. Toolchains (a compiler and all it calls) come by the name of their Debian
package. Not covered: making images on a machine that is not Linux.
"""

from __future__ import annotations

import argparse
import io
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .contract import Missing

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["DOCKERFILE", "IMAGE", "build", "from_machine", "pack_machine"]

IMAGE = "assay-sandbox:1"
"""The name that ``build`` and ``from_machine`` give, and that the backend looks for."""
DOCKERFILE = Path(__file__).parent / "images" / "python.Dockerfile"

_PROGRAMS = (
    *("sh", "bash", "cat", "chmod", "cp", "cut", "dd", "echo", "env", "false", "find", "grep"),
    *(
        "head",
        "id",
        "kill",
        "ln",
        "ls",
        "mkdir",
        "mktemp",
        "mv",
        "ps",
        "pwd",
        "rm",
        "sed",
        "seq",
        "sleep",
        "sort",
    ),
    *("stat", "tail", "test", "touch", "tr", "true", "uname", "wc", "yes"),
)
_LOG_CHARS = 600
"""Of a build that failed: enough for the last messages of apt-get."""
_LEFT_OUT = {
    *("site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo"),
    *("ensurepip", "lib2to3", "pydoc_data"),
}
_ENVIRONMENT = ("ENV PATH=/usr/local/bin:/usr/bin:/bin", "ENV LANG=C.UTF-8")


def build(
    client: DockerClient,
    tag: str = IMAGE,
    dockerfile: Path = DOCKERFILE,
    network: str | None = None,
) -> str:
    """Build an image from a Dockerfile that needs no other file; its name.

    Needs a registry, unless the engine has the image that the Dockerfile begins with, and for ours
    Debian's packages. ``network``: of its steps; None is the engine's default. Raises ``Missing``.
    """
    from docker.errors import APIError, BuildError

    text = io.BytesIO(dockerfile.read_bytes())
    try:
        client.images.build(fileobj=text, tag=tag, network_mode=network, rm=True, forcerm=True)
    except (APIError, BuildError) as error:
        raise Missing(
            f"docker sandbox: image: {dockerfile.name} cannot be built: {error}{_last(error)};"
            " it needs a registry and Debian's packages: where only this machine reaches them, use"
            " --network host, and without any, --from-machine"
        ) from error
    return tag


def _last(error: Exception) -> str:
    """What the step that failed wrote last, which says more than its status."""
    log = getattr(error, "build_log", ())
    told = "".join(str(line.get("stream", "")) for line in log if isinstance(line, dict))
    return f": {tail}" if (tail := " ".join(told.split())[-_LOG_CHARS:]) else ""


def from_machine(
    client: DockerClient,
    tag: str = IMAGE,
    programs: Sequence[str] = _PROGRAMS,
    packages: Sequence[str] = (),
) -> str:
    """Make an image of the running Python and of ``programs`` of this machine; its name.

    Args:
        client: of the engine that gets the image.
        tag: the image's name.
        programs: looked up on PATH; those that are not there are left out.
        packages: Debian packages, installed here, to bring along with all they depend on.
    """
    with tempfile.NamedTemporaryFile(suffix=".tar") as packed:
        with tarfile.open(fileobj=packed, mode="w|") as archive:
            pack_machine(archive, programs, packages)
        packed.flush()
        name, _, version = tag.partition(":")
        client.api.import_image_from_file(
            packed.name, repository=name, tag=version or "latest", changes=list(_ENVIRONMENT)
        )
    return tag


def pack_machine(
    archive: tarfile.TarFile, programs: Sequence[str], packages: Sequence[str]
) -> None:
    """Write a root file system made of this machine into ``archive``."""
    root = _Root(archive)
    for name in ("bin", "sbin", "lib", "lib64"):
        root.link(name, f"usr/{name}")
    root.folder("tmp", 0o1777)  # what is mounted there takes its mode over
    for name in ("proc", "sys", "dev", "etc", "root"):
        root.folder(name)
    root.text("etc/passwd", "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n")
    root.text("etc/group", "root:x:0:\nnogroup:x:65534:\n")
    for path in _files_of_packages(packages):
        root.file(str(path).lstrip("/"), path)
    found = [Path(path) for path in map(shutil.which, programs) if path is not None]
    for path in found:
        root.file(f"usr/bin/{path.name}", path.resolve())
    loaded = [path.resolve() for path in found]
    for target, path in _python():
        root.file(target, path)
        if path.suffix == ".so" or target.startswith("usr/local/bin/"):
            loaded.append(path)
    for version in ("python3", "python"):
        root.link(f"usr/local/bin/{version}", _python_name())
    for target, path in _libraries(loaded):
        root.file(target, path)


class _Root:
    """A root file system being written: owned by root, every name once, nothing setuid."""

    def __init__(self, archive: tarfile.TarFile) -> None:
        self._archive = archive
        self._names: set[str] = set()

    def folder(self, name: str, mode: int = 0o755) -> None:
        if self._new(name):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            self._archive.addfile(entry)

    def link(self, name: str, target: str) -> None:
        if self._new(name):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            self._archive.addfile(entry)

    def text(self, name: str, content: str) -> None:
        if self._new(name):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content.encode()), 0o644
            self._archive.addfile(entry, io.BytesIO(content.encode()))

    def file(self, name: str, path: Path) -> None:
        """A file, link or folder of this machine, under ``name``."""
        name = re.sub(r"^(bin|sbin|lib|lib64)/", r"usr/\1/", name)
        if name in {"", "."}:
            return
        if path.is_symlink():
            self.link(name, str(path.readlink()))
        elif path.is_dir():
            self.folder(name)
        elif path.is_file() and self._new(name):
            entry = tarfile.TarInfo(name)
            status = path.stat()
            entry.size, entry.mtime = status.st_size, status.st_mtime
            entry.mode = 0o755 if status.st_mode & 0o111 else 0o644
            with path.open("rb") as content:
                self._archive.addfile(entry, content)

    def _new(self, name: str) -> bool:
        """Whether ``name`` is not there yet; makes the folders above it."""
        if name in self._names:
            return False
        self._names.add(name)
        above = str(PurePosixPath(name).parent)
        if above != ".":
            self.folder(above)
        return True


def _python_name() -> str:
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


def _python() -> Iterator[tuple[str, Path]]:
    """The running Python without third-party packages: places below ``usr/local``, and files."""
    binary = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    yield f"usr/local/bin/{_python_name()}", binary
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*")):
        place = path.relative_to(library)
        out = _LEFT_OUT.intersection(place.parts) or place.parts[0].startswith("config-")
        if path.is_file() and not out:
            yield f"usr/local/lib/{_python_name()}/{place}", path


def _libraries(programs: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    """The shared libraries that ``programs`` load, next to libc, where any loader looks."""
    command = ["ldd", *map(str, programs)]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    loaded = set(re.findall(r"=> (/\S+)", listing))
    beside = next((str(Path(path).parent) for path in loaded if "/libc.so" in path), "/usr/lib")
    for path in sorted(loaded):
        yield f"{beside.lstrip('/')}/{Path(path).name}", Path(path).resolve()
    for path in sorted(set(re.findall(r"^\s+(/\S+)", listing, re.MULTILINE))):
        yield path.lstrip("/"), Path(path).resolve()  # the loader, known by its whole path


def _files_of_packages(packages: Sequence[str]) -> list[Path]:
    """All files of Debian packages and of those they depend on, documentation left out."""
    if not packages:
        return []
    if shutil.which("dpkg-query") is None:
        raise Missing("packages of this machine: dpkg-query is not here; use a Dockerfile instead")
    asked = ["apt-cache", "depends", "--recurse", "--important", "--installed", *packages]
    tree = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    names = {line for line in tree.splitlines() if re.match(r"[a-z0-9]", line)} | set(packages)
    listing = subprocess.run(
        ["dpkg-query", "-L", *sorted(names)], capture_output=True, text=True, check=False
    ).stdout
    left_out = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/")
    lines = sorted({line for line in listing.splitlines() if line.startswith("/")})
    return [Path(line) for line in lines if not line.startswith(left_out)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the image from the command line."""
    from .docker_engine import connect

    parser = argparse.ArgumentParser(prog="python -m assay.sandbox.docker_image")
    parser.add_argument("--tag", default=IMAGE)
    parser.add_argument("--from-machine", action="store_true", help="needs no registry")
    parser.add_argument("--packages", nargs="*", default=[], help="Debian packages to bring along")
    parser.add_argument("--network", help="of the steps of a build: host, none or a network's name")
    options = parser.parse_args(arguments)
    try:
        client = connect()
        if options.from_machine:
            made = from_machine(client, options.tag, packages=options.packages)
        else:
            made = build(client, options.tag, network=options.network)
    except Missing as missing:
        sys.exit(str(missing))
    client.close()
    sys.stdout.write(f"made {made}\n")


if __name__ == "__main__":
    main()
