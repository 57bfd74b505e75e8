"""Finding rubrics: the library's by name, any other by path or as a mapping.

Covered: reading YAML, filling in the library's prompts, joining several rubrics into one. Not
covered: what a rubric may say (``schema``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from ....core.errors import ConfigError
from ....core.library import named_files, path_in_library
from ....core.recipe import load_yaml
from ....core.settings import read_settings
from ..schema import Rubric

__all__ = ["library", "library_prompts", "load_rubric"]

_HERE = Path(__file__).resolve().parent
_PROMPTS = "prompts"


def library() -> dict[str, Path]:
    """Name -> file of every rubric that comes with Assay, sorted."""
    return {name: path for name, path in named_files(_HERE).items() if name != _PROMPTS}


@lru_cache(maxsize=1)
def library_prompts() -> Mapping[str, Any]:
    """Name -> prompt, as data: what every rubric can use."""
    return load_yaml(_HERE / f"{_PROMPTS}.yaml")


def load_rubric(spec: Any) -> Rubric:
    """A rubric from a library name, a path ending in ``.yaml``, a mapping, or a list of those.

    Of a list, the categories are put together; two of one name are refused. Prompts that nothing
    uses are left out, so that the digest changes exactly when something that matters does. Raises
    ``ConfigError``.
    """
    if isinstance(spec, Rubric):
        return spec
    if isinstance(spec, Mapping):
        return _read(spec, "rubric")
    if isinstance(spec, str | Path):
        path = path_in_library(str(spec), library(), "rubric", "rubric")
        return _read({"name": path.stem, **load_yaml(path)}, str(spec))
    if isinstance(spec, Sequence) and spec:
        return _joined([load_rubric(part) for part in spec])
    raise ConfigError(f"rubric: must be a name, a path, a mapping or a list of those, got {spec!r}")


def _read(data: Mapping[str, Any], where: str) -> Rubric:
    own = data.get("prompts", {})
    if not isinstance(own, Mapping):
        raise ConfigError(f"{where}.prompts: must be a mapping of prompts, got {own!r:.80}")
    whole = read_settings(Rubric, {**data, "prompts": {**library_prompts(), **own}}, where)
    used = {
        name
        for category in whole.categories.values()
        for item in category.items
        for name, _ in item.prompt_uses()
    }
    unused = sorted(set(own) - used)
    if unused:
        raise ConfigError(f"{where}.prompts: nothing uses {unused}; name them in an item, or go")
    return whole.model_copy(
        update={"prompts": {name: p for name, p in whole.prompts.items() if name in used}}
    )


def _joined(rubrics: Sequence[Rubric]) -> Rubric:
    if len(rubrics) == 1:
        return rubrics[0]
    categories: dict[str, Any] = {}
    prompts: dict[str, Any] = {}
    for rubric in rubrics:
        for what, mine, theirs in (
            ("category", categories, rubric.categories),
            ("prompt", prompts, rubric.prompts),
        ):
            for name, value in theirs.items():
                if name in mine and (what == "category" or mine[name] != value):
                    raise ConfigError(f"rubric {rubric.name!r}: {what} {name!r} is there already")
                mine[name] = value
    return Rubric(
        name="_".join(rubric.name for rubric in rubrics)[:64],
        version="+".join(rubric.version for rubric in rubrics),
        description=" ".join(rubric.description for rubric in rubrics),
        categories=categories,
        prompts=prompts,
    )
