"""``assay rm-eval``: words in, any scoring sources measured side by side, a table out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from .exits import Exit
from .options import AsJson, Plugins, print_json, reach_plugins

__all__ = ["rm_eval"]


def rm_eval(
    data: Annotated[
        str,
        typer.Argument(metavar="DATA", help="As for assay score: pairs, or answers with truth."),
    ],
    *,
    sources: Annotated[
        list[str],
        typer.Option(
            "--recipe",
            "-r",
            help="A recipe file, a source, or a reward model's folder. Repeatable.",
        ),
    ],
    subset: Annotated[str, typer.Option(help="The column of categories.")] = "subset",
    truth: Annotated[str | None, typer.Option(help="The column of truths, for best-of-N.")] = None,
    swap: Annotated[
        bool, typer.Option(help="Ask about pairs in both orders, where order can matter.")
    ] = True,
    limit: Annotated[int | None, typer.Option(min=1, help="Rows to read.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write everything measured here, as JSON.")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="As for assay score.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Of a Hugging Face dataset.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes.")] = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")] = False,
) -> None:
    """Measure judges, verifiers and reward models on preferences, side by side.

    Example: assay rm-eval pairs.jsonl -r my-reward-model -r judge.yaml -r math.exact
    """
    from ..offline.columns import parse_columns
    from ..offline.progress import progress_for
    from ..offline.rm_eval import RmEvalOptions, evaluate_sources, recipe_of

    options = RmEvalOptions(
        subset=subset,
        truth=truth,
        swap=swap,
        limit=limit,
        plugins=reach_plugins(plugins),
        columns=parse_columns(columns or ()),
        split=split,
        workers=workers,
    )
    recipes = [recipe_of(word) for word in sources]
    found = evaluate_sources(data, recipes, options, progress_for(quiet=quiet))
    _tell(found, out, as_json=as_json, quiet=quiet)


def _tell(found: Mapping[str, Any], out: Path | None, *, as_json: bool, quiet: bool) -> None:
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        draft = out.with_name(f"{out.name}.draft")
        draft.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        draft.replace(out)
    if as_json:
        print_json(dict(found))
    if not quiet:
        _show(found)
    if not any(part["judged"] for part in found["sources"].values()):
        typer.echo("assay: nothing could be judged; see unjudged in the JSON", err=True)
        raise typer.Exit(Exit.UNJUDGED)


def _show(found: Mapping[str, Any]) -> None:
    """The table, on standard error: a line for each measure, a column for each source."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(stderr=True, width=None if sys.stderr.isatty() else 200)
    table = Table("measure", *map(escape, found["sources"]))
    for row in _rows(list(found["sources"].values()), found["kind"]):
        table.add_row(*map(escape, row))
    console.print(table)


def _rows(parts: Sequence[Mapping[str, Any]], kind: str) -> list[list[str]]:
    rows = [
        _line("accuracy", [_rate(part["accuracy"]) for part in parts]),
        _line("accuracy without ties", [_rate(part["accuracy_of_decided"]) for part in parts]),
        _line("ties", [_rate(part["ties"]) for part in parts]),
    ]
    rows += _pair_rows(parts) if kind == "pairs" else _group_rows(parts)
    rows.append(_line("judged", [_judged(part) for part in parts]))
    return rows


def _pair_rows(parts: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    names = {"matched": "lengths matched", "rejected_longer": "worse is longer"}
    rows = [
        _line(f"accuracy, {name}", [_rate(part["length"][key]) for part in parts])
        for key, name in names.items()
    ]
    if all("rows_right" in part for part in parts):
        rows.append(_line("whole rows right", [_rate(part["rows_right"]) for part in parts]))
    for subset in parts[0].get("subsets", {}):
        cells = [_rate(part["subsets"][subset]["accuracy"]) for part in parts]
        rows.append(_line(f"subset {subset}", cells))
    if "mean_of_subsets" in parts[0]:
        rows.append(_line("mean of subsets", [_number(part["mean_of_subsets"]) for part in parts]))
    return rows


def _group_rows(parts: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Best of n: the truth of what is picked, and how far that is from random to the oracle."""
    sizes = sorted({point["n"] for part in parts for point in part["best_of"]})
    curves = [{point["n"]: point for point in part["best_of"]} for part in parts]
    return [_line(f"best of {n}", [_point(curve.get(n)) for curve in curves]) for n in sizes]


def _line(name: str, cells: Sequence[str]) -> list[str]:
    return [name, *cells]


def _point(point: Mapping[str, Any] | None) -> str:
    if point is None:
        return "–"
    share = "" if point["share"] is None else f" ({point['share']:.0%} of the oracle's margin)"
    return f"{point['truth']:.3f}{share if point['n'] > 1 else ''}"


def _rate(rate: Mapping[str, Any]) -> str:
    if not rate["n"]:
        return "–"
    return f"{rate['rate']:.3f} [{rate['low']:.3f}, {rate['high']:.3f}] of {rate['n']}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _judged(part: Mapping[str, Any]) -> str:
    return f"{part['judged']} of {part.get('pairs', part.get('answers'))}"
