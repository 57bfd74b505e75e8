"""``assay recipe schema`` and ``assay recipe check``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from .exits import guarded
from .options import AsJson, Plugins, RecipeArgument, print_json, reach_plugins

__all__ = ["recipe_app"]

recipe_app = typer.Typer(
    help="Check recipes, and print their JSON schema.", no_args_is_help=True, rich_markup_mode=None
)

_TRAINING_KEYS = ("model", "data", "trainer", "evaluation")


def schema(as_json: AsJson = False) -> None:
    """Print the JSON schema of recipes, for editors and other tools.

    Example: assay recipe schema > recipe.schema.json
    """
    from ..trainer.config import training_schema

    del as_json  # a schema is JSON either way
    print_json(_as_written(training_schema()))


def _as_written(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of what a person may write: short forms too, and recipes that only score."""
    schema["required"] = ["sources"]
    fields = schema["properties"]
    text = {"type": "string"}
    for name in ("sources", "shape"):
        entry = {"anyOf": [text, fields[name]["items"]]}
        many = {**fields[name], "items": entry}
        fields[name] = {"anyOf": [text, fields[name]["items"], many]}
    for name in ("compose", "cache"):
        fields[name] = {"anyOf": [text, fields[name]]}
    return schema


def check(recipe: RecipeArgument, plugins: Plugins = None, as_json: AsJson = False) -> None:
    """Read a recipe and everything it names, and start nothing.

    Example: assay recipe check recipe.yaml
    """
    from ..core.recipe import Recipe
    from ..core.scorer import Scorer

    extra = reach_plugins(plugins)
    if _learns_to_score(Path(recipe)):
        _check_reward_model(recipe, as_json=as_json)
        return
    read = Recipe.read(recipe)
    with Scorer(read.model_copy(update={"cache": None}), plugins=extra) as scorer:
        found = _found(scorer, trains=_trains(read))
    if found["trains"]:
        from ..trainer.config import TrainingRecipe

        TrainingRecipe.read(Path(recipe))
    print_json(found) if as_json else _show(recipe, found)


def _learns_to_score(path: Path) -> bool:
    """Whether a file is a recipe of a reward model, which has no sources."""
    from ..core.recipe import load_yaml

    trainer = load_yaml(path).get("trainer") if path.is_file() else None
    return isinstance(trainer, dict) and trainer.get("algorithm") == "reward_model"


def _check_reward_model(recipe: str, *, as_json: bool) -> None:
    from ..trainer.config import TrainingRecipe

    read = TrainingRecipe.read(Path(recipe))
    loss = read.trainer.reward_model.loss
    if as_json:
        print_json({"name": read.name, "sources": [], "trains": True, "loss": loss})
        return
    typer.echo(f"{recipe}: is right\n  trains a reward model by {loss}; it asks no source")


def _trains(recipe: Any) -> bool:
    return any(getattr(recipe, key) is not None for key in _TRAINING_KEYS)


def _found(scorer: Any, *, trains: bool) -> dict[str, Any]:
    from ..core.advice import advice

    recipe = scorer.recipe
    sources = [scorer.registry.sources[entry.use] for entry in recipe.sources]
    algorithm = (recipe.trainer or {}).get("algorithm", "")
    return {
        "name": recipe.name,
        "sources": [
            {
                "name": entry.name,
                "use": entry.use,
                "version": scorer.registry.sources[entry.use].version_with(entry.settings),
                "weight": entry.weight,
            }
            for entry in recipe.sources
        ],
        "compose": recipe.compose.use,
        "shape": [rule.use for rule in recipe.shape],
        "on_fault": recipe.on_fault,
        "trains": trains,
        "warnings": advice(recipe, sources, algorithm),
    }


def _show(recipe: str, found: dict[str, Any]) -> None:
    typer.echo(f"{recipe}: is right")
    for source in found["sources"]:
        alias = f" as {source['name']}" if source["name"] != source["use"] else ""
        typer.echo(
            f"  {source['use']}{alias}, version {source['version']}, weight {source['weight']:g}"
        )
    rules = [found["compose"], *found["shape"]]
    typer.echo(f"  {', then '.join(rules)}; on fault: {found['on_fault']}")
    if found["trains"]:
        typer.echo("  can be given to assay train")
    for warning in found["warnings"]:
        typer.echo(f"  warning: {warning}")


recipe_app.command()(guarded(schema))
recipe_app.command()(guarded(check))
