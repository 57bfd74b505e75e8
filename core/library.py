"""Data that comes with Assay under a name, or from the user as a file or a mapping.

Covered: finding and reading one of them. Not covered: what it may say; that is its settings class.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from .errors import ConfigError, did_you_mean
from .recipe import load_yaml
from .settings import Settings, read_settings

__all__ = ["named_files", "path_in_library", "read_from_library"]

SettingsT = TypeVar("SettingsT", bound=Settings)

_SUFFIXES = {".yaml", ".yml", ".json"}


def named_files(folder: Path) -> dict[str, Path]:
    """Name -> file of every YAML file in a folder, sorted."""
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def path_in_library(spec: str, known: Mapping[str, Path], where: str, noun: str) -> Path:
    """The file of a name, or the path itself if ``spec`` is one.

    Args:
        where: the setting that holds ``spec``, for messages.
        noun: what is looked for, for messages.

    Raises ``ConfigError`` for a name that is not known, with the nearest one.
    """
    path = Path(spec)
    if path.suffix in _SUFFIXES:
        return path
    if spec not in known:
        raise ConfigError(
            f"{where}: no {noun} {spec!r}{did_you_mean(spec, known)},"
            " or give a path ending in .yaml"
        )
    return known[spec]


def read_from_library(
    model: type[SettingsT], spec: Any, known: Mapping[str, Path], where: str, noun: str
) -> SettingsT:
    """One of them, from its name, a path ending in ``.yaml``, a mapping, or itself.

    A file's name is its name unless it says another. Raises ``ConfigError``.
    """
    if isinstance(spec, model):
        return spec
    if isinstance(spec, Mapping):
        return read_settings(model, spec, where)
    if not isinstance(spec, str | Path):
        raise ConfigError(f"{where}: must be a name, a path or a mapping, got {spec!r:.80}")
    path = path_in_library(str(spec), known, where, noun)
    return read_settings(model, {"name": path.stem, **load_yaml(path)}, str(spec))
