"""The command ``assay``. Each command lives in a module of its own and imports what it runs only
when it runs, so that ``assay --help`` is quick.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .audit import audit
from .check import check
from .doctor import doctor
from .exits import guarded
from .judge_eval import judge_eval
from .new_plugin import new_plugin
from .recipes import recipe_app
from .report import report
from .rm_eval import rm_eval
from .score import score
from .select import select
from .sources import sources
from .training import train

__all__ = ["app", "main"]

app = typer.Typer(
    name="assay",
    help="Verifiers and rewards for reinforcement learning with verifiable rewards.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from ..core.version import __version__

        typer.echo(f"assay {__version__}")
        raise typer.Exit


@app.callback()
def _face(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    del version  # its callback has done the work


app.command()(guarded(score))
app.command()(guarded(select))
app.command()(guarded(train))
app.command()(guarded(sources))
app.command()(guarded(audit))
app.command("judge-eval")(guarded(judge_eval))
app.command("rm-eval")(guarded(rm_eval))
app.command()(guarded(check))
app.command("new-plugin")(guarded(new_plugin))
app.command()(guarded(doctor))
app.command()(guarded(report))
app.add_typer(recipe_app, name="recipe")


def main() -> None:
    """Run the command line; ends the process with a meaning, see ``Exit``."""
    app()
