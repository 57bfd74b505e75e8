"""A rubric as data: categories, their items with weights, and how each item is scored.

Source: Patel 2025 (GRAPE), section 6: for each category a generation prompt, an improvement
prompt, a rubric, a weight for each item (they add up to one) and a scoring flow for each item:
``verifiable`` (one call) or ``critique`` (a critique, then a score). Ours: ``source`` (any
registered source scores the item; the paper's reward model is one), atoms with shares, and
``extensions`` (polarity, veto), which GRAPE does not have.

Not covered: reading files and the library (``library``), asking judges (``judge``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints, field_validator, model_validator

from ...core.errors import did_you_mean
from ...core.recipe import SourceEntry
from ...core.settings import Settings
from ...core.types import digest
from .templates import Prompt

__all__ = ["Atom", "Category", "Extensions", "Item", "ItemPrompts", "Rubric", "Veto"]

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
Shown: TypeAlias = Literal["required", "shown", "hidden"]

_NEARLY = 1e-6
_HOST_ONLY = ("weight", "when", "role", "alias")


class Veto(Settings):
    """Ours, not GRAPE's: an item that, failed, decides the whole reward."""

    below: float = Field(default=0.5, gt=0.0, le=1.0)
    """The veto holds where the item's score, polarity applied, is less than this."""
    pays: float = 0.0
    """The reward is then at most this."""


class Extensions(Settings):
    """What GRAPE does not have, kept apart under this name."""

    polarity: Literal["positive", "negative"] = "positive"
    """``negative``: the description names a fault; the judge scores how far it is there, and the
    item is worth 1 minus that. Never inferred from wording or a sign."""
    veto: Veto | None = None


class Atom(Settings):
    """A condition of an item that can be checked by itself, in one call."""

    name: Name
    share: float = Field(gt=0.0, le=1.0)
    """Of the item's score; shares and ``residual`` add up to one."""
    description: Text
    """The condition, so worded that it is plain when it holds."""
    prompt: str = "check"
    reference: Shown = "shown"


class ItemPrompts(Settings):
    """Names of the prompts of an item; None: ``verify`` or ``score``, and ``critique``."""

    score: str | None = None
    critique: str | None = None


class Item(Settings):
    """One line of a rubric."""

    name: Name
    weight: float = Field(ge=0.0, le=1.0)
    """ω; those of a category add up to one."""
    kind: Literal["verifiable", "critique", "source"]
    description: Text
    """What a good answer does, or for negative polarity the fault."""
    prompts: ItemPrompts = ItemPrompts()
    reference: Shown | None = None
    """Whether the judge sees the ground truth: ``required`` (a sample without one is
    ``bad_reference``), ``shown`` where there is one, ``hidden``. None: required for
    ``verifiable``, hidden for ``critique``."""
    anchors: dict[float, Text] = Field(default_factory=dict)
    """Score in [0, 1] -> what it means for this item."""
    atoms: tuple[Atom, ...] = ()
    residual: float | None = Field(default=None, ge=0.0, lt=1.0)
    """The share of what no atom covers, scored by the item's own flow; 0: nothing is left, and
    that flow is not asked. Needed with atoms."""
    source: SourceEntry | None = None
    """For ``source``: its name (``use``), its settings, and ``view``, ``deadline_s``, ``map``..."""
    extensions: Extensions = Extensions()

    @field_validator("source", mode="before")
    @classmethod
    def _name_is_entry(cls, value: object) -> object:
        return {"use": value} if isinstance(value, str) else value

    @field_validator("anchors")
    @classmethod
    def _anchors_are_scores(cls, anchors: dict[float, str]) -> dict[float, str]:
        wrong = [score for score in anchors if not 0.0 <= score <= 1.0]
        if wrong:
            raise ValueError(f"anchors are scores in [0, 1], got {wrong}")
        return anchors

    @model_validator(mode="after")
    def _is_whole(self) -> Item:
        _check_names(f"atoms of item {self.name!r}", (atom.name for atom in self.atoms))
        if (self.kind == "source") != (self.source is not None):
            raise ValueError(f"item {self.name!r}: kind 'source' and the key source go together")
        if self.source is not None:
            self._check_source(self.source)
        if bool(self.atoms) != (self.residual is not None):
            raise ValueError(f"item {self.name!r}: atoms and residual go together")
        shares = math.fsum([atom.share for atom in self.atoms] + [self.residual or 0.0])
        if self.atoms and abs(shares - 1.0) > _NEARLY:
            raise ValueError(
                f"item {self.name!r}: shares of atoms and the residual must add up to one,"
                f" got {shares:.6g}"
            )
        return self

    def _check_source(self, source: SourceEntry) -> None:
        if self.atoms or self.prompts != ItemPrompts() or self.reference or self.anchors:
            raise ValueError(
                f"item {self.name!r}: a source scores it, so it takes no atoms, prompts, reference"
                " or anchors"
            )
        taken = [key for key in _HOST_ONLY if key in source.model_fields_set]
        if taken:
            raise ValueError(
                f"item {self.name!r}: source takes no {taken}: the rubric weighs and routes"
            )

    @property
    def shows_reference(self) -> Shown:
        """``reference`` with its default filled in."""
        return self.reference or ("required" if self.kind == "verifiable" else "hidden")

    @property
    def needs_reference(self) -> bool:
        """Whether the item cannot be judged without a ground truth."""
        own = self.kind != "source" and self.asks_itself and self.shows_reference == "required"
        return own or any(atom.reference == "required" for atom in self.atoms)

    @property
    def score_prompt(self) -> str:
        """The name of the prompt that scores the item."""
        return self.prompts.score or ("verify" if self.kind == "verifiable" else "score")

    @property
    def critique_prompt(self) -> str:
        """The name of the prompt for the critique before it."""
        return self.prompts.critique or "critique"

    @property
    def asks_itself(self) -> bool:
        """Whether the item's own flow is asked (not when atoms cover all of it)."""
        return self.residual is None or self.residual > 0.0

    def prompt_uses(self) -> Iterable[tuple[str, str]]:
        """(name, purpose) of every prompt the item needs."""
        for atom in self.atoms:
            yield atom.prompt, "score"
        if self.kind != "source" and self.asks_itself:
            yield self.score_prompt, "score"
            if self.kind == "critique":
                yield self.critique_prompt, "critique"


class Category(Settings):
    """What good means for one kind of question."""

    description: Text
    generate: Text | None = None
    """System prompt to answer with (GRAPE's artefact 1)."""
    improve: Text | None = None
    """System prompt to improve an earlier answer with, given its critique (artefact 2)."""
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _weights_add_up(self) -> Category:
        if not 1 <= len(self.items) <= 64:
            raise ValueError(f"a category has 1 to 64 items, got {len(self.items)}")
        _check_names("items", (item.name for item in self.items))
        total = math.fsum(item.weight for item in self.items)
        if abs(total - 1.0) > _NEARLY:
            weights = ", ".join(f"{item.name} {item.weight:g}" for item in self.items)
            raise ValueError(
                f"weights of a category must add up to one, got {total:.6g} ({weights});"
                " divide them by their sum"
            )
        return self

    @property
    def weights(self) -> list[float]:
        """ω, in the order of the items."""
        return [item.weight for item in self.items]


class Rubric(Settings):
    """Categories and the prompts they use."""

    name: Name
    version: str = Field(min_length=1)
    """Raise it with any change: it is kept with every verdict, beside the digest."""
    description: Text
    prompts: dict[str, Prompt] = Field(default_factory=dict)
    """Prompts of this rubric's own, besides the library's; same names take their place."""
    categories: dict[Name, Category] = Field(min_length=1)

    @model_validator(mode="after")
    def _prompts_are_there(self) -> Rubric:
        for name, category in self.categories.items():
            for item in category.items:
                for prompt, purpose in item.prompt_uses():
                    self._check_prompt(f"{name}.{item.name}", prompt, purpose)
        return self

    def _check_prompt(self, where: str, name: str, purpose: str) -> None:
        if name not in self.prompts:
            raise ValueError(f"{where}: no prompt {name!r}{did_you_mean(name, self.prompts)}")
        if self.prompts[name].purpose != purpose:
            raise ValueError(
                f"{where}: prompt {name!r} is for a {self.prompts[name].purpose},"
                f" and a {purpose} is wanted"
            )

    @property
    def digest(self) -> str:
        """Equal exactly when the rubric and its prompts are."""
        return digest(self.model_dump(mode="json"))


def _check_names(what: str, names: Iterable[str]) -> None:
    seen = set[str]()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: the name {name!r} is there twice")
        seen.add(name)
