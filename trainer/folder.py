"""The run folder: whose it is, where it left off, and its small JSON files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..core.errors import ConfigError
from ..core.registry import Registry
from .config import TrainingRecipe

__all__ = ["claim_folder", "last_checkpoint", "read_json", "write_json"]

_MAY_CHANGE = {
    "trainer": ("max_steps", "logging_steps", "save_steps", "report_to", "threads"),
    "evaluation": ("every_steps", "batch_size"),
}
"""Settings that a resumed run may change, besides those that change no verdict (a judge's budget);
any other makes it a different run."""


def claim_folder(
    folder: Path, recipe: TrainingRecipe, *, resume: bool, overwrite: bool = False
) -> None:
    """Make the folder this recipe's own, with ``recipe.yaml`` in it.

    Raises ``ConfigError`` when something else lies there: no run is written over unasked, and
    nothing that is not a run is ever removed.
    """
    known = folder / "recipe.yaml"
    if overwrite and not resume and known.exists():
        shutil.rmtree(folder)
    if resume and known.exists():
        _check_same(known, recipe)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(
            f"{folder}: is not empty; go on with its run by --resume, replace it with"
            " --overwrite, or give another --out"
        )
    folder.mkdir(parents=True, exist_ok=True)
    content = recipe.model_dump(mode="json", by_alias=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    known.write_text(text, encoding="utf-8")


def _check_same(known: Path, recipe: TrainingRecipe) -> None:
    was, now = _lasting(TrainingRecipe.read(str(known))), _lasting(recipe)
    changed = sorted(key for key in was if was[key] != now[key])
    if changed:
        raise ConfigError(
            f"{known}: the recipe differs in {', '.join(changed)} from the run's own; resume with"
            " the same recipe, or give another --out"
        )


def _lasting(recipe: TrainingRecipe) -> dict[str, Any]:
    content = recipe.model_dump(mode="json", by_alias=True)
    registry = Registry.load(recipe.plugins)
    content["sources"] = [e.deciding(registry.sources[e.use]) for e in recipe.sources]
    for section, names in _MAY_CHANGE.items():
        for name in names:
            del content[section][name]
    del content["trainer"]["rounds"]["rounds"]  # more rounds go on from those that are done
    return content


def last_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the most steps, None when there is none that is whole."""
    found = folder.glob("checkpoints/checkpoint-*")
    # trainer_state.json is the last file of a checkpoint that transformers writes
    whole = [path for path in found if (path / "trainer_state.json").exists()]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, empty when there is no such file."""
    if not path.exists():
        return {}
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A JSON object, there whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
