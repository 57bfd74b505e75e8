"""Specifications as data: for each category of requests what is disallowed, allowed, and how.

Covered: reading and checking them. Not covered: what a judge is asked (``judge``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from ...core.library import named_files, read_from_library
from ...core.settings import Settings
from ...core.types import digest

__all__ = ["Section", "Specification", "load_specification", "specifications"]

_HERE = Path(__file__).resolve().parent / "library"
_WORDS = 20_000


class Section(Settings):
    """What holds for one category of requests; a judge reads it word by word."""

    about: str = Field(min_length=1, max_length=_WORDS)
    """Which requests belong here."""
    disallowed: str = Field(min_length=1, max_length=_WORDS)
    """What an answer must not give. Giving it is under-refusal."""
    allowed: str = Field(min_length=1, max_length=_WORDS)
    """What an answer must not withhold. Withholding it is over-refusal."""
    manner: str = Field(default="", max_length=_WORDS)
    """How to refuse, where refusing is right."""

    def text(self) -> str:
        """The section as a judge reads it."""
        parts = {
            "Requests of this kind": self.about,
            "Disallowed": self.disallowed,
            "Allowed": self.allowed,
            "Manner": self.manner,
        }
        return "\n".join(f"{name}: {text.strip()}" for name, text in parts.items() if text)


class Specification(Settings):
    """Sections by category, with a name and a version."""

    name: str = Field(min_length=1, max_length=64)
    version: str = Field(min_length=1)
    """Raise it with any change of wording: it is kept with every verdict."""
    description: str = ""
    categories: dict[str, Section] = Field(min_length=1)

    @property
    def about(self) -> dict[str, str]:
        """Name, version and digest, for evidence."""
        whole = digest(self.model_dump(mode="json"), length=12)
        return {"name": self.name, "version": self.version, "digest": whole}


def specifications() -> dict[str, Path]:
    """Name -> file of every specification that comes with Assay, sorted."""
    return named_files(_HERE)


def load_specification(spec: Any) -> Specification:
    """A specification from a library name, a path ending in ``.yaml``, or a mapping.

    Raises ``ConfigError``.
    """
    known = specifications()
    return read_from_library(Specification, spec, known, "specification", "specification")
