"""The recipe: which sources score which samples, and how that becomes one number.

YAML, a mapping, or this object. Unknown keys are refused with the nearest known one. The training
sections (``model``, ``data``, ``trainer``, ``evaluation``) belong to ``assay.trainer``, which
reads them into its own models; here they are carried along unread.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import yaml
from pydantic import ConfigDict, Field, field_validator, model_validator

from .errors import ConfigError
from .settings import Settings, read_settings
from .source import HOST_KEYS, Runs, Source
from .types import View

__all__ = ["CacheSettings", "OnFault", "Recipe", "RuleEntry", "SourceEntry", "ValueMap"]

OnFault: TypeAlias = Literal["exclude", "zero", "raise", "retry"]

RecipeSpec: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | Sequence[Any] | Recipe"
"""What a user may give for a recipe; see ``Recipe.read``."""

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?b?)?", re.IGNORECASE)


class ValueMap(Settings):
    """From a source's score to what the composer sees, in this order: replace, scale, clip."""

    value_if_passed: float | None = None
    """Replaces the score of a sample that passed: the α of RLVR (Tülu 3, arXiv 2411.15124)."""
    value_if_failed: float | None = None
    """Replaces the score of a sample that did not pass: -1 makes a ±1 format, -0.5 a penalty."""
    scale: float = 1.0
    offset: float = 0.0
    """The value becomes ``scale * score + offset``."""
    clip: tuple[float, float] | None = None
    """Lowest and highest value, applied last."""

    @field_validator("clip")
    @classmethod
    def _ordered(cls, clip: tuple[float, float] | None) -> tuple[float, float] | None:
        if clip is not None and clip[0] > clip[1]:
            raise ValueError("clip must be [lowest, highest]")
        return clip

    def __call__(self, score: float, passed: bool | None) -> float:
        """The mapped value of a score."""
        if passed is True and self.value_if_passed is not None:
            score = self.value_if_passed
        elif passed is False and self.value_if_failed is not None:
            score = self.value_if_failed
        score = self.scale * score + self.offset
        return score if self.clip is None else min(max(score, self.clip[0]), self.clip[1])


class RuleEntry(Settings):
    """A composer or shaper by name; every other key is its own setting."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str

    @property
    def settings(self) -> dict[str, Any]:
        """The keys that belong to the rule."""
        return dict(self.model_extra or {})


class SourceEntry(Settings):
    """One source in a recipe. The keys below are the host's; all others configure the source."""

    model_config = ConfigDict(
        extra="allow", frozen=True, populate_by_name=True, use_attribute_docstrings=True
    )

    use: str
    """The source's name, such as ``math.exact``."""
    alias: str | None = Field(default=None, alias="as")
    """The name of its verdicts, when one source is used twice."""
    weight: float = 1.0
    when: dict[str, Any] = Field(default_factory=dict)
    """Fields of the sample (``task``, or keys of ``extra``) and the value, or list of values, they
    must have for the source to apply."""
    deadline_s: float | None = Field(default=10.0, gt=0)
    """Wall time for one sample (one group or batch for such sources). The work is killed at this
    point. None: no limit. Some sources mean another where the recipe does not say: a device
    source 600, Lean 240."""
    view: View | None = None
    """What the source sees of the completion; None: what the source declares."""
    role: Literal["reward", "cost"] = "reward"
    map: ValueMap = ValueMap()
    """From score to value before composing."""
    retries: int = Field(default=2, ge=0)
    """Further attempts after a fault the source calls transient, with back-off."""
    runs: Runs | None = None
    """Overrides where the source runs (``process`` puts an inline source into killable
    workers)."""
    workers: int | None = Field(default=None, ge=1)
    """Worker processes; None: the number of usable cores (1 for async and device sources)."""
    concurrency: int = Field(default=64, ge=1)
    """Samples under way at once in one worker of an async source."""
    memory_bytes: int | None = Field(default=2 * 2**30, gt=0)
    """Resident memory of one worker with its children; above it the worker is killed. Also as
    text: ``512MiB``. None: no limit, which is what some sources mean where the recipe does not
    say: those of a device, and Lean."""
    batch_size: int = Field(default=32, ge=1)
    """Samples in one call of a batched source."""

    @field_validator("memory_bytes", mode="before")
    @classmethod
    def _size(cls, value: Any) -> Any:
        return parse_size(value) if isinstance(value, str) else value

    @property
    def name(self) -> str:
        """What its verdicts are called in a Reward."""
        return self.alias or self.use

    @property
    def settings(self) -> dict[str, Any]:
        """The keys that belong to the source."""
        return {k: v for k, v in (self.model_extra or {}).items() if k not in HOST_KEYS}

    def deciding(self, source: Source) -> dict[str, Any]:
        """What of this entry may change a reward, as JSON; entries that differ in speed alone, or
        in settings marked ``NO_EFFECT``, are equal. Raises ``ConfigError``."""
        kept = set(type(self).model_fields) - {"workers", "concurrency"}
        host = self.model_dump(mode="json", include=kept)
        return {**host, "settings": source.deciding(self.settings)}


class CacheSettings(Settings):
    """Where verdicts of deterministic sources are kept. Shared by processes, safe to kill."""

    path: Path
    """An SQLite file."""
    max_bytes: int = Field(default=2**30, gt=2**20)
    """When the file grows beyond it, the verdicts used longest ago are dropped."""

    @field_validator("max_bytes", mode="before")
    @classmethod
    def _size(cls, value: Any) -> Any:
        return parse_size(value) if isinstance(value, str) else value


class InputSettings(Settings):
    """How the rows of a file are read as samples, where that is not left to be found."""

    adapter: str | None = None
    """The shape of the rows, such as ``verl``; ``docs/scoring.md`` lists them."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Field of a sample -> column, or a dotted path into nested columns."""


class Recipe(Settings):
    """Which sources, on which tasks, with which weights, gates, shaping and fault policy."""

    name: str = "recipe"
    seed: int = 0
    plugins: tuple[str, ...] = ()
    """Modules to load by name, for sources that are not installed as plugins."""
    sources: tuple[SourceEntry, ...] = Field(min_length=1)
    compose: RuleEntry = RuleEntry(use="weighted_sum")
    """How the sources' values become one: a composer's name, or ``{use: gate, ...}``."""
    shape: tuple[RuleEntry, ...] = ()
    """Changes to the composed value, in this order."""
    passed_by: tuple[str, ...] | None = None
    """The sources whose ``passed`` decides the reward's; None: all that have one."""
    on_fault: OnFault = "exclude"
    """What a fault of ours does to the reward: ``exclude`` leaves the sample out (value None),
    ``zero`` counts the source as 0, ``raise`` stops with ScoringError, ``retry`` scores once more
    and then excludes."""
    on_sample_fault: Literal["exclude", "zero"] | None = None
    """The same for a kill that followed the sample into a fresh worker: its text is to blame.
    None: ``exclude`` offline, ``zero`` in training, where being left out must not become a
    refuge."""
    cache: CacheSettings | None = None
    input: InputSettings | None = None
    """How a file's rows are read when it is scored offline; see ``assay.offline.adapters``."""
    model: dict[str, Any] | None = None
    """Training only; see ``assay.trainer.config``."""
    data: dict[str, Any] | None = None
    trainer: dict[str, Any] | None = None
    evaluation: dict[str, Any] | None = None

    @field_validator("sources", "shape", mode="before")
    @classmethod
    def _names_are_entries(cls, value: Any) -> Any:
        entries = [value] if isinstance(value, str | Mapping) else value
        if not isinstance(entries, Sequence):
            return value
        return [{"use": e} if isinstance(e, str) else e for e in entries]

    @field_validator("compose", mode="before")
    @classmethod
    def _name_is_rule(cls, value: Any) -> Any:
        return {"use": value} if isinstance(value, str) else value

    @field_validator("cache", mode="before")
    @classmethod
    def _path_is_cache(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str | Path) else value

    @model_validator(mode="after")
    def _names_differ(self) -> Recipe:
        names = [entry.name for entry in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources {twice} appear twice; give each a name of its own with as:")
        missing = sorted(set(self.passed_by or ()) - set(names))
        if missing:
            raise ValueError(f"passed_by names {missing}, which are not among the sources {names}")
        return self

    @classmethod
    def read(cls, spec: RecipeSpec) -> Recipe:
        """A recipe from whatever a user has: an object, a mapping, a file, or source names.

        Text ending in ``.yaml``, ``.yml`` or ``.json``, or naming a file, is a path; any other
        text is the name of a source. Raises ``ConfigError``.
        """
        if isinstance(spec, Recipe):
            return spec
        if isinstance(spec, Mapping):
            return read_settings(cls, spec, "recipe")
        if isinstance(spec, str | os.PathLike):
            path = Path(spec)
            if path.suffix in {".yaml", ".yml", ".json"} or path.is_file():
                return read_settings(cls, {"name": path.stem, **load_yaml(path)}, str(path))
            return read_settings(cls, {"name": str(spec), "sources": [str(spec)]}, "recipe")
        return read_settings(cls, {"sources": list(spec)}, "recipe")


def load_yaml(path: Path) -> dict[str, Any]:
    """A YAML (or JSON) file as a mapping; raises ``ConfigError`` naming the file and the line."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: must hold a mapping of settings, got {type(data).__name__}")
    return data


def parse_size(text: str) -> int:
    """Bytes from text such as ``512MiB``, ``2G`` or ``1000``; raises ``ValueError``."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"must be a number of bytes such as 512MiB, got {text!r}")
    number, unit = match.groups()
    power = " kmgt".index(unit[0].lower()) if unit else 0
    base = 1000 if unit and unit.lower().endswith("b") and "i" not in unit.lower() else 1024
    return int(float(number) * base**power)
