"""``assay score``: words in, ``score_file`` called, a summary out.

With ``--estimate`` and ``--compare`` nothing is written but what they are asked for.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .exits import Exit
from .options import AsJson, Plugins, one_line, print_json, reach_plugins
from .score_options import (
    Actors,
    AdapterName,
    BadRowsChoice,
    BadRowsOption,
    CacheFile,
    Columns,
    Compare,
    EngineChoice,
    EngineOption,
    Estimate,
    GoldOption,
    Input,
    Output,
    Overwrite,
    Quiet,
    RayAddress,
    RecipeOption,
    Restart,
    Retry,
    Shard,
    ShardRows,
    Split,
    Timings,
    Workers,
)

if TYPE_CHECKING:
    from ..offline.score import Outcome, ScoreOptions

__all__ = ["score"]


def score(
    source: Input,
    *,
    recipe: RecipeOption = None,
    output: Output = None,
    plugins: Plugins = None,
    columns: Columns = None,
    adapter: AdapterName = None,
    gold: GoldOption = None,
    split: Split = None,
    bad_rows: BadRowsOption = BadRowsChoice.RAISE,
    shard: Shard = None,
    retry: Retry = False,
    compare: Compare = None,
    estimate: Estimate = False,
    cache: CacheFile = None,
    workers: Workers = None,
    engine: EngineOption = EngineChoice.LOCAL,
    actors: Actors = None,
    ray_address: RayAddress = None,
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
    from ..offline.columns import parse_columns
    from ..offline.engines import EngineOptions
    from ..offline.score import ScoreOptions
    from ..offline.stream import Part

    options = ScoreOptions(
        plugins=reach_plugins(plugins),
        columns=parse_columns(columns or ()),
        adapter=adapter,
        gold=gold.value if gold else None,
        part=Part.read(shard) if shard else None,
        retry=retry,
        split=split,
        bad_rows=bad_rows.value,
        cache=cache,
        workers=workers,
        engine=EngineOptions(name=engine.value, actors=actors, address=ray_address),
        timings=timings,
        shard_rows=shard_rows,
        overwrite=overwrite,
        restart=restart,
    )
    if compare is not None:
        _compare(source, compare, options, output, as_json=as_json)
    elif estimate:
        _estimate(source, _given(recipe, "--recipe", "-r"), options, as_json=as_json)
    else:
        wanted = _given(recipe, "--recipe", "-r"), _given(output, "--output", "-o")
        _score(source, *wanted, options, as_json=as_json, quiet=quiet)


def _given(value: str | None, *names: str) -> str:
    """An option that this way of scoring needs."""
    if value is None:
        typer.echo(f"assay: Missing option {' / '.join(map(repr, names))}", err=True)
        raise typer.Exit(Exit.USAGE)
    return value


def _score(
    source: str, recipe: str, output: str, options: ScoreOptions, *, as_json: bool, quiet: bool
) -> None:
    from ..offline.auto import read_recipe
    from ..offline.progress import progress_for
    from ..offline.score import score_file

    progress = progress_for(quiet=quiet)
    _collect_rarely()
    try:
        outcome = score_file(source, read_recipe(recipe), output, options, progress)
    except KeyboardInterrupt:
        if output == "-":
            raise
        kept = f"what is scored is kept in {output}.parts, and the same command goes on from there"
        typer.echo(f"assay: interrupted; {kept}", err=True)
        raise typer.Exit(Exit.INTERRUPTED) from None
    _tell(outcome, output, options, as_json=as_json, quiet=quiet)
    if outcome.nothing_judged:
        raise typer.Exit(Exit.UNJUDGED)


def _collect_rarely() -> None:
    """Rows are trees that their last reference frees: the collector would look at each of them, and
    at every module that is loaded, again and again, for a fifth of the time of a quick source."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _estimate(source: str, recipe: str, options: ScoreOptions, *, as_json: bool) -> None:
    from ..offline.auto import read_recipe
    from ..offline.estimate import estimate

    found = estimate(source, read_recipe(recipe), options)
    if as_json:
        print_json(found)
        return
    rate = found["samples_per_second"]
    typer.echo(
        f"{found['input']}: {found['rows']} rows will take about {_time(found['seconds'])}"
        f" ({_time(found['seconds_low'])} to {_time(found['seconds_high'])}), by"
        f" {found['timed_rows']} rows at {'-' if rate is None else format(rate, '.0f')} samples/s"
    )


def _time(seconds: float) -> str:
    """A span for a person: ``4.2 s``, ``17 min``, ``3 h 20 min``."""
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def _compare(
    source: str, sides: str, options: ScoreOptions, output: str | None, *, as_json: bool
) -> None:
    from ..core.errors import ConfigError
    from ..offline.compare import compare

    a, comma, b = sides.partition(",")
    if not comma or not a.strip() or not b.strip():
        raise ConfigError(f"--compare: must be A,B: two sources, recipes or files, got {sides!r}")
    out = None if output in (None, "-") else Path(str(output))
    found = compare(source, (a.strip(), b.strip()), options, output=out)
    if as_json:
        print_json(found)
    else:
        _show_comparison(found)


def _show_comparison(found: Mapping[str, Any]) -> None:
    typer.echo(f"{found['rows']} rows; A: {found['a']}, B: {found['b']}")
    typer.echo(
        f"both pass {found['both_pass']}, both fail {found['both_fail']},"
        f" only A passes {found['only_a_passes']}, only B passes {found['only_b_passes']},"
        f" not judged by both {found['unjudged']}"
    )
    typer.echo(
        f"agreement {_number(found['agreement'])}, kappa {_number(found['kappa'])},"
        f" mean difference of values {_number(found['mean_difference'])}"
    )
    for example in found["examples"]:
        shown = {
            side: f"{said['passed']} ({said['status']}; {_reasons(said)})"
            for side, said in (("A", example["a"]), ("B", example["b"]))
        }
        typer.echo(f"\n{one_line(example['id'])}  ground truth {_short(example['ground_truth'])}")
        typer.echo(f"  completion ...{_short(str(example['completion'])[-160:])}")
        for side, said in shown.items():
            typer.echo(f"  {side}: {said}")


def _reasons(said: Mapping[str, Any]) -> str:
    return _short("; ".join(f"{name}: {why}" for name, why in said["reasons"].items()))


def _short(value: Any) -> str:
    text = one_line(str(value))
    return text if len(text) <= 160 else text[:157] + "..."


def _tell(
    outcome: Outcome, output: str, options: ScoreOptions, *, as_json: bool, quiet: bool
) -> None:
    if outcome.already_complete and options.retry:
        typer.echo(f"{output}: nothing failed, so there is nothing to try again", err=True)
    elif outcome.already_complete:
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
        typer.echo(
            "assay: no row could be judged; see the reasons in the output and beside it", err=True
        )


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
    if summary["failed"]:
        where = "" if summary["output"] == "-" else f", in {summary['output']}.failed.jsonl"
        lines.append(f"failed: {summary['failed']}{where}; try them again with --retry")
    if summary["unrouted"]:
        lines.append(f"{summary['unrouted']} rows have a task that no source of the recipe is for")
    if summary["bad_rows"]:
        where = "" if summary["output"] == "-" else f", in {summary['output']}.bad.jsonl"
        lines.append(f"bad rows: {summary['bad_rows']}{where}")
    if len(summary["sources"]) > 1:
        lines.append(f"slowest source: {summary['slowest_source']}")
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
