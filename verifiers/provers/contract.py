"""What a prover is: a claim and an answer in, a checked proof or the reason why not out.

Nothing here knows a language. What every prover owes:

- The claim is elaborated by itself, before and without anything of the answer; the answer's theorem
  must have that meaning, whatever it is made of.
- The process that ran the answer does not judge it.
- Everything assumed (axioms, unfinished proofs, checks that were switched off) is found and named.
- An answer that is wrong, hostile, too slow or too large is *judged*: ``accepted`` false. A prover
  that cannot be run raises ``Missing`` or ``SandboxFault``; a claim that is none, ``BadClaim``.

Not covered: how a claim came to be, and whether it says what was meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pydantic import Field, ValidationError, field_validator

from ...core.settings import Settings
from ...core.types import JSON

__all__ = ["BadClaim", "Capabilities", "Checked", "Claim", "Prover", "Trust", "read_claim"]

Trust = Literal["production", "dev", "messages"]
"""``production``: a kernel with no hole that we know of. ``dev``: one that has such holes, which
crafted terms reach. ``messages``: nothing but what the elaborator says."""
MAX_CHARS = 200_000


class BadClaim(Exception):  # noqa: N818 - becomes a verdict about the data
    """The ground truth is no claim that this prover understands."""


class Claim(Settings):
    """What is to be proved, in the prover's own language."""

    statement: str = Field(min_length=1, max_length=MAX_CHARS)
    """The theorem, without its proof."""
    name: str = ""
    """Its full name; by default the one that the statement gives it."""
    imports: tuple[str, ...] = ()
    """Libraries, as the prover names them."""
    context: str = Field(default="", max_length=MAX_CHARS)
    """Text before the statement: definitions, notations."""
    allow_axioms: tuple[str, ...] | None = None
    """Full names that the proof may rest on; None: those of the source's settings."""

    @field_validator("imports", mode="before")
    @classmethod
    def _one_is_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a prover is, and what it can tell."""

    language: str
    version: str
    trust: Trust
    replays: bool
    """A second program checks the finished proof again."""
    steps: bool
    """It says which step of a proof is wrong."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What is known of one answer."""

    accepted: bool
    code: str
    """``accepted``, or why not: ``error``, ``axiom``, ``unsafe``, ``statement_changed``,
    ``target_missing``, ``policy``, ``checker``, ``time``, ``memory``, ``empty``, ``too_long``."""
    detail: str
    axioms: tuple[str, ...] = ()
    """That it rests on, allowed or not, by their full names."""
    line: int | None = None
    """Of the answer's text (from 1): where the first error is."""
    lemmas: int = 0
    """Theorems besides the one that was asked for."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """CPU seconds by stage."""


class Prover(Protocol):
    """One prover. Thread-safe; started when it is first asked."""

    name: str

    def capabilities(self) -> Capabilities:
        """Raises ``Missing``, saying how to get it."""
        ...

    def look_at(self, claim: Claim) -> None:
        """Raises ``BadClaim`` when it cannot be elaborated; ``Missing``, ``SandboxFault``."""
        ...

    def check(self, claim: Claim, answer: str) -> Checked:
        """Judge an answer (behind the reasoning). Raises as ``look_at``."""
        ...

    def close(self) -> None:
        """End everything. Idempotent."""
        ...


def read_claim(truth: JSON) -> Claim:
    """A ground truth as it is documented, or the statement alone as text. Raises ``BadClaim``."""
    if truth is None:
        raise BadClaim("ground_truth: there is no statement to prove")
    given = {"statement": truth} if isinstance(truth, str) else truth
    if not isinstance(given, dict):
        raise BadClaim(f"ground_truth: must be a mapping or text, got {type(truth).__name__}")
    try:
        return Claim.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, ("ground_truth", *first["loc"])))
        raise BadClaim(f"{place}: {first['msg'].lower()}") from None
