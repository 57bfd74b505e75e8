"""The options of ``assay score``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

__all__ = [
    "Actors",
    "AdapterName",
    "BadRowsChoice",
    "BadRowsOption",
    "CacheFile",
    "Columns",
    "Compare",
    "EngineChoice",
    "EngineOption",
    "Estimate",
    "GoldChoice",
    "GoldOption",
    "Input",
    "Output",
    "Overwrite",
    "Quiet",
    "RayAddress",
    "RecipeOption",
    "Restart",
    "Retry",
    "Shard",
    "ShardRows",
    "Split",
    "Timings",
    "Workers",
]


class BadRowsChoice(StrEnum):
    """``raise`` or ``skip``."""

    RAISE = "raise"
    SKIP = "skip"


class GoldChoice(StrEnum):
    """``own`` or ``next``."""

    OWN = "own"
    NEXT = "next"


class EngineChoice(StrEnum):
    """``local`` or ``ray``."""

    LOCAL = "local"
    RAY = "ray"


Input: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="IN",
        help="JSON lines (also .gz, .zst), Parquet, Arrow, CSV; a folder of such files, or one"
        " saved by datasets; a dataset's name; or - for JSON lines on standard input.",
    ),
]
RecipeOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        "-r",
        help="A recipe file, the name of a source, or auto: the source by the task of the data.",
    ),
]
Output: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--output", "-o", help="OUT.parquet, .jsonl, .arrow or .csv; or - for JSON lines."
    ),
]
Columns: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        "--map",
        metavar="FIELD=COLUMN,...",
        help="Say which column is what. Repeatable.",
    ),
]
AdapterName: TypeAlias = Annotated[
    str | None,
    typer.Option(help="The shape of the rows, such as verl; by default it is found."),
]
GoldOption: TypeAlias = Annotated[
    GoldChoice | None,
    typer.Option(
        help="Score reference solutions in place of completions: each row's own, which should all"
        " pass, or the next row's, which should all fail."
    ),
]
Shard: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="I/N", help="Score one of N parts, into OUT-0000I-of-0000N."),
]
Retry: TypeAlias = Annotated[
    bool, typer.Option("--retry", help="Try again what stands in OUT.failed.jsonl.")
]
Compare: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Score by two sources, recipes or scored files, and show where they disagree; -o then"
        " takes the disagreements, as JSON lines.",
    ),
]
Estimate: TypeAlias = Annotated[
    bool, typer.Option("--estimate", help="Time some rows, and say how long all will take.")
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
EngineOption: TypeAlias = Annotated[
    EngineChoice, typer.Option(help="Judge on this machine, or with actors of Ray.")
]
Actors: TypeAlias = Annotated[
    int | None,
    typer.Option(min=1, help="Of Ray: actors, each with --workers; by default one per core."),
]
RayAddress: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT",
        help="Of a cluster of Ray, or auto; by default one is started here and ended again.",
    ),
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
