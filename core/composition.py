"""What turns verdicts into one number, as plugins: composers and shapers.

A *composer* makes one value of what the sources gave for a sample; *shapers* then change that
value one after another (length, repetition). Both are pure functions with a settings model;
``rewards/`` holds the built-in ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from .errors import PluginError
from .settings import NoSettings, read_settings
from .source import Scale, config_of
from .types import Sample, Verdict

__all__ = ["Composer", "Draft", "Shaper", "Term", "composer", "shaper"]


@dataclass(frozen=True, slots=True)
class Term:
    """What a composer sees of one source that scored the sample."""

    name: str
    """The source's name or alias in the recipe."""
    value: float
    """Its score after the recipe's ``map``."""
    passed: bool | None
    weight: float
    role: str
    """``reward`` or ``cost``."""
    scale: Scale
    """The scale of the score before ``map``."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a shaper sees: the value so far, and what it was made of."""

    value: float
    passed: bool | None
    sample: Sample
    verdicts: Mapping[str, Verdict]


class Rule:
    """A named pure function with settings: what composers, shapers and tasks have in common."""

    kind = "rule"

    def __init__(self, target: Callable[..., Any], name: str) -> None:
        self.target = target
        self.name = name
        self.config: type[BaseModel] = config_of(target) or NoSettings
        self.module: str = target.__module__
        self.doc = inspect.getdoc(target) or ""
        if self.config is NoSettings and len(inspect.signature(target).parameters) > 1:
            raise PluginError(
                f"{self.kind} {name!r} in {self.module}: its second parameter must be annotated"
                " with a pydantic model"
            )

    def __call__(self, *args: Any) -> Any:
        return self.target(*args)

    def __repr__(self) -> str:
        return f"<{self.kind} {self.name} from {self.module}>"

    def read(self, settings: Mapping[str, Any], where: str) -> BaseModel:
        """The settings as this rule's own model; raises ``ConfigError``."""
        return read_settings(self.config, settings, where)

    def open(self, settings: Mapping[str, Any], where: str) -> Callable[[Any], float]:
        """The function with its settings bound; raises ``ConfigError`` for wrong ones."""
        config = self.read(settings, where)
        if self.config is NoSettings:
            return self.target
        target = self.target
        return lambda given: target(given, config)


class Composer(Rule):
    """``(terms, settings) -> value``: one number from the terms of a sample, in recipe order."""

    kind = "composer"


class Shaper(Rule):
    """``(draft, settings) -> value``: the value changed by what the sample looks like."""

    kind = "shaper"


RuleT = TypeVar("RuleT", Composer, Shaper)


def composer(name: str) -> Callable[[Callable[..., float]], Composer]:
    """Register a function ``(terms: Sequence[Term], settings) -> float`` as a composer."""
    return lambda target: Composer(target, name)


def shaper(name: str) -> Callable[[Callable[..., float]], Shaper]:
    """Register a function ``(draft: Draft, settings) -> float`` as a shaper."""
    return lambda target: Shaper(target, name)


Compose = Callable[[Sequence[Term]], float]
Shape = Callable[[Draft], float]
