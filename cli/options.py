"""Options that several commands share, and what they do."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any, TypeAlias

import typer

__all__ = [
    "AsJson",
    "Plugins",
    "RecipeArgument",
    "one_line",
    "print_json",
    "reach_plugins",
    "wide_console",
]

Plugins: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--plugin",
        "-p",
        metavar="MODULE",
        help="Load a plugin module that is not installed: a dotted name, found in the current"
        " folder too, or path/to/file.py. Repeatable.",
    ),
]

AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output instead of a table.")
]

RecipeArgument: TypeAlias = Annotated[str, typer.Argument(metavar="RECIPE", help="A recipe file.")]


def reach_plugins(plugins: list[str] | None) -> tuple[str, ...]:
    """The modules asked for; the current folder is searched for them after everything else."""
    folder = os.getcwd()  # noqa: PTH109 - sys.path holds text
    if folder not in sys.path:
        sys.path.append(folder)
    return tuple(plugins or ())


def print_json(value: Any, *, err: bool = False) -> None:
    """A JSON value on standard output, or on standard error."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False), err=err)


def wide_console() -> Any:
    """A rich console for tables: a pipe has no width, so lines stay whole there, for grep."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 200, highlight=False, markup=False)


def one_line(text: str) -> str:
    """One line that any terminal takes: what an answer or a source wrote may be anything."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
