"""Principles as data: what to prefer, what to criticise, how to revise.

Source: Bai et al. 2022 (Constitutional AI, arXiv 2212.08073): a constitution is a list of
principles, each with a request for a critique, one for a revision and one for a choice between two
answers. The words of the library are ours.

Covered: reading and checking them, drawing one. Not covered: what a judge is asked (``judge``,
``labelling``, ``revising``).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from ...core.errors import ConfigError, did_you_mean
from ...core.library import named_files, read_from_library
from ...core.settings import Settings
from ...core.types import digest

__all__ = ["Constitution", "Principle", "constitutions", "load_constitution"]

_HERE = Path(__file__).resolve().parent / "library"
_WORDS = 2000


class Principle(Settings):
    """One principle, in words that need no other."""

    name: str = Field(pattern=r"[a-z][a-z0-9_]*")
    prefer: str = Field(min_length=1, max_length=_WORDS)
    """What makes one answer better than another: "the answer that ...", as a clause."""
    critique: str = Field(min_length=1, max_length=_WORDS)
    """What a critic is to look for in one answer."""
    revise: str = Field(min_length=1, max_length=_WORDS)
    """What a revision is to change, and what it is to keep."""
    weight: float = Field(default=1.0, gt=0.0)
    """Its share where all principles are asked; they are scaled to sum to one."""


class Constitution(Settings):
    """A list of principles with a name and a version."""

    name: str = Field(min_length=1, max_length=64)
    version: str = Field(min_length=1)
    """Raise it with any change of wording: it is kept with every verdict."""
    description: str = ""
    principles: tuple[Principle, ...] = Field(min_length=1)

    @field_validator("principles")
    @classmethod
    def _names_differ(cls, principles: tuple[Principle, ...]) -> tuple[Principle, ...]:
        names = [principle.name for principle in principles]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"{twice} are there twice")
        return principles

    @property
    def digest(self) -> str:
        """Of all words and weights."""
        return digest(self.model_dump(mode="json"), length=12)

    @property
    def about(self) -> dict[str, str]:
        """Name, version and digest, for evidence and rows."""
        return {"name": self.name, "version": self.version, "digest": self.digest}

    def only(self, names: Sequence[str]) -> Constitution:
        """The constitution of these principles alone; raises ``ConfigError`` for unknown names."""
        known = {principle.name: principle for principle in self.principles}
        for name in names:
            if name not in known:
                raise ConfigError(f"principles: no principle {name!r}{did_you_mean(name, known)}")
        return self.model_copy(update={"principles": tuple(known[name] for name in names)})

    def shares(self) -> dict[str, float]:
        """Name -> weight, scaled to sum to one."""
        total = sum(principle.weight for principle in self.principles)
        return {principle.name: principle.weight / total for principle in self.principles}

    def drawn(self, key: object, seed: int = 0) -> Principle:
        """One principle, drawn by a digest of ``key``: equal keys draw equal principles."""
        place = int(digest([seed, key, [p.name for p in self.principles]]), 16)
        return self.principles[place % len(self.principles)]

    def order(self, key: object, seed: int = 0) -> list[Principle]:
        """All principles in an order drawn by a digest of ``key``."""
        return sorted(self.principles, key=lambda p: digest([seed, key, p.name]))


def constitutions() -> dict[str, Path]:
    """Name -> file of every constitution that comes with Assay, sorted."""
    return named_files(_HERE)


def load_constitution(spec: Any) -> Constitution:
    """A constitution from a library name, a path ending in ``.yaml``, or a mapping.

    Raises ``ConfigError``.
    """
    return read_from_library(Constitution, spec, constitutions(), "principles", "constitution")
