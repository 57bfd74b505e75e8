"""The languages of answers: how each is written to a file, compiled and run in the sandbox.

To add one, add a row: nothing else knows languages. Whether its tools are there is asked of the
sandbox itself, once per opened source, since an image may have what this machine has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

__all__ = ["LANGUAGES", "Language", "language_named"]

_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData")

_GO = (
    "HOME=$PWD GOCACHE=$PWD/.cache GOTMPDIR=$PWD GO111MODULE=off GOPROXY=off CGO_ENABLED=0"
    " go build -ldflags='-s -w' -o main main.go"
)


@dataclass(frozen=True, slots=True)
class Language:
    """One language."""

    name: str
    tags: tuple[str, ...]
    """What a code fence may call it, and a ground truth."""
    file: str
    """The name of the source file."""
    run: tuple[str, ...]
    """The command, in the work folder."""
    compile: tuple[str, ...] = ()
    """The command that makes ``made``; none where the source itself is run."""
    made: str = ""
    """The file that compiling leaves, and all that a run gets."""
    needs: tuple[str, ...] = ()
    """Executables that must be there."""
    memory_mb: int = 0
    """Added to the memory of a run, for a virtual machine that takes it before the program does."""
    pids: int = 0
    """Added to the threads of a run, likewise."""
    marks: tuple[str, ...] = ()
    """Beginnings of lines that tell this language where there is no fence."""


LANGUAGES: dict[str, Language] = {
    row.name: row
    for row in (
        Language(
            "python",
            ("python", "py", "python3", "py3", "python3.11"),
            "main.py",
            ("python3", "main.py"),
            marks=("def ", "class ", "import ", "from ", "print(", "for ", "while ", "@"),
        ),
        Language(
            "javascript",
            ("javascript", "js", "node", "nodejs", "mjs"),
            "main.js",
            ("node", "--max-old-space-size=512", "main.js"),
            needs=("node",),
            memory_mb=512,
            pids=32,
            marks=("const ", "let ", "var ", "function ", "console.", "import ", "require("),
        ),
        Language(
            "c",
            ("c", "c11", "c17"),
            "main.c",
            ("./main",),
            ("gcc", "-O2", "-std=gnu17", "-o", "main", "main.c", "-lm", "-pthread"),
            "main",
            ("gcc",),
            marks=("#include", "int main", "typedef "),
        ),
        Language(
            "cpp",
            ("cpp", "c++", "cc", "cxx", "cpp17", "cpp20", "c++17", "c++20"),
            "main.cpp",
            ("./main",),
            ("g++", "-O2", "-std=gnu++20", "-o", "main", "main.cpp", "-pthread"),
            "main",
            ("g++",),
            marks=("#include", "int main", "using namespace", "template"),
        ),
        Language(
            "bash",
            ("bash", "sh", "shell", "zsh"),
            "main.sh",
            ("bash", "main.sh"),
            needs=("bash",),
            marks=("#!", "echo ", "read ", "for ", "while ", "if ["),
        ),
        Language(
            "java",
            ("java",),
            "Main.java",
            ("java", *_JVM, "-Xmx512m", "-Xss64m", "-cp", "main.jar", "Main"),
            ("sh", "-c", "javac -J-Xmx512m -d out Main.java && jar -cf main.jar -C out ."),
            "main.jar",
            ("javac", "jar", "java"),
            memory_mb=768,
            pids=64,
            marks=("import java", "public class", "class ", "package "),
        ),
        Language(
            "go",
            ("go", "golang"),
            "main.go",
            ("./main",),
            (
                "sh",
                "-c",
                _GO,
            ),
            "main",
            ("go",),
            memory_mb=256,
            pids=32,
            marks=("package ", "func ", "import "),
        ),
        Language(
            "rust",
            ("rust", "rs"),
            "main.rs",
            ("./main",),
            ("rustc", "-O", "--edition=2021", "-C", "debuginfo=0", "-o", "main", "main.rs"),
            "main",
            ("rustc",),
            marks=("use ", "fn ", "pub ", "impl ", "struct "),
        ),
        Language(
            "sql",
            ("sql", "sqlite", "sqlite3"),
            "main.sql",
            (),
            marks=("select", "with", "insert", "update", "create", "SELECT", "WITH", "CREATE"),
        ),
    )
}
"""Name -> row."""

SQL_RUNNER = r"""
import sqlite3, sys

def shown(value):
    return "" if value is None else value.hex() if type(value) is bytes else str(value)

def statements(text):
    held = ""
    for piece in text.split(";"):
        held += piece + ";"
        if sqlite3.complete_statement(held):
            yield held
            held = ""
    if held.strip("; \t\r\n"):
        yield held

base = sqlite3.connect(":memory:", isolation_level=None)
with open("setup.sql", encoding="utf-8") as file:
    base.executescript(file.read() + "\n;" + sys.stdin.read())
try:
    with open("main.sql", encoding="utf-8") as file:
        for statement in statements(file.read()):
            for row in base.execute(statement):
                print("|".join(map(shown, row)))
except sqlite3.Error as error:
    sys.exit(f"sqlite: {error}")
"""
"""Runs the answer's statements after the test's own; a row is a line, its columns divided by |."""


@lru_cache(maxsize=1)
def _by_tag() -> dict[str, Language]:
    return {tag: row for row in LANGUAGES.values() for tag in row.tags}


def language_named(tag: str) -> Language | None:
    """The language a fence or a ground truth calls by this name; None for an unknown one."""
    return _by_tag().get(tag.strip().lower())
