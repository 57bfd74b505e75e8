"""The house: links and folders agree, imports point down only, one spelling for each module."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("bridges", "cli", "core", "offline", "rewards", "sandbox", "trainer", "verifiers")
MAY_IMPORT = {
    "core": set(),
    "sandbox": {"core"},
    "verifiers": {"core", "sandbox"},
    "rewards": {"core"},
    "bridges": {"core"},
    "offline": {"core"},
    "trainer": {"core", "rewards", "bridges"},
    "cli": {"core", "sandbox", "verifiers", "rewards", "bridges", "offline", "trainer"},
}
HEAVY_ONLY_IN = {"trl": {"trainer"}, "ray": {"offline"}}


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imports(path: Path, room: str) -> set[str]:
    """The rooms a file imports, whether at its top or inside a function."""
    depth = len(path.relative_to(ROOT / room).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == depth + 1 and node.module:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.level == depth + 1:
            found |= {alias.name for alias in node.names if not alias.name.startswith("__")}
    return found


def absolute(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_links_and_folders_agree() -> None:
    links = {p.name: p.readlink() for p in (ROOT / "src/assay").iterdir() if p.is_symlink()}
    assert links == {room: Path("../..") / room for room in ROOMS}
    others = {p.name for p in (ROOT / "src/assay").iterdir()} - set(links) - {"__pycache__"}
    assert others == {"__init__.py", "__main__.py", "py.typed"}


@pytest.mark.parametrize("room", ROOMS)
def test_arrows_point_down(room: str) -> None:
    assert set(MAY_IMPORT) == set(ROOMS)
    for path in files(room):
        up = imports(path, room) - MAY_IMPORT[room] - {room}
        assert not up, f"{path} imports {up}"


@pytest.mark.parametrize("room", ROOMS)
def test_our_folders_are_never_imported_by_their_bare_names(room: str) -> None:
    for path in files(room):
        assert not absolute(path) & {*ROOMS, "assay"}, f"{path}: imports inside are relative"


@pytest.mark.parametrize("room", ROOMS)
def test_heavy_libraries_have_one_home(room: str) -> None:
    for path in files(room):
        for heavy, homes in HEAVY_ONLY_IN.items():
            assert heavy not in absolute(path) or room in homes, f"{path} imports {heavy}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_second_import_name_explains_itself(room: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {room}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"this folder is assay.{room}" in run.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_files_are_rooms_one_can_oversee(room: str) -> None:
    for path in files(room):
        assert len(path.read_text().splitlines()) <= 410, f"{path} is too long: split it"


@pytest.mark.parametrize("room", ROOMS)
def test_functions_stay_short(room: str) -> None:
    for path in files(room):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 60, f"{path}:{node.lineno} {node.name} has {length} lines"
