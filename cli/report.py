"""``assay report``: a scored file, or the folder of a training run, as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..core.errors import ConfigError
from .options import AsJson, print_json

__all__ = ["report"]

_OF_A_RUN = ("recipe.yaml", "metrics.jsonl", "rollouts.parquet", "environment.json")
"""A folder with one of these is a run's."""


def report(
    what: Annotated[
        str,
        typer.Argument(
            metavar="SCORED|RUN_DIR", help="A file of assay score, or a folder of assay train."
        ),
    ],
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="The page; by default SCORED.report.html, and report.html in a run."
        ),
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="Column of what people said of the answers; found by name without it."),
    ] = None,
    good_from: Annotated[
        float | None, typer.Option(help="The label from which an answer is good, for grades.")
    ] = None,
    rows: Annotated[
        int, typer.Option(min=0, help="Rows in the browser; those that tables lead to come on top.")
    ] = 100_000,
    mib: Annotated[
        float, typer.Option(min=1.0, help="Most MiB of the page; texts are cut to keep it.")
    ] = 23.0,
    as_json: AsJson = False,
) -> None:
    """Write a page that opens without a network: charts, tables, and every row to look at.

    Example: assay report scored.parquet -o report.html
    """
    if _is_run(Path(what)):
        written = _of_run(Path(what), out)
    else:
        written = _of_scored(what, out, label=label, good_from=good_from, most_rows=rows,
                             most_mib=mib)  # fmt: skip
    print_json(written) if as_json else typer.echo(_line(written))


def _is_run(path: Path) -> bool:
    if not path.exists() and not path.suffix:
        raise ConfigError(f"{path}: is not the folder of a run, nor a scored file")
    return path.is_dir() and any((path / name).exists() for name in _OF_A_RUN)


def _of_run(folder: Path, out: Path | None) -> dict[str, Any]:
    from ..trainer.report.page import write_report

    if out is not None:
        raise ConfigError(f"--out {out}: a run's report lies in its folder, with its plots")
    return {"report": str(write_report(folder))}


def _of_scored(what: str, out: Path | None, **options: Any) -> dict[str, Any]:
    from ..offline.read import open_dataset
    from ..offline.report.page import ReportOptions, write_scored_report

    path = Path(what)
    page = path.with_name(f"{path.name}.report.html") if out is None else out
    if page.suffix.lower() not in {".html", ".htm"}:
        raise ConfigError(f"--out {page}: a report is a page: name it .html")
    if not page.parent.is_dir():
        raise ConfigError(f"--out {page}: there is no folder {page.parent}")
    return write_scored_report(open_dataset(what), page, ReportOptions(**options))


def _line(written: dict[str, Any]) -> str:
    if "rows" not in written:
        return str(written["report"])
    size = written["bytes"] / 1e6
    cut = f", {written['cut']:,} with a text cut" if written["cut"] else ""
    of = f"{written['shown']:,} of {written['rows']:,} rows"
    return f"{written['report']}: {of}{cut}, {size:.1f} MB"
