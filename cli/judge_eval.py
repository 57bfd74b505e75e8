"""``assay judge-eval``: words in, a judge measured against what is known, tables out."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer

from .exits import Exit
from .options import AsJson, Plugins, print_json, reach_plugins

__all__ = ["judge_eval"]

_RATES = {
    "accuracy": "accuracy",
    "false_accepts": "false accepts (of the bad)",
    "false_rejects": "false rejects (of the good)",
    "exact": "same grade",
    "within_one": "within one grade",
    "accuracy_of_decided": "accuracy without ties",
    "ties": "ties",
}
_NUMBERS = {
    "kappa": "kappa",
    "kappa_linear": "kappa, linear weights",
    "kappa_quadratic": "kappa, quadratic weights",
    "auroc": "AUROC",
    "spearman": "rank correlation (Spearman)",
    "pearson": "correlation (Pearson)",
}
_COSTS = {"asks": "asks", "tokens": "tokens", "money": "money", "seconds": "seconds"}


Data: TypeAlias = Annotated[
    str, typer.Argument(metavar="DATA", help="As for assay score: a file, or a dataset.")
]
RecipeOption: TypeAlias = Annotated[
    str, typer.Option("--recipe", "-r", help="A recipe file, or the name of a source.")
]
SourceName: TypeAlias = Annotated[
    str | None, typer.Option(help="Which source of the recipe, where it has several.")
]
Label: TypeAlias = Annotated[
    str | None, typer.Option(help="The column of labels: yes and no, 1 and 0, or grades.")
]
Pairs: TypeAlias = Annotated[
    bool, typer.Option("--pairs", help="DATA holds prompt, chosen and rejected.")
]
Bar: TypeAlias = Annotated[
    float | None, typer.Option(help="The score from which the judge accepts; else its own.")
]
GoodFrom: TypeAlias = Annotated[
    float | None, typer.Option(help="The label from which an answer is good, for grades.")
]
Seeds: TypeAlias = Annotated[
    int, typer.Option(min=1, help="Ask everything so often, for self-consistency.")
]
Swap: TypeAlias = Annotated[
    bool, typer.Option(help="Ask about pairs in both orders, where order can matter.")
]
Limit: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Rows to read.")]
Out: TypeAlias = Annotated[
    Path | None, typer.Option("--out", "-o", help="Write everything measured here, as JSON.")
]
Columns: TypeAlias = Annotated[
    list[str] | None, typer.Option(metavar="FIELD=COLUMN", help="As for assay score.")
]
Split: TypeAlias = Annotated[str | None, typer.Option(help="Of a Hugging Face dataset.")]
Workers: TypeAlias = Annotated[int | None, typer.Option(min=1, help="Worker processes.")]
Quiet: TypeAlias = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table.")]


def judge_eval(
    data: Data,
    *,
    recipe: RecipeOption,
    source: SourceName = None,
    label: Label = None,
    pairs: Pairs = False,
    bar: Bar = None,
    good_from: GoodFrom = None,
    seeds: Seeds = 1,
    swap: Swap = True,
    limit: Limit = None,
    out: Out = None,
    columns: Columns = None,
    split: Split = None,
    workers: Workers = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure a judge, or any source, against labels or preferences.

    Example: assay judge-eval labelled.jsonl -r judge.yaml --label human --out judge.json
    """
    from ..core.recipe import Recipe
    from ..offline.columns import parse_columns
    from ..offline.judge_eval import EvalOptions, evaluate_judge
    from ..offline.progress import progress_for

    options = EvalOptions(
        source=source,
        label=label,
        pairs=pairs,
        bar=bar,
        good_from=good_from,
        seeds=seeds,
        swap=swap,
        limit=limit,
        plugins=reach_plugins(plugins),
        columns=parse_columns(columns or ()),
        split=split,
        workers=workers,
    )
    found = evaluate_judge(data, Recipe.read(recipe), options, progress_for(quiet=quiet))
    _tell(found, out, as_json=as_json, quiet=quiet)


def _tell(found: Mapping[str, Any], out: Path | None, *, as_json: bool, quiet: bool) -> None:
    if out is not None:
        _write(out, found)
    if as_json:
        print_json(dict(found))
    if not quiet:
        _show(found)
    if not found["judged"]:
        typer.echo("assay: nothing could be judged; see unjudged in the JSON", err=True)
        raise typer.Exit(Exit.UNJUDGED)


def _write(path: Path, found: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    draft.replace(path)


def _show(found: Mapping[str, Any]) -> None:
    """The tables, on standard error."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    table = Table("measure", "value", "95 %", "of")
    for row in _rows(found):
        table.add_row(*map(escape, row))
    console.print(table)
    if "items" in found:
        console.print(_items(found["items"]))
    console.print("\n".join(_lines(found)), highlight=False, markup=False)


def _rows(found: Mapping[str, Any]) -> Iterator[list[str]]:
    """One line for each number: name, value, interval, count."""
    for part in (found.get("decisions"), found.get("grades"), found):
        for key, name in _RATES.items():
            if part is not None and key in part:
                yield _rate(name, part[key])
        for key, name in _NUMBERS.items():
            if part is not None and key in part:
                yield [name, _number(part[key]), "", ""]
        for what in ("score", "confidence"):
            if part is not None and f"calibration_of_{what}" in part:
                yield from _calibration(what, part[f"calibration_of_{what}"])
    if "position" in found:
        yield _rate("flips with the order", found["position"]["flips"])
        yield _rate("flips for the first", found["position"]["for_the_first"])
    yield from _length(found["length"])
    if "consistency" in found:
        runs = found["consistency"]["runs"]
        yield _rate(f"same in {runs} runs", found["consistency"]["equal"])


def _calibration(what: str, part: Mapping[str, Any]) -> Iterator[list[str]]:
    n = sum(one["n"] for one in part["curve"])
    yield [f"calibration error of {what}", _number(part["error"]), "", str(n)]
    yield [f"Brier score of {what}", _number(part["brier"]), "", str(n)]


def _length(length: Mapping[str, Any]) -> Iterator[list[str]]:
    names = {
        "matched": "accuracy, lengths matched",
        "chosen_longer": "accuracy, better is longer",
        "rejected_longer": "accuracy, worse is longer",
        "prefers_longer": "prefers the longer",
    }
    for key, name in names.items():
        if key in length:
            yield _rate(name, length[key])
    for key in ("correlation", "correlation_matched", "correlation_unmatched"):
        if key in length:
            yield [f"score with length{key.removeprefix('correlation').replace('_', ', ')}",
                   _number(length[key]), "", ""]  # fmt: skip
    for label, value in length.get("correlation_by_label", {}).items():
        yield [f"score with length, label {label}", _number(value), "", ""]


def _rate(name: str, rate: Mapping[str, Any]) -> list[str]:
    span = f"{rate['low']:.3f} to {rate['high']:.3f}" if rate["n"] else ""
    return [name, _number(rate["rate"]), span, f"{rate['count']} of {rate['n']}"]


def _items(items: list[dict[str, Any]]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table("item", "rows", "confidence", "score", "spread", "agrees", "kappa", "look at")
    for one in items:
        numbers = (one["mean_confidence"], one["mean_score"], one["spread"])
        more = (one["agreement"]["rate"], one["kappa"])
        cells = [one["item"], str(one["n"]), *map(_number, (*numbers, *more))]
        table.add_row(*map(escape, [*cells, ", ".join(one["flags"])]))
    return table


def _lines(found: Mapping[str, Any]) -> list[str]:
    """What was judged, what was not, and what it cost."""
    total = found["pairs"] if "pairs" in found else found["answers"]
    what = "pairs" if "pairs" in found else "answers"
    missing = found["unjudged"]
    statuses = ", ".join(f"{count} {status}" for status, count in missing["by_status"].items())
    unscored = f"verdicts without a score, never counted as wrong: {statuses or 'none'}"
    lines = [
        f"{found['judged']} of {total} {what} judged",
        unscored,
    ]
    if found.get("without_label"):
        lines.append(f"rows without a label: {found['without_label']}")
    if "items" in found and (
        held := next((i["against"] for i in found["items"] if i["against"]), "")
    ):
        lines.append(f"items are held against {held}")
    each = found["cost"]["per_thousand"]
    costs = ", ".join(f"{_number(each[key])} {name}" for key, name in _COSTS.items())
    return [*lines, f"a thousand verdicts: {costs}"]


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if abs(value) < 1000 else f"{value:,.0f}"
