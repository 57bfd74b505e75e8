"""``assay score``: words in, ``score_file`` called, a summary out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from .exits import Exit
from .options import AsJson, Plugins, print_json, reach_plugins

if TYPE_CHECKING:
    from ..offline.score import Outcome

__all__ = ["score"]


class BadRowsChoice(StrEnum):
    """``raise`` or ``skip``."""

    RAISE = "raise"
    SKIP = "skip"


Input: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="IN",
        help="JSON lines (also .gz), Parquet, Arrow, CSV; a folder saved by datasets; a dataset's"
        " name; or - for JSON lines on standard input.",
    ),
]
RecipeOption: TypeAlias = Annotated[
    str, typer.Option("--recipe", "-r", help="A recipe file, or the name of a source.")
]
Output: TypeAlias = Annotated[
    str,
    typer.Option(
        "--output", "-o", help="OUT.parquet, .jsonl, .arrow or .csv; or - for JSON lines."
    ),
]
Columns: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=COLUMN", help="Say which column is what. Repeatable."),
]
Split: TypeAlias = Annotated[str | None, typer.Option(help="Of a Hugging Face dataset.")]
BadRowsOption: TypeAlias = Annotated[
    BadRowsChoice,
    typer.Option(help="Stop at a row that cannot be read, or set it aside in OUT.bad.jsonl."),
]
CacheFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="Keep verdicts in this SQLite file.")
]
Workers: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Worker processes for each source.")
]
Timings: TypeAlias = Annotated[bool, typer.Option("--timings", help="Write seconds as well.")]
ShardRows: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Rows after which what is scored is kept, at the latest.")
]
Overwrite: TypeAlias = Annotated[
    bool, typer.Option("--overwrite", help="Replace a finished output.")
]
Restart: TypeAlias = Annotated[
    bool, typer.Option("--restart", help="Give up the rows of an unfinished run.")
]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")]


def score(
    source: Input,
    *,
    recipe: RecipeOption,
    output: Output,
    plugins: Plugins = None,
    columns: Columns = None,
    split: Split = None,
    bad_rows: BadRowsOption = BadRowsChoice.RAISE,
    cache: CacheFile = None,
    workers: Workers = None,
    timings: Timings = False,
    shard_rows: ShardRows = 10_000,
    overwrite: Overwrite = False,
    restart: Restart = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score every row of a dataset. Killed, it goes on where it stopped when given again.

    Example: assay score answers.jsonl -r math.exact -o scored.parquet
    """
    from ..core.recipe import Recipe
    from ..offline.columns import parse_columns
    from ..offline.progress import progress_for
    from ..offline.score import ScoreOptions, score_file

    options = ScoreOptions(
        plugins=reach_plugins(plugins),
        columns=parse_columns(columns or ()),
        split=split,
        bad_rows=bad_rows.value,
        cache=cache,
        workers=workers,
        timings=timings,
        shard_rows=shard_rows,
        overwrite=overwrite,
        restart=restart,
    )
    progress = progress_for(quiet=quiet)
    try:
        outcome = score_file(source, Recipe.read(recipe), output, options, progress)
    except KeyboardInterrupt:
        if output == "-":
            raise
        kept = f"what is scored is kept in {output}.parts, and the same command goes on from there"
        typer.echo(f"assay: interrupted; {kept}", err=True)
        raise typer.Exit(Exit.INTERRUPTED) from None
    _tell(outcome, output, as_json=as_json, quiet=quiet)
    if outcome.nothing_judged:
        raise typer.Exit(Exit.UNJUDGED)


def _tell(outcome: Outcome, output: str, *, as_json: bool, quiet: bool) -> None:
    if outcome.already_complete:
        typer.echo(
            f"{output}: is complete already, of this recipe and input; --overwrite scores it again",
            err=True,
        )
    if as_json:
        found = {**outcome.summary, "already_complete": outcome.already_complete}
        print_json(found, err=output == "-")  # where rows go to standard output
    if not quiet:
        _table(outcome.summary)
    if outcome.nothing_judged:
        typer.echo("assay: no row could be judged; see the reasons in the output", err=True)


def _table(summary: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("source", "mean score", "pass rate", "verdicts", "cached", "seconds")
    for name, found in summary["sources"].items():
        table.add_row(
            name,
            _number(found["mean_score"]),
            _number(found["pass_rate"]),
            ", ".join(f"{count} {status}" for status, count in found["statuses"].items()),
            str(found["cached"]),
            f"{found['seconds']:.2f}",
        )
    table.columns[0].no_wrap = True
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    console.print(table)
    console.print("\n".join(_lines(summary)), highlight=False, markup=False)


def _lines(summary: Mapping[str, Any]) -> list[str]:
    first = (
        f"{summary['rows']} rows, pass rate {_number(summary['pass_rate'])},"
        f" mean value {_number(summary['mean_value'])}, {summary['left_out']} left out,"
        f" {summary['faults']} with faults, {summary['seconds']:.1f} s"
    )
    lines = [first]
    if summary["groups"]:
        lines.append(
            f"{summary['zero_variance_groups']} of {summary['groups']} groups have no variance:"
            " they teach a group-relative trainer nothing"
        )
    if summary["bad_rows"]:
        where = "" if summary["output"] == "-" else f", in {summary['output']}.bad.jsonl"
        lines.append(f"bad rows: {summary['bad_rows']}{where}")
    if len(summary["sources"]) > 1:
        lines.append(f"slowest source: {summary['slowest_source']}")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
