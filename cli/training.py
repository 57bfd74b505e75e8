"""``assay train``: the trainer, from words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import ConfigError
from .exits import Exit
from .options import AsJson, Plugins, RecipeArgument, print_json, reach_plugins

if TYPE_CHECKING:
    from ..trainer.config import TrainingRecipe

__all__ = ["train", "with_overrides"]


def train(
    recipe: RecipeArgument,
    *,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The run's folder; by default runs/NAME of the recipe."),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="A.B=VALUE", help="Change the recipe. Repeatable."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the last checkpoint in the folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the run that is in the folder.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check recipe, data, verdicts, model and memory; train nothing."
        ),
    ] = False,
    processes: Annotated[
        int, typer.Option(min=1, help="With --dry-run: GPUs of the run, one process on each.")
    ] = 1,
    sharding: Annotated[
        str, typer.Option(help="With --dry-run: none, zero2, zero3 or fsdp.")
    ] = "none",
    plugins: Plugins = None,
    as_json: AsJson = False,
) -> None:
    """Train a model by a recipe; the folder gets the curves, the rollouts and a report.

    Example: assay train recipe.yaml --out runs/first --set trainer.max_steps=50
    """
    from ..trainer.config import TrainingRecipe

    def read() -> TrainingRecipe:
        return TrainingRecipe.read(_resolved(recipe, overrides, seed, plugins))

    if dry_run:
        _dry_run(
            read, out, (resume, overwrite), processes=processes, sharding=sharding, as_json=as_json
        )
        return
    from ..trainer.run import train as run

    result = run(read(), out, resume=resume, overwrite=overwrite, announce=not as_json)
    if as_json:
        print_json(dict(result))


def _resolved(
    recipe: str, overrides: list[str] | None, seed: int | None, plugins: list[str] | None
) -> dict[str, Any]:
    """The recipe with what the command line changes."""
    from ..core.recipe import load_yaml

    path, more = Path(recipe), reach_plugins(plugins)
    content = with_overrides({"name": path.stem, **load_yaml(path)}, overrides or ())
    if more:
        content["plugins"] = [*(content.get("plugins") or ()), *more]
    if seed is not None:
        content["seed"] = seed
    return content


def _dry_run(
    read: Callable[[], TrainingRecipe],
    out: Path | None,
    known: tuple[bool, bool],
    *,
    processes: int,
    sharding: str,
    as_json: bool,
) -> None:
    """Print what a dry run finds; exit code 2 when there is a problem."""
    from ..trainer.dry_run.memory import as_sharding
    from ..trainer.dry_run.run import dry_run
    from ..trainer.dry_run.show import lines_of

    cut = as_sharding(sharding)
    try:
        recipe = read()
    except ConfigError as error:
        if as_json:
            print_json({"ok": False, "problems": str(error).splitlines()})
        raise
    resume, overwrite = known
    found = dry_run(
        recipe, out, resume=resume, overwrite=overwrite, processes=processes, sharding=cut
    )
    if as_json:
        print_json(found.to_json())
    else:
        typer.echo("\n".join(lines_of(found)))
    if found.problems:
        raise typer.Exit(Exit.USAGE)


def with_overrides(content: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """A recipe with ``a.b=value`` put in; values are YAML, list items are given by number.

    Raises ``ConfigError`` for a word without ``=``, and for a path through something that is
    neither a mapping nor a list.
    """
    import yaml

    for word in overrides:
        path, equals, text = word.partition("=")
        if not equals or not path:
            raise ConfigError(f"--set: must be a.b=value, got {word!r}")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ConfigError(f"--set {path}: is not YAML: {text!r}") from error
        _put(content, path.split("."), value, word)
    return content


def _put(content: dict[str, Any], path: list[str], value: Any, word: str) -> None:
    place: Any = content
    for part in path[:-1]:
        if isinstance(place, dict):
            if place.get(part) is None:
                place[part] = {}
            place = place[part]
        else:
            place = place[_index(place, part, word)]
    if isinstance(place, dict):
        place[path[-1]] = value
    else:
        place[_index(place, path[-1], word)] = value


def _index(place: Any, part: str, word: str) -> int:
    if isinstance(place, list) and part.isdecimal() and int(part) < len(place):
        return int(part)
    held = f"a list of {len(place)}" if isinstance(place, list) else repr(place)
    raise ConfigError(f"--set {word}: {part!r} leads nowhere: the recipe has {held} there")
